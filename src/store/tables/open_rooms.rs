//! The SQL of the rooms that accounts are in.
//!
//! *Owns* that the last list written is the one read. *Knows nothing of* who may be in a room.

use rusqlite::{Connection, params};

use super::room_ids;
use crate::chat::message::AccountId;
use crate::store::database::sql_values::{integer, room_name_at, text_at};
use crate::store::records::OpenRoomRecord;

/// Replaces the list of rooms an account is in. Does nothing if the account is gone.
pub(crate) fn replace(connection: &Connection, account: AccountId, rooms: &[OpenRoomRecord]) -> rusqlite::Result<()> {
    let account = integer(account.0);
    connection.prepare_cached("DELETE FROM open_rooms WHERE account = ?1")?.execute([account])?;
    if !connection.prepare_cached("SELECT 1 FROM accounts WHERE id = ?1")?.exists([account])? {
        return Ok(());
    }
    let sql = "INSERT INTO open_rooms (account, position, room, door) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = connection.prepare_cached(sql)?;
    for (position, open) in (0_i64..).zip(rooms) {
        let room = match room_ids::find(connection, &open.room)? {
            Some(room) => room,
            None if open.made => continue,
            None => room_ids::find_or_create(connection, &open.room)?,
        };
        insert.execute(params![account, position, room, &*open.door])?;
    }
    Ok(())
}

/// The rooms an account is in, the current one last.
pub(crate) fn list(connection: &Connection, account: AccountId) -> rusqlite::Result<Vec<OpenRoomRecord>> {
    connection
        .prepare_cached(
            "SELECT n.name, n.made_by IS NOT NULL, o.door FROM open_rooms o JOIN rooms n ON n.id = o.room
             WHERE o.account = ?1 ORDER BY o.position",
        )?
        .query_map([integer(account.0)], |row| {
            Ok(OpenRoomRecord { room: room_name_at(row, 0)?, made: row.get(1)?, door: text_at(row, 2)? })
        })?
        .collect()
}
