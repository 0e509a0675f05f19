//! Accounts, from outside: coming in, dialogues about passwords, lock-outs, ghosts, and what is kept of a person.

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
