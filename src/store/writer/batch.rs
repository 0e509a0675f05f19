//! One batch in one transaction.
//!
//! *Owns* the order of statements, and what happens to a batch of which one entry is refused for its own sake.
//! *Knows nothing of* when a batch is written and what becomes of it if the disk refuses.
//! *Called by* `writer`.

use std::sync::atomic::Ordering;

use rusqlite::Connection;

use super::Writer;
use crate::chat::names::RoomName;
use crate::store::database::sqlite_errors;
use crate::store::error::StoreFailure;
use crate::store::failpoints::Point;
use crate::store::queue::queued_write::{BackgroundWrite, QueuedWrite};
use crate::store::records::MessageRecord;
use crate::store::tables::audit;
use crate::store::tables::members;
use crate::store::tables::messages;
use crate::store::tables::meta;
use crate::store::tables::offline_messages;
use crate::store::tables::open_rooms;
use crate::store::tables::rooms;
use crate::store::tables::visits;

impl Writer {
    /// Writes a batch in one transaction. What is refused for its own sake comes back by its place in the batch; any other
    /// failure is one of them all.
    pub(super) fn attempt(&mut self, batch: &mut [QueuedWrite]) -> rusqlite::Result<Vec<(usize, StoreFailure)>> {
        self.shared.failpoints.attempt();
        self.shared.failpoints.pass(Point::Begin);
        if self.lock.displaced().is_some() {
            return Err(sqlite_errors::replaced());
        }
        self.limit_pages()?;
        // From here on a number that gets short asks again.
        self.shared.short.store(false, Ordering::Relaxed);
        let probe = self.trouble.as_ref().filter(|_| batch.is_empty()).map(|_| self.shared.numbers.enough());
        let wanted = self.shared.numbers.wanted().or(probe);
        if batch.is_empty() && wanted.is_none() {
            return Ok(Vec::new());
        }
        let outcome = self.transact(batch, wanted);
        match &outcome {
            Ok(_) => wanted.into_iter().for_each(|to| self.shared.numbers.reserved(to)),
            Err(_) => self.roll_back(),
        }
        outcome
    }

    fn transact(&self, batch: &mut [QueuedWrite], wanted: Option<u64>) -> rusqlite::Result<Vec<(usize, StoreFailure)>> {
        loop {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            let refused = match self.apply_at_once(batch, wanted) {
                // One of them is at fault: found by doing them one by one.
                Err(error) if sqlite_errors::is_of_one_record(&error) => {
                    self.roll_back();
                    self.connection.execute_batch("BEGIN IMMEDIATE")?;
                    self.apply(batch, wanted)?
                }
                Ok(false) => self.apply(batch, wanted)?,
                Ok(true) => Vec::new(),
                Err(error) => return Err(error),
            };
            self.shared.failpoints.pass(Point::Applied);
            if batch.iter().all(is_still_wanted) {
                self.shared.failpoints.pass(Point::Commit);
                self.connection.execute_batch("COMMIT")?;
                return Ok(refused);
            }
            // A request that was given up is skipped the next time, so this ends.
            self.roll_back();
        }
    }

    /// Applies a batch of records alone, many at a time, without the means to take a single one back: that is three fifths of
    /// what a message costs otherwise. False, and nothing is done, if there is an order among them: an order is carried out once.
    fn apply_at_once(&self, batch: &[QueuedWrite], wanted: Option<u64>) -> rusqlite::Result<bool> {
        if !batch.iter().all(|entry| matches!(entry, QueuedWrite::Background(_))) {
            return Ok(false);
        }
        if let Some(to) = wanted {
            meta::reserve_numbers(&self.connection, to)?;
        }
        let mut rest = batch;
        while let Some((QueuedWrite::Background(record), behind)) = rest.split_first() {
            let said: Vec<_> = rest.iter().map_while(what_was_said).collect();
            if said.is_empty() {
                apply_record(&self.connection, record)?;
                rest = behind;
            } else {
                messages::record_said(&self.connection, &said)?;
                rest = &rest[said.len()..];
            }
        }
        Ok(true)
    }

    fn apply(&self, batch: &mut [QueuedWrite], wanted: Option<u64>) -> rusqlite::Result<Vec<(usize, StoreFailure)>> {
        let mut refused = Vec::new();
        if let Some(to) = wanted {
            meta::reserve_numbers(&self.connection, to)?;
        }
        for (place, entry) in batch.iter_mut().enumerate() {
            self.connection.prepare_cached("SAVEPOINT entry")?.execute([])?;
            let outcome = match entry {
                QueuedWrite::Background(record) => apply_record(&self.connection, record),
                QueuedWrite::Awaited(order) | QueuedWrite::Flush(order) => order.carry_out(&self.connection),
            };
            match outcome {
                Err(error) if sqlite_errors::is_of_one_record(&error) => {
                    refused.push((place, sqlite_errors::reason(&error)));
                    self.connection.prepare_cached("ROLLBACK TO entry")?.execute([])?;
                }
                other => other?,
            }
            self.connection.prepare_cached("RELEASE entry")?.execute([])?;
        }
        Ok(refused)
    }
}

/// Whether an entry may be committed; who waits for it cannot give up from then on.
fn is_still_wanted(entry: &QueuedWrite) -> bool {
    match entry {
        QueuedWrite::Background(_) => true,
        QueuedWrite::Awaited(order) | QueuedWrite::Flush(order) => order.claim(),
    }
}

fn what_was_said(entry: &QueuedWrite) -> Option<(&RoomName, &MessageRecord)> {
    match entry {
        QueuedWrite::Background(BackgroundWrite::Said(room, message)) => Some((room, message)),
        _ => None,
    }
}

fn apply_record(connection: &Connection, record: &BackgroundWrite) -> rusqlite::Result<()> {
    match record {
        BackgroundWrite::Said(room, message) => messages::record_said(connection, &[(room, message)]),
        BackgroundWrite::Edited(room, id, text) => messages::record_edited(connection, room, *id, text),
        BackgroundWrite::Erased(room, id) => messages::record_erased(connection, room, *id),
        BackgroundWrite::Shown(account, shown) => offline_messages::erase_shown(connection, *account, shown),
        BackgroundWrite::Forgotten(room) => rooms::forget(connection, room).map(|_| ()),
        BackgroundWrite::Deferred(deferred) => (deferred.what)(connection),
        BackgroundWrite::Visited(account, room, last) => visits::record(connection, *account, room, *last),
        BackgroundWrite::RoomsOpen(account, rooms) => open_rooms::record(connection, *account, rooms),
        BackgroundWrite::Joined(account, room, since, made) => {
            members::record(connection, *account, room, *since, *made)
        }
        BackgroundWrite::Audited(entry) => audit::record(connection, entry),
    }
}
