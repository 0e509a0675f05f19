//! What happens between two steps of one person, by another: each interleaving is brought about by holding a thread at a
//! place, not by luck.

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
