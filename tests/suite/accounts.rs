//! Accounts over sockets: logging in, dialogues about passwords, lock-outs, ghosts, and a user's stored settings.

#![cfg(feature = "storage")]

mod attempts;
mod changed_outside;
mod coming_back;
mod coming_in;
mod dialogues;
mod ghosts;
mod lockout;
mod look_alikes;
mod normalization;
#[cfg(feature = "unicode-names")]
mod scripts;
mod settings;
