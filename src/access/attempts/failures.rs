//! Counts of failed attempts, and the bounded table that holds them. Pure: `now` is an argument.
//!
//! *Knows nothing of* whose counts they are.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::policy::Backoff;
use crate::access::eviction::{Sourced, make_room};

/// Why an attempt may not be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptError {
    /// Too many were wrong. Holds how much longer to wait.
    Waiting(Duration),
    /// As many attempts are being compared as may fail before a wait. Whether this one may begin is known only once
    /// they are decided.
    Undecided,
}

/// The failures of one user, one address, or everyone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failures {
    wrong: u32,
    /// Attempts begun but not decided yet.
    undecided: u32,
    /// The last wrong attempt, or the first one begun.
    last: Option<Instant>,
    /// The end of the last wait.
    until: Option<Instant>,
}

impl Failures {
    pub(super) fn wait_left(&self, now: Instant) -> Option<Duration> {
        let left = self.until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    pub(super) fn check(&self, backoff: Backoff, now: Instant) -> Result<(), AttemptError> {
        match self.wait_left(now) {
            Some(left) => Err(AttemptError::Waiting(left)),
            None if self.undecided >= backoff.at_once(self.wrong) => Err(AttemptError::Undecided),
            None => Ok(()),
        }
    }

    pub(super) fn begin(&mut self, now: Instant) {
        self.undecided += 1;
        self.last = self.last.or(Some(now));
    }

    /// Counts a wrong attempt. Returns whether further ones have to wait, because of this one or of others that are not
    /// decided yet. The wait starts at `now`, however long the comparison took.
    pub(super) fn wrong(&mut self, backoff: Backoff, now: Instant) -> bool {
        self.undecided = self.undecided.saturating_sub(1);
        self.wrong = self.wrong.saturating_add(1);
        self.last = Some(now);
        if let Some(wait) = backoff.wait_after(self.wrong) {
            self.until = self.until.max(Some(now + wait));
        }
        self.check(backoff, now).is_err()
    }

    /// Removes an attempt that does not count, because it was right or was never compared.
    pub(super) fn withdraw(&mut self) {
        self.undecided = self.undecided.saturating_sub(1);
    }

    /// Counts a right attempt, which clears its user's failures. Returns how many there were.
    fn right(&mut self) -> u32 {
        self.withdraw();
        self.until = None;
        std::mem::take(&mut self.wrong)
    }

    /// Forgives failures that turned out to be typing mistakes, and ends a wait that the remaining ones would not have
    /// caused.
    fn give_back(&mut self, slips: u32, backoff: Backoff) {
        self.wrong = self.wrong.saturating_sub(slips);
        if slips > 0 && backoff.wait_after(self.wrong).is_none() {
            self.until = None;
        }
    }

    fn is_forgotten(&self, after: Duration, now: Instant) -> bool {
        let end = self.until.max(self.last);
        self.undecided == 0 && end.is_none_or(|end| now.saturating_duration_since(end) >= after)
    }
}

/// Counts of failures by key.
///
/// Bounded: a full table evicts an entry of the address that has most of them. Among those, entries without a wait go
/// first, then those with fewer failures, then the older ones. So nobody can make the table forget the failures of
/// others. Entries with an undecided attempt stay; each connection has at most one.
#[derive(Debug)]
pub(super) struct FailureTable<K> {
    entries: HashMap<K, Failures>,
    capacity: usize,
}

impl<K: Sourced + Hash + Eq + Clone> FailureTable<K> {
    pub(super) fn new(capacity: usize) -> FailureTable<K> {
        FailureTable { entries: HashMap::new(), capacity }
    }

    #[cfg(test)]
    pub(super) fn get(&self, key: &K) -> Option<&Failures> {
        self.entries.get(key)
    }

    pub(super) fn check(
        &self,
        key: &K,
        backoff: Backoff,
        forgotten_after: Duration,
        now: Instant,
    ) -> Result<(), AttemptError> {
        let known = self.entries.get(key).filter(|failures| !failures.is_forgotten(forgotten_after, now));
        known.map_or(Ok(()), |failures| failures.check(backoff, now))
    }

    /// Counts an attempt that [`FailureTable::check`] has allowed as undecided.
    pub(super) fn begin(&mut self, key: K, forgotten_after: Duration, now: Instant) {
        if self.entries.get(&key).is_some_and(|failures| failures.is_forgotten(forgotten_after, now)) {
            self.entries.remove(&key);
        }
        if self.entries.len() >= self.capacity && !self.entries.contains_key(&key) {
            self.entries.retain(|_, failures| !failures.is_forgotten(forgotten_after, now));
            make_room(&mut self.entries, self.capacity, |failures| {
                let rank = (failures.wait_left(now).is_some(), failures.wrong, failures.last);
                (failures.undecided == 0).then_some(rank)
            });
        }
        self.entries.entry(key).or_default().begin(now);
    }

    /// See [`Failures::wrong`].
    pub(super) fn wrong(&mut self, key: &K, backoff: Backoff, now: Instant) -> bool {
        self.entries.get_mut(key).is_some_and(|failures| failures.wrong(backoff, now))
    }

    /// See [`Failures::right`].
    pub(super) fn right(&mut self, key: &K) -> u32 {
        let slips = self.entries.get_mut(key).map_or(0, Failures::right);
        self.drop_if_empty(key);
        slips
    }

    /// Removes an attempt, and `slips` failures before it, from the count.
    pub(super) fn give_back(&mut self, key: &K, slips: u32, backoff: Backoff) {
        if let Some(failures) = self.entries.get_mut(key) {
            failures.withdraw();
            failures.give_back(slips, backoff);
        }
        self.drop_if_empty(key);
    }

    fn drop_if_empty(&mut self, key: &K) {
        if self.entries.get(key).is_some_and(|failures| failures.wrong == 0 && failures.undecided == 0) {
            self.entries.remove(key);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::access::attempts::AttemptPolicy;

    const POLICY: AttemptPolicy = AttemptPolicy::PER_USER_AND_ADDRESS;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn wrong<K: Sourced + Hash + Eq + Clone>(table: &mut FailureTable<K>, key: &K, now: Instant) {
        table.begin(key.clone(), POLICY.forgotten_after, now);
        table.wrong(key, POLICY.user, now);
    }

    fn left<K: Sourced + Hash + Eq + Clone>(table: &FailureTable<K>, key: &K, now: Instant) -> Option<Duration> {
        table.get(key)?.wait_left(now)
    }

    #[test]
    fn the_third_wrong_try_waits_and_further_ones_double_up_to_a_quarter_of_an_hour() {
        let now = Instant::now();
        let mut waits = FailureTable::new(8);
        let (bob, carol) = ((address(1), "bob"), (address(1), "carol"));
        for _ in 0..2 {
            wrong(&mut waits, &bob, now);
            assert_eq!(left(&waits, &bob, now), None);
        }
        for seconds in [10, 20, 40, 80, 160, 320, 640, 900, 900] {
            wrong(&mut waits, &bob, now);
            assert_eq!(left(&waits, &bob, now), Some(Duration::from_secs(seconds)));
        }
        assert_eq!(left(&waits, &carol, now), None);
        assert_eq!(left(&waits, &bob, now + Duration::from_secs(900)), None);
        assert_eq!(waits.right(&bob), 11);
        assert_eq!(waits.len(), 0);
    }

    #[test]
    fn the_table_of_waits_never_outgrows_its_capacity_and_forgets_the_oldest() {
        let now = Instant::now();
        let mut waits = FailureTable::new(4);
        for n in 0..100u64 {
            wrong(&mut waits, &(address(1), n), now + Duration::from_secs(n));
        }
        assert_eq!(waits.len(), 4);
        assert!(waits.get(&(address(1), 99)).is_some() && waits.get(&(address(1), 95)).is_none());
    }

    #[test]
    fn filling_the_table_of_waits_ends_neither_the_wait_of_another_address_nor_ones_own() {
        let now = Instant::now();
        let mut waits = FailureTable::new(64);
        for last in [1, 2] {
            (0..4).for_each(|_| wrong(&mut waits, &(address(last), 0), now));
        }
        for n in 1..1000u64 {
            // Repeated until a wait begins.
            (0..2).for_each(|_| wrong(&mut waits, &(address(1), n), now + Duration::from_millis(n)));
        }
        assert_eq!(waits.len(), 64);
        for last in [1, 2] {
            assert_eq!(left(&waits, &(address(last), 0), now), Some(Duration::from_secs(20)), "{last}");
        }
    }
}
