//! Socket bytes to plain bytes and back.
//!
//! On a plain listener the two are the same, and this layer only recognises a peer that speaks another protocol. On a
//! TLS listener it encrypts and decrypts, and on a WebSocket it turns bytes into messages.
//!
//! *Owns* how to recognise TLS, SSH and HTTP and what to answer; encrypting and decrypting a TLS connection; the order
//! of the layers. *Knows nothing of* telnet, and of lines after the first.

mod codec;
mod progress;
mod sniff;
#[cfg(feature = "tls")]
mod tls;

pub use codec::{Codec, Sharing};
pub use progress::{CodecError, Progress, TlsError};
pub use sniff::{FirstBytes, OtherProtocol, Verdict};
#[cfg(feature = "tls")]
pub use tls::Tls;
#[cfg(feature = "tls")]
pub(crate) use tls::is_text_byte;
