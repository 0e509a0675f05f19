//! How fast something may happen. Pure: `now` is an argument.
//!
//! *Owns* the arithmetic of rates, and the bound on a table of buckets. *Knows nothing of* the things it limits.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::eviction::{Sourced, make_room};

/// A rate: a burst at once, then one per interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// How many may happen at once.
    pub(crate) burst: u32,
    /// The time after which one more may happen.
    pub(crate) interval: Duration,
}

impl Rate {
    /// `burst` at once, then `count` per `period`. `None` if either is 0, which means no limit.
    pub(crate) fn new(burst: u32, count: u32, period: Duration) -> Option<Rate> {
        (burst > 0 && count > 0).then(|| Rate { burst, interval: period / count })
    }
}

/// When something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateDecision {
    /// At once.
    Now,
    /// At that moment, which is now reserved.
    At(Instant),
    /// Not within the given patience. Holds the time after which it could happen.
    Refused(Duration),
}

/// How much of a rate is used up, by the generic cell rate algorithm (ITU-T I.371, annex A) in its virtual scheduling form.
/// One moment is the whole state.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    /// When the whole burst is available again.
    pub(super) full_at: Option<Instant>,
}

impl Bucket {
    /// Reserves `cost` units, if they become available within `patience`. A refusal uses up nothing.
    pub(crate) fn reserve(&mut self, now: Instant, cost: u32, rate: Rate, patience: Duration) -> RateDecision {
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + rate.interval * cost;
        let turn = full_at.checked_sub(rate.interval * rate.burst).unwrap_or(now);
        let wait = turn.saturating_duration_since(now);
        if wait > patience {
            return RateDecision::Refused(wait);
        }
        self.full_at = Some(full_at);
        if wait.is_zero() { RateDecision::Now } else { RateDecision::At(turn) }
    }

    /// Gives back units reserved for something that did not happen, or did no harm.
    pub(crate) fn give_back(&mut self, cost: u32, rate: Rate) {
        self.full_at = self.full_at.and_then(|at| at.checked_sub(rate.interval * cost));
    }

    /// Whether the whole burst is available, so that nothing needs to be remembered.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|at| at <= now)
    }
}

/// A bucket per key. Bounded: a full table evicts the least used bucket of the address that has most of them.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    buckets: HashMap<K, Bucket>,
    most: usize,
}

impl<K: Sourced + Eq + Hash + Clone> Buckets<K> {
    /// An empty table of at most `most` buckets.
    pub(crate) fn new(most: usize) -> Buckets<K> {
        Buckets { buckets: HashMap::new(), most }
    }

    /// Takes one unit now.
    ///
    /// # Errors
    ///
    /// How long to wait, if no unit is available.
    pub(crate) fn take(&mut self, key: K, rate: Rate, now: Instant) -> Result<(), Duration> {
        if self.buckets.len() >= self.most && !self.buckets.contains_key(&key) {
            self.buckets.retain(|_, bucket| !bucket.is_full(now));
            make_room(&mut self.buckets, self.most, |bucket| Some(bucket.full_at));
        }
        match self.buckets.entry(key).or_default().reserve(now, 1, rate, Duration::ZERO) {
            RateDecision::Now => Ok(()),
            RateDecision::At(at) => Err(at.saturating_duration_since(now)),
            RateDecision::Refused(wait) => Err(wait),
        }
    }

    /// Gives back a unit that was taken.
    pub(crate) fn give_back(&mut self, key: &K, rate: Rate) {
        if let Some(bucket) = self.buckets.get_mut(key) {
            bucket.give_back(1, rate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    const PATIENCE: Duration = Duration::from_secs(3);

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn rate() -> Rate {
        Rate::new(5, 2, Duration::from_secs(1)).expect("a rate")
    }

    #[test]
    fn a_paste_of_ten_lines_passes_and_the_twelfth_is_refused() {
        let now = Instant::now();
        let mut bucket = Bucket::default();
        let turns: Vec<_> = (0..12).map(|_| bucket.reserve(now, 1, rate(), PATIENCE)).collect();
        assert_eq!(turns[..5], [RateDecision::Now; 5]);
        assert_eq!(turns[5], RateDecision::At(now + Duration::from_millis(500)));
        assert_eq!(turns[10], RateDecision::At(now + Duration::from_secs(3)));
        assert_eq!(turns[11], RateDecision::Refused(Duration::from_millis(3500)));
    }

    #[test]
    fn a_refusal_uses_up_nothing_and_time_refills() {
        let now = Instant::now();
        let mut bucket = Bucket::default();
        for _ in 0..50 {
            bucket.reserve(now, 1, rate(), PATIENCE);
        }
        assert_eq!(
            bucket.reserve(now + Duration::from_millis(3500), 1, rate(), PATIENCE),
            RateDecision::At(now + Duration::from_millis(3500)).into_now(now + Duration::from_millis(3500))
        );
        assert!(!bucket.is_full(now));
        assert!(bucket.is_full(now + Duration::from_secs(6)));
    }

    impl RateDecision {
        fn into_now(self, now: Instant) -> RateDecision {
            if self == RateDecision::At(now) { RateDecision::Now } else { self }
        }
    }

    #[test]
    fn a_full_table_of_buckets_refuses_no_key_that_has_taken_nothing() {
        let now = Instant::now();
        let mut buckets = Buckets::new(4);
        for n in 0..4 {
            assert_eq!(buckets.take((address(1), n), rate(), now), Ok(()));
        }
        for _ in 0..5 {
            assert_eq!(buckets.take((address(2), 0), rate(), now), Ok(()));
        }
        for n in 4..50 {
            assert_eq!(buckets.take((address(1), n), rate(), now), Ok(()));
        }
        assert!(buckets.take((address(2), 0), rate(), now).is_err(), "the flood's own are given up");
        assert_eq!(buckets.buckets.len(), 4);
    }

    #[test]
    fn a_unit_given_back_can_be_taken_again() {
        let now = Instant::now();
        let mut buckets = Buckets::new(4);
        for _ in 0..50 {
            assert_eq!(buckets.take(address(1), rate(), now), Ok(()));
            buckets.give_back(&address(1), rate());
        }
        for _ in 0..5 {
            assert_eq!(buckets.take(address(1), rate(), now), Ok(()));
        }
        assert_eq!(buckets.take(address(1), rate(), now), Err(Duration::from_millis(500)));
    }
}
