//! One log as a node sees it: how far it has been read, and which of the node's commands are pending.
//!
//! *Owns* the numbers of commands, what happens to each when answers are lost, and gaps in the log.
//! *Knows nothing of* connections, or of the other logs.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::Out;
use crate::cluster::command::{Command, Effect};
use crate::cluster::engine::{EntryKind, LogEntry, Reply};
use crate::cluster::entry::{Entry, Happened};
use crate::cluster::ticket::{Outcome, Progress, Ticket};
use crate::cluster::values::{Epoch, NodeName, Place, Position};
use crate::metrics::ClusterMetrics;

/// When fewer message numbers than this are left, another block is fetched.
const LOW: u64 = 300;
/// The least gap between the numbers of entries in two terms.
#[cfg(feature = "metrics")]
const TERM_GAP: u64 = 1 << 20;

/// Commands of one log per pipeline. While one pipeline is under way, the next one builds up.
const BATCH: usize = 256;

/// A command that has no answer yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) command: Command,
    pub(super) ticket: Ticket,
    /// Its number, once it has been sent.
    pub(super) n: Option<u64>,
    pub(super) since: Instant,
}

/// A command that Redis has executed, or may have.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) ticket: Ticket,
    /// When it was submitted.
    since: Instant,
    /// Whether it gives a user a name or a membership, which ends with the node's registration.
    holds: bool,
}

fn holds(command: &Command) -> bool {
    match command {
        Command::Claim(_) => true,
        Command::Commit(commit) => commit.effects.iter().any(|effect| matches!(effect, Effect::Member { .. })),
        Command::Release { .. } | Command::Note { .. } => false,
    }
}

/// Whether the decision depended on the node's copy of a room. A commit that creates a room did not: only Redis knows
/// that the room does not exist yet.
fn is_decided(command: &Command) -> bool {
    match command {
        Command::Commit(commit) => commit.version.is_some_and(|version| version > 0) || holds(command),
        Command::Claim(_) | Command::Release { .. } | Command::Note { .. } => false,
    }
}

/// How a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Entry by entry.
    Following,
    /// The copy is too old: no entry is applied until the state has been loaded.
    Behind,
}

/// A message that users here may have seen.
#[derive(Debug)]
pub(super) struct RecentMessage {
    pub(super) id: u64,
    pub(super) place: Place,
    /// The entry that posted or restored it. `0`: it was in the state when that was loaded.
    pub(super) since: u64,
}

#[derive(Debug)]
pub(super) struct LogView {
    pub(super) position: Position,
    pub(super) reading: Reading,
    /// Names are known from the loaded state up to this entry.
    pub(super) names_to: u64,
    pub(super) queue: VecDeque<Pending>,
    pub(super) next_n: u64,
    /// Commands that have been executed but not read back, by registration and number.
    pub(super) unread: BTreeMap<(Epoch, u64), Unread>,
    /// Messages are remembered from the loaded state up to this entry.
    pub(super) loaded_to: u64,
    /// Where the log ended when the state was loaded. Every loaded room is at least that new.
    pub(super) known_to: u64,
    /// The log's eras that the node knows of, newest first, each with the number of its first message.
    pub(super) eras: VecDeque<(Box<str>, u64)>,
    /// Redis has lost everything after this entry, and the state has not been reloaded since.
    pub(super) lost_after: Option<u64>,
    /// Outcomes to be announced once everything up to an entry has been applied.
    pub(super) late: Vec<(u64, Ticket, Outcome)>,
    /// Whether some of the unread ones may have got their outcome that way.
    has_settled: bool,
    /// Messages that users here may have seen, oldest first.
    pub(super) recent: VecDeque<RecentMessage>,
    /// Message numbers left, as far as the node knows.
    pub(super) left: u64,
    /// Where the log ended at the last report.
    pub(super) end: u64,
}

impl LogView {
    pub(super) fn new() -> LogView {
        LogView {
            position: Position::START,
            reading: Reading::Behind,
            names_to: 0,
            queue: VecDeque::new(),
            next_n: 1,
            unread: BTreeMap::new(),
            loaded_to: 0,
            known_to: 0,
            eras: VecDeque::new(),
            lost_after: None,
            late: Vec::new(),
            has_settled: false,
            recent: VecDeque::new(),
            left: 0,
            end: 0,
        }
    }

    /// Takes the commands to send now, and numbers them: everything that waits, as far as there are message numbers for
    /// it.
    pub(super) fn take(&mut self) -> Vec<(u64, Command)> {
        let mut taken = Vec::new();
        let mut said = 0;
        for pending in self.queue.iter_mut().take(BATCH) {
            if let Command::Commit(commit) = &pending.command {
                said += commit.said();
            }
            if said > self.left {
                break;
            }
            let n = *pending.n.get_or_insert_with(|| {
                self.next_n += 1;
                self.next_n - 1
            });
            pending.ticket.note(Progress::Unknown);
            taken.push((n, pending.command.clone()));
        }
        taken
    }

    /// How many entries are in the log but not yet read.
    #[cfg(feature = "metrics")]
    pub(super) fn lag(&self) -> u64 {
        // A larger gap means that the entry which begins the next term is still to come.
        Some(self.end.saturating_sub(self.position.number)).filter(|lag| *lag < TERM_GAP).unwrap_or(0)
    }

    /// Whether messages wait for numbers.
    pub(super) fn needs_numbers(&self) -> bool {
        let waits = self.queue.iter().find_map(|pending| match &pending.command {
            Command::Commit(commit) => Some(commit.said()).filter(|said| *said > 0),
            Command::Claim(_) | Command::Release { .. } | Command::Note { .. } => None,
        });
        waits.is_some_and(|said| said > self.left)
    }

    /// Whether messages wait to be sent and few numbers are left, so that the next block is fetched in time.
    pub(super) fn is_low(&self) -> bool {
        let says = |pending: &Pending| matches!(&pending.command, Command::Commit(commit) if commit.said() > 0);
        self.left < LOW && self.queue.iter().any(says)
    }

    /// Handles the answer to the command of this number.
    pub(super) fn answered(&mut self, n: u64, epoch: Epoch, reply: &Reply, out: &mut VecDeque<Out>) {
        if let Reply::Committed { left, id: 1.., .. } = reply {
            self.left = *left;
        }
        let Some(index) = self.queue.iter().position(|pending| pending.n == Some(n)) else { return };
        let ticket = self.queue[index].ticket.clone();
        let (holds, since) = (holds(&self.queue[index].command), self.queue[index].since);
        let outcome = match reply {
            Reply::Committed { .. } => {
                self.queue.remove(index);
                ticket.note(Progress::Accepted);
                self.unread.insert((epoch, n), Unread { ticket, since, holds });
                return;
            }
            Reply::Stale { number } => (*number, Outcome::Stale),
            Reply::Full { number } => (*number, Outcome::Full),
            Reply::Taken { number } => (*number, Outcome::Taken),
            // Its first answer was lost. If it is in the log, it comes before the log's current end.
            Reply::Done { number } => {
                self.queue.remove(index);
                self.executed(epoch, n, Unread { ticket, since, holds }, *number);
                return;
            }
            // Not executed, so its number is free. `Order` is the answer to a command behind one of these in the same
            // pipeline.
            Reply::NoNumbers | Reply::Order => {
                if *reply == Reply::NoNumbers {
                    self.left = 0;
                }
                self.next_n = self.next_n.min(n);
                self.queue[index].n = None;
                ticket.note(Progress::Waiting);
                return;
            }
            Reply::Failed(why) => {
                log::warn!("cluster: Redis refuses a command: {why}");
                self.next_n = self.next_n.min(n);
                self.queue.remove(index);
                out.push_back(Out::Resolve(ticket, Outcome::Refused));
                return;
            }
            // The registration is over; the commands' outcomes are settled when the node joins again.
            Reply::Fenced { .. } => return,
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
            | Reply::Tail { .. }
            | Reply::Numbers(_)
            | Reply::Pushed(_)
            | Reply::Gone(_)
            | Reply::Account(_) => return,
        };
        self.queue.remove(index);
        self.late.push((outcome.0, ticket, outcome.1));
        self.settle(out);
    }

    /// Redis is done with this command: it is in the log up to `number`, or not at all.
    fn executed(&mut self, epoch: Epoch, n: u64, unread: Unread, number: u64) {
        self.late.push((number, unread.ticket.clone(), Outcome::NotSaid));
        self.unread.insert((epoch, n), unread);
    }

    /// The node is in again, and `n` is its last command that Redis has handled. `same`: this is the Redis that the
    /// commands were sent to, and some may still be on their way over an old connection, so they keep their numbers.
    /// Otherwise no sent command is repeated: it may have been executed, seen by others, and lost.
    pub(super) fn resume(&mut self, epoch: Epoch, n: u64, number: u64, same: bool) {
        while let Some(sent) = self.queue.front().and_then(|pending| pending.n)
            && (sent <= n || !same)
            && let Some(pending) = self.queue.pop_front()
        {
            let holds = holds(&pending.command);
            self.executed(epoch, sent, Unread { ticket: pending.ticket, since: pending.since, holds }, number);
        }
        let sent = self.queue.iter().filter_map(|pending| pending.n).max().unwrap_or(0);
        self.next_n = sent.max(n) + 1;
    }

    /// The node has registered again. What it sent under the old registration is in the log by now, or never will be. The
    /// log is not followed until its state has been loaded: entries from the old registration that have not been read yet
    /// would otherwise give users memberships that they no longer hold.
    pub(super) fn restart(&mut self, old: Epoch, number: u64) {
        while let Some(n) = self.queue.front().and_then(|pending| pending.n)
            && let Some(pending) = self.queue.pop_front()
        {
            let holds = holds(&pending.command);
            self.executed(old, n, Unread { ticket: pending.ticket, since: pending.since, holds }, number);
        }
        self.next_n = 1;
        self.reading = Reading::Behind;
    }

    /// Users' names and memberships have been claimed again and the state has been loaded. Commands that still wait were
    /// decided before that, perhaps on changes that are lost while the old version is valid again, so they must be
    /// decided again.
    pub(super) fn decide_again(&mut self, out: &mut VecDeque<Out>) {
        let waits = std::mem::take(&mut self.queue).into_iter();
        let (again, left) = waits.partition(|pending| pending.n.is_none() && is_decided(&pending.command));
        self.queue = left;
        let again: VecDeque<Pending> = again;
        out.extend(again.into_iter().map(|pending| Out::Resolve(pending.ticket, Outcome::Stale)));
    }

    /// Reads one entry.
    pub(super) fn read(
        &mut self,
        entry: LogEntry,
        node: &NodeName,
        current: Epoch,
        metrics: &ClusterMetrics,
        out: &mut VecDeque<Out>,
    ) {
        let LogEntry { log, position, at, kind } = entry;
        if self.reading == Reading::Behind || position <= self.position {
            return;
        }
        if let EntryKind::Term { last } = &kind {
            // `begin_term` has already worked out what was lost.
            if *last != self.position {
                self.reading = Reading::Behind;
            }
            self.position = position;
            return self.settle(out);
        }
        if position != self.position.next() {
            // Once the state is loaded, reading continues from here.
            self.position = Position { number: position.number - 1, ..position };
            self.reading = Reading::Behind;
            return;
        }
        self.position = position;
        match kind {
            EntryKind::Rebuilt { caller, .. } if caller.node != *node => {
                if position.number > self.known_to {
                    self.reading = Reading::Behind;
                }
            }
            EntryKind::Command { caller, n, what } | EntryKind::Rebuilt { caller, n, what } => {
                let own = caller.node == *node;
                let unread = if own { self.take_unread(caller.epoch, n) } else { None };
                // Memberships of an earlier registration ended with it.
                let over = caller.epoch != current;
                let mut id = None;
                if let Happened::Committed { place, id: Some(first), said, .. } = &what {
                    id = Some(*first);
                    let known = if position.number > self.loaded_to { 0 } else { self.newest_of(place) };
                    for id in (*first..first + said).filter(|id| *id > known) {
                        self.remember(id, place, position.number);
                    }
                }
                let known = position.number <= self.names_to
                    && matches!(what, Happened::Claimed { .. } | Happened::Released { .. });
                if !known {
                    let (node, epoch) = (caller.node, caller.epoch);
                    out.push_back(Out::Apply(Box::new(Entry { log, position, at, node, epoch, own, what })));
                }
                if let Some(Unread { ticket, since, holds }) = unread {
                    metrics.readback_seconds.observe(since.elapsed());
                    let outcome = if holds && over { Outcome::NotSaid } else { Outcome::Applied { position, id } };
                    out.push_back(Out::Resolve(ticket, outcome));
                }
            }
            // The loaded state already includes nodes that joined or left up to there.
            EntryKind::Gone(_) | EntryKind::In(_) | EntryKind::Parted(_) if position.number <= self.names_to => {}
            EntryKind::Parted(caller) => out.push_back(Out::NodeGone { log, caller }),
            EntryKind::Gone(caller) => {
                out.push_back(Out::NodeGone { log, caller: caller.clone() });
                if (&caller.node, caller.epoch) != (node, current) {
                    let what = Happened::NodeGone { node: caller.node.clone(), epoch: caller.epoch };
                    let (node, epoch) = (caller.node, caller.epoch);
                    out.push_back(Out::Apply(Box::new(Entry { log, position, at, node, epoch, own: false, what })));
                }
            }
            EntryKind::In(caller) => out.push_back(Out::NodeIn { log, caller }),
            EntryKind::Unreadable => {
                log::warn!("cluster: the entry {position} of {log} cannot be read and is left out")
            }
            EntryKind::Term { .. } => {}
        }
        self.settle(out);
    }

    /// Removes this node's own command from wherever it is waiting.
    fn take_unread(&mut self, epoch: Epoch, n: u64) -> Option<Unread> {
        self.unread.remove(&(epoch, n)).or_else(|| {
            let index = self.queue.iter().position(|pending| pending.n == Some(n))?;
            // Its answer is still to come, and will find nothing to do.
            let Pending { command, ticket, since, .. } = self.queue.remove(index)?;
            Some(Unread { ticket, since, holds: holds(&command) })
        })
    }

    /// Announces the outcomes whose entries have been applied by now.
    pub(super) fn settle(&mut self, out: &mut VecDeque<Out>) {
        let reached = self.position.number;
        if !self.late.is_empty() {
            self.has_settled = true;
            for (number, ticket, outcome) in std::mem::take(&mut self.late) {
                if number <= reached {
                    out.push_back(Out::Resolve(ticket, outcome));
                } else {
                    self.late.push((number, ticket, outcome));
                }
            }
        }
        // These get their outcome from the log, unless they got it above.
        if self.has_settled {
            self.unread.retain(|_, unread| unread.ticket.outcome().is_none());
            self.has_settled = !self.unread.is_empty();
        }
    }
}
