//! The SQL of direct messages for offline users.
//!
//! *Owns* how many a user may have waiting, and that nothing is left of one that was shown.
//! *Knows nothing of* who is offline.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::chat::message::{AccountId, MessageId, Quoted};
use crate::store::database::sql_values::{account_at, integer, message_id_at, millis, time_at, user_name_at};
use crate::store::database::text_slots;
use crate::store::records::{MAX_OFFLINE_MESSAGES, MAX_OFFLINE_MESSAGES_PER_SENDER, OfflineMessageRecord};

/// Whether a message was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Insertion {
    Stored,
    /// Too many wait for this account.
    MailboxFull,
    /// Too many of this sender's wait for this account.
    SenderShare,
    NoAccount,
}

/// Stores a message for an account.
pub(crate) fn insert(
    connection: &Connection,
    to: AccountId,
    direct: &OfflineMessageRecord,
) -> rusqlite::Result<Insertion> {
    let account = integer(to.0);
    if !connection.prepare_cached("SELECT 1 FROM accounts WHERE id = ?1")?.exists([account])? {
        return Ok(Insertion::NoAccount);
    }
    let author = direct.account.map(|account| integer(account.0));
    // As `OfflineMessageRecord::shares_with`: NULL equals nothing.
    let (waiting, from_sender): (i64, i64) = connection
        .prepare_cached(
            "SELECT count(*), count(*) FILTER (WHERE sender_account = ?2 OR (?2 IS NULL AND sender_account IS NULL AND
             sender_address = ?3)) FROM directs WHERE account = ?1",
        )?
        .query_row(params![account, author, address(direct)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if from_sender >= MAX_OFFLINE_MESSAGES_PER_SENDER as i64 {
        return Ok(Insertion::SenderShare);
    }
    if waiting >= MAX_OFFLINE_MESSAGES as i64 {
        return Ok(Insertion::MailboxFull);
    }
    let text = text_slots::put(connection, &direct.text)?;
    let start = direct.reply.as_ref().and_then(|reply| reply.start.as_deref());
    let quote = start.map(|start| text_slots::put(connection, start)).transpose()?;
    connection
        .prepare_cached(
            "INSERT INTO directs (account, id, at, sender, sender_account, text, action, edited, reply_id, reply_author, quote,
                                  sender_address)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            account,
            integer(direct.id.0),
            millis(direct.at),
            direct.from.as_str(),
            author,
            text,
            direct.action,
            direct.edited,
            direct.reply.as_ref().map(|reply| integer(reply.id.0)),
            direct.reply.as_ref().map(|reply| reply.author.as_str()),
            quote,
            address(direct),
        ])?;
    Ok(Insertion::Stored)
}

fn address(direct: &OfflineMessageRecord) -> Option<String> {
    direct.address.map(|address| address.to_string())
}

fn offline_message(row: &Row<'_>) -> rusqlite::Result<OfflineMessageRecord> {
    let reply = row.get::<_, Option<i64>>(6)?.map(|_| -> rusqlite::Result<Quoted> {
        let start = row.get::<_, Option<Vec<u8>>>(8)?.map(|data| text_slots::read(&data));
        Ok(Quoted { id: message_id_at(row, 6)?, author: user_name_at(row, 7)?, start })
    });
    Ok(OfflineMessageRecord {
        id: message_id_at(row, 0)?,
        at: time_at(row, 1)?,
        from: user_name_at(row, 2)?,
        account: account_at(row, 3)?,
        address: row.get::<_, Option<String>>(10)?.and_then(|address| address.parse().ok()),
        text: text_slots::read(&row.get::<_, Vec<u8>>(9)?),
        action: row.get(4)?,
        edited: row.get(5)?,
        reply: reply.transpose()?,
    })
}

/// The messages that wait for an account, oldest first.
pub(crate) fn list(
    connection: &Connection,
    since: i64,
    account: AccountId,
) -> rusqlite::Result<Vec<OfflineMessageRecord>> {
    connection
        .prepare_cached(
            "SELECT d.id, d.at, d.sender, d.sender_account, d.action, d.edited, d.reply_id, d.reply_author, q.data, t.data,
                    d.sender_address
             FROM directs d JOIN texts t ON t.slot = d.text LEFT JOIN texts q ON q.slot = d.quote
             WHERE d.account = ?1 AND +d.at >= ?2 ORDER BY d.id",
        )?
        .query_map([integer(account.0), since], offline_message)?
        .collect()
}

/// Erases messages that were shown, unless their texts have changed since.
pub(crate) fn delete_shown(
    connection: &Connection,
    account: AccountId,
    shown: &[(MessageId, Box<str>)],
) -> rusqlite::Result<()> {
    let account = integer(account.0);
    for (id, text) in shown {
        let found: Option<(i64, Option<i64>, Vec<u8>)> = connection
            .prepare_cached(
                "SELECT d.text, d.quote, t.data FROM directs d JOIN texts t ON t.slot = d.text
                 WHERE d.account = ?1 AND d.id = ?2",
            )?
            .query_row([account, integer(id.0)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((slot, quote, data)) = found else { continue };
        if text_slots::read(&data) != *text {
            continue;
        }
        [Some(slot), quote].into_iter().flatten().try_for_each(|slot| text_slots::wipe(connection, slot))?;
        connection
            .prepare_cached("DELETE FROM directs WHERE account = ?1 AND id = ?2")?
            .execute([account, integer(id.0)])?;
    }
    Ok(())
}

/// The text slots that a query with one parameter selects.
fn slots(connection: &Connection, sql: &'static str, parameter: i64) -> rusqlite::Result<Vec<i64>> {
    connection.prepare_cached(sql)?.query_map([parameter], |row| row.get(0))?.collect()
}

/// Erases everything that waits for an account.
pub(crate) fn delete_all(connection: &Connection, account: AccountId) -> rusqlite::Result<()> {
    let account = integer(account.0);
    let own = "SELECT text FROM directs WHERE account = ?1
               UNION ALL SELECT quote FROM directs WHERE account = ?1 AND quote IS NOT NULL";
    for slot in slots(connection, own, account)? {
        text_slots::wipe(connection, slot)?;
    }
    connection.prepare_cached("DELETE FROM directs WHERE account = ?1")?.execute([account])?;
    Ok(())
}

/// Removes the quotes of a message from replies to it.
fn unquote(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    let quotes = "SELECT quote FROM directs WHERE reply_id = ?1 AND quote IS NOT NULL";
    for slot in slots(connection, quotes, id)? {
        text_slots::wipe(connection, slot)?;
    }
    connection.prepare_cached("UPDATE directs SET quote = NULL WHERE reply_id = ?1")?.execute([id])?;
    Ok(())
}

/// Erases a message for every recipient it waits for. False if there is none.
pub(crate) fn delete(connection: &Connection, id: MessageId) -> rusqlite::Result<bool> {
    let id = integer(id.0);
    let own = "SELECT text FROM directs WHERE id = ?1 UNION ALL SELECT quote FROM directs WHERE id = ?1 AND quote IS NOT NULL";
    for slot in slots(connection, own, id)? {
        text_slots::wipe(connection, slot)?;
    }
    let erased = connection.prepare_cached("DELETE FROM directs WHERE id = ?1")?.execute([id])?;
    unquote(connection, id)?;
    Ok(erased > 0)
}

/// Replaces the text of a waiting message. Replies to it lose their quotes, since a quote of the old text must not stay.
/// False if it waits for no one.
pub(crate) fn edit(connection: &Connection, id: MessageId, text: &str) -> rusqlite::Result<bool> {
    let id = integer(id.0);
    let before = slots(connection, "SELECT text FROM directs WHERE id = ?1", id)?;
    let mut changed =
        connection.prepare_cached("UPDATE directs SET text = ?2, edited = 1 WHERE id = ?1 AND text = ?3")?;
    for slot in &before {
        let now = text_slots::replace(connection, *slot, text)?;
        changed.execute([id, now, *slot])?;
    }
    unquote(connection, id)?;
    Ok(!before.is_empty())
}

/// Erases at most `most` messages sent before a time. Returns how many there were.
pub(crate) fn expire(connection: &Connection, before: i64, most: i64) -> rusqlite::Result<usize> {
    let old = connection
        .prepare_cached("SELECT id FROM directs WHERE at < ?1 LIMIT ?2")?
        .query_map([before, most], |row| message_id_at(row, 0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for id in &old {
        delete(connection, *id)?;
    }
    Ok(old.len())
}
