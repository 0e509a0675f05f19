//! Reads the logs from any position on its own connection, for an archive that tracks its own positions.
//!
//! *Owns* the selection of what an archive needs from an entry.
//! *Knows nothing of* what the archive does with it.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::bus::Cluster;
use super::engine::{AccountCall, AccountReply, Call, Engine, EntryKind, LogEntry, Reply, Unreachable};
use super::entry::{AccountChange, Happened, RoomSnapshot};
use super::values::{Log, NodeName, NumberKind, Place, Position};
use crate::chat::message::AccountId;
use crate::chat::names::UserName;
use crate::store::AccountRecord;

/// A value that a note has stored in the directory: key and value.
type KeptValue = (Box<str>, Box<str>);

/// Redis is unreachable, or its answer makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadLogError(Box<str>);

impl fmt::Display for ReadLogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Unreachable> for ReadLogError {
    fn from(Unreachable(why): Unreachable) -> ReadLogError {
        ReadLogError(why)
    }
}

/// One entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// Which log.
    pub log: Log,
    /// Its position there.
    pub position: Position,
    /// When it was written, by Redis' clock.
    pub at: Timestamp,
    /// What it reports.
    pub what: Recorded,
}

/// What an entry reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// A change to one place.
    Committed {
        /// The node that sent the command.
        node: NodeName,
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
    /// A line for all nodes.
    Noted {
        /// The node that sent the command.
        node: NodeName,
        /// As in the command.
        text: Box<str>,
    },
    /// An account was changed.
    AccountChanged {
        /// What changed.
        change: AccountChange,
        /// Which account.
        account: AccountId,
        /// Its name, folded.
        name: Box<str>,
    },
    /// Another Redis took over. It has everything up to here.
    Term(Position),
    /// Something that has no effect on the archive.
    Other,
}

/// Where a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogTail {
    /// The last entry.
    pub end: Position,
    /// Whether Redis has lost entries that the reader knows.
    pub lost: bool,
}

/// A connection for reading.
pub struct LogReader {
    engine: Box<dyn Engine>,
}

impl fmt::Debug for LogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader").field("run", &self.engine.run()).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Opens a connection for reading. `None` if the connected Redis is new to this node, which must first begin a term
    /// there.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn log_reader(self: &Arc<Self>) -> Result<Option<LogReader>, ReadLogError> {
        let engine = self.connect_for_reading()?;
        let known = self.core().is_running() && self.core().is_of(engine.run());
        Ok(known.then_some(LogReader { engine }))
    }
}

impl LogReader {
    fn ask(&mut self, calls: &[Call]) -> Result<Vec<Reply>, ReadLogError> {
        let replies = self.engine.call(calls)?;
        match replies.iter().find_map(|reply| if let Reply::Failed(why) = reply { Some(why) } else { None }) {
            Some(why) => Err(ReadLogError(why.clone())),
            None => Ok(replies),
        }
    }

    /// Where a log ends, for a reader that has read up to `known`.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn tail(&mut self, log: Log, known: Position) -> Result<LogTail, ReadLogError> {
        let mut replies = self.ask(&[Call::Tail { log, known: known.number }])?;
        let Some(Reply::Tail { end, ended }) = replies.pop() else { return Err(unexpected()) };
        let last = ended.unwrap_or(end.number);
        Ok(LogTail { end, lost: known.number > last })
    }

    /// The keys of all rooms of a log, and where the log ended just before they were read.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn rooms(&mut self, log: Log) -> Result<(Position, Vec<Box<str>>), ReadLogError> {
        let mut replies = self.ask(&[Call::Look { log }])?;
        let Some(Reply::Look { end, rooms, .. }) = replies.pop() else { return Err(unexpected()) };
        Ok((end, rooms))
    }

    /// Finds an account by folded name. One that cannot be read is logged and skipped.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn account(&mut self, name: &str) -> Result<Option<AccountRecord>, ReadLogError> {
        let Ok(name) = UserName::written(name) else { return Ok(None) };
        let mut replies = self.ask(&[Call::Account(AccountCall::Find(name.clone()))])?;
        match replies.pop() {
            Some(Reply::Account(AccountReply::Found(account))) => Ok(account.map(|account| *account)),
            Some(Reply::Account(AccountReply::Unreadable(why))) => {
                log::error!("archive: the account {name} cannot be read: {why}");
                Ok(None)
            }
            _ => Err(unexpected()),
        }
    }

    /// The numbers and folded names of all accounts.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn accounts(&mut self) -> Result<Vec<(AccountId, Box<str>)>, ReadLogError> {
        let (mut from, mut all) = (Box::<str>::from("0"), Vec::new());
        loop {
            let mut replies = self.ask(&[Call::Account(AccountCall::List(from))])?;
            let Some(Reply::Account(AccountReply::Page { next, names })) = replies.pop() else {
                return Err(unexpected());
            };
            all.extend(names);
            match next {
                Some(next) => from = next,
                None => break,
            }
        }
        // A scan may return an account twice.
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    /// The values that notes have left in the directory, and where its log ended at that moment.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn kept(&mut self) -> Result<(Position, Vec<KeptValue>), ReadLogError> {
        let mut replies = self.ask(&[Call::Look { log: Log::Directory }])?;
        let Some(Reply::Look { end, kept, .. }) = replies.pop() else { return Err(unexpected()) };
        Ok((end, kept))
    }

    /// A room in its current state, and the numbers of its last messages, including erased ones.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn room(&mut self, log: Log, key: &str) -> Result<Option<(RoomSnapshot, Vec<u64>)>, ReadLogError> {
        let key: Box<str> = key.into();
        let replies = self.ask(&[Call::Numbers { log, key: key.clone() }, Call::Room { log, key }])?;
        let [Reply::Numbers(numbers), Reply::Room(room)] = replies.as_slice() else { return Err(unexpected()) };
        Ok(room.as_ref().map(|room| ((**room).clone(), numbers.clone())))
    }

    /// Continues the numbering of a kind above this number. Numbers up to it were given out before Redis lost its data.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn number_above(&mut self, logs: &[Log], kind: NumberKind, floor: u64) -> Result<(), ReadLogError> {
        let call = |log: &Log| Call::Raise { log: *log, kind, floor };
        // The directory first, because it provides the partitions' blocks.
        self.ask(&logs.iter().map(call).collect::<Vec<_>>()).map(drop)
    }

    /// Which messages of a log were recently edited or erased, by room key.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn gone(&mut self, log: Log) -> Result<Vec<(Box<str>, u64)>, ReadLogError> {
        let mut replies = self.ask(&[Call::Gone { log }])?;
        let Some(Reply::Gone(gone)) = replies.pop() else { return Err(unexpected()) };
        Ok(gone)
    }

    /// Reads what follows these positions. Waits up to a second for the first entry.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub fn read(&mut self, from: &[(Log, Position)]) -> Result<Vec<LogRecord>, ReadLogError> {
        Ok(self.engine.read(from)?.into_iter().map(record).collect())
    }
}

fn unexpected() -> ReadLogError {
    ReadLogError("it does not answer as expected".into())
}

fn record(entry: LogEntry) -> LogRecord {
    let LogEntry { log, position, at, kind } = entry;
    let what = match kind {
        EntryKind::Term { last } => Recorded::Term(last),
        EntryKind::Command { caller, what, .. } | EntryKind::Rebuilt { caller, what, .. } => match what {
            Happened::Committed { place, version, id, said, text } => {
                Recorded::Committed { node: caller.node, place, version, id, said, text }
            }
            Happened::Noted(text) => Recorded::Noted { node: caller.node, text },
            Happened::AccountChanged { change, account, name, .. } => {
                Recorded::AccountChanged { change, account, name }
            }
            Happened::Claimed { .. } | Happened::Released { .. } | Happened::NodeGone { .. } => Recorded::Other,
        },
        EntryKind::In(_) | EntryKind::Parted(_) | EntryKind::Gone(_) | EntryKind::Unreadable => Recorded::Other,
    };
    LogRecord { log, position, at, what }
}
