//! What a limiter allows: how many failures are free, and how long the waits after them are.
//!
//! *Owns* the arithmetic of the waits. *Knows nothing of* who waits.

use std::time::Duration;

/// The longest wait that doubling reaches. A longer one would hurt the owner of a password more than a guesser, who at
/// one guess per quarter of an hour gets through only a hundred a day.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// How long the waits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// Each wait is twice as long as the one before, up to [`LONGEST_WAIT`].
    Doubling {
        /// The first of them.
        first: Duration,
    },
    /// All waits have the same length, which is longer once many attempts were wrong.
    Paced {
        /// The wait at first.
        early: Duration,
        /// From this many wrong attempts on, the wait is `late`.
        patience: u32,
        /// The wait after that.
        late: Duration,
    },
}

/// The waits of one count of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    /// The wrong attempt that begins the first wait.
    pub(crate) attempts: u32,
    /// How long the waits are.
    pub(crate) schedule: Schedule,
}

impl Backoff {
    /// The wait that follows the `wrong`th wrong attempt.
    pub(super) fn wait_after(self, wrong: u32) -> Option<Duration> {
        let further = wrong.checked_sub(self.attempts)?;
        Some(match self.schedule {
            // Sixteen doublings of a second already exceed the longest wait.
            Schedule::Doubling { first } => (first * 2_u32.pow(further.min(16))).min(LONGEST_WAIT),
            Schedule::Paced { early, patience, .. } if wrong < patience => early,
            Schedule::Paced { late, .. } => late,
        })
    }

    /// How many attempts may be compared at the same time: as many as are left before a wait, and one at a time after
    /// that.
    pub(super) fn at_once(self, wrong: u32) -> u32 {
        self.attempts.saturating_sub(wrong).max(1)
    }
}

/// Whose failures are counted together, and what each of these counts allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AttemptPolicy {
    /// One user's failures at one target.
    pub(crate) user: Backoff,
    /// All failures of one address at one target.
    pub(crate) address: Option<Backoff>,
    /// All failures of everyone. These are never forgotten.
    pub(crate) everyone: Option<Backoff>,
    /// How long a count is remembered after its last failure and the wait that followed. Measured from the end of the
    /// wait; otherwise waiting out the longest one would make all attempts free again.
    pub(crate) forgotten_after: Duration,
}

impl AttemptPolicy {
    /// A user may fail three times and an address thirty times before a wait. That is enough for a household or a small
    /// office that mistypes, and far too few to guess a password.
    pub(crate) const PER_USER_AND_ADDRESS: AttemptPolicy = AttemptPolicy {
        user: Backoff { attempts: 3, schedule: Schedule::Doubling { first: Duration::from_secs(10) } },
        address: Some(Backoff { attempts: 30, schedule: Schedule::Doubling { first: Duration::from_secs(10) } }),
        everyone: None,
        forgotten_after: Duration::from_secs(60 * 60),
    };

    /// Counts per attempter only. The last of `attempts` failures begins a wait of `first`, and they are forgotten
    /// after a quarter of an hour.
    pub(crate) fn per_attempter(attempts: u32, first: Duration) -> AttemptPolicy {
        AttemptPolicy {
            user: Backoff { attempts, schedule: Schedule::Doubling { first } },
            address: None,
            everyone: None,
            forgotten_after: Duration::from_secs(15 * 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn waits_begin_with_the_last_free_attempt_and_double_up_to_a_quarter_of_an_hour() {
        let backoff = Backoff { attempts: 3, schedule: Schedule::Doubling { first: Duration::from_secs(10) } };
        let expected = [0, 0, 0, 10, 20, 40, 80, 160, 320, 640, 900, 900];
        for (wrong, wait) in (0..).zip(expected) {
            assert_eq!(backoff.wait_after(wrong), seconds(wait).filter(|wait| !wait.is_zero()), "{wrong}");
        }
        assert_eq!(backoff.wait_after(u32::MAX), seconds(900));
    }

    #[test]
    fn a_paced_wait_is_the_same_until_patience_is_over() {
        let (early, late) = (Duration::from_secs(1), Duration::from_secs(300));
        let backoff = Backoff { attempts: 1, schedule: Schedule::Paced { early, patience: 100, late } };
        assert_eq!([0, 1, 99, 100, 5000].map(|wrong| backoff.wait_after(wrong)), {
            [None, Some(early), Some(early), Some(late), Some(late)]
        });
    }

    #[test]
    fn as_many_are_compared_at_once_as_are_left_before_a_wait_and_never_none() {
        let backoff = Backoff { attempts: 3, schedule: Schedule::Doubling { first: Duration::from_secs(10) } };
        assert_eq!([0, 1, 2, 3, 4].map(|wrong| backoff.at_once(wrong)), [3, 2, 1, 1, 1]);
    }
}
