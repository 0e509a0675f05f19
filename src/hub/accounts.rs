//! What the server knows of people beyond their connections: accounts, operators, addresses kept out.
//!
//! *Owns* who counts as an operator, who is put out because his account has changed, and the list of addresses kept out.
//! *Knows nothing of* how accounts are kept, and of passwords.
//! *Called by* `session`, and `server` for whoever knocks and for what the store tells.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Checkpoint, Hub};
use crate::access::address::{address_key, network_key};
use crate::access::login_limiter::{LoginKey, LoginLimiter, LoginRefused};
use crate::access::network::Network;
use crate::access::rate::Rate;
use crate::chat::account_policy::AccountPolicy;
use crate::chat::action::Actor;
use crate::chat::identity::{AccountId, Identity};
use crate::chat::names::UserName;
use crate::hub::room::Room;
use crate::hub::roster::User;
use crate::outbox::DisconnectReason;
use crate::store::{AddressBanRecord, AuditEntry, ReadError, SaveError, Store};
use crate::ui::screen::LineKind;

/// Accounts that one address may make at once, and again in a day: a household has fewer people, and whoever has more makes
/// theirs with `chatsock user`. An account takes about a kilobyte of disk for ever.
const REGISTRATIONS: u32 = 5;

/// Passwords of accounts that one address may try at once, over all names, and again in two minutes. A household mistypes
/// less, and at ten a minute a guesser gets through 14,400 a day instead of millions.
const ATTEMPTS: u32 = 20;
const ATTEMPTS_PER_MINUTE: u32 = 10;

/// How many times more an exempt address may try: behind a tunnel or a proxy it is everyone's.
const EXEMPT_TIMES: u32 = 10;

/// How long an attempt at a password waits for others to be decided. Comparing one takes a twentieth of a second on an idle
/// machine; after this the person is told that too many log in.
const UNDECIDED_WAIT: Duration = Duration::from_secs(10);

/// Stack of the thread that looks who is concerned when accounts were changed: it reads the database and delivers.
const REVIEW_STACK: usize = 512 * 1024;

/// What those are told whose account was removed by `chatsock user`.
const REMOVED: &str = "Your account was removed. If that is a mistake, ask whoever runs this server.";

/// What those are told whose password was changed by `chatsock user`.
const CHANGED: &str = "Your password was changed on the server's machine. Come in again with the new one.";

/// Networks kept out at most: each newcomer is compared with all of them.
pub const MOST_ADDRESS_BANS: usize = 1000;

impl Hub {
    /// What is kept on disk, if anything is.
    pub fn store(&self) -> Option<&Arc<Store>> {
        self.store.as_ref()
    }

    /// The current time for anything stored that has an end: see [`Store::moment`].
    pub fn moment(&self) -> Timestamp {
        self.store.as_ref().map_or_else(Timestamp::now, |store| store.now())
    }

    /// That messages are stored, and for how long, if they are: users hear it before they say anything.
    pub fn storing_notice(&self) -> Option<String> {
        let store = self.store.as_ref().filter(|store| store.keeps_history())?;
        let how_long = match store.retention().map(|retention| retention.as_secs() / 86_400) {
            None => "without a time limit".to_owned(),
            Some(1) => "for 1 day".to_owned(),
            Some(days) => format!("for {days} days"),
        };
        Some(format!("Messages in the server's own rooms and in kept rooms are stored {how_long}."))
    }

    /// Whether people have accounts here.
    pub fn accounts(&self) -> AccountPolicy {
        if self.store.is_some() { self.config().accounts() } else { AccountPolicy::Off }
    }

    /// Whether a name is an account's. Where that cannot be read it counts as one: nobody gets a name by breaking a disk.
    pub fn is_registered(&self, name: &UserName) -> bool {
        let known = |store: &Arc<Store>| store.account_name_exists(name).unwrap_or(true);
        self.accounts().are_kept() && self.store.as_ref().is_some_and(known)
    }

    /// Whether somebody keeps order on the whole server: by the account he is logged in to, never by a name alone.
    pub fn is_operator(&self, who: &Identity) -> bool {
        who.account.is_some() && self.accounts().are_kept() && self.config().operators.contains(&who.name)
    }

    /// Who somebody is to rooms.
    pub fn actor(&self, person: &User) -> Actor {
        let who = person.identity();
        Actor { operator: self.is_operator(&who), who }
    }

    /// Tells a room who one of its members is now.
    fn identify(&self, room: &Room, person: &User) {
        self.checkpoints.reach(Checkpoint::Identifying);
        if room.identify(person.client(), || self.actor(person), Instant::now()) {
            self.write_down(room);
        }
    }

    /// Tells the rooms who is an operator now.
    pub(super) fn name_operators(&self) {
        for person in self.roster.people() {
            if person.account().is_some() {
                for room in self.rooms.all() {
                    self.identify(&room, &person);
                }
            }
        }
    }

    /// Whether a name is an operator's that has no account yet: it is made on the machine itself, or whoever came first would
    /// be operator.
    pub fn is_reserved(&self, name: &UserName, from: IpAddr) -> bool {
        let operators = self.accounts().are_kept() && self.config().operators.contains(name);
        operators && !from.is_loopback() && !self.is_registered(name)
    }

    /// The account, or the operator without one, whose name a guest's could be taken for.
    #[inline(never)]
    pub fn look_alike(&self, name: &UserName, from: IpAddr) -> Result<Option<UserName>, ReadError> {
        let Some(store) = self.store.as_ref().filter(|_| self.accounts().are_kept()) else { return Ok(None) };
        if let Some(other) = store.look_alike(name)? {
            return Ok(Some(other));
        }
        let config = self.config();
        let mut others = config.operators.iter().filter(|other| *other != name && other.looks().overlap(&name.looks()));
        Ok(others.next().filter(|_| !from.is_loopback()).cloned())
    }

    /// Counts an account that is about to be made; how long its address has to wait if it has made too many.
    pub fn count_registration(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let rate = Rate::new(REGISTRATIONS, REGISTRATIONS, Duration::from_secs(24 * 3600));
        let Some(rate) = rate.filter(|_| !self.config().is_exempt(address)) else { return Ok(()) };
        let mut registrations = self.registrations.lock().unwrap_or_else(PoisonError::into_inner);
        registrations.take(address_key(address), rate, now)
    }

    fn attempt_rate(&self, address: IpAddr) -> Option<Rate> {
        let times = if self.config().is_exempt(address) { EXEMPT_TIMES } else { 1 };
        Rate::new(ATTEMPTS * times, ATTEMPTS_PER_MINUTE * times, Duration::from_secs(60))
    }

    /// Counts an attempt at any account's password, before it is compared; how long its address has to wait if it has made
    /// too many.
    pub fn count_attempt(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let Some(rate) = self.attempt_rate(address) else { return Ok(()) };
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).take(network_key(address), rate, now)
    }

    /// An attempt counted was not compared, or brought somebody in: how often that happens is what the rate of connections
    /// bounds, and a crowd that comes back behind one address must not be taken for one that guesses.
    pub fn give_back_attempt(&self, address: IpAddr) {
        let Some(rate) = self.attempt_rate(address) else { return };
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).give_back(&network_key(address), rate);
    }

    /// The table of wrong passwords.
    pub fn logins(&self) -> MutexGuard<'_, LoginLimiter> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for an attempt at an account's password. Waits while others at the same one are compared that may lead to a
    /// block: who has failed at nothing is not to hear of failures.
    pub fn begin_login(&self, key: &LoginKey, attempts: usize, block: Duration) -> Result<(), LoginRefused> {
        let deadline = Instant::now() + UNDECIDED_WAIT;
        let mut logins = self.logins();
        loop {
            let now = Instant::now();
            match logins.begin(key, attempts, block, now) {
                Err(LoginRefused::Undecided) if now < deadline => {
                    let waited = self.login_decided.wait_timeout(logins, deadline - now);
                    logins = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                begun => return begun,
            }
        }
    }

    /// Says how an attempt went, to those as well who wait for that.
    pub fn decide_login<R>(&self, decide: impl FnOnce(&mut LoginLimiter) -> R) -> R {
        let told = decide(&mut self.logins());
        self.login_decided.notify_all();
        told
    }

    /// Another program has changed accounts: looks whether anybody who is there, or who keeps order in a room, is among those
    /// it concerns. On a thread of its own, since it waits for the store; a change during a review is looked at after it.
    pub fn review_accounts(self: &Arc<Hub>) {
        if self.reviews.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        let hub = Arc::clone(self);
        let thread = thread::Builder::new().name("review".to_owned()).stack_size(REVIEW_STACK);
        if let Err(error) = thread.spawn(move || hub.review_until_done()) {
            self.reviews.store(0, Ordering::Release);
            log::error!("whose accounts were changed could not be found out: {error}");
        }
    }

    fn review_until_done(&self) {
        loop {
            let wanted = self.reviews.load(Ordering::Acquire);
            if let Err(error) = self.review_all() {
                log::error!("whose accounts were changed could not be found out: {error}");
            }
            if self.reviews.compare_exchange(wanted, 0, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return;
            }
        }
    }

    fn review_all(&self) -> Result<(), ReadError> {
        let Some(store) = &self.store else { return Ok(()) };
        for person in self.roster.people() {
            self.review_login(&person)?;
        }
        // Those who are away.
        for room in self.rooms.all() {
            for account in room.admin_accounts() {
                if !store.account_exists(account)? {
                    self.forget_place(&room, account);
                }
            }
        }
        // Who is away has nobody to put out, but may have messages waiting in memory; those on disk went with the account.
        for account in self.mailbox.readers() {
            if !store.account_exists(account)? {
                self.mailbox.take(account);
            }
        }
        Ok(())
    }

    /// Ends somebody's connection if his account is gone, or if what he has proved himself by counts no more. Reads the disk.
    pub fn review_login(&self, person: &Arc<User>) -> Result<(), ReadError> {
        let (Some(store), Some((name, login))) = (&self.store, person.login()) else { return Ok(()) };
        match store.account(&name)?.filter(|account| account.id == login.account) {
            Some(account) if account.hash == login.hash => {}
            Some(_) => self.throw_out(person, CHANGED, DisconnectReason::PasswordChanged),
            None => {
                self.throw_out(person, REMOVED, DisconnectReason::AccountRemoved);
                self.forget_account(person, login.account);
            }
        }
        Ok(())
    }

    /// The account that somebody is logged in to is gone, and with it what he was anywhere. Waits for the store.
    pub fn forget_account(&self, person: &User, account: AccountId) {
        person.set_login(None);
        self.mailbox.take(account);
        self.open_rooms.forget(account);
        for room in self.rooms.all() {
            self.identify(&room, person);
            self.forget_place(&room, account);
        }
    }

    /// What an account that is gone was in a room is forgotten, there and on disk. Whoever inherits it is told when that is
    /// written down.
    fn forget_place(&self, room: &Arc<Room>, account: AccountId) {
        if room.forget_account(account, Instant::now()) {
            self.write_down(room);
            room.drive();
        }
    }

    fn write_down(&self, room: &Room) {
        let Some(store) = &self.store else { return };
        while let Some(snapshot) = room.snapshot() {
            // Whoever has just set a password writes the room down when that is hashed.
            if snapshot.password.is_some() {
                return;
            }
            if let Err(error) = store.save_room(snapshot.room) {
                return log::error!("who keeps order in {} now could not be written down: {error}", room.name());
            }
            if room.is_at(snapshot.revision) {
                return;
            }
        }
    }

    /// Ends somebody's connection with a word. His name is free at once; the rest goes when the thread of that connection
    /// wakes.
    pub fn throw_out(&self, person: &Arc<User>, line: &str, ended: DisconnectReason) {
        self.roster.release(person);
        person.outbox.farewell(Some((LineKind::Refusal, line)));
        person.outbox.disconnect(ended);
    }

    /// Tells every operator who is there something at once.
    pub fn tell_operators(&self, line: &str) {
        for person in self.roster.people() {
            if self.is_operator(&person.identity()) {
                person.outbox.announce(LineKind::News, line);
            }
        }
    }

    /// Writes down what an operator did.
    pub fn audit(&self, who: &UserName, what: &str) {
        log::info!("operator {who}: {}", crate::text::escape_for_log(what));
        if let Some(store) = &self.store {
            store.record_audit(AuditEntry { at: Timestamp::now(), who: who.clone(), what: what.into() });
        }
    }

    /// The ban that keeps an address out. Never one of the machine's own addresses: an operator must be able to come in.
    pub fn banned_address(&self, address: IpAddr) -> Option<AddressBanRecord> {
        let now = self.moment();
        let holds =
            |ban: &&AddressBanRecord| ban.until.is_none_or(|until| until > now) && ban.network.contains(address);
        let bans = self.address_bans.read().unwrap_or_else(PoisonError::into_inner);
        bans.iter().find(holds).filter(|_| !address.is_loopback()).cloned()
    }

    /// Every network that is kept out, the newest last.
    pub fn address_bans(&self) -> Vec<AddressBanRecord> {
        let now = self.moment();
        let mut bans = self.address_bans.write().unwrap_or_else(PoisonError::into_inner);
        bans.retain(|ban| ban.until.is_none_or(|until| until > now));
        bans.clone()
    }

    /// Keeps a network out; it is on disk when this returns without an error, and holds until the end in any case.
    pub fn ban_address(&self, ban: AddressBanRecord) -> Result<(), SaveError> {
        let mut bans = self.address_bans.write().unwrap_or_else(PoisonError::into_inner);
        bans.retain(|known| known.network != ban.network);
        bans.push(ban.clone());
        drop(bans);
        self.store.as_ref().map_or(Ok(()), |store| store.save_address_ban(ban))
    }

    /// Lets a network in again. False if it was not kept out.
    pub fn pardon_address(&self, network: Network) -> Result<bool, SaveError> {
        let mut bans = self.address_bans.write().unwrap_or_else(PoisonError::into_inner);
        let before = bans.len();
        bans.retain(|known| known.network != network);
        let known = bans.len() < before;
        drop(bans);
        let written = self.store.as_ref().map_or(Ok(false), |store| store.remove_address_ban(network))?;
        Ok(known || written)
    }
}
