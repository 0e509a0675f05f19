//! Accounts in Redis, and what belongs to them: one for all servers, and for `chatsock user`.
//!
//! Nothing is kept in memory: each call asks Redis, so a password that was changed on another server counts at once. A call that
//! was made and not answered may have been carried out, and says so.
//!
//! *Owns* what the answers mean, in the words of the store.
//! *Knows nothing of* passwords in the clear, and of who may do what.

use std::sync::Arc;

use jiff::Timestamp;

use super::connections::{Connections, NoAnswer};
use super::engine::{AccountCall, AccountReply, Call, Reply};
use super::values::{NumberKind, Partitions};
use crate::chat::message::{AccountId, ClientId};
use crate::chat::names::UserName;
use crate::chat::secret::Hashed;
use crate::store::{AccountRecord, CreateAccountError, ReadError, SaveError, Settings, StoreFailure};

/// Most accounts that are listed: a bound for a Redis that answers without end.
const MOST_LISTED: usize = 10_000_000;

/// The accounts of all servers.
#[derive(Debug)]
pub struct SharedAccounts {
    pub(super) connections: Arc<Connections>,
    pub(super) partitions: Partitions,
}

/// Why a change is not known to be made.
pub(super) fn not_saved(why: NoAnswer) -> SaveError {
    SaveError(match why {
        NoAnswer::NotSent(why) => {
            log::warn!("cluster: an account could not be changed: {why}");
            StoreFailure::Unreachable
        }
        NoAnswer::Lost(why) => {
            log::warn!("cluster: whether an account was changed is not known: {why}");
            StoreFailure::AnswerLost
        }
    })
}

/// Why something cannot be read.
pub(super) fn not_read(why: NoAnswer) -> ReadError {
    let (NoAnswer::NotSent(why) | NoAnswer::Lost(why)) = why;
    log::warn!("cluster: accounts cannot be read: {why}");
    ReadError(StoreFailure::Unreachable)
}

/// An answer that does not fit its call. Redis holds what this version cannot read.
pub(super) fn odd(reply: &Reply) -> StoreFailure {
    match reply {
        Reply::Failed(why) => {
            log::error!("cluster: Redis refuses: {why}");
            StoreFailure::Other(why.clone())
        }
        other => {
            log::error!("cluster: an unexpected answer about an account: {other:?}");
            StoreFailure::Unreadable
        }
    }
}

impl SharedAccounts {
    pub(super) fn new(connections: Arc<Connections>, partitions: Partitions) -> SharedAccounts {
        SharedAccounts { connections, partitions }
    }

    /// Makes one call.
    pub(super) fn ask(&self, call: AccountCall) -> Result<Reply, NoAnswer> {
        let replies = self.connections.ask(&[Call::Account(call)])?;
        replies.into_iter().next().ok_or(NoAnswer::Lost("no answer".into()))
    }

    fn change(&self, call: AccountCall) -> Result<bool, SaveError> {
        match self.ask(call).map_err(not_saved)? {
            Reply::Account(AccountReply::Done) => Ok(true),
            Reply::Account(AccountReply::No) => Ok(false),
            Reply::Account(AccountReply::NotReplicated) => Err(SaveError(StoreFailure::Unconfirmed)),
            other => Err(SaveError(odd(&other))),
        }
    }

    /// Finds an account by name, ignoring case.
    ///
    /// # Errors
    ///
    /// Redis does not answer, or holds something else under that name, which is logged.
    pub fn account(&self, name: &UserName) -> Result<Option<AccountRecord>, ReadError> {
        match self.ask(AccountCall::Find(name.clone())).map_err(not_read)? {
            Reply::Account(AccountReply::Found(account)) => Ok(account.map(|account| *account)),
            Reply::Account(AccountReply::Unreadable(why)) => {
                log::error!("cluster: the account {name} cannot be read: {why}");
                Err(ReadError(StoreFailure::Unreadable))
            }
            other => {
                log::error!("cluster: the account {name} cannot be read");
                Err(ReadError(odd(&other)))
            }
        }
    }

    /// Another account whose name looks like this one.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub fn look_alike(&self, name: &UserName) -> Result<Option<UserName>, ReadError> {
        match self.ask(AccountCall::Alike(name.clone())).map_err(not_read)? {
            Reply::Account(AccountReply::Text(found)) => {
                Ok(found.and_then(|other| UserName::written(&other).ok()).filter(|other| other != name))
            }
            other => Err(ReadError(odd(&other))),
        }
    }

    /// The folded name of an account, if it exists.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub fn name_of(&self, account: AccountId) -> Result<Option<Box<str>>, ReadError> {
        match self.ask(AccountCall::NameOf(account)).map_err(not_read)? {
            Reply::Account(AccountReply::Text(name)) => Ok(name),
            other => Err(ReadError(odd(&other))),
        }
    }

    /// Creates an account with a number of its own.
    ///
    /// # Errors
    ///
    /// The name is taken, or the account is not known to be there. One that too few replicas have is taken back.
    pub fn create(&self, name: &UserName, hash: &Hashed) -> Result<AccountId, CreateAccountError> {
        let block = [Call::Block { kind: NumberKind::Account, count: 1 }];
        let replies = self.connections.ask(&block).map_err(|why| {
            let (NoAnswer::NotSent(why) | NoAnswer::Lost(why)) = why;
            // A number that nobody gets does no harm.
            CreateAccountError::NotSaved(not_saved(NoAnswer::NotSent(why)))
        })?;
        let id = match replies.first() {
            Some(Reply::Block { first, .. }) => AccountId(*first),
            Some(Reply::Nothing) | None => {
                return Err(CreateAccountError::NotSaved(SaveError(StoreFailure::NotReplicated)));
            }
            Some(other) => return Err(CreateAccountError::NotSaved(SaveError(odd(other)))),
        };
        let (name, hash) = (name.clone(), hash.clone());
        let account = AccountRecord { id, name, hash, created: Timestamp::now(), settings: Settings::default() };
        self.insert(&account).map(|()| id)
    }

    /// Creates an account that has a number and settings already.
    ///
    /// # Errors
    ///
    /// As for [`create`](SharedAccounts::create).
    pub fn insert(&self, account: &AccountRecord) -> Result<(), CreateAccountError> {
        let not_saved = |reason| Err(CreateAccountError::NotSaved(SaveError(reason)));
        match self.ask(AccountCall::Make(Box::new(account.clone()))) {
            Ok(Reply::Account(AccountReply::Done)) => Ok(()),
            Ok(Reply::Account(AccountReply::Taken)) => Err(CreateAccountError::Exists),
            Ok(Reply::Account(AccountReply::NotReplicated)) => {
                let gone = self.remove(&account.name, Some((account.id, &account.hash)), ClientId::NONE);
                // The removal reaches as few replicas, and is done all the same.
                let is_gone = matches!(gone, Ok(_) | Err(SaveError(StoreFailure::Unconfirmed)));
                not_saved(if is_gone { StoreFailure::NotReplicated } else { StoreFailure::AnswerLost })
            }
            Ok(other) => not_saved(odd(&other)),
            // It is asked for once more: the second time, Redis says what became of the first.
            Err(NoAnswer::Lost(_)) => match self.account(&account.name) {
                Ok(Some(found)) if found.id == account.id => Ok(()),
                Ok(_) | Err(_) => not_saved(StoreFailure::AnswerLost),
            },
            Err(why) => Err(CreateAccountError::NotSaved(self::not_saved(why))),
        }
    }

    /// Replaces a password, with `before` only if it still is this account with this password. `by`: the connection that does
    /// so, which is not ended. False if there is no such account.
    ///
    /// # Errors
    ///
    /// It is not known to be changed.
    pub fn set_hash(
        &self,
        name: &UserName,
        before: Option<(AccountId, &Hashed)>,
        hash: &Hashed,
        by: ClientId,
    ) -> Result<bool, SaveError> {
        let (account, before) = before.map(|(account, hash)| (account, hash.clone())).unzip();
        let (name, hash) = (name.clone(), hash.clone());
        self.change(AccountCall::SetPassword { name, account, before, hash, by })
    }

    /// Removes an account with everything that belongs to it; `only` if it still is this one with this password. False if there
    /// is no such account.
    ///
    /// # Errors
    ///
    /// It is not known to be gone.
    pub fn remove(&self, name: &UserName, only: Option<(AccountId, &Hashed)>, by: ClientId) -> Result<bool, SaveError> {
        let known = match only {
            Some((account, _)) => Some(account),
            // What belongs to it is kept under its number.
            None => self.account(name).ok().flatten().map(|account| account.id),
        };
        let (account, hash) = only.map(|(account, hash)| (account, hash.clone())).unzip();
        let removed = self.change(AccountCall::Remove { name: name.clone(), account, hash, by })?;
        if let Some(account) = known.filter(|_| removed) {
            self.forget_visits(account);
        }
        Ok(removed)
    }

    fn forget_visits(&self, account: AccountId) {
        let logs = self.partitions.logs().skip(1);
        let calls: Vec<_> = logs.map(|log| Call::Account(AccountCall::ForgetVisits(log, account))).collect();
        if let Err(NoAnswer::NotSent(why) | NoAnswer::Lost(why)) = self.connections.ask(&calls) {
            // Its number is never given again, so nobody reads them.
            log::warn!("cluster: the visits of a removed account remain: {why}");
        }
    }

    /// Saves a user's settings. False if there is no such account.
    ///
    /// # Errors
    ///
    /// They are not known to be saved.
    pub fn save_settings(&self, account: AccountId, settings: &Settings) -> Result<bool, SaveError> {
        self.change(AccountCall::SaveSettings(account, settings.clone()))
    }

    /// Whether there is none.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub fn is_empty(&self) -> Result<bool, ReadError> {
        match self.ask(AccountCall::List("0".into())).map_err(not_read)? {
            Reply::Account(AccountReply::Page { next, names }) => Ok(next.is_none() && names.is_empty()),
            other => Err(ReadError(odd(&other))),
        }
    }

    /// The folded names of all accounts with their numbers, by name.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub fn names(&self) -> Result<Vec<(Box<str>, AccountId)>, ReadError> {
        let (mut from, mut all) = (Box::<str>::from("0"), Vec::new());
        loop {
            match self.ask(AccountCall::List(from)).map_err(not_read)? {
                Reply::Account(AccountReply::Page { next, names }) => {
                    all.extend(names.into_iter().map(|(id, name)| (name, id)));
                    match next.filter(|_| all.len() < MOST_LISTED) {
                        Some(next) => from = next,
                        None => break,
                    }
                }
                other => return Err(ReadError(odd(&other))),
            }
        }
        // A scan may bring one twice.
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    /// All accounts, by name. One that cannot be read is logged and left out.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub fn list(&self) -> Result<Vec<AccountRecord>, ReadError> {
        let mut accounts = Vec::new();
        for (folded, _) in self.names()? {
            let Ok(name) = UserName::written(&folded) else {
                log::error!("cluster: an account has a name that this build cannot read, and is left out");
                continue;
            };
            match self.account(&name) {
                Ok(account) => accounts.extend(account),
                Err(ReadError(StoreFailure::Unreachable)) => return Err(ReadError(StoreFailure::Unreachable)),
                Err(_) => {}
            }
        }
        Ok(accounts)
    }
}
