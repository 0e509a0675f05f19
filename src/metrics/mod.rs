//! Metrics for the admin, with the feature `metrics`.
//!
//! The types exist in every build. Without the feature they are empty and their methods do nothing, so that code which counts
//! needs no `cfg`, and costs nothing.
//!
//! Each part of the server keeps a group of these next to what it counts. Counting is a relaxed atomic addition, once
//! per batch of events, without a lock. Facts that the server knows anyway, such as who is online, are not counted but
//! looked up for each scrape.
//!
//! *Owns* the groups, their labels, and the arithmetic.
//! *Knows nothing of* how they are shown, which is up to `server/metrics`.

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
#[cfg(feature = "cluster")]
pub(crate) use labels::{CommitResult, ResyncCause};
pub(crate) use labels::{DropKind, ListenerKind, LoginResult, PostKind, RefusalKind};

/// Connections, and what their sessions receive. One for a server.
#[derive(Debug, Default)]
pub(crate) struct SessionMetrics {
    /// Connections that are open, by listener.
    pub(crate) open: LabelledGauges<ListenerKind>,
    /// Connections that were admitted.
    pub(crate) accepted: Counter,
    /// Connections that were refused, some of them only once a proxy had named their client.
    pub(crate) refused: LabelledCounters<RefusalKind>,
    /// Connections that the server closed because of their client.
    pub(crate) dropped: LabelledCounters<DropKind>,
    /// Lines and requests that were read.
    pub(crate) lines: Counter,
    /// Messages that were sent.
    pub(crate) messages: LabelledCounters<PostKind>,
    /// Attempts to log in under a name.
    pub(crate) logins: LabelledCounters<LoginResult>,
    /// Waits imposed for wrong passwords.
    pub(crate) password_waits: Counter,
    /// How long hashing a password takes.
    pub(crate) password_seconds: Histogram,
}

/// Bytes through the sockets, and the clients that have fallen behind. One for a server.
#[derive(Debug, Default)]
pub(crate) struct TrafficMetrics {
    /// Bytes read.
    pub(crate) received: Counter,
    /// Bytes that sockets have accepted.
    pub(crate) sent: Counter,
    /// Clients with a backlog.
    pub(crate) slow_readers: Gauge,
}

/// Deliveries. One for all rooms and conversations.
#[derive(Debug, Default)]
pub(crate) struct DeliveryMetrics {
    /// Events shown, once for each client that they were shown to.
    pub(crate) deliveries: Counter,
    /// Bytes of these accepted by sockets; all others are in [`TrafficMetrics`].
    pub(crate) sent: Counter,
    /// Rounds of delivery.
    pub(crate) batches: Counter,
    /// Time from reading a line to the last send of its message.
    pub(crate) seconds: Histogram,
}

impl DeliveryMetrics {
    /// Counts a direct message that was shown to `shown` users and whose line was read at `read_at`.
    pub(crate) fn note_direct(&self, shown: usize, read_at: Instant) {
        let mut posted = Earliest::default();
        posted.note(read_at);
        self.deliveries.add(shown as u64);
        self.batches.add(1);
        self.seconds.observe_since(posted);
    }
}

/// A session's counts in the current turn.
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

    /// Adds the counts to the server's at the end of the turn.
    pub(crate) fn settle(&mut self, metrics: &SessionMetrics) {
        metrics.lines.settle(&mut self.lines);
        for (kind, tally) in PostKind::ALL.into_iter().zip(&mut self.messages) {
            metrics.messages.of(kind).settle(tally);
        }
    }
}

/// This server's exchange with its cluster. One for a server.
#[cfg(feature = "cluster")]
#[derive(Debug, Default)]
pub(crate) struct ClusterMetrics {
    /// Commands that were answered.
    pub(crate) commits: LabelledCounters<CommitResult>,
    /// Entries that were read from the logs.
    pub(crate) entries: Counter,
    /// How often this server has read the whole state again.
    pub(crate) resyncs: LabelledCounters<ResyncCause>,
    /// Messages that were shown here and that Redis has lost.
    pub(crate) lost: Counter,
    /// Users whose names were taken while this server was away.
    pub(crate) renamed: Counter,
    /// Connections to Redis after the first.
    pub(crate) reconnects: Counter,
    /// Time from sending commands to their answers, once for all that are sent together.
    pub(crate) commit_seconds: Histogram,
    /// Time from the start of a command to reading its entry back.
    pub(crate) readback_seconds: Histogram,
}
