//! Failed attempts that several servers count together, so that nobody gets new attempts by connecting to another
//! server.
//!
//! *Owns* what is asked of the shared counter, and under which keys. *Knows nothing of* where the counts are kept.

use std::fmt;
use std::time::Duration;

use super::attempt::{Attempt, AttemptTarget, Attempter};
use super::policy::{AttemptPolicy, Backoff};

/// What happens with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptStep {
    /// It begins.
    Begin,
    /// It was wrong.
    Wrong,
    /// It was right.
    Right,
    /// It was not compared, and does not count.
    Drop,
}

/// Whose failures one count holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CountKind {
    /// One user's.
    User,
    /// Those of everybody at an address.
    Address,
    /// Everybody's. They are never forgotten.
    Everyone,
}

/// One count that an attempt belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AttemptCount {
    pub(crate) kind: CountKind,
    /// Whose attempts, and at what target: two words with a colon between them.
    pub(crate) key: String,
    pub(crate) backoff: Backoff,
}

/// The answer to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SharedAnswer {
    /// It is counted. `blocked`: the next attempt has to wait.
    Counted { blocked: bool },
    /// It may not begin for this long.
    Waiting(Duration),
    /// As many attempts are undecided as may fail before a wait.
    Undecided,
}

/// Keeps counts for several servers.
pub(crate) trait SharedAttempts: fmt::Debug + Send + Sync {
    /// Takes a step, in all counts at once. `None`: they cannot be reached now.
    fn step(&self, step: AttemptStep, counts: &[AttemptCount], forgotten_after: Duration) -> Option<SharedAnswer>;
}

impl<T: AttemptTarget> Attempt<T> {
    /// The counts that this attempt belongs to. `what`: the kind of secret.
    pub(super) fn counts(&self, what: &str, policy: AttemptPolicy) -> Vec<AttemptCount> {
        let who = match self.who {
            Attempter::Connection(client) => format!("c{client}"),
            Attempter::Account(account) => format!("a{}", account.0),
            Attempter::Address(address) => address.to_string(),
        };
        let target = self.target.word();
        let key = |who: &dyn fmt::Display| format!("{who}:{what}{}{target}", if target.is_empty() { "" } else { "." });
        let mut counts = vec![AttemptCount { kind: CountKind::User, key: key(&who), backoff: policy.user }];
        if let Some(backoff) = policy.address {
            let key = key(&format_args!("all.{}", self.address));
            counts.push(AttemptCount { kind: CountKind::Address, key, backoff });
        }
        if let Some(backoff) = policy.everyone {
            counts.push(AttemptCount { kind: CountKind::Everyone, key: key(&"all"), backoff });
        }
        counts
    }
}
