//! The transformer between a socket's bytes and plain bytes: none, or TLS.
//!
//! It exists in every build, so that there is only one way to write to a socket. Without the feature `tls` it has a single
//! variant and costs nothing at run time. The outbox keeps it under its lock: bytes go onto the socket in the order in
//! which they were encrypted.
//!
//! *Owns* the choice between the variants.
//! *Knows nothing of* sockets.

use super::progress::{Progress, TlsError};
#[cfg(feature = "tls")]
use super::tls::Tls;

/// Transforms one connection's bytes.
#[derive(Debug, Default)]
pub enum Codec {
    /// Bytes are sent as they are.
    #[default]
    Plain,
    /// TLS. Boxed, because it is over a kilobyte and most connections have none.
    #[cfg(feature = "tls")]
    Tls(Box<Tls>),
}

impl Codec {
    /// Whether bytes are sent as they are.
    pub fn is_plain(&self) -> bool {
        matches!(self, Codec::Plain)
    }

    /// The encrypting protocol, with its version once both sides have agreed on one.
    pub fn encryption(&self) -> Option<&'static str> {
        match self {
            Codec::Plain => None,
            #[cfg(feature = "tls")]
            Codec::Tls(tls) => Some(tls.version()),
        }
    }

    /// Takes the bytes of one read during the handshake, and appends what has to be sent back to `answer`. Plain text that
    /// follows the handshake is kept for the first [`Codec::feed`].
    ///
    /// # Errors
    ///
    /// The peer does not speak TLS, or no version that we accept. `answer` tells it so.
    #[cfg(feature = "tls")]
    pub(crate) fn shake_hands(&mut self, input: &[u8], answer: &mut Vec<u8>) -> Result<Progress, TlsError> {
        match self {
            Codec::Plain => Ok(Progress::Open),
            Codec::Tls(tls) => tls.shake_hands(input, answer),
        }
    }

    /// Takes the bytes of one read; appends the plain text to `plain`, and what has to be sent back to `answer`.
    ///
    /// # Errors
    ///
    /// The bytes were damaged or break the protocol. Plain text from before the damage is in `plain` all the same, so it
    /// does not matter how the network splits the bytes.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, clippy::ptr_arg, reason = "only TLS has to answer"))]
    pub fn feed(&mut self, input: &[u8], plain: &mut Vec<u8>, answer: &mut Vec<u8>) -> Result<Progress, TlsError> {
        match self {
            Codec::Plain => {
                plain.extend_from_slice(input);
                Ok(Progress::Open)
            }
            #[cfg(feature = "tls")]
            Codec::Tls(tls) => tls.feed(input, plain, answer),
        }
    }

    /// Encrypts `plain` and appends the result to `encrypted`; appends nothing after [`Codec::close`].
    pub fn encrypt(&mut self, plain: &[u8], encrypted: &mut Vec<u8>) {
        match self {
            Codec::Plain => encrypted.extend_from_slice(plain),
            #[cfg(feature = "tls")]
            Codec::Tls(tls) => tls.encrypt(plain, encrypted),
        }
    }

    /// The message that tells the peer that nothing more comes. Empty without encryption, and on a second call.
    pub fn close(&mut self) -> Vec<u8> {
        match self {
            Codec::Plain => Vec::new(),
            #[cfg(feature = "tls")]
            Codec::Tls(tls) => tls.close(),
        }
    }

    /// Something that was encrypted will not be sent. The peer could decrypt nothing that follows, so nothing more is
    /// encrypted, not even the closing message: without it the peer knows that it has missed something.
    pub(crate) fn abandon(&mut self) {
        match self {
            Codec::Plain => {}
            #[cfg(feature = "tls")]
            Codec::Tls(tls) => tls.abandon(),
        }
    }
}
