//! What the store keeps, what it never keeps, what it erases, and what it does when the disk refuses.

#![cfg(feature = "storage")]
#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

#[path = "support/clocks.rs"]
mod clocks;
#[path = "storage/disk.rs"]
mod disk;
#[path = "storage/erasing.rs"]
mod erasing;
#[path = "storage/giving_up.rs"]
mod giving_up;
#[path = "storage/keeping.rs"]
mod keeping;
#[path = "storage/killing.rs"]
mod killing;
#[path = "storage/numbers.rs"]
mod numbers;
#[path = "storage/opening.rs"]
mod opening;
#[path = "storage/pending.rs"]
mod pending;
#[path = "storage/place.rs"]
mod place;
#[path = "storage/retention.rs"]
mod retention;
