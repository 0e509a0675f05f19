//! What a codec reports about the bytes it was fed.
//!
//! *Owns* the words for the state of a connection, and the error that ends an encrypted one.
//! *Knows nothing of* how bytes are encrypted.

use std::fmt;

/// The state of a connection after the bytes that were fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The handshake is not finished; no plain text can pass.
    ShakingHands,
    /// Plain text can pass.
    Open,
    /// The peer sends nothing more (close_notify; RFC 8446, section 6.1).
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
