//! Where a user talks: in a room, or with one other user.
//!
//! *Owns* which room is meant, how a conversation is shown in prompts, and when two mean the same one.
//! *Knows nothing of* rooms and users beyond their names.

use std::fmt;
use std::sync::Arc;

use crate::chat::message::Addressee;
use crate::chat::names::RoomName;

/// One room, among all that have had its name one after the other.
///
/// A room can be destroyed, and another one made under its name, before a member of the first hears of it. By its name alone
/// the two could not be told apart, so everything that remembers a room remembers this.
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

/// One stay of one connection in a room. A user who was removed and came back has another one.
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
    /// Whether both are the same conversation, whatever name the other user has now.
    pub(crate) fn is(&self, other: &Conversation) -> bool {
        match (self, other) {
            (Conversation::Room(one), Conversation::Room(other)) => one.instance == other.instance,
            (Conversation::Direct(one), Conversation::Direct(other)) => one.client == other.client,
            _ => false,
        }
    }

    /// The parts of its name: `general`, `@bob`.
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
