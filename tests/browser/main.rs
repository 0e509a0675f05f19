//! The page in a real browser: a headless Chromium, driven over DevTools.
//!
//! A binary of its own, because all its tests share one browser process: it takes a second to start and a processor to
//! run, and a browser context per page keeps the pages as far apart as separate browsers would.
//!
//! `CHATSOCK_REAL_CLOCK=1` waits a minute and a half where the page's clock is otherwise made faster;
//! `CHATSOCK_PICTURE=1` makes the picture in the README again. `cargo test --test browser -- speed --nocapture` tells how
//! fast the page is.
//!
//! On a machine without Chromium the tests say what they left out and pass; `CHATSOCK_REQUIRE_CLIENTS=1` makes that a
//! failure.

#![allow(unreachable_pub, reason = "nothing outside uses this program's modules")]
#![cfg(feature = "web")]
#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod accounts;
mod axe;
mod chromium;
mod clock;
mod devtools;
mod files;
mod harness;
mod hostile;
mod keyboard;
mod keys;
mod looks;
mod lost;
#[cfg(all(target_os = "linux", feature = "cluster"))]
#[allow(dead_code, reason = "the tests of several servers use the rest of it")]
#[path = "../cluster/nodes.rs"]
mod nodes;
mod page;
mod picture;
#[cfg(all(target_os = "linux", feature = "cluster"))]
mod restarts;
mod site;
mod speed;
#[path = "../support/mod.rs"]
mod support;
mod talking;
mod visitor;
