//! Hashing the passwords of accounts and kept rooms. It is slow, so sessions do it on worker threads.
//!
//! *Owns* one interface for builds with and without the feature `storage`. Without it there are no accounts, and
//! nothing here is ever called. *Knows nothing of* accounts, nor of where hashes are stored.

#[cfg(feature = "storage")]
mod argon2id;
#[cfg(not(feature = "storage"))]
mod disabled;

#[cfg(feature = "storage")]
pub(crate) use argon2id::verify_against_nothing;
#[cfg(feature = "storage")]
pub use argon2id::{HashError, Unfit, check, hash, needs_rehash, verify};
#[cfg(not(feature = "storage"))]
pub(crate) use disabled::verify_against_nothing;
#[cfg(not(feature = "storage"))]
pub use disabled::{HashError, hash, needs_rehash, verify};
