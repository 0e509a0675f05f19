//! Who is connected, and who has which name.
//!
//! *Owns* the names in use, taken and given back atomically, and the list of all connections.
//! *Knows nothing of* rooms and of what people do.
//! *Called by* `session`, `direct`, `server` (announcements, stopping).

mod names_in_use;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::chat::identity::{AccountId, Identity, Target};
use crate::chat::message::{Addressee, ClientId};
use crate::chat::names::{UserName, suggest};
use crate::chat::secret::Hashed;
use crate::outbox::Outbox;
use names_in_use::NamesInUse;

/// An account that somebody is logged in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Which.
    pub account: AccountId,
    /// Of the password that he gave.
    pub hash: Hashed,
}

/// Where somebody comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The address as it is counted.
    pub address: IpAddr,
    /// See [`Identity::shared`].
    pub shared: bool,
}

/// What somebody goes by. The two change together: an account is its name.
struct Named {
    /// As typed.
    name: UserName,
    login: Option<Login>,
}

/// Somebody who has given his name.
pub struct User {
    /// A leaf.
    named: RwLock<Named>,
    origin: Origin,
    /// His way out.
    pub outbox: Arc<Outbox>,
    /// When he logged in.
    pub since: Instant,
    /// Milliseconds from `since` to his last typed line.
    active: AtomicU64,
    /// A leaf. What those are told who write to him while he is away.
    away: RwLock<Option<Box<str>>>,
    /// He has left: nobody begins a conversation with him any more.
    gone: AtomicBool,
}

impl User {
    /// Not inlined: it is made on the stack first, deep down in a session.
    #[inline(never)]
    fn new(name: &UserName, login: Option<Login>, outbox: &Arc<Outbox>, origin: Origin, now: Instant) -> Arc<User> {
        Arc::new(User {
            named: RwLock::new(Named { name: name.clone(), login }),
            origin,
            outbox: Arc::clone(outbox),
            since: now,
            active: AtomicU64::new(0),
            away: RwLock::new(None),
            gone: AtomicBool::new(false),
        })
    }

    /// His connection.
    pub fn client(&self) -> ClientId {
        self.outbox.id()
    }

    /// His name now.
    pub fn name(&self) -> UserName {
        self.named.read().unwrap_or_else(PoisonError::into_inner).name.clone()
    }

    /// The account he is logged in to.
    pub fn account(&self) -> Option<AccountId> {
        self.named.read().unwrap_or_else(PoisonError::into_inner).login.as_ref().map(|login| login.account)
    }

    /// The same with its name, and what he has proved it by.
    pub fn login(&self) -> Option<(UserName, Login)> {
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        named.login.clone().map(|login| (named.name.clone(), login))
    }

    /// His name is an account's from now on, or no longer.
    pub fn set_login(&self, login: Option<Login>) {
        self.named.write().unwrap_or_else(PoisonError::into_inner).login = login;
    }

    /// Who he is, to rooms.
    pub fn identity(&self) -> Identity {
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        let account = named.login.as_ref().map(|login| login.account);
        let Origin { address, shared } = self.origin;
        Identity { client: self.client(), name: named.name.clone(), address, shared, account }
    }

    /// Who he is, to those who write to him.
    pub fn addressee(&self) -> Addressee {
        Addressee { client: self.client(), name: self.name() }
    }

    /// Notes that he typed a line.
    pub fn typed(&self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.since).as_millis();
        self.active.store(u64::try_from(elapsed).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long he has typed nothing.
    pub fn idle(&self, now: Instant) -> Duration {
        let active = self.since + Duration::from_millis(self.active.load(Ordering::Relaxed));
        now.saturating_duration_since(active)
    }

    /// What he has said of his being away; `None` while he is there. May be empty.
    pub fn away(&self) -> Option<Box<str>> {
        self.away.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that he is away, or back. True if that changes anything.
    pub fn set_away(&self, away: Option<Box<str>>) -> bool {
        let mut known = self.away.write().unwrap_or_else(PoisonError::into_inner);
        let changes = *known != away;
        *known = away;
        changes
    }

    /// Whether he has left.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }
}

#[derive(Default)]
struct State {
    connections: HashMap<ClientId, Arc<Outbox>>,
    people: NamesInUse,
}

/// Why somebody did not get a name.
#[derive(Debug, PartialEq, Eq)]
pub enum NameInUseError {
    /// Somebody has it; one like it that is free, if one was found.
    Taken(Option<UserName>),
    /// It looks like this one, which somebody has.
    LooksLike(UserName),
}

/// The list.
#[derive(Default)]
pub struct Roster {
    /// Rank 0 of 4: before every other. Guards both maps; nothing is sent under it, and no other lock is taken but the one
    /// of a person's name.
    state: Mutex<State>,
}

impl Roster {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a connection.
    pub fn connected(&self, outbox: &Arc<Outbox>) {
        self.lock().connections.insert(outbox.id(), Arc::clone(outbox));
    }

    /// Forgets a connection.
    pub fn disconnected(&self, client: ClientId) {
        let gone = self.lock().connections.remove(&client);
        // Dropped here and not under the lock: it may be the last share, and closing a socket is a system call.
        drop(gone);
    }

    /// A connection, if it is still there.
    pub fn connection(&self, client: ClientId) -> Option<Arc<Outbox>> {
        self.lock().connections.get(&client).cloned()
    }

    /// Every connection, logged in or not.
    pub fn connections(&self) -> Vec<Arc<Outbox>> {
        self.lock().connections.values().cloned().collect()
    }

    /// Takes a name for a connection, with the account it is of, if it is one's. If somebody has it: a free one like it, of
    /// at most `limit` characters. A name without an account must not look like another one in use either.
    pub fn claim(
        &self,
        name: &UserName,
        login: Option<Login>,
        limit: usize,
        outbox: &Arc<Outbox>,
        origin: Origin,
        now: Instant,
    ) -> Result<Arc<User>, NameInUseError> {
        let mut state = self.lock();
        if state.people.contains_key(name) {
            return Err(NameInUseError::Taken(state.free_name(name, limit)));
        }
        if login.is_none()
            && let Some(other) = state.people.like(name, None)
        {
            return Err(NameInUseError::LooksLike(other));
        }
        Ok(state.enter(name, login, outbox, origin, now))
    }

    /// Takes a name from the connection that has it, for another one of the account: at no moment is it free. Nothing if
    /// somebody else has it by now.
    pub fn claim_from(
        &self,
        other: &Arc<User>,
        name: &UserName,
        login: Login,
        outbox: &Arc<Outbox>,
        origin: Origin,
        now: Instant,
    ) -> Option<Arc<User>> {
        let mut state = self.lock();
        state.take_from(other, name).then(|| state.enter(name, Some(login), outbox, origin, now))
    }

    /// The same for a person who has another name, which it returns.
    pub fn rename_from(
        &self,
        other: &Arc<User>,
        person: &Arc<User>,
        name: &UserName,
        login: Login,
    ) -> Option<UserName> {
        let mut state = self.lock();
        (!person.is_gone() && state.take_from(other, name)).then(|| state.rename(person, name, Some(login)))
    }

    /// Gives a person another name, with the account it is of, if it is one's; the name he had. If somebody else has it: a
    /// free one like it. A name without an account must not look like somebody else's either. Nobody gets one who has given
    /// his back.
    pub fn rename(
        &self,
        person: &Arc<User>,
        name: &UserName,
        login: Option<Login>,
        limit: usize,
    ) -> Result<UserName, NameInUseError> {
        let mut state = self.lock();
        // Somebody else may have taken the name he had, and he must not take it from him.
        if person.is_gone() {
            return Err(NameInUseError::Taken(None));
        }
        if state.people.get(name).is_some_and(|known| !Arc::ptr_eq(known, person)) {
            return Err(NameInUseError::Taken(state.free_name(name, limit)));
        }
        if login.is_none()
            && let Some(other) = state.people.like(name, Some(person))
        {
            return Err(NameInUseError::LooksLike(other));
        }
        Ok(state.rename(person, name, login))
    }

    /// Gives a name back.
    pub fn release(&self, person: &Arc<User>) {
        let mut state = self.lock();
        person.gone.store(true, Ordering::Release);
        let name = person.name();
        if state.people.get(&name).is_some_and(|known| Arc::ptr_eq(known, person)) {
            state.people.remove(&name);
        }
    }

    /// Who is meant, if he is online.
    pub fn find(&self, whom: &Target) -> Option<Arc<User>> {
        let state = self.lock();
        state.people.get(&whom.name).filter(|person| whom.client.is_none_or(|id| id == person.client())).cloned()
    }

    /// How many people have names.
    pub fn count(&self) -> usize {
        self.lock().people.len()
    }

    /// Everybody with a name, by name.
    pub fn people(&self) -> Vec<Arc<User>> {
        let mut people: Vec<_> = self.lock().people.values().cloned().collect();
        people.sort_by_cached_key(|person| person.name());
        people
    }
}

impl State {
    fn enter(
        &mut self,
        name: &UserName,
        login: Option<Login>,
        outbox: &Arc<Outbox>,
        origin: Origin,
        now: Instant,
    ) -> Arc<User> {
        let person = User::new(name, login, outbox, origin, now);
        self.people.insert(name.clone(), Arc::clone(&person));
        person
    }

    fn rename(&mut self, person: &Arc<User>, name: &UserName, login: Option<Login>) -> UserName {
        let mut current = person.named.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, Named { name: name.clone(), login }).name;
        drop(current);
        self.people.remove(&before);
        self.people.insert(name.clone(), Arc::clone(person));
        before
    }

    /// Ends somebody's having a name, if nobody else has it. True if it is free now.
    fn take_from(&mut self, other: &Arc<User>, name: &UserName) -> bool {
        let is_theirs = |known: &Arc<User>| Arc::ptr_eq(known, other);
        if self.people.get(name).is_some_and(|known| !is_theirs(known)) {
            return false;
        }
        other.gone.store(true, Ordering::Release);
        self.people.remove(name);
        true
    }

    fn free_name(&self, taken: &UserName, limit: usize) -> Option<UserName> {
        let is_free =
            |candidate: &UserName| !self.people.contains_key(candidate) && self.people.like(candidate, None).is_none();
        suggest(taken, limit, is_free)
    }
}

#[cfg(test)]
mod tests;
