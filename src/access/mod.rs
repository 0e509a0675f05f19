//! Who gets in and how fast: passwords, failed attempts, rates and addresses.

pub mod address;
pub mod admission;
pub mod allowance;
pub mod attempts;
pub mod eviction;
pub mod network;
pub mod password;
pub mod rate;
pub mod shutdown_code;
