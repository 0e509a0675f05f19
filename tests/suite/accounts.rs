//! Accounts, from outside: logging in, dialogues about passwords, lock-outs, ghosts, and what is stored about a user.

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
