//! The SQL of accounts.
//!
//! *Owns* how an account and its settings are stored, and what is removed along with it.
//! *Knows nothing of* passwords in the clear, and of threads.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::offline_messages;
use crate::chat::message::AccountId;
use crate::chat::names::UserName;
use crate::chat::secret::Hashed;
use crate::store::database::sql_values::{
    account_at, integer, millis, optional_text_at, text_at, time_at, user_name_at,
};
use crate::store::records::{AccountRecord, Settings};

/// Creates an account. `None` if the name has one already.
pub(crate) fn create(
    connection: &Connection,
    name: &UserName,
    hash: &Hashed,
    at: Timestamp,
) -> rusqlite::Result<Option<AccountId>> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO accounts (name, folded, hash, created) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (folded) DO NOTHING",
        )?
        .execute(params![name.as_str(), name.folded(), hash.as_str(), millis(at)])?;
    let id = u64::try_from(connection.last_insert_rowid()).unwrap_or(0);
    Ok((inserted > 0).then_some(AccountId(id)))
}

/// Stores an account from the cluster under the id that it has there. Any earlier account of that name no longer exists
/// there.
#[cfg(feature = "cluster")]
pub(crate) fn save(connection: &Connection, account: &AccountRecord) -> rusqlite::Result<()> {
    if let Some(other) = find(connection, &account.name)?.filter(|other| other.id != account.id) {
        remove(connection, other.id)?;
    }
    connection
        .prepare_cached(
            "INSERT INTO accounts (id, name, folded, hash, created) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE SET name = ?2, folded = ?3, hash = ?4, created = ?5",
        )?
        .execute(params![
            integer(account.id.0),
            account.name.as_str(),
            account.name.folded(),
            account.hash.as_str(),
            millis(account.created)
        ])?;
    save_settings(connection, account.id, &account.settings).map(drop)
}

/// Sets another password. False if there is no such account.
pub(crate) fn set_hash(connection: &Connection, id: AccountId, hash: &Hashed) -> rusqlite::Result<bool> {
    let changed = connection
        .prepare_cached("UPDATE accounts SET hash = ?2 WHERE id = ?1")?
        .execute(params![integer(id.0), hash.as_str()])?;
    Ok(changed > 0)
}

/// Sets another password if the current one still has this hash.
pub(crate) fn replace_hash(
    connection: &Connection,
    id: AccountId,
    before: &Hashed,
    hash: &Hashed,
) -> rusqlite::Result<bool> {
    let changed = connection
        .prepare_cached("UPDATE accounts SET hash = ?3 WHERE id = ?1 AND hash = ?2")?
        .execute(params![integer(id.0), before.as_str(), hash.as_str()])?;
    Ok(changed > 0)
}

/// Removes an account with its settings, visits and offline messages. False if there is none.
///
/// Its messages in rooms stay, under its name.
pub(crate) fn remove(connection: &Connection, id: AccountId) -> rusqlite::Result<bool> {
    offline_messages::delete_all(connection, id)?;
    // Otherwise a room without another admin could never get one again.
    connection.prepare_cached("DELETE FROM admins WHERE account = ?1")?.execute([integer(id.0)])?;
    Ok(connection.prepare_cached("DELETE FROM accounts WHERE id = ?1")?.execute([integer(id.0)])? > 0)
}

/// Whether an account's password still has this hash.
pub(crate) fn has_hash(connection: &Connection, id: AccountId, hash: &Hashed) -> rusqlite::Result<bool> {
    let mut find = connection.prepare_cached("SELECT 1 FROM accounts WHERE id = ?1 AND hash = ?2")?;
    find.exists(params![integer(id.0), hash.as_str()])
}

/// Stores a user's settings. False if there is no such account.
pub(crate) fn save_settings(connection: &Connection, id: AccountId, settings: &Settings) -> rusqlite::Result<bool> {
    let id = integer(id.0);
    let changed = connection
        .prepare_cached(
            "UPDATE accounts SET color = ?2, bell = ?3, time_zone = ?4, timestamps = ?5, ids = ?6, quiet = ?7 WHERE id = ?1",
        )?
        .execute(params![
            id,
            settings.color,
            settings.bell.as_deref(),
            settings.time_zone.as_deref(),
            settings.timestamps,
            settings.ids,
            settings.quiet,
        ])?;
    if changed == 0 {
        return Ok(false);
    }
    connection.prepare_cached("DELETE FROM ignored WHERE account = ?1")?.execute([id])?;
    let mut ignore = connection.prepare_cached("INSERT INTO ignored (account, position, name) VALUES (?1, ?2, ?3)")?;
    for (position, name) in settings.ignored.iter().enumerate() {
        ignore.execute(params![id, position as i64, name.as_str()])?;
    }
    Ok(true)
}

fn account(row: &Row<'_>) -> rusqlite::Result<AccountRecord> {
    let id = account_at(row, 0)?.unwrap_or(AccountId(0));
    let hash = Hashed::new(text_at(row, 2)?);
    let settings = Settings {
        color: row.get(4)?,
        bell: optional_text_at(row, 5)?,
        time_zone: optional_text_at(row, 6)?,
        timestamps: row.get(7)?,
        ids: row.get(8)?,
        quiet: row.get(9)?,
        ignored: Vec::new(),
    };
    Ok(AccountRecord { id, name: user_name_at(row, 1)?, hash, created: time_at(row, 3)?, settings })
}

fn with_ignored(connection: &Connection, mut account: AccountRecord) -> rusqlite::Result<AccountRecord> {
    let mut names = connection.prepare_cached("SELECT name FROM ignored WHERE account = ?1 ORDER BY position")?;
    let names = names.query_map([integer(account.id.0)], |row| user_name_at(row, 0))?;
    // No user can have a name that the configuration no longer allows, so it need not be ignored.
    account.settings.ignored = names.flatten().collect();
    Ok(account)
}

/// The columns that [`account`] reads.
macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, name, hash, created, color, bell, time_zone, timestamps, ids, quiet FROM accounts ", $rest)
    };
}

/// Finds an account by name, ignoring case.
pub(crate) fn find(connection: &Connection, name: &UserName) -> rusqlite::Result<Option<AccountRecord>> {
    let found =
        connection.prepare_cached(select!("WHERE folded = ?1"))?.query_row([name.folded()], account).optional()?;
    found.map(|account| with_ignored(connection, account)).transpose()
}

/// Whether there is an account of that name, ignoring case.
pub(crate) fn exists(connection: &Connection, name: &UserName) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM accounts WHERE folded = ?1")?.exists([name.folded()])
}

/// Whether there is an account with this id.
pub(crate) fn id_exists(connection: &Connection, id: AccountId) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM accounts WHERE id = ?1")?.exists([integer(id.0)])
}

/// Accounts created after the one given, oldest first. `None` stands for a name that cannot be read.
pub(crate) fn created_after(
    connection: &Connection,
    id: AccountId,
) -> rusqlite::Result<Vec<(AccountId, Option<UserName>)>> {
    let mut names = connection.prepare_cached("SELECT id, name FROM accounts WHERE id > ?1 ORDER BY id")?;
    let name = |row: &Row<'_>| Ok((account_at(row, 0)?.unwrap_or(id), user_name_at(row, 1).ok()));
    names.query_map([integer(id.0)], name)?.collect()
}

/// Whether any account has a name that is not ASCII.
pub(crate) fn has_non_ascii_names(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare("SELECT 1 FROM accounts WHERE name GLOB '*[^ -~]*'")?.exists([])
}

/// All accounts, by name.
pub(crate) fn list(connection: &Connection) -> rusqlite::Result<Vec<AccountRecord>> {
    let mut all = connection.prepare_cached(select!("ORDER BY folded"))?;
    let all = all.query_map([], account)?.collect::<rusqlite::Result<Vec<_>>>()?;
    all.into_iter().map(|account| with_ignored(connection, account)).collect()
}
