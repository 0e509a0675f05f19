//! The page in a real browser: a headless Chromium, driven over DevTools.
//!
//! A binary of its own, because all its tests share one browser process: it takes a second to start and a processor to
//! run, and a browser context per page keeps the pages as far apart as separate browsers would.
//!
//! On a machine without Chromium the tests say what they left out and pass; `CHATSOCK_REQUIRE_CLIENTS=1` makes that a
//! failure.

#![allow(unreachable_pub, reason = "nothing outside uses this program's modules")]
#![cfg(feature = "web")]
#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod axe;
mod chromium;
mod devtools;
mod harness;
mod keys;
mod page;
#[path = "../support/mod.rs"]
mod support;
