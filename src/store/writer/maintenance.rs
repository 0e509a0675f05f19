//! The writer's background work: erasing in slices, and truncating the write-ahead log.
//!
//! The transaction that erases a text overwrites it in the database, but the log beside it still holds the old page. A
//! checkpoint that truncates the log removes it. That takes two waits for the disk, so the erasures of one second share
//! one.
//!
//! Old messages are erased once an hour, and only while the clock is trusted: see `wall_clock`.
//!
//! *Owns* when each of these is due. *Knows nothing of* the queue.

use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::store::database::connection::{BUSY, truncate_log};
use crate::store::database::sql_values::{self, millis};
use crate::store::error::StoreError;
use crate::store::event::StoreEvent;
use crate::store::queue::queued_write::AwaitedWrite;
use crate::store::tables::messages;
use crate::store::tables::meta;
use crate::store::tables::offline_messages;
use crate::store::wall_clock::WallClock;

/// Messages erased in one transaction. It takes a few milliseconds, so that other writes get through in between.
const SLICE_ROWS: i64 = 500;

/// Time between an erasure and the checkpoint, and between two checkpoints.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

/// A reader of an older state keeps the log from being truncated. It is tried again after this time, then after twice as
/// long, up to [`CHECKPOINT_EVERY`].
const FIRST_CHECKPOINT_RETRY: Duration = Duration::from_millis(20);

/// How often old messages are looked for and the time of the last trusted run is stored.
const EXPIRY_EVERY: Duration = Duration::from_secs(3600);

/// What is due, and when.
pub(crate) struct Maintenance {
    retention: Option<Duration>,
    /// Old messages have to be looked for now.
    expiry_due: bool,
    /// When to look for them next, on the monotonic clock.
    expiry_at: Instant,
    /// Messages that expired since this was last reported: of rooms, and for offline users.
    expired: (u64, u64),
    /// Deleted rooms may have messages left to erase.
    has_deleted_rooms: bool,
    /// When to truncate the log, if it holds erased text.
    checkpoint_at: Option<Instant>,
    last_checkpoint: Option<Instant>,
    checkpoint_retry: Duration,
    /// Callers that wait until all of it is done.
    flushes: Vec<Box<dyn AwaitedWrite>>,
}

impl Maintenance {
    /// At start there may be rooms deleted before a crash, messages that have expired, and an old log.
    pub(crate) fn new(retention: Option<Duration>, now: Instant) -> Maintenance {
        Maintenance {
            retention,
            expiry_due: true,
            expiry_at: now,
            expired: (0, 0),
            has_deleted_rooms: true,
            checkpoint_at: Some(now),
            last_checkpoint: None,
            checkpoint_retry: FIRST_CHECKPOINT_RETRY,
            flushes: Vec::new(),
        }
    }

    /// A transaction has erased text.
    pub(crate) fn erased(&mut self, now: Instant) {
        self.has_deleted_rooms = true;
        let next = self.last_checkpoint.map_or(now, |last| last.max(now)) + CHECKPOINT_EVERY;
        self.checkpoint_at.get_or_insert(next);
    }

    /// A caller waits until nothing is left to do and the log is empty.
    pub(crate) fn flush(&mut self, waiting: Box<dyn AwaitedWrite>, now: Instant) {
        self.flushes.push(waiting);
        self.has_deleted_rooms = true;
        self.checkpoint_at = Some(now);
    }

    /// Refuses all flushes: they will not be done soon.
    pub(crate) fn refuse(&mut self, reason: &StoreError) {
        for waiting in self.flushes.drain(..) {
            waiting.complete(Err(reason.clone()));
        }
    }

    /// When the next step is due.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        if self.has_deleted_rooms || self.expiry_due { Some(now) } else { self.checkpoint_at }
    }

    /// Checks whether expiry is due. With `at_once` it is, because the clock is trusted again.
    pub(crate) fn check_expiry(&mut self, clock: &WallClock, at_once: bool) {
        self.expiry_due |= at_once || self.expiry_at <= clock.instant();
    }

    /// Reports what has expired, once all of it is erased.
    pub(crate) fn take_expired(&mut self) -> Option<StoreEvent> {
        let (messages, directs) = self.expired;
        if self.expiry_due || messages + directs == 0 {
            return None;
        }
        self.expired = (0, 0);
        Some(StoreEvent::Expired { messages, directs })
    }

    /// Whether no erased text is left anywhere.
    pub(crate) fn is_clear(&self) -> bool {
        !self.has_deleted_rooms && self.checkpoint_at.is_none()
    }

    /// Does one slice of what is due.
    pub(crate) fn run(&mut self, connection: &Connection, clock: &WallClock, now: Instant) -> rusqlite::Result<()> {
        if self.has_deleted_rooms {
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            let done = messages::delete_of_deleted_rooms(&transaction, SLICE_ROWS)?;
            transaction.commit()?;
            if done {
                self.has_deleted_rooms = false;
            } else {
                self.schedule_checkpoint(now);
            }
        } else if self.expiry_due {
            if self.expire(connection, clock)? {
                self.schedule_checkpoint(now);
            } else {
                self.expiry_due = false;
                self.expiry_at = clock.instant() + EXPIRY_EVERY;
            }
        } else if self.checkpoint_at.is_some_and(|at| at <= now) {
            self.checkpoint(connection, now)?;
        }
        if self.is_clear() {
            for waiting in self.flushes.drain(..) {
                waiting.complete(Ok(()));
            }
        }
        Ok(())
    }

    /// Erases a slice of expired messages. False if there are none; then the time is stored. Does neither while the clock is
    /// suspect, because both would go by a time that may be wrong.
    fn expire(&mut self, connection: &Connection, clock: &WallClock) -> rusqlite::Result<bool> {
        let now = clock.time();
        if now.suspect_by.is_some() {
            return Ok(false);
        }
        let before = sql_values::retention_cutoff(now.at, self.retention);
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        let old = messages::expire(&transaction, before, SLICE_ROWS)? as u64;
        let waiting = offline_messages::expire(&transaction, before, SLICE_ROWS)? as u64;
        if old + waiting == 0 {
            meta::save_last_run(&transaction, millis(now.at))?;
        }
        transaction.commit()?;
        self.expired.0 += old;
        self.expired.1 += waiting;
        Ok(old + waiting > 0)
    }

    fn schedule_checkpoint(&mut self, now: Instant) {
        let next = if self.flushes.is_empty() { now + CHECKPOINT_EVERY } else { now };
        self.checkpoint_at.get_or_insert(next);
    }

    fn checkpoint(&mut self, connection: &Connection, now: Instant) -> rusqlite::Result<()> {
        if truncate_log(connection, BUSY)? {
            self.checkpoint_at = None;
            self.last_checkpoint = Some(now);
            self.checkpoint_retry = FIRST_CHECKPOINT_RETRY;
        } else {
            self.checkpoint_at = Some(now + self.checkpoint_retry);
            self.checkpoint_retry = (self.checkpoint_retry * 2).min(CHECKPOINT_EVERY);
        }
        Ok(())
    }
}
