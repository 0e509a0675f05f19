//! How it stands with the connection.
//!
//! *Owns* the words of the status line. *Knows nothing of* sockets.

use std::time::Instant;

/// Exit statuses, as of the program.
pub(crate) const EXIT_FINE: u8 = 0;
pub(crate) const EXIT_FAILED: u8 = 1;
pub(crate) const EXIT_USER: u8 = 2;

/// How it stands with the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkStatus {
    /// A connection is being made.
    Connecting,
    /// There is one, and nobody is logged in on it yet.
    LoggingIn,
    /// Logged in.
    Connected,
    /// The next attempt is at this moment.
    Waiting {
        /// Why the last one failed: a sentence.
        why: String,
        /// When.
        until: Instant,
    },
    /// There will be no other.
    Ended {
        /// A sentence; empty if the user has left.
        why: String,
    },
}

impl LinkStatus {
    /// For the status line: `connected, TLS 1.3`, `reconnecting in 4 s`. `security` is what the connection has.
    pub(crate) fn sentence(&self, security: Option<&str>, now: Instant) -> String {
        match self {
            LinkStatus::Connecting => "connecting".to_owned(),
            LinkStatus::LoggingIn => "logging in".to_owned(),
            LinkStatus::Connected => format!("connected, {}", security.unwrap_or("not encrypted")),
            LinkStatus::Waiting { until, .. } => {
                let left = until.saturating_duration_since(now).as_millis().div_ceil(1000);
                if left == 0 { "reconnecting".to_owned() } else { format!("reconnecting in {left} s") }
            }
            LinkStatus::Ended { why } if why.is_empty() => "disconnected".to_owned(),
            LinkStatus::Ended { why } => why.clone(),
        }
    }
}
