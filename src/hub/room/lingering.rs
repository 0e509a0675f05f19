//! Closing user-made rooms that are empty.
//!
//! *Owns* when to check whether a room can close, and the check. *Knows nothing of* the timer, or of how long a room
//! lingers.

use std::time::{Duration, Instant};

use super::Room;
use crate::chat::duration::after;
use crate::chat::room::Occurrence;

impl Room {
    /// When to check whether a user-made room can close, if it is empty and no earlier check is scheduled. The caller
    /// has to schedule this one.
    pub(crate) fn close_due(&self, linger: Duration) -> Option<Instant> {
        let mut state = self.lock();
        let empty_since = state.room.empty_since().filter(|_| state.room.is_abandoned() && !state.room.is_closed())?;
        let due = self.shared.moment(after(empty_since, linger))?;
        if state.close_due.is_some_and(|arranged| arranged <= due) {
            return None;
        }
        state.close_due = Some(due);
        Some(due)
    }

    /// The scheduled check is taking place now.
    #[cfg(feature = "cluster")]
    pub(crate) fn forget_close_due(&self, now: Instant) {
        self.lock().close_due.take_if(|due| *due <= now);
    }

    /// Closes the room if nobody has been in it for this long. True if it is closed.
    pub(crate) fn close_if_empty(&self, linger: Duration, now: Instant) -> bool {
        let mut state = self.lock();
        state.close_due.take_if(|due| *due <= now);
        if let Some(change) = state.room.respond(Occurrence::Lingered(linger), self.now(now)) {
            self.carry_out(&mut state, change);
        }
        state.room.is_closed()
    }
}
