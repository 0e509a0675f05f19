//! Writes one batch in one transaction.
//!
//! *Owns* the order of statements, and what happens when a single write of a batch is at fault.
//! *Knows nothing of* when a batch is due, and what happens when the disk fails.

use std::sync::atomic::Ordering;

use rusqlite::Connection;

use super::Writer;
use crate::chat::names::RoomName;
use crate::store::database::sqlite_errors;
use crate::store::error::StoreError;
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
    /// Writes a batch in one transaction. Returns the writes that failed on their own account, by their place in the batch; any
    /// other failure fails the whole batch.
    pub(super) fn try_batch(&mut self, batch: &mut [QueuedWrite]) -> rusqlite::Result<Vec<(usize, StoreError)>> {
        self.queue.failpoints.attempt();
        self.queue.failpoints.pass(Point::Begin);
        if self.lock.displaced().is_some() {
            return Err(sqlite_errors::files_replaced());
        }
        self.limit_pages()?;
        // From here on, ids that run low wake the writer again.
        self.queue.ids_low.store(false, Ordering::Relaxed);
        let probe =
            self.retry.as_ref().filter(|_| batch.is_empty()).map(|_| self.queue.message_ids.to_reserve_anyway());
        let reserve_to = self.queue.message_ids.to_reserve().or(probe);
        if batch.is_empty() && reserve_to.is_none() {
            return Ok(Vec::new());
        }
        let outcome = self.in_transaction(batch, reserve_to);
        match &outcome {
            Ok(_) => reserve_to.into_iter().for_each(|to| self.queue.message_ids.mark_reserved(to)),
            Err(_) => self.roll_back(),
        }
        outcome
    }

    fn in_transaction(
        &self,
        batch: &mut [QueuedWrite],
        reserve_to: Option<u64>,
    ) -> rusqlite::Result<Vec<(usize, StoreError)>> {
        loop {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            let refused = match self.apply_in_bulk(batch, reserve_to) {
                // One write is at fault. Running them one by one finds it.
                Err(error) if sqlite_errors::concerns_one_write(&error) => {
                    self.roll_back();
                    self.connection.execute_batch("BEGIN IMMEDIATE")?;
                    self.apply_one_by_one(batch, reserve_to)?
                }
                Ok(false) => self.apply_one_by_one(batch, reserve_to)?,
                Ok(true) => Vec::new(),
                Err(error) => return Err(error),
            };
            self.queue.failpoints.pass(Point::Applied);
            if batch.iter().all(is_still_wanted) {
                self.queue.failpoints.pass(Point::Commit);
                self.connection.execute_batch("COMMIT")?;
                return Ok(refused);
            }
            // Writes that were given up are skipped the next time, so this ends.
            self.roll_back();
        }
    }

    /// Applies a batch of background writes in bulk, without savepoints to undo a single one: they are three fifths of a
    /// message's cost. False, and nothing is done, if a caller waits for any of them, since those run only once.
    fn apply_in_bulk(&self, batch: &[QueuedWrite], reserve_to: Option<u64>) -> rusqlite::Result<bool> {
        if !batch.iter().all(|entry| matches!(entry, QueuedWrite::Background(_))) {
            return Ok(false);
        }
        if let Some(to) = reserve_to {
            meta::reserve_ids(&self.connection, to)?;
        }
        let mut rest = batch;
        while let Some((QueuedWrite::Background(write), behind)) = rest.split_first() {
            let messages: Vec<_> = rest.iter().map_while(as_message).collect();
            if messages.is_empty() {
                apply_write(&self.connection, write)?;
                rest = behind;
            } else {
                messages::insert(&self.connection, &messages)?;
                rest = &rest[messages.len()..];
            }
        }
        Ok(true)
    }

    fn apply_one_by_one(
        &self,
        batch: &mut [QueuedWrite],
        reserve_to: Option<u64>,
    ) -> rusqlite::Result<Vec<(usize, StoreError)>> {
        let mut refused = Vec::new();
        if let Some(to) = reserve_to {
            meta::reserve_ids(&self.connection, to)?;
        }
        for (index, entry) in batch.iter_mut().enumerate() {
            self.connection.prepare_cached("SAVEPOINT entry")?.execute([])?;
            let outcome = match entry {
                QueuedWrite::Background(write) => apply_write(&self.connection, write),
                QueuedWrite::Awaited(write) | QueuedWrite::Flush(write) => write.execute(&self.connection),
            };
            match outcome {
                Err(error) if sqlite_errors::concerns_one_write(&error) => {
                    refused.push((index, sqlite_errors::failure(&error)));
                    self.connection.prepare_cached("ROLLBACK TO entry")?.execute([])?;
                }
                other => other?,
            }
            self.connection.prepare_cached("RELEASE entry")?.execute([])?;
        }
        Ok(refused)
    }
}

/// Whether an entry may be committed. Its caller can no longer give up after that.
fn is_still_wanted(entry: &QueuedWrite) -> bool {
    match entry {
        QueuedWrite::Background(_) => true,
        QueuedWrite::Awaited(write) | QueuedWrite::Flush(write) => write.claim(),
    }
}

fn as_message(entry: &QueuedWrite) -> Option<(&RoomName, &MessageRecord)> {
    let QueuedWrite::Background(BackgroundWrite::Message(room, message)) = entry else { return None };
    Some((room, message))
}

fn apply_write(connection: &Connection, write: &BackgroundWrite) -> rusqlite::Result<()> {
    match write {
        BackgroundWrite::Message(room, message) => messages::insert(connection, &[(room, message)]),
        BackgroundWrite::Edit(room, id, text) => messages::edit(connection, room, *id, text),
        BackgroundWrite::Deletion(room, id) => messages::delete(connection, room, *id),
        BackgroundWrite::OfflineMessagesShown(account, shown) => {
            offline_messages::delete_shown(connection, *account, shown)
        }
        BackgroundWrite::RoomDeletion(room) => rooms::delete(connection, room).map(|_| ()),
        BackgroundWrite::Deferred(deferred) => (deferred.what)(connection),
        BackgroundWrite::Visit(account, room, last) => visits::save(connection, *account, room, *last),
        BackgroundWrite::OpenRooms(account, rooms) => open_rooms::replace(connection, *account, rooms),
        BackgroundWrite::Membership(account, room, since, made) => {
            members::insert(connection, *account, room, *since, *made)
        }
        BackgroundWrite::Audit(entry) => audit::append(connection, entry),
    }
}
