//! The tests that can share a process. They are one binary, because linking thirty takes longer than running them.
//!
//! `cargo test --test suite NAME` runs one module. A test that counts or sets a property of the whole process, such as
//! its descriptors or its logger, needs a binary of its own.
//!
//! The random tests can run for longer:
//!
//! ```text
//! CHATSOCK_SEEDS=1000 cargo test --test suite delivery
//! CHATSOCK_SEEDS=200 cargo test --test suite races
//! CHATSOCK_HOSTILE_SECONDS=600 cargo test --test suite hostile
//! CHATSOCK_SEQUENCES=100000 cargo test --test suite model
//! PROPTEST_CASES=100000 cargo test --lib
//! cargo test --features full --test suite web:: -- --ignored
//! ```

#![allow(unreachable_pub, reason = "nothing outside uses this program's modules")]
#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod accounts;
mod clock;
mod commands_at_random;
#[cfg(feature = "client")]
mod connect;
#[cfg(feature = "client")]
mod connect_screen;
mod delivery;
mod dependencies;
mod direct;
mod discovery;
mod docs;
mod erasure;
mod example_config;
mod exit_code;
mod files;
mod fuzz_targets;
mod hostile;
mod idle;
mod idle_memory;
mod json;
mod layering;
mod limits;
mod login;
mod made_rooms;
mod man;
#[cfg(feature = "metrics")]
mod metrics;
mod model;
mod moderation;
mod no_trace;
mod operators;
mod packaging;
mod palette_cases;
mod persistence;
mod proxy;
mod races;
mod readme;
mod real_clients;
mod reload;
mod rooms;
mod stop;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "systemd")]
mod systemd;
mod telnet_cases;
mod tls;
mod tls_clients;
mod user_command;
mod view;
#[cfg(feature = "web")]
mod web;
#[cfg(feature = "web")]
mod websocket_echo;
mod words;
