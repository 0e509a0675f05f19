//! Accounts, administered from another process than the server's, which may be running.
//!
//! *Owns* that the file's version is not changed under a running server.
//! *Knows nothing of* rooms and messages. *Called by* `chatsock user`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use super::database::connection::{self, connect, make_ready, refused};
use super::database::files;
use super::database::schema::{Kind, VERSION};
use super::database::sqlite_errors;
use super::error::{CreateAccountError, OpenError, ReadError, SaveError};
use super::open::Store;
use super::records::AccountRecord;
use super::tables::accounts;
use crate::chat::identity::AccountId;
use crate::chat::names::UserName;
use crate::chat::secret::Hashed;

/// How long a change waits for a server that writes: many times what any of its transactions takes.
const BUSY: Duration = Duration::from_secs(5);

/// Between two looks whether somebody else has made the tables, which takes some milliseconds.
const TRY_AGAIN: Duration = Duration::from_millis(20);

/// The accounts of a database. A server that has it open sees every change at the next login, and about a second later looks
/// through those who are logged in.
pub struct AccountAdmin {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens a database for its accounts alone, and makes it if it is not there. A server may have it open.
    ///
    /// # Errors
    ///
    /// As [`Store::open`], but not [`OpenError::InUse`].
    pub fn open_accounts(path: &Path) -> Result<AccountAdmin, OpenError> {
        let path = files::resolve(path)?;
        let deadline = Instant::now() + BUSY;
        let connection = loop {
            let (connection, kind) = connect_or_make(&path)?;
            if kind == Kind::Ours(VERSION) {
                make_ready(&connection, &path, kind)?;
                break connection;
            }
            // A lock has the database open, and closing that takes from a connection what keeps others from its log.
            drop(connection);
            match files::lock(&path) {
                Ok(lock) => {
                    // Somebody else may have made it ready meanwhile.
                    let (connection, kind) = connect_or_make(&path)?;
                    make_ready(&connection, &path, kind)?;
                    drop(connection);
                    drop(lock);
                }
                // Whoever makes it has it for a moment. Looked again and not waited for: a file lock is waited for without an
                // end, and a server of an older version keeps it as long as it runs.
                Err(OpenError::InUse(_)) if Instant::now() < deadline => thread::sleep(TRY_AGAIN),
                Err(OpenError::InUse(path)) => return Err(OpenError::OlderInUse(path)),
                Err(other) => return Err(other),
            }
        };
        connection.busy_timeout(BUSY).map_err(|error| refused(&path, &error))?;
        Ok(AccountAdmin { connection, path })
    }
}

/// A connection to what is there; to an empty file if there is none.
fn connect_or_make(path: &Path) -> Result<(Connection, Kind), OpenError> {
    if !path.exists() {
        files::create(path)?;
    }
    connect(path)
}

impl fmt::Debug for AccountAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("path", &self.path).finish_non_exhaustive()
    }
}

impl AccountAdmin {
    fn change<T>(&mut self, what: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, SaveError> {
        let failed = |error| SaveError(sqlite_errors::reason(&error));
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let done = what(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }

    /// What was taken away is to leave the log too. Where a server reads just then, it stays until that one's next checkpoint.
    fn clean(&self) {
        if let Err(error) = connection::truncate_log(&self.connection, BUSY) {
            log::warn!("{} could not be cleaned of what was removed: {error}", self.path.display());
        }
    }

    /// Makes an account.
    pub fn create(&mut self, name: &UserName, hash: &Hashed) -> Result<AccountId, CreateAccountError> {
        let made = self.change(|connection| accounts::create(connection, name, hash, Timestamp::now()));
        made.map_err(CreateAccountError::NotSaved)?.ok_or(CreateAccountError::Exists)
    }

    /// Makes all of these accounts or, if there is one of any of the names already, none; returns those names.
    pub fn create_all(&mut self, users: &[(UserName, Hashed)]) -> Result<Vec<UserName>, SaveError> {
        let failed = |error| SaveError(sqlite_errors::reason(&error));
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let mut taken = Vec::new();
        for (name, hash) in users {
            if accounts::create(&transaction, name, hash, Timestamp::now()).map_err(failed)?.is_none() {
                taken.push(name.clone());
            }
        }
        // Rolled back when dropped.
        if taken.is_empty() {
            transaction.commit().map_err(failed)?;
        }
        Ok(taken)
    }

    /// Makes those of these accounts whose names have none; returns how many.
    pub fn create_missing(&mut self, users: &[(UserName, Hashed)]) -> Result<usize, SaveError> {
        self.change(|connection| {
            let mut made = 0;
            for (name, hash) in users {
                made += usize::from(accounts::create(connection, name, hash, Timestamp::now())?.is_some());
            }
            Ok(made)
        })
    }

    /// Gives an account another password. False if there is none of that name.
    pub fn set_hash(&mut self, name: &UserName, hash: &Hashed) -> Result<bool, SaveError> {
        let changed = self.change(|connection| match accounts::find(connection, name)? {
            Some(account) => accounts::set_hash(connection, account.id, hash),
            None => Ok(false),
        })?;
        self.clean();
        Ok(changed)
    }

    /// Removes an account and what is its own. False if there is none of that name.
    pub fn remove(&mut self, name: &UserName) -> Result<bool, SaveError> {
        let removed = self.change(|connection| match accounts::find(connection, name)? {
            Some(account) => accounts::remove(connection, account.id),
            None => Ok(false),
        })?;
        self.clean();
        Ok(removed)
    }

    /// The account of a name, in whatever case.
    pub fn find(&self, name: &UserName) -> Result<Option<AccountRecord>, ReadError> {
        accounts::find(&self.connection, name).map_err(|error| ReadError(sqlite_errors::reason(&error)))
    }

    /// All accounts, by name.
    pub fn list(&self) -> Result<Vec<AccountRecord>, ReadError> {
        accounts::list(&self.connection).map_err(|error| ReadError(sqlite_errors::reason(&error)))
    }
}
