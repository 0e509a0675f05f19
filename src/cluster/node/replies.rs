//! What the answers to a node's calls change.
//!
//! *Owns* the transitions between phases, and the outcome of each command.
//! *Knows nothing of* when something is sent.

use std::time::{Duration, Instant};

use super::{BARRED, Barred, Core, Out, Phase};
use crate::cluster::engine::{Call, Reply, other_format};
use crate::cluster::replica::Back;
use crate::cluster::values::{Epoch, Log, NumberKind, Position};
use crate::metrics::CommitResult;

/// `1 room`, `2 rooms`.
pub(crate) fn counted(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

impl Core {
    /// Handles the answers to the calls that were sent last.
    pub(crate) fn answered(&mut self, calls: &[Call], replies: &[Reply], now: Instant) -> Result<(), Box<str>> {
        let (mut fenced, known) = (false, self.out.len());
        (self.is_asking, self.heard_at) = (false, now);
        if calls.iter().any(|call| matches!(call, Call::Submit { .. })) {
            self.metrics.commit_seconds.observe(now.saturating_duration_since(self.asked_at));
        }
        let mut failed = None;
        for (call, reply) in calls.iter().zip(replies) {
            let is_users = self.phase == Phase::Running && matches!(call, Call::Submit { .. });
            if let Reply::Failed(why) = reply
                && !is_users
            {
                failed.get_or_insert(why);
            }
            // What became of users' commands is known, whatever else has failed.
            if failed.is_some() && !is_users {
                continue;
            }
            if let Reply::Fenced { .. } = reply {
                fenced = true;
            }
            self.answer(call, reply, now);
        }
        self.settle_all();
        self.bytes = self.logs.values().flat_map(|view| &view.queue).map(|pending| pending.command.weight()).sum();
        if let Some(why) = failed {
            return Err(why.clone());
        }
        if fenced {
            self.note_outage(now);
            let after = self.down_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
            self.tell_lease_lost(after);
            (self.was_out, self.fenced, self.settled, self.renewed) = (true, true, false, None);
            self.claims.clear();
            self.claiming.clear();
            self.loads.clear();
            // Redis may have forgotten the node because it lost everything.
            self.phase = Phase::Terms;
            return Ok(());
        }
        if self.phase == Phase::Terms {
            self.report_losses(known);
        }
        self.advance(calls, replies, now);
        Ok(())
    }

    /// Logs what the new Redis has lost, from the output since `from`.
    fn report_losses(&mut self, from: usize) {
        if !std::mem::take(&mut self.new_era) {
            return;
        }
        let losses = self
            .out
            .iter()
            .skip(from)
            .filter_map(|out| if let Out::Lost(loss) = out { Some(loss.count) } else { None });
        let (rooms, messages) = losses.fold((0, 0), |(rooms, messages), count| (rooms + 1, messages + count as usize));
        let term = self.term;
        self.metrics.lost.add(messages as u64);
        let (level, lost) = if messages == 0 {
            (log::Level::Info, "nothing is gone".to_owned())
        } else {
            let verb = if messages == 1 { "is" } else { "are" };
            let [messages, rooms] = [counted(messages, "message", "messages"), counted(rooms, "room", "rooms")];
            (log::Level::Warn, format!("{messages} of {rooms} {verb} gone"))
        };
        self.out.push_back(Out::Note(level, format!("cluster: another Redis (term {term}): {lost}")));
    }

    fn answer(&mut self, call: &Call, reply: &Reply, now: Instant) {
        match (call, reply) {
            (Call::Submit { log, caller, n, .. }, reply) => self.submitted(*log, caller.epoch, *n, reply),
            (Call::NewTerm { log, known, .. }, Reply::Term { end, era, ended, past }) => {
                if let Some(view) = self.logs.get_mut(log) {
                    let is_new = view.begin_term(*end, era, ended, *past, &mut self.out);
                    self.new_era |= is_new && *known != Position::START;
                    // This Redis may give out the reserved numbers, too.
                    if is_new && *log == Log::Directory {
                        self.numbers.clear();
                    }
                    self.term = self.term.max(end.term);
                }
            }
            (Call::Beat { log, .. }, Reply::Alive { n, at_ms, number, left }) => {
                self.clock.set(*at_ms, now);
                let (epoch, same) = (self.epoch, self.run == self.last_run);
                #[cfg(test)]
                let n = if self.skips.repeats { &0 } else { n };
                if let Some(view) = self.logs.get_mut(log) {
                    (view.left, view.end) = (*left, *number);
                    if self.phase == Phase::Beats {
                        view.resume(epoch, *n, *number, same);
                        if !same {
                            view.forget_unread(&mut self.out, *number);
                        }
                    }
                }
            }
            (Call::Block { kind: NumberKind::Message, .. }, Reply::Block { first, last }) => {
                self.blocks.push_back((*first, *last));
                self.raise_floor(NumberKind::Message, *last);
            }
            (Call::Block { kind, .. }, Reply::Block { first, last }) => {
                self.numbers.insert(*kind, (*first, *last));
                self.raise_floor(*kind, *last);
            }
            (Call::Give { log, first, last }, Reply::Given { left, end }) => {
                if let Some(view) = self.logs.get_mut(log) {
                    view.left = *left;
                }
                // Another node was faster. Keep the block for later, unless that node assigned higher numbers.
                if end < first {
                    self.blocks.push_front((*first, *last));
                }
            }
            (Call::Enter { log, .. }, Reply::Entered { epoch, number }) => {
                if let (Phase::Entering { old, .. }, Some(view)) = (&self.phase, self.logs.get_mut(log)) {
                    view.restart(*old, *number);
                    view.forget_unread(&mut self.out, *number);
                    self.epoch = *epoch;
                    self.raise_floor(NumberKind::Epoch, epoch.0);
                }
            }
            (Call::Look { log }, reply @ Reply::Look { .. }) => self.looked(*log, reply),
            (Call::Room { log, .. }, Reply::Room(room)) => self.room_loaded(*log, room.as_deref()),
            _ => {}
        }
    }

    pub(super) fn settle_all(&mut self) {
        #[cfg(test)]
        if self.skips.losses {
            self.out.retain(|out| !matches!(out, Out::Lost(_)));
        }
        for view in self.logs.values_mut() {
            view.settle(&mut self.out);
        }
    }

    pub(super) fn submitted(&mut self, log: Log, epoch: Epoch, n: u64, reply: &Reply) {
        let result = match reply {
            Reply::Committed { .. } => Some(CommitResult::Accepted),
            Reply::Done { .. } => Some(CommitResult::Done),
            Reply::Stale { .. } => Some(CommitResult::Stale),
            Reply::Fenced { .. } => Some(CommitResult::Fenced),
            Reply::Full { .. } | Reply::Taken { .. } | Reply::Failed(_) => Some(CommitResult::Refused),
            // It will be sent again.
            Reply::Order | Reply::NoNumbers => None,
            // Answers to other calls.
            Reply::Term { .. }
            | Reply::Entered { .. }
            | Reply::Format(_)
            | Reply::Partitions(_)
            | Reply::Live { .. }
            | Reply::Alive { .. }
            | Reply::Nothing
            | Reply::Block { .. }
            | Reply::Given { .. }
            | Reply::Look { .. }
            | Reply::Room(_)
            | Reply::Account(_)
            | Reply::Tail { .. }
            | Reply::Numbers(_)
            | Reply::Gone(_)
            | Reply::Pushed(_) => None,
        };
        result.into_iter().for_each(|result| self.metrics.commits.of(result).add(1));
        if let Some(claimed) = self.claiming.remove(&(log, n)) {
            return self.claim_answered(log, claimed, reply);
        }
        if let Some(view) = self.logs.get_mut(&log) {
            view.answered(n, epoch, reply, &mut self.out);
        }
    }

    /// Moves on to the next phase if the answers allow it.
    fn advance(&mut self, calls: &[Call], replies: &[Reply], now: Instant) {
        let beats = calls.iter().filter(|call| matches!(call, Call::Beat { .. })).count();
        if beats == self.logs.len() {
            self.renewed = Some(self.asked_at);
        }
        match self.phase.clone() {
            Phase::Terms => {
                let enters = std::mem::take(&mut self.fenced) || self.epoch == Epoch(0);
                self.phase = if enters { Phase::Entering { epoch: None, old: self.epoch } } else { Phase::Beats };
            }
            Phase::Beats => {
                if self.settled {
                    self.run_on(now);
                } else {
                    self.begin_claims();
                }
            }
            Phase::Entering { epoch: None, old } => {
                self.barred = replies.iter().find_map(|reply| match reply {
                    Reply::Live { left_ms } => Some(Barred::Live(Duration::from_millis(*left_ms), now)),
                    Reply::Format(format) => Some(Barred::Format(*format)),
                    Reply::Partitions(count) => Some(Barred::Partitions(*count)),
                    _ => None,
                });
                if self.barred.is_none() {
                    self.phase = Phase::Entering { epoch: Some(self.epoch), old };
                } else {
                    self.beat_due = now + BARRED;
                    self.tell_barred();
                }
            }
            Phase::Entering { epoch: Some(_), .. } => {
                self.renewed = Some(self.asked_at);
                self.beat_due = now;
                self.begin_claims();
            }
            Phase::Claiming(_) => self.claims_sent(now),
            Phase::Loading => self.loads_sent(),
            Phase::Settling => self.settled_yet(now),
            Phase::Running => {
                self.finish_loads();
            }
            Phase::Down | Phase::Asking(_) => {}
        }
    }

    /// Says once why a node that was in before is not let in again. At the start it is the start that says so.
    fn tell_barred(&mut self) {
        let (Some(barred), true) = (&self.barred, self.epoch != Epoch(0)) else { return };
        let (node, own) = (&self.rules.node, self.rules.partitions.count());
        let (level, text) = match barred {
            Barred::Format(format) => (log::Level::Error, other_format(*format)),
            Barred::Partitions(count) => {
                let text = format!("partitions is {own}, but the other servers use {count}: set it to {count}");
                (log::Level::Error, text)
            }
            // Perhaps this one, as a Redis remembers it that has not heard of it lately.
            Barred::Live(..) => (log::Level::Warn, format!("a server named {node} is in already; this one waits")),
        };
        if !std::mem::replace(&mut self.told_barred, true) {
            self.out.push_back(Out::Note(level, format!("cluster: {text}")));
            // Not known how long: its users are to know.
            self.out.push_back(Out::Away);
        }
    }

    pub(super) fn run_on(&mut self, now: Instant) {
        self.phase = Phase::Running;
        (self.settled, self.told, self.told_barred) = (true, (false, false), false);
        self.last_run.clone_from(&self.run);
        if let Some(since) = self.down_since.take() {
            let after = now.saturating_duration_since(since);
            let super::Journey { entries, renamed, put_out } = std::mem::take(&mut self.journey);
            let text = format!(
                "cluster: back after {:.0} s: {}, {}, {}",
                after.as_secs_f64(),
                counted(entries, "entry read", "entries read"),
                counted(renamed, "name changed", "names changed"),
                counted(put_out, "person put out", "people put out")
            );
            self.out.push_back(Out::Note(log::Level::Info, text));
            self.out.push_back(Out::Back(Back { after, was_out: std::mem::take(&mut self.was_out) }));
        }
    }
}
