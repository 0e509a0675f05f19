//! What comes back from the logs, and how a node catches up where a log does not reach.
//!
//! *Owns* entries, and the state of a place or of the directory as Redis keeps it.
//! *Knows nothing of* how they are read, and of what the texts say.

use jiff::Timestamp;

use super::values::{Epoch, Log, NodeName, Place, Position};
use crate::chat::message::{AccountId, ClientId};
use crate::chat::names::RoomName;

/// One entry of a log. All nodes apply the entries of a log in its order, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which log.
    pub log: Log,
    /// Its place there. The number alone grows over the whole life of the log, so it tells what a place has seen already.
    pub position: Position,
    /// When, by Redis' clock.
    pub at: Timestamp,
    /// The node whose command it was.
    pub node: NodeName,
    /// Which registration of it.
    pub epoch: Epoch,
    /// It is this node's own command.
    pub own: bool,
    /// What happened.
    pub what: Happened,
}

/// What an entry tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// Something in one place.
    Committed {
        /// Where.
        place: Place,
        /// The place's version from now on.
        version: u64,
        /// The number of the first message that was said.
        id: Option<u64>,
        /// How many were, with the numbers that follow.
        said: u64,
        /// As in the command.
        text: Box<str>,
    },
    /// A user has a name.
    Claimed {
        /// The name, as typed.
        name: Box<str>,
        /// Their connection.
        client: ClientId,
        /// The name they had before.
        before: Option<Box<str>>,
        /// As in the command.
        details: Box<str>,
    },
    /// A user gave their name up.
    Released {
        /// The name.
        name: Box<str>,
        /// Their connection.
        client: ClientId,
    },
    /// A line for all nodes.
    Noted(Box<str>),
    /// An account was changed, by a node or by `chatsock user`.
    AccountChanged {
        /// What about it.
        change: AccountChange,
        /// Which.
        account: AccountId,
        /// Its name, folded.
        name: Box<str>,
        /// The connection that asked for it, which knows; `0` if it was none.
        by: ClientId,
    },
    /// A node is gone with everybody on it: its lease is over, or it said goodbye. Each log has an entry of its own: in a
    /// partition's, its users leave the partition's rooms; in the directory's, they are offline.
    NodeGone {
        /// The node.
        node: NodeName,
        /// Which registration. A later one of the same node is not meant.
        epoch: Epoch,
    },
}

/// What about an account was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// It is new.
    Made,
    /// It has another password.
    Password,
    /// It has other settings.
    Settings,
    /// It is gone.
    Removed,
}

impl AccountChange {
    /// Reads the word for it.
    pub(crate) fn parse(word: &str) -> Option<AccountChange> {
        Some(match word {
            "made" => AccountChange::Made,
            "password" => AccountChange::Password,
            "settings" => AccountChange::Settings,
            "removed" => AccountChange::Removed,
            _ => return None,
        })
    }
}

/// A room as Redis keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomSnapshot {
    /// Which.
    pub room: RoomName,
    /// Its version.
    pub version: u64,
    /// The number of the last entry that is in it.
    pub sequence: u64,
    /// How many messages were ever said.
    pub said: u64,
    /// What decides who may do what.
    pub core: Box<str>,
    /// Each with their node.
    pub members: Vec<MemberSnapshot>,
    /// The last messages with their numbers, oldest first.
    pub messages: Vec<(u64, Box<str>)>,
}

/// A member of a room as Redis keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberSnapshot {
    /// Their connection.
    pub client: ClientId,
    /// Their node.
    pub node: NodeName,
    /// Which registration of it.
    pub epoch: Epoch,
    /// Their record.
    pub text: Box<str>,
}

/// A user who is online, as Redis keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameSnapshot {
    /// The name.
    pub name: Box<str>,
    /// Their connection.
    pub client: ClientId,
    /// Their node.
    pub node: NodeName,
    /// Which registration of it.
    pub epoch: Epoch,
    /// As in the claim.
    pub details: Box<str>,
}

/// The state of one log as Redis keeps it. What is not in it does not exist any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogState {
    /// The directory: everybody online, and what notes have left under their keys.
    Directory {
        /// Everybody online.
        names: Vec<NameSnapshot>,
        /// Key and value.
        kept: Vec<(Box<str>, Box<str>)>,
    },
    /// All rooms of a partition.
    Partition(Vec<RoomSnapshot>),
}

/// What users have to know of what Redis has lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Where.
    pub place: Place,
    /// How many messages that users here may have seen are gone.
    pub count: u64,
    /// Redis has lost everything that it had of this place, not only the last of it.
    pub whole: bool,
}
