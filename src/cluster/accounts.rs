//! Accounts in Redis and the data attached to them, shared by all servers and by `chatsock user`.
//!
//! Nothing is cached: each call asks Redis, so a password changed on another server counts at once. If a call was sent
//! but not answered, Redis may have executed it; the error says so.
//!
//! *Owns* the meaning of the answers, expressed in the store's types.
//! *Knows nothing of* plaintext passwords, or of who may do what.

use std::sync::Arc;

use jiff::Timestamp;

use super::connections::{Connections, NoAnswer};
use super::engine::{AccountCall, AccountReply, Call, Reply};
use super::values::{NumberKind, Partitions};
use crate::chat::message::{AccountId, ClientId};
use crate::chat::names::UserName;
use crate::chat::secret::Hashed;
use crate::store::{AccountRecord, CreateAccountError, ReadError, SaveError, Settings, StoreError};

/// Most accounts listed: a bound in case Redis never stops answering.
const MOST_LISTED: usize = 10_000_000;

/// The accounts of all servers.
#[derive(Debug)]
pub struct SharedAccounts {
    pub(super) connections: Arc<Connections>,
    pub(super) partitions: Partitions,
}

/// The error for a change that may not have been made.
pub(super) fn not_saved(why: NoAnswer) -> SaveError {
    SaveError(match why {
        NoAnswer::NotSent(why) => {
            log::warn!("cluster: an account could not be changed: {why}");
            StoreError::Unreachable
        }
        NoAnswer::Lost(why) => {
            log::warn!("cluster: an account may or may not have been changed: {why}");
            StoreError::AnswerLost
        }
    })
}

/// The error for something that could not be read.
pub(super) fn not_read(why: NoAnswer) -> ReadError {
    let (NoAnswer::NotSent(why) | NoAnswer::Lost(why)) = why;
    log::warn!("cluster: accounts cannot be read: {why}");
    ReadError(StoreError::Unreachable)
}

/// What Redis answers while it carries out nothing: no memory or no replica is left, the disk is full, a right was taken away.
const REFUSALS: [&str; 6] = ["OOM", "NOREPLICAS", "MISCONF", "NOPERM", "NOAUTH", "BUSY"];

/// An answer that does not fit its call: Redis holds something that this version cannot read, or refuses.
pub(super) fn odd(reply: &Reply) -> StoreError {
    if let Reply::Failed(why) = reply {
        if why.split(' ').next().is_some_and(|code| REFUSALS.contains(&code)) {
            log::warn!("cluster: Redis refuses: {why}");
            return StoreError::Unreachable;
        }
        log::error!("cluster: Redis refuses: {why}");
        return StoreError::Other(why.clone());
    }
    log::error!("cluster: an unexpected answer about an account: {reply:?}");
    StoreError::Unreadable
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
            Reply::Account(AccountReply::NotReplicated) => Err(SaveError(StoreError::Unconfirmed)),
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
                Err(ReadError(StoreError::Unreadable))
            }
            other => {
                let why = odd(&other);
                if why != StoreError::Unreachable {
                    log::error!("cluster: the account {name} cannot be read");
                }
                Err(ReadError(why))
            }
        }
    }

    /// Finds another account whose name looks like this one.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub fn look_alike(&self, name: &UserName) -> Result<Option<UserName>, ReadError> {
        let reply = self.ask(AccountCall::Alike(name.clone())).map_err(not_read)?;
        let Reply::Account(AccountReply::Text(found)) = reply else { return Err(ReadError(odd(&reply))) };
        Ok(found.and_then(|other| UserName::written(&other).ok()).filter(|other| other != name))
    }

    /// The folded name of an account, if it exists.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub fn name_of(&self, account: AccountId) -> Result<Option<Box<str>>, ReadError> {
        let reply = self.ask(AccountCall::NameOf(account)).map_err(not_read)?;
        let Reply::Account(AccountReply::Text(name)) = reply else { return Err(ReadError(odd(&reply))) };
        Ok(name)
    }

    /// Creates an account with a number of its own.
    ///
    /// # Errors
    ///
    /// The name is taken, or the account may not have been saved. If too few replicas confirm it, it is removed again.
    pub fn create(&self, name: &UserName, hash: &Hashed) -> Result<AccountId, CreateAccountError> {
        let block = [Call::Block { kind: NumberKind::Account, count: 1 }];
        let replies = self.connections.ask(&block).map_err(|why| {
            let (NoAnswer::NotSent(why) | NoAnswer::Lost(why)) = why;
            // An unused number does no harm.
            CreateAccountError::NotSaved(not_saved(NoAnswer::NotSent(why)))
        })?;
        let id = match replies.first() {
            Some(Reply::Block { first, .. }) => AccountId(*first),
            Some(Reply::Nothing) | None => {
                return Err(CreateAccountError::NotSaved(SaveError(StoreError::NotReplicated)));
            }
            Some(other) => return Err(CreateAccountError::NotSaved(SaveError(odd(other)))),
        };
        let (name, hash) = (name.clone(), hash.clone());
        let account = AccountRecord { id, name, hash, created: Timestamp::now(), settings: Settings::default() };
        self.insert(&account).map(|()| id)
    }

    /// Creates an account that already has a number and settings.
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
                // The removal is confirmed by as few replicas, but it is done all the same.
                let is_gone = matches!(gone, Ok(_) | Err(SaveError(StoreError::Unconfirmed)));
                not_saved(if is_gone { StoreError::NotReplicated } else { StoreError::AnswerLost })
            }
            Ok(other) => not_saved(odd(&other)),
            // Ask again: the second answer shows whether the first call was executed.
            Err(NoAnswer::Lost(_)) => match self.account(&account.name) {
                Ok(Some(found)) if found.id == account.id => Ok(()),
                Ok(_) | Err(_) => not_saved(StoreError::AnswerLost),
            },
            Err(why) => Err(CreateAccountError::NotSaved(self::not_saved(why))),
        }
    }

    /// Sets a password; with `before`, only if this is still the same account with the same password. `by` is the
    /// connection that asked, which stays logged in. False if there is no such account.
    ///
    /// # Errors
    ///
    /// The change may not have been made.
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

    /// Removes an account and everything attached to it; with `only`, only if it is still this account with this
    /// password. False if there is no such account.
    ///
    /// # Errors
    ///
    /// The account may still be there.
    pub fn remove(&self, name: &UserName, only: Option<(AccountId, &Hashed)>, by: ClientId) -> Result<bool, SaveError> {
        let known = match only {
            Some((account, _)) => Some(account),
            // Attached data is stored under the account's number.
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
            // The number is never reused, so nobody reads them.
            log::warn!("cluster: could not delete the visits of a removed account: {why}");
        }
    }

    /// Saves a user's settings. False if there is no such account.
    ///
    /// # Errors
    ///
    /// They may not have been saved.
    pub fn save_settings(&self, account: AccountId, settings: &Settings) -> Result<bool, SaveError> {
        self.change(AccountCall::SaveSettings(account, settings.clone()))
    }

    /// Whether there are no accounts at all.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub fn is_empty(&self) -> Result<bool, ReadError> {
        let reply = self.ask(AccountCall::List("0".into())).map_err(not_read)?;
        let Reply::Account(AccountReply::Page { next, names }) = reply else { return Err(ReadError(odd(&reply))) };
        Ok(next.is_none() && names.is_empty())
    }

    /// The folded names of all accounts with their numbers, by name.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub fn names(&self) -> Result<Vec<(Box<str>, AccountId)>, ReadError> {
        let (mut from, mut all) = (Box::<str>::from("0"), Vec::new());
        loop {
            let reply = self.ask(AccountCall::List(from)).map_err(not_read)?;
            let Reply::Account(AccountReply::Page { next, names }) = reply else { return Err(ReadError(odd(&reply))) };
            all.extend(names.into_iter().map(|(id, name)| (name, id)));
            match next.filter(|_| all.len() < MOST_LISTED) {
                Some(next) => from = next,
                None => break,
            }
        }
        // A scan may return an account twice.
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
                Err(ReadError(StoreError::Unreachable)) => return Err(ReadError(StoreError::Unreachable)),
                Err(_) => {}
            }
        }
        Ok(accounts)
    }
}
