//! What the writer does beside writing: erasing in slices, and taking what was erased out of the write-ahead log.
//!
//! A text that is erased is overwritten in the database by the transaction that erases it, but the log beside it still
//! holds the page as it was. A checkpoint that truncates the log ends that. It costs two waits for the disk, so erasures
//! of a second share one.
//!
//! Old messages are erased once an hour, and only while the clock is trusted: see `wall`.
//!
//! *Owns* when which of these is due. *Knows nothing of* the queue. *Called by* `writer`, between batches.

use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::store::database::connection::{BUSY, truncate_log};
use crate::store::database::sql_values::{self, moment};
use crate::store::error::StoreFailure;
use crate::store::event::StoreEvent;
use crate::store::queue::queued_write::AwaitedWrite;
use crate::store::tables::messages;
use crate::store::tables::meta;
use crate::store::tables::offline_messages;
use crate::store::wall_clock::Wall;

/// Messages erased in one transaction: a few milliseconds, so that confirmations and what is said come through between.
const SLICE: i64 = 500;

/// Between an erasure and the checkpoint, and between two of them.
const CHECKPOINT: Duration = Duration::from_secs(1);

/// A reader that reads an older state keeps the log from being truncated: tried again after that, then after twice as long,
/// up to [`CHECKPOINT`].
const FIRST_RETRY: Duration = Duration::from_millis(20);

/// How often old messages are looked for, and the moment is kept up to which the clock was right.
const ROUND: Duration = Duration::from_secs(3600);

/// What is to be done.
pub struct Maintenance {
    retention: Option<Duration>,
    /// Old messages are to be looked for now.
    round: bool,
    /// When next, by the clock of the store.
    round_at: Instant,
    /// What was erased for its age since that was last said: messages of rooms, and direct ones that waited.
    expired: (u64, u64),
    /// Rooms may be gone whose messages are not erased yet.
    gone: bool,
    /// When the log is to be truncated, if it holds what was erased.
    checkpoint_at: Option<Instant>,
    last_checkpoint: Option<Instant>,
    retry: Duration,
    /// Who waits for all of it.
    flushes: Vec<Box<dyn AwaitedWrite>>,
}

impl Maintenance {
    /// At start: rooms that were gone before a crash, what has become too old, and a log from before.
    pub fn new(retention: Option<Duration>, now: Instant) -> Maintenance {
        Maintenance {
            retention,
            round: true,
            round_at: now,
            expired: (0, 0),
            gone: true,
            checkpoint_at: Some(now),
            last_checkpoint: None,
            retry: FIRST_RETRY,
            flushes: Vec::new(),
        }
    }

    /// A transaction has taken words away.
    pub fn erased(&mut self, now: Instant) {
        self.gone = true;
        let next = self.last_checkpoint.map_or(now, |last| last.max(now)) + CHECKPOINT;
        self.checkpoint_at.get_or_insert(next);
    }

    /// Somebody waits until there is nothing to do, and the log is empty.
    pub fn flush(&mut self, waiting: Box<dyn AwaitedWrite>, now: Instant) {
        self.flushes.push(waiting);
        self.gone = true;
        self.checkpoint_at = Some(now);
    }

    /// Nobody need wait any more: it will not be done soon.
    pub fn refuse(&mut self, reason: &StoreFailure) {
        for waiting in self.flushes.drain(..) {
            waiting.tell(Err(reason.clone()));
        }
    }

    /// When there is something to do next.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        if self.gone || self.round { Some(now) } else { self.checkpoint_at }
    }

    /// Whether old messages are to be looked for by now; or at once, since the clock has come to be trusted.
    pub fn look(&mut self, wall: &Wall, at_once: bool) {
        self.round |= at_once || self.round_at <= wall.now();
    }

    /// What was erased for its age, if all of it is.
    pub fn take_expired(&mut self) -> Option<StoreEvent> {
        let (messages, directs) = self.expired;
        if self.round || messages + directs == 0 {
            return None;
        }
        self.expired = (0, 0);
        Some(StoreEvent::Expired { messages, directs })
    }

    /// Whether nothing that was erased is left anywhere.
    pub fn is_clear(&self) -> bool {
        !self.gone && self.checkpoint_at.is_none()
    }

    /// Does one slice of what is due.
    pub fn run(&mut self, connection: &Connection, wall: &Wall, now: Instant) -> rusqlite::Result<()> {
        if self.gone {
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            let done = messages::erase_gone(&transaction, SLICE)?;
            transaction.commit()?;
            if done {
                self.gone = false;
            } else {
                self.overwritten(now);
            }
        } else if self.round {
            if self.expire(connection, wall)? {
                self.overwritten(now);
            } else {
                self.round = false;
                self.round_at = wall.now() + ROUND;
            }
        } else if self.checkpoint_at.is_some_and(|at| at <= now) {
            self.checkpoint(connection, now)?;
        }
        if self.is_clear() {
            for waiting in self.flushes.drain(..) {
                waiting.tell(Ok(()));
            }
        }
        Ok(())
    }

    /// Erases a slice of what is too old. False if nothing is; then the moment is kept. While the clock is in doubt neither is
    /// done: both would be by a moment that may be wrong.
    fn expire(&mut self, connection: &Connection, wall: &Wall) -> rusqlite::Result<bool> {
        let now = wall.moment();
        if now.doubt.is_some() {
            return Ok(false);
        }
        let before = sql_values::retention_cutoff(now.at, self.retention);
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        let old = messages::expire(&transaction, before, SLICE)? as u64;
        let waiting = offline_messages::expire(&transaction, before, SLICE)? as u64;
        if old + waiting == 0 {
            meta::keep_moment(&transaction, moment(now.at))?;
        }
        transaction.commit()?;
        self.expired.0 += old;
        self.expired.1 += waiting;
        Ok(old + waiting > 0)
    }

    fn overwritten(&mut self, now: Instant) {
        let next = if self.flushes.is_empty() { now + CHECKPOINT } else { now };
        self.checkpoint_at.get_or_insert(next);
    }

    fn checkpoint(&mut self, connection: &Connection, now: Instant) -> rusqlite::Result<()> {
        if truncate_log(connection, BUSY)? {
            self.checkpoint_at = None;
            self.last_checkpoint = Some(now);
            self.retry = FIRST_RETRY;
        } else {
            self.checkpoint_at = Some(now + self.retry);
            self.retry = (self.retry * 2).min(CHECKPOINT);
        }
        Ok(())
    }
}
