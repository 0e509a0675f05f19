//! The limit on one author's temporary messages.
//!
//! *Owns* which author they count against, and the refusal of one too many.
//! *Knows nothing of* where they are posted: each room bounds its own.

use std::fmt;
use std::time::Duration;

use super::Session;
use crate::access::address::network_key;
use crate::access::allowance::Share;
use crate::chat::message::ClientId;
use crate::hub::timer::Author;

/// The memory of a temporary message until it expires, in bytes: its place in the timer.
const TEMPORARY_BYTES: usize = 160;
/// The memory for each of its readers.
const READER_BYTES: usize = size_of::<ClientId>();

/// The author has too many temporary messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooManyTemporaryError;

impl fmt::Display for TooManyTemporaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Not sent: too many of your temporary messages have not expired yet.")
    }
}

impl Session {
    /// Reserves the memory of a message until it expires, if it is temporary.
    pub(super) fn hold_temporary(
        &self,
        lasts: Option<Duration>,
        readers: usize,
    ) -> Result<Option<Share<Author>>, TooManyTemporaryError> {
        if lasts.is_none() {
            return Ok(None);
        }
        let account = self.user.as_ref().and_then(|user| user.account());
        let author = (network_key(self.ip()), account);
        let held = self.hub.limits.temporary.take(author, TEMPORARY_BYTES + readers * READER_BYTES);
        held.map(Some).ok_or(TooManyTemporaryError)
    }
}
