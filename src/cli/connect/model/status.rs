//! The state of the connection.
//!
//! *Owns* the words of the status line. *Knows nothing of* sockets.

use std::time::Instant;

/// The exit statuses of the program.
pub(crate) const EXIT_FINE: u8 = 0;
pub(crate) const EXIT_FAILED: u8 = 1;
pub(crate) const EXIT_USER: u8 = 2;

/// The state of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkStatus {
    /// A connection is being made.
    Connecting,
    /// Connected, but not logged in yet.
    LoggingIn,
    /// Logged in.
    Connected,
    /// Waiting for the next attempt.
    Waiting {
        /// Why the last one failed: a sentence.
        why: String,
        /// When the next attempt begins.
        until: Instant,
    },
    /// Disconnected for good.
    Ended {
        /// A sentence; empty if the user has left.
        why: String,
    },
}

impl LinkStatus {
    /// For the status line: `connected, TLS 1.3`, `reconnecting in 4 s`. `security` names the TLS version, if the
    /// connection has TLS.
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
