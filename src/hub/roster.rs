//! The users online, by connection and by name.
//!
//! *Owns* the names in use, which are claimed and released atomically, and the list of all connections. *Knows nothing
//! of* rooms, or of what users do.

#[cfg(feature = "cluster")]
mod elsewhere;
mod names_in_use;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::chat::identity::{Identity, Target};
use crate::chat::message::{AccountId, Addressee, ClientId};
use crate::chat::names::{UserName, suggest};
use crate::chat::secret::Hashed;
use crate::outbox::Outbox;
#[cfg(feature = "cluster")]
use elsewhere::Elsewhere;
use names_in_use::NamesInUse;

pub(crate) use names_in_use::NameInUseError;

#[cfg(feature = "cluster")]
pub(crate) use elsewhere::Arrival;

/// The account that a user is logged in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub account: AccountId,
    /// The hash of the password they gave.
    pub hash: Hashed,
}

/// Where a user connects from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerAddress {
    /// The address as it is counted.
    pub(crate) address: IpAddr,
    /// See [`Identity::shared`].
    pub(crate) shared: bool,
}

/// A user's name and account. The two change together: an account is its name.
struct Named {
    name: UserName,
    login: Option<Login>,
}

/// A user with a name: one connection past the first prompt.
pub struct User {
    /// A leaf.
    named: RwLock<Named>,
    origin: PeerAddress,
    /// Where they are, if that is another server of the cluster.
    #[cfg(feature = "cluster")]
    elsewhere: Option<Box<Elsewhere>>,
    /// For a user on another server, an outbox without a connection.
    pub outbox: Arc<Outbox>,
    pub(crate) since: Instant,
    /// Milliseconds from `since` to their last typed line.
    active: AtomicU64,
    /// A leaf. The note shown to those who write to them while they are away.
    away: RwLock<Option<Box<str>>>,
    /// They have left: nobody can begin a conversation with them any more.
    gone: AtomicBool,
    /// They have declared themselves a bot.
    bot: AtomicBool,
}

impl User {
    /// Not inlined, because it is made on the stack first, deep in a session's call stack.
    #[inline(never)]
    fn new(
        name: &UserName,
        login: Option<Login>,
        outbox: &Arc<Outbox>,
        origin: PeerAddress,
        now: Instant,
    ) -> Arc<User> {
        Arc::new(User {
            named: RwLock::new(Named { name: name.clone(), login }),
            origin,
            #[cfg(feature = "cluster")]
            elsewhere: None,
            outbox: Arc::clone(outbox),
            since: now,
            active: AtomicU64::new(0),
            away: RwLock::new(None),
            gone: AtomicBool::new(false),
            bot: AtomicBool::new(false),
        })
    }

    /// The number of their connection.
    pub fn client(&self) -> ClientId {
        #[cfg(feature = "cluster")]
        if let Some(elsewhere) = &self.elsewhere {
            return elsewhere.client;
        }
        self.outbox.id()
    }

    /// Whether they are on another server: there is none in this build.
    #[cfg(not(feature = "cluster"))]
    #[expect(clippy::unused_self, reason = "there is one server")]
    pub(crate) fn is_elsewhere(&self) -> bool {
        false
    }

    /// The address they connect from, as it is shown; `None` if the connection is gone.
    pub(crate) fn peer_address(&self) -> Option<IpAddr> {
        if self.is_elsewhere() { Some(self.origin.address) } else { self.outbox.peer_address() }
    }

    pub fn name(&self) -> UserName {
        self.named.read().unwrap_or_else(PoisonError::into_inner).name.clone()
    }

    /// The account they are logged in to.
    pub fn account(&self) -> Option<AccountId> {
        self.named.read().unwrap_or_else(PoisonError::into_inner).login.as_ref().map(|login| login.account)
    }

    /// The same, with the user's name and the password hash they logged in with.
    pub fn login(&self) -> Option<(UserName, Login)> {
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        named.login.clone().map(|login| (named.name.clone(), login))
    }

    /// Sets or clears the account of their name.
    pub(crate) fn set_login(&self, login: Option<Login>) {
        self.named.write().unwrap_or_else(PoisonError::into_inner).login = login;
    }

    /// The user as rooms know them.
    pub(crate) fn identity(&self) -> Identity {
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        let account = named.login.as_ref().map(|login| login.account);
        let PeerAddress { address, shared } = self.origin;
        Identity { client: self.client(), name: named.name.clone(), address, shared, account }
    }

    /// The user as the addressee of a direct message.
    pub(crate) fn addressee(&self) -> Addressee {
        Addressee { client: self.client(), name: self.name() }
    }

    /// Notes that they typed a line.
    pub(crate) fn typed(&self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.since).as_millis();
        self.active.store(u64::try_from(elapsed).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long since they last typed something.
    pub(crate) fn idle(&self, now: Instant) -> Duration {
        let active = self.since + Duration::from_millis(self.active.load(Ordering::Relaxed));
        now.saturating_duration_since(active)
    }

    /// Their away note, which may be empty; `None` if they are not away.
    pub(crate) fn away(&self) -> Option<Box<str>> {
        self.away.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Marks them as away or back. True if that changes anything.
    pub(crate) fn set_away(&self, away: Option<Box<str>>) -> bool {
        let mut known = self.away.write().unwrap_or_else(PoisonError::into_inner);
        let changes = *known != away;
        *known = away;
        changes
    }

    /// Marks them as a bot, which others are shown.
    #[cfg(feature = "json")]
    pub(crate) fn set_bot(&self) {
        self.bot.store(true, Ordering::Relaxed);
    }

    /// Whether they have declared themselves a bot.
    pub(crate) fn is_bot(&self) -> bool {
        self.bot.load(Ordering::Relaxed)
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }
}

#[derive(Default)]
struct RosterState {
    connections: HashMap<ClientId, Arc<Outbox>>,
    names: NamesInUse,
    /// Local users whose names now belong to users of other servers.
    #[cfg(feature = "cluster")]
    displaced: Vec<Arc<User>>,
}

#[derive(Default)]
pub struct Roster {
    /// Rank 0 of 4: before all others. Guards both maps. Nothing is sent under it, and the only other lock taken under
    /// it is that of a user's name.
    state: Mutex<RosterState>,
}

impl Roster {
    fn lock(&self) -> MutexGuard<'_, RosterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn connected(&self, outbox: &Arc<Outbox>) {
        self.lock().connections.insert(outbox.id(), Arc::clone(outbox));
    }

    pub fn disconnected(&self, client: ClientId) {
        let gone = self.lock().connections.remove(&client);
        // Dropped outside the lock: it may be the last reference, and closing a socket is a system call.
        drop(gone);
    }

    /// A connection that is still open.
    pub(crate) fn connection(&self, client: ClientId) -> Option<Arc<Outbox>> {
        self.lock().connections.get(&client).cloned()
    }

    /// Every connection, logged in or not.
    pub fn connections(&self) -> Vec<Arc<Outbox>> {
        self.lock().connections.values().cloned().collect()
    }

    /// Claims a name for a connection, and the account of that name if `login` gives one. A name without an account must not
    /// look like another one in use.
    ///
    /// # Errors
    ///
    /// The name is taken; then a free one like it, of at most `limit` characters. Or it looks like another.
    pub(crate) fn claim(
        &self,
        name: &UserName,
        login: Option<Login>,
        limit: usize,
        outbox: &Arc<Outbox>,
        origin: PeerAddress,
        now: Instant,
    ) -> Result<Arc<User>, NameInUseError> {
        let mut state = self.lock();
        if state.names.contains_key(name) {
            return Err(NameInUseError::Taken(state.free_name(name, limit)));
        }
        if login.is_none()
            && let Some(other) = state.names.like(name, None)
        {
            return Err(NameInUseError::LooksLike(other));
        }
        Ok(state.enter(name, login, outbox, origin, now))
    }

    /// Moves a name from one connection of an account to another; it is never free in between. `None` if another user
    /// has it by now.
    pub(crate) fn claim_from(
        &self,
        other: &Arc<User>,
        name: &UserName,
        login: Login,
        outbox: &Arc<Outbox>,
        origin: PeerAddress,
        now: Instant,
    ) -> Option<Arc<User>> {
        let mut state = self.lock();
        state.take_from(other, name).then(|| state.enter(name, Some(login), outbox, origin, now))
    }

    /// The same for a user who has another name, which is returned.
    pub(crate) fn rename_from(
        &self,
        other: &Arc<User>,
        user: &Arc<User>,
        name: &UserName,
        login: Login,
    ) -> Option<UserName> {
        let mut state = self.lock();
        (!user.is_gone() && state.take_from(other, name)).then(|| state.rename(user, name, Some(login)))
    }

    /// Gives a user another name, and the account of that name if `login` gives one. Returns their previous name. A
    /// name without an account must not look like another user's. A user who has released their name gets no new one.
    ///
    /// # Errors
    ///
    /// As for [`Roster::claim`].
    pub(crate) fn rename(
        &self,
        user: &Arc<User>,
        name: &UserName,
        login: Option<Login>,
        limit: usize,
    ) -> Result<UserName, NameInUseError> {
        let mut state = self.lock();
        // Another user may have claimed their name since, and must keep it.
        if user.is_gone() {
            return Err(NameInUseError::Taken(None));
        }
        if state.names.get(name).is_some_and(|known| !Arc::ptr_eq(known, user)) {
            return Err(NameInUseError::Taken(state.free_name(name, limit)));
        }
        if login.is_none()
            && let Some(other) = state.names.like(name, Some(user))
        {
            return Err(NameInUseError::LooksLike(other));
        }
        Ok(state.rename(user, name, login))
    }

    pub(crate) fn release(&self, user: &Arc<User>) {
        let mut state = self.lock();
        user.gone.store(true, Ordering::Release);
        let name = user.name();
        if state.names.get(&name).is_some_and(|known| Arc::ptr_eq(known, user)) {
            state.names.remove(&name);
        }
        #[cfg(feature = "cluster")]
        state.displaced.retain(|known| !Arc::ptr_eq(known, user));
    }

    /// The user that a target names, if they are online.
    pub fn find(&self, target: &Target) -> Option<Arc<User>> {
        let state = self.lock();
        state.names.get(&target.name).filter(|user| target.client.is_none_or(|id| id == user.client())).cloned()
    }

    /// How many users have names.
    pub fn count(&self) -> usize {
        self.lock().names.len()
    }

    /// All users with names, sorted by name.
    pub fn users(&self) -> Vec<Arc<User>> {
        let mut users: Vec<_> = self.lock().names.values().cloned().collect();
        users.sort_by_cached_key(|user| user.name());
        users
    }
}

impl RosterState {
    fn enter(
        &mut self,
        name: &UserName,
        login: Option<Login>,
        outbox: &Arc<Outbox>,
        origin: PeerAddress,
        now: Instant,
    ) -> Arc<User> {
        let user = User::new(name, login, outbox, origin, now);
        self.names.insert(name.clone(), Arc::clone(&user));
        user
    }

    fn rename(&mut self, user: &Arc<User>, name: &UserName, login: Option<Login>) -> UserName {
        let mut current = user.named.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, Named { name: name.clone(), login }).name;
        drop(current);
        self.names.remove(&before);
        self.names.insert(name.clone(), Arc::clone(user));
        before
    }

    /// Releases a user's name, unless another user has it. True if it is free now.
    fn take_from(&mut self, other: &Arc<User>, name: &UserName) -> bool {
        let is_theirs = |known: &Arc<User>| Arc::ptr_eq(known, other);
        if self.names.get(name).is_some_and(|known| !is_theirs(known)) {
            return false;
        }
        other.gone.store(true, Ordering::Release);
        self.names.remove(name);
        true
    }

    fn free_name(&self, taken: &UserName, limit: usize) -> Option<UserName> {
        let is_free =
            |candidate: &UserName| !self.names.contains_key(candidate) && self.names.like(candidate, None).is_none();
        suggest(taken, limit, is_free)
    }
}

#[cfg(test)]
mod tests;
