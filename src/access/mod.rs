//! Who gets in and how fast: passwords, failed attempts, rates and addresses.

pub mod address;
pub mod admission;
pub mod allowance;
pub mod attempts;
pub mod backoff;
pub mod eviction;
pub mod exit_code;
pub mod login_limiter;
pub mod network;
pub mod password;
pub mod rate;
