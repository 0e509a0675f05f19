//! Programs as users: JSON requests, their answers, and what they are sent.

#![cfg(feature = "json")]

mod actions;
mod bots;
mod doors;
mod errors;
mod lines;
mod order;
mod permissions;
