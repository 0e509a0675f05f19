//! Logging in: a name at the first prompt, a password, and `:login` later on.
//!
//! Passwords are compared on the worker threads, at most two, so logins cannot starve the chat. No
//! lock is held meanwhile.
//!
//! *Owns* the way from a typed name and password to a user with a name, or to the reason for a refusal. *Knows nothing
//! of* dialogues, or of how passwords and accounts are stored.

use std::sync::Arc;

use super::Session;
use crate::access::address::address_key;
use crate::access::attempts::{Attempt, AttemptError};
use crate::access::password;
use crate::chat::account_policy::AccountPolicy;
use crate::chat::identity::Target;
use crate::chat::names::UserName;
use crate::chat::secret::Hashed;
use crate::chat::secret::Secret;
use crate::hub::Checkpoint;
use crate::hub::THROWN_OUT;
use crate::hub::roster::{Login, NameInUseError, PeerAddress, User};
use crate::hub::worker_pool::BusyError;
use crate::metrics::LoginResult;
use crate::outbox::DisconnectReason;
use crate::store::{AccountRecord, ReadError, StoreError};
use crate::ui::palette::{Answer, LoginRefusal};
use crate::ui::screen::LineKind;

/// Why nobody can log in while accounts cannot be read.
pub(super) fn not_read(ReadError(reason): ReadError) -> LoginRefusal {
    if reason == StoreError::Unreachable {
        return LoginRefusal::NotShared;
    }
    LoginRefusal::Unreadable(reason.to_string())
}

impl Session {
    /// Called at the end of a turn instead of where the name is claimed: formatting a log line takes a kilobyte of stack or more, which
    /// deep in the call stack would cost every idle user another page.
    #[inline(never)]
    pub(super) fn log_login(&self) {
        if let Some(user) = &self.user {
            log::info!("client {} from {} is {}", self.outbox.id(), self.peer, user.name());
        }
    }

    /// Shown to newcomers before they are asked for a name.
    pub(super) fn tell_who_may_log_in(&self) {
        if self.hub.accounts() == AccountPolicy::Required {
            let line = "This server is for registered users. Its admin creates the accounts.";
            self.outbox.tell(LineKind::News, line);
        }
    }

    /// A name was typed at the first prompt.
    #[inline(never)]
    pub(super) fn claim_name(&mut self, name: UserName) -> Answer {
        match self.check_guest_name(name) {
            Ok(name) => self.take_guest_name(name),
            Err(answer) => answer,
        }
    }

    /// Whether a guest may have a name, as far as that does not depend on who is online. Not inlined, like what
    /// [`take_guest_name`](Session::take_guest_name) calls: claiming a name is one of the deepest calls of a session.
    #[inline(never)]
    fn check_guest_name(&self, name: UserName) -> Result<UserName, Answer> {
        #[cfg(feature = "cluster")]
        if self.is_kept(&name) {
            return Err(Answer::PasswordNeeded { name });
        }
        match self.asks_password(&name) {
            Ok(false) => {}
            Ok(true) => return Err(Answer::PasswordNeeded { name }),
            Err(error) => return Err(Answer::LoginRefused(not_read(error))),
        }
        let config = self.hub.config();
        // The palette accepts names of any length, since some account may have one.
        let name = UserName::parse_in(name.as_str(), config.username_min, config.username_limit, config.names)
            .map_err(Answer::NameUnfit)?;
        self.look_alike(&name).map_or(Ok(name), Err)
    }

    /// Whether a name asks for a password. A broken disk must not give anybody a name: if the disk cannot
    /// be read, the password is asked for, and the login then says why. An error if the other servers cannot be reached.
    pub(super) fn asks_password(&self, name: &UserName) -> Result<bool, ReadError> {
        match self.hub.accounts() {
            AccountPolicy::Off => Ok(false),
            AccountPolicy::Optional => match self.hub.has_account(name) {
                Err(error) if error.0 == StoreError::Unreachable => Err(error),
                known => Ok(known.unwrap_or(true) || self.hub.is_reserved(name, self.ip())),
            },
            // Only its owner may know whether there is such an account.
            AccountPolicy::Required => Ok(true),
        }
    }

    /// Claims a name that belonged to no account a moment ago. Another user may have registered it since, and left, so
    /// it is looked up again; once it is claimed, nobody else can register it.
    fn take_guest_name(&mut self, name: UserName) -> Answer {
        self.hub.checkpoints.reach(Checkpoint::NameFree);
        let user = match self.claim(&name, None) {
            Ok(user) => user,
            Err(why) => return self.not_free(name, why),
        };
        self.confirm_guest_name(name, user)
    }

    #[inline(never)]
    fn confirm_guest_name(&mut self, name: UserName, user: Arc<User>) -> Answer {
        let refused = match self.asks_password(&name) {
            Ok(true) => Some(Answer::PasswordNeeded { name }),
            Ok(false) => self.look_alike(&name),
            Err(error) => Some(Answer::LoginRefused(not_read(error))),
        };
        if let Some(refused) = refused {
            self.hub.release_name(&user);
            return refused;
        }
        self.named(user)
    }

    fn claim(&self, name: &UserName, login: Option<Login>) -> Result<Arc<User>, NameInUseError> {
        let limit = self.hub.config().username_limit;
        self.hub.claim_name(name, login, limit, &self.outbox, self.origin(), self.now())
    }

    /// Where this connection comes from.
    pub(super) fn origin(&self) -> PeerAddress {
        PeerAddress { address: address_key(self.ip()), shared: self.hub.config().is_exempt(self.ip()) }
    }

    /// The name now belongs to this connection.
    pub(super) fn named(&mut self, user: Arc<User>) -> Answer {
        let name = user.name();
        self.outbox.set_name(&name);
        self.user = Some(user);
        self.login_to_log = true;
        self.hub.metrics.logins.of(LoginResult::Accepted).add(1);
        Answer::NameClaimed {
            name,
            people: self.hub.roster.count(),
            rooms: self.hub.rooms.public().len(),
            notice: self.hub.login_notice(),
        }
    }

    /// A password was typed for a name at the first prompt.
    #[inline(never)]
    pub(super) fn come_in(&mut self, name: &UserName, password: Secret, ghost: bool) -> Answer {
        #[cfg(feature = "cluster")]
        if let Some(answer) = self.come_back(name, password.expose()) {
            return answer;
        }
        let account = match self.prove_login(name, password) {
            Ok(account) => account,
            Err(refusal) => return Answer::LoginRefused(refusal),
        };
        self.hub.limits.give_back_login(self.ip(), &self.hub.config());
        #[cfg(feature = "cluster")]
        if let Some(answer) = self.come_back_as(&account) {
            return answer;
        }
        if ghost {
            self.throw_out(&account.name);
        }
        self.admit_account(Box::new(account))
    }

    /// Logs in to an account whose password was right, or asks whether to take over from the connection that has its
    /// name.
    pub(super) fn admit_account(&mut self, account: Box<AccountRecord>) -> Answer {
        match self.claim(&account.name, Some(login(&account))) {
            Ok(user) => {
                self.account.arrived = Some(account);
                self.named(user)
            }
            Err(NameInUseError::Taken(_)) => self.offer_takeover(account),
            Err(error @ (NameInUseError::LooksLike(_) | NameInUseError::NotShared | NameInUseError::AddressFull)) => {
                self.not_free(account.name, error)
            }
        }
    }

    /// Checks an account's password. Every attempt is counted before it is compared, over all connections from the
    /// address, so that many at once are no more attempts than one after the other.
    pub(super) fn prove(&self, name: &UserName, password: Secret) -> Result<AccountRecord, LoginRefusal> {
        let Some(accounts) = self.hub.account_store() else { return Err(LoginRefusal::Wrong) };
        let config = self.hub.config();
        let limits = &self.hub.limits;
        limits.count_login(self.ip(), &config, self.now()).map_err(LoginRefusal::TooMany)?;
        let pending = match limits.logins.begin(Attempt::from_address(self.ip(), name.clone()), self.now()) {
            Ok(pending) => pending,
            Err(error) => {
                limits.give_back_login(self.ip(), &config);
                return Err(match error {
                    AttemptError::Waiting(_) => LoginRefusal::Blocked,
                    AttemptError::Undecided => LoginRefusal::Busy,
                });
            }
        };
        let (wanted, hub) = (name.clone(), Arc::clone(&self.hub));
        let found = self.compute(move || -> Result<Option<(AccountRecord, Option<Hashed>)>, ReadError> {
            let seconds = || &hub.metrics.password_seconds;
            let Some(account) = accounts.account(&wanted)? else {
                // Takes as long as finding out that a password is wrong.
                seconds().time(|| password::verify_against_dummy(password.expose()));
                return Ok(None);
            };
            if !seconds().time(|| password::verify(password.expose(), &account.hash)) {
                return Ok(None);
            }
            hub.checkpoints.reach(Checkpoint::PasswordCompared);
            // In the meantime the account's password may have changed, or the account may be gone.
            let is_same = |now: &AccountRecord| now.id == account.id && now.hash == account.hash;
            let Some(account) = accounts.account(&wanted)?.filter(is_same) else { return Ok(None) };
            // The hash was made with weaker parameters than today's.
            let rehashed = password::needs_rehash(password.expose(), &account.hash)
                .then(|| seconds().time(|| password::hash(password.expose())).ok())
                .flatten();
            Ok(Some((account, rehashed)))
        });
        match found {
            Ok(Ok(Some((mut account, rehashed)))) => {
                pending.right();
                if let (Some(hash), Some(accounts)) = (rehashed, self.hub.account_store()) {
                    match accounts.replace_hash(&account, &hash, self.outbox.id()) {
                        Ok(true) => account.hash = hash,
                        // Changed from outside in the meantime; a check after the login finds that out.
                        Ok(false) => {}
                        Err(error) => log::warn!("the hash of {} was not renewed: {error}", account.name),
                    }
                }
                Ok(account)
            }
            Ok(Ok(None)) => {
                let blocked = pending.wrong(self.now());
                if blocked {
                    self.hub.metrics.password_waits.add(1);
                }
                log::info!("client {} from {}: wrong password for an account", self.outbox.id(), self.peer);
                Err(if blocked { LoginRefusal::Blocked } else { LoginRefusal::Wrong })
            }
            // The password was not compared: the attempt is dropped and does not count.
            Ok(Err(error)) => {
                limits.give_back_login(self.ip(), &config);
                Err(not_read(error))
            }
            Err(BusyError) => {
                limits.give_back_login(self.ip(), &config);
                Err(LoginRefusal::Busy)
            }
        }
    }

    /// The same where a login depends on it, which is counted if it fails.
    pub(super) fn prove_login(&self, name: &UserName, password: Secret) -> Result<AccountRecord, LoginRefusal> {
        self.prove(name, password).inspect_err(|refusal| {
            let result = match refusal {
                LoginRefusal::Wrong => LoginResult::Wrong,
                LoginRefusal::Blocked | LoginRefusal::TooMany(_) => LoginResult::Waiting,
                LoginRefusal::Busy
                | LoginRefusal::Unreadable(_)
                | LoginRefusal::NotShared
                | LoginRefusal::AddressFull(_) => LoginResult::Failed,
            };
            self.hub.metrics.logins.of(result).add(1);
        })
    }

    /// Whether a password that was right some time ago still is.
    #[inline(never)]
    pub(super) fn still_proved(&self, account: &AccountRecord) -> Result<(), LoginRefusal> {
        let Some(accounts) = self.hub.account_store() else { return Err(LoginRefusal::Wrong) };
        let name = account.name.clone();
        match self.compute(move || accounts.account(&name)) {
            Ok(Ok(Some(now))) if now.id == account.id && now.hash == account.hash => Ok(()),
            Ok(Ok(_)) => Err(LoginRefusal::Wrong),
            Ok(Err(error)) => Err(not_read(error)),
            Err(_) => Err(LoginRefusal::Busy),
        }
    }

    /// The connection that has a name, if it is not this one.
    pub(super) fn other_connection(&self, name: &UserName) -> Option<Arc<User>> {
        let user = self.hub.roster.find(&Target { name: name.clone(), client: None })?;
        (user.client() != self.outbox.id()).then_some(user)
    }

    /// Ends another connection that has a name. True if there was one.
    fn throw_out(&self, name: &UserName) -> bool {
        let other = self.other_connection(name);
        other.iter().for_each(|other| self.hub.throw_out(other, THROWN_OUT, DisconnectReason::Ghosted));
        other.is_some()
    }

    /// `:login`, from the palette or the view.
    #[inline(never)]
    pub(super) fn log_in(&mut self, name: &UserName, password: Secret) -> Option<Answer> {
        match self.prove_login(name, password) {
            Ok(account) => self.become_account(Box::new(account)),
            Err(refusal) => {
                self.refuse_login(&refusal);
                None
            }
        }
    }

    /// Logs in to an account whose password was right, or asks whether to take over from the connection that has its
    /// name.
    pub(super) fn become_account(&mut self, account: Box<AccountRecord>) -> Option<Answer> {
        let user = self.user.clone()?;
        if user.name() == account.name {
            // A guest has no account to leave.
            self.identify(&user, login(&account));
            self.outbox.tell(LineKind::News, &format!("You are logged in as {}.", account.name));
        } else {
            if self.other_connection(&account.name).is_some() {
                return Some(self.offer_takeover(account));
            }
            self.leave_account();
            if self.become_other(&user, &account.name, Some(login(&account))).is_err() {
                return Some(self.offer_takeover(account));
            }
        }
        self.logged_in(account);
        None
    }

    pub(super) fn logged_in(&mut self, account: Box<AccountRecord>) {
        log::info!("client {} from {}: logged in as {}", self.outbox.id(), self.peer, account.name);
        self.hub.metrics.logins.of(LoginResult::Accepted).add(1);
        self.account.arrived = Some(account);
    }

    /// Ends another connection of the user's own account.
    #[inline(never)]
    pub(super) fn ghost(&mut self, name: &UserName, password: Secret) {
        match self.prove(name, password) {
            Ok(account) if self.throw_out(&account.name) => {
                let name = account.name;
                log::info!("client {} from {}: ended another connection of {name}", self.outbox.id(), self.peer);
                let line = format!("The other connection of {name} has been ended. Log in with :login {name}.");
                self.outbox.tell(LineKind::News, &line);
            }
            Ok(account) => self.refuse(format_args!("{} is not online.", account.name)),
            Err(refusal) => self.refuse_proof(&refusal),
        }
    }
}

pub(super) fn login(account: &AccountRecord) -> Login {
    Login { account: account.id, hash: account.hash.clone() }
}
