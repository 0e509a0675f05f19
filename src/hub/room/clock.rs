//! The clock of rooms.
//!
//! *Owns* the conversion from the monotonic clock to wall clock time. *Knows nothing of* what ends when.

use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::store::Store;

/// Both clocks, read at the same moment: the monotonic one, and the wall clock as far as the store trusts it.
pub(crate) fn both_clocks(store: Option<&Arc<Store>>) -> (Instant, Timestamp) {
    (Instant::now(), store.map_or_else(Timestamp::now, |store| store.now()))
}

/// The wall clock as it was read once, continued by the monotonic clock. Setting the wall clock while the server runs
/// neither ends a ban nor prolongs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SteadyClock {
    at: Timestamp,
    read: Instant,
}

impl SteadyClock {
    /// A clock that shows `at` at the moment `now`.
    pub(crate) fn new(at: Timestamp, now: Instant) -> SteadyClock {
        SteadyClock { at, read: now }
    }

    /// What it shows at a moment.
    pub(crate) fn at(&self, now: Instant) -> Timestamp {
        let length = |length| SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
        let moment = match now.checked_duration_since(self.read) {
            Some(passed) => self.at.checked_add(length(passed)),
            None => self.at.checked_sub(length(self.read.saturating_duration_since(now))),
        };
        moment.unwrap_or(Timestamp::MAX)
    }

    /// The moment at which it shows this; `None` if the monotonic clock does not reach so far.
    pub(crate) fn moment(&self, at: Timestamp) -> Option<Instant> {
        let passed = at.duration_since(self.at);
        match passed.is_negative() {
            false => self.read.checked_add(passed.unsigned_abs()),
            true => self.read.checked_sub(passed.unsigned_abs()),
        }
    }

    /// How far another clock, which shows `at` now, is ahead of it.
    pub(crate) fn behind(&self, at: Timestamp, now: Instant) -> SignedDuration {
        at.duration_since(self.at(now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_goes_on_evenly_in_both_directions() {
        let (now, minute) = (Instant::now(), Duration::from_secs(60));
        let clock = SteadyClock::new(Timestamp::UNIX_EPOCH, now);
        for (moment, shown) in [
            (now, Timestamp::UNIX_EPOCH),
            (now + minute, Timestamp::UNIX_EPOCH + minute),
            (now - minute, Timestamp::UNIX_EPOCH - minute),
        ] {
            assert_eq!((clock.at(moment), clock.moment(shown)), (shown, Some(moment)));
        }
        let ahead = clock.behind(Timestamp::UNIX_EPOCH + minute * 3, now + minute);
        assert_eq!(ahead, SignedDuration::from_secs(120));
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        let now = Instant::now();
        let clock = SteadyClock::new(Timestamp::MAX, now);
        assert_eq!(clock.at(now + Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(SteadyClock::new(Timestamp::MIN, now).at(now - Duration::from_secs(1)), Timestamp::MAX);
        // Whether that is a moment depends on the platform.
        let _ = SteadyClock::new(Timestamp::MIN, now).moment(Timestamp::MAX);
    }
}
