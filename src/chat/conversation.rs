//! Where a user talks: in a room, or with one other user.
//!
//! *Owns* the identity of rooms, how a conversation is shown in prompts, and when two values mean the same one. *Knows
//! nothing of* rooms and users beyond their names.

use std::fmt;
use std::sync::Arc;

use crate::chat::message::Addressee;
use crate::chat::names::RoomName;

/// One room, distinct from earlier and later rooms of the same name.
///
/// A room can be destroyed and another one created under its name before a member of the first notices. The name alone
/// could not tell the two apart, so everything that remembers a room remembers this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomId {
    /// Its name.
    pub name: RoomName,
    /// Counts up over all rooms since the start of the server.
    pub(crate) instance: u64,
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// One stay of one connection in a room. A user who was removed and came back has a new one.
///
/// Counts up over all memberships of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembershipId(pub u64);

/// A room, or a direct chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conversation {
    /// A room.
    Room(Arc<RoomId>),
    /// One other user.
    Direct(Addressee),
}

impl Conversation {
    /// Whether both are the same conversation, even if the other user has changed their name.
    pub(crate) fn is(&self, other: &Conversation) -> bool {
        match (self, other) {
            (Conversation::Room(one), Conversation::Room(other)) => one.instance == other.instance,
            (Conversation::Direct(one), Conversation::Direct(other)) => one.client == other.client,
            _ => false,
        }
    }

    /// Its name in two parts: the mark, if any, and the rest, as in `general` and `@bob`.
    pub(crate) fn shown(&self) -> [&str; 2] {
        match self {
            Conversation::Room(room) => ["", room.name.as_str()],
            Conversation::Direct(person) => ["@", person.name.as_str()],
        }
    }

    /// The room, if it is one.
    pub(crate) fn room(&self) -> Option<&Arc<RoomId>> {
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
