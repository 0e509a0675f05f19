//! A read-only connection with a time limit per query.
//!
//! *Owns* the time limit: SQLite checks it every few thousand steps. *Knows nothing of* the queries.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::sqlite_errors;
use crate::store::error::{ReadError, StoreError};

/// Steps of SQLite's virtual machine between two looks at the clock: some tens of microseconds.
const STEPS: i32 = 2000;

/// Page cache, in KiB.
const CACHE_KIB: i64 = 1024;

/// How long a read waits while another process holds the database, which hardly ever happens in WAL mode.
const BUSY: Duration = Duration::from_secs(1);

/// One connection, for one query at a time.
pub(crate) struct ReadConnection {
    /// A leaf, held for one query and so for its time limit at most. Never taken under another lock: it waits for the disk.
    connection: Mutex<Option<Connection>>,
}

impl ReadConnection {
    /// Opens a connection that cannot write.
    pub(crate) fn open(path: &Path) -> rusqlite::Result<ReadConnection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        Ok(ReadConnection { connection: Mutex::new(Some(connection)) })
    }

    /// Runs a query for at most `budget`.
    pub(crate) fn read<T>(
        &self,
        budget: Duration,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, ReadError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = connection.as_mut() else { return Err(ReadError(StoreError::Closed)) };
        let until = Instant::now() + budget;
        let is_over = move || Instant::now() >= until;
        let budgeted = connection.progress_handler(STEPS, Some(is_over));
        budgeted.and_then(|()| query(connection)).map_err(|error| ReadError(sqlite_errors::failure(&error)))
    }

    pub(crate) fn close(&self) {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(connection);
    }
}
