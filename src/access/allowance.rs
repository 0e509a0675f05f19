//! Memory that users can make the server hold for a while: waiting lines, temporary messages. Bounded in bytes, per
//! user and in total.
//!
//! *Owns* the counts. Held data carries its [`Share`], which is given back when dropped, so no code path can forget to.
//! *Knows nothing of* the data.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A user who holds at most this fraction of their limit counts as small, and finds room even when others have filled
/// the rest.
const SMALL: usize = 32;

/// The fraction of the total that is reserved for small users.
const LEFT_TO_SMALL: usize = 8;

#[derive(Debug)]
struct HeldBytes<K> {
    /// Bytes by key. Keys that hold nothing are removed.
    by: HashMap<K, usize>,
    all: usize,
}

/// Limits how much may be held.
#[derive(Debug)]
pub struct Allowance<K> {
    of_one: usize,
    of_all: usize,
    /// A leaf lock: nothing but counting happens under it.
    held: Mutex<HeldBytes<K>>,
}

/// A part of an allowance, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share<K: Eq + Hash> {
    allowance: Arc<Allowance<K>>,
    key: K,
    bytes: usize,
}

impl<K: Eq + Hash + Clone> Allowance<K> {
    /// `of_one` bytes for each key and `of_all` in total. The last eighth of the total is reserved for users who hold
    /// little, so that a few heavy users cannot take all of it.
    pub(crate) fn new(of_one: usize, of_all: usize) -> Arc<Allowance<K>> {
        Arc::new(Allowance { of_one, of_all, held: Mutex::new(HeldBytes { by: HashMap::new(), all: 0 }) })
    }

    /// Takes a share. `None` if there is no room for it.
    pub(crate) fn take(self: &Arc<Self>, key: K, bytes: usize) -> Option<Share<K>> {
        let mut held = self.lock();
        let own = held.by.get(&key).map_or(0, |own| own + bytes).max(bytes);
        let all = held.all + bytes;
        let of_all = if own <= self.of_one / SMALL { self.of_all } else { self.of_all - self.of_all / LEFT_TO_SMALL };
        if own > self.of_one || all > of_all {
            return None;
        }
        held.by.insert(key.clone(), own);
        held.all = all;
        drop(held);
        Some(Share { allowance: Arc::clone(self), key, bytes })
    }
}

impl<K> Allowance<K> {
    fn lock(&self) -> MutexGuard<'_, HeldBytes<K>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes held in total.
    pub fn held(&self) -> usize {
        self.lock().all
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.allowance.lock();
        held.all -= self.bytes;
        if let Some(own) = held.by.get_mut(&self.key) {
            *own -= self.bytes;
            if *own == 0 {
                held.by.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holds_no_more_than_their_own_and_what_is_dropped_can_be_taken_again() {
        let allowance = Allowance::new(100, 1000);
        let first = allowance.take('a', 60).expect("room");
        assert!(allowance.take('a', 41).is_none());
        let second = allowance.take('a', 40).expect("room");
        assert!(allowance.take('a', 1).is_none());
        assert!(allowance.take('b', 101).is_none());
        drop(first);
        assert_eq!(allowance.held(), 40);
        drop(allowance.take('a', 60).expect("room"));
        drop(second);
        assert!(allowance.held() == 0 && allowance.lock().by.is_empty());
    }

    #[test]
    fn all_together_hold_no_more_than_there_is_and_a_small_user_finds_room_last() {
        let allowance = Allowance::new(64, 8 * 64);
        let mut shares: Vec<_> = (0..20).filter_map(|key| allowance.take(key, 64)).collect();
        assert_eq!(shares.len(), 7);
        assert!(allowance.take(100, 3).is_none());
        shares.extend((0..100).filter_map(|key| allowance.take(200 + key, 2)));
        assert_eq!(allowance.held(), 8 * 64);
        drop(shares);
        assert_eq!(allowance.held(), 0);
    }

    #[test]
    fn nothing_takes_nothing() {
        let allowance = Allowance::new(0, 0);
        drop(allowance.take('a', 0).expect("room for nothing"));
        assert!(allowance.take('a', 1).is_none());
        assert!(allowance.lock().by.is_empty());
    }
}
