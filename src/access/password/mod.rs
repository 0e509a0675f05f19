//! Hashes the passwords of accounts, of stored rooms, and of rooms that several servers share. Hashing is slow, so
//! sessions do it on worker threads.
//!
//! *Owns* one interface for builds with and without the features `storage` and `cluster`. Without them nothing is hashed, and
//! nothing here is ever called. *Knows nothing of* accounts, nor of where hashes are stored.

#[cfg(any(feature = "storage", feature = "cluster"))]
mod argon2id;
#[cfg(not(any(feature = "storage", feature = "cluster")))]
mod disabled;

#[cfg(any(feature = "storage", feature = "cluster"))]
pub(crate) use argon2id::verify_against_dummy;
#[cfg(any(feature = "storage", feature = "cluster"))]
pub use argon2id::{HashError, PasswordError, check, hash, needs_rehash, verify};
#[cfg(not(any(feature = "storage", feature = "cluster")))]
pub(crate) use disabled::verify_against_dummy;
#[cfg(not(any(feature = "storage", feature = "cluster")))]
pub use disabled::{HashError, hash, needs_rehash, verify};
