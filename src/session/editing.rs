//! Keys that are dear: on a long line one byte may have the whole of it measured and drawn.
//!
//! What the editor looks at is charged as reading commands are. Keys that cannot be paid for wait, and with them everything
//! behind them; nothing is read meanwhile, so that a flood is held up where it comes from. Nobody types that fast.
//!
//! *Owns* the bill, and what waits.
//! *Knows nothing of* what a key does.
//! *Called by* `session`.

use std::time::Instant;

use super::Session;
use crate::protocol::line::WORK_AT_ONCE;

/// What came behind keys that were not paid for.
#[derive(Debug)]
pub(super) struct HeldKeys {
    until: Instant,
    /// Typed bytes, which telnet has seen already.
    typed: Vec<u8>,
    /// As they were read, behind those.
    raw: Vec<u8>,
}

impl HeldKeys {
    /// When the rest is taken.
    pub(super) fn due(&self) -> Instant {
        self.until
    }
}

impl Session {
    /// Notes what the editor has done since this was last asked.
    #[inline(never)]
    pub(super) fn note_editing(&mut self) {
        if self.link.is_character_mode() {
            let work = self.outbox.with_display(|display, _| display.editor().map(|editor| editor.take_work()));
            self.editing += work.unwrap_or(0);
        }
    }

    /// Whether keys are to be taken. If those before are not paid for yet, the ones here wait.
    #[inline(never)]
    pub(super) fn takes_keys(&mut self, typed: &[u8]) -> bool {
        let now = Instant::now();
        while self.editing >= WORK_AT_ONCE {
            match self.pay_reading(now) {
                Ok(()) => self.editing -= WORK_AT_ONCE,
                Err(wait) => {
                    let held = HeldKeys { until: now + wait, typed: typed.to_vec(), raw: Vec::new() };
                    self.held_keys = Some(Box::new(held));
                    return false;
                }
            }
        }
        true
    }

    /// What has been read and waits behind keys. False if none do.
    #[inline(never)]
    pub(super) fn hold_behind_keys(&mut self, raw: &[u8]) -> bool {
        let Some(held) = &mut self.held_keys else { return false };
        held.raw.extend_from_slice(raw);
        true
    }

    /// Takes keys whose time has come, and what is behind them.
    #[inline(never)]
    pub(super) fn take_held_keys(&mut self, now: Instant) {
        let Some(held) = self.held_keys.take_if(|held| held.until <= now) else { return };
        self.typed(&held.typed);
        if !self.hold_behind_keys(&held.raw) {
            self.take_typed(&held.raw);
        }
    }
}
