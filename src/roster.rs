//! Who is connected, and who has which name.
//!
//! *Owns* the names in use, taken and given back atomically, and the list of all connections.
//! *Knows nothing of* rooms and of what people do.
//! *Called by* `session`, `server` (announcements, stopping).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::message::ClientId;
use crate::names::{UserName, suggest};
use crate::outbox::Outbox;

/// Somebody who has given his name.
pub struct Person {
    /// The name, as typed.
    pub name: UserName,
    /// His way out.
    pub outbox: Arc<Outbox>,
    /// When he logged in.
    pub since: Instant,
    /// Milliseconds from `since` to his last typed line.
    active: AtomicU64,
}

impl Person {
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
}

#[derive(Default)]
struct State {
    connections: HashMap<ClientId, Arc<Outbox>>,
    people: HashMap<UserName, Arc<Person>>,
}

/// The list.
#[derive(Default)]
pub struct Roster {
    /// Rank 0 of 4: before every other. Guards both maps; nothing is sent and no other lock is taken under it.
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

    /// Every connection, logged in or not.
    pub fn connections(&self) -> Vec<Arc<Outbox>> {
        self.lock().connections.values().cloned().collect()
    }

    /// Takes a name for a connection. If somebody has it: a free one like it, of at most `limit` characters.
    pub fn claim(
        &self,
        name: &UserName,
        limit: usize,
        outbox: &Arc<Outbox>,
        now: Instant,
    ) -> Result<Arc<Person>, Option<String>> {
        let mut state = self.lock();
        if state.people.contains_key(name) {
            let is_free = |candidate: &str| {
                UserName::parse(candidate, 1, limit).is_ok_and(|candidate| !state.people.contains_key(&candidate))
            };
            return Err(suggest(name, limit, is_free).map(|free| free.to_string()));
        }
        let person = Person { name: name.clone(), outbox: Arc::clone(outbox), since: now, active: AtomicU64::new(0) };
        let person = Arc::new(person);
        state.people.insert(name.clone(), Arc::clone(&person));
        Ok(person)
    }

    /// Gives a name back.
    pub fn release(&self, person: &Arc<Person>) {
        let mut state = self.lock();
        if state.people.get(&person.name).is_some_and(|known| Arc::ptr_eq(known, person)) {
            state.people.remove(&person.name);
        }
    }

    /// How many people have names.
    pub fn count(&self) -> usize {
        self.lock().people.len()
    }

    /// Everybody with a name, by name.
    pub fn people(&self) -> Vec<Arc<Person>> {
        let mut people: Vec<_> = self.lock().people.values().cloned().collect();
        people.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        people
    }
}
