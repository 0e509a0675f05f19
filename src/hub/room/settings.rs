//! How a room is set up by those who keep order in it.
//!
//! *Owns* what each setting changes, what follows from it for the door, and the sentence that tells of it.
//! *Knows nothing of* who may change it.
//! *Called by* `room::moderation`, under the room's lock.

use super::{Room, State};
use crate::chat::action::{Denied, ReadBack, Setting};
use crate::chat::duration;
use crate::chat::names::UserName;
use crate::chat::room_settings::RoomAccess;

impl State {
    /// Changes one setting; the sentence that tells of it.
    pub(super) fn set(&mut self, setting: Setting, by: &UserName, room: &Room) -> Result<String, Denied> {
        let config = &mut self.config;
        let same = match &setting {
            Setting::Description(text) => config.description == *text,
            Setting::Limit(limit) => config.limit == *limit,
            Setting::Password(password) => password.is_none() && !config.entry.has_password(),
            Setting::Public(public) => config.public == *public,
            Setting::Invite(invite) => *invite && config.entry == RoomAccess::Closed,
            Setting::Slow(wait) => self.slow == *wait,
            Setting::History(read_back) => self.read_back == *read_back,
            Setting::Keep(keep) => self.made.is_some() && self.kept == *keep && room.shared.store.is_some(),
        };
        if same {
            return Err(Denied::AsItIs("That is how it is already; :set shows it.".to_owned()));
        }
        if matches!(setting, Setting::Password(_) | Setting::Public(_) | Setting::Invite(_)) {
            self.door.change();
        }
        Ok(match setting {
            Setting::Description(text) => {
                config.description = text;
                match config.description.as_str() {
                    "" => format!("{by} took the description away"),
                    text => format!("{by} set the description: {text}"),
                }
            }
            Setting::Limit(limit) => {
                config.limit = limit;
                match limit {
                    Some(limit) => format!("{by} set the limit to {limit}"),
                    None => format!("{by} took the limit away"),
                }
            }
            Setting::Password(password) => {
                config.entry = match password {
                    Some(secret) => RoomAccess::Password(secret),
                    None if config.public => RoomAccess::Open,
                    None => RoomAccess::Closed,
                };
                match config.entry {
                    RoomAccess::Password(_) | RoomAccess::Hashed(_) => format!("{by} set a password"),
                    RoomAccess::Open => format!("{by} took the password away"),
                    RoomAccess::Closed => format!("{by} took the password away: only who is invited comes in"),
                }
            }
            Setting::Public(public) => {
                config.public = public;
                if !public && config.entry == RoomAccess::Open {
                    config.entry = RoomAccess::Closed;
                }
                match (public, &config.entry) {
                    (true, _) => format!("{by} made the room public"),
                    (false, RoomAccess::Closed) => format!("{by} hid the room: only who is invited comes in"),
                    (false, _) => format!("{by} hid the room"),
                }
            }
            Setting::Invite(true) => match std::mem::replace(&mut config.entry, RoomAccess::Closed) {
                // Said, because it does not come back with `invite off`.
                RoomAccess::Password(_) | RoomAccess::Hashed(_) => {
                    format!("{by} took the password away: only who is invited comes in")
                }
                RoomAccess::Open | RoomAccess::Closed => format!("{by} closed the room: only who is invited comes in"),
            },
            Setting::Invite(false) if config.entry != RoomAccess::Closed => {
                return Err(Denied::AsItIs(format!("{} asks for no invitation.", room.name)));
            }
            Setting::Invite(false) if !config.public => {
                let name = &room.name;
                return Err(Denied::AsItIs(format!(
                    "{name} is hidden and has no password, so only invited people come in: set a password, or public on."
                )));
            }
            Setting::Invite(false) => {
                config.entry = RoomAccess::Open;
                format!("{by} opened the room to everybody")
            }
            Setting::Slow(wait) => {
                self.slow = wait;
                match wait.is_zero() {
                    true => format!("{by} ended the slow mode"),
                    false => format!("{by} made the room slow: one message in {}", duration::told(wait)),
                }
            }
            Setting::History(read_back) => {
                self.read_back = read_back;
                self.bound_views();
                let from = match read_back {
                    ReadBack::All => "everybody reads back to the beginning",
                    ReadBack::Joined => "everybody reads back to when they joined or were invited",
                    ReadBack::Nothing => "everybody reads back to when they came in",
                };
                format!("{by} set the history to {}: {from}", read_back.word())
            }
            Setting::Keep(_) if room.shared.store.is_none() => {
                let nowhere = "This server keeps nothing on disk, so it cannot keep rooms.";
                return Err(Denied::AsItIs(nowhere.to_owned()));
            }
            Setting::Keep(_) if self.made.is_none() => {
                return Err(Denied::AsItIs(format!(
                    "{} is one of the server's own rooms and is kept anyway.",
                    room.name
                )));
            }
            Setting::Keep(keep) => {
                self.kept = keep;
                if keep {
                    room.record_all(self);
                    room.record_members(self);
                    format!("{by} keeps the room: it stays when nobody is in it, and over restarts")
                } else {
                    let members = &self.members;
                    self.order.demote_absent(|who| members.values().any(|member| who.entitles(&member.who)));
                    format!("{by} does not keep the room any more: it closes when nobody is in it")
                }
            }
        })
    }
}
