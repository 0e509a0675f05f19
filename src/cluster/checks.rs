//! What has to be right with a Redis: looked at when a server starts, and again whenever it deals with another Redis, as after a
//! failover.
//!
//! *Owns* what is wrong with it, in the words of the log.
//! *Knows nothing of* connections.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::wire::Facts;

/// The lowest version with functions.
const LOWEST: u64 = 7;

/// Redis processes remembered, so that each is looked at once: more than take turns.
const REMEMBERED: usize = 64;

/// A Redis without functions, of this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RedisVersionError(pub(super) String);

impl RedisVersionError {
    /// One sentence without a full stop.
    pub(super) fn sentence(&self) -> String {
        format!("Redis is {}; a cluster needs Redis or Valkey 7.0 or later", self.0)
    }
}

/// Whether a Redis has functions.
pub(super) fn check_version(facts: &Facts) -> Result<(), RedisVersionError> {
    let major = facts.version.split('.').next().and_then(|major| major.parse::<u64>().ok());
    if major.is_some_and(|major| major < LOWEST) {
        return Err(RedisVersionError(facts.version.clone()));
    }
    Ok(())
}

/// Which Redis processes were looked at.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// A leaf. The `run_id` of each, the last one last.
    seen: Mutex<VecDeque<String>>,
}

impl Checks {
    /// Says what is not as it should be with this Redis, unless it was looked at before.
    ///
    /// # Errors
    ///
    /// It is too old.
    pub(super) fn look_at(&self, facts: &Facts) -> Result<(), RedisVersionError> {
        check_version(facts)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(&facts.run) {
            return Ok(());
        }
        if seen.len() >= REMEMBERED {
            seen.pop_front();
        }
        seen.push_back(facts.run.clone());
        drop(seen);
        for (level, text) in faults(facts) {
            log::log!(level, "cluster: {text}");
        }
        Ok(())
    }
}

/// What is not as it should be.
fn faults(facts: &Facts) -> Vec<(log::Level, String)> {
    let mut faults = Vec::new();
    let mut warn = |text: String| faults.push((log::Level::Warn, text));
    if facts.policy.is_none() {
        warn("Redis does not show its settings; maxmemory-policy must be noeviction".to_owned());
    }
    if facts.append_only == Some(false) {
        warn("appendonly is no: a restart of Redis loses everything".to_owned());
    }
    if facts.replicas_to_write == Some(0) {
        warn("min-replicas-to-write is 0: what Redis has accepted may be lost with its machine".to_owned());
    }
    if let Some(timeout) = facts.timeout.filter(|timeout| *timeout > 0) {
        warn(format!("timeout is {timeout}: set 0, or Redis closes idle connections"));
    }
    if let Some(policy) = facts.policy.as_deref().filter(|policy| *policy != "noeviction") {
        let text = format!("maxmemory-policy is {policy}: set noeviction, or messages vanish");
        faults.insert(0, (log::Level::Error, text));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(run: &str) -> Facts {
        Facts {
            version: "7.0.15".to_owned(),
            run: run.to_owned(),
            policy: Some("noeviction".to_owned()),
            append_only: Some(true),
            replicas_to_write: Some(1),
            timeout: Some(0),
            replica: false,
        }
    }

    #[test]
    fn a_redis_as_it_should_be_has_no_faults_and_each_fault_is_named() {
        assert_eq!(faults(&facts("a")), []);
        let wrong = Facts {
            policy: Some("allkeys-lru".to_owned()),
            append_only: Some(false),
            replicas_to_write: Some(0),
            timeout: Some(60),
            ..facts("a")
        };
        let named: Vec<_> = faults(&wrong).into_iter().map(|(level, text)| (level, text[..12].to_owned())).collect();
        let expected = [
            (log::Level::Error, "maxmemory-po"),
            (log::Level::Warn, "appendonly i"),
            (log::Level::Warn, "min-replicas"),
            (log::Level::Warn, "timeout is 6"),
        ];
        assert_eq!(named, expected.map(|(level, text)| (level, text.to_owned())));
        let silent = Facts { policy: None, append_only: None, replicas_to_write: None, timeout: None, ..facts("a") };
        assert_eq!(faults(&silent).len(), 1);
    }

    #[test]
    fn each_redis_is_looked_at_once_and_one_that_is_too_old_never_accepted() {
        let checks = Checks::default();
        let seen = |checks: &Checks| checks.seen.lock().expect("no panic").len();
        for (run, expected) in [("a", 1), ("a", 1), ("b", 2), ("a", 2)] {
            assert_eq!(checks.look_at(&facts(run)), Ok(()));
            assert_eq!(seen(&checks), expected, "{run}");
        }
        let old = Facts { version: "6.2.14".to_owned(), ..facts("c") };
        assert_eq!(checks.look_at(&old), Err(RedisVersionError("6.2.14".to_owned())));
        assert_eq!(checks.look_at(&old), Err(RedisVersionError("6.2.14".to_owned())));
        for run in 0..2 * REMEMBERED {
            assert_eq!(checks.look_at(&facts(&run.to_string())), Ok(()));
        }
        assert_eq!(seen(&checks), REMEMBERED);
    }
}
