//! The full-screen view of `chatsock connect`.
//!
//! ```text
//! keyboard -> keys -> state -Intent-> ClientModel
//!                       |                  |
//! terminal <- ratatui <-'- draw <----------'
//! ```
//!
//! ratatui sends only cells that have changed. Keys are decoded by the editor that the server uses, so that there is one set
//! of them.
//!
//! *Owns* the terminal: its modes, what is drawn, and what keys mean.
//! *Knows nothing of* sockets and of what the server says: the model does.

// Every arm is written out, so that the compiler asks about a new variant.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod bubble;
mod complete;
mod draw;
mod find;
mod frame;
mod full;
mod help;
mod input;
mod keys;
mod look;
mod rows;
mod spans;
mod state;
mod terminal;
#[cfg(test)]
mod tests;
mod viewport;

pub(crate) use full::FullScreen;
pub(crate) use look::Look;
