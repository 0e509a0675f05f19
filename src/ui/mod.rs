//! One user's input and screen, as a pure state machine.

// Every arm is written out, so that the compiler asks about a new variant.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

pub mod command;
pub(crate) mod file_lines;
pub mod palette;
pub mod screen;
