//! What nodes read back from the logs, and the stored state that they load when a log does not go back far enough.
//!
//! *Owns* entries, and the state of a place or of the directory as stored in Redis.
//! *Knows nothing of* how they are read, or of what the texts say.

use jiff::Timestamp;

use super::values::{Epoch, Log, NodeName, Place, Position};
use crate::chat::message::{AccountId, ClientId};
use crate::chat::names::RoomName;

/// One entry of a log. All nodes apply a log's entries in order, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which log.
    pub log: Log,
    /// Its position in the log. The number alone grows over the log's whole life, so it tells which entries a place has
    /// already applied.
    pub position: Position,
    /// When it was written, by Redis' clock.
    pub at: Timestamp,
    /// The node that sent the command.
    pub node: NodeName,
    /// That node's registration.
    pub epoch: Epoch,
    /// True for this node's own commands.
    pub own: bool,
    /// What happened.
    pub what: Happened,
}

/// What an entry reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A change to one place.
    Committed {
        /// Where.
        place: Place,
        /// The place's version after it.
        version: u64,
        /// The number of the first message posted in it.
        id: Option<u64>,
        /// How many messages were posted; their numbers are consecutive.
        said: u64,
        /// As in the command.
        text: Box<str>,
    },
    /// A user took a name.
    Claimed {
        /// The name, as typed.
        name: Box<str>,
        /// Their connection.
        client: ClientId,
        /// Their previous name.
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
        /// What changed.
        change: AccountChange,
        /// Which account.
        account: AccountId,
        /// Its name, folded.
        name: Box<str>,
        /// The connection that asked for it and needs no notice; `0` if there was none.
        by: ClientId,
    },
    /// A node has gone with all its users: its lease is over, or it said goodbye. Each log has its own entry. In a
    /// partition, the users leave the partition's rooms; in the directory, they go offline.
    NodeGone {
        /// The node.
        node: NodeName,
        /// Which registration. Later registrations of the same node are not affected.
        epoch: Epoch,
    },
}

/// How an account was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// It was created.
    Made,
    /// Its password was changed.
    Password,
    /// Its settings were changed.
    Settings,
    /// It was removed.
    Removed,
}

impl AccountChange {
    /// Parses the word for it.
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

/// A room as stored in Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomSnapshot {
    /// Its name.
    pub room: RoomName,
    /// Its version.
    pub version: u64,
    /// The number of the last entry applied to it.
    pub sequence: u64,
    /// How many messages were ever posted in it.
    pub said: u64,
    /// Everything that others' decisions depend on: settings, admins, bans and so on.
    pub core: Box<str>,
    /// The members, each with their node.
    pub members: Vec<MemberSnapshot>,
    /// The last messages with their numbers, oldest first.
    pub messages: Vec<(u64, Box<str>)>,
    /// The newest message that a node has restored after Redis lost it; `0`: none.
    pub restored_to: u64,
    /// The entry that restored it and those before it.
    pub restored_by: u64,
}

/// A member of a room as stored in Redis.
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

/// An online user as stored in Redis.
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

/// The complete state of one log, as stored in Redis. Anything not in it no longer exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogState {
    /// The directory: all online users, and the values stored by notes.
    Directory {
        /// Everybody online.
        names: Vec<NameSnapshot>,
        /// Key and value.
        kept: Vec<(Box<str>, Box<str>)>,
    },
    /// All rooms of a partition.
    Partition(Vec<RoomSnapshot>),
}

/// Tells users what Redis has lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Where.
    pub place: Place,
    /// How many lost messages users here may have seen.
    pub count: u64,
    /// Redis has lost the whole place, not only its latest entries.
    pub whole: bool,
}
