//! A database read from outside, for `chatsock cluster import`: a server's own, an archive, or a backup of either.
//!
//! The file is not changed. A file of an older version is migrated in a copy, which is deleted afterwards.
//!
//! *Owns* which files can be read. *Knows nothing of* what happens with the contents.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use rusqlite::Connection;

use super::backup::BackupError;
use super::database::connection;
use super::database::files;
use super::database::schema::{DatabaseKind, VERSION};
use super::database::sql_values;
use super::error::{OpenError, StoreError};
use super::open::Store;
use super::records::{AccountRecord, OfflineMessageRecord, OpenRoomRecord, StoredState, Visit};
use super::tables::{accounts, address_bans, log_places, messages, meta, offline_messages, open_rooms, rooms, visits};
use crate::chat::message::MessageId;
use crate::chat::names::RoomName;

/// An account with what belongs to it.
#[derive(Debug)]
pub(crate) struct ImportedAccount {
    /// The account.
    pub(crate) account: AccountRecord,
    /// Messages that wait for its user, oldest first.
    pub(crate) waiting: Vec<OfflineMessageRecord>,
    /// How far they have read.
    pub(crate) visits: Vec<Visit>,
    /// The rooms they are in.
    pub(crate) open_rooms: Vec<OpenRoomRecord>,
}

/// Everything in a database that several servers can share.
#[derive(Debug)]
pub(crate) struct Imported {
    /// Accounts, by name.
    pub(crate) accounts: Vec<ImportedAccount>,
    /// Rooms, bans and the last messages.
    pub(crate) state: StoredState,
    /// How many messages are stored of each room.
    pub(crate) said: Vec<(RoomName, u64)>,
    /// See [`Store::fingerprint`].
    pub(crate) fingerprint: String,
}

/// A copy of a database, removed when dropped.
struct TemporaryCopy(PathBuf);

impl Drop for TemporaryCopy {
    fn drop(&mut self) {
        // Some of these files may not exist.
        for ending in ["", "-wal", "-shm", "-journal", ".lock"] {
            let _ = fs::remove_file(files::sibling(&self.0, ending));
        }
        for version in 1..VERSION {
            let _ = fs::remove_file(files::sibling(&self.0, &format!(".backup-v{version}")));
        }
    }
}

fn not_copied(path: &Path, error: BackupError) -> OpenError {
    if let BackupError::Open(error) = error {
        return error;
    }
    OpenError::Failed { path: path.to_owned(), reason: StoreError::Other(error.to_string().into()) }
}

impl Store {
    /// Reads a database that no server uses. `history_max`: how many messages of each room.
    ///
    /// # Errors
    ///
    /// It cannot be read: it is not ours, a server has it, a newer version wrote it.
    pub(crate) fn import(path: &Path, history_max: usize) -> Result<Imported, OpenError> {
        let real = files::resolve(path)?;
        if !real.exists() {
            return Err(OpenError::Missing(path.to_owned()));
        }
        files::refuse_foreign_file(&real)?;
        let _lock = files::lock_existing(&real)?;
        let (connection, kind) = connection::open(&real)?;
        let copy;
        let connection = match kind {
            DatabaseKind::Ours(VERSION) => connection,
            DatabaseKind::Empty => return Err(OpenError::Foreign(path.to_owned())),
            DatabaseKind::Ours(_) | DatabaseKind::Foreign => {
                let name = format!("chatsock-import-{}.db", std::process::id());
                copy = TemporaryCopy(std::env::temp_dir().join(name));
                let stop = Arc::new(AtomicBool::new(false));
                Store::back_up(&real, &copy.0, &stop).map_err(|error| not_copied(path, error))?;
                let (connection, kind) = connection::open(&copy.0)?;
                connection::prepare(&connection, &copy.0, kind)?;
                connection
            }
        };
        load(&connection, history_max).map_err(|error| connection::open_error(&real, &error))
    }
}

fn load(connection: &Connection, history_max: usize) -> rusqlite::Result<Imported> {
    let since = sql_values::retention_cutoff(Timestamp::now(), None);
    let last = meta::reserved_ids(connection)?.max(messages::highest(connection)?);
    let rooms = rooms::load(connection)?;
    let state = StoredState {
        rooms,
        address_bans: address_bans::list(connection)?,
        last_message: MessageId(last),
        broke_off: meta::broke_off(connection)?,
        histories: messages::histories(connection, since, history_max)?,
    };
    let with_belongings = |account: AccountRecord| {
        Ok(ImportedAccount {
            waiting: offline_messages::list(connection, since, account.id)?,
            visits: visits::list(connection, account.id)?,
            open_rooms: open_rooms::list(connection, account.id)?,
            account,
        })
    };
    let accounts = accounts::list(connection)?.into_iter().map(with_belongings);
    Ok(Imported {
        accounts: accounts.collect::<rusqlite::Result<_>>()?,
        state,
        said: messages::counts(connection)?,
        fingerprint: log_places::fingerprint(connection)?,
    })
}
