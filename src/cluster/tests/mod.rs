//! Tests of the cluster against a Redis in memory, and of that against a real one.

mod alike;
mod fake;
mod nodes;
mod server;
