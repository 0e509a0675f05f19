//! Actions of other users between two steps of one user. Each interleaving is forced by stopping a thread at a
//! checkpoint, not left to chance.

#![cfg(target_os = "linux")]

mod admission;
mod baseline;
mod claims;
mod conversations;
mod ghosts;
mod hold;
mod identity;
