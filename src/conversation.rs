//! Where somebody talks: in a room, or with one other person.
//!
//! *Owns* how a conversation is shown in prompts, and when two mean the same one.
//! *Knows nothing of* rooms and people beyond their names.
//! *Called by* `palette`, `screen`, `outbox` and `session`.

use std::fmt;

use crate::message::Addressee;
use crate::names::RoomName;

/// A place to talk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conversation {
    /// A room.
    Room(RoomName),
    /// One other person.
    Direct(Addressee),
}

impl Conversation {
    /// Whether both are the same place, by whatever name the other person goes now.
    pub fn is(&self, other: &Conversation) -> bool {
        match (self, other) {
            (Conversation::Room(one), Conversation::Room(other)) => one == other,
            (Conversation::Direct(one), Conversation::Direct(other)) => one.client == other.client,
            _ => false,
        }
    }

    /// The parts of what is shown of it: `general`, `@bob`.
    pub fn shown(&self) -> [&str; 2] {
        match self {
            Conversation::Room(room) => ["", room.as_str()],
            Conversation::Direct(person) => ["@", person.name.as_str()],
        }
    }

    /// The room, if it is one.
    pub fn room(&self) -> Option<&RoomName> {
        match self {
            Conversation::Room(room) => Some(room),
            Conversation::Direct(_) => None,
        }
    }
}

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown().iter().try_for_each(|part| f.write_str(part))
    }
}
