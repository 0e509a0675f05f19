//! What a codec reports about the bytes it was fed.
//!
//! *Owns* the words for the state of a connection, and the error that ends an encrypted one.
//! *Knows nothing of* how bytes are encrypted.

use std::fmt;

/// How far a peer has come with what was fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The two sides still agree on how to speak: nothing that is said can pass.
    ShakingHands,
    /// More may come.
    Open,
    /// The peer has said that nothing more comes (close_notify; RFC 8446, section 6.1).
    Closed,
}

/// Why an encrypted connection cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError(pub(super) String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}
