//! Where accounts are stored: in this server's database, or in the cluster that shares them.
//!
//! *Owns* the choice between the two.
//! *Knows nothing of* how either stores them. Each call may wait, so the caller must not hold a lock.

use std::sync::Arc;

use super::Hub;
use crate::chat::message::{AccountId, ClientId};
use crate::chat::names::UserName;
use crate::chat::secret::Hashed;
#[cfg(feature = "cluster")]
use crate::cluster::SharedAccounts;
use crate::store::{AccountRecord, CreateAccountError, ReadError, SaveError, Settings, Store};

/// The accounts.
#[derive(Clone, Debug)]
pub(crate) enum AccountStore {
    /// This server's own.
    Own(Arc<Store>),
    /// Those that all servers share.
    #[cfg(feature = "cluster")]
    Shared(Arc<SharedAccounts>),
}

impl Hub {
    /// The accounts, if there are any.
    pub(crate) fn account_store(&self) -> Option<AccountStore> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            return nodes.accounts().map(|shared| AccountStore::Shared(Arc::clone(shared)));
        }
        self.store().map(|store| AccountStore::Own(Arc::clone(store)))
    }
}

impl AccountStore {
    /// Finds an account by name, ignoring case.
    pub(crate) fn account(&self, name: &UserName) -> Result<Option<AccountRecord>, ReadError> {
        match self {
            AccountStore::Own(store) => store.account(name),
            #[cfg(feature = "cluster")]
            AccountStore::Shared(shared) => shared.account(name),
        }
    }

    /// Whether there is an account of that name, ignoring case.
    pub(crate) fn name_exists(&self, name: &UserName) -> Result<bool, ReadError> {
        match self {
            AccountStore::Own(store) => store.account_name_exists(name),
            #[cfg(feature = "cluster")]
            AccountStore::Shared(shared) => shared.account(name).map(|account| account.is_some()),
        }
    }

    /// Whether there is an account with this id.
    pub(crate) fn exists(&self, account: AccountId) -> Result<bool, ReadError> {
        match self {
            AccountStore::Own(store) => store.account_exists(account),
            #[cfg(feature = "cluster")]
            AccountStore::Shared(shared) => shared.name_of(account).map(|name| name.is_some()),
        }
    }

    /// Whether all accounts are gone, which is a loss of data rather than a removal.
    pub(crate) fn is_lost(&self) -> Result<bool, ReadError> {
        match self {
            AccountStore::Own(_) => Ok(false),
            #[cfg(feature = "cluster")]
            AccountStore::Shared(shared) => shared.is_empty(),
        }
    }

    /// Finds another account whose name looks like this one.
    pub(crate) fn look_alike(&self, name: &UserName) -> Result<Option<UserName>, ReadError> {
        match self {
            AccountStore::Own(store) => store.look_alike(name),
            #[cfg(feature = "cluster")]
            AccountStore::Shared(shared) => shared.look_alike(name),
        }
    }

    /// Creates an account.
    pub(crate) fn create(&self, name: &UserName, hash: &Hashed) -> Result<AccountId, CreateAccountError> {
        match self {
            AccountStore::Own(store) => store.create_account(name, hash),
            #[cfg(feature = "cluster")]
            AccountStore::Shared(shared) => shared.create(name, hash),
        }
    }

    /// Replaces the password of an account as it was read. `by`: the connection that does this. False if the password has
    /// changed since, or the account is gone.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "nobody else has to be told"))]
    pub(crate) fn replace_hash(&self, account: &AccountRecord, hash: &Hashed, by: ClientId) -> Result<bool, SaveError> {
        match self {
            AccountStore::Own(store) => store.replace_hash(account.id, &account.hash, hash),
            #[cfg(feature = "cluster")]
            AccountStore::Shared(shared) => shared.set_hash(&account.name, Some((account.id, &account.hash)), hash, by),
        }
    }

    /// Removes an account as it was read, with its settings, visits and offline messages. False if its password has
    /// changed since.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "nobody else has to be told"))]
    pub(crate) fn remove_own(&self, account: &AccountRecord, by: ClientId) -> Result<bool, SaveError> {
        match self {
            AccountStore::Own(store) => store.remove_own_account(account.id, &account.hash),
            #[cfg(feature = "cluster")]
            AccountStore::Shared(shared) => shared.remove(&account.name, Some((account.id, &account.hash)), by),
        }
    }

    /// Saves a user's settings. False if there is no such account.
    pub(crate) fn save_settings(&self, account: AccountId, settings: &Settings) -> Result<bool, SaveError> {
        match self {
            AccountStore::Own(store) => store.save_settings(account, settings),
            #[cfg(feature = "cluster")]
            AccountStore::Shared(shared) => shared.save_settings(account, settings),
        }
    }
}
