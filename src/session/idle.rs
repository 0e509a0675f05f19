//! When somebody who types nothing is warned and logged out. Pure: `now` is an argument.
//!
//! *Owns* the two moments and that each is acted on once.
//! *Knows nothing of* who is exempt, and of what is said.
//! *Called by* `session`.

use std::time::{Duration, Instant};

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing.
    Nothing,
    /// The warning: so much time is left.
    Warning(Duration),
    /// The end.
    End,
}

/// The silence of one person.
#[derive(Clone, Copy, Debug)]
pub(super) struct Idle {
    last_typed: Instant,
    warned: bool,
}

impl Idle {
    /// Begins now.
    pub(super) fn new(now: Instant) -> Idle {
        Idle { last_typed: now, warned: false }
    }

    /// A line was typed.
    pub(super) fn typed(&mut self, now: Instant) {
        *self = Idle::new(now);
    }

    /// What is due with this limit.
    pub(super) fn due(&mut self, limit: Duration, now: Instant) -> Due {
        let idle = now.saturating_duration_since(self.last_typed);
        if idle >= limit {
            Due::End
        } else if idle >= limit / 2 && !std::mem::replace(&mut self.warned, true) {
            Due::Warning(limit - idle)
        } else {
            Due::Nothing
        }
    }

    /// When to look again.
    pub(super) fn next(&self, limit: Duration) -> Instant {
        self.last_typed + if self.warned { limit } else { limit / 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(600);

    #[test]
    fn the_warning_comes_at_half_time_and_once_and_the_end_at_the_limit() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut idle = Idle::new(start);
        assert_eq!(idle.next(LIMIT), after(300));
        assert_eq!(idle.due(LIMIT, after(299)), Due::Nothing);
        assert_eq!(idle.due(LIMIT, after(300)), Due::Warning(Duration::from_secs(300)));
        assert_eq!(idle.due(LIMIT, after(301)), Due::Nothing);
        assert_eq!(idle.next(LIMIT), after(600));
        assert_eq!(idle.due(LIMIT, after(599)), Due::Nothing);
        assert_eq!(idle.due(LIMIT, after(600)), Due::End);
    }

    #[test]
    fn any_typed_line_begins_anew() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut idle = Idle::new(start);
        assert!(matches!(idle.due(LIMIT, after(400)), Due::Warning(_)));
        idle.typed(after(500));
        assert_eq!(idle.due(LIMIT, after(700)), Due::Nothing);
        assert_eq!(idle.due(LIMIT, after(800)), Due::Warning(Duration::from_secs(300)));
    }
}
