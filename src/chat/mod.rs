//! Users, rooms, messages and permissions as values: no I/O and no locks.

// Every arm is written out, so that the compiler asks about a new variant.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

pub mod account_policy;
pub mod action;
pub mod conversation;
pub mod duration;
pub mod file_name;
pub mod history;
pub mod identity;
pub mod message;
pub mod moderation;
pub mod names;
pub mod pattern;
pub mod permission;
pub mod quotes;
pub mod room;
pub mod room_settings;
pub mod secret;
pub mod transfer;
