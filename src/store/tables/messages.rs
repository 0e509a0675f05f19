//! The SQL of messages in rooms.
//!
//! *Owns* how a message is inserted, edited, erased and read, with the quotes that replies take from it.
//! *Knows nothing of* who may read it.

use log::warn;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::room_ids;
use crate::chat::message::{self, AccountId, MessageId, Quoted};
use crate::chat::names::RoomName;
use crate::store::database::bulk_insert;
use crate::store::database::sql_values::{
    account_at, integer, message_id_at, millis, room_name_at, time_at, u64_at, user_name_at,
};
use crate::store::database::text_slots;
use crate::store::records::MessageRecord;

/// Inserts messages, in this order.
pub(crate) fn insert(connection: &Connection, new: &[(&RoomName, &MessageRecord)]) -> rusqlite::Result<()> {
    let slots = text_slots::put_all(connection, new.iter().map(|(_, message)| &*message.text))?;
    let mut known: Option<(&RoomName, i64)> = None;
    let mut rows = Vec::with_capacity(new.len());
    for ((room, message), slot) in new.iter().zip(slots) {
        let number = match known {
            Some((before, number)) if before == *room => number,
            _ => room_ids::find_or_create(connection, room)?,
        };
        known = Some((room, number));
        rows.push((number, *message, slot));
    }
    const TABLE: &str = "messages (id, room, at, author, account, text, action, edited, reply_id, reply_author)";
    bulk_insert::insert(connection, TABLE, &rows, |parameters, (room, message, slot)| {
        parameters.put(integer(message.id.0))?;
        parameters.put(room)?;
        parameters.put(millis(message.at))?;
        parameters.put(message.author.as_str())?;
        parameters.put(message.account.map(|account| integer(account.0)))?;
        parameters.put(slot)?;
        parameters.put(message.action)?;
        parameters.put(message.edited)?;
        parameters.put(message.reply.as_ref().map(|reply| integer(reply.id.0)))?;
        parameters.put(message.reply.as_ref().map(|reply| reply.author.as_str()))
    })
}

/// Inserts the messages whose ids are not stored yet, in this order.
#[cfg(feature = "cluster")]
pub(crate) fn insert_missing(connection: &Connection, new: &[(&RoomName, &MessageRecord)]) -> rusqlite::Result<()> {
    let mut known = connection.prepare_cached("SELECT 1 FROM messages WHERE id = ?1")?;
    let mut missing: Vec<(&RoomName, &MessageRecord)> = Vec::with_capacity(new.len());
    let mut taken = std::collections::HashSet::with_capacity(new.len());
    for (room, message) in new {
        if taken.insert(message.id) && !known.exists([integer(message.id.0)])? {
            missing.push((room, message));
        }
    }
    insert(connection, &missing)
}

/// The id of the newest message of a room.
#[cfg(feature = "cluster")]
pub(crate) fn newest(connection: &Connection, room: &RoomName) -> rusqlite::Result<Option<MessageId>> {
    connection
        .prepare_cached(
            "SELECT id FROM messages WHERE room = (SELECT id FROM rooms WHERE folded = ?1) ORDER BY id DESC LIMIT 1",
        )?
        .query_row([room.folded()], |row| message_id_at(row, 0))
        .optional()
}

fn slot(connection: &Connection, room: i64, id: MessageId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT text FROM messages WHERE id = ?1 AND room = ?2")?
        .query_row([integer(id.0), room], |row| row.get(0))
        .optional()
}

/// Replaces the text of a message. Does nothing if it is not stored.
pub(crate) fn edit(connection: &Connection, room: &RoomName, id: MessageId, text: &str) -> rusqlite::Result<()> {
    let Some(room) = room_ids::find(connection, room)? else { return Ok(()) };
    let Some(before) = slot(connection, room, id)? else { return Ok(()) };
    let now = text_slots::replace(connection, before, text)?;
    connection
        .prepare_cached("UPDATE messages SET text = ?2, edited = 1 WHERE id = ?1")?
        .execute([integer(id.0), now])?;
    Ok(())
}

/// Erases a message. Does nothing if it is not stored.
pub(crate) fn delete(connection: &Connection, room: &RoomName, id: MessageId) -> rusqlite::Result<()> {
    let Some(room) = room_ids::find(connection, room)? else { return Ok(()) };
    let Some(text) = slot(connection, room, id)? else { return Ok(()) };
    delete_row(connection, integer(id.0), text)
}

fn delete_row(connection: &Connection, id: i64, text: i64) -> rusqlite::Result<()> {
    text_slots::wipe(connection, text)?;
    connection.prepare_cached("DELETE FROM messages WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// Erases at most `most` messages of deleted rooms. True if none is left.
pub(crate) fn delete_of_deleted_rooms(connection: &Connection, most: i64) -> rusqlite::Result<bool> {
    let gone = "SELECT id FROM rooms WHERE gone LIMIT 1";
    let Some(room) = connection.prepare_cached(gone)?.query_row([], |row| row.get::<_, i64>(0)).optional()? else {
        return Ok(true);
    };
    let rows = connection
        .prepare_cached("SELECT id, text FROM messages WHERE room = ?1 LIMIT ?2")?
        .query_map([room, most], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
    if rows.is_empty() {
        connection.prepare_cached("DELETE FROM rooms WHERE id = ?1")?.execute([room])?;
    }
    for (id, text) in rows {
        delete_row(connection, id, text)?;
    }
    Ok(false)
}

/// Erases at most `most` messages sent before a time. Returns how many there were.
pub(crate) fn expire(connection: &Connection, before: i64, most: i64) -> rusqlite::Result<usize> {
    let old = connection
        .prepare_cached("SELECT id, text FROM messages WHERE at < ?1 LIMIT ?2")?
        .query_map([before, most], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
    for (id, text) in &old {
        delete_row(connection, *id, *text)?;
    }
    Ok(old.len())
}

/// The highest id of any stored message.
pub(crate) fn highest(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT max(ifnull((SELECT max(id) FROM messages), 0), ifnull((SELECT max(id) FROM directs), 0))";
    connection.query_row(sql, [], |row| u64_at(row, 0))
}

/// How many messages are stored of each room that has any.
#[cfg(feature = "cluster")]
pub(crate) fn counts(connection: &Connection) -> rusqlite::Result<Vec<(RoomName, u64)>> {
    connection
        .prepare(
            "SELECT n.name, count(*) FROM messages m JOIN rooms n ON n.id = m.room WHERE NOT n.gone GROUP BY n.id",
        )?
        .query_map([], |row| Ok((room_name_at(row, 0)?, u64_at(row, 1)?)))?
        .collect()
}

/// How many messages are stored.
pub(crate) fn count(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT count(*) FROM messages", [], |row| u64_at(row, 0))
}

/// The columns that [`read`] takes, of each `m` sent at or after the time in the first parameter. A quote is read from the
/// quoted message itself, if that is stored in the same room: so an erased or expired message leaves no quotes behind,
/// and an edit shows in all of them at once.
///
/// The `+` keeps SQLite from searching by age ("The SQLite Query Optimizer Overview", section 2.1): nearly every message is
/// recent enough.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.at, m.author, m.account, t.data, m.action, m.edited, m.reply_id, m.reply_author, q.data, n.name
             FROM messages m JOIN texts t ON t.slot = m.text JOIN rooms n ON n.id = m.room
             LEFT JOIN messages r ON r.id = m.reply_id AND r.room = m.room AND r.at >= ?1
             LEFT JOIN texts q ON q.slot = r.text WHERE +m.at >= ?1 AND ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> rusqlite::Result<MessageRecord> {
    let reply = row.get::<_, Option<i64>>(7)?.map(|_| -> rusqlite::Result<Quoted> {
        let quoted = row.get::<_, Option<Vec<u8>>>(9)?;
        let start = quoted.map(|data| message::start(&text_slots::read(&data)));
        Ok(Quoted { id: message_id_at(row, 7)?, author: user_name_at(row, 8)?, start })
    });
    Ok(MessageRecord {
        id: message_id_at(row, 0)?,
        at: time_at(row, 1)?,
        author: user_name_at(row, 2)?,
        account: account_at(row, 3)?,
        text: text_slots::read(&row.get::<_, Vec<u8>>(4)?),
        action: row.get(5)?,
        edited: row.get(6)?,
        reply: reply.transpose()?,
    })
}

/// Reads messages of a room before an id, sent since a time, newest first, into `found`. They stay there even if the query
/// runs out of time.
pub(crate) fn before(
    connection: &Connection,
    since: i64,
    room: &RoomName,
    before: MessageId,
    most: usize,
    found: &mut Vec<MessageRecord>,
) -> rusqlite::Result<()> {
    let sql = select!("m.room = (SELECT id FROM rooms WHERE folded = ?2) AND m.id < ?3 ORDER BY m.id DESC LIMIT ?4");
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![since, room.folded(), integer(before.0), integer(most as u64)])?;
    while let Some(row) = rows.next()? {
        // An unreadable row, which takes manual changes to the file, must not hide all others.
        match read(row) {
            Ok(message) => found.push(message),
            Err(error) => warn!("skipped an unreadable message of the database: {error}"),
        }
    }
    Ok(())
}

/// Finds a message by id, and its room.
pub(crate) fn find(
    connection: &Connection,
    since: i64,
    id: MessageId,
) -> rusqlite::Result<Option<(RoomName, MessageRecord)>> {
    connection
        .prepare_cached(select!("m.id = ?2 AND NOT n.gone"))?
        .query_row([since, integer(id.0)], |row| Ok((room_name_at(row, 10)?, read(row)?)))
        .optional()
}

/// The last message of an account in a room before an id.
pub(crate) fn last_by(
    connection: &Connection,
    since: i64,
    account: AccountId,
    room: &RoomName,
    before: MessageId,
) -> rusqlite::Result<Option<MessageRecord>> {
    let sql = select!(
        "m.account = ?2 AND m.room = (SELECT id FROM rooms WHERE folded = ?3) AND m.id < ?4 ORDER BY m.id DESC LIMIT 1"
    );
    let parameters = params![since, integer(account.0), room.folded(), integer(before.0)];
    connection.prepare_cached(sql)?.query_row(parameters, read).optional()
}

/// The id of the first of a room's last `most` messages; 0 if it has fewer.
fn first_of_last(connection: &Connection, room: &RoomName, most: usize) -> rusqlite::Result<u64> {
    let sql = "SELECT id FROM messages WHERE room = (SELECT id FROM rooms WHERE folded = ?1) ORDER BY id DESC LIMIT 1 OFFSET ?2";
    let skipped = integer(most.saturating_sub(1) as u64);
    let first = connection.prepare_cached(sql)?.query_row(params![room.folded(), skipped], |row| u64_at(row, 0));
    Ok(first.optional()?.unwrap_or(0))
}

/// The last messages of every room that has any, as far as they were sent at or after a time, oldest first.
pub(crate) fn histories(
    connection: &Connection,
    since: i64,
    most: usize,
) -> rusqlite::Result<Vec<(RoomName, Vec<MessageRecord>)>> {
    let names = connection
        .prepare("SELECT name FROM rooms WHERE NOT gone ORDER BY folded")?
        .query_map([], |row| room_name_at(row, 0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut histories = Vec::new();
    for name in names {
        let mut messages = Vec::new();
        before(connection, since, &name, MessageId(u64::MAX), most, &mut messages)?;
        // Among the last `most` only: otherwise a message dated ahead would come back from among many that are too old.
        let first = first_of_last(connection, &name, most)?;
        messages.retain(|message| message.id.0 >= first);
        messages.reverse();
        if !messages.is_empty() {
            histories.push((name, messages));
        }
    }
    Ok(histories)
}
