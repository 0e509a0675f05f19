//! Failed attempts at passwords and exit codes, and the waits after them.
//!
//! One [`AttemptLimiter`] serves one kind of secret: room passwords, account passwords, the exit code. Its
//! [`AttemptPolicy`] says whose failures are counted together, how many are free, and how long the waits are.
//!
//! *Owns* the counts, the waits, and the bound on the tables that hold them.
//! *Knows nothing of* passwords and codes, nor of how long comparing them takes.

mod attempt;
mod failures;
mod limiter;
mod policy;
#[cfg(feature = "cluster")]
mod shared;

pub use attempt::{Attempt, AttemptTarget, Attempter};
pub use failures::AttemptError;
pub use limiter::{AttemptLimiter, PendingAttempt};
pub(crate) use policy::{AttemptPolicy, Backoff, Schedule};
#[cfg(feature = "cluster")]
pub(crate) use shared::{AttemptCount, AttemptStep, CountKind, SharedAnswer, SharedAttempts};
