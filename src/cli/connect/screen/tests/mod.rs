//! The screen and its keys.

mod keys;
mod looks;
mod stage;
