//! What the temporary messages of one author take until they are over.
//!
//! *Owns* whose they are counted as, and the refusal of one too many.
//! *Knows nothing of* where they are said: what one place holds of them is bounded there.
//! *Called by* `session::talk`.

use std::time::Duration;

use super::Session;
use crate::access::address::network_key;
use crate::access::allowance::Share;
use crate::chat::message::ClientId;
use crate::hub::timer::Author;
use crate::ui::screen::LineKind;

/// What a temporary message takes until it is over, in bytes: its place in the timer.
const TEMPORARY_BYTES: usize = 160;
/// And for each of its readers.
const READER_BYTES: usize = size_of::<ClientId>();

impl Session {
    /// Takes what a temporary message holds until it is over, if it is one; an error if its author has too many, who is told.
    #[inline(never)]
    pub(super) fn hold_temporary(&self, lasts: Option<Duration>, readers: usize) -> Result<Option<Share<Author>>, ()> {
        if lasts.is_none() {
            return Ok(None);
        }
        let account = self.user.as_ref().and_then(|user| user.account());
        let author = (network_key(self.ip()), account);
        let held = self.hub.limits.temporary.take(author, TEMPORARY_BYTES + readers * READER_BYTES);
        if held.is_none() {
            let line = "Not said: too many temporary messages of yours wait for their end already.";
            self.outbox.tell(LineKind::Refusal, line);
        }
        held.map(Some).ok_or(())
    }
}
