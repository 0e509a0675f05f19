//! The parts of a change: users, messages, bans and settings.
//!
//! *Owns* the order of their fields.
//! *Knows nothing of* how a single value is written.

use super::reader::{FieldReader, ParseChangeError};
use super::values::Field;
use super::writer::FieldWriter;
use crate::chat::action::Setting;
use crate::chat::identity::Identity;
use crate::chat::message::{Addressee, Extra, Message, Quoted};
use crate::chat::moderation::Ban;
use crate::chat::room_settings::{RoomAccess, RoomSettings};

/// Structs, whose fields are written in the order in which they are named.
macro_rules! structs {
    ($($name:ident { $($field:ident),* })*) => {
        $(impl Field for $name {
            fn write(&self, line: &mut FieldWriter) {
                let $name { $($field),* } = self;
                $($field.write(line);)*
            }

            fn read(line: &mut FieldReader<'_>) -> Result<$name, ParseChangeError> {
                $(let $field = Field::read(line)?;)*
                Ok($name { $($field),* })
            }
        })*
    };
}

structs! {
    Identity { client, name, address, shared, account }
    Addressee { client, name }
    Quoted { id, author, start }
    Message { id, at, author, from, account, text, extra }
    Extra { action, edited, lasts, reply, answers, to }
    Ban { name, who, address, by, reason, until }
    RoomSettings { public, description, limit, entry }
}

impl Field for RoomAccess {
    fn write(&self, line: &mut FieldWriter) {
        match self {
            RoomAccess::Open => line.word("open"),
            RoomAccess::Password(secret) => {
                line.word("password");
                secret.write(line);
            }
            RoomAccess::Hashed(hash) => {
                line.word("hashed");
                hash.write(line);
            }
            RoomAccess::Closed => line.word("closed"),
        }
    }

    fn read(line: &mut FieldReader<'_>) -> Result<RoomAccess, ParseChangeError> {
        Ok(match line.word()? {
            "open" => RoomAccess::Open,
            "password" => RoomAccess::Password(Field::read(line)?),
            "hashed" => RoomAccess::Hashed(Field::read(line)?),
            "closed" => RoomAccess::Closed,
            _ => return Err(line.expected("who gets in")),
        })
    }
}

impl Field for Setting {
    fn write(&self, line: &mut FieldWriter) {
        line.word(self.key());
        match self {
            Setting::Description(text) => text.write(line),
            Setting::Limit(limit) => limit.write(line),
            Setting::Password(password) => password.write(line),
            Setting::PasswordHash(hash) => hash.write(line),
            Setting::Public(on) | Setting::Invite(on) | Setting::Keep(on) => on.write(line),
            Setting::Slow(wait) => wait.write(line),
            Setting::History(read_back) => read_back.write(line),
        }
    }

    fn read(line: &mut FieldReader<'_>) -> Result<Setting, ParseChangeError> {
        Ok(match line.word()? {
            "description" => Setting::Description(Field::read(line)?),
            "limit" => Setting::Limit(Field::read(line)?),
            "password" => Setting::Password(Field::read(line)?),
            "password-hash" => Setting::PasswordHash(Field::read(line)?),
            "public" => Setting::Public(Field::read(line)?),
            "invite" => Setting::Invite(Field::read(line)?),
            "slow" => Setting::Slow(Field::read(line)?),
            "history" => Setting::History(Field::read(line)?),
            "keep" => Setting::Keep(Field::read(line)?),
            _ => return Err(line.expected("a setting")),
        })
    }
}
