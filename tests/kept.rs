//! What is kept: messages for people who are away, what they have not read, rooms, history; and what never reaches the disk.

#![cfg(feature = "storage")]
#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

#[path = "kept/at_once.rs"]
mod at_once;
#[path = "support/clocks.rs"]
mod clocks;
#[path = "kept/dates.rs"]
mod dates;
#[path = "kept/directs.rs"]
mod directs;
#[path = "kept/erasing.rs"]
mod erasing;
#[path = "kept/history.rs"]
mod history;
#[path = "support/home.rs"]
mod home;
#[path = "support/machine.rs"]
mod machine;
#[path = "kept/ranks.rs"]
mod ranks;
#[path = "kept/reading.rs"]
mod reading;
#[path = "kept/retention.rs"]
mod retention;
#[path = "kept/rooms.rs"]
mod rooms;
mod support;
#[path = "kept/trouble.rs"]
mod trouble;
#[path = "kept/unread.rs"]
mod unread;
#[path = "kept/unsaved.rs"]
mod unsaved;
