//! What the writer does beside writing: erasing in slices, and taking what was erased out of the write-ahead log.
//!
//! A text that is erased is overwritten in the database by the transaction that erases it, but the log beside it still
//! holds the page as it was. A checkpoint that truncates the log ends that. It costs two waits for the disk, so erasures
//! of a second share one.
//!
//! *Owns* when which of these is due. *Knows nothing of* the queue. *Called by* `writer`, between batches.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::columns::{moment, span};
use super::news::Reason;
use super::queue::Order;
use super::writer::BUSY;
use super::{directs, messages};

/// Messages erased in one transaction: a few milliseconds, so that confirmations and what is said come through between.
const SLICE: i64 = 500;

/// Between an erasure and the checkpoint, and between two of them.
const CHECKPOINT: Duration = Duration::from_secs(1);

/// A reader that reads an older state keeps the log from being truncated: tried again after that, then after twice as long,
/// up to [`CHECKPOINT`].
const FIRST_RETRY: Duration = Duration::from_millis(20);

/// How often old messages are looked for.
const RETENTION: Duration = Duration::from_secs(3600);

/// What is to be done.
pub struct Chores {
    retention: Option<Duration>,
    retention_at: Instant,
    /// Rooms may be gone whose messages are not erased yet.
    gone: bool,
    /// When the log is to be truncated, if it holds what was erased.
    checkpoint_at: Option<Instant>,
    last_checkpoint: Option<Instant>,
    retry: Duration,
    /// Who waits for all of it.
    flushes: Vec<Box<dyn Order>>,
}

impl Chores {
    /// At start: rooms that were gone before a crash, what has become too old, and a log from before.
    pub fn new(retention: Option<Duration>, now: Instant) -> Chores {
        Chores {
            retention,
            retention_at: now,
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
    pub fn flush(&mut self, waiting: Box<dyn Order>, now: Instant) {
        self.flushes.push(waiting);
        self.gone = true;
        self.checkpoint_at = Some(now);
    }

    /// Nobody need wait any more: it will not be done soon.
    pub fn refuse(&mut self, reason: &Reason) {
        for waiting in self.flushes.drain(..) {
            waiting.tell(Err(reason.clone()));
        }
    }

    /// When there is something to do next.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        if self.gone {
            return Some(now);
        }
        let retention = self.retention.map(|_| self.retention_at);
        [self.checkpoint_at, retention].into_iter().flatten().min()
    }

    /// Whether nothing that was erased is left anywhere.
    pub fn is_clear(&self) -> bool {
        !self.gone && self.checkpoint_at.is_none()
    }

    /// Does one slice of what is due.
    pub fn run(&mut self, connection: &Connection, now: Instant) -> rusqlite::Result<()> {
        if self.gone {
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            let done = messages::erase_gone(&transaction, SLICE)?;
            transaction.commit()?;
            if done {
                self.gone = false;
            } else {
                self.overwritten(now);
            }
        } else if let Some(retention) = self.retention.filter(|_| self.retention_at <= now) {
            let today = moment(Timestamp::now());
            let before = today.saturating_sub(span(retention));
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            let erased =
                messages::expire(&transaction, before, today, SLICE)? + directs::expire(&transaction, before, SLICE)?;
            transaction.commit()?;
            if erased > 0 {
                self.overwritten(now);
            } else {
                self.retention_at = now + RETENTION;
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

/// Writes the log into the database and empties it, without waiting for readers. False if one is in the way. `busy` is how
/// long the connection waits for others otherwise.
pub fn truncate_log(connection: &Connection, busy: Duration) -> rusqlite::Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    let refused = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.busy_timeout(busy)?;
    Ok(refused? == 0)
}
