//! Keys that cost a lot: on a long line, one byte may make the server measure and draw all of it.
//!
//! The editor's work is charged like reading commands. Keys that are not paid for wait, and so does everything after
//! them; nothing is read meanwhile, so a flood is held up at its source. Nobody types that fast.
//!
//! *Owns* when keys are charged.
//! *Knows nothing of* what a key does.

use std::time::Instant;

use super::Session;

impl Session {
    /// Adds up the editor's work since the last call.
    #[inline(never)]
    pub(super) fn note_editing(&mut self) {
        if self.input.link.is_character_mode() {
            let work = self.outbox.with_display(|display, _| display.editor().map(|editor| editor.take_work()));
            self.input.add_work(work.unwrap_or(0));
        }
    }

    /// Whether keys are accepted. If earlier keys are not paid for yet, these are held.
    #[inline(never)]
    pub(super) fn takes_keys(&mut self, typed: &[u8]) -> bool {
        if !self.input.owes_work() {
            return true;
        }
        let now = self.tick();
        let Session { input, pacing, .. } = self;
        match input.pay_work(|| pacing.pay_reading(now)) {
            Ok(()) => true,
            Err(wait) => {
                input.hold_keys(typed, now + wait);
                false
            }
        }
    }

    /// Takes held keys that are accepted by now, and everything after them.
    pub(super) fn take_held_keys(&mut self, now: Instant) {
        let Some(held) = self.input.take_held_keys(now) else { return };
        self.typed(&held.typed);
        if !self.input.hold_behind_keys(&held.raw) {
            self.take_typed(&held.raw);
        }
    }
}
