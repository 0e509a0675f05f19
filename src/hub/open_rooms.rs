//! In which rooms the accounts are, or were when they were last here.
//!
//! The disk holds the same of rooms that outlast the server; this holds all of them, by the room and not by its name alone.
//!
//! *Owns* the table, and its bound. *Knows nothing of* who may come into a room.
//! *Called by* `session`, for the one it serves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::chat::conversation::RoomId;
use crate::chat::identity::AccountId;
use crate::chat::room::DoorVersion;

/// Most accounts remembered: a few kilobytes each at the very most. Of more some are forgotten, and are only in the rooms again
/// that the disk knows of.
const MOST: usize = 10_000;

/// A room that an account is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRoom {
    /// Which.
    pub room: Arc<RoomId>,
    /// Its door then: who was in lets themselves in again while it is the same. Nothing for who was let in as an operator.
    pub door: Option<DoorVersion>,
}

/// The table.
#[derive(Debug, Default)]
pub struct OpenRooms {
    /// A leaf.
    accounts: Mutex<HashMap<AccountId, Arc<[OpenRoom]>>>,
}

impl OpenRooms {
    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Arc<[OpenRoom]>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In which rooms an account is, the current one last.
    pub fn set(&self, account: AccountId, rooms: Vec<OpenRoom>) {
        let mut accounts = self.lock();
        if accounts.len() >= MOST && !accounts.contains_key(&account) {
            let other = accounts.keys().next().copied();
            other.map(|other| accounts.remove(&other));
        }
        accounts.insert(account, rooms.into());
    }

    /// The same again; nothing if the account has not been here since the server's start.
    pub fn of(&self, account: AccountId) -> Option<Arc<[OpenRoom]>> {
        self.lock().get(&account).cloned()
    }

    /// The account is gone.
    pub fn forget(&self, account: AccountId) {
        self.lock().remove(&account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_does_not_grow_without_end() {
        let rooms = OpenRooms::default();
        for account in 0..=MOST as u64 {
            rooms.set(AccountId(account), Vec::new());
        }
        assert_eq!(rooms.lock().len(), MOST);
        assert!(rooms.of(AccountId(MOST as u64)).is_some());
        rooms.forget(AccountId(MOST as u64));
        assert!(rooms.of(AccountId(MOST as u64)).is_none());
    }
}
