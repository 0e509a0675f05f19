//! Finds accounts whose names look alike.
//!
//! The names are kept in memory, about a hundred bytes each. They are read from the disk once; after that, only
//! accounts created since are read, which have higher ids. So checking a guest's name takes one lookup, however many
//! accounts there are.
//!
//! *Owns* which account a name could be taken for. *Knows nothing of* who may take which name, and of SQL.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::chat::message::AccountId;
use crate::chat::names::UserName;

/// The accounts known so far.
#[derive(Default)]
pub(super) struct LookAlikes {
    /// A leaf. The disk is not read under it.
    known: Mutex<KnownNames>,
}

struct KnownNames {
    /// All accounts up to this one are in the map.
    last: AccountId,
    names: HashMap<Box<str>, Vec<UserName>>,
}

impl Default for KnownNames {
    fn default() -> Self {
        KnownNames { last: AccountId(0), names: HashMap::new() }
    }
}

impl LookAlikes {
    /// The last account known. Only later ones are missing.
    pub(super) fn last(&self) -> AccountId {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).last
    }

    /// Adds accounts. Adding one twice, as two threads may, has no effect.
    pub(super) fn add(&self, accounts: Vec<(AccountId, Option<UserName>)>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, name) in accounts {
            known.last = known.last.max(id);
            let Some(name) = name else { continue };
            for key in name.looks().keys() {
                let names = known.names.entry(key.into()).or_default();
                if !names.contains(&name) {
                    names.push(name.clone());
                }
            }
        }
    }

    /// Other names that look like this one. Some of these accounts may be gone.
    pub(super) fn find(&self, name: &UserName) -> Vec<UserName> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = name.looks();
        let alike = looks.keys().filter_map(|key| known.names.get(key)).flatten();
        alike.filter(|other| *other != name).cloned().collect()
    }

    /// Forgets a removed account. If the name has been registered again, it is still found: the new account has a higher
    /// id and was added, or will be.
    pub(super) fn forget(&self, name: &UserName, up_to: AccountId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.last > up_to {
            return;
        }
        for key in name.looks().keys() {
            if let Some(names) = known.names.get_mut(key) {
                names.retain(|other| other != name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> UserName {
        UserName::parse(text, 1, 12).expect("a name")
    }

    fn account(id: u64, text: &str) -> (AccountId, Option<UserName>) {
        (AccountId(id), Some(name(text)))
    }

    #[test]
    fn accounts_are_found_by_names_that_look_like_theirs_and_not_by_their_own() {
        let accounts = LookAlikes::default();
        accounts.add(vec![account(1, "alice"), (AccountId(2), None), account(4, "BOB")]);
        accounts.add(vec![account(4, "BOB")]);
        assert_eq!(accounts.last(), AccountId(4));
        assert_eq!(accounts.find(&name("aIice")), [name("alice")]);
        assert_eq!(accounts.find(&name("b0b")), [name("bob")]);
        assert_eq!(accounts.find(&name("Alice")), []);
        accounts.add(vec![account(7, "a1ice")]);
        assert_eq!(accounts.find(&name("aIice")), [name("alice"), name("a1ice")]);
    }

    #[test]
    fn a_deleted_name_is_forgotten_unless_others_were_added_meanwhile() {
        let accounts = LookAlikes::default();
        accounts.add(vec![account(1, "alice")]);
        let before = accounts.last();
        // Registered again under the same name after the first account was found to be gone.
        accounts.add(vec![account(2, "alice")]);
        accounts.forget(&name("alice"), before);
        assert_eq!(accounts.find(&name("aIice")), [name("alice")]);
        accounts.forget(&name("alice"), accounts.last());
        assert_eq!(accounts.find(&name("aIice")), []);
        accounts.add(vec![account(3, "alice")]);
        assert_eq!(accounts.find(&name("aIice")), [name("alice")]);
    }
}
