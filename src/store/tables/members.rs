//! The SQL of room membership: which account joined which room when.
//!
//! *Owns* that the first time counts. *Knows nothing of* who may read what.

use rusqlite::{Connection, Row};

use super::room_ids;
use crate::chat::message::{AccountId, MessageId};
use crate::chat::names::RoomName;
use crate::store::database::sql_values::{account_at, integer, message_id_at};
use crate::store::records::MemberRecord;

/// Records that an account became a member of a room after the message `since`. Does nothing if the account is gone, or a
/// user-made room is: it may have been deleted a moment ago and must not come back.
pub(crate) fn insert(
    connection: &Connection,
    account: AccountId,
    room: &RoomName,
    since: MessageId,
    made: bool,
) -> rusqlite::Result<()> {
    let account = integer(account.0);
    if !connection.prepare_cached("SELECT 1 FROM accounts WHERE id = ?1")?.exists([account])? {
        return Ok(());
    }
    let room = match room_ids::find(connection, room)? {
        Some(room) => room,
        None if made => return Ok(()),
        None => room_ids::find_or_create(connection, room)?,
    };
    connection
        .prepare_cached(
            "INSERT INTO members (account, room, since) VALUES (?1, ?2, ?3)
             ON CONFLICT (account, room) DO UPDATE SET since = min(since, excluded.since)",
        )?
        .execute([account, room, integer(since.0)])?;
    Ok(())
}

/// Removes all members of a room.
pub(crate) fn delete_of_room(connection: &Connection, room: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM members WHERE room = ?1")?.execute([room])?;
    Ok(())
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<MemberRecord> {
    Ok(MemberRecord { account: account_at(row, 0)?.unwrap_or(AccountId(0)), since: message_id_at(row, 1)? })
}

pub(crate) const SELECT: &str = "SELECT account, since FROM members WHERE room = ?1";
