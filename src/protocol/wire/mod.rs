//! Socket bytes to plain bytes and back.
//!
//! On a plain listener the two are the same; what this layer owns there is telling a peer that speaks another protocol by
//! its first bytes, and the one answer that it understands. On a TLS listener it is the encryption.
//!
//! *Owns* the signs of TLS, SSH and HTTP and the answers to them; sealing and opening what goes over a TLS connection.
//! *Knows nothing of* telnet and lines beyond the first.
//! *Called by* `session`, and by `outbox`, through which every byte goes.

mod codec;
mod progress;
mod sniff;
#[cfg(feature = "tls")]
mod tls;

pub use codec::Codec;
pub use progress::{Progress, TlsError};
pub use sniff::{FirstBytes, OtherProtocol, Verdict, is_http_request_line, is_ssh_banner};
#[cfg(feature = "tls")]
pub use tls::{Tls, is_typed};
