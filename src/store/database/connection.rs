//! Connections that can write: opened, checked and configured.
//!
//! *Owns* the settings that durability and erasing depend on.
//! *Knows nothing of* what is written.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::files;
use super::migration;
use super::schema::{self, DatabaseKind, VERSION};
use super::sqlite_errors;
use crate::store::error::{OpenError, StoreError};

/// How long a statement waits for another process that is writing, as `chatsock user` does for a moment. It is less than a
/// third of a caller's timeout, so that a caller still gets an answer when another one has just begun to wait.
pub(crate) const BUSY: Duration = Duration::from_secs(3);

/// Page cache of a connection, in KiB. Most of what people read is in memory before it gets here; the system's cache
/// covers the rest.
const CACHE_KIB: i64 = 2048;

/// Translates an error that SQLite reports while a database is being opened.
pub(crate) fn open_error(path: &Path, error: &rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign(path),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => OpenError::Denied(path),
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, message: error.to_string().into() },
        _ => OpenError::Failed { path, reason: sqlite_errors::failure(error) },
    }
}

/// Opens a connection that can write, and says what kind of file it found. Changes nothing yet.
pub(crate) fn open(path: &Path) -> Result<(Connection, DatabaseKind), OpenError> {
    let failed = |error| open_error(path, &error);
    // Without SQLITE_OPEN_CREATE: we create the file ourselves, with its mode.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    // SQLite silently opens a file read-only when it may not write it.
    if connection.is_readonly("main").map_err(failed)? {
        return Err(OpenError::Denied(path.to_owned()));
    }
    let kind = schema::identify(&connection).map_err(failed)?;
    match kind {
        DatabaseKind::Foreign => Err(OpenError::Foreign(path.to_owned())),
        DatabaseKind::Ours(found) if found > VERSION => {
            Err(OpenError::Newer { path: path.to_owned(), found, known: VERSION })
        }
        kind @ (DatabaseKind::Empty | DatabaseKind::Ours(_)) => Ok((connection, kind)),
    }
}

/// Sets the modes that every writing connection needs. False if the file cannot have a write-ahead log. The file is
/// known to be ours.
fn configure(connection: &Connection) -> rusqlite::Result<bool> {
    // Readers go on while the writer writes, and a commit is one write and one wait for the disk.
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    // FULL: a commit is on the disk when it returns, not only safe from our own crash. With NORMAL, a power failure
    // could undo what a user was told is saved.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Deleted rows are overwritten. This pragma returns its new value.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // No statement may write its sorting space beside the database.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(mode.eq_ignore_ascii_case("wal"))
}

/// Makes a connection ready: modes, tables, version. The caller holds the lock or knows that nothing will change.
pub(crate) fn prepare(connection: &Connection, path: &Path, kind: DatabaseKind) -> Result<(), OpenError> {
    let failed = |error| open_error(path, &error);
    files::restrict_modes(path)?;
    if !configure(connection).map_err(failed)? {
        let message = "its file system cannot share memory between programs (is it on a network?)";
        return Err(OpenError::Failed { path: path.to_owned(), reason: StoreError::Other(message.into()) });
    }
    match kind {
        DatabaseKind::Empty => schema::create(connection).map_err(failed)?,
        DatabaseKind::Ours(version) if version < VERSION => migration::migrate(connection, path, version)?,
        DatabaseKind::Ours(_) | DatabaseKind::Foreign => {}
    }
    connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
    Ok(())
}

/// Writes the log into the database and empties it, without waiting for readers. False if a reader is in the way. `busy` is
/// the connection's usual timeout.
pub(crate) fn truncate_log(connection: &Connection, busy: Duration) -> rusqlite::Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    let refused = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.busy_timeout(busy)?;
    Ok(refused? == 0)
}
