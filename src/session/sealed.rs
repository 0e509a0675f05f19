//! Reading from an encrypted connection: what was read is opened first, and what it says is taken like anything typed.
//!
//! *Owns* the difference between an end that the peer has said and one that only the network shows.
//! *Knows nothing of* the encryption: the outbox has its state.
//! *Called by* `session`.

use super::Session;
use crate::outbox::Ended;
use crate::wire::Fed;

impl Session {
    /// Opens what one read brought, and takes what it says. Not inlined: a plain connection's stack does not pay for it.
    #[inline(never)]
    pub(super) fn take_sealed(&mut self, chunk: &[u8]) {
        let mut plain = Vec::new();
        let fed = self.outbox.unseal(chunk, &mut plain);
        if !plain.is_empty() {
            self.take(&plain);
        }
        match fed {
            Ok(Fed::ShakingHands | Fed::Open) => {}
            Ok(Fed::Closed) => self.input_ended(),
            Err(error) if self.ended.is_none() => self.ended = Some(Ended::Tls(error)),
            Err(_) => {}
        }
    }

    /// The connection ended without a close_notify: anybody between the two sides may have cut it (RFC 8446, section 6.1).
    /// What was said is run, but not half a line: cut in the right place it might say something else.
    pub(super) fn cut_off(&mut self) {
        self.assembler.clear();
    }
}
