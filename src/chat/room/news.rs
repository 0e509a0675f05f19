//! The sentences that announce changes.
//!
//! *Owns* their wording, for viewers and for the user concerned. *Knows nothing of* who reads them, or on which screen.

use std::time::Duration;

use super::RoomState;
use super::change::{Change, ChangeKind};
use crate::chat::action::{ReadBack, Setting};
use crate::chat::duration::{in_words, remaining};
use crate::chat::message::ClientId;
use crate::chat::moderation::KICK_LASTS;
use crate::chat::names::{RoomName, UserName};
use crate::chat::room_settings::{RoomAccess, RoomSettings};

/// A sentence with its reason, if there is one: `bob was kicked by alice (spam)`.
fn because(sentence: String, reason: &str) -> String {
    if reason.is_empty() { sentence } else { format!("{sentence} ({reason})") }
}

fn length(lasts: Option<Duration>) -> String {
    lasts.map(|lasts| format!(" for {}", in_words(lasts))).unwrap_or_default()
}

pub(super) fn kicked(name: &UserName, by: &UserName, reason: &str) -> String {
    because(format!("{name} was kicked by {by}"), reason)
}

pub(super) fn banned(name: &UserName, by: &UserName, lasts: Option<Duration>, reason: &str) -> String {
    because(format!("{name} was banned by {by}{}", length(lasts)), reason)
}

pub(super) fn muted(name: &UserName, by: &UserName, lasts: Option<Duration>) -> String {
    format!("{name} was muted by {by}{}", length(lasts))
}

impl Change {
    /// The sentence for the user affected by a change, if they do not view the room, and their connection.
    pub(crate) fn notice(&self, room: &RoomName) -> Option<(ClientId, String)> {
        Some(match &self.kind {
            ChangeKind::Kicked { who, by, reason } => {
                let line = because(format!("You were kicked from {room} by {}", by.name), reason);
                (who.client, format!("{line}. You may come back in {}.", in_words(KICK_LASTS)))
            }
            ChangeKind::Banned { ban, by } => {
                let line = format!("You were banned from {room} by {}{}", by.name, length(ban.left(self.at)));
                (ban.who.as_ref()?.client, because(line, &ban.reason) + ".")
            }
            ChangeKind::Muted { who, until, by } => {
                let length = length(until.map(|until| remaining(self.at, until)));
                let by = &by.name;
                (who.client, format!("You were muted in {room} by {by}{length}: you can read, but not write."))
            }
            ChangeKind::Unmuted { who, .. } => (who.as_ref()?.client, format!("You may write in {room} again.")),
            ChangeKind::Promoted { who, by } => (who.client, format!("{} made you admin of {room}.", by.name)),
            ChangeKind::Demoted { who, by } => {
                (who.client, format!("{} made you an ordinary member of {room}.", by.name))
            }
            ChangeKind::Inherited(heir) => (heir.client, format!("You are now admin of {room}.")),
            ChangeKind::Said(_)
            | ChangeKind::Edited { .. }
            | ChangeKind::ArchivedEdited { .. }
            | ChangeKind::Deleted { .. }
            | ChangeKind::ArchivedDeleted { .. }
            | ChangeKind::Expired(_)
            | ChangeKind::Forgotten(_)
            | ChangeKind::Entered { .. }
            | ChangeKind::Reentered { .. }
            | ChangeKind::Left { .. }
            | ChangeKind::TakenOver { .. }
            | ChangeKind::Identified { .. }
            | ChangeKind::GraceEnded
            | ChangeKind::AccountForgotten(_)
            | ChangeKind::Invited { .. }
            | ChangeKind::Unbanned { .. }
            | ChangeKind::Set { .. }
            | ChangeKind::Configured(_)
            | ChangeKind::HistoryResized(_)
            | ChangeKind::PasswordHashed(_)
            | ChangeKind::StorageEnded
            | ChangeKind::Closed
            | ChangeKind::Cleared => return None,
        })
    }
}

/// The news of a room that was destroyed.
pub(crate) fn destroyed(room: &RoomName, by: &UserName) -> String {
    format!("{room} was closed by {by}")
}

/// The news of a changed setting, which depends on what the room had before.
pub(super) fn set(setting: &Setting, by: &UserName, before: &RoomSettings, room: &RoomState) -> String {
    let settings = &room.settings;
    match setting {
        Setting::Description(text) if text.is_empty() => format!("{by} removed the description"),
        Setting::Description(text) => format!("{by} set the description: {text}"),
        Setting::Limit(Some(limit)) => format!("{by} set the limit to {limit}"),
        Setting::Limit(None) => format!("{by} removed the limit"),
        Setting::Password(_) | Setting::PasswordHash(_) => match settings.entry {
            RoomAccess::Password(_) | RoomAccess::Hashed(_) => format!("{by} set a password"),
            RoomAccess::Open => format!("{by} removed the password"),
            RoomAccess::Closed => format!("{by} removed the password; the room is now invite-only"),
        },
        Setting::Public(true) => format!("{by} made the room public"),
        Setting::Public(false) => match settings.entry {
            RoomAccess::Closed => format!("{by} hid the room; it is now invite-only"),
            RoomAccess::Open | RoomAccess::Password(_) | RoomAccess::Hashed(_) => format!("{by} hid the room"),
        },
        // The password is mentioned because `invite off` does not bring it back.
        Setting::Invite(true) if before.entry.has_password() => {
            format!("{by} removed the password; the room is now invite-only")
        }
        Setting::Invite(true) => format!("{by} made the room invite-only"),
        Setting::Invite(false) => format!("{by} opened the room to everybody"),
        Setting::Slow(wait) if wait.is_zero() => format!("{by} turned off slow mode"),
        Setting::Slow(wait) => format!("{by} turned on slow mode: {} between messages", in_words(*wait)),
        Setting::History(read_back) => {
            let from = match read_back {
                ReadBack::All => "everybody can read back to the beginning",
                ReadBack::Joined => "everybody can read back to when they first joined or were invited",
                ReadBack::Nothing => "everybody can read back to when they last came in",
            };
            format!("{by} set the history to {}: {from}", read_back.word())
        }
        Setting::Keep(true) => format!("{by} keeps the room: it stays when it is empty, and across restarts"),
        Setting::Keep(false) => format!("{by} no longer keeps the room: it closes when it is empty"),
    }
}
