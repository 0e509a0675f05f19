//! How often somebody may try passwords of one account. Pure: `now` is an argument.
//!
//! *Owns* the counting of failed logins, the blocks after them, and the bound on the table that keeps them.
//! *Knows nothing of* passwords, of hashing and of whether there is such an account: names that nobody has count as well,
//! or a block would tell which names there are.
//! *Called by* `session`; `hub` keeps the one for all connections.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::address::address_key;
use super::eviction::{Sourced, make_room};
use crate::chat::names::UserName;

/// The longest block. Longer would keep out its owner more than who guesses: at one guess in a quarter of an hour
/// somebody gets through a hundred in a day.
const LONGEST_BLOCK: Duration = Duration::from_secs(15 * 60);

/// What has gone wrong is forgotten after so long without another wrong attempt or a block. Counted from the end of the
/// block: otherwise the longest one would end with all attempts free again, and waiting it out would pay.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);

/// Whose password is tried and from where.
///
/// Both together, so that nobody can lock out somebody else from his own account by failing at it from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoginKey {
    /// Compared without regard to case.
    name: UserName,
    /// IPv4 whole, IPv6 by its /64.
    address: IpAddr,
}

impl LoginKey {
    /// The account named `name`, tried from `address`.
    #[must_use]
    pub fn new(name: UserName, address: IpAddr) -> Self {
        Self { name, address: address_key(address) }
    }
}

impl Sourced for LoginKey {
    fn source(&self) -> IpAddr {
        self.address
    }
}

/// The attempt is refused, and its password is not to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRefused {
    /// Too many were wrong.
    Blocked {
        /// How long the block lasts from now on.
        left: Duration,
    },
    /// As many as are allowed are being compared: whether there is a block shows when they are decided.
    Undecided,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    /// Attempts that may still go wrong before the next block.
    attempts_left: usize,
    /// Attempts begun that are not decided yet.
    undecided: usize,
    /// Blocks so far: each lasts twice as long as the one before.
    blocks: u32,
    /// How long the block lasts that was begun last.
    block: Duration,
    /// When that block ends; `None` when there was none since the last attempt.
    until: Option<Instant>,
    /// The last attempt that was not right.
    last: Instant,
}

impl Failures {
    fn blocked(&self, now: Instant) -> Option<Duration> {
        let left = self.until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.until.unwrap_or(self.last).max(self.last)) >= FORGOTTEN_AFTER
    }
}

/// The failed logins over all connections.
///
/// ```text
/// begin -> (hash and compare) -> right | wrong | withdraw
/// ```
///
/// An attempt counts as wrong from [`LoginLimiter::begin`] on, until it turns out to be right. However many connections
/// try at once, no more passwords are compared than attempts are allowed.
#[derive(Debug)]
pub struct LoginLimiter {
    failures: HashMap<LoginKey, Failures>,
    most: usize,
}

impl LoginLimiter {
    /// A table of at most `most` entries. When it is full, one of the address with most entries goes: first what failed
    /// longest ago, what was blocked often last. Who fills the table forgets their own failures at names they hardly tried.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { failures: HashMap::new(), most }
    }

    /// How long is left of a block, if there is one.
    #[must_use]
    pub fn blocked(&self, key: &LoginKey, now: Instant) -> Option<Duration> {
        self.failures.get(key)?.blocked(now)
    }

    /// Asks for an attempt, to be called before the password is looked at, and counts it as wrong at once.
    ///
    /// The last of `attempts` begins a block of `block`; after it has ended, each single attempt begins another one, twice
    /// as long as the one before.
    ///
    /// # Errors
    ///
    /// During a block, and while the attempts that would lead to one are compared. That is not counted, and the block
    /// gets no longer by it.
    pub fn begin(
        &mut self,
        key: &LoginKey,
        attempts: usize,
        block: Duration,
        now: Instant,
    ) -> Result<(), LoginRefused> {
        if let Some(left) = self.blocked(key, now) {
            let undecided = self.failures.get(key).is_some_and(|failures| failures.undecided > 0);
            return Err(if undecided { LoginRefused::Undecided } else { LoginRefused::Blocked { left } });
        }
        if self.failures.get(key).is_some_and(|failures| failures.is_forgotten(now)) {
            self.failures.remove(key);
        }
        if !self.failures.contains_key(key) {
            self.make_room(now);
        }
        let fresh = Failures { attempts_left: attempts, undecided: 0, blocks: 0, block, until: None, last: now };
        let failures = self.failures.entry(key.clone()).or_insert(fresh);
        failures.last = now;
        failures.undecided += 1;
        if failures.until.take().is_some() {
            failures.attempts_left = 1;
        }
        failures.attempts_left = failures.attempts_left.saturating_sub(1);
        if failures.attempts_left == 0 {
            // 16 doublings of a second are over the longest block already.
            failures.block = (block * 2_u32.pow(failures.blocks.min(16))).min(LONGEST_BLOCK);
            failures.blocks = failures.blocks.saturating_add(1);
            failures.until = Some(now + failures.block);
        }
        Ok(())
    }

    /// The password of an attempt begun was right: everything is forgotten.
    pub fn right(&mut self, key: &LoginKey) {
        self.failures.remove(key);
    }

    /// The password of an attempt begun was wrong. It was counted when it began; a block that it led to lasts from now
    /// on, whatever time the comparison took. Returns whether there is a block now.
    pub fn wrong(&mut self, key: &LoginKey, now: Instant) -> bool {
        let Some(failures) = self.failures.get_mut(key) else {
            return false;
        };
        failures.undecided = failures.undecided.saturating_sub(1);
        failures.last = now;
        if failures.until.is_some() {
            failures.until = Some(now + failures.block);
        }
        failures.until.is_some()
    }

    /// The password of an attempt begun was never looked at, such as when there is too much to compute: it does not count.
    pub fn withdraw(&mut self, key: &LoginKey) {
        let Some(failures) = self.failures.get_mut(key) else {
            return;
        };
        failures.undecided = failures.undecided.saturating_sub(1);
        failures.attempts_left += 1;
        if failures.until.take().is_some() {
            failures.blocks = failures.blocks.saturating_sub(1);
        }
    }

    /// Entries kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.failures.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }

    /// Room for one more.
    fn make_room(&mut self, now: Instant) {
        if self.failures.len() < self.most {
            return;
        }
        self.failures.retain(|_, failures| !failures.is_forgotten(now));
        make_room(&mut self.failures, self.most, |failures| {
            Some((failures.undecided > 0, failures.blocked(now).is_some(), failures.blocks, failures.last))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const BLOCK: Duration = Duration::from_secs(10);
    const ATTEMPTS: usize = 3;

    fn key(name: &str, address: &str) -> LoginKey {
        LoginKey::new(UserName::parse(name, 1, 32).expect("a name"), address.parse().expect("an address"))
    }

    fn bob() -> LoginKey {
        key("bob", "192.0.2.1")
    }

    /// Begins an attempt and says that it was wrong; whether there is a block then.
    fn fail(guard: &mut LoginLimiter, key: &LoginKey, now: Instant) -> Result<bool, LoginRefused> {
        guard.begin(key, ATTEMPTS, BLOCK, now)?;
        Ok(guard.wrong(key, now))
    }

    fn failed_out(now: Instant) -> LoginLimiter {
        let mut guard = LoginLimiter::new(8);
        for blocked in [false, false, true] {
            assert_eq!(fail(&mut guard, &bob(), now), Ok(blocked));
        }
        guard
    }

    #[test]
    fn the_last_attempt_allowed_blocks_and_the_next_is_refused_without_counting() {
        let now = Instant::now();
        let mut guard = failed_out(now);
        assert_eq!(guard.blocked(&bob(), now), Some(BLOCK));
        for second in 0..10 {
            let left = BLOCK - SECOND * second;
            assert_eq!(fail(&mut guard, &bob(), now + SECOND * second), Err(LoginRefused::Blocked { left }));
        }
        assert_eq!(guard.blocked(&bob(), now + BLOCK), None);
    }

    #[test]
    fn after_a_block_each_wrong_attempt_blocks_for_twice_as_long_up_to_a_quarter_of_an_hour() {
        let mut now = Instant::now();
        let mut guard = failed_out(now);
        for seconds in [10, 20, 40, 80, 160, 320, 640, 900, 900, 900] {
            let block = Duration::from_secs(seconds);
            assert_eq!(guard.blocked(&bob(), now), Some(block));
            assert!(guard.begin(&bob(), ATTEMPTS, BLOCK, now + block - SECOND).is_err());
            now += block;
            assert_eq!(fail(&mut guard, &bob(), now), Ok(true));
        }
    }

    #[test]
    fn a_right_password_forgets_all_wrong_ones() {
        let now = Instant::now();
        let mut guard = failed_out(now);
        let later = now + BLOCK;
        assert_eq!(guard.begin(&bob(), ATTEMPTS, BLOCK, later), Ok(()));
        guard.right(&bob());
        assert!(guard.is_empty());
        for blocked in [false, false, true] {
            assert_eq!(fail(&mut guard, &bob(), later), Ok(blocked));
        }
        assert_eq!(guard.blocked(&bob(), later), Some(BLOCK));
    }

    #[test]
    fn connections_that_try_at_once_get_no_more_attempts_than_one() {
        let now = Instant::now();
        let mut guard = LoginLimiter::new(8);
        let begun = (0..100).filter(|_| guard.begin(&bob(), ATTEMPTS, BLOCK, now).is_ok()).count();
        assert_eq!(begun, ATTEMPTS);
        for _ in 0..begun {
            assert_eq!(guard.begin(&bob(), ATTEMPTS, BLOCK, now), Err(LoginRefused::Undecided));
            assert!(guard.wrong(&bob(), now));
        }
        assert_eq!(guard.begin(&bob(), ATTEMPTS, BLOCK, now), Err(LoginRefused::Blocked { left: BLOCK }));
        let later = now + BLOCK;
        let begun = (0..100).filter(|_| guard.begin(&bob(), ATTEMPTS, BLOCK, later).is_ok()).count();
        assert_eq!(begun, 1);
    }

    #[test]
    fn the_right_one_among_attempts_at_once_ends_the_block_they_led_to() {
        let now = Instant::now();
        let mut guard = LoginLimiter::new(8);
        for _ in 0..ATTEMPTS {
            assert_eq!(guard.begin(&bob(), ATTEMPTS, BLOCK, now), Ok(()));
        }
        guard.right(&bob());
        assert_eq!(guard.blocked(&bob(), now), None);
        assert!(!guard.wrong(&bob(), now), "what was begun before is over");
        assert_eq!(guard.begin(&bob(), ATTEMPTS, BLOCK, now), Ok(()));
    }

    #[test]
    fn a_block_lasts_from_the_answer_however_long_the_comparison_took() {
        let now = Instant::now();
        let mut guard = LoginLimiter::new(8);
        assert_eq!(guard.begin(&bob(), 1, BLOCK, now), Ok(()));
        let late = now + BLOCK * 2;
        assert!(guard.wrong(&bob(), late));
        assert_eq!(guard.blocked(&bob(), late), Some(BLOCK));
    }

    #[test]
    fn an_attempt_that_was_never_compared_does_not_count() {
        let now = Instant::now();
        let mut guard = LoginLimiter::new(8);
        for _ in 0..10 {
            assert_eq!(guard.begin(&bob(), ATTEMPTS, BLOCK, now), Ok(()));
            guard.withdraw(&bob());
        }
        for _ in 0..ATTEMPTS {
            assert_eq!(guard.begin(&bob(), ATTEMPTS, BLOCK, now), Ok(()));
        }
        assert!(guard.blocked(&bob(), now).is_some());
        guard.withdraw(&bob());
        assert_eq!(guard.blocked(&bob(), now), None);
        assert_eq!(fail(&mut guard, &bob(), now), Ok(true));
        assert_eq!(guard.blocked(&bob(), now), Some(BLOCK), "the block taken back is not the first of two");
    }

    #[test]
    fn names_count_without_regard_to_case_and_addresses_as_everywhere() {
        let now = Instant::now();
        let guard = failed_out(now);
        for same in [key("BOB", "192.0.2.1"), key("bob", "::ffff:192.0.2.1")] {
            assert_eq!(guard.blocked(&same, now), Some(BLOCK));
        }
        for other in [key("bob", "192.0.2.2"), key("alice", "192.0.2.1")] {
            assert_eq!(guard.blocked(&other, now), None);
        }
        assert_eq!(key("bob", "2001:db8::1"), key("bob", "2001:db8::2"));
    }

    #[test]
    fn wrong_attempts_are_forgotten_a_quarter_of_an_hour_after_the_last() {
        let now = Instant::now();
        let mut guard = LoginLimiter::new(8);
        for _ in 0..ATTEMPTS - 1 {
            assert_eq!(fail(&mut guard, &bob(), now), Ok(false));
        }
        let forgotten = now + FORGOTTEN_AFTER;
        let mut other = LoginLimiter { failures: guard.failures.clone(), most: 8 };
        assert_eq!(fail(&mut other, &bob(), forgotten - SECOND), Ok(true));
        assert_eq!(fail(&mut guard, &bob(), forgotten), Ok(false));
    }

    #[test]
    fn blocks_are_forgotten_a_quarter_of_an_hour_after_their_end() {
        let now = Instant::now();
        let end = now + BLOCK;
        assert_eq!(fail(&mut failed_out(now), &bob(), end + FORGOTTEN_AFTER - SECOND), Ok(true));
        assert_eq!(fail(&mut failed_out(now), &bob(), end + FORGOTTEN_AFTER), Ok(false));
    }

    #[test]
    fn one_attempt_allowed_means_each_wrong_one_blocks() {
        let now = Instant::now();
        let mut guard = LoginLimiter::new(8);
        assert_eq!(guard.begin(&bob(), 1, BLOCK, now), Ok(()));
        assert!(guard.wrong(&bob(), now));
    }

    #[test]
    fn the_table_never_outgrows_its_bound_and_what_is_blocked_goes_last() {
        let now = Instant::now();
        let mut guard = LoginLimiter::new(4);
        for _ in 0..ATTEMPTS {
            assert!(fail(&mut guard, &bob(), now).is_ok());
        }
        for n in 0..100_u8 {
            let later = now + Duration::from_millis(n.into());
            assert_eq!(fail(&mut guard, &key("carol", &format!("192.0.2.{n}")), later), Ok(false));
            assert!(guard.len() <= 4);
        }
        assert!(guard.blocked(&bob(), now).is_some());
        for n in [97, 98, 99] {
            assert!(guard.failures.contains_key(&key("carol", &format!("192.0.2.{n}"))), "{n}");
        }
    }

    #[test]
    fn who_fills_the_table_with_names_pushes_out_their_own_and_stays_blocked() {
        let now = Instant::now();
        let mut guard = LoginLimiter::new(64);
        for address in ["192.0.2.1", "192.0.2.2"] {
            for _ in 0..ATTEMPTS {
                assert!(fail(&mut guard, &key("alice", address), now).is_ok());
            }
        }
        for n in 0..4096 {
            // Later than the others' block began, and before it is over.
            let later = now + Duration::from_millis(n);
            assert_eq!(fail(&mut guard, &key(&format!("nobody{n}"), "192.0.2.1"), later), Ok(false));
        }
        assert_eq!(guard.len(), 64);
        for address in ["192.0.2.1", "192.0.2.2"] {
            assert!(guard.blocked(&key("alice", address), now).is_some(), "{address}");
        }
    }

    #[test]
    fn where_all_are_blocked_the_oldest_goes() {
        let now = Instant::now();
        let mut guard = LoginLimiter::new(2);
        for (second, name) in ["a", "b", "c"].into_iter().enumerate() {
            let at = now + SECOND * second as u32;
            assert_eq!(guard.begin(&key(name, "192.0.2.1"), 1, BLOCK, at), Ok(()));
        }
        let blocked = |name| guard.blocked(&key(name, "192.0.2.1"), now).is_some();
        assert_eq!(["a", "b", "c"].map(blocked), [false, true, true]);
    }

    #[test]
    fn what_is_forgotten_makes_room_before_anything_else_goes() {
        let now = Instant::now();
        let mut guard = LoginLimiter::new(2);
        assert_eq!(fail(&mut guard, &key("old", "192.0.2.1"), now), Ok(false));
        let later = now + FORGOTTEN_AFTER;
        assert_eq!(fail(&mut guard, &key("a", "192.0.2.1"), later - SECOND), Ok(false));
        assert_eq!(fail(&mut guard, &key("b", "192.0.2.1"), later), Ok(false));
        assert!(guard.failures.contains_key(&key("a", "192.0.2.1")) && guard.len() == 2);
    }
}
