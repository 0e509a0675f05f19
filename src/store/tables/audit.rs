//! The SQL of the audit log.
//!
//! *Owns* its length. *Knows nothing of* what deserves an entry.

use rusqlite::{Connection, params};

use crate::store::database::sql_values::{integer, millis, readable_rows, text_at, time_at, user_name_at};
use crate::store::records::AuditEntry;

/// Most entries stored; beyond that, the oldest goes. At a hundred bytes each, 10 MB.
const MAX_ENTRIES: i64 = 100_000;

pub(crate) fn append(connection: &Connection, entry: &AuditEntry) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT INTO audit (at, who, what) VALUES (?1, ?2, ?3)")?.execute(params![
        millis(entry.at),
        entry.who.as_str(),
        &*entry.what
    ])?;
    let last = connection.last_insert_rowid();
    connection.prepare_cached("DELETE FROM audit WHERE id <= ?1")?.execute([last - MAX_ENTRIES])?;
    Ok(())
}

/// The latest entries, newest first.
pub(crate) fn latest(connection: &Connection, most: usize) -> rusqlite::Result<Vec<AuditEntry>> {
    let sql = "SELECT at, who, what FROM audit ORDER BY id DESC LIMIT ?1";
    readable_rows(connection, sql, &[integer(most as u64)], |row| {
        Ok(AuditEntry { at: time_at(row, 0)?, who: user_name_at(row, 1)?, what: text_at(row, 2)? })
    })
}
