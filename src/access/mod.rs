//! Who gets in and how fast: passwords, failed attempts, rates and addresses.

// Every arm is written out, so that the compiler asks about a new variant.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

pub mod attempts;
pub mod network;
pub mod password;

pub(crate) mod address;
pub(crate) mod admission;
pub(crate) mod allowance;
pub(crate) mod eviction;
pub(crate) mod rate;
pub(crate) mod shutdown_code;
