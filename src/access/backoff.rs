//! How long somebody waits after failed attempts: longer after each. Pure: `now` is an argument.
//!
//! *Owns* the counts, the waits, and the bound on the table that keeps them. *Knows nothing of* what was attempted.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::eviction::{Sourced, make_room};

/// Wrong tries before the first wait.
pub(super) const FREE_TRIES: u32 = 3;
/// The first wait; every further wrong try doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// Tries are forgotten after so long without another.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);

#[derive(Clone, Copy, Debug)]
struct Failures {
    wrong: u32,
    last: Instant,
    until: Option<Instant>,
}

/// Waits after wrong tries. Bounded: a full table forgets an entry of the address with most, of these one with the fewest
/// wrong tries, and of these the one tried longest ago. So nobody makes it forget what others did, and what they did
/// themselves only by as many wrong tries at every other place in it.
#[derive(Debug)]
pub struct Backoff<K> {
    tries: HashMap<K, Failures>,
    capacity: usize,
    /// Wrong tries before the first wait.
    free: u32,
}

impl<K: Sourced + Hash + Eq + Clone> Backoff<K> {
    /// A table of at most `capacity` entries.
    pub fn new(capacity: usize) -> Backoff<K> {
        Backoff::with_allowance(capacity, FREE_TRIES)
    }

    /// The same, with so many wrong tries before the first wait.
    pub fn with_allowance(capacity: usize, free: u32) -> Backoff<K> {
        Backoff { tries: HashMap::new(), capacity, free }
    }

    /// How long is left to wait, if anything: the try is refused then without being looked at.
    pub fn left(&self, key: &K, now: Instant) -> Option<Duration> {
        let left = self.tries.get(key)?.until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Notes a wrong try.
    pub fn wrong(&mut self, key: &K, now: Instant) {
        self.tries.retain(|_, tries| now.saturating_duration_since(tries.last) < FORGOTTEN_AFTER);
        if !self.tries.contains_key(key) {
            make_room(&mut self.tries, self.capacity, |tries| Some((tries.wrong, tries.last)));
        }
        let tries = self.tries.entry(key.clone()).or_insert(Failures { wrong: 0, last: now, until: None });
        tries.wrong += 1;
        tries.last = now;
        if tries.wrong >= self.free {
            let doublings = (tries.wrong - self.free).min(16);
            tries.until = Some(now + (FIRST_WAIT * 2u32.pow(doublings)).min(LONGEST_WAIT));
        }
    }

    /// Forgets the wrong tries after a right one; how many there were.
    pub fn right(&mut self, key: &K) -> u32 {
        self.tries.remove(key).map_or(0, |tries| tries.wrong)
    }

    /// Some wrong tries have turned out to be slips. A wait that they led to is over, if the others would not have.
    pub fn give_back(&mut self, key: &K, slips: u32) {
        let Some(tries) = self.tries.get_mut(key).filter(|_| slips > 0) else { return };
        tries.wrong = tries.wrong.saturating_sub(slips);
        if tries.wrong < self.free {
            tries.until = None;
        }
        if tries.wrong == 0 {
            self.tries.remove(key);
        }
    }

    /// Entries kept.
    pub fn len(&self) -> usize {
        self.tries.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.tries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn the_third_wrong_try_waits_and_further_ones_double_up_to_a_quarter_of_an_hour() {
        let now = Instant::now();
        let mut waits = Backoff::new(8);
        let (bob, carol) = ((address(1), "bob"), (address(1), "carol"));
        for _ in 0..2 {
            waits.wrong(&bob, now);
            assert_eq!(waits.left(&bob, now), None);
        }
        for seconds in [10, 20, 40, 80, 160, 320, 640, 900, 900] {
            waits.wrong(&bob, now);
            assert_eq!(waits.left(&bob, now), Some(Duration::from_secs(seconds)));
        }
        assert_eq!(waits.left(&carol, now), None);
        assert_eq!(waits.left(&bob, now + Duration::from_secs(900)), None);
        waits.right(&bob);
        assert!(waits.is_empty());
    }

    #[test]
    fn the_table_of_waits_never_outgrows_its_capacity_and_forgets_the_oldest() {
        let now = Instant::now();
        let mut waits = Backoff::new(4);
        for n in 0..100u64 {
            waits.wrong(&(address(1), n), now + Duration::from_secs(n));
        }
        assert_eq!(waits.len(), 4);
        assert!(waits.tries.contains_key(&(address(1), 99)) && !waits.tries.contains_key(&(address(1), 95)));
    }

    #[test]
    fn filling_the_table_of_waits_ends_neither_the_wait_of_another_address_nor_ones_own() {
        let now = Instant::now();
        let mut waits = Backoff::new(64);
        for last in [1, 2] {
            (0..4).for_each(|_| waits.wrong(&(address(last), 0), now));
        }
        for n in 1..1000u64 {
            // As often as there is no wait for it yet.
            (0..2).for_each(|_| waits.wrong(&(address(1), n), now + Duration::from_millis(n)));
        }
        assert_eq!(waits.len(), 64);
        for last in [1, 2] {
            assert_eq!(waits.left(&(address(last), 0), now), Some(Duration::from_secs(20)), "{last}");
        }
    }
}
