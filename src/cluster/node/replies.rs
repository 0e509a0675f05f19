//! What the answers to a node's calls change.
//!
//! *Owns* the way from phase to phase, and the outcome of each command.
//! *Knows nothing of* when something is sent.

use std::time::{Duration, Instant};

use super::{BARRED, Barred, Core, Out, Phase};
use crate::cluster::engine::{Call, Reply};
use crate::cluster::replica::Back;
use crate::cluster::values::{Epoch, Log, NumberKind};

impl Core {
    /// The answers to the calls that were sent last.
    pub(crate) fn answered(&mut self, calls: &[Call], replies: &[Reply], now: Instant) -> Result<(), Box<str>> {
        let mut fenced = false;
        for (call, reply) in calls.iter().zip(replies) {
            if let Reply::Failed(why) = reply
                && (self.phase == Phase::Claiming || !matches!(call, Call::Submit { .. }))
            {
                return Err(why.clone());
            }
            if let Reply::Fenced { .. } = reply {
                fenced = true;
            }
            self.answer(call, reply);
        }
        self.settle_all();
        self.bytes = self.logs.values().flat_map(|view| &view.queue).map(|pending| pending.command.weight()).sum();
        if fenced {
            self.was_out = true;
            self.settled = false;
            self.claims.clear();
            self.claiming.clear();
            self.phase = Phase::Entering { epoch: None, old: self.epoch };
            self.renewed = None;
            self.down_since.get_or_insert(now);
            return Ok(());
        }
        self.advance(calls, replies, now);
        Ok(())
    }

    fn answer(&mut self, call: &Call, reply: &Reply) {
        match (call, reply) {
            (Call::Submit { log, caller, n, .. }, reply) => self.submitted(*log, caller.epoch, *n, reply),
            (Call::NewTerm { log, .. }, Reply::Term { end, ended, .. }) => {
                if let Some(view) = self.logs.get_mut(log) {
                    view.begin_term(*end, *ended, &mut self.out);
                }
            }
            (Call::Beat { log, .. }, Reply::Alive { n, at_ms, number, left }) => {
                self.clock_ahead = at_ms - jiff::Timestamp::now().as_millisecond();
                let (epoch, same) = (self.epoch, self.run == self.last_run);
                #[cfg(test)]
                let n = if self.skips.repeats { &0 } else { n };
                if let Some(view) = self.logs.get_mut(log) {
                    view.left = *left;
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
                self.floors.insert(NumberKind::Message, *last);
            }
            (Call::Block { kind, .. }, Reply::Block { first, last }) => {
                self.numbers.insert(*kind, (*first, *last));
                self.floors.insert(*kind, *last);
            }
            (Call::Give { log, first, last }, Reply::Given { left, end }) => {
                if let Some(view) = self.logs.get_mut(log) {
                    view.left = *left;
                }
                // Another node was faster. The block is good for later, unless that one has given higher numbers.
                if end < first {
                    self.blocks.push_front((*first, *last));
                }
            }
            (Call::Enter { log, .. }, Reply::Entered { epoch, number }) => {
                if let (Phase::Entering { old, .. }, Some(view)) = (&self.phase, self.logs.get_mut(log)) {
                    view.restart(*old, *number);
                    view.forget_unread(&mut self.out, *number);
                    self.epoch = *epoch;
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
        if let Some(claimed) = self.claiming.remove(&(log, n)) {
            return self.claim_answered(claimed, reply);
        }
        if let Some(view) = self.logs.get_mut(&log) {
            view.answered(n, epoch, reply, &mut self.out);
        }
    }

    /// What the answers mean for the phase.
    fn advance(&mut self, calls: &[Call], replies: &[Reply], now: Instant) {
        let beats = calls.iter().filter(|call| matches!(call, Call::Beat { .. })).count();
        if beats == self.logs.len() {
            self.renewed = Some(self.asked_at);
        }
        match self.phase.clone() {
            Phase::Terms => {
                self.phase =
                    if self.epoch == Epoch(0) { Phase::Entering { epoch: None, old: Epoch(0) } } else { Phase::Beats };
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
                }
            }
            Phase::Entering { epoch: Some(_), .. } => {
                self.renewed = Some(self.asked_at);
                self.beat_due = now;
                self.begin_claims();
            }
            Phase::Claiming => self.claims_sent(),
            Phase::Loading => self.loads_sent(now),
            Phase::Running => {
                self.finish_loads();
            }
            Phase::Down | Phase::Asking => {}
        }
    }

    pub(super) fn run_on(&mut self, now: Instant) {
        self.phase = Phase::Running;
        self.settled = true;
        self.last_run.clone_from(&self.run);
        if let Some(since) = self.down_since.take() {
            let after = now.saturating_duration_since(since);
            self.out.push_back(Out::Back(Back { after, was_out: std::mem::take(&mut self.was_out) }));
        }
    }
}
