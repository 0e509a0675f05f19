//! What a node sends, and when.
//!
//! *Owns* the calls of each phase, and when the next ones are due.
//! *Knows nothing of* the answers.

use std::time::{Duration, Instant};

use super::log_view::{LogView, Reading};
use super::{Core, Phase};
use crate::cluster::engine::{BLOCK, Call, Caller};
use crate::cluster::values::{Epoch, Log, NumberKind};

impl Core {
    /// What to send now. After that, call [`answered`](Core::answered) or [`disconnected`](Core::disconnected) before
    /// asking again.
    pub(crate) fn calls(&mut self, now: Instant) -> Vec<Call> {
        let calls = self.next_calls(now);
        if !calls.is_empty() {
            (self.asked_at, self.is_asking) = (now, true);
        }
        calls
    }

    fn next_calls(&mut self, now: Instant) -> Vec<Call> {
        match &self.phase {
            Phase::Down | Phase::Asking(_) => Vec::new(),
            Phase::Terms => self.term_calls(),
            Phase::Beats => self.beat_calls(now),
            Phase::Entering { epoch, .. } => self.enter_calls(*epoch),
            Phase::Claiming(_) => {
                let mut calls = self.due_beats(now);
                calls.extend(self.claim_calls());
                calls
            }
            Phase::Loading => {
                let mut calls = self.due_beats(now);
                calls.extend(self.load_calls());
                calls
            }
            Phase::Settling => self.due_beats(now),
            Phase::Running => self.running_calls(now),
        }
    }

    /// The calls for the goodbye. The users' names and memberships stay for this long.
    pub(crate) fn goodbye(&self, stays: Duration) -> Vec<Call> {
        let (caller, stays_ms) = (self.caller(), i64::try_from(stays.as_millis()).unwrap_or(i64::MAX));
        self.all_logs().into_iter().map(|log| Call::Leave { log, caller: caller.clone(), stays_ms }).collect()
    }

    /// When the next call is due if nothing else happens.
    pub(crate) fn due(&self, now: Instant) -> Instant {
        match self.phase {
            Phase::Down | Phase::Asking(_) => now + self.rules.timeout,
            Phase::Settling | Phase::Running => self.beat_due,
            Phase::Entering { .. } if self.barred.is_some() => self.beat_due,
            Phase::Terms | Phase::Beats | Phase::Entering { .. } | Phase::Claiming(_) | Phase::Loading => now,
        }
    }

    /// Whether anything is ready to be sent.
    pub(crate) fn has_calls(&self, now: Instant) -> bool {
        match self.phase {
            Phase::Down | Phase::Asking(_) => false,
            Phase::Entering { .. } if self.barred.is_some() => now >= self.beat_due,
            Phase::Settling => now >= self.beat_due,
            Phase::Terms | Phase::Beats | Phase::Entering { .. } | Phase::Claiming(_) | Phase::Loading => true,
            Phase::Running => {
                now >= self.beat_due
                    || self.is_in_doubt
                    || self.logs.values().any(|view| !view.queue.is_empty() || view.reading == Reading::Behind)
                    || self.wanted_block().is_some()
            }
        }
    }

    pub(super) fn all_logs(&self) -> Vec<Log> {
        self.logs.keys().copied().collect()
    }

    pub(super) fn due_beats(&mut self, now: Instant) -> Vec<Call> {
        if now >= self.beat_due { self.beat_calls(now) } else { Vec::new() }
    }

    pub(super) fn beat_calls(&mut self, now: Instant) -> Vec<Call> {
        self.beat_due = now + self.rules.lease * 3 / 10;
        let (caller, lease_ms) = (self.caller(), self.lease_ms());
        self.all_logs().into_iter().map(|log| Call::Beat { log, caller: caller.clone(), lease_ms }).collect()
    }

    pub(super) fn enter_calls(&self, epoch: Option<Epoch>) -> Vec<Call> {
        let lease_ms = self.lease_ms();
        let caller = Caller { epoch: epoch.unwrap_or(Epoch(0)), ..self.caller() };
        let enter = |log, partitions| Call::Enter { log, caller: caller.clone(), lease_ms, partitions };
        match epoch {
            None => vec![enter(Log::Directory, self.rules.partitions.count())],
            Some(_) => (0..self.rules.partitions.count()).map(|number| enter(Log::Partition(number), 0)).collect(),
        }
    }

    /// Takes a number from the current block. When few are left, another block is fetched.
    pub(crate) fn number(&mut self, kind: NumberKind) -> Option<u64> {
        // Message numbers normally go to partitions; this is for a message to several users.
        if kind == NumberKind::Message && self.lacks(kind) {
            self.message_wanted = self.blocks.is_empty();
            let block = self.blocks.pop_front()?;
            self.numbers.insert(kind, block);
        }
        let (next, last) = self.numbers.get_mut(&kind)?;
        let number = (next <= last).then_some(*next)?;
        *next += 1;
        Some(number)
    }

    /// Whether there are no numbers of a kind left.
    fn lacks(&self, kind: NumberKind) -> bool {
        self.numbers.get(&kind).is_none_or(|(next, last)| next > last)
    }

    pub(super) fn wanted_block(&self) -> Option<NumberKind> {
        let messages = self.logs.values().any(LogView::is_low) || self.message_wanted;
        let mut others = [NumberKind::Client, NumberKind::Instance, NumberKind::Account].into_iter();
        if messages && self.blocks.is_empty() {
            Some(NumberKind::Message)
        } else {
            others.find(|kind| self.lacks(*kind))
        }
    }

    fn running_calls(&mut self, now: Instant) -> Vec<Call> {
        if std::mem::take(&mut self.is_in_doubt) {
            return self.beat_calls(now);
        }
        let mut calls = self.due_beats(now);
        if let Some(kind) = self.wanted_block() {
            calls.push(Call::Block { kind, count: BLOCK });
        }
        if let Some((first, last)) = self.blocks.front().copied()
            && let Some(log) = self.logs.iter().find(|(_, view)| view.needs_numbers()).map(|(log, _)| *log)
        {
            calls.push(Call::Give { log, first, last });
            self.blocks.pop_front();
            // Messages that wait for them can be sent at once. If another node assigned numbers first, the answers say
            // how many are left.
            if let Some(view) = self.logs.get_mut(&log) {
                view.left = last - first + 1;
            }
        }
        let caller = self.caller();
        for (log, view) in &mut self.logs {
            let taken = view.take().into_iter();
            calls.extend(taken.map(|(n, command)| Call::Submit { log: *log, caller: caller.clone(), n, command }));
        }
        if self.logs.values().any(|view| view.reading == Reading::Behind) {
            calls.extend(self.load_calls());
        }
        calls
    }
}
