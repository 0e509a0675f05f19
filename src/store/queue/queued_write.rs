//! What can wait to be written.
//!
//! *Owns* what each costs in memory, which of it takes words away, and which replaces which.
//! *Knows nothing of* how it is written. *Called by* `queue` and `batch`, and by the methods that put something in.

use std::fmt;
use std::sync::Arc;

use rusqlite::Connection;

use crate::access::network::Network;
use crate::chat::identity::AccountId;
use crate::chat::message::MessageId;
use crate::chat::names::RoomName;
use crate::store::error::StoreFailure;
use crate::store::records::{AuditEntry, MessageRecord, OpenRoomRecord};

/// What an entry costs beside its words.
pub const OVERHEAD: usize = 128;

/// Something to write that nobody waits for.
#[derive(Debug)]
pub enum BackgroundWrite {
    /// A message.
    Said(RoomName, MessageRecord),
    /// Another text for one.
    Edited(RoomName, MessageId, Arc<str>),
    /// One is gone.
    Erased(RoomName, MessageId),
    /// Direct messages that waited for somebody were shown, with these texts: they wait no more. One that has another text by
    /// now was edited meanwhile, and waits on.
    Shown(AccountId, Box<[(MessageId, Box<str>)]>),
    /// A room is forgotten; the caller's own request was refused.
    Forgotten(RoomName),
    /// Another request that was refused and holds all the same.
    Deferred(Deferred),
    /// Somebody has read so far.
    Visited(AccountId, RoomName, MessageId),
    /// An account is in these rooms, the current one last.
    RoomsOpen(AccountId, Box<[OpenRoomRecord]>),
    /// An account is a member of a room since this message; true if somebody has made the room.
    Joined(AccountId, RoomName, MessageId, bool),
    /// An act of an operator or admin.
    Audited(AuditEntry),
}

/// What a deferred order is about: of the same thing the last one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A room as it is.
    Room(RoomName),
    /// Whether a network is kept out.
    Network(Network),
    /// What the owner of an account has set.
    Settings(AccountId),
}

/// What is done within a transaction.
pub type Statements = dyn Fn(&Connection) -> rusqlite::Result<()> + Send;

/// A request that the disk refused and that holds all the same: it is retried until it is written.
pub struct Deferred {
    /// What it is about.
    pub about: About,
    /// What it costs in memory, as far as that is worth counting.
    pub weight: usize,
    /// Does it, within a transaction.
    pub what: Box<Statements>,
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred").field("about", &self.about).finish_non_exhaustive()
    }
}

impl BackgroundWrite {
    pub fn weight(&self) -> usize {
        OVERHEAD
            + match self {
                BackgroundWrite::Said(_, message) => {
                    message.text.len() + message.reply.as_ref().map_or(0, |_| OVERHEAD)
                }
                BackgroundWrite::Edited(_, _, text) => text.len(),
                BackgroundWrite::Shown(_, directs) => directs.iter().map(|(_, text)| 32 + text.len()).sum(),
                BackgroundWrite::Deferred(deferred) => deferred.weight,
                BackgroundWrite::Erased(..)
                | BackgroundWrite::Forgotten(_)
                | BackgroundWrite::Visited(..)
                | BackgroundWrite::Joined(..) => 0,
                BackgroundWrite::RoomsOpen(_, rooms) => rooms.iter().map(|room| OVERHEAD + room.door.len()).sum(),
                BackgroundWrite::Audited(entry) => entry.what.len(),
            }
    }

    /// Whether it takes words away that must not stay.
    pub fn erases(&self) -> bool {
        match self {
            BackgroundWrite::Edited(..)
            | BackgroundWrite::Erased(..)
            | BackgroundWrite::Shown(..)
            | BackgroundWrite::Forgotten(_)
            | BackgroundWrite::Deferred(_) => true,
            BackgroundWrite::Said(..)
            | BackgroundWrite::Visited(..)
            | BackgroundWrite::RoomsOpen(..)
            | BackgroundWrite::Joined(..)
            | BackgroundWrite::Audited(_) => false,
        }
    }
}

/// Something to write that somebody waits for.
pub trait AwaitedWrite: Send {
    /// Does it, within a transaction, unless nobody waits for it any more. It may be done again after a transaction that was
    /// taken back.
    fn carry_out(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// It is about to be committed. False if it was done and nobody waits for it any more: then it must not be.
    fn claim(&self) -> bool;
    /// Whether it takes words away that must not stay.
    fn erases(&self) -> bool;
    /// The transaction has been committed, or not.
    fn tell(self: Box<Self>, outcome: Result<(), StoreFailure>);
}

/// One place in the queue.
pub enum QueuedWrite {
    /// Nobody waits.
    Background(BackgroundWrite),
    /// Somebody waits.
    Awaited(Box<dyn AwaitedWrite>),
    /// Somebody waits until all before it is written and what was erased is gone from the files.
    Flush(Box<dyn AwaitedWrite>),
}

impl QueuedWrite {
    pub fn weight(&self) -> usize {
        match self {
            QueuedWrite::Background(record) => record.weight(),
            // Bounded by the threads there are, since each waits for its own.
            QueuedWrite::Awaited(_) | QueuedWrite::Flush(_) => 0,
        }
    }

    pub fn is_awaited(&self) -> bool {
        !matches!(self, QueuedWrite::Background(_))
    }
}
