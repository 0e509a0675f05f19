//! When a user who types nothing is warned and disconnected. Pure: `now` is an argument.
//!
//! Half of the time passes before the warning and half after it, and nobody is disconnected without a warning: if the
//! machine was suspended for longer than that, users see the warning and still have the second half to type something.
//!
//! *Owns* the two moments, and that each is acted on once. *Knows nothing of* who is exempt, or of what the user is
//! shown.

use std::time::{Duration, Instant};

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// The warning, with the time that is left.
    Warning(Duration),
    End,
}

/// How long one user has been idle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Idle {
    last_typed: Instant,
    warned: Option<Instant>,
}

impl Idle {
    pub(super) fn new(now: Instant) -> Idle {
        Idle { last_typed: now, warned: None }
    }

    /// Starts over, since a line was typed.
    pub(super) fn typed(&mut self, now: Instant) {
        *self = Idle::new(now);
    }

    /// What is due with this limit.
    pub(super) fn due(&mut self, limit: Duration, now: Instant) -> Due {
        if now < self.next(limit) {
            return Due::Nothing;
        }
        if self.warned.is_some() {
            return Due::End;
        }
        self.warned = Some(now);
        Due::Warning(limit / 2)
    }

    /// When to look again.
    pub(super) fn next(&self, limit: Duration) -> Instant {
        self.warned.unwrap_or(self.last_typed) + limit / 2
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
    fn nobody_is_disconnected_unwarned_however_late_it_is() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut idle = Idle::new(start);
        assert_eq!(idle.due(LIMIT, after(5000)), Due::Warning(Duration::from_secs(300)));
        assert_eq!(idle.due(LIMIT, after(5299)), Due::Nothing);
        assert_eq!(idle.due(LIMIT, after(5300)), Due::End);
    }

    #[test]
    fn any_typed_line_starts_over() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut idle = Idle::new(start);
        assert!(matches!(idle.due(LIMIT, after(400)), Due::Warning(_)));
        idle.typed(after(500));
        assert_eq!(idle.due(LIMIT, after(700)), Due::Nothing);
        assert_eq!(idle.due(LIMIT, after(800)), Due::Warning(Duration::from_secs(300)));
    }
}
