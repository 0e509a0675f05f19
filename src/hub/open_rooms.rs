//! The rooms that accounts are in, or were in when they were last online.
//!
//! The disk holds the same for persistent rooms. This table holds all rooms, by identity rather than by name.
//!
//! *Owns* the table, and its bound. *Knows nothing of* who may enter a room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::chat::conversation::RoomId;
use crate::chat::message::AccountId;
use crate::chat::room::DoorVersion;

/// Most accounts remembered, at a few kilobytes each at most. Beyond that some are forgotten, and come back only to the
/// rooms that the disk knows.
const MOST: usize = 10_000;

/// A room that an account is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenRoom {
    pub(crate) room: Arc<RoomId>,
    /// Its door at that time: the account may enter again while the door is the same. `None` if it entered as an
    /// operator.
    pub(crate) door: Option<DoorVersion>,
}

#[derive(Debug, Default)]
pub(crate) struct OpenRooms {
    /// A leaf.
    accounts: Mutex<HashMap<AccountId, Arc<[OpenRoom]>>>,
}

impl OpenRooms {
    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Arc<[OpenRoom]>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the rooms that an account is in, the current one last.
    pub(crate) fn set(&self, account: AccountId, rooms: Vec<OpenRoom>) {
        let mut accounts = self.lock();
        if accounts.len() >= MOST && !accounts.contains_key(&account) {
            let other = accounts.keys().next().copied();
            other.map(|other| accounts.remove(&other));
        }
        accounts.insert(account, rooms.into());
    }

    /// The rooms that an account is in, the current one last. `None` if it has not been online since the server's start.
    pub(crate) fn of(&self, account: AccountId) -> Option<Arc<[OpenRoom]>> {
        self.lock().get(&account).cloned()
    }

    /// Forgets a deleted account.
    pub(crate) fn forget(&self, account: AccountId) {
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
