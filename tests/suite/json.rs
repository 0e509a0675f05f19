//! Programs as users: JSON requests, answers, and unsolicited objects.

#![cfg(feature = "json")]

mod actions;
mod bots;
mod doors;
mod errors;
mod lines;
mod order;
mod permissions;
