//! The SQL of the audit log.
//!
//! *Owns* how long it gets. *Knows nothing of* what is worth an entry.

use rusqlite::{Connection, params};

use crate::store::database::sql_values::{integer, moment, moment_at, readable_rows, user_at, words_at};
use crate::store::records::AuditEntry;

/// Entries of the audit that are kept; of more the oldest goes. At a hundred bytes each, 10 MB.
const MOST_AUDITED: i64 = 100_000;

/// Notes a deed.
pub fn record(connection: &Connection, entry: &AuditEntry) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT INTO audit (at, who, what) VALUES (?1, ?2, ?3)")?.execute(params![
        moment(entry.at),
        entry.who.as_str(),
        &*entry.what
    ])?;
    let last = connection.last_insert_rowid();
    connection.prepare_cached("DELETE FROM audit WHERE id <= ?1")?.execute([last - MOST_AUDITED])?;
    Ok(())
}

/// The last deeds, newest first.
pub fn latest(connection: &Connection, most: usize) -> rusqlite::Result<Vec<AuditEntry>> {
    let sql = "SELECT at, who, what FROM audit ORDER BY id DESC LIMIT ?1";
    readable_rows(connection, sql, &[integer(most as u64)], |row| {
        Ok(AuditEntry { at: moment_at(row, 0)?, who: user_at(row, 1)?, what: words_at(row, 2)? })
    })
}
