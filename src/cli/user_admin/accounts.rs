//! The accounts that `chatsock user` works on: in a database, or in the Redis of a cluster.
//!
//! *Owns* the choice between the two, and the rule that an import creates all accounts or none. *Knows nothing of* the
//! output.

#[cfg(feature = "cluster")]
use super::AdminError;
#[cfg(feature = "cluster")]
use crate::chat::message::ClientId;
use crate::chat::names::UserName;
use crate::chat::secret::Hashed;
#[cfg(feature = "cluster")]
use crate::cluster::{ClusterError, SharedAccounts};
use crate::store::{AccountAdmin, AccountRecord, CreateAccountError, ReadError, SaveError};

/// The accounts.
pub(super) enum Accounts {
    /// The accounts in a database.
    Own(AccountAdmin),
    /// The accounts that all servers of a cluster share.
    #[cfg(feature = "cluster")]
    Shared(SharedAccounts),
}

#[cfg(feature = "cluster")]
impl From<ClusterError> for AdminError {
    fn from(error: ClusterError) -> Self {
        Self { text: error.to_string(), users: error.is_users() }
    }
}

impl Accounts {
    pub(super) fn find(&self, name: &UserName) -> Result<Option<AccountRecord>, ReadError> {
        match self {
            Accounts::Own(accounts) => accounts.find(name),
            #[cfg(feature = "cluster")]
            Accounts::Shared(accounts) => accounts.account(name),
        }
    }

    pub(super) fn list(&self) -> Result<Vec<AccountRecord>, ReadError> {
        match self {
            Accounts::Own(accounts) => accounts.list(),
            #[cfg(feature = "cluster")]
            Accounts::Shared(accounts) => accounts.list(),
        }
    }

    pub(super) fn create(&mut self, name: &UserName, hash: &Hashed) -> Result<(), CreateAccountError> {
        match self {
            Accounts::Own(accounts) => accounts.create(name, hash).map(drop),
            #[cfg(feature = "cluster")]
            Accounts::Shared(accounts) => accounts.create(name, hash).map(drop),
        }
    }

    /// Creates all of these accounts, or none if any of the names is taken. Returns a taken name.
    pub(super) fn create_all(&mut self, users: &[(UserName, Hashed)]) -> Result<Option<UserName>, SaveError> {
        match self {
            Accounts::Own(accounts) => Ok(accounts.create_all(users)?.into_iter().next()),
            #[cfg(feature = "cluster")]
            Accounts::Shared(accounts) => {
                let mut created = Vec::new();
                let failed = users.iter().find_map(|(name, hash)| match accounts.create(name, hash) {
                    Ok(id) => {
                        created.push((name, id, hash));
                        None
                    }
                    Err(CreateAccountError::Exists) => Some(Ok(Some(name.clone()))),
                    Err(CreateAccountError::NotSaved(error)) => Some(Err(error)),
                });
                if failed.is_some() {
                    for (name, id, hash) in created {
                        accounts.remove(name, Some((id, hash)), ClientId::NONE)?;
                    }
                }
                failed.unwrap_or(Ok(None))
            }
        }
    }

    /// Creates the accounts whose names are free. Returns how many.
    pub(super) fn create_missing(&mut self, users: &[(UserName, Hashed)]) -> Result<usize, SaveError> {
        match self {
            Accounts::Own(accounts) => accounts.create_missing(users),
            #[cfg(feature = "cluster")]
            Accounts::Shared(accounts) => {
                let mut created = 0;
                for (name, hash) in users {
                    match accounts.create(name, hash) {
                        Ok(_) => created += 1,
                        Err(CreateAccountError::Exists) => {}
                        Err(CreateAccountError::NotSaved(error)) => return Err(error),
                    }
                }
                Ok(created)
            }
        }
    }

    /// Sets an account's password. Returns false if there is no account of that name.
    pub(super) fn set_hash(&mut self, name: &UserName, hash: &Hashed) -> Result<bool, SaveError> {
        match self {
            Accounts::Own(accounts) => accounts.set_hash(name, hash),
            #[cfg(feature = "cluster")]
            Accounts::Shared(accounts) => accounts.set_hash(name, None, hash, ClientId::NONE),
        }
    }

    /// Removes an account and its data. Returns false if there is none of that name.
    pub(super) fn remove(&mut self, name: &UserName) -> Result<bool, SaveError> {
        match self {
            Accounts::Own(accounts) => accounts.remove(name),
            #[cfg(feature = "cluster")]
            Accounts::Shared(accounts) => accounts.remove(name, None, ClientId::NONE),
        }
    }
}
