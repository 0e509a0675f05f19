//! Accounts, from the side of one person: coming in as one, making, changing and taking it away.
//!
//! A password is compared and hashed on the threads that compute long, two at most, so that logins cannot starve the chat;
//! no lock is held meanwhile.
//!
//! *Owns* the way from a typed password to an account, and what is told of it.
//! *Knows nothing of* dialogues, and of how passwords and accounts are kept.
//! *Called by* `session::effects`.

use std::sync::Arc;
use std::time::Instant;

use super::Session;
use crate::account::Accounts;
use crate::identity::Whom;
use crate::login_throttle::{LoginKey, Refused};
use crate::names::UserName;
use crate::outbox::Ended;
use crate::palette::{AccountAsk, Answer, LoginRefusal};
use crate::password;
use crate::roster::{Login, Origin, Person};
use crate::screen::Tone;
use crate::secret::Secret;
use crate::store::{Account, Hashed, NotCreated, NotRead};
use crate::throttle::address_key;

/// A new password with fewer characters is called short: NIST SP 800-63B, revision 3, section 5.1.1.1, asks for eight. It
/// is taken all the same: wrong tries are few and slow, and whose account it is decides what it is worth.
const SHORT_PASSWORD: usize = 8;

/// What those hear whose connection ends because they want another one.
const THROWN_OUT: &str = "You were logged out from another connection of your account.";

impl Session {
    /// Newcomers hear it before they are asked for a name that they cannot have.
    #[inline(never)]
    pub(super) fn tell_who_may_come_in(&self) {
        if self.hub.accounts() == Accounts::Required {
            let line = "This server is for registered users. Its admin creates the accounts.";
            self.outbox.tell(Tone::News, line);
        }
    }

    /// A name was typed at the first question.
    #[inline(never)]
    pub(super) fn claim_name(&mut self, name: UserName) -> Answer {
        let needs_password = match self.hub.accounts() {
            Accounts::Off => false,
            Accounts::Optional => self.hub.is_registered(&name) || self.hub.is_reserved(&name, self.ip()),
            // Whether there is such an account is for its owner to know.
            Accounts::Required => true,
        };
        if needs_password {
            return Answer::PasswordNeeded { name };
        }
        let config = self.hub.config();
        // The palette lets names of any length through, since some account may have it.
        match UserName::parse(name.as_str(), config.username_min, config.username_limit) {
            Ok(name) => self.look_alike(&name).unwrap_or_else(|| self.take_name(name, None)),
            Err(error) => Answer::NameUnfit(error),
        }
    }

    #[inline(never)]
    fn take_name(&mut self, name: UserName, login: Option<Login>) -> Answer {
        let now = Instant::now();
        let config = self.hub.config();
        let origin = Origin { address: address_key(self.ip()), shared: config.is_exempt(self.ip()) };
        match self.hub.roster.claim(&name, login, config.username_limit, &self.outbox, origin, now) {
            Ok(person) => {
                self.outbox.set_name(&name);
                self.person = Some(person);
                self.login_to_log = true;
                Answer::NameClaimed { name, people: self.hub.roster.count(), rooms: self.hub.rooms.public().len() }
            }
            Err(why) => self.not_free(name, why),
        }
    }

    /// A password was typed for a name at the first question.
    #[inline(never)]
    pub(super) fn come_in(&mut self, name: &UserName, password: Secret, ghost: bool) -> Answer {
        let account = match self.prove(name, password) {
            Ok(account) => account,
            Err(refusal) => return Answer::LoginRefused(refusal),
        };
        self.hub.give_back_attempt(self.ip());
        if ghost {
            self.throw_out(&account.name);
        }
        match self.take_name(account.name.clone(), Some(login(&account))) {
            Answer::NameTaken { name, .. } => Answer::LoginRefused(LoginRefusal::InUse { name }),
            answer => {
                self.arrived = Some(Box::new(account));
                answer
            }
        }
    }

    /// Finds out whether somebody knows an account's password. Every try is counted before it is compared, over all
    /// connections from his address, so that many at once are no more tries than one after the other.
    #[inline(never)]
    fn prove(&self, name: &UserName, password: Secret) -> Result<Account, LoginRefusal> {
        let Some(store) = self.hub.store().cloned() else { return Err(LoginRefusal::Wrong) };
        let config = self.hub.config();
        let key = LoginKey::new(name.clone(), address_key(self.ip()));
        self.hub.count_attempt(self.ip(), Instant::now()).map_err(LoginRefusal::TooMany)?;
        if let Err(refused) = self.hub.begin_login(&key, config.login_attempts, config.login_block) {
            self.hub.give_back_attempt(self.ip());
            return Err(match refused {
                Refused::Blocked { .. } => LoginRefusal::Blocked,
                Refused::Undecided => LoginRefusal::Busy,
            });
        }
        let wanted = name.clone();
        let found = self.hub.work.run(self.ip(), move || -> Result<Option<(Account, Option<Hashed>)>, NotRead> {
            let Some(account) = store.account(&wanted)? else {
                // As long as it takes to find out that a password is wrong.
                password::verify_against_nothing(password.expose());
                return Ok(None);
            };
            if !password::verify(password.expose(), &account.hash) {
                return Ok(None);
            }
            // Made with lesser parameters than today's.
            let anew = password::needs_rehash(password.expose(), &account.hash)
                .then(|| password::hash(password.expose()).ok())
                .flatten();
            Ok(Some((account, anew)))
        });
        match found {
            Ok(Ok(Some((mut account, anew)))) => {
                self.hub.decide_login(|logins| logins.right(&key));
                if let (Some(hash), Some(store)) = (anew, self.hub.store()) {
                    match store.replace_hash(account.id, &account.hash, &hash) {
                        Ok(true) => account.hash = hash,
                        // Changed from outside meanwhile: that is found out when he is in.
                        Ok(false) => {}
                        Err(error) => log::warn!("the hash of {} was not renewed: {error}", account.name),
                    }
                }
                Ok(account)
            }
            Ok(Ok(None)) => {
                let blocked = self.hub.decide_login(|logins| logins.wrong(&key, Instant::now()));
                log::info!("client {} from {}: wrong password for an account", self.outbox.id(), self.peer);
                Err(if blocked { LoginRefusal::Blocked } else { LoginRefusal::Wrong })
            }
            Ok(Err(NotRead(reason))) => {
                self.withdraw_attempt(&key);
                Err(LoginRefusal::NotKept(reason.to_string()))
            }
            Err(_) => {
                self.withdraw_attempt(&key);
                Err(LoginRefusal::Busy)
            }
        }
    }

    /// A password was not compared: nothing is counted.
    fn withdraw_attempt(&self, key: &LoginKey) {
        self.hub.decide_login(|logins| logins.withdraw(key));
        self.hub.give_back_attempt(self.ip());
    }

    /// Ends whatever connection has a name. True if there was one.
    fn throw_out(&self, name: &UserName) -> bool {
        let Some(person) = self.hub.roster.find(&Whom { name: name.clone(), client: None }) else { return false };
        if person.client() == self.outbox.id() {
            return false;
        }
        self.hub.throw_out(&person, THROWN_OUT, Ended::ThrownOut);
        true
    }

    /// Whether a dialogue about an account makes sense.
    #[inline(never)]
    pub(super) fn begin_account(&mut self, ask: AccountAsk) -> Option<Answer> {
        let person = self.person.clone()?;
        let name = person.name();
        let required = self.hub.accounts() == Accounts::Required;
        let prompt = match &ask {
            _ if !self.hub.accounts().are_kept() => Err("This server keeps no accounts.".to_owned()),
            AccountAsk::Register if person.account().is_some() => {
                Err(format!("{name} is registered already; :passwd changes its password."))
            }
            AccountAsk::Register | AccountAsk::Unregister if required => {
                Err("Accounts are made and taken away by the admin here.".to_owned())
            }
            AccountAsk::Register if self.hub.is_reserved(&name, self.ip()) => {
                Err(format!("{name} is an operator's name: its account is made on the server's own machine."))
            }
            AccountAsk::Register if self.hub.is_registered(&name) => {
                Err(format!("{name} is somebody's account by now: :login {name} if it is yours."))
            }
            AccountAsk::Register if let Some(line) = self.not_for_an_account(&name) => Err(line),
            AccountAsk::Register => Ok(format!("Choose a password for {name}; it is asked for twice.")),
            AccountAsk::ChangePassword | AccountAsk::Unregister if person.account().is_none() => {
                Err("You are not logged in to an account: :register makes one, :login <name> takes yours.".to_owned())
            }
            AccountAsk::ChangePassword => Ok(String::new()),
            AccountAsk::Unregister => Ok(format!("The password of {name} ends its account; Enter goes back.")),
            AccountAsk::Login(wanted) | AccountAsk::Ghost(wanted) if *wanted == name && person.account().is_some() => {
                Err(format!("You are logged in as {name}."))
            }
            AccountAsk::Login(wanted) | AccountAsk::Ghost(wanted) => {
                Ok(format!("The password of {wanted}; Enter goes back."))
            }
        };
        match prompt {
            Ok(prompt) => Some(Answer::PasswordWanted { ask, prompt }),
            Err(line) => {
                self.outbox.tell(Tone::Refusal, &line);
                None
            }
        }
    }

    fn refuse_login(&self, refusal: &LoginRefusal) {
        self.outbox.tell(Tone::Refusal, &refusal.to_string());
    }

    /// Hashes a new password; nothing if that could not be done, and then it was told.
    pub(super) fn hashed(&self, password: Secret) -> Option<Hashed> {
        match self.hub.work.run(self.ip(), move || password::hash(password.expose())) {
            Ok(Ok(hash)) => Some(hash),
            Ok(Err(error)) => {
                log::error!("cannot hash a password: {error}");
                self.outbox.tell(Tone::Refusal, "The server cannot take passwords just now.");
                None
            }
            Err(busy) => {
                self.outbox.tell(Tone::Refusal, &busy.to_string());
                None
            }
        }
    }

    fn tell_if_short(&self, short: bool) {
        if short {
            self.outbox.tell(Tone::News, "That password is short: a longer one is harder to guess.");
        }
    }

    #[inline(never)]
    pub(super) fn register(&mut self, password: Secret) {
        let (Some(store), Some(person)) = (self.hub.store().cloned(), self.person.clone()) else { return };
        if person.account().is_some() || self.hub.accounts() != Accounts::Optional {
            return;
        }
        if self.hub.is_reserved(&person.name(), self.ip()) {
            return;
        }
        if let Some(line) = self.not_for_an_account(&person.name()) {
            return self.outbox.tell(Tone::Refusal, &line);
        }
        if let Err(wait) = self.hub.count_registration(self.ip(), Instant::now()) {
            let wait = crate::span::told(wait);
            let line = format!("Too many accounts were made from your address: try again in {wait}.");
            return self.outbox.tell(Tone::Refusal, &line);
        }
        let short = is_short(&password);
        let Some(hash) = self.hashed(password) else { return };
        let name = person.name();
        match store.create_account(&name, &hash) {
            Ok(account) => {
                self.identify(&person, Login { account, hash });
                // Who looks for accounts that were taken away meanwhile may have looked before this one was theirs.
                self.review_login();
                log::info!("client {} from {}: {name} is registered", self.outbox.id(), self.peer);
                let line =
                    format!("{name} is yours: from now on the name needs its password, and :login {name} takes it.");
                self.outbox.tell(Tone::News, &line);
                self.tell_if_short(short);
                self.keep_settings();
                if self.hub.is_operator(&person.identity()) {
                    self.hub.audit(&name, "registered, and is an operator");
                    self.outbox.tell(Tone::News, "You are an operator.");
                }
            }
            Err(NotCreated::Exists) => {
                self.outbox.tell(Tone::Refusal, &format!("{name} is somebody's account by now: choose another name."));
            }
            Err(NotCreated::NotKept(error)) => self.outbox.tell(Tone::Refusal, &error.to_string()),
        }
    }

    /// Somebody has logged in to an account under the name he had.
    fn identify(&mut self, person: &Arc<Person>, login: Login) {
        person.set_login(Some(login));
        for room in self.memberships.iter().map(|membership| membership.room()) {
            if room.identify(person.client(), || self.hub.actor(person), Instant::now()) {
                self.keep_room(room);
            }
        }
    }

    #[inline(never)]
    pub(super) fn change_password(&mut self, old: Secret, new: Secret) {
        let (Some(store), Some(person)) = (self.hub.store().cloned(), self.person.clone()) else { return };
        let account = match self.prove(&person.name(), old) {
            Ok(account) => account,
            Err(refusal) => return self.refuse_login(&refusal),
        };
        let short = is_short(&new);
        let Some(hash) = self.hashed(new) else { return };
        match store.replace_hash(account.id, &account.hash, &hash) {
            Ok(true) => {
                person.set_login(Some(Login { account: account.id, hash }));
                log::info!("client {} from {}: {} has another password", self.outbox.id(), self.peer, account.name);
                self.outbox.tell(Tone::News, "Your password is changed.");
                self.tell_if_short(short);
            }
            Ok(false) => {
                let line = "Not done: it was changed on the server's machine just now, or your account removed. Come in again.";
                self.outbox.tell(Tone::Refusal, line);
            }
            Err(error) => self.outbox.tell(Tone::Refusal, &error.to_string()),
        }
    }

    #[inline(never)]
    pub(super) fn unregister(&mut self, password: Secret) {
        let (Some(store), Some(person)) = (self.hub.store().cloned(), self.person.clone()) else { return };
        let account = match self.prove(&person.name(), password) {
            Ok(account) => account,
            Err(refusal) => return self.refuse_login(&refusal),
        };
        match store.remove_account(account.id) {
            Ok(_) => {
                self.forget_visits();
                self.hub.forget_account(&person, account.id);
                log::info!("client {} from {}: the account {} is gone", self.outbox.id(), self.peer, account.name);
                let line =
                    format!("The account {0} is gone: whoever comes may be {0} when you have left.", account.name);
                self.outbox.tell(Tone::News, &line);
            }
            Err(error) => self.outbox.tell(Tone::Refusal, &error.to_string()),
        }
    }

    /// Becomes an account, from the palette or the view.
    #[inline(never)]
    pub(super) fn log_in(&mut self, name: &UserName, password: Secret) {
        let account = match self.prove(name, password) {
            Ok(account) => account,
            Err(refusal) => return self.refuse_login(&refusal),
        };
        let Some(person) = self.person.clone() else { return };
        self.note_visits();
        if person.name() == account.name {
            self.identify(&person, login(&account));
            self.outbox.tell(Tone::News, &format!("You are logged in as {}.", account.name));
        } else if self.become_other(&person, &account.name, Some(login(&account))).is_err() {
            return self.refuse_login(&LoginRefusal::InUse { name: account.name });
        }
        log::info!("client {} from {}: logged in as {}", self.outbox.id(), self.peer, account.name);
        self.arrived = Some(Box::new(account));
    }

    /// Ends another connection of one's own account.
    #[inline(never)]
    pub(super) fn ghost(&mut self, name: &UserName, password: Secret) {
        match self.prove(name, password) {
            Ok(account) if self.throw_out(&account.name) => {
                let name = account.name;
                log::info!("client {} from {}: ended another connection of {name}", self.outbox.id(), self.peer);
                let line = format!("The other connection of {name} is ended: :login {name} makes you {name} again.");
                self.outbox.tell(Tone::News, &line);
            }
            Ok(account) => self.outbox.tell(Tone::Refusal, &format!("{} is not online.", account.name)),
            Err(refusal) => self.refuse_login(&refusal),
        }
    }
}

fn login(account: &Account) -> Login {
    Login { account: account.id, hash: account.hash.clone() }
}

fn is_short(password: &Secret) -> bool {
    password.expose().chars().count() < SHORT_PASSWORD
}
