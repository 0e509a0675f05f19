//! The names in use, found by the name and by what it looks like.
//!
//! *Owns* that both change together. *Knows nothing of* who may take which name.
//! *Called by* `roster` alone, under its lock.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Person;
use crate::names::UserName;

/// Who has which name.
#[derive(Default)]
pub(super) struct NamesTaken {
    people: HashMap<UserName, Arc<Person>>,
    /// Each name under everything that it looks like.
    looks: BTreeSet<(Box<str>, UserName)>,
}

impl NamesTaken {
    pub(super) fn contains_key(&self, name: &UserName) -> bool {
        self.people.contains_key(name)
    }

    pub(super) fn get(&self, name: &UserName) -> Option<&Arc<Person>> {
        self.people.get(name)
    }

    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Arc<Person>> {
        self.people.values()
    }

    /// Gives a name to somebody. Whoever had it before has it no more.
    pub(super) fn insert(&mut self, name: UserName, person: Arc<Person>) {
        // Its letters may be other ones than before.
        self.remove(&name);
        for key in name.looks().keys() {
            self.looks.insert((key.into(), name.clone()));
        }
        self.people.insert(name, person);
    }

    pub(super) fn remove(&mut self, name: &UserName) {
        let Some((name, _)) = self.people.remove_entry(name) else { return };
        for key in name.looks().keys() {
            self.looks.remove(&(key.into(), name.clone()));
        }
    }

    /// Another name in use that this one could be taken for, but for those of `own`.
    pub(super) fn like(&self, name: &UserName, own: Option<&Person>) -> Option<UserName> {
        let is_own = |known: &UserName| {
            let person = self.people.get(known);
            own.is_some_and(|own| person.is_some_and(|person| std::ptr::eq(Arc::as_ptr(person), own)))
        };
        name.looks().keys().find_map(|key| {
            let from = self.looks.iter_from(key);
            from.map(|(_, known)| known).find(|known| *known != name && !is_own(known)).cloned()
        })
    }
}
