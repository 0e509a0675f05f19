//! The line with the date, shown when a new day begins in an open view.
//!
//! *Owns* when it is due on one client's screen. *Knows nothing of* waiting for midnight: the session does that.

use super::{Outbox, OutboxState};
use crate::ui::screen::{Clock, LineKind};

/// Later than any time.
pub(super) const NEVER: i64 = i64::MAX;

impl OutboxState {
    fn own_clock<'a>(&'a self, clock: &'a Clock) -> &'a Clock {
        self.preferences.as_ref().and_then(|preferences| preferences.clock.as_ref()).unwrap_or(clock)
    }

    /// The view now shows today's date.
    pub(super) fn note_date(&mut self, clock: &Clock) {
        self.day_ends = self.own_clock(clock).midnight();
    }

    /// Writes the date if it is not the one the view shows. `clock` is for clients without their own.
    pub(super) fn write_date_if_due(&mut self, clock: &Clock) {
        let clock = self.own_clock(clock).clone();
        if clock.now().as_second() < self.day_ends {
            return;
        }
        self.day_ends = clock.midnight();
        let date = clock.date();
        self.note_news(LineKind::News, &date);
        self.display.write(LineKind::News, &date, &mut self.unsent);
    }

    /// Closes the view; a program goes on with its rooms.
    pub(super) fn forget_view(&mut self) {
        self.watching.show(None);
        self.on_screen = None;
        self.day_ends = NEVER;
    }

    /// Shows nothing more of this room.
    pub(super) fn forget_room(&mut self, room: u64) {
        self.watching.forget(room);
        (self.on_screen, self.day_ends) = (None, NEVER);
    }
}

impl Outbox {
    /// When the day that the open view shows ends, in Unix seconds; `None` without a view.
    pub(crate) fn day_ends(&self) -> Option<i64> {
        Some(self.lock().day_ends).filter(|ends| *ends != NEVER)
    }

    /// Writes the date into the view if it is not the one shown. Nothing is sent before [`Outbox::settle`].
    pub(crate) fn write_date_if_due(&self, clock: &Clock) {
        self.lock().write_date_if_due(clock);
    }
}
