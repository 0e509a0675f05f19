//! The SQL of rooms and their lists, of addresses kept out, and of the audit.
//!
//! *Owns* how a room is written whole, and how its name becomes free.
//! *Knows nothing of* who may change a room. *Called by* `asking` within the writer's transactions, by `opening` to load.

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
    account_at, address_at, end_at, integer, moment, moment_at, number_at, readable_rows, room_at, span, user_at,
    words_at,
};
use crate::store::records::{AccessRecord, RoomRecord};

/// Whether a room is kept that was made so, and not another one that was given its name since.
pub fn is_kept(connection: &Connection, name: &RoomName, made: &Creation) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM rooms WHERE folded = ?1 AND made_by = ?2 AND made_at = ?3")?
        .exists(params![name.folded(), made.by.as_str(), moment(made.at)])
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

/// Lets a room go: its name is free at once, its lists and visits are gone, and its messages are erased in slices, so that
/// a room of a million of them does not keep the writer away. False if nothing of it was kept.
pub fn forget(connection: &Connection, name: &RoomName) -> rusqlite::Result<bool> {
    let Some(room) = room_ids::find(connection, name)? else { return Ok(false) };
    clear_lists(connection, room)?;
    connection.prepare_cached("DELETE FROM visits WHERE room = ?1")?.execute([room])?;
    connection.prepare_cached("DELETE FROM open_rooms WHERE room = ?1")?.execute([room])?;
    members::forget(connection, room)?;
    // No name has a `#` in it.
    connection
        .prepare_cached(
            "UPDATE rooms SET gone = 1, name = '#' || id, folded = '#' || id, made_by = NULL, made_address = NULL,
             made_at = NULL, description = '', password = NULL, read_back = 0 WHERE id = ?1",
        )?
        .execute([room])?;
    Ok(true)
}

/// What a choice is written as.
fn written_read_back(read_back: ReadBack) -> i64 {
    match read_back {
        ReadBack::All => 0,
        ReadBack::Joined => 1,
        ReadBack::Nothing => 2,
    }
}

/// The choice that was written. Anything else, which only a hand in the file can cause, shows nothing of what it hides.
fn read_back(written: i64) -> ReadBack {
    match written {
        0 => ReadBack::All,
        1 => ReadBack::Joined,
        _ => ReadBack::Nothing,
    }
}

/// Writes a room with its lists in place of what was kept of it.
pub fn save(connection: &Connection, room: &RoomRecord) -> rusqlite::Result<()> {
    let number = room_ids::find_or_create(connection, &room.name)?;
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
            number,
            room.name.as_str(),
            made.map(|made| made.by.as_str()),
            made.map(|made| made.address.to_string()),
            made.map(|made| moment(made.at)),
            room.public,
            &*room.description,
            room.limit.map(|limit| integer(limit as u64)),
            entry,
            password,
            span(room.slow),
            written_read_back(room.read_back),
        ])?;
    clear_lists(connection, number)?;
    save_lists(connection, number, &room.lists)
}

fn save_lists(connection: &Connection, number: i64, lists: &ModerationLists) -> rusqlite::Result<()> {
    let account = |who: &Identity| who.account.map(|account| integer(account.0));
    let mut insert = connection.prepare_cached(
        "INSERT INTO admins (room, position, account, name, address, owner) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (position, Admin { who, owner, .. }) in (0_i64..).zip(&lists.admins) {
        insert.execute(params![number, position, account(who), who.name.as_str(), who.address.to_string(), owner])?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO bans (room, position, name, who_account, who_name, who_address, address, banned_by, reason, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for (position, ban) in (0_i64..).zip(&lists.bans) {
        insert.execute(params![
            number,
            position,
            ban.name.as_str(),
            ban.who.as_ref().and_then(account),
            ban.who.as_ref().map(|who| who.name.as_str()),
            ban.who.as_ref().map(|who| who.address.to_string()),
            ban.address.map(|address| address.to_string()),
            ban.by.as_str(),
            &*ban.reason,
            ban.until.map(moment),
        ])?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO mutes (room, position, account, name, address, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (position, ListEntry { who, until }) in (0_i64..).zip(&lists.mutes) {
        let address = who.address.to_string();
        insert.execute(params![number, position, account(who), who.name.as_str(), address, until.map(moment)])?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO invitations (room, position, account, name, address, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (position, ListEntry { who, until }) in (0_i64..).zip(&lists.invitations) {
        // Every invitation has an end. Without one it could not be told from one that is over.
        let until = moment(until.unwrap_or(Timestamp::MAX));
        let address = who.address.to_string();
        insert.execute(params![number, position, account(who), who.name.as_str(), address, until])?;
    }
    Ok(())
}

/// An account, a name and an address in three columns that follow each other.
fn person_at(row: &Row<'_>, first: usize) -> rusqlite::Result<Identity> {
    Ok(Identity::stored(account_at(row, first)?, user_at(row, first + 1)?, address_at(row, first + 2)?))
}

fn ban(row: &Row<'_>) -> rusqlite::Result<Ban> {
    let who = row.get::<_, Option<String>>(2)?.map(|_| person_at(row, 1));
    let address = row.get::<_, Option<String>>(4)?.map(|_| address_at(row, 4));
    Ok(Ban {
        name: user_at(row, 0)?,
        who: who.transpose()?,
        address: address.transpose()?,
        by: user_at(row, 5)?,
        reason: words_at(row, 6)?,
        until: end_at(row, 7)?,
    })
}

fn room(row: &Row<'_>) -> rusqlite::Result<(i64, RoomRecord)> {
    let made = row.get::<_, Option<String>>(2)?.map(|_| -> rusqlite::Result<Creation> {
        Ok(Creation { by: user_at(row, 2)?, address: address_at(row, 3)?, at: moment_at(row, 4)? })
    });
    let entry = match (row.get(8)?, row.get::<_, Option<String>>(9)?) {
        (0, _) => AccessRecord::Open,
        (1, Some(hash)) => AccessRecord::Password(Hashed::new(hash)),
        // A room that asks for a password and has none opens to nobody.
        (_, _) => AccessRecord::Closed,
    };
    let limit = row.get::<_, Option<i64>>(7)?.and_then(|limit| usize::try_from(limit).ok());
    let room = RoomRecord {
        name: room_at(row, 1)?,
        made: made.transpose()?,
        public: row.get(5)?,
        description: words_at(row, 6)?,
        limit,
        entry,
        slow: Duration::from_millis(number_at(row, 10)?),
        read_back: read_back(row.get(11)?),
        members: Vec::new(),
        lists: ModerationLists::default(),
    };
    Ok((row.get(0)?, room))
}

/// All rooms that people made, and those of the configuration that have lists or have been set up otherwise.
pub fn load(connection: &Connection) -> rusqlite::Result<Vec<RoomRecord>> {
    let columns = "SELECT id, name, made_by, made_address, made_at, public, description, people, entry, password, slow,
                   read_back FROM rooms WHERE NOT gone ORDER BY folded";
    let mut rooms = Vec::new();
    for (number, mut room) in readable_rows(connection, columns, &[], room)? {
        let admins = "SELECT account, name, address, owner FROM admins WHERE room = ?1 ORDER BY position";
        room.lists.admins =
            readable_rows(connection, admins, &[number], |row| Ok(Admin::new(person_at(row, 0)?, row.get(3)?)))?;
        let bans = "SELECT name, who_account, who_name, who_address, address, banned_by, reason, until
                    FROM bans WHERE room = ?1 ORDER BY position";
        room.lists.bans = readable_rows(connection, bans, &[number], ban)?;
        let mutes = "SELECT account, name, address, until FROM mutes WHERE room = ?1 ORDER BY position";
        room.lists.mutes = readable_rows(connection, mutes, &[number], |row| {
            Ok(ListEntry { who: person_at(row, 0)?, until: end_at(row, 3)? })
        })?;
        let invitations = "SELECT account, name, address, until FROM invitations WHERE room = ?1 ORDER BY position";
        room.lists.invitations = readable_rows(connection, invitations, &[number], |row| {
            Ok(ListEntry { who: person_at(row, 0)?, until: Some(moment_at(row, 3)?) })
        })?;
        room.members = readable_rows(connection, members::SELECT, &[number], members::read)?;
        // The admins of a room count only if it is somebody's.
        let ModerationLists { bans, mutes, invitations, .. } = &room.lists;
        let lists = bans.len() + mutes.len() + invitations.len() + room.members.len();
        if room.made.is_some() || lists > 0 || room.read_back != ReadBack::All {
            rooms.push(room);
        }
    }
    Ok(rooms)
}
