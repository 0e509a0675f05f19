//! Accounts, from the side of one user: creating one, changing its password, deleting it.
//!
//! Passwords are hashed on the worker threads, at most two, so this cannot starve the chat. No lock
//! is held meanwhile.
//!
//! *Owns* whether a dialogue about an account makes sense, and what it does.
//! *Knows nothing of* how passwords and accounts are stored; `session::login` checks passwords.

use std::sync::Arc;

use super::Session;
use crate::access::password;
use crate::chat::account_policy::AccountPolicy;
use crate::chat::secret::Hashed;
use crate::chat::secret::Secret;
use crate::hub::roster::{Login, User};
use crate::hub::worker_pool::BusyError;
use crate::store::CreateAccountError;
use crate::ui::palette::{AccountAsk, AccountRefusal, Answer, LoginRefusal};
use crate::ui::screen::LineKind;

/// A new password with fewer characters is called short: NIST SP 800-63B, revision 3, section 5.1.1.1, asks for eight.
/// It is still accepted: guessing is slow and limited, and the user decides what the account is worth.
const SHORT_PASSWORD: usize = 8;

/// For a user whose password was right when it was compared, but no longer when the change was to be made.
const CHANGED_MEANWHILE: &str =
    "Not done: your password was just changed on the server, or your account removed. Log in again.";

impl Session {
    /// Whether a dialogue about an account makes sense.
    pub(super) fn begin_account(&mut self, ask: AccountAsk) -> Option<Answer> {
        let user = self.user.clone()?;
        let name = user.name();
        let required = self.hub.accounts() == AccountPolicy::Required;
        let ghost = if let AccountAsk::Ghost(wanted) = &ask { self.ghost_of_guest(wanted) } else { None };
        let prompt = match (&ask, ghost) {
            (_, Some(refusal)) => Err(refusal),
            _ if !self.hub.accounts().are_enabled() => Err(AccountRefusal::NoAccounts),
            (AccountAsk::Register, None) if user.account().is_some() => Err(AccountRefusal::Registered(name)),
            (AccountAsk::Register | AccountAsk::Unregister, None) if required => Err(AccountRefusal::AdminOnly),
            (AccountAsk::Register, None) if self.hub.is_reserved(&name, self.ip()) => {
                Err(AccountRefusal::OperatorName(name))
            }
            (AccountAsk::Register, None) => match self.taken_or_alike(&name) {
                Some(refusal) => Err(refusal),
                None => Ok(format!("Choose a password for {name}; you will be asked for it twice.")),
            },
            (AccountAsk::ChangePassword | AccountAsk::Unregister, None) if user.account().is_none() => {
                Err(AccountRefusal::NotLoggedIn)
            }
            (AccountAsk::ChangePassword, None) => Ok(String::new()),
            (AccountAsk::Unregister, None) => {
                Ok(format!("The password of {name} deletes the account; Enter goes back."))
            }
            (AccountAsk::Login(wanted) | AccountAsk::Ghost(wanted), None)
                if *wanted == name && user.account().is_some() =>
            {
                Err(AccountRefusal::LoggedIn(name))
            }
            (AccountAsk::Login(wanted) | AccountAsk::Ghost(wanted), None) => {
                Ok(format!("The password of {wanted}; Enter goes back."))
            }
        };
        match prompt {
            Ok(prompt) => Some(Answer::PasswordWanted { ask, prompt }),
            Err(refusal) => {
                self.refuse(refusal);
                None
            }
        }
    }

    pub(super) fn refuse_login(&self, refusal: &LoginRefusal) {
        #[cfg(feature = "json")]
        self.note_login_refusal(refusal);
        self.refuse(refusal);
    }

    /// The same for a password that proves who the user is, without logging in.
    pub(super) fn refuse_proof(&self, refusal: &LoginRefusal) {
        if *refusal == LoginRefusal::NotShared {
            return self.refuse(AccountRefusal::NotShared);
        }
        self.refuse_login(refusal);
    }

    /// Has a worker thread hash or compare a password, which is counted, and waits for the result.
    pub(super) fn compute_hash<R: Send + 'static>(
        &self,
        job: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, BusyError> {
        let hub = Arc::clone(&self.hub);
        self.compute(move || hub.metrics.password_seconds.time(job))
    }

    /// Hashes a new password. `None` if that failed; then the user has been told why.
    pub(super) fn hashed(&self, password: Secret) -> Option<Hashed> {
        match self.compute_hash(move || password::hash(password.expose())) {
            Ok(Ok(hash)) => Some(hash),
            Ok(Err(error)) => {
                log::error!("cannot hash a password: {error}");
                self.refuse("The server cannot set passwords right now.");
                None
            }
            Err(busy) => {
                self.refuse(busy);
                None
            }
        }
    }

    fn tell_if_short(&self, short: bool) {
        if short {
            self.outbox.tell(LineKind::News, "That password is short: a longer one is harder to guess.");
        }
    }

    pub(super) fn register(&mut self, password: Secret) {
        let (Some(accounts), Some(user)) = (self.hub.account_store(), self.user.clone()) else { return };
        if user.account().is_some() || self.hub.accounts() != AccountPolicy::Optional {
            return;
        }
        if self.hub.is_reserved(&user.name(), self.ip()) {
            return;
        }
        if let Some(refusal) = self.not_for_an_account(&user.name()) {
            return self.refuse(refusal);
        }
        if let Err(wait) = self.hub.limits.count_registration(self.ip(), &self.hub.config(), self.now()) {
            let wait = crate::chat::duration::in_words(wait);
            let line = format!("Too many accounts were created from your address: try again in {wait}.");
            return self.refuse(line);
        }
        let short = is_short(&password);
        let Some(hash) = self.hashed(password) else { return };
        let name = user.name();
        // In the meantime another user may have taken the name, or a reload may have changed the account policy.
        if user.is_gone() || self.hub.accounts() != AccountPolicy::Optional {
            return;
        }
        match accounts.create(&name, &hash) {
            Ok(account) => {
                self.identify(&user, Login { account, hash });
                self.account.record_rooms_of(account);
                // A search for accounts removed from outside may have run before this one was theirs.
                self.review_login();
                log::info!("client {} from {}: {name} is registered", self.outbox.id(), self.peer);
                let line = format!("{name} is now registered to you. Log in with :login {name}.");
                self.outbox.tell(LineKind::News, &line);
                self.tell_if_short(short);
                self.save_settings();
                if self.hub.is_operator(&user.identity()) {
                    self.hub.audit(&name, "registered, and is an operator");
                    self.outbox.tell(LineKind::News, "You are an operator.");
                }
            }
            Err(CreateAccountError::Exists) => {
                self.refuse(format_args!("Somebody has just registered {name}: choose another name."));
            }
            Err(CreateAccountError::NotSaved(error)) => self.refuse(error),
        }
    }

    /// This user has logged in to the account of the name they have.
    pub(super) fn identify(&mut self, user: &Arc<User>, login: Login) {
        user.set_login(Some(login));
        self.hub.share_presence(user, self.now());
        for room in self.rooms.rooms() {
            if room.identify(user.client(), || self.hub.actor(user), self.now()) {
                self.save_room(room);
            }
        }
    }

    pub(super) fn change_password(&mut self, old: Secret, new: Secret) {
        let (Some(accounts), Some(user)) = (self.hub.account_store(), self.user.clone()) else { return };
        let account = match self.prove(&user.name(), old) {
            Ok(account) => account,
            Err(refusal) => return self.refuse_proof(&refusal),
        };
        let short = is_short(&new);
        let Some(hash) = self.hashed(new) else { return };
        match accounts.replace_hash(&account, &hash, self.outbox.id()) {
            Ok(true) => {
                user.set_login(Some(Login { account: account.id, hash }));
                log::info!("client {} from {}: {} has a new password", self.outbox.id(), self.peer, account.name);
                self.outbox.tell(LineKind::News, "Your password has been changed.");
                self.tell_if_short(short);
            }
            Ok(false) => self.refuse(CHANGED_MEANWHILE),
            Err(error) => self.refuse(error),
        }
    }

    pub(super) fn unregister(&mut self, password: Secret) {
        let (Some(accounts), Some(user)) = (self.hub.account_store(), self.user.clone()) else { return };
        let account = match self.prove(&user.name(), password) {
            Ok(account) => account,
            Err(refusal) => return self.refuse_proof(&refusal),
        };
        match accounts.remove_own(&account, self.outbox.id()) {
            Ok(false) => self.refuse(CHANGED_MEANWHILE),
            Ok(true) => {
                self.account.read.forget();
                self.account.stop_recording_rooms();
                self.hub.forget_account(&user, account.id, self.now());
                log::info!("client {} from {}: the account {} was deleted", self.outbox.id(), self.peer, account.name);
                let line = format!("Account {} deleted. The name is free once you leave.", account.name);
                self.outbox.tell(LineKind::News, &line);
            }
            Err(error) => self.refuse(error),
        }
    }
}

fn is_short(password: &Secret) -> bool {
    password.expose().chars().count() < SHORT_PASSWORD
}
