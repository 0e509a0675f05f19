//! What a codec reports about the bytes it was fed.
//!
//! *Owns* the words for the state of a connection, and the errors that end an encoded one.
//! *Knows nothing of* how bytes are encoded.

use std::fmt;

#[cfg(feature = "web")]
use crate::protocol::websocket::Violation;

/// The state of a connection after the bytes that were fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The handshake is not finished; no plain text can pass.
    ShakingHands,
    /// Plain text can pass.
    Open,
    /// The peer sends nothing more (close_notify, RFC 8446, section 6.1; a close frame, RFC 6455, section 5.5.1).
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

/// Why nothing more can be read from an encoded connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// TLS failed.
    Tls(TlsError),
    /// The peer breaks the rules of WebSocket.
    #[cfg(feature = "web")]
    WebSocket(Violation),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodecError::Tls(error) => write!(f, "TLS: {error}"),
            #[cfg(feature = "web")]
            CodecError::WebSocket(violation) => write!(f, "WebSocket: {violation}"),
        }
    }
}

impl std::error::Error for CodecError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CodecError::Tls(error) => Some(error),
            #[cfg(feature = "web")]
            CodecError::WebSocket(violation) => Some(violation),
        }
    }
}
