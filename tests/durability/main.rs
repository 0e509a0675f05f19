//! What stays on disk when the built program is killed, stopped, copied and restarted, and that nothing else gets there.
//!
//! `CHATSOCK_SEED` repeats a run of the kill test, `CHATSOCK_ROUNDS` makes it longer.

#![allow(unreachable_pub, reason = "nothing outside uses this program's modules")]
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

#[cfg(feature = "storage")]
mod backup;
mod canary;
#[cfg(feature = "storage")]
mod disk_full;
#[cfg(feature = "storage")]
mod files;
#[cfg(feature = "storage")]
mod found;
#[cfg(feature = "storage")]
mod killing;
#[cfg(feature = "storage")]
mod load;
#[cfg(feature = "storage")]
mod message_ids;
#[cfg(feature = "storage")]
mod modes;
mod place;
#[cfg(feature = "storage")]
mod promises;
#[cfg(feature = "storage")]
mod starting;
#[path = "../support/mod.rs"]
mod support;
