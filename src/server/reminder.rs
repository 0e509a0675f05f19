//! The time of the next daily reminder in the log.
//!
//! *Knows nothing of* what is logged.

use std::time::{Duration, Instant};

/// Often enough to appear in the log of any day, and rarely enough to be noticed there.
const EVERY: Duration = Duration::from_secs(24 * 3600);

/// The next time; the first one is immediate.
pub(super) struct Reminder(Instant);

impl Reminder {
    pub(super) fn new(now: Instant) -> Reminder {
        Reminder(now)
    }

    /// Whether a reminder is due. If so, the next one is a day later.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let due = self.0 <= now;
        if due {
            self.0 = now + EVERY;
        }
        due
    }

    /// How long until the next one.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_at_the_start_and_then_once_a_day() {
        let start = Instant::now();
        let mut reminder = Reminder::new(start);
        assert!(reminder.is_due(start) && !reminder.is_due(start));
        assert_eq!(reminder.wait(start), EVERY);
        let later = start + EVERY - Duration::from_secs(1);
        assert!(!reminder.is_due(later));
        assert_eq!(reminder.wait(later), Duration::from_secs(1));
        // Even if nobody has asked for days.
        let next = start + EVERY * 3;
        assert_eq!(reminder.wait(next), Duration::ZERO);
        assert!(reminder.is_due(next) && !reminder.is_due(next) && reminder.wait(next) == EVERY);
    }
}
