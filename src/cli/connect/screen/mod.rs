//! The full-screen view of `chatsock connect`.
//!
//! ```text
//! keyboard -> keys -> state -Intent-> ClientModel
//!                       |                  |
//! terminal <- ratatui <-'- draw <----------'
//! ```
//!
//! ratatui sends only cells that have changed. The server's line editor decodes the keys, so that they are the same in
//! both.
//!
//! *Owns* the terminal: its modes, its content, and the meaning of keys. *Knows nothing of* sockets and the server's
//! protocol: the model does.

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
