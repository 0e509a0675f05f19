//! Accounts, from outside: coming in, dialogues about passwords, lock-outs, ghosts, and what is kept of a person.

#![cfg(feature = "storage")]
#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

#[path = "accounts/attempts.rs"]
mod attempts;
#[path = "accounts/changed_outside.rs"]
mod changed_outside;
#[path = "accounts/coming_back.rs"]
mod coming_back;
#[path = "accounts/coming_in.rs"]
mod coming_in;
#[path = "accounts/dialogues.rs"]
mod dialogues;
#[path = "accounts/ghosts.rs"]
mod ghosts;
#[path = "support/home.rs"]
mod home;
#[path = "accounts/lockout.rs"]
mod lockout;
#[path = "accounts/look_alikes.rs"]
mod look_alikes;
#[path = "support/machine.rs"]
mod machine;
#[path = "accounts/normalization.rs"]
mod normalization;
#[cfg(feature = "unicode-names")]
#[path = "accounts/scripts.rs"]
mod scripts;
#[path = "accounts/settings.rs"]
mod settings;
mod support;
#[path = "support/terminal.rs"]
mod terminal;
#[cfg(feature = "tls")]
#[path = "support/tls.rs"]
mod tls;
