//! What is counted for the admin, with the feature `metrics`.
//!
//! The types exist in every build. Without the feature they are empty and their methods do nothing, so that code which counts
//! needs no `cfg`, and costs nothing.
//!
//! Each part of the server has a group of these beside what it counts. A count is a relaxed addition, made once for a batch of
//! events, and no lock. What is known anyway, such as who is online, is not counted but looked up when somebody asks.
//!
//! *Owns* the groups, their labels, and the arithmetic.
//! *Knows nothing of* how they are shown: `server/metrics` does that.

use std::time::Instant;

mod labels;

#[cfg(feature = "metrics")]
mod counted;
#[cfg(not(feature = "metrics"))]
mod disabled;

#[cfg(feature = "metrics")]
pub(crate) use counted::{
    BatchCount, Counter, Earliest, Gauge, Histogram, LabelledCounters, LabelledGauges, LocalCount, Raised,
};
#[cfg(not(feature = "metrics"))]
pub(crate) use disabled::{
    BatchCount, Counter, Earliest, Gauge, Histogram, LabelledCounters, LabelledGauges, LocalCount, Raised,
};
#[cfg(feature = "metrics")]
pub(crate) use labels::Label;
pub(crate) use labels::{DropKind, ListenerKind, LoginResult, PostKind, RefusalKind};

/// Connections and what their sessions take in. One for a server.
#[derive(Debug, Default)]
pub(crate) struct SessionMetrics {
    /// Connections that are open, by listener.
    pub(crate) open: LabelledGauges<ListenerKind>,
    /// Connections that were admitted.
    pub(crate) accepted: Counter,
    /// Connections that were not, or no longer once a proxy had named their client.
    pub(crate) refused: LabelledCounters<RefusalKind>,
    /// Connections that the server has ended because of what their client did or did not do.
    pub(crate) dropped: LabelledCounters<DropKind>,
    /// Lines and requests that were read.
    pub(crate) lines: Counter,
    /// Messages that were sent.
    pub(crate) messages: LabelledCounters<PostKind>,
    /// Attempts to come in under a name.
    pub(crate) logins: LabelledCounters<LoginResult>,
    /// Waits that wrong passwords have led to.
    pub(crate) password_waits: Counter,
    /// How long hashing a password takes.
    pub(crate) password_seconds: Histogram,
}

/// Bytes through the sockets, and the clients that do not keep up. One for a server.
#[derive(Debug, Default)]
pub(crate) struct TrafficMetrics {
    /// Bytes read.
    pub(crate) received: Counter,
    /// Bytes that sockets have accepted.
    pub(crate) sent: Counter,
    /// Clients that have not accepted everything yet.
    pub(crate) slow_readers: Gauge,
}

/// What is delivered. One for all rooms, and for the conversations.
#[derive(Debug, Default)]
pub(crate) struct DeliveryMetrics {
    /// Events that were shown, once for each client that was shown one.
    pub(crate) deliveries: Counter,
    /// Bytes that sockets have accepted of them; all others are in [`TrafficMetrics`].
    pub(crate) sent: Counter,
    /// Rounds of delivery.
    pub(crate) batches: Counter,
    /// From the reading of a line to the last send of its message.
    pub(crate) seconds: Histogram,
}

impl DeliveryMetrics {
    /// A direct message was shown to so many; its line was read at this moment.
    pub(crate) fn note_direct(&self, shown: usize, read_at: Instant) {
        let mut posted = Earliest::default();
        posted.note(read_at);
        self.deliveries.add(shown as u64);
        self.batches.add(1);
        self.seconds.observe_since(posted);
    }
}

/// What a session has counted in this turn.
#[derive(Debug, Default)]
pub(crate) struct TurnCounts {
    lines: LocalCount,
    messages: [LocalCount; PostKind::COUNT],
}

impl TurnCounts {
    /// A line was read.
    pub(crate) fn note_line(&mut self) {
        self.lines.add(1);
    }

    /// A message was sent.
    pub(crate) fn note_message(&mut self, kind: PostKind) {
        self.messages[kind as usize].add(1);
    }

    /// The turn is over.
    pub(crate) fn settle(&mut self, metrics: &SessionMetrics) {
        metrics.lines.settle(&mut self.lines);
        for (kind, tally) in PostKind::ALL.into_iter().zip(&mut self.messages) {
            metrics.messages.of(kind).settle(tally);
        }
    }
}
