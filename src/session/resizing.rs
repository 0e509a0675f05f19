//! A window that gets another width: the view is redrawn.
//!
//! Many terminals move their rows then, and others do not: where anything stands is unknown until it is drawn again.
//!
//! *Owns* when that happens.
//! *Knows nothing of* how the view is drawn.

use std::time::Instant;

use super::Session;
use crate::ui::screen::Prompt;

impl Session {
    /// Telnet has told the window's size.
    #[inline(never)]
    pub(super) fn window_resized(&mut self) {
        let width = |session: &Session| session.outbox.with_display(|display, _| display.width());
        let before = width(self);
        self.look_again();
        if width(self) != before {
            let now = Instant::now();
            self.redraw_due.get_or_insert(now);
            self.redraw_if_due(now);
        }
    }

    /// Redraws the view if it is time. It costs what Ctrl-L costs, and is late rather than left out: dragging a window's
    /// edge sends a hundred widths, of which the last one counts.
    #[inline(never)]
    pub(super) fn redraw_if_due(&mut self, now: Instant) {
        if self.redraw_due.is_none_or(|due| due > now) {
            return;
        }
        self.redraw_due = None;
        let drawn = self.outbox.with_display(|display, _| display.is_character_mode() && display.look().ansi);
        if !drawn || !matches!(self.palette.place(), Prompt::ChatView(_)) {
            return;
        }
        match self.pay_reading(now) {
            Err(wait) => self.redraw_due = Some(now + wait),
            Ok(()) => {
                if !self.outbox.redraw_view(self.hub.clock.clone()) {
                    self.redraw();
                }
            }
        }
    }
}
