//! Tests of the cluster against a Redis in memory, and of that against a real one.

mod alike;
mod fake;
mod fake_accounts;
mod model;
mod nodes;
mod server;
mod ways;
