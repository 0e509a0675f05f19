//! What stays on disk when the built program is killed, stopped, copied and started again; and that nothing gets there
//! which is not to.
//!
//! `CHATSOCK_SEED` repeats a run of the killings, `CHATSOCK_ROUNDS` makes it longer.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

#[cfg(feature = "storage")]
#[path = "durability/backup.rs"]
mod backup;
#[path = "durability/canary.rs"]
mod canary;
#[cfg(feature = "storage")]
#[path = "durability/files.rs"]
mod files;
#[cfg(feature = "storage")]
#[path = "durability/found.rs"]
mod found;
#[cfg(feature = "storage")]
#[path = "durability/killing.rs"]
mod killing;
#[cfg(feature = "storage")]
#[path = "durability/load.rs"]
mod load;
#[path = "support/machine.rs"]
mod machine;
#[cfg(feature = "storage")]
#[path = "durability/modes.rs"]
mod modes;
#[cfg(feature = "storage")]
#[path = "durability/numbers.rs"]
mod numbers;
#[path = "durability/place.rs"]
mod place;
#[cfg(feature = "storage")]
#[path = "durability/promises.rs"]
mod promises;
#[cfg(feature = "storage")]
#[path = "support/random.rs"]
mod random;
#[cfg(feature = "storage")]
#[path = "durability/starting.rs"]
mod starting;
mod support;
