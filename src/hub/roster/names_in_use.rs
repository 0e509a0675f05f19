//! The names in use, found by the name and by what it looks like.
//!
//! *Owns* that both indexes change together. *Knows nothing of* who may claim which name.

use std::collections::HashMap;
use std::sync::Arc;

use super::User;
use crate::chat::names::{Looks, UserName};

/// Not inlined, and called before anything else: making them goes deeper than adding them.
#[inline(never)]
fn looks_of(name: &UserName) -> Looks {
    name.looks()
}

/// Why a name cannot be claimed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NameInUseError {
    /// Another user has it. Holds a similar free one, if one was found.
    Taken(Option<UserName>),
    /// It looks like this one, which another user has.
    LooksLike(UserName),
    /// The other servers could not be asked.
    NotShared,
    /// The address has reached its limit of connections on all servers together.
    #[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "one server counts connections as they come"))]
    AddressFull,
}

/// Users by name and by looks.
#[derive(Default)]
pub(super) struct NamesInUse {
    users: HashMap<UserName, Arc<User>>,
    /// The same names by their looks. Usually one each; several if accounts with similar names are logged in.
    looks: HashMap<Box<str>, Vec<UserName>>,
}

impl NamesInUse {
    pub(super) fn contains_key(&self, name: &UserName) -> bool {
        self.users.contains_key(name)
    }

    pub(super) fn get(&self, name: &UserName) -> Option<&Arc<User>> {
        self.users.get(name)
    }

    pub(super) fn len(&self) -> usize {
        self.users.len()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.values()
    }

    /// Adds a name, replacing the same one in different case.
    pub(super) fn insert(&mut self, name: UserName, user: Arc<User>) {
        self.remove(&name);
        let looks = looks_of(&name);
        self.insert_looks(&name, &looks);
        self.users.insert(name, user);
    }

    /// Neither this nor [`remove`](NamesInUse::remove) is inlined: names are claimed deep in a session's call stack,
    /// and both frames would be part of every idle user's stack.
    #[inline(never)]
    fn insert_looks(&mut self, name: &UserName, looks: &Looks) {
        for key in looks.keys() {
            // Most often the only one.
            self.looks.entry(key.into()).or_insert_with(|| Vec::with_capacity(1)).push(name.clone());
        }
    }

    #[inline(never)]
    pub(super) fn remove(&mut self, name: &UserName) {
        // As it was added: in different case it may look different.
        let Some((name, _)) = self.users.remove_entry(name) else { return };
        for key in name.looks().keys() {
            if let Some(names) = self.looks.get_mut(key) {
                names.retain(|known| *known != name);
                if names.is_empty() {
                    self.looks.remove(key);
                }
            }
        }
    }

    /// A name in use that `name` could be mistaken for, unless it is `own`'s.
    pub(super) fn like(&self, name: &UserName, own: Option<&Arc<User>>) -> Option<UserName> {
        let is_own = |known: &UserName| own.zip(self.users.get(known)).is_some_and(|(own, who)| Arc::ptr_eq(own, who));
        let looks = name.looks();
        let mut alike = looks.keys().filter_map(|key| self.looks.get(key)).flatten();
        alike.find(|known| *known != name && !is_own(known)).cloned()
    }
}
