//! Manages accounts from another process than the server, which may be running (`chatsock user`).
//!
//! *Owns* that a running server's file is never migrated. *Knows nothing of* rooms and messages.

use std::fmt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use super::database::connection;
use super::database::files;
use super::database::schema::{DatabaseKind, VERSION};
use super::database::sqlite_errors;
use super::error::{CreateAccountError, OpenError, ReadError, SaveError};
use super::open::Store;
use super::records::AccountRecord;
use super::tables::accounts;
use crate::chat::message::AccountId;
use crate::chat::names::UserName;
use crate::chat::secret::Hashed;

/// How long a change waits for a server that is writing: many times what any of its transactions takes.
const BUSY: Duration = Duration::from_secs(5);

/// Pause before checking again whether another process has created the tables, which takes some milliseconds.
const TRY_AGAIN: Duration = Duration::from_millis(20);

/// The accounts of a database. A running server sees each change at the next login, and about a second later checks the
/// users who are logged in.
pub struct AccountAdmin {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens a database for its accounts only, and creates it if it does not exist. A server may have it open.
    ///
    /// # Errors
    ///
    /// As [`Store::open`], except [`OpenError::InUse`].
    pub fn open_accounts(path: &Path) -> Result<AccountAdmin, OpenError> {
        let path = files::resolve(path)?;
        let deadline = Instant::now() + BUSY;
        let connection = loop {
            let (connection, kind) = connect_or_create(&path)?;
            if kind == DatabaseKind::Ours(VERSION) {
                connection::prepare(&connection, &path, kind)?;
                break connection;
            }
            // Taking the lock opens the database, and closing that descriptor would drop this connection's own locks.
            drop(connection);
            match files::lock(&path) {
                Ok(lock) => {
                    // Another process may have created the tables in between.
                    let (connection, kind) = connect_or_create(&path)?;
                    connection::prepare(&connection, &path, kind)?;
                    drop(connection);
                    drop(lock);
                }
                // Creating the tables takes only a moment. Polled, because waiting for a file lock has no timeout, and a server
                // of an older version holds it while it runs.
                Err(OpenError::InUse(_)) if Instant::now() < deadline => thread::sleep(TRY_AGAIN),
                Err(OpenError::InUse(path)) => return Err(OpenError::OlderInUse(path)),
                Err(other) => return Err(other),
            }
        };
        connection.busy_timeout(BUSY).map_err(|error| connection::open_error(&path, &error))?;
        Ok(AccountAdmin { connection, path })
    }
}

/// Connects to the file, after creating an empty one if there is none.
fn connect_or_create(path: &Path) -> Result<(Connection, DatabaseKind), OpenError> {
    if !path.exists() {
        files::create(path)?;
    }
    connection::open(path)
}

impl fmt::Debug for AccountAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountAdmin").field("path", &self.path).finish_non_exhaustive()
    }
}

impl AccountAdmin {
    fn change<T>(&mut self, what: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, SaveError> {
        let failed = |error| SaveError(sqlite_errors::failure(&error));
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let done = what(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }

    /// Removes deleted data from the log too. If a server is reading right now, it stays until that server's next checkpoint.
    fn clean(&self) {
        if let Err(error) = connection::truncate_log(&self.connection, BUSY) {
            log::warn!("removed data may remain in the log of {}: {error}", self.path.display());
        }
    }

    /// Creates an account.
    pub fn create(&mut self, name: &UserName, hash: &Hashed) -> Result<AccountId, CreateAccountError> {
        let created = self.change(|connection| accounts::create(connection, name, hash, Timestamp::now()));
        created.map_err(CreateAccountError::NotSaved)?.ok_or(CreateAccountError::Exists)
    }

    /// Creates all of these accounts, or none if any of the names is taken. Returns the taken names.
    pub fn create_all(&mut self, users: &[(UserName, Hashed)]) -> Result<Vec<UserName>, SaveError> {
        let failed = |error| SaveError(sqlite_errors::failure(&error));
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let mut taken = Vec::new();
        for (name, hash) in users {
            if accounts::create(&transaction, name, hash, Timestamp::now()).map_err(failed)?.is_none() {
                taken.push(name.clone());
            }
        }
        // Dropping the transaction rolls it back.
        if taken.is_empty() {
            transaction.commit().map_err(failed)?;
        }
        Ok(taken)
    }

    /// Creates the accounts whose names are free. Returns how many.
    pub(crate) fn create_missing(&mut self, users: &[(UserName, Hashed)]) -> Result<usize, SaveError> {
        self.change(|connection| {
            let mut created = 0;
            for (name, hash) in users {
                created += usize::from(accounts::create(connection, name, hash, Timestamp::now())?.is_some());
            }
            Ok(created)
        })
    }

    /// Sets an account's password. False if there is no account of that name.
    pub fn set_hash(&mut self, name: &UserName, hash: &Hashed) -> Result<bool, SaveError> {
        let changed = self.change(|connection| match accounts::find(connection, name)? {
            Some(account) => accounts::set_hash(connection, account.id, hash),
            None => Ok(false),
        })?;
        self.clean();
        Ok(changed)
    }

    /// Removes an account and its data. False if there is none of that name.
    pub fn remove(&mut self, name: &UserName) -> Result<bool, SaveError> {
        let removed = self.change(|connection| match accounts::find(connection, name)? {
            Some(account) => accounts::remove(connection, account.id),
            None => Ok(false),
        })?;
        self.clean();
        Ok(removed)
    }

    /// Finds an account by name, ignoring case.
    pub fn find(&self, name: &UserName) -> Result<Option<AccountRecord>, ReadError> {
        accounts::find(&self.connection, name).map_err(|error| ReadError(sqlite_errors::failure(&error)))
    }

    /// All accounts, by name.
    pub fn list(&self) -> Result<Vec<AccountRecord>, ReadError> {
        accounts::list(&self.connection).map_err(|error| ReadError(sqlite_errors::failure(&error)))
    }
}
