//! Checks the identity of a server, by its certificate's fingerprint or by an authority that vouches for it.
//!
//! *Owns* the file of known servers, and the check of a certificate. *Knows nothing of* connections and callers.

// Every arm is written out, so that the compiler asks about a new variant.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod fingerprint;
#[cfg(feature = "tls")]
mod known_servers;
#[cfg(feature = "tls")]
mod verifier;

pub use fingerprint::Fingerprint;
#[cfg(feature = "tls")]
pub(crate) use known_servers::{KnownServer, KnownServers};
#[cfg(feature = "tls")]
pub(crate) use verifier::{Authorities, Expected, Finding, Verifier};
