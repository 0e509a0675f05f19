//! Decides which readings of the wall clock to trust.
//!
//! A clock may be wrong: a board without a battery, a restored snapshot, an admin's typo. Nothing irreversible (erasing
//! old messages, dropping expired bans) may depend on a single reading. So each reading is compared with the monotonic
//! clock, and at start with the time of the last trusted run. If it does not fit, the clock is suspect, and the last
//! trusted time plus the time elapsed since is used instead.
//!
//! *Owns* whether the clock is trusted, and the time that counts. *Knows nothing of* what is put off meanwhile.
//!
//! Code outside the store that compares stored times uses [`Store::now`](super::Store::now).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// How far a start may be from the last trusted run: servers are down for a weekend or a holiday, and wrong clocks are
/// mostly wrong by more.
const START_TOLERANCE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How far the two clocks may drift apart while the server runs. A machine that sleeps stops one of them (CLOCK_MONOTONIC
/// of clock_gettime(2)), and a night's sleep must not make the clock suspect.
const RUNNING_TOLERANCE: SignedDuration = DAY;

/// A clock that runs this long without another jump is trusted: the admin has had a day to read the log.
pub(crate) const PROBATION: Duration = Duration::from_secs(24 * 3600);

/// Both clocks, read at the same moment.
#[derive(Clone, Copy, Debug)]
pub struct ClockReading {
    /// The wall clock.
    pub at: Timestamp,
    /// The monotonic clock.
    pub now: Instant,
}

impl ClockReading {
    /// Reads the system's clocks.
    pub fn of_system() -> ClockReading {
        ClockReading { at: Timestamp::now(), now: Instant::now() }
    }

    /// The wall clock at another time of the monotonic one.
    fn at_time(self, now: Instant) -> Timestamp {
        let since = now.saturating_duration_since(self.now);
        self.at.saturating_add(SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX)).unwrap_or(Timestamp::MAX)
    }

    /// How far the wall clock of another reading is from what this reading predicts.
    fn offset_of(self, other: ClockReading) -> SignedDuration {
        other.at.duration_since(self.at_time(other.now))
    }
}

/// Reads the clocks: the system's, or a test's.
pub type ReadClocks = Box<dyn Fn() -> ClockReading + Send + Sync>;

/// The current time, as far as it can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrustedTime {
    /// The time. While the clock is suspect: the last trusted time plus the time elapsed since.
    pub at: Timestamp,
    /// How far the wall clock is from it, if it is suspect. Nothing irreversible is done then.
    pub(crate) suspect_by: Option<SignedDuration>,
}

/// Whether the clock is trusted. Pure: readings are arguments.
#[derive(Debug)]
struct ClockTrust {
    /// The last trusted reading.
    anchor: ClockReading,
    /// How far from it the next reading may be.
    tolerance: SignedDuration,
    /// The first of the readings that do not fit.
    suspect_since: Option<ClockReading>,
}

impl ClockTrust {
    /// At start. `last` is the time of the last trusted run; `None`: there is nothing yet that could be lost.
    fn new(last: Option<Timestamp>, reading: ClockReading) -> ClockTrust {
        let anchor = ClockReading { at: last.unwrap_or(reading.at), now: reading.now };
        ClockTrust { anchor, tolerance: START_TOLERANCE, suspect_since: None }
    }

    fn read(&mut self, reading: ClockReading) -> TrustedTime {
        let off = self.anchor.offset_of(reading);
        let has_proved_steady = self.suspect_since.is_some_and(|first| {
            first.offset_of(reading).abs() <= RUNNING_TOLERANCE
                && reading.now.saturating_duration_since(first.now) >= PROBATION
        });
        if off.abs() <= self.tolerance || has_proved_steady {
            *self = ClockTrust { anchor: reading, tolerance: RUNNING_TOLERANCE, suspect_since: None };
            return TrustedTime { at: reading.at, suspect_by: None };
        }
        if self.suspect_since.is_none_or(|first| first.offset_of(reading).abs() > RUNNING_TOLERANCE) {
            self.suspect_since = Some(reading);
        }
        TrustedTime { at: self.anchor.at_time(reading.now), suspect_by: Some(off) }
    }
}

/// The clock of a store.
pub(crate) struct WallClock {
    read: ReadClocks,
    /// A leaf: nothing but the comparison happens under it.
    trust: Mutex<ClockTrust>,
}

impl WallClock {
    /// See [`ClockTrust::new`].
    pub(crate) fn new(read: ReadClocks, last: Option<Timestamp>) -> WallClock {
        let trust = Mutex::new(ClockTrust::new(last, read()));
        WallClock { read, trust }
    }

    /// The time that counts now.
    pub(crate) fn time(&self) -> TrustedTime {
        let mut trust = self.trust.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that readings stay in order.
        let reading = (self.read)();
        trust.read(reading)
    }

    pub(crate) fn instant(&self) -> Instant {
        (self.read)().now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both clocks at a time in hours; the wall clock is ahead by `off`.
    fn at(hours: i64, off: i64, begun: Instant) -> ClockReading {
        let now = begun + Duration::from_secs(3600 * hours.unsigned_abs());
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000 + hours + off);
        ClockReading { at, now }
    }

    const DAYS: i64 = 24;

    fn is_trusted(trust: &mut ClockTrust, reading: ClockReading) -> bool {
        let moment = trust.read(reading);
        assert!(moment.suspect_by.is_some() || moment.at == reading.at);
        moment.suspect_by.is_none()
    }

    #[test]
    fn a_start_within_a_week_of_the_last_trusted_run_is_trusted_and_another_is_not() {
        let begun = Instant::now();
        let last = Some(at(0, 0, begun).at);
        for (days, trusted) in [(0, true), (3, true), (7, true), (8, false), (60, false), (-8, false)] {
            let reading = at(0, days * DAYS, begun);
            assert_eq!(is_trusted(&mut ClockTrust::new(last, reading), reading), trusted, "{days} days");
        }
        let reading = at(0, 0, begun);
        assert!(is_trusted(&mut ClockTrust::new(None, reading), reading));
    }

    #[test]
    fn a_suspect_clock_continues_from_the_last_trusted_run() {
        let begun = Instant::now();
        let last = at(0, 0, begun).at;
        let mut trust = ClockTrust::new(Some(last), at(0, 60 * DAYS, begun));
        let moment = trust.read(at(5, 60 * DAYS, begun));
        assert_eq!(moment.at, at(5, 0, begun).at);
        assert_eq!(moment.suspect_by, Some(SignedDuration::from_hours(60 * DAYS)));
    }

    #[test]
    fn a_clock_that_has_run_for_a_day_without_a_jump_is_trusted() {
        let begun = Instant::now();
        let mut trust = ClockTrust::new(Some(at(0, 0, begun).at), at(0, 60 * DAYS, begun));
        for hours in 0..24 {
            assert!(!is_trusted(&mut trust, at(hours, 60 * DAYS, begun)), "{hours} h");
        }
        assert!(is_trusted(&mut trust, at(24, 60 * DAYS, begun)));
        assert!(is_trusted(&mut trust, at(25, 60 * DAYS, begun)));
    }

    #[test]
    fn a_jump_restarts_the_day() {
        let begun = Instant::now();
        let mut trust = ClockTrust::new(Some(at(0, 0, begun).at), at(0, 60 * DAYS, begun));
        assert!(!is_trusted(&mut trust, at(0, 60 * DAYS, begun)));
        assert!(!is_trusted(&mut trust, at(20, 90 * DAYS, begun)));
        assert!(!is_trusted(&mut trust, at(30, 90 * DAYS, begun)));
        assert!(!is_trusted(&mut trust, at(43, 90 * DAYS, begun)));
        assert!(is_trusted(&mut trust, at(44, 90 * DAYS, begun)));
    }

    #[test]
    fn a_clock_that_jumps_while_the_server_runs_is_suspect_until_it_is_set_right() {
        let begun = Instant::now();
        let mut trust = ClockTrust::new(None, at(0, 0, begun));
        assert!(is_trusted(&mut trust, at(1, 0, begun)));
        // A night's sleep.
        assert!(is_trusted(&mut trust, at(2, 10, begun)));
        assert!(!is_trusted(&mut trust, at(3, 60 * DAYS, begun)));
        assert!(!is_trusted(&mut trust, at(4, 60 * DAYS, begun)));
        assert!(is_trusted(&mut trust, at(5, 10, begun)));
        assert!(!is_trusted(&mut trust, at(6, 3 * DAYS, begun)));
    }

    #[test]
    fn a_clock_set_right_after_a_suspect_start_may_be_a_week_behind() {
        let begun = Instant::now();
        let mut trust = ClockTrust::new(Some(at(0, 0, begun).at), at(0, 60 * DAYS, begun));
        assert!(!is_trusted(&mut trust, at(1, 60 * DAYS, begun)));
        assert!(is_trusted(&mut trust, at(2, 5 * DAYS, begun)));
        assert!(!is_trusted(&mut trust, at(3, 11 * DAYS, begun)));
    }
}
