//! A connection that only reads, and how long a query may keep it.
//!
//! *Owns* the budget of time: SQLite asks every few thousand steps whether it is used up.
//! *Knows nothing of* what is asked. *Called by* `reading`, from threads that hold no lock.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::sqlite_errors;
use crate::store::error::{ReadError, StoreFailure};

/// Steps of SQLite's machine between two looks at the clock: some tens of microseconds.
const STEPS: i32 = 2000;

/// Pages a connection keeps, in KiB.
const CACHE_KIB: i64 = 1024;

/// How long a read waits where another process holds the database, which in its journal mode is nearly never.
const BUSY: Duration = Duration::from_secs(1);

/// One connection, for one query at a time.
pub struct ReadConnection {
    /// A leaf, held for a query and so for its budget at most. Not to be taken under any lock: there is a disk behind it.
    connection: Mutex<Option<Connection>>,
}

impl ReadConnection {
    /// Opens a connection that cannot write.
    pub fn open(path: &Path) -> rusqlite::Result<ReadConnection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        Ok(ReadConnection { connection: Mutex::new(Some(connection)) })
    }

    /// Reads for so long at most.
    pub fn read<T>(
        &self,
        budget: Duration,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, ReadError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = connection.as_mut() else { return Err(ReadError(StoreFailure::Closed)) };
        let until = Instant::now() + budget;
        let is_over = move || Instant::now() >= until;
        let budgeted = connection.progress_handler(STEPS, Some(is_over));
        budgeted.and_then(|()| query(connection)).map_err(|error| ReadError(sqlite_errors::reason(&error)))
    }

    /// Ends the connection.
    pub fn close(&self) {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(connection);
    }
}
