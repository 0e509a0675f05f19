//! The SQL of the server's own state: reserved message ids, when it last ran, and whether it ended well.
//!
//! *Owns* the keys of the table `meta`. *Knows nothing of* what follows from them.

use rusqlite::{Connection, OptionalExtension};

use crate::store::database::sql_values::{integer, u64_at};

/// When the server last ran with a trusted clock, in milliseconds. A file of an older version does not say; then it is the
/// newest time of anything that could expire, or `None` if there is nothing of that kind.
pub(crate) fn last_run(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT ifnull((SELECT value FROM meta WHERE key = 'last_moment'),
               (SELECT max(at) FROM (SELECT max(at) AS at FROM messages UNION ALL SELECT max(at) FROM directs
                UNION ALL SELECT max(at) FROM audit UNION ALL SELECT max(at) FROM address_bans)))";
    connection.query_row(sql, [], |row| row.get(0))
}

/// Stores when the server last ran with a trusted clock.
pub(crate) fn save_last_run(connection: &Connection, at: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('last_moment', ?1)")?.execute([at])?;
    Ok(())
}

/// Whether the last run ended before everything was written: it was killed, or the disk failed it. A file of an older version
/// does not say.
pub(crate) fn broke_off(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT value FROM meta WHERE key = 'running'";
    Ok(connection.query_row(sql, [], |row| row.get(0)).optional()?.unwrap_or(false))
}

/// Stores whether a server is running, so that some of its writes may be missing.
pub(crate) fn save_running(connection: &Connection, running: bool) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('running', ?1)")?.execute([running])?;
    Ok(())
}

/// The highest reserved message id.
pub(crate) fn reserved_ids(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT value FROM meta WHERE key = 'last_message'";
    Ok(connection.query_row(sql, [], |row| u64_at(row, 0)).optional()?.unwrap_or(0))
}

/// Reserves the message ids up to this one.
pub(crate) fn reserve_ids(connection: &Connection, to: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('last_message', ?1)")?
        .execute([integer(to)])?;
    Ok(())
}

/// Forgets how far the cluster's logs were read, because the file is now a server's own.
#[cfg(feature = "cluster")]
pub(crate) fn forget_log_places(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM meta WHERE key GLOB 'log_position *' OR key GLOB 'log_term *'", [])?;
    Ok(())
}
