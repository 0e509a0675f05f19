//! The SQL of how far the logs of a cluster were read into its archive.
//!
//! *Owns* the keys of these numbers in the table `meta`. *Knows nothing of* logs.

use rusqlite::{Connection, OptionalExtension, Row};

use crate::store::database::sql_values::{integer, u64_at};
use crate::store::records::ArchivePlace;

/// Before the name of a log: the number of its last entry that was read, and the term.
const POSITION: &str = "log_position ";
const TERM: &str = "log_term ";

fn value(connection: &Connection, key: &str) -> rusqlite::Result<u64> {
    let mut find = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    Ok(find.query_row([key], |row| u64_at(row, 0)).optional()?.unwrap_or(0))
}

/// Term and number of the last entry of a log that was read; 0 and 0 if none was.
pub(crate) fn find(connection: &Connection, log: &str) -> rusqlite::Result<(u64, u64)> {
    Ok((value(connection, &format!("{TERM}{log}"))?, value(connection, &format!("{POSITION}{log}"))?))
}

/// Stores how far a log was read.
pub(crate) fn save(connection: &Connection, place: &ArchivePlace) -> rusqlite::Result<()> {
    let mut save = connection.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?;
    let ArchivePlace { log, term, number } = place;
    save.execute((format!("{TERM}{log}"), integer(*term)))?;
    save.execute((format!("{POSITION}{log}"), integer(*number)))?;
    Ok(())
}

/// How far each log was read.
pub(crate) fn list(connection: &Connection) -> rusqlite::Result<Vec<ArchivePlace>> {
    let mut logs = connection.prepare("SELECT substr(key, ?1) FROM meta WHERE key GLOB ?2 ORDER BY key")?;
    let from = POSITION.len() as i64 + 1;
    let logs = logs.query_map((from, format!("{POSITION}*")), |row: &Row<'_>| row.get::<_, String>(0))?;
    let place = |log: String| {
        let (term, number) = find(connection, &log)?;
        Ok(ArchivePlace { log: log.into(), term, number })
    };
    logs.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().map(place).collect()
}

/// Whether the file holds no account, room, message or address ban.
pub(crate) fn is_blank(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT NOT (EXISTS (SELECT 1 FROM accounts) OR EXISTS (SELECT 1 FROM messages)
               OR EXISTS (SELECT 1 FROM rooms) OR EXISTS (SELECT 1 FROM address_bans))";
    connection.query_row(sql, [], |row| row.get(0))
}

/// What the file holds, in a few figures.
pub(crate) fn fingerprint(connection: &Connection) -> rusqlite::Result<String> {
    let sql = "SELECT (SELECT count(*) FROM accounts) || '-' || (SELECT ifnull(max(id), 0) FROM accounts) || '-' ||
               (SELECT ifnull(min(created), 0) FROM accounts) || '-' || (SELECT ifnull(max(id), 0) FROM messages) || '-' ||
               (SELECT ifnull(max(at), 0) FROM messages) || '-' || (SELECT ifnull(max(id), 0) FROM audit)";
    connection.query_row(sql, [], |row| row.get(0))
}
