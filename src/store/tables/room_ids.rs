//! The SQL of room ids.
//!
//! *Owns* that a room gets an id when anything of it is first stored. *Knows nothing of* the rest of a room.

use rusqlite::{Connection, OptionalExtension};

use crate::chat::names::RoomName;

/// The id of a room, if anything of it is stored.
pub(crate) fn find(connection: &Connection, name: &RoomName) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM rooms WHERE folded = ?1")?
        .query_row([name.folded()], |row| row.get(0))
        .optional()
}

/// The id of a room. Gives it one if it has none yet.
pub(crate) fn find_or_create(connection: &Connection, name: &RoomName) -> rusqlite::Result<i64> {
    if let Some(room) = find(connection, name)? {
        return Ok(room);
    }
    connection
        .prepare_cached("INSERT INTO rooms (name, folded) VALUES (?1, ?2)")?
        .execute([name.as_str(), name.folded()])?;
    Ok(connection.last_insert_rowid())
}
