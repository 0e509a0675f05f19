//! The SQL of how far each account has read in each room.
//!
//! *Owns* what counts as unread. *Knows nothing of* who may read.

use rusqlite::{Connection, OptionalExtension};

use super::room_ids;
use crate::chat::message::{AccountId, MessageId};
use crate::chat::names::RoomName;
use crate::store::database::sql_values::{integer, message_id_at, room_name_at, u64_at};
use crate::store::records::Visit;

/// Unread messages of a room are counted up to this number. Users who have more see this number, and counting takes at
/// most that many index steps.
const MAX_UNREAD: i64 = 1000;

/// Records how far a user has read. Never goes backwards; does nothing if the account is deleted.
pub(crate) fn save(
    connection: &Connection,
    account: AccountId,
    room: &RoomName,
    last: MessageId,
) -> rusqlite::Result<()> {
    let account = integer(account.0);
    if !connection.prepare_cached("SELECT 1 FROM accounts WHERE id = ?1")?.exists([account])? {
        return Ok(());
    }
    let room = room_ids::find_or_create(connection, room)?;
    connection
        .prepare_cached(
            "INSERT INTO visits (account, room, last) VALUES (?1, ?2, ?3)
             ON CONFLICT (account, room) DO UPDATE SET last = max(last, excluded.last)",
        )?
        .execute([account, room, integer(last.0)])?;
    Ok(())
}

/// How far a user has read, room by room.
pub(crate) fn list(connection: &Connection, account: AccountId) -> rusqlite::Result<Vec<Visit>> {
    connection
        .prepare_cached(
            "SELECT n.name, v.last FROM visits v JOIN rooms n ON n.id = v.room WHERE v.account = ?1 ORDER BY n.folded",
        )?
        .query_map([integer(account.0)], |row| Ok(Visit { room: room_name_at(row, 0)?, last: message_id_at(row, 1)? }))?
        .collect()
}

/// How many messages of others are unread, for each room that has any. Messages in `deleted` do not count, though they are
/// still stored.
pub(crate) fn unread(
    connection: &Connection,
    since: i64,
    account: AccountId,
    deleted: &[MessageId],
) -> rusqlite::Result<Vec<(RoomName, u64)>> {
    let most = MAX_UNREAD + deleted.len() as i64;
    let mut unread = connection
        .prepare_cached(
            "SELECT n.name, (SELECT count(*) FROM (SELECT 1 FROM messages m WHERE m.room = v.room AND m.id > v.last
             AND m.account IS NOT v.account AND +m.at >= ?3 LIMIT ?2))
             FROM visits v JOIN rooms n ON n.id = v.room WHERE v.account = ?1 ORDER BY n.folded",
        )?
        .query_map([integer(account.0), most, since], |row| Ok((room_name_at(row, 0)?, u64_at(row, 1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut counted = connection.prepare_cached(
        "SELECT n.name FROM messages m JOIN visits v ON v.room = m.room AND v.account = ?1 JOIN rooms n ON n.id = m.room
         WHERE m.id = ?2 AND m.id > v.last AND m.account IS NOT v.account AND m.at >= ?3",
    )?;
    for id in deleted {
        let room =
            counted.query_row([integer(account.0), integer(id.0), since], |row| room_name_at(row, 0)).optional()?;
        if let Some((_, count)) = unread.iter_mut().find(|(name, _)| Some(name) == room.as_ref()) {
            *count = count.saturating_sub(1);
        }
    }
    unread.iter_mut().for_each(|(_, count)| *count = (*count).min(MAX_UNREAD.unsigned_abs()));
    unread.retain(|(_, count)| *count > 0);
    Ok(unread)
}
