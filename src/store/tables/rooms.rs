//! The SQL of rooms and their moderation lists.
//!
//! *Owns* how a room is stored as a whole, and how its name becomes free.
//! *Knows nothing of* who may change a room.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::members;
use super::room_ids;
use crate::chat::action::ReadBack;
use crate::chat::identity::Identity;
use crate::chat::moderation::{Admin, Ban, ListEntry, ModerationLists};
use crate::chat::names::RoomName;
use crate::chat::room::Creation;
use crate::chat::secret::Hashed;
use crate::store::database::sql_values::{
    account_at, address_at, duration_millis, integer, millis, optional_time_at, readable_rows, room_name_at, text_at,
    time_at, u64_at, user_name_at,
};
use crate::store::records::{AccessRecord, RoomRecord};

/// Whether the room created this way is stored, and not a later one of the same name.
pub(crate) fn exists_as_created(connection: &Connection, name: &RoomName, made: &Creation) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM rooms WHERE folded = ?1 AND made_by = ?2 AND made_at = ?3")?
        .exists(params![name.folded(), made.by.as_str(), millis(made.at)])
}

/// Whether a room of this name is stored that a user made.
#[cfg(feature = "cluster")]
pub(crate) fn is_made(connection: &Connection, name: &RoomName) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM rooms WHERE folded = ?1 AND made_by IS NOT NULL")?.exists([name.folded()])
}

fn clear_lists(connection: &Connection, room: i64) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM admins WHERE room = ?1",
        "DELETE FROM bans WHERE room = ?1",
        "DELETE FROM mutes WHERE room = ?1",
        "DELETE FROM invitations WHERE room = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([room])?;
    }
    Ok(())
}

/// Deletes a room: its name is free at once, and its lists and visits are gone. Its messages are erased in slices, so that
/// a room with a million of them does not hold up the writer. False if nothing of it was stored.
pub(crate) fn delete(connection: &Connection, name: &RoomName) -> rusqlite::Result<bool> {
    let Some(room) = room_ids::find(connection, name)? else { return Ok(false) };
    clear_lists(connection, room)?;
    connection.prepare_cached("DELETE FROM visits WHERE room = ?1")?.execute([room])?;
    connection.prepare_cached("DELETE FROM open_rooms WHERE room = ?1")?.execute([room])?;
    members::delete_of_room(connection, room)?;
    // Room names never contain `#`.
    connection
        .prepare_cached(
            "UPDATE rooms SET gone = 1, name = '#' || id, folded = '#' || id, made_by = NULL, made_address = NULL,
             made_at = NULL, description = '', password = NULL, read_back = 0 WHERE id = ?1",
        )?
        .execute([room])?;
    Ok(true)
}

fn stored_read_back(read_back: ReadBack) -> i64 {
    match read_back {
        ReadBack::All => 0,
        ReadBack::Joined => 1,
        ReadBack::Nothing => 2,
    }
}

/// Unknown values, which take manual changes to the file, hide the most.
fn read_back_from(stored: i64) -> ReadBack {
    match stored {
        0 => ReadBack::All,
        1 => ReadBack::Joined,
        _ => ReadBack::Nothing,
    }
}

/// Stores a room with its lists, replacing what was stored of it.
pub(crate) fn save(connection: &Connection, room: &RoomRecord) -> rusqlite::Result<()> {
    let id = room_ids::find_or_create(connection, &room.name)?;
    let made = room.made.as_ref();
    let (entry, password) = match &room.entry {
        AccessRecord::Open => (0, None),
        AccessRecord::Password(hash) => (1, Some(hash.as_str())),
        AccessRecord::Closed => (2, None),
    };
    connection
        .prepare_cached(
            "UPDATE rooms SET name = ?2, made_by = ?3, made_address = ?4, made_at = ?5, public = ?6, description = ?7,
             people = ?8, entry = ?9, password = ?10, slow = ?11, read_back = ?12 WHERE id = ?1",
        )?
        .execute(params![
            id,
            room.name.as_str(),
            made.map(|made| made.by.as_str()),
            made.map(|made| made.address.to_string()),
            made.map(|made| millis(made.at)),
            room.public,
            &*room.description,
            room.limit.map(|limit| integer(limit as u64)),
            entry,
            password,
            duration_millis(room.slow),
            stored_read_back(room.read_back),
        ])?;
    clear_lists(connection, id)?;
    save_lists(connection, id, &room.lists)
}

fn save_lists(connection: &Connection, id: i64, lists: &ModerationLists) -> rusqlite::Result<()> {
    let account = |who: &Identity| who.account.map(|account| integer(account.0));
    let mut insert = connection.prepare_cached(
        "INSERT INTO admins (room, position, account, name, address, owner) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (position, Admin { who, owner, .. }) in (0_i64..).zip(&lists.admins) {
        insert.execute(params![id, position, account(who), who.name.as_str(), who.address.to_string(), owner])?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO bans (room, position, name, who_account, who_name, who_address, address, banned_by, reason, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for (position, ban) in (0_i64..).zip(&lists.bans) {
        insert.execute(params![
            id,
            position,
            ban.name.as_str(),
            ban.who.as_ref().and_then(account),
            ban.who.as_ref().map(|who| who.name.as_str()),
            ban.who.as_ref().map(|who| who.address.to_string()),
            ban.address.map(|address| address.to_string()),
            ban.by.as_str(),
            &*ban.reason,
            ban.until.map(millis),
        ])?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO mutes (room, position, account, name, address, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (position, ListEntry { who, until }) in (0_i64..).zip(&lists.mutes) {
        let address = who.address.to_string();
        insert.execute(params![id, position, account(who), who.name.as_str(), address, until.map(millis)])?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO invitations (room, position, account, name, address, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (position, ListEntry { who, until }) in (0_i64..).zip(&lists.invitations) {
        // Every invitation has an end. Without one, it would look like one that is over.
        let until = millis(until.unwrap_or(Timestamp::MAX));
        let address = who.address.to_string();
        insert.execute(params![id, position, account(who), who.name.as_str(), address, until])?;
    }
    Ok(())
}

/// Reads an account, a name and an address from three adjacent columns.
fn identity_at(row: &Row<'_>, first: usize) -> rusqlite::Result<Identity> {
    Ok(Identity::stored(account_at(row, first)?, user_name_at(row, first + 1)?, address_at(row, first + 2)?))
}

fn ban(row: &Row<'_>) -> rusqlite::Result<Ban> {
    let who = row.get::<_, Option<String>>(2)?.map(|_| identity_at(row, 1));
    let address = row.get::<_, Option<String>>(4)?.map(|_| address_at(row, 4));
    Ok(Ban {
        name: user_name_at(row, 0)?,
        who: who.transpose()?,
        address: address.transpose()?,
        by: user_name_at(row, 5)?,
        reason: text_at(row, 6)?,
        until: optional_time_at(row, 7)?,
    })
}

fn room(row: &Row<'_>) -> rusqlite::Result<(i64, RoomRecord)> {
    let made = row.get::<_, Option<String>>(2)?.map(|_| -> rusqlite::Result<Creation> {
        Ok(Creation { by: user_name_at(row, 2)?, address: address_at(row, 3)?, at: time_at(row, 4)? })
    });
    let entry = match (row.get(8)?, row.get::<_, Option<String>>(9)?) {
        (0, _) => AccessRecord::Open,
        (1, Some(hash)) => AccessRecord::Password(Hashed::new(hash)),
        // A room that asks for a password and has none lets no one in.
        (_, _) => AccessRecord::Closed,
    };
    let limit = row.get::<_, Option<i64>>(7)?.and_then(|limit| usize::try_from(limit).ok());
    let room = RoomRecord {
        name: room_name_at(row, 1)?,
        made: made.transpose()?,
        public: row.get(5)?,
        description: text_at(row, 6)?,
        limit,
        entry,
        slow: Duration::from_millis(u64_at(row, 10)?),
        read_back: read_back_from(row.get(11)?),
        members: Vec::new(),
        lists: ModerationLists::default(),
    };
    Ok((row.get(0)?, room))
}

/// All user-made rooms, and the configured ones that have lists or changed settings.
pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Vec<RoomRecord>> {
    let columns = "SELECT id, name, made_by, made_address, made_at, public, description, people, entry, password, slow,
                   read_back FROM rooms WHERE NOT gone ORDER BY folded";
    let mut rooms = Vec::new();
    for (id, mut room) in readable_rows(connection, columns, &[], room)? {
        let admins = "SELECT account, name, address, owner FROM admins WHERE room = ?1 ORDER BY position";
        room.lists.admins =
            readable_rows(connection, admins, &[id], |row| Ok(Admin::new(identity_at(row, 0)?, row.get(3)?)))?;
        let bans = "SELECT name, who_account, who_name, who_address, address, banned_by, reason, until
                    FROM bans WHERE room = ?1 ORDER BY position";
        room.lists.bans = readable_rows(connection, bans, &[id], ban)?;
        let mutes = "SELECT account, name, address, until FROM mutes WHERE room = ?1 ORDER BY position";
        room.lists.mutes = readable_rows(connection, mutes, &[id], |row| {
            Ok(ListEntry { who: identity_at(row, 0)?, until: optional_time_at(row, 3)? })
        })?;
        let invitations = "SELECT account, name, address, until FROM invitations WHERE room = ?1 ORDER BY position";
        room.lists.invitations = readable_rows(connection, invitations, &[id], |row| {
            Ok(ListEntry { who: identity_at(row, 0)?, until: Some(time_at(row, 3)?) })
        })?;
        room.members = readable_rows(connection, members::SELECT, &[id], members::read)?;
        // Admins count only in user-made rooms.
        let ModerationLists { bans, mutes, invitations, .. } = &room.lists;
        let lists = bans.len() + mutes.len() + invitations.len() + room.members.len();
        if room.made.is_some() || lists > 0 || room.read_back != ReadBack::All {
            rooms.push(room);
        }
    }
    Ok(rooms)
}
