//! Memory that users can make the server hold for a while: waiting lines, temporary messages. Bounded in bytes, per
//! user and in total.
//!
//! *Owns* the counts. Held data carries its [`Share`], which is given back when dropped, so no code path can forget to.
//! *Knows nothing of* the data.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A user who holds at most one part in this many of their limit counts as small, and finds room even when others have
/// filled the rest.
const SMALL: usize = 32;

/// One part in this many of the total is reserved for small users.
const LEFT_TO_SMALL: usize = 8;

#[derive(Debug)]
struct HeldBytes<K> {
    /// Bytes by key. Keys that hold nothing are removed.
    by_key: HashMap<K, usize>,
    total: usize,
}

/// Limits how many bytes may be held, per key and in total.
#[derive(Debug)]
pub struct Allowance<K> {
    per_key: usize,
    in_total: usize,
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
    /// `per_key` bytes for each key and `in_total` in total. The last eighth of the total is reserved for users who hold
    /// little, so that a few heavy users cannot take all of it.
    pub(crate) fn new(per_key: usize, in_total: usize) -> Arc<Allowance<K>> {
        Arc::new(Allowance { per_key, in_total, held: Mutex::new(HeldBytes { by_key: HashMap::new(), total: 0 }) })
    }

    /// Takes a share. `None` if there is no room for it.
    pub(crate) fn take(self: &Arc<Self>, key: K, bytes: usize) -> Option<Share<K>> {
        let mut held = self.lock();
        let own = held.by_key.get(&key).map_or(0, |own| own + bytes).max(bytes);
        let all = held.total + bytes;
        let in_total =
            if own <= self.per_key / SMALL { self.in_total } else { self.in_total - self.in_total / LEFT_TO_SMALL };
        if own > self.per_key || all > in_total {
            return None;
        }
        held.by_key.insert(key.clone(), own);
        held.total = all;
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
        self.lock().total
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.allowance.lock();
        held.total -= self.bytes;
        if let Some(own) = held.by_key.get_mut(&self.key) {
            *own -= self.bytes;
            if *own == 0 {
                held.by_key.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_holds_more_than_their_limit_and_a_dropped_share_can_be_taken_again() {
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
        assert!(allowance.held() == 0 && allowance.lock().by_key.is_empty());
    }

    #[test]
    fn the_total_is_never_exceeded_and_its_last_part_is_left_to_small_users() {
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
    fn taking_nothing_leaves_no_entry() {
        let allowance = Allowance::new(0, 0);
        drop(allowance.take('a', 0).expect("room for nothing"));
        assert!(allowance.take('a', 1).is_none());
        assert!(allowance.lock().by_key.is_empty());
    }
}
