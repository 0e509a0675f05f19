//! What stands between a socket's bytes and the bytes that are said: nothing, or TLS.
//!
//! It exists in every build, so that whoever writes to a socket has one way only. Without the feature `tls` there is one
//! kind, and nothing is left of the question at run time.
//!
//! *Owns* the choice between the kinds.
//! *Knows nothing of* sockets, and of who waits for the bytes.
//! *Called by* `outbox`, which keeps it under its lock; the order in which bytes are sealed is the order on the socket.

use super::progress::{Progress, TlsError};
#[cfg(feature = "tls")]
use super::tls::Tls;

/// The transformer of one connection's bytes.
#[derive(Debug, Default)]
pub enum Codec {
    /// Bytes go as they are.
    #[default]
    Plain,
    /// TLS. Boxed: it is over a kilobyte, and most connections have none.
    #[cfg(feature = "tls")]
    Tls(Box<Tls>),
}

impl Codec {
    /// Whether bytes go as they are.
    pub fn is_plain(&self) -> bool {
        matches!(self, Codec::Plain)
    }

    /// The name of the protocol that encrypts, with its version once the two sides have agreed on one.
    pub fn encryption(&self) -> Option<&'static str> {
        match self {
            Codec::Plain => None,
            #[cfg(feature = "tls")]
            Codec::Tls(tls) => Some(tls.version()),
        }
    }

    /// Takes the bytes of one read until the hands are shaken; appends what has to be sent back to `answer`. What was said
    /// behind the last of the handshake is kept for the first [`Codec::feed`].
    ///
    /// # Errors
    ///
    /// The peer does not speak TLS, or none that can be agreed on. `answer` says so to it.
    #[cfg(feature = "tls")]
    pub fn shake_hands(&mut self, input: &[u8], answer: &mut Vec<u8>) -> Result<Progress, TlsError> {
        match self {
            Codec::Plain => Ok(Progress::Open),
            Codec::Tls(tls) => tls.shake_hands(input, answer),
        }
    }

    /// Takes the bytes of one read; appends what they say to `plain`, and what has to be sent back to `answer`.
    ///
    /// # Errors
    ///
    /// The bytes were damaged or break the protocol. What they said before that is in `plain` all the same, so that it
    /// does not matter how the network has cut them.
    #[cfg_attr(
        not(feature = "tls"),
        expect(unused_variables, clippy::ptr_arg, reason = "nothing but an encryption has to answer")
    )]
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

    /// Appends to `sealed` what has to be sent to say `plain`. Nothing after [`Codec::close`].
    pub fn seal(&mut self, plain: &[u8], sealed: &mut Vec<u8>) {
        match self {
            Codec::Plain => sealed.extend_from_slice(plain),
            #[cfg(feature = "tls")]
            Codec::Tls(tls) => tls.seal(plain, sealed),
        }
    }

    /// What says to the peer that nothing more comes. Empty where nothing does, and the second time.
    pub fn close(&mut self) -> Vec<u8> {
        match self {
            Codec::Plain => Vec::new(),
            #[cfg(feature = "tls")]
            Codec::Tls(tls) => tls.close(),
        }
    }

    /// Something that was sealed will not be sent: nothing that follows could be read, a goodbye included, and a peer that
    /// gets none knows that it has not seen all.
    pub fn abandon(&mut self) {
        match self {
            Codec::Plain => {}
            #[cfg(feature = "tls")]
            Codec::Tls(tls) => tls.abandon(),
        }
    }
}
