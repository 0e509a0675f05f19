//! Whether the node still has its lease, by its own monotonic clock, and what the log says about it.
//!
//! *Owns* the lease as the node sees it, commands that have waited too long, and the figures for monitoring.
//! *Knows nothing of* how the lease is renewed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

#[cfg(feature = "metrics")]
use super::log_view::LogView;
use super::log_view::Pending;
use super::{Core, Journey, Out, counted};
use crate::cluster::replica::Health;
use crate::cluster::ticket::Outcome;

/// An unsent command that has waited longer than this many times `timeout` is refused.
const REFUSED_AFTER: u32 = 10;

/// A node's figures for monitoring.
#[cfg(feature = "metrics")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct NodeFigures {
    /// Its lease holds.
    pub(crate) is_up: bool,
    /// Nodes that are alive.
    pub(crate) nodes: usize,
    pub(crate) term: u64,
    pub(crate) lease_left: Duration,
    /// Commands without an answer.
    pub(crate) pending: usize,
    /// Entries that are in the logs but have not been read.
    pub(crate) lag: u64,
}

impl Core {
    /// Whether the node may accept actions that others would see. Its own lease is shorter than the one in Redis, so it
    /// stops accepting them before the others consider it dead.
    pub(crate) fn takes_commands(&self, now: Instant) -> bool {
        self.renewed.is_some_and(|renewed| now.saturating_duration_since(renewed) < self.rules.lease * 7 / 10)
    }

    /// Notes the start of an outage, which is the time of the last heartbeat.
    pub(super) fn note_outage(&mut self, now: Instant) {
        if self.down_since.is_none() {
            self.down_since = Some(self.renewed.unwrap_or(now));
            self.journey = Journey::default();
        }
    }

    /// Handles timeouts.
    pub(crate) fn tick(&mut self, now: Instant) {
        let limit = self.rules.timeout * REFUSED_AFTER;
        for view in self.logs.values_mut() {
            // A command that was sent may be in the log; the ones behind it have waited long enough.
            let waits_long = |pending: &Pending| now.saturating_duration_since(pending.since) >= limit;
            // The first one has waited longest.
            if !view.queue.front().is_some_and(waits_long) {
                continue;
            }
            let refused = |pending: &Pending| pending.n.is_none() && waits_long(pending);
            let (over, left) = std::mem::take(&mut view.queue).into_iter().partition(refused);
            view.queue = left;
            let over: VecDeque<Pending> = over;
            self.out.extend(over.into_iter().map(|pending| Out::Resolve(pending.ticket, Outcome::Refused)));
        }
        let oldest = self.logs.values().filter_map(|view| view.queue.front()).map(|pending| pending.since).min();
        // What has waited since before Redis last answered waits for something else, such as numbers.
        let since = oldest.into_iter().chain(self.is_asking.then_some(self.asked_at)).min();
        let since = since.map(|since| since.max(self.heard_at));
        let silence = since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let health = if !self.takes_commands(now) {
            Health::Down
        } else if silence >= self.rules.timeout {
            Health::Slow
        } else {
            Health::Well
        };
        if silence >= self.rules.timeout && !std::mem::replace(&mut self.told.0, true) {
            let waiting: usize = self.logs.values().map(|view| view.queue.len()).sum();
            let wait = counted(waiting, "line waits", "lines wait");
            let text = format!("cluster: Redis does not answer ({:.1} s), {wait}", silence.as_secs_f64());
            self.out.push_back(Out::Note(log::Level::Warn, text));
        }
        let last = self.renewed.map_or(Duration::ZERO, |renewed| now.saturating_duration_since(renewed));
        if last >= self.rules.lease && !self.told.1 {
            self.tell_lease_lost(last);
            self.out.push_back(Out::Away);
        }
        if health != std::mem::replace(&mut self.health, health) {
            self.out.push_back(Out::Health(health));
        }
    }

    /// Logs once that the lease is over.
    pub(super) fn tell_lease_lost(&mut self, after: Duration) {
        if !std::mem::replace(&mut self.told.1, true) {
            let seconds = after.as_secs_f64();
            let text = format!("cluster: lease lost after {seconds:.1} s; nothing is said until this node is back");
            self.out.push_back(Out::Note(log::Level::Error, text));
        }
    }

    /// The figures for monitoring.
    #[cfg(feature = "metrics")]
    pub(crate) fn figures(&self, now: Instant) -> NodeFigures {
        let left = |renewed: Instant| self.rules.lease.saturating_sub(now.saturating_duration_since(renewed));
        NodeFigures {
            is_up: self.is_running() && self.takes_commands(now),
            nodes: self.living.len(),
            term: self.term,
            lease_left: self.renewed.map_or(Duration::ZERO, left),
            pending: self.logs.values().map(|view| view.queue.len()).sum(),
            lag: self.logs.values().map(LogView::lag).sum(),
        }
    }
}
