//! What another user does between two steps of one: each interleaving is provoked by holding a thread at a checkpoint, not
//! left to luck.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

#[path = "races/admission.rs"]
mod admission;
#[path = "races/baseline.rs"]
mod baseline;
#[path = "races/claims.rs"]
mod claims;
#[path = "races/conversations.rs"]
mod conversations;
#[path = "races/ghosts.rs"]
mod ghosts;
#[path = "races/hold.rs"]
mod hold;
#[path = "races/identity.rs"]
mod identity;
#[path = "support/machine.rs"]
mod machine;
#[path = "support/random.rs"]
mod random;
mod support;
