//! Which reading of the wall clock counts.
//!
//! A clock may be wrong: a board without a battery, a restored snapshot, an admin's typo. What cannot be undone (erasing old
//! messages, dropping bans that have ended) must not happen on one reading of it. So each reading is compared with the
//! monotonic clock, and at start with the last moment of an orderly run. If it does not fit, the clock is in doubt, and the
//! last right moment plus the time since counts instead.
//!
//! *Owns* whether the clock is trusted, and the moment that counts. *Knows nothing of* what is held meanwhile.
//! *Called by* `opening`, `writer`, `chores` and `reading`; everything else that compares a stored time asks
//! [`Store::now`](super::Store::now).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// How far from the last moment of an orderly run a start may be: a server is down for a weekend or a holiday, and a clock
/// that is wrong is mostly wrong by more.
const DOWN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How far the two clocks may part while the server runs. A machine that sleeps stops one of them (CLOCK_MONOTONIC of
/// clock_gettime(2)): a night's sleep is no doubt.
const STEP: SignedDuration = DAY;

/// A clock that runs this long without another jump counts as right: the admin has had a day to read the log.
pub const PROBATION: Duration = Duration::from_secs(24 * 3600);

/// Both clocks, read at the same moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The one on the wall.
    pub at: Timestamp,
    /// The one that only goes forwards.
    pub now: Instant,
}

impl Reading {
    /// The system's clocks.
    pub fn of_system() -> Reading {
        Reading { at: Timestamp::now(), now: Instant::now() }
    }

    /// The moment on the wall at another time of the other clock.
    fn at_time(self, now: Instant) -> Timestamp {
        let since = now.saturating_duration_since(self.now);
        self.at.saturating_add(SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX)).unwrap_or(Timestamp::MAX)
    }

    /// How far another reading is from where this one has led.
    fn off(self, other: Reading) -> SignedDuration {
        other.at.duration_since(self.at_time(other.now))
    }
}

/// How clocks are read: the system's, or a test's.
pub type ReadClocks = Box<dyn Fn() -> Reading + Send + Sync>;

/// A moment that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// It. In doubt: the last one that was right, and the time that the server has run since.
    pub at: Timestamp,
    /// How far the clock on the wall is from it, if that is in doubt. Nothing that cannot be undone is done then.
    pub doubt: Option<SignedDuration>,
}

/// Whether the clock is trusted. Pure: readings are arguments.
#[derive(Debug)]
struct Trust {
    /// The last reading that counted.
    anchor: Reading,
    /// How far from it the next one may be.
    reach: SignedDuration,
    /// The first reading of the time that does not fit.
    doubted: Option<Reading>,
}

impl Trust {
    /// At start. `last` is the last moment of an orderly run; `None`: there is nothing yet that could be lost.
    fn new(last: Option<Timestamp>, reading: Reading) -> Trust {
        let anchor = Reading { at: last.unwrap_or(reading.at), now: reading.now };
        Trust { anchor, reach: DOWN, doubted: None }
    }

    fn read(&mut self, reading: Reading) -> Moment {
        let off = self.anchor.off(reading);
        let is_proved = self.doubted.is_some_and(|first| {
            first.off(reading).abs() <= STEP && reading.now.saturating_duration_since(first.now) >= PROBATION
        });
        if off.abs() <= self.reach || is_proved {
            *self = Trust { anchor: reading, reach: STEP, doubted: None };
            return Moment { at: reading.at, doubt: None };
        }
        if self.doubted.is_none_or(|first| first.off(reading).abs() > STEP) {
            self.doubted = Some(reading);
        }
        Moment { at: self.anchor.at_time(reading.now), doubt: Some(off) }
    }
}

/// The clock of a store.
pub struct Wall {
    read: ReadClocks,
    /// A leaf: nothing is done under it but the comparison.
    trust: Mutex<Trust>,
}

impl Wall {
    /// See [`Trust::new`].
    pub fn new(read: ReadClocks, last: Option<Timestamp>) -> Wall {
        let trust = Mutex::new(Trust::new(last, read()));
        Wall { read, trust }
    }

    /// The moment that counts now.
    pub fn moment(&self) -> Moment {
        let mut trust = self.trust.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that readings come in their order.
        let reading = (self.read)();
        trust.read(reading)
    }

    /// The clock that only goes forwards.
    pub fn now(&self) -> Instant {
        (self.read)().now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A time of both clocks, in hours; the wall's may be off.
    fn at(hours: i64, off: i64, begun: Instant) -> Reading {
        let now = begun + Duration::from_secs(3600 * hours.unsigned_abs());
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000 + hours + off);
        Reading { at, now }
    }

    const DAYS: i64 = 24;

    fn is_trusted(trust: &mut Trust, reading: Reading) -> bool {
        let moment = trust.read(reading);
        assert!(moment.doubt.is_some() || moment.at == reading.at);
        moment.doubt.is_none()
    }

    #[test]
    fn a_start_within_a_week_of_the_last_orderly_run_is_trusted_and_another_is_not() {
        let begun = Instant::now();
        let last = Some(at(0, 0, begun).at);
        for (days, trusted) in [(0, true), (3, true), (7, true), (8, false), (60, false), (-8, false)] {
            let reading = at(0, days * DAYS, begun);
            assert_eq!(is_trusted(&mut Trust::new(last, reading), reading), trusted, "{days} days");
        }
        let reading = at(0, 0, begun);
        assert!(is_trusted(&mut Trust::new(None, reading), reading));
    }

    #[test]
    fn a_clock_in_doubt_counts_on_from_the_last_orderly_run() {
        let begun = Instant::now();
        let last = at(0, 0, begun).at;
        let mut trust = Trust::new(Some(last), at(0, 60 * DAYS, begun));
        let moment = trust.read(at(5, 60 * DAYS, begun));
        assert_eq!(moment.at, at(5, 0, begun).at);
        assert_eq!(moment.doubt, Some(SignedDuration::from_hours(60 * DAYS)));
    }

    #[test]
    fn a_clock_that_has_run_for_a_day_without_a_jump_is_trusted() {
        let begun = Instant::now();
        let mut trust = Trust::new(Some(at(0, 0, begun).at), at(0, 60 * DAYS, begun));
        for hours in 0..24 {
            assert!(!is_trusted(&mut trust, at(hours, 60 * DAYS, begun)), "{hours} h");
        }
        assert!(is_trusted(&mut trust, at(24, 60 * DAYS, begun)));
        assert!(is_trusted(&mut trust, at(25, 60 * DAYS, begun)));
    }

    #[test]
    fn a_jump_begins_the_day_anew() {
        let begun = Instant::now();
        let mut trust = Trust::new(Some(at(0, 0, begun).at), at(0, 60 * DAYS, begun));
        assert!(!is_trusted(&mut trust, at(0, 60 * DAYS, begun)));
        assert!(!is_trusted(&mut trust, at(20, 90 * DAYS, begun)));
        assert!(!is_trusted(&mut trust, at(30, 90 * DAYS, begun)));
        assert!(!is_trusted(&mut trust, at(43, 90 * DAYS, begun)));
        assert!(is_trusted(&mut trust, at(44, 90 * DAYS, begun)));
    }

    #[test]
    fn a_clock_that_jumps_while_the_server_runs_is_in_doubt_until_it_is_set_right() {
        let begun = Instant::now();
        let mut trust = Trust::new(None, at(0, 0, begun));
        assert!(is_trusted(&mut trust, at(1, 0, begun)));
        // A night's sleep.
        assert!(is_trusted(&mut trust, at(2, 10, begun)));
        assert!(!is_trusted(&mut trust, at(3, 60 * DAYS, begun)));
        assert!(!is_trusted(&mut trust, at(4, 60 * DAYS, begun)));
        assert!(is_trusted(&mut trust, at(5, 10, begun)));
        assert!(!is_trusted(&mut trust, at(6, 3 * DAYS, begun)));
    }

    #[test]
    fn a_clock_set_right_after_a_doubted_start_may_be_a_week_behind() {
        let begun = Instant::now();
        let mut trust = Trust::new(Some(at(0, 0, begun).at), at(0, 60 * DAYS, begun));
        assert!(!is_trusted(&mut trust, at(1, 60 * DAYS, begun)));
        assert!(is_trusted(&mut trust, at(2, 5 * DAYS, begun)));
        assert!(!is_trusted(&mut trust, at(3, 11 * DAYS, begun)));
    }
}
