//! Socket bytes to plain bytes and back.
//!
//! On a plain listener the two are the same; what this layer owns there is telling a peer that speaks another protocol by
//! its first bytes, and the one answer that it understands.
//!
//! *Owns* the signs of TLS, SSH and HTTP and the answers to them.
//! *Knows nothing of* telnet and lines beyond the first.
//! *Called by* `session`.

mod plain;

pub use plain::{FirstBytes, Foreign, Verdict, is_http_request_line, is_ssh_banner};
