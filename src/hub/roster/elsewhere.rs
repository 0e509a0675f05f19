//! Users of the other servers of a cluster, as the roster knows them.
//!
//! *Owns* how they enter and leave the roster, and that a name goes to the user whose claim all servers have seen.
//! *Knows nothing of* how servers communicate.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::{Login, NameInUseError, PeerAddress, Roster, RosterState, User};
use crate::chat::message::ClientId;
use crate::chat::names::UserName;
use crate::cluster::{Epoch, NodeName};
use crate::outbox::Outbox;

/// A user of another server.
pub(super) struct Elsewhere {
    pub(super) client: ClientId,
    /// The server, and its registration.
    home: (NodeName, Epoch),
}

/// A user who has logged in on another server.
pub(crate) struct Arrival {
    pub(crate) client: ClientId,
    pub(crate) name: UserName,
    pub(crate) address: IpAddr,
    /// See [`Identity::shared`](crate::chat::identity::Identity).
    pub(crate) shared: bool,
    /// When they logged in.
    pub(crate) since: Instant,
    /// The server, and its registration.
    pub(crate) home: (NodeName, Epoch),
}

impl User {
    /// Where they connect from.
    pub(crate) fn origin(&self) -> PeerAddress {
        self.origin
    }

    /// Whether they are on another server.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.elsewhere.is_some()
    }

    /// The server they are on, if it is another one.
    pub(crate) fn node(&self) -> Option<&NodeName> {
        self.elsewhere.as_ref().map(|elsewhere| &elsewhere.home.0)
    }

    /// Whether they are on this server, under this registration of it.
    pub(crate) fn is_of(&self, home: &(NodeName, Epoch)) -> bool {
        self.elsewhere.as_ref().is_some_and(|elsewhere| elsewhere.home == *home)
    }

    /// Takes over how long their server says they have been idle.
    pub(crate) fn set_idle(&self, idle: Duration, now: Instant) {
        self.typed(now.checked_sub(idle).unwrap_or(now).max(self.since));
    }
}

impl Roster {
    /// Whether a name could be claimed, as far as this server decides it. `own`: the user who wants it, if they already have a
    /// name. Whether a user of another server still has a name is for all servers to say: that server may have just been killed.
    ///
    /// # Errors
    ///
    /// As for [`Roster::claim`].
    pub(crate) fn check(
        &self,
        name: &UserName,
        own: Option<&Arc<User>>,
        login: Option<&Login>,
        limit: usize,
    ) -> Result<(), NameInUseError> {
        let state = self.lock();
        let is_own = |known: &Arc<User>| own.is_some_and(|own| Arc::ptr_eq(known, own));
        if state.names.get(name).is_some_and(|known| !is_own(known) && !known.is_elsewhere()) {
            return Err(NameInUseError::Taken(state.free_name(name, limit)));
        }
        match state.names.like(name, own).filter(|_| login.is_none()) {
            Some(other) => Err(NameInUseError::LooksLike(other)),
            None => Ok(()),
        }
    }

    /// A free name like a taken one.
    pub(crate) fn free_name(&self, taken: &UserName, limit: usize) -> Option<UserName> {
        self.lock().free_name(taken, limit)
    }

    /// Gives a connection a name that the cluster has granted.
    pub(crate) fn place(
        &self,
        name: &UserName,
        login: Option<Login>,
        outbox: &Arc<Outbox>,
        origin: PeerAddress,
        now: Instant,
    ) -> Arc<User> {
        self.lock().enter(name, login, outbox, origin, now)
    }

    /// The same for a name that another connection of the account had.
    pub(crate) fn place_from(
        &self,
        other: &Arc<User>,
        name: &UserName,
        login: Login,
        outbox: &Arc<Outbox>,
        origin: PeerAddress,
        now: Instant,
    ) -> Option<Arc<User>> {
        let mut state = self.lock();
        // The cluster has granted the name to this connection, so any other local holder has lost it.
        other.gone.store(true, Ordering::Release);
        Some(state.enter(name, Some(login), outbox, origin, now))
    }

    /// The same for a user with another name, which is returned.
    pub(crate) fn place_renamed_from(
        &self,
        other: &Arc<User>,
        user: &Arc<User>,
        name: &UserName,
        login: Login,
    ) -> Option<UserName> {
        let mut state = self.lock();
        other.gone.store(true, Ordering::Release);
        (!user.is_gone()).then(|| state.rename(user, name, Some(login)))
    }

    /// The same for a user with another name, which is returned. `None` if they have left in the meantime.
    pub(crate) fn place_renamed(&self, user: &Arc<User>, name: &UserName, login: Option<Login>) -> Option<UserName> {
        let mut state = self.lock();
        if user.is_gone() {
            return None;
        }
        // The old name may belong to a user of another server now.
        state.displaced.retain(|known| !Arc::ptr_eq(known, user));
        let other = state.names.get(&user.name()).filter(|known| !Arc::ptr_eq(known, user)).cloned();
        let before = state.rename(user, name, login);
        if let Some(other) = other {
            state.names.insert(before.clone(), other);
        }
        Some(before)
    }

    /// Adds a user who logged in on another server. `nowhere`: the outbox of all such users.
    pub(crate) fn arrive(&self, arrival: Arrival, nowhere: &Arc<Outbox>) -> Arc<User> {
        let Arrival { client, name, address, shared, since, home } = arrival;
        let mut user = User::new(&name, None, nowhere, PeerAddress { address, shared }, since);
        if let Some(user) = Arc::get_mut(&mut user) {
            user.elsewhere = Some(Box::new(Elsewhere { client, home }));
        }
        self.lock().put_elsewhere(name, &user);
        user
    }

    /// Removes a user of another server. Returns them if they were known.
    pub(crate) fn depart(&self, name: &UserName, client: ClientId) -> Option<Arc<User>> {
        let mut state = self.lock();
        let known = state.names.get(name).filter(|known| known.client() == client && known.is_elsewhere())?;
        let known = Arc::clone(known);
        known.gone.store(true, Ordering::Release);
        state.names.remove(name);
        Some(known)
    }

    /// Renames a user of another server. Returns them if they were known.
    pub(crate) fn rename_elsewhere(&self, before: &UserName, client: ClientId, name: &UserName) -> Option<Arc<User>> {
        let mut state = self.lock();
        let known = state.names.get(before).filter(|known| known.client() == client && known.is_elsewhere())?;
        let known = Arc::clone(known);
        let mut named = known.named.write().unwrap_or_else(PoisonError::into_inner);
        named.name = name.clone();
        drop(named);
        state.names.remove(before);
        state.put_elsewhere(name.clone(), &known);
        Some(known)
    }

    /// The users of one of the other servers.
    pub(crate) fn users_of(&self, home: &(NodeName, Epoch)) -> Vec<Arc<User>> {
        let state = self.lock();
        state.names.values().filter(|user| user.is_of(home)).cloned().collect()
    }

    /// Finds a user by connection. Searches all of them.
    pub(crate) fn user(&self, client: ClientId) -> Option<Arc<User>> {
        let state = self.lock();
        state.names.values().chain(&state.displaced).find(|user| user.client() == client).cloned()
    }

    /// The users of this server.
    pub(crate) fn own_users(&self) -> Vec<Arc<User>> {
        let state = self.lock();
        state.names.values().chain(&state.displaced).filter(|user| !user.is_elsewhere()).cloned().collect()
    }
}

impl RosterState {
    /// The cluster has granted a name to a user elsewhere. A local user who has it lost it while this server was cut off,
    /// and gets another one.
    fn put_elsewhere(&mut self, name: UserName, user: &Arc<User>) {
        if let Some(own) = self.names.get(&name).filter(|known| !known.is_elsewhere()).cloned() {
            self.displaced.push(own);
        }
        self.names.insert(name, Arc::clone(user));
    }
}
