//! The line that begins a day in a view that was opened before it.
//!
//! *Owns* when it is due on one client's screen.
//! *Knows nothing of* waiting for midnight: the session does that.
//! *Called by* `outbox` before whatever is shown in the view, and by `session` at midnight.

use super::{Outbox, State};
use crate::ui::screen::{Clock, LineKind};

/// No moment of a wall clock.
pub(super) const NEVER: i64 = i64::MAX;

impl State {
    fn own_clock<'a>(&'a self, clock: &'a Clock) -> &'a Clock {
        self.personal.as_ref().and_then(|personal| personal.clock.as_ref()).unwrap_or(clock)
    }

    /// A view shows today from now on.
    pub(super) fn note_day(&mut self, clock: &Clock) {
        self.day_ends = self.own_clock(clock).midnight();
    }

    /// Says which day it is, if it is another one than the view shows. `clock` is the one of people without their own.
    #[inline(never)]
    pub(super) fn begin_day(&mut self, clock: &Clock) {
        let clock = self.own_clock(clock).clone();
        if clock.now().as_second() < self.day_ends {
            return;
        }
        self.day_ends = clock.midnight();
        let date = clock.date();
        self.note_news(LineKind::News, &date);
        self.display.write(LineKind::News, &date, &mut self.unsent);
    }

    /// There is no view any more.
    pub(super) fn forget_view(&mut self) {
        self.view = None;
        self.shown = None;
        self.day_ends = NEVER;
    }
}

impl Outbox {
    /// When the day ends that the open view shows, in seconds of the Unix time; nothing where there is no view.
    pub fn day_ends(&self) -> Option<i64> {
        Some(self.lock().day_ends).filter(|ends| *ends != NEVER)
    }

    /// Says in the view which day it is, if it is another one than it shows. Nothing is sent before [`Outbox::settle`].
    pub fn write_date_if_due(&self, clock: &Clock) {
        self.lock().begin_day(clock);
    }
}
