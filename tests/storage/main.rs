//! What the store writes, what it never writes, what it erases, and what it does when the disk fails.

#![allow(unreachable_pub, reason = "nothing outside uses this program's modules")]
#![cfg(feature = "storage")]
#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod disk;
mod erasing;
mod giving_up;
mod killing;
mod message_ids;
mod opening;
mod pending;
mod place;
mod restoring;
mod retention;
#[path = "../support/mod.rs"]
mod support;
