//! Who may attempt something now, and what an attempt that was right or wrong changes for those who come after.
//!
//! ```text
//! begin -> (hash and compare) -> right | wrong | dropped
//! ```
//!
//! A wrong attempt counts for its user, for its address, and for everyone, as the policy says. One count alone will not do.
//! By address only, one user's guesses would lock out everybody behind it; by connection only, connecting again would be a
//! new allowance.
//!
//! Hashes take tens of milliseconds to compare, and a wrong one counts only afterwards. So every attempt takes its place
//! when it begins: however many connections try at once, no more secrets are compared than attempts are left. Those beyond
//! wait until others are decided instead of being refused, since a crowd that knows the password must not be taken for one
//! that guesses.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::attempt::{Attempt, UserKey};
use super::failures::{AttemptError, FailureTable, Failures};
use super::policy::AttemptPolicy;

/// How long an attempt waits for others to be decided. Comparing one takes a twentieth of a second on an idle machine; after
/// this the user hears that the server is busy.
const UNDECIDED_WAIT: Duration = Duration::from_secs(10);

/// All counts. Pure: `now` is an argument.
#[derive(Debug)]
struct AttemptCounts<T> {
    policy: AttemptPolicy,
    users: FailureTable<UserKey<T>>,
    addresses: FailureTable<(IpAddr, T)>,
    everyone: Failures,
}

impl<T: Clone + Eq + Hash> AttemptCounts<T> {
    fn new(policy: AttemptPolicy, capacity: usize) -> AttemptCounts<T> {
        AttemptCounts {
            policy,
            users: FailureTable::new(capacity),
            addresses: FailureTable::new(capacity),
            everyone: Failures::default(),
        }
    }

    fn keys(attempt: &Attempt<T>) -> (UserKey<T>, (IpAddr, T)) {
        (UserKey(attempt.clone()), (attempt.address, attempt.target.clone()))
    }

    /// The longest wait of the three; without one, whether others are undecided.
    fn check(&self, attempt: &Attempt<T>, now: Instant) -> Result<(), AttemptError> {
        let (AttemptPolicy { user, address, everyone, forgotten_after }, (own, shared)) =
            (self.policy, Self::keys(attempt));
        let checks = [
            self.users.check(&own, user, forgotten_after, now),
            address.map_or(Ok(()), |backoff| self.addresses.check(&shared, backoff, forgotten_after, now)),
            everyone.map_or(Ok(()), |backoff| self.everyone.check(backoff, now)),
        ];
        let error = checks.into_iter().filter_map(Result::err).max_by_key(|error| match error {
            AttemptError::Waiting(left) => *left,
            AttemptError::Undecided => Duration::ZERO,
        });
        error.map_or(Ok(()), Err)
    }

    fn begin(&mut self, attempt: &Attempt<T>, now: Instant) -> Result<(), AttemptError> {
        self.check(attempt, now)?;
        let (AttemptPolicy { forgotten_after, address, everyone, .. }, (own, shared)) =
            (self.policy, Self::keys(attempt));
        self.users.begin(own, forgotten_after, now);
        if address.is_some() {
            self.addresses.begin(shared, forgotten_after, now);
        }
        if everyone.is_some() {
            self.everyone.begin(now);
        }
        Ok(())
    }

    fn wrong(&mut self, attempt: &Attempt<T>, now: Instant) -> bool {
        let (AttemptPolicy { user, address, everyone, .. }, (own, shared)) = (self.policy, Self::keys(attempt));
        let by_user = self.users.wrong(&own, user, now);
        let by_address = address.is_some_and(|backoff| self.addresses.wrong(&shared, backoff, now));
        let by_everyone = everyone.is_some_and(|backoff| self.everyone.wrong(backoff, now));
        by_user | by_address | by_everyone
    }

    fn right(&mut self, attempt: &Attempt<T>) {
        let (own, shared) = Self::keys(attempt);
        let slips = self.users.right(&own);
        self.withdraw_shared(&shared, slips);
    }

    fn withdraw(&mut self, attempt: &Attempt<T>) {
        let (own, shared) = Self::keys(attempt);
        self.users.give_back(&own, 0, self.policy.user);
        self.withdraw_shared(&shared, 0);
    }

    fn withdraw_shared(&mut self, shared: &(IpAddr, T), slips: u32) {
        if let Some(backoff) = self.policy.address {
            self.addresses.give_back(shared, slips, backoff);
        }
        self.everyone.withdraw();
    }
}

/// Limits failed attempts at one kind of secret, over all connections.
#[derive(Debug)]
pub struct AttemptLimiter<T> {
    /// A leaf.
    counts: Mutex<AttemptCounts<T>>,
    /// Some attempt was decided.
    decided: Condvar,
}

impl<T: Clone + Eq + Hash> AttemptLimiter<T> {
    /// Each table holds at most `capacity` entries, besides those of undecided attempts.
    pub(crate) fn new(policy: AttemptPolicy, capacity: usize) -> AttemptLimiter<T> {
        AttemptLimiter { counts: Mutex::new(AttemptCounts::new(policy, capacity)), decided: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, AttemptCounts<T>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts another policy in force. What has been counted stays.
    pub(crate) fn set_policy(&self, policy: AttemptPolicy) {
        self.lock().policy = policy;
    }

    /// Asks for an attempt, before anything is compared. Waits while others are undecided that could lead to a wait: a user
    /// who has failed at nothing is not to hear of failures.
    ///
    /// # Errors
    ///
    /// [`AttemptError::Waiting`] during a wait, which gets no longer by it. [`AttemptError::Undecided`] if the others take
    /// too long.
    pub fn begin(&self, attempt: Attempt<T>, now: Instant) -> Result<PendingAttempt<'_, T>, AttemptError> {
        self.begin_within(attempt, now, UNDECIDED_WAIT)
    }

    /// The same with another patience for the undecided.
    pub(in crate::access) fn begin_within(
        &self,
        attempt: Attempt<T>,
        now: Instant,
        patience: Duration,
    ) -> Result<PendingAttempt<'_, T>, AttemptError> {
        let asked = Instant::now();
        let mut waited = Duration::ZERO;
        let mut counts = self.lock();
        loop {
            match counts.begin(&attempt, now + waited) {
                Err(AttemptError::Undecided) if waited < patience => {
                    let woken = self.decided.wait_timeout(counts, patience - waited);
                    counts = woken.unwrap_or_else(PoisonError::into_inner).0;
                    waited = asked.elapsed();
                }
                Err(error) => return Err(error),
                Ok(()) => {
                    drop(counts);
                    return Ok(PendingAttempt { limiter: self, attempt: Some(attempt) });
                }
            }
        }
    }

    /// How long this attempt would have to wait.
    pub fn wait_left(&self, attempt: &Attempt<T>, now: Instant) -> Option<Duration> {
        match self.lock().check(attempt, now) {
            Err(AttemptError::Waiting(left)) => Some(left),
            Err(AttemptError::Undecided) | Ok(()) => None,
        }
    }

    /// Whether no failure is remembered of any user or address.
    pub fn is_empty(&self) -> bool {
        let counts = self.lock();
        counts.users.len() + counts.addresses.len() == 0
    }

    fn decide<R>(&self, decide: impl FnOnce(&mut AttemptCounts<T>) -> R) -> R {
        let decided = decide(&mut self.lock());
        self.decided.notify_all();
        decided
    }
}

/// An attempt that has begun. Dropped without a decision, such as when there is too much to compute, it does not count.
#[must_use = "an attempt that is dropped does not count"]
#[derive(Debug)]
pub struct PendingAttempt<'a, T: Clone + Eq + Hash> {
    limiter: &'a AttemptLimiter<T>,
    /// Until it is decided.
    attempt: Option<Attempt<T>>,
}

impl<T: Clone + Eq + Hash> PendingAttempt<'_, T> {
    /// It was right. That ends the count of its user, also as part of the count of their address: they mistyped. What
    /// others behind it got wrong still counts.
    pub(crate) fn right(mut self) {
        if let Some(attempt) = self.attempt.take() {
            self.limiter.decide(|counts| counts.right(&attempt));
        }
    }

    /// It was wrong. Whether the next attempt has to wait; the wait lasts from `now` on, however long the comparison took.
    pub fn wrong(mut self, now: Instant) -> bool {
        self.attempt.take().is_some_and(|attempt| self.limiter.decide(|counts| counts.wrong(&attempt, now)))
    }
}

impl<T: Clone + Eq + Hash> Drop for PendingAttempt<'_, T> {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            self.limiter.decide(|counts| counts.withdraw(&attempt));
        }
    }
}

#[cfg(test)]
mod tests;
