//! The SQL of what the database says about itself: reserved message ids, and when the server last ran.
//!
//! *Owns* the keys of the table `meta`. *Knows nothing of* what follows from them.

use rusqlite::{Connection, OptionalExtension};

use crate::store::database::sql_values::{integer, number_at};

/// The last moment of an orderly run, in milliseconds. In a file of an older version, which has none: the newest moment of
/// anything that could be lost; `None` if there is nothing of that.
pub fn last_moment(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT ifnull((SELECT value FROM meta WHERE key = 'last_moment'),
               (SELECT max(at) FROM (SELECT max(at) AS at FROM messages UNION ALL SELECT max(at) FROM directs
                UNION ALL SELECT max(at) FROM audit UNION ALL SELECT max(at) FROM address_bans)))";
    connection.query_row(sql, [], |row| row.get(0))
}

/// Keeps that.
pub fn keep_moment(connection: &Connection, at: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('last_moment', ?1)")?.execute([at])?;
    Ok(())
}

/// Up to which number those of messages are reserved.
pub fn reserved_numbers(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT value FROM meta WHERE key = 'last_message'";
    Ok(connection.query_row(sql, [], |row| number_at(row, 0)).optional()?.unwrap_or(0))
}

/// Reserves the numbers up to this one.
pub fn reserve_numbers(connection: &Connection, to: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('last_message', ?1)")?
        .execute([integer(to)])?;
    Ok(())
}
