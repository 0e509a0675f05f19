//! Decides who may make an attempt now, and what a right or wrong attempt changes for those that follow.
//!
//! ```text
//! begin -> (hash and compare) -> right | wrong | dropped
//! ```
//!
//! A wrong attempt counts for its user, for its address, and for everyone, as the policy says. One count is not enough.
//! By address alone, one user's guesses would lock out everybody who shares it; by connection alone, reconnecting would
//! reset the count.
//!
//! Comparing a hash takes tens of milliseconds, and a wrong one counts only afterwards. So every attempt is counted as
//! undecided when it begins: however many connections try at once, no more secrets are compared than attempts are left.
//! Further attempts wait for the undecided ones instead of being refused, because a crowd that knows the password must
//! not be mistaken for a crowd that guesses.

use std::hash::Hash;
use std::net::IpAddr;
#[cfg(feature = "cluster")]
use std::sync::{Arc, OnceLock};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::attempt::{Attempt, AttemptTarget, UserKey};
use super::failures::{AttemptError, FailureTable, Failures};
use super::policy::AttemptPolicy;
#[cfg(feature = "cluster")]
use super::shared::{AttemptStep, SharedAnswer, SharedAttempts};

/// How long an attempt waits for others to be decided. One comparison takes about 50 ms on an idle machine. After this
/// time the user is told that the server is busy.
const UNDECIDED_WAIT: Duration = Duration::from_secs(10);

/// How often this server asks whether the attempts on other servers have been decided.
#[cfg(feature = "cluster")]
const ASKED_AGAIN: Duration = Duration::from_millis(25);

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

    /// The longest of the three waits. If there is none, whether to wait for undecided attempts.
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
    /// A leaf lock.
    counts: Mutex<AttemptCounts<T>>,
    /// Signalled when an attempt has been decided.
    decided: Condvar,
    /// The cluster's counter, and the name of this kind of secret there. Unset outside a cluster.
    #[cfg(feature = "cluster")]
    shared: OnceLock<(&'static str, Arc<dyn SharedAttempts>)>,
}

impl<T: AttemptTarget> AttemptLimiter<T> {
    /// Each table holds at most `capacity` entries, not counting those of undecided attempts.
    pub(crate) fn new(policy: AttemptPolicy, capacity: usize) -> AttemptLimiter<T> {
        AttemptLimiter {
            counts: Mutex::new(AttemptCounts::new(policy, capacity)),
            decided: Condvar::new(),
            #[cfg(feature = "cluster")]
            shared: OnceLock::new(),
        }
    }

    /// Counts in the cluster from now on. While the cluster cannot be reached, this server counts by itself.
    #[cfg(feature = "cluster")]
    pub(crate) fn share(&self, what: &'static str, shared: Arc<dyn SharedAttempts>) {
        // Called once, at the start, so it is still unset.
        let _ = self.shared.set((what, shared));
    }

    /// Takes a step at the cluster's counter. `None` outside a cluster, and while it cannot be reached.
    #[cfg(feature = "cluster")]
    fn step(&self, step: AttemptStep, attempt: &Attempt<T>) -> Option<SharedAnswer> {
        let (what, shared) = self.shared.get()?;
        let policy = self.lock().policy;
        shared.step(step, &attempt.counts(what, policy), policy.forgotten_after)
    }

    /// See [`begin_within`](AttemptLimiter::begin_within); for a cluster. Nothing tells one server when another has
    /// decided an attempt, so it keeps asking.
    #[cfg(feature = "cluster")]
    fn begin_shared(&self, attempt: &Attempt<T>, patience: Duration) -> Option<Result<(), AttemptError>> {
        let asked = Instant::now();
        loop {
            match self.step(AttemptStep::Begin, attempt)? {
                SharedAnswer::Counted { .. } => return Some(Ok(())),
                SharedAnswer::Waiting(left) => return Some(Err(AttemptError::Waiting(left))),
                SharedAnswer::Undecided if asked.elapsed() >= patience => return Some(Err(AttemptError::Undecided)),
                SharedAnswer::Undecided => std::thread::park_timeout(ASKED_AGAIN),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, AttemptCounts<T>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies a new policy. The counts stay.
    pub(crate) fn set_policy(&self, policy: AttemptPolicy) {
        self.lock().policy = policy;
    }

    /// Begins an attempt, before anything is compared. Blocks while undecided attempts could still lead to a wait, so
    /// that a user who has not failed is not refused because of others.
    ///
    /// # Errors
    ///
    /// [`AttemptError::Waiting`] during a wait, which is not extended. [`AttemptError::Undecided`] if the others take
    /// too long.
    pub fn begin(&self, attempt: Attempt<T>, now: Instant) -> Result<PendingAttempt<'_, T>, AttemptError> {
        self.begin_within(attempt, now, UNDECIDED_WAIT)
    }

    /// [`AttemptLimiter::begin`] with a given limit on how long to block.
    pub(in crate::access) fn begin_within(
        &self,
        attempt: Attempt<T>,
        now: Instant,
        patience: Duration,
    ) -> Result<PendingAttempt<'_, T>, AttemptError> {
        #[cfg(feature = "cluster")]
        if let Some(begun) = self.begin_shared(&attempt, patience) {
            return begun.map(|()| PendingAttempt { limiter: self, attempt: Some(attempt), is_shared: true });
        }
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
                    return Ok(PendingAttempt {
                        limiter: self,
                        attempt: Some(attempt),
                        #[cfg(feature = "cluster")]
                        is_shared: false,
                    });
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

    /// Whether no failure of any user or address is remembered.
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

/// An attempt that has begun. If it is dropped without a decision, for example because the server is too busy, it does
/// not count.
#[must_use = "an attempt that is dropped does not count"]
#[derive(Debug)]
pub struct PendingAttempt<'a, T: AttemptTarget> {
    limiter: &'a AttemptLimiter<T>,
    /// `None` once it is decided.
    attempt: Option<Attempt<T>>,
    /// Several servers count it.
    #[cfg(feature = "cluster")]
    is_shared: bool,
}

impl<T: AttemptTarget> PendingAttempt<'_, T> {
    /// The attempt was right. This clears its user's failures, also from the count of their address: they were typing
    /// mistakes. The failures of others at that address still count.
    pub(crate) fn right(mut self) {
        if let Some(attempt) = self.attempt.take() {
            #[cfg(feature = "cluster")]
            if self.is_shared {
                // If the counter cannot be reached, the attempt stays undecided there until it expires.
                self.limiter.step(AttemptStep::Right, &attempt);
                return;
            }
            self.limiter.decide(|counts| counts.right(&attempt));
        }
    }

    /// The attempt was wrong. Returns whether the next one has to wait. The wait starts at `now`, however long the
    /// comparison took.
    pub fn wrong(mut self, now: Instant) -> bool {
        let Some(attempt) = self.attempt.take() else { return false };
        #[cfg(feature = "cluster")]
        if self.is_shared {
            if let Some(answer) = self.limiter.step(AttemptStep::Wrong, &attempt) {
                return matches!(answer, SharedAnswer::Counted { blocked: true } | SharedAnswer::Waiting(_));
            }
            // The cluster cannot be reached, so the failure counts here. Whether the attempt could have begun here does
            // not matter: it has been compared.
            let _ = self.limiter.lock().begin(&attempt, now);
        }
        self.limiter.decide(|counts| counts.wrong(&attempt, now))
    }
}

impl<T: AttemptTarget> Drop for PendingAttempt<'_, T> {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            #[cfg(feature = "cluster")]
            if self.is_shared {
                self.limiter.step(AttemptStep::Drop, &attempt);
                return;
            }
            self.limiter.decide(|counts| counts.withdraw(&attempt));
        }
    }
}

#[cfg(test)]
mod tests;
