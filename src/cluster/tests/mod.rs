//! Tests of the cluster against an in-memory Redis, and comparisons of that with a real one.

mod alike;
mod fake;
mod fake_accounts;
mod model;
mod nodes;
mod server;
mod ways;
