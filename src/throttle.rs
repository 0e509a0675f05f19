//! How fast somebody may do things, and how long he waits after wrong passwords. Pure: `now` is an argument.
//!
//! *Owns* the arithmetic of rates and waits, and the bounds on the tables that keep them.
//! *Knows nothing of* what is being limited.
//! *Called by* `session` and `hub`.

mod attempts;
mod crowded;

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use crowded::make_much_room;

pub use attempts::{Attempter, Attempts};
pub use crowded::{Sourced, make_room};

/// A rate: so many at once, then one per interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// Time in which one more becomes possible.
    pub interval: Duration,
}

impl Rate {
    /// `burst` at once, then `count` per `period`. `None` if any is 0, which means no limit.
    pub fn new(burst: u32, count: u32, period: Duration) -> Option<Rate> {
        (burst > 0 && count > 0).then(|| Rate { burst, interval: period / count })
    }
}

/// When something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// At once.
    Now,
    /// At that moment; its place is taken.
    At(Instant),
    /// Not within the patience asked for: after so long it could happen at once.
    Refused(Duration),
}

/// What of a rate is used up: the generic cell rate algorithm (ITU-T I.371, annex A) in its virtual scheduling form.
/// One moment is the whole state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    /// When the whole burst is available again.
    full_at: Option<Instant>,
}

impl Bucket {
    /// Asks for a turn of `cost` units that comes within `patience`. A refusal uses up nothing.
    pub fn reserve(&mut self, now: Instant, cost: u32, rate: Rate, patience: Duration) -> Turn {
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + rate.interval * cost;
        let turn = full_at.checked_sub(rate.interval * rate.burst).unwrap_or(now);
        let wait = turn.saturating_duration_since(now);
        if wait > patience {
            return Turn::Refused(wait);
        }
        self.full_at = Some(full_at);
        if wait.is_zero() { Turn::Now } else { Turn::At(turn) }
    }

    /// Gives back what was reserved for something that never happened, or did no harm.
    pub fn give_back(&mut self, cost: u32, rate: Rate) {
        self.full_at = self.full_at.and_then(|at| at.checked_sub(rate.interval * cost));
    }

    /// Whether the whole burst is available: nothing needs to be remembered.
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|at| at <= now)
    }
}

/// One bucket for each of many. Bounded: a full table gives up the least used bucket of the address with most.
#[derive(Debug)]
pub struct Buckets<K> {
    buckets: HashMap<K, Bucket>,
    most: usize,
}

impl<K: Sourced + Eq + Hash + Clone> Buckets<K> {
    /// No bucket is used yet.
    pub fn new(most: usize) -> Buckets<K> {
        Buckets { buckets: HashMap::new(), most }
    }

    /// Asks for one unit now; refused with the time to wait.
    pub fn take(&mut self, key: K, rate: Rate, now: Instant) -> Result<(), Duration> {
        if self.buckets.len() >= self.most && !self.buckets.contains_key(&key) {
            self.buckets.retain(|_, bucket| !bucket.is_full(now));
            make_room(&mut self.buckets, self.most, |bucket| Some(bucket.full_at));
        }
        match self.buckets.entry(key).or_default().reserve(now, 1, rate, Duration::ZERO) {
            Turn::Now => Ok(()),
            Turn::At(at) => Err(at.saturating_duration_since(now)),
            Turn::Refused(wait) => Err(wait),
        }
    }

    /// Gives back a unit that was taken.
    pub fn give_back(&mut self, key: &K, rate: Rate) {
        if let Some(bucket) = self.buckets.get_mut(key) {
            bucket.give_back(1, rate);
        }
    }
}

/// Wrong tries before the first wait.
const FREE_TRIES: u32 = 3;
/// The first wait; every further wrong try doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// Tries are forgotten after so long without another.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);

#[derive(Clone, Copy, Debug)]
struct Tries {
    wrong: u32,
    last: Instant,
    until: Option<Instant>,
}

/// Waits after wrong tries. Bounded: a full table forgets an entry of the address with most, of these one with the fewest
/// wrong tries, and of these the one tried longest ago. So nobody makes it forget what others did, and what they did
/// themselves only by as many wrong tries at every other place in it.
#[derive(Debug)]
pub struct Waits<K> {
    tries: HashMap<K, Tries>,
    capacity: usize,
    /// Wrong tries before the first wait.
    free: u32,
}

impl<K: Sourced + Hash + Eq + Clone> Waits<K> {
    /// A table of at most `capacity` entries.
    pub fn new(capacity: usize) -> Waits<K> {
        Waits::with_allowance(capacity, FREE_TRIES)
    }

    /// The same, with so many wrong tries before the first wait.
    pub fn with_allowance(capacity: usize, free: u32) -> Waits<K> {
        Waits { tries: HashMap::new(), capacity, free }
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
        let tries = self.tries.entry(key.clone()).or_insert(Tries { wrong: 0, last: now, until: None });
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

/// What counts as one address: IPv4 whole, IPv6 by its /64, which is what one household gets. IPv4-mapped addresses are
/// IPv4.
pub fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// What counts as one line of a customer: IPv4 whole, IPv6 by its /56. Many customers get that much (RFC 6177 names it), so
/// who counts by /64 gives each of them 256 of everything. Coarser than [`address_key`], for what must not be multiplied.
pub fn network_key(address: IpAddr) -> IpAddr {
    match address_key(address) {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d & 0xff00, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Why an address is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// Open connections of one address.
    TooManyOpen(usize),
    /// New connections of one address within a minute.
    TooManyNew(Duration),
}

#[derive(Clone, Copy, Debug, Default)]
struct Visitor {
    open: usize,
    arrivals: Bucket,
}

/// Addresses remembered at most that have no connection open. Each has come within the last minute and takes some 60 bytes;
/// whoever has more addresses than that is not slowed down by a limit per address anyway.
const MOST_VISITORS: usize = 16 * 1024;

/// Connections by address. Bounded: a full table forgets addresses without a connection, of the network with most.
#[derive(Debug, Default)]
pub struct Admission {
    visitors: HashMap<IpAddr, Visitor>,
    /// Size at which entries that say nothing any more are looked for.
    tidy_at: usize,
}

impl Admission {
    /// Lets a connection in or not; `open` and `new` are the limits. Every one let in has to be [`Admission::leave`]d.
    pub fn enter(
        &mut self,
        address: IpAddr,
        open: Option<usize>,
        new: Option<Rate>,
        now: Instant,
    ) -> Result<(), NotAdmitted> {
        if self.visitors.len() >= self.tidy_at {
            self.visitors.retain(|_, visitor| visitor.open > 0 || !visitor.arrivals.is_full(now));
            make_much_room(&mut self.visitors, MOST_VISITORS, |visitor| {
                (visitor.open == 0).then_some(visitor.arrivals.full_at)
            });
            let size = self.visitors.len();
            // Open connections have bounds of their own; a table full of them is not looked through for every newcomer.
            self.tidy_at = if size < MOST_VISITORS { (size * 2).clamp(1024, MOST_VISITORS) } else { size + 1024 };
        }
        let visitor = self.visitors.entry(address_key(address)).or_default();
        if let Some(limit) = open
            && visitor.open >= limit
        {
            return Err(NotAdmitted::TooManyOpen(limit));
        }
        if let Some(rate) = new
            && let Turn::Refused(wait) = visitor.arrivals.reserve(now, 1, rate, Duration::ZERO)
        {
            return Err(NotAdmitted::TooManyNew(wait));
        }
        visitor.open += 1;
        Ok(())
    }

    /// A connection let in is over.
    pub fn leave(&mut self, address: IpAddr) {
        if let Some(visitor) = self.visitors.get_mut(&address_key(address)) {
            visitor.open = visitor.open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(turns[..5], [Turn::Now; 5]);
        assert_eq!(turns[5], Turn::At(now + Duration::from_millis(500)));
        assert_eq!(turns[10], Turn::At(now + Duration::from_secs(3)));
        assert_eq!(turns[11], Turn::Refused(Duration::from_millis(3500)));
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
            Turn::At(now + Duration::from_millis(3500)).into_now(now + Duration::from_millis(3500))
        );
        assert!(!bucket.is_full(now));
        assert!(bucket.is_full(now + Duration::from_secs(6)));
    }

    impl Turn {
        fn into_now(self, now: Instant) -> Turn {
            if self == Turn::At(now) { Turn::Now } else { self }
        }
    }

    #[test]
    fn the_third_wrong_try_waits_and_further_ones_double_up_to_a_quarter_of_an_hour() {
        let now = Instant::now();
        let mut waits = Waits::new(8);
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
        let mut waits = Waits::new(4);
        for n in 0..100u64 {
            waits.wrong(&(address(1), n), now + Duration::from_secs(n));
        }
        assert_eq!(waits.len(), 4);
        assert!(waits.tries.contains_key(&(address(1), 99)) && !waits.tries.contains_key(&(address(1), 95)));
    }

    #[test]
    fn filling_the_table_of_waits_ends_neither_the_wait_of_another_address_nor_ones_own() {
        let now = Instant::now();
        let mut waits = Waits::new(64);
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

    #[test]
    fn a_full_table_of_buckets_refuses_nobody_who_has_taken_nothing() {
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
    fn what_is_given_back_can_be_taken_again() {
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

    #[test]
    fn a_flood_of_addresses_does_not_fill_the_table_of_connections_nor_push_out_who_is_there() {
        let now = Instant::now();
        let new = Rate::new(2, 2, Duration::from_secs(60));
        let mut admission = Admission::default();
        assert_eq!(admission.enter(address(1), Some(1), new, now), Ok(()));
        assert_eq!(admission.enter(address(2), Some(1), new, now), Ok(()));
        admission.leave(address(2));
        assert_eq!(admission.enter(address(2), Some(1), new, now), Ok(()));
        admission.leave(address(2));
        for n in 0..40_000u32 {
            let [_, a, b, c] = n.to_be_bytes();
            let from = IpAddr::from([0x20, 1, 0xd, 0xb8, 0, a, b, c, 0, 0, 0, 0, 0, 0, 0, 1]);
            assert_eq!(admission.enter(from, Some(1), new, now), Ok(()));
            admission.leave(from);
        }
        assert!(admission.visitors.len() <= MOST_VISITORS, "{}", admission.visitors.len());
        assert_eq!(admission.enter(address(1), Some(1), new, now), Err(NotAdmitted::TooManyOpen(1)));
        assert!(matches!(admission.enter(address(2), Some(1), new, now), Err(NotAdmitted::TooManyNew(_))));
    }

    #[test]
    fn ipv6_counts_by_64_and_mapped_ipv4_as_ipv4() {
        let key = |text: &str| address_key(text.parse().expect("an address"));
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), key("2001:db8:1:2::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        let network = |text: &str| network_key(text.parse().expect("an address"));
        assert_eq!(network("2001:db8:1:200::1"), network("2001:db8:1:2ff::1"));
        assert_ne!(network("2001:db8:1:200::1"), network("2001:db8:1:300::1"));
        assert_eq!(network("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }

    #[test]
    fn open_and_new_connections_are_counted_apart() {
        let now = Instant::now();
        let address = "192.0.2.1".parse().expect("an address");
        let new = Rate::new(4, 4, Duration::from_secs(60));
        let mut admission = Admission::default();
        for _ in 0..2 {
            assert_eq!(admission.enter(address, Some(2), new, now), Ok(()));
        }
        assert_eq!(admission.enter(address, Some(2), new, now), Err(NotAdmitted::TooManyOpen(2)));
        for _ in 0..2 {
            admission.leave(address);
            assert_eq!(admission.enter(address, Some(2), new, now), Ok(()));
        }
        admission.leave(address);
        assert_eq!(admission.enter(address, Some(2), new, now), Err(NotAdmitted::TooManyNew(Duration::from_secs(15))));
        assert_eq!(admission.enter(address, Some(2), new, now + Duration::from_secs(15)), Ok(()));
    }
}
