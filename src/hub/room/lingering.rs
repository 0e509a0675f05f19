//! The end of a room that somebody has made and nobody is in.
//!
//! *Owns* when that is looked at, and the look.
//! *Knows nothing of* the timer, and of how long a room lingers.
//! *Called by* `hub` and `room_table`.

use std::time::{Duration, Instant};

use super::Room;

impl Room {
    /// When to look whether a room that somebody has made closes, if nobody is in it and no earlier look is arranged. The
    /// caller has to arrange this one.
    pub(crate) fn close_due(&self, linger: Duration) -> Option<Instant> {
        let mut state = self.lock();
        let wanted = state.made.is_some() && !state.kept && !state.closed;
        let due = state.empty_since.filter(|_| wanted)? + linger;
        if state.close_due.is_some_and(|arranged| arranged <= due) {
            return None;
        }
        state.close_due = Some(due);
        Some(due)
    }

    /// Marks the room closed if nobody has been in it for so long. True if it is closed.
    pub(crate) fn close_if_empty(&self, linger: Duration, now: Instant) -> bool {
        let mut state = self.lock();
        state.close_due.take_if(|due| *due <= now);
        state.closed |= !state.kept && state.empty_since.is_some_and(|since| since + linger <= now);
        state.closed
    }
}
