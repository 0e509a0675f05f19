//! Passwords of accounts and kept rooms, as hashes that give none away.
//!
//! *Owns* that the rest of the program reads the same in builds with and without the feature `storage`: without it there
//! are no accounts, and nothing here is ever asked.
//! *Knows nothing of* accounts, of where hashes are kept and of who asks.
//! *Called by* `session` on the `work` threads, since it computes long, and by `user_admin`.

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
