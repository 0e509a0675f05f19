//! Stored data: messages for offline users, unread messages, rooms, history; and data that must not reach the disk.

#![cfg(feature = "storage")]

mod at_once;
mod dates;
mod directs;
mod erasing;
mod failing_disk;
mod history;
mod ranks;
mod reading;
mod retention;
mod rooms;
mod unread;
mod unsaved;
