//! Handles the logs' entries as they arrive.
//!
//! *Owns* where to read from, which nodes are alive, and the highest numbers seen.
//! *Knows nothing of* what is sent.

use std::time::Instant;

use super::log_view::Reading;
use super::{Core, Out, Phase};
use crate::cluster::engine::{EntryKind, LogEntry};
use crate::cluster::entry::Happened;
use crate::cluster::values::{Log, NumberKind, Position};
use crate::metrics::ResyncCause;

/// Connections are numbered from 1,001, so numbers up to this do not come from the directory,
const BEFORE_CLIENTS: u64 = 1000;

/// and neither do the long ones that a server makes up by itself.
const LONG_NUMBERS: u64 = 1 << 52;

/// The highest number in an entry.
fn floor_of(what: &Happened) -> Option<(NumberKind, u64)> {
    match what {
        Happened::Committed { id, said, .. } => id.map(|id| (NumberKind::Message, id + said.saturating_sub(1))),
        Happened::Claimed { client, .. } => {
            (client.0 < LONG_NUMBERS).then(|| (NumberKind::Client, client.0.saturating_sub(BEFORE_CLIENTS)))
        }
        Happened::NodeGone { epoch, .. } => Some((NumberKind::Epoch, epoch.0)),
        Happened::Released { .. } | Happened::Noted(_) | Happened::AccountChanged { .. } => None,
    }
}

impl Core {
    /// The positions to read from, except in logs that cannot be followed.
    pub(crate) fn read_from(&self, run: &str) -> Vec<(Log, Position)> {
        // Until the node knows what this Redis has, the same position may mean something else there.
        if run != self.run || matches!(self.phase, Phase::Down | Phase::Terms) {
            return Vec::new();
        }
        let followed = self.logs.iter().filter(|(_, view)| view.reading == Reading::Following);
        followed.map(|(log, view)| (*log, view.position)).collect()
    }

    /// Whether this is the Redis that the node is working with.
    pub(crate) fn is_of(&self, run: &str) -> bool {
        run == self.run
    }

    /// Handles entries that were read from this Redis.
    pub(crate) fn read(&mut self, run: &str, entries: Vec<LogEntry>, now: Instant) {
        if run != self.run || matches!(self.phase, Phase::Down | Phase::Terms) {
            return;
        }
        let before = self.out.len();
        self.journey.entries += entries.len();
        self.metrics.entries.add(entries.len() as u64);
        for entry in entries {
            if let Some(view) = self.logs.get_mut(&entry.log) {
                let followed = view.reading == Reading::Following;
                // A node that was connected to another Redis knows of numbers that this one may still give out.
                if let EntryKind::Term { last } = &entry.kind
                    && (entry.log, entry.position.term) == (Log::Directory, last.term)
                {
                    self.numbers.clear();
                    self.blocks.clear();
                }
                #[cfg(test)]
                if self.skips.gaps && entry.position.number > view.position.number + 1 {
                    view.position = Position { number: entry.position.number - 1, ..entry.position };
                }
                view.read(entry, &self.rules.node, self.epoch, &self.metrics, &mut self.out);
                if followed && view.reading == Reading::Behind {
                    // Perhaps somebody has emptied this Redis, and the others are in again before this node.
                    self.is_in_doubt = true;
                    self.metrics.resyncs.of(ResyncCause::Gap).add(1);
                }
            }
        }
        self.settle_all();
        let mut changed = false;
        for index in before..self.out.len() {
            match self.out.get(index) {
                Some(Out::NodeIn { log: Log::Directory, caller }) => {
                    changed |= self.living.insert(caller.node.clone(), caller.epoch) != Some(caller.epoch);
                    let epoch = caller.epoch.0;
                    self.raise_floor(NumberKind::Epoch, epoch);
                }
                Some(Out::NodeGone { log: Log::Directory, caller })
                    if self.living.get(&caller.node) == Some(&caller.epoch) =>
                {
                    changed |= self.living.remove(&caller.node).is_some();
                }
                Some(Out::Apply(entry)) => {
                    if let Some((kind, number)) = floor_of(&entry.what) {
                        self.raise_floor(kind, number);
                    }
                }
                Some(
                    Out::NodeIn { .. }
                    | Out::NodeGone { .. }
                    | Out::Reload(..)
                    | Out::Lost(_)
                    | Out::Resolve(..)
                    | Out::Holdings(_)
                    | Out::Returning
                    | Out::NameTaken(_)
                    | Out::MembershipRefused(..)
                    | Out::Health(_)
                    | Out::Away
                    | Out::Note(..)
                    | Out::Back(_)
                    | Out::Nodes(_),
                )
                | None => {}
            }
        }
        if changed {
            self.out.push_back(Out::Nodes(self.living.keys().cloned().collect()));
        }
        if self.phase == Phase::Settling {
            self.settled_yet(now);
        }
    }

    pub(super) fn raise_floor(&mut self, kind: NumberKind, number: u64) {
        let floor = self.floors.entry(kind).or_default();
        *floor = (*floor).max(number);
    }
}
