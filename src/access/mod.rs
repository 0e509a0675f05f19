//! Who gets in and how fast: passwords, failed attempts, rates and addresses.

pub mod attempts;
pub mod network;
pub mod password;

pub(crate) mod address;
pub(crate) mod admission;
pub(crate) mod allowance;
pub(crate) mod eviction;
pub(crate) mod rate;
pub(crate) mod shutdown_code;
