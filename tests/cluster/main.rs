//! Clusters of two or three processes of the built program, with Debian's `redis-server` and a bad network in between.
//!
//! Without `redis-server` these tests are skipped, unless `CHATSOCK_REQUIRE_CLIENTS=1`. `CHATSOCK_CLUSTER_ALL=1` also
//! runs the slow ones.

#![allow(unreachable_pub, reason = "nothing outside uses this program's modules")]
#![cfg(all(target_os = "linux", feature = "cluster"))]
#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

#[cfg(feature = "storage")]
mod accounts;
mod address_bans;
mod archive;
mod deaths;
mod drain;
mod failures;
mod files;
mod import;
mod logged;
mod losses;
#[cfg(feature = "metrics")]
mod measured;
mod nodes;
#[cfg(feature = "storage")]
mod operators;
mod order;
mod outages;
mod programs;
mod refusing;
mod returns;
mod rolling;
mod rooms;
mod sharded;
#[path = "../support/mod.rs"]
mod support;
mod talking;
