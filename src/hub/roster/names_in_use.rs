//! The names in use, found by the name and by what it looks like.
//!
//! *Owns* that both change together. *Knows nothing of* who may take which name.
//! *Called by* `roster` alone, under its lock.

use std::collections::HashMap;
use std::sync::Arc;

use super::User;
use crate::chat::names::UserName;

/// Who has which name.
#[derive(Default)]
pub(super) struct NamesInUse {
    people: HashMap<UserName, Arc<User>>,
    /// The same names by all that they look like. Mostly one each: accounts come in whatever their names look like.
    looks: HashMap<Box<str>, Vec<UserName>>,
}

impl NamesInUse {
    pub(super) fn contains_key(&self, name: &UserName) -> bool {
        self.people.contains_key(name)
    }

    pub(super) fn get(&self, name: &UserName) -> Option<&Arc<User>> {
        self.people.get(name)
    }

    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Arc<User>> {
        self.people.values()
    }

    /// Notes that somebody has a name, in whatever letters it was noted before.
    pub(super) fn insert(&mut self, name: UserName, person: Arc<User>) {
        self.remove(&name);
        self.insert_looks(&name);
        self.people.insert(name, person);
    }

    /// Not inlined, and nor is [`remove`](NamesInUse::remove): a name is claimed deep down in a session, and their frames one
    /// beside the other would be part of every idle user's stack.
    #[inline(never)]
    fn insert_looks(&mut self, name: &UserName) {
        for key in name.looks().keys() {
            // Most often the only one.
            self.looks.entry(key.into()).or_insert_with(|| Vec::with_capacity(1)).push(name.clone());
        }
    }

    #[inline(never)]
    pub(super) fn remove(&mut self, name: &UserName) {
        // As it was noted: in other letters it may look otherwise.
        let Some((name, _)) = self.people.remove_entry(name) else { return };
        for key in name.looks().keys() {
            if let Some(names) = self.looks.get_mut(key) {
                names.retain(|known| *known != name);
                if names.is_empty() {
                    self.looks.remove(key);
                }
            }
        }
    }

    /// A name in use that another one could be taken for, where somebody else than `own` has it.
    pub(super) fn like(&self, name: &UserName, own: Option<&Arc<User>>) -> Option<UserName> {
        let is_own = |known: &UserName| own.zip(self.people.get(known)).is_some_and(|(own, who)| Arc::ptr_eq(own, who));
        let looks = name.looks();
        let mut alike = looks.keys().filter_map(|key| self.looks.get(key)).flatten();
        alike.find(|known| *known != name && !is_own(known)).cloned()
    }
}
