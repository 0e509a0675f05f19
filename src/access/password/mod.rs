//! Hashing the passwords of accounts and kept rooms. It is slow, so sessions do it on worker threads.
//!
//! *Owns* that the rest of the program reads the same in builds with and without the feature `storage`: without it there
//! are no accounts, and nothing here is ever called.
//! *Knows nothing of* accounts, nor of where hashes are stored.

#[cfg(feature = "storage")]
mod argon2id;
#[cfg(not(feature = "storage"))]
mod disabled;

#[cfg(feature = "storage")]
pub use argon2id::{
    HashError, LANES, MEMORY_KIB, PASSES, Unfit, check, hash, needs_rehash, verify, verify_against_nothing,
};
#[cfg(not(feature = "storage"))]
pub use disabled::{HashError, hash, needs_rehash, verify, verify_against_nothing};
