//! What the writer looks at once a second.
//!
//! *Owns* whether another program has written, whether the files are where they were, and who is told that the clock is in
//! doubt.
//! *Knows nothing of* what is held while it is. *Called by* `writer`, between its steps.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Writer;
use super::retry::WriteStep;
use crate::store::error::StoreFailure;
use crate::store::event::StoreEvent;

/// How often it is looked whether another program has written: a removed account goes on for so long. It is one look into
/// memory that all who have the database open share ("PRAGMA data_version"), a few microseconds.
const LOOK: Duration = Duration::from_secs(1);

/// The number that this connection sees changed whenever another one has written.
pub(super) fn version(connection: &Connection) -> Option<i64> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0)).ok()
}

impl Writer {
    /// Says so if another program has written since the last look. A database that does not answer is looked at again.
    pub(super) fn look(&mut self) {
        self.look_at = Instant::now() + LOOK;
        self.look_at_clock();
        self.look_at_files();
        let Some(version) = version(&self.connection) else { return };
        if self.version.replace(version).is_some_and(|before| before != version) {
            (self.news)(StoreEvent::ChangedExternally);
        }
    }

    /// The files may be gone, or others in their place; or back.
    fn look_at_files(&mut self) {
        let known = self.trouble.as_ref().is_some_and(|trouble| trouble.reason == StoreFailure::FileReplaced);
        match (self.lock.displaced(), known) {
            (Some(_), false) => self.troubled(WriteStep::Writing, StoreFailure::FileReplaced),
            (None, true) => self.trouble.iter_mut().for_each(|trouble| trouble.try_now(Instant::now())),
            (Some(_), true) | (None, false) => {}
        }
    }

    /// Says so when the clock comes to be in doubt, and when it is trusted again: then what was held is done.
    fn look_at_clock(&mut self) {
        let doubt = self.wall.moment().doubt;
        let was = std::mem::replace(&mut self.doubted, doubt.is_some());
        self.chores.look(&self.wall, was && doubt.is_none());
        match doubt {
            Some(off) if !was => (self.news)(StoreEvent::ClockSuspect(off)),
            None if was => (self.news)(StoreEvent::ClockTrusted),
            Some(_) | None => {}
        }
    }
}
