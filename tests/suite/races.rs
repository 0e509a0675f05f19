//! What another user does between two steps of one: each interleaving is provoked by holding a thread at a checkpoint, not
//! left to luck.

#![cfg(target_os = "linux")]

mod admission;
mod baseline;
mod claims;
mod conversations;
mod ghosts;
mod hold;
mod identity;
