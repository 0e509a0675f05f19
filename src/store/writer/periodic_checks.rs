//! What the writer checks every second.
//!
//! *Owns* the detection of writes by other programs, of moved files, and of a suspect clock.
//! *Knows nothing of* what is put off while the clock is suspect.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Writer;
use super::retry::WriteStep;
use crate::store::error::StoreError;
use crate::store::event::StoreEvent;

/// How often to check whether another program has written; a removed account stays in use that long. The check reads shared
/// memory ("PRAGMA data_version") and takes a few microseconds.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// A number that changes whenever another connection has written.
pub(super) fn data_version(connection: &Connection) -> Option<i64> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0)).ok()
}

impl Writer {
    /// Runs all checks. A database that does not answer is checked again the next time.
    pub(super) fn check(&mut self) {
        self.check_at = Instant::now() + CHECK_EVERY;
        self.check_clock();
        self.check_files();
        let Some(version) = data_version(&self.connection) else { return };
        if self.data_version.replace(version).is_some_and(|before| before != version) {
            (self.on_event)(StoreEvent::ChangedExternally);
        }
    }

    /// Notices files that were deleted, replaced or put back.
    fn check_files(&mut self) {
        let known = self.retry.as_ref().is_some_and(|retry| retry.reason == StoreError::FileReplaced);
        match (self.lock.displaced(), known) {
            (Some(_), false) => self.step_failed(WriteStep::Batch, StoreError::FileReplaced),
            (None, true) => self.retry.iter_mut().for_each(|retry| retry.try_now(Instant::now())),
            (Some(_), true) | (None, false) => {}
        }
    }

    /// Reports when the clock becomes suspect, and when it is trusted again. Then expiry runs at once.
    fn check_clock(&mut self) {
        let suspect_by = self.clock.time().suspect_by;
        let was = std::mem::replace(&mut self.clock_suspect, suspect_by.is_some());
        self.maintenance.check_expiry(&self.clock, was && suspect_by.is_none());
        match suspect_by {
            Some(off) if !was => (self.on_event)(StoreEvent::ClockSuspect(off)),
            None if was => (self.on_event)(StoreEvent::ClockTrusted),
            Some(_) | None => {}
        }
    }
}
