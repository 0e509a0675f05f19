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
use super::schema::{self, Kind, VERSION};
use super::sqlite_errors;
use crate::store::error::{OpenError, StoreFailure};

/// How long a statement waits for another process that writes, as `chatsock user` does for a moment. Less than a third of
/// the time that somebody who asks waits: he hears why, even behind one who has just begun to wait.
pub(crate) const BUSY: Duration = Duration::from_secs(3);

/// Memory of a connection for pages, in KiB. What people read is mostly in memory before it is here; the rest is the
/// system's cache.
const CACHE_KIB: i64 = 2048;

/// What SQLite says while a database is opened.
pub(crate) fn refused(path: &Path, error: &rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign(path),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => OpenError::Denied(path),
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, words: error.to_string().into() },
        _ => OpenError::Failed { path, reason: sqlite_errors::reason(error) },
    }
}

/// Opens a connection that can write, and says what is behind it. Nothing is changed yet.
pub(crate) fn connect(path: &Path) -> Result<(Connection, Kind), OpenError> {
    let failed = |error| refused(path, &error);
    // Without SQLITE_OPEN_CREATE: the file is made by us, with its mode.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    // SQLite opens what it may not write for reading alone, without a word.
    if connection.is_readonly("main").map_err(failed)? {
        return Err(OpenError::Denied(path.to_owned()));
    }
    let kind = schema::identify(&connection).map_err(failed)?;
    match kind {
        Kind::Foreign => Err(OpenError::Foreign(path.to_owned())),
        Kind::Ours(found) if found > VERSION => Err(OpenError::Newer { path: path.to_owned(), found, known: VERSION }),
        kind => Ok((connection, kind)),
    }
}

/// Sets what every connection that writes needs. The file is ours by now.
fn configure(connection: &Connection) -> rusqlite::Result<bool> {
    // Readers go on while somebody writes, and a commit is one write and one wait for the disk.
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    // FULL: a commit is on the disk when it returns, not only safe from our own crash. With NORMAL a power failure could
    // take back what somebody was told is saved.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Deleted rows are overwritten. Answers with the new value, like the next but one.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // No statement may write what it sorts beside the database.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(mode.eq_ignore_ascii_case("wal"))
}

/// Makes a connection ready: modes, tables, version. Whoever calls holds the lock, or knows that nothing is to be changed.
pub(crate) fn make_ready(connection: &Connection, path: &Path, kind: Kind) -> Result<(), OpenError> {
    let failed = |error| refused(path, &error);
    files::tighten_all(path)?;
    if !configure(connection).map_err(failed)? {
        let words = "its file system cannot share memory between programs (is it on a network?)";
        return Err(OpenError::Failed { path: path.to_owned(), reason: StoreFailure::Other(words.into()) });
    }
    match kind {
        Kind::Empty => schema::create(connection).map_err(failed)?,
        Kind::Ours(version) if version < VERSION => migration::migrate(connection, path, version)?,
        Kind::Ours(_) | Kind::Foreign => {}
    }
    connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
    Ok(())
}

/// Writes the log into the database and empties it, without waiting for readers. False if one is in the way. `busy` is how
/// long the connection waits for others otherwise.
pub(crate) fn truncate_log(connection: &Connection, busy: Duration) -> rusqlite::Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    let refused = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.busy_timeout(busy)?;
    Ok(refused? == 0)
}
