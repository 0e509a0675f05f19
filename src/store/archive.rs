//! The store as the archive of a cluster: what was read from the shared logs, and how far.
//!
//! Entries of a log and the place up to which they go are stored in one transaction. The caller also gives the place
//! after which they begin, so entries that are given twice, after a crash or an unknown outcome, change nothing the
//! second time.
//!
//! *Owns* how far each log was read. *Knows nothing of* how logs are read, and of what entries look like.

use rusqlite::Connection;

use super::confirmed_writes::Erases;
use super::error::{ReadError, SaveError};
use super::open::Store;
use super::queries::SHORT;
use super::records::{AccountRecord, AddressBanRecord, ArchivePlace, AuditEntry, MessageRecord, RoomRecord};
use super::tables::{accounts, address_bans, audit, log_places, members, messages, rooms};
use crate::chat::message::{AccountId, MessageId};
use crate::chat::names::RoomName;

/// One write to an archive.
#[derive(Clone, Debug)]
pub(crate) enum ArchiveWrite {
    /// A message, unless one with its id is stored.
    Said(RoomName, Box<MessageRecord>),
    /// A message has another text.
    Edited(RoomName, MessageId, Box<str>),
    /// A message was deleted.
    Erased(RoomName, MessageId),
    /// A room's current state, with its members.
    Room(Box<RoomRecord>),
    /// A room was deleted, with its messages.
    RoomGone(RoomName),
    /// An account's current state.
    Account(Box<AccountRecord>),
    /// An account was deleted, with its data.
    AccountGone(AccountId),
    /// The banned networks, all of them.
    AddressBans(Vec<AddressBanRecord>),
    /// An entry of the audit log.
    Audit(AuditEntry),
}

impl ArchiveWrite {
    /// Whether it removes text that must not stay on disk.
    fn erases(&self) -> bool {
        match self {
            ArchiveWrite::Said(..) | ArchiveWrite::Audit(_) => false,
            ArchiveWrite::Edited(..)
            | ArchiveWrite::Erased(..)
            | ArchiveWrite::Room(_)
            | ArchiveWrite::RoomGone(_)
            | ArchiveWrite::Account(_)
            | ArchiveWrite::AccountGone(_)
            | ArchiveWrite::AddressBans(_) => true,
        }
    }

    fn said(&self) -> Option<(&RoomName, &MessageRecord)> {
        match self {
            ArchiveWrite::Said(room, message) => Some((room, message)),
            ArchiveWrite::Edited(..)
            | ArchiveWrite::Erased(..)
            | ArchiveWrite::Room(_)
            | ArchiveWrite::RoomGone(_)
            | ArchiveWrite::Account(_)
            | ArchiveWrite::AccountGone(_)
            | ArchiveWrite::AddressBans(_)
            | ArchiveWrite::Audit(_) => None,
        }
    }
}

impl Store {
    /// How far each log was read. Empty for a file that is not an archive yet.
    pub(crate) fn archive_places(&self) -> Result<Vec<ArchivePlace>, ReadError> {
        self.message_reader.read(SHORT, log_places::list)
    }

    /// Whether the file holds no account, room, message or address ban.
    pub(crate) fn is_blank(&self) -> Result<bool, ReadError> {
        self.message_reader.read(SHORT, log_places::is_blank)
    }

    /// A few figures that tell the contents of the file from those of another file, or of this one after it was used
    /// again.
    pub(crate) fn fingerprint(&self) -> Result<String, ReadError> {
        self.message_reader.read(SHORT, log_places::fingerprint)
    }

    /// The stored rooms.
    pub(crate) fn archived_rooms(&self) -> Result<Vec<RoomRecord>, ReadError> {
        self.message_reader.read(SHORT, rooms::load)
    }

    /// The ids of the stored accounts.
    pub(crate) fn archived_accounts(&self) -> Result<Vec<AccountId>, ReadError> {
        let accounts = self.message_reader.read(SHORT, accounts::list)?;
        Ok(accounts.into_iter().map(|account| account.id).collect())
    }

    /// The newest stored message of a room.
    pub(crate) fn newest_archived(&self, room: &RoomName) -> Result<Option<MessageId>, ReadError> {
        self.message_reader.read(SHORT, |connection| messages::newest(connection, room))
    }

    /// Stores what was read from `from` up to `to`, in this order. False, without any change, if the file is not at
    /// `from`, because this was stored before.
    pub(crate) fn archive(
        &self,
        from: Vec<ArchivePlace>,
        to: Vec<ArchivePlace>,
        writes: Vec<ArchiveWrite>,
    ) -> Result<bool, SaveError> {
        let erases = if writes.iter().any(ArchiveWrite::erases) { Erases::Yes } else { Erases::No };
        let history = self.history;
        self.write(erases, move |connection| {
            for place in &from {
                if log_places::find(connection, &place.log)? != (place.term, place.number) {
                    return Ok(false);
                }
            }
            apply_all(connection, &writes, history)?;
            to.iter().try_for_each(|place| log_places::save(connection, place))?;
            Ok(true)
        })
    }
}

fn apply_all(connection: &Connection, writes: &[ArchiveWrite], history: bool) -> rusqlite::Result<()> {
    let mut rest = writes;
    while let Some((write, behind)) = rest.split_first() {
        let said: Vec<_> = rest.iter().map_while(ArchiveWrite::said).collect();
        rest = if said.is_empty() { behind } else { rest.get(said.len()..).unwrap_or_default() };
        if !said.is_empty() {
            if history {
                messages::insert_missing(connection, &said)?;
            }
            continue;
        }
        apply(connection, write)?;
    }
    Ok(())
}

fn apply(connection: &Connection, write: &ArchiveWrite) -> rusqlite::Result<()> {
    match write {
        // `apply_all` inserts these, many at a time.
        ArchiveWrite::Said(..) => Ok(()),
        ArchiveWrite::Edited(room, id, text) => messages::edit(connection, room, *id, text),
        ArchiveWrite::Erased(room, id) => messages::delete(connection, room, *id),
        ArchiveWrite::Room(room) => save_room(connection, room),
        ArchiveWrite::RoomGone(room) => rooms::delete(connection, room).map(drop),
        ArchiveWrite::Account(account) => accounts::save(connection, account),
        ArchiveWrite::AccountGone(account) => accounts::remove(connection, *account).map(drop),
        ArchiveWrite::AddressBans(bans) => address_bans::replace(connection, bans),
        ArchiveWrite::Audit(entry) => audit::append(connection, entry),
    }
}

/// Stores a room's current state. An earlier room of that name, made by someone else or at another time, is deleted with
/// its messages.
fn save_room(connection: &Connection, room: &RoomRecord) -> rusqlite::Result<()> {
    let is_another = match &room.made {
        Some(made) => !rooms::exists_as_created(connection, &room.name, made)?,
        None => rooms::is_made(connection, &room.name)?,
    };
    if is_another {
        rooms::delete(connection, &room.name)?;
    }
    rooms::save(connection, room)?;
    for member in &room.members {
        members::insert(connection, member.account, &room.name, member.since, room.made.is_some())?;
    }
    Ok(())
}
