//! Shuts the writer down: counts what was not written, and leaves the file ready for the next start.
//!
//! *Owns* what is written last. *Knows nothing of* who closes the store.

use super::Writer;
use crate::store::database::connection::{self, BUSY};
use crate::store::database::sql_values::millis;
use crate::store::database::sqlite_errors;
use crate::store::error::StoreError;
use crate::store::queue::queued_write::QueuedWrite;
use crate::store::tables::meta;

impl Writer {
    /// Stores the exact last message id, whether everything was written and, if the clock is trusted, the time.
    fn save_final_state(&self, number: u64, complete: bool) -> rusqlite::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        meta::reserve_ids(&transaction, number)?;
        meta::save_running(&transaction, !complete)?;
        let now = self.clock.time();
        if now.suspect_by.is_none() {
            meta::save_last_run(&transaction, millis(now.at))?;
        }
        transaction.commit()
    }

    /// Refuses what is left, stores the final state and empties the log.
    pub(super) fn shut_down(&mut self) {
        let rest = self.queue.lock().take_all();
        let records = rest.iter().filter(|entry| matches!(entry, QueuedWrite::Background(_))).count() as u64;
        let reason = self.retry.as_ref().map_or(StoreError::TimedOut, |retry| retry.reason.clone());
        let mut outcome = (records > 0).then(|| reason.clone());
        if records > 0 {
            self.queue.lock().lose(records, reason);
        }
        for entry in rest {
            if let QueuedWrite::Awaited(write) | QueuedWrite::Flush(write) = entry {
                write.complete(Err(StoreError::Closed));
            }
        }
        self.maintenance.refuse(&StoreError::Closed);
        // Writes lost a moment ago count too: some of the last batch may have failed.
        let unreported = self.queue.lock().lost.unreported();
        if unreported.is_some() {
            outcome = outcome.or(unreported);
            self.report_loss();
        }
        let complete = outcome.is_none();
        let last = self.queue.message_ids.highest_used();
        let ending = if self.lock.displaced().is_some() { Err(sqlite_errors::files_replaced()) } else { Ok(()) };
        let ending = ending
            .and_then(|()| self.save_final_state(last, complete))
            .and_then(|()| connection::truncate_log(&self.connection, BUSY));
        if let Err(error) = ending {
            outcome = Some(sqlite_errors::failure(&error));
        }
        self.queue.lock().outcome = outcome;
    }
}
