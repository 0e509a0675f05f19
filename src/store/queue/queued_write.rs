//! The writes that can be queued.
//!
//! *Owns* their cost in memory, which of them erase text, and which replace which.
//! *Knows nothing of* how they are carried out.

use std::fmt;
use std::sync::Arc;

use rusqlite::Connection;

use crate::access::network::Network;
use crate::chat::message::{AccountId, MessageId};
use crate::chat::names::RoomName;
use crate::store::error::StoreError;
use crate::store::records::{AuditEntry, MessageRecord, OpenRoomRecord};

/// Cost of a write beside its text, in bytes.
pub(crate) const OVERHEAD: usize = 128;

/// A write that no caller waits for.
#[derive(Debug)]
pub(crate) enum BackgroundWrite {
    Message(RoomName, MessageRecord),
    /// A message has another text.
    Edit(RoomName, MessageId, Arc<str>),
    /// A message was deleted.
    Deletion(RoomName, MessageId),
    /// Offline messages were shown to their recipient with these texts and can be erased. A message whose text has changed since
    /// was edited meanwhile and stays.
    OfflineMessagesShown(AccountId, Box<[(MessageId, Box<str>)]>),
    /// A room was deleted, and the confirmed write for it was refused.
    RoomDeletion(RoomName),
    /// Another confirmed write was refused, but the state that it stores is in force all the same.
    Deferred(Deferred),
    /// A user has read up to this message.
    Visit(AccountId, RoomName, MessageId),
    /// The rooms an account is in, the current one last.
    OpenRooms(AccountId, Box<[OpenRoomRecord]>),
    /// An account became a member of a room after this message; true for a user-made room.
    Membership(AccountId, RoomName, MessageId, bool),
    /// An entry of the audit log.
    Audit(AuditEntry),
}

/// What a deferred write concerns. Of several about the same thing, the last one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// A room's current state.
    Room(RoomName),
    /// The ban of a network.
    Network(Network),
    /// A user's settings.
    Settings(AccountId),
}

/// Statements to run within a transaction.
pub(crate) type Statements = dyn Fn(&Connection) -> rusqlite::Result<()> + Send;

/// A write that the disk refused, although the state that it stores is in force: it is retried until it succeeds.
pub(crate) struct Deferred {
    pub(crate) about: About,
    /// Cost in memory, as far as it is worth counting.
    pub(crate) weight: usize,
    pub(crate) what: Box<Statements>,
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred").field("about", &self.about).finish_non_exhaustive()
    }
}

impl BackgroundWrite {
    pub(crate) fn weight(&self) -> usize {
        OVERHEAD
            + match self {
                BackgroundWrite::Message(_, message) => {
                    message.text.len() + message.reply.as_ref().map_or(0, |_| OVERHEAD)
                }
                BackgroundWrite::Edit(_, _, text) => text.len(),
                BackgroundWrite::OfflineMessagesShown(_, directs) => {
                    directs.iter().map(|(_, text)| 32 + text.len()).sum()
                }
                BackgroundWrite::Deferred(deferred) => deferred.weight,
                BackgroundWrite::Deletion(..)
                | BackgroundWrite::RoomDeletion(_)
                | BackgroundWrite::Visit(..)
                | BackgroundWrite::Membership(..) => 0,
                BackgroundWrite::OpenRooms(_, rooms) => rooms.iter().map(|room| OVERHEAD + room.door.len()).sum(),
                BackgroundWrite::Audit(entry) => entry.what.len(),
            }
    }

    /// Whether it removes text that must not stay on disk.
    pub(crate) fn erases(&self) -> bool {
        match self {
            BackgroundWrite::Edit(..)
            | BackgroundWrite::Deletion(..)
            | BackgroundWrite::OfflineMessagesShown(..)
            | BackgroundWrite::RoomDeletion(_)
            | BackgroundWrite::Deferred(_) => true,
            BackgroundWrite::Message(..)
            | BackgroundWrite::Visit(..)
            | BackgroundWrite::OpenRooms(..)
            | BackgroundWrite::Membership(..)
            | BackgroundWrite::Audit(_) => false,
        }
    }
}

/// A write that a caller waits for.
pub(crate) trait AwaitedWrite: Send {
    /// Runs the statements within a transaction, unless the caller has given up. Runs again if the transaction was rolled
    /// back.
    fn execute(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Called just before the commit. False if the statements ran but the caller has given up: then they must not be
    /// committed.
    fn claim(&self) -> bool;
    /// Whether it removes text that must not stay on disk.
    fn erases(&self) -> bool;
    /// Reports to the caller whether the transaction was committed.
    fn complete(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// An entry of the queue.
pub(crate) enum QueuedWrite {
    /// No caller waits.
    Background(BackgroundWrite),
    /// A caller waits.
    Awaited(Box<dyn AwaitedWrite>),
    /// A caller waits until everything before it is written and erased text is gone from the files.
    Flush(Box<dyn AwaitedWrite>),
}

impl QueuedWrite {
    pub(crate) fn weight(&self) -> usize {
        match self {
            QueuedWrite::Background(write) => write.weight(),
            // Bounded by the number of threads, since each waits for its own write.
            QueuedWrite::Awaited(_) | QueuedWrite::Flush(_) => 0,
        }
    }

    pub(crate) fn is_awaited(&self) -> bool {
        !matches!(self, QueuedWrite::Background(_))
    }
}
