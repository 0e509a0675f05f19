//! The end of the writer: what still waits is counted, and the file left as the next start should find it.
//!
//! *Owns* what is written last. *Knows nothing of* who closes the store. *Called by* `writer`.

use super::Writer;
use crate::store::database::connection::{self, BUSY};
use crate::store::database::sql_values::moment;
use crate::store::database::sqlite_errors;
use crate::store::error::StoreFailure;
use crate::store::queue::queued_write::QueuedWrite;
use crate::store::tables::meta;

impl Writer {
    /// Keeps the exact number, and the moment of an orderly end, if that is known.
    fn keep_last(&self, number: u64) -> rusqlite::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        meta::reserve_numbers(&transaction, number)?;
        let now = self.wall.moment();
        if now.doubt.is_none() {
            meta::keep_moment(&transaction, moment(now.at))?;
        }
        transaction.commit()
    }

    /// Leaves everything as it should be found: the exact number, an empty log.
    pub(super) fn finish(&mut self) {
        let rest = self.shared.lock().take_all();
        let records = rest.iter().filter(|entry| matches!(entry, QueuedWrite::Background(_))).count() as u64;
        let reason = self.trouble.as_ref().map_or(StoreFailure::TimedOut, |trouble| trouble.reason.clone());
        let mut outcome = (records > 0).then(|| reason.clone());
        if records > 0 {
            let mut state = self.shared.lock();
            state.lost.records += records;
            state.lost.reason = Some(reason);
        }
        for entry in rest {
            if let QueuedWrite::Awaited(order) | QueuedWrite::Flush(order) = entry {
                order.tell(Err(StoreFailure::Closed));
            }
        }
        self.chores.refuse(&StoreFailure::Closed);
        // What was lost a moment before counts, too: the last batch may have been refused in part.
        let untold = self.shared.lock().lost.untold();
        if untold.is_some() {
            outcome = outcome.or(untold);
            self.say_lost();
        }
        let last = self.shared.numbers.last();
        let ending = if self.lock.displaced().is_some() { Err(sqlite_errors::replaced()) } else { Ok(()) };
        let ending =
            ending.and_then(|()| self.keep_last(last)).and_then(|()| connection::truncate_log(&self.connection, BUSY));
        if let Err(error) = ending {
            outcome = Some(sqlite_errors::reason(&error));
        }
        self.shared.lock().outcome = outcome;
    }
}
