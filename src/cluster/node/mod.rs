//! One node as a pure state machine: answers and entries in, calls and news for the replica out. The time comes with each call.
//!
//! ```text
//! Down -connected-> Terms -> Beats -> Running
//!                     |        | fenced
//!                     |        v
//!                     |      Entering -> Claiming -> Loading -> Running
//!                     `- another Redis -----^
//! ```
//!
//! *Owns* the phases, the lease as the node's own stopwatch has it, and what is sent when.
//! *Knows nothing of* threads and connections: a test drives it as well as they do.

mod catching_up;
mod log_view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::command::Command;
use super::engine::{Call, Caller, LogEntry, Reply};
use super::entry::{Entry, LogState, Loss, RoomSnapshot};
use super::replica::{Back, Health, Holdings};
use super::ticket::{Outcome, Ticket};
use super::values::{Epoch, Log, NodeName, NumberKind, Partitions, Position};
use crate::chat::message::ClientId;
use crate::chat::names::RoomName;
use log_view::{LogView, Pending, Reading};

/// Commands that may wait. With `pending_bytes` the bound of what a node holds for a Redis that does not answer.
const MOST_PENDING: usize = 4096;

/// Waiting longer than this many times `timeout`, a command that was not sent is refused.
const REFUSED_AFTER: u32 = 10;

/// A node that is not let in tries again after this time.
const BARRED: Duration = Duration::from_secs(1);

/// What the configuration says.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) node: NodeName,
    pub(crate) partitions: Partitions,
    /// How long the others wait for a node that is not heard of.
    pub(crate) lease: Duration,
    /// Then a line is said to wait.
    pub(crate) timeout: Duration,
    pub(crate) pending_bytes: usize,
}

/// What comes out for the replica, in this order.
#[derive(Debug)]
pub(crate) enum Out {
    Apply(Box<Entry>),
    Reload(Log, LogState),
    Lost(Loss),
    Resolve(Ticket, Outcome),
    /// What users hold is to be given to [`Core::claim`].
    Holdings,
    NameTaken(ClientId),
    MembershipRefused(ClientId, RoomName),
    Health(Health),
    Back(Back),
    Nodes(Vec<NodeName>),
    NodeIn {
        log: Log,
        caller: Caller,
    },
    NodeGone {
        log: Log,
        caller: Caller,
    },
}

/// Why a node cannot come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Barred {
    /// A node of the same name lives; its lease had this long to go at that moment.
    Live(Duration, Instant),
    /// The cluster speaks a newer format.
    Format(u64),
    /// The cluster has another number of partitions.
    Partitions(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// No connection.
    Down,
    /// Every log has to know this Redis.
    Terms,
    /// The lease may still hold.
    Beats,
    /// The node comes in: by the directory first, which gives the epoch.
    Entering {
        epoch: Option<Epoch>,
        old: Epoch,
    },
    /// The replica is asked what its users hold.
    Asking,
    /// What they hold is claimed again.
    Claiming,
    /// Logs that cannot be followed are loaded.
    Loading,
    Running,
}

/// A state that is being loaded.
#[derive(Debug)]
struct Load {
    end: Position,
    nodes: BTreeSet<(NodeName, Epoch)>,
    missing: VecDeque<Box<str>>,
    rooms: Vec<RoomSnapshot>,
    names: Vec<super::entry::NameSnapshot>,
    kept: Vec<(Box<str>, Box<str>)>,
}

/// A claim of a user of this node under way.
#[derive(Clone, Debug)]
enum Claimed {
    Name(ClientId),
    Room,
    Membership(ClientId, RoomName),
}

/// The node.
#[derive(Debug)]
pub(crate) struct Core {
    rules: Rules,
    phase: Phase,
    epoch: Epoch,
    /// The Redis of the connection, and the one that was last in charge.
    run: String,
    last_run: String,
    logs: BTreeMap<Log, LogView>,
    bytes: usize,
    loads: BTreeMap<Log, Load>,
    claims: VecDeque<(Log, Command, Claimed)>,
    claiming: BTreeMap<(Log, u64), Claimed>,
    /// Memberships that were not granted, told once everything is loaded.
    refused: Vec<(ClientId, RoomName)>,
    /// Numbers in hand: next and last.
    numbers: BTreeMap<NumberKind, (u64, u64)>,
    /// A block on its way to a partition.
    blocks: VecDeque<(u64, u64)>,
    /// The highest numbers heard of.
    floors: BTreeMap<NumberKind, u64>,
    living: BTreeSet<NodeName>,
    /// When the last heartbeat that was answered had been sent.
    renewed: Option<Instant>,
    beat_due: Instant,
    /// How far Redis' clock is ahead of this machine's, in milliseconds.
    pub(crate) clock_ahead: i64,
    asked_at: Instant,
    health: Health,
    down_since: Option<Instant>,
    was_out: bool,
    /// What users hold is known to this Redis under this registration.
    settled: bool,
    barred: Option<Barred>,
    pub(crate) out: VecDeque<Out>,
    #[cfg(test)]
    pub(crate) skips: Skips,
}

/// Rules that a test switches off.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Skips {
    pub(crate) claims: bool,
    pub(crate) gaps: bool,
    pub(crate) losses: bool,
    pub(crate) repeats: bool,
}

impl Core {
    pub(crate) fn new(rules: Rules, now: Instant) -> Core {
        let logs = rules.partitions.logs().map(|log| (log, LogView::new())).collect();
        Core {
            rules,
            phase: Phase::Down,
            epoch: Epoch(0),
            run: String::new(),
            last_run: String::new(),
            logs,
            bytes: 0,
            loads: BTreeMap::new(),
            claims: VecDeque::new(),
            claiming: BTreeMap::new(),
            refused: Vec::new(),
            numbers: BTreeMap::new(),
            blocks: VecDeque::new(),
            floors: BTreeMap::new(),
            living: BTreeSet::new(),
            renewed: None,
            beat_due: now,
            clock_ahead: 0,
            asked_at: now,
            health: Health::Well,
            down_since: None,
            was_out: false,
            settled: false,
            barred: None,
            out: VecDeque::new(),
            #[cfg(test)]
            skips: Skips::default(),
        }
    }

    fn caller(&self) -> Caller {
        Caller { node: self.rules.node.clone(), epoch: self.epoch }
    }

    fn lease_ms(&self) -> i64 {
        i64::try_from(self.rules.lease.as_millis()).unwrap_or(i64::MAX)
    }

    /// Everything works, and the node is in.
    pub(crate) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Which registration the node has.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How many nodes live.
    pub(crate) fn nodes(&self) -> usize {
        self.living.len()
    }

    /// Why the node is not let in.
    pub(crate) fn barred(&self) -> Option<&Barred> {
        self.barred.as_ref()
    }

    /// Whether the node may accept what others would see. Its own stopwatch runs shorter than the lease, so that it falls
    /// silent before the others take it for dead.
    pub(crate) fn takes_commands(&self, now: Instant) -> bool {
        self.renewed.is_some_and(|renewed| now.saturating_duration_since(renewed) < self.rules.lease * 7 / 10)
    }

    /// A command of a user.
    pub(crate) fn submit(&mut self, command: Command, now: Instant) -> Ticket {
        let log = self.log_of(&command);
        let weight = command.weight();
        let waiting: usize = self.logs.values().map(|view| view.queue.len()).sum();
        let full = waiting >= MOST_PENDING || self.bytes + weight > self.rules.pending_bytes;
        let Some(view) = self.logs.get_mut(&log) else { return Ticket::done(Outcome::Refused) };
        if full || !self.renewed.is_some_and(|at| now.saturating_duration_since(at) < self.rules.lease * 7 / 10) {
            return Ticket::done(Outcome::Refused);
        }
        self.bytes += weight;
        let ticket = Ticket::waiting();
        view.queue.push_back(Pending { command, ticket: ticket.clone(), n: None, since: now });
        ticket
    }

    fn log_of(&self, command: &Command) -> Log {
        match command {
            Command::Commit(commit) => self.rules.partitions.of_place(&commit.place),
            Command::Claim(_) | Command::Release { .. } | Command::Note { .. } => Log::Directory,
        }
    }

    /// A number from the block in hand. Another block is fetched when few are left.
    pub(crate) fn number(&mut self, kind: NumberKind) -> Option<u64> {
        let (next, last) = self.numbers.get_mut(&kind)?;
        let number = (next <= last).then_some(*next)?;
        *next += 1;
        Some(number)
    }

    /// The bus has connected to a Redis, which tells who it is.
    pub(crate) fn connected(&mut self, run: &str) {
        self.run = run.to_owned();
        self.settled &= self.run == self.last_run;
        self.phase = Phase::Terms;
        self.loads.clear();
        self.blocks.clear();
    }

    /// The connection is lost.
    pub(crate) fn disconnected(&mut self, now: Instant) {
        self.phase = Phase::Down;
        self.down_since.get_or_insert(now);
        self.loads.clear();
        self.claims.clear();
        self.claiming.clear();
    }

    /// What to send now. Nothing may be asked again before [`answered`](Core::answered) or
    /// [`disconnected`](Core::disconnected).
    pub(crate) fn calls(&mut self, now: Instant) -> Vec<Call> {
        self.asked_at = now;
        match &self.phase {
            Phase::Down | Phase::Asking => Vec::new(),
            Phase::Terms => self.term_calls(),
            Phase::Beats => self.beat_calls(now),
            Phase::Entering { epoch, .. } => self.enter_calls(*epoch),
            Phase::Claiming => {
                let mut calls = self.due_beats(now);
                calls.extend(self.claim_calls());
                calls
            }
            Phase::Loading => {
                let mut calls = self.due_beats(now);
                calls.extend(self.load_calls());
                calls
            }
            Phase::Running => self.running_calls(now),
        }
    }

    /// When there is something to send without anybody's doing.
    pub(crate) fn due(&self, now: Instant) -> Instant {
        match self.phase {
            Phase::Down | Phase::Asking => now + self.rules.timeout,
            Phase::Running => self.beat_due,
            Phase::Entering { .. } if self.barred.is_some() => self.beat_due,
            Phase::Terms | Phase::Beats | Phase::Entering { .. } | Phase::Claiming | Phase::Loading => now,
        }
    }

    /// Whether anything waits to be sent.
    pub(crate) fn has_calls(&self, now: Instant) -> bool {
        match self.phase {
            Phase::Down | Phase::Asking => false,
            Phase::Entering { .. } if self.barred.is_some() => now >= self.beat_due,
            Phase::Terms | Phase::Beats | Phase::Entering { .. } | Phase::Claiming | Phase::Loading => true,
            Phase::Running => {
                now >= self.beat_due
                    || self.logs.values().any(|view| !view.queue.is_empty() || view.reading == Reading::Behind)
                    || self.wanted_block().is_some()
            }
        }
    }

    fn all_logs(&self) -> Vec<Log> {
        self.logs.keys().copied().collect()
    }

    fn due_beats(&mut self, now: Instant) -> Vec<Call> {
        if now >= self.beat_due { self.beat_calls(now) } else { Vec::new() }
    }

    fn beat_calls(&mut self, now: Instant) -> Vec<Call> {
        self.beat_due = now + self.rules.lease * 3 / 10;
        let (caller, lease_ms) = (self.caller(), self.lease_ms());
        self.all_logs().into_iter().map(|log| Call::Beat { log, caller: caller.clone(), lease_ms }).collect()
    }

    fn enter_calls(&self, epoch: Option<Epoch>) -> Vec<Call> {
        let lease_ms = self.lease_ms();
        let caller = Caller { epoch: epoch.unwrap_or(Epoch(0)), ..self.caller() };
        let enter = |log, partitions| Call::Enter { log, caller: caller.clone(), lease_ms, partitions };
        match epoch {
            None => vec![enter(Log::Directory, self.rules.partitions.count())],
            Some(_) => (0..self.rules.partitions.count()).map(|number| enter(Log::Partition(number), 0)).collect(),
        }
    }

    fn wanted_block(&self) -> Option<NumberKind> {
        let low = |kind: &NumberKind| self.numbers.get(kind).is_none_or(|(next, last)| next > last);
        let partition = self.logs.values().any(LogView::needs_numbers) && self.blocks.is_empty();
        let others = [NumberKind::Client, NumberKind::Instance, NumberKind::Account].into_iter().find(low);
        if partition { Some(NumberKind::Message) } else { others }
    }

    fn running_calls(&mut self, now: Instant) -> Vec<Call> {
        let mut calls = self.due_beats(now);
        if let Some(kind) = self.wanted_block() {
            calls.push(Call::Block { kind, count: super::engine::BLOCK });
        }
        if let Some((first, last)) = self.blocks.front().copied()
            && let Some(log) = self.logs.iter().find(|(_, view)| view.needs_numbers()).map(|(log, _)| *log)
        {
            calls.push(Call::Give { log, first, last });
            self.blocks.pop_front();
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
            (Call::NewTerm { log, .. }, Reply::Term { ended: Some(ended), .. }) => {
                if let Some(view) = self.logs.get_mut(log) {
                    view.lost(*ended, &mut self.out);
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
            (Call::Give { log, .. }, Reply::Given { left }) => {
                if let Some(view) = self.logs.get_mut(log) {
                    view.left = *left;
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
        self.settle_all();
    }

    fn settle_all(&mut self) {
        #[cfg(test)]
        if self.skips.losses {
            self.out.retain(|out| !matches!(out, Out::Lost(_)));
        }
        for view in self.logs.values_mut() {
            view.settle(&mut self.out);
        }
    }

    fn submitted(&mut self, log: Log, epoch: Epoch, n: u64, reply: &Reply) {
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

    fn run_on(&mut self, now: Instant) {
        self.phase = Phase::Running;
        self.settled = true;
        self.last_run.clone_from(&self.run);
        if let Some(since) = self.down_since.take() {
            let after = now.saturating_duration_since(since);
            self.out.push_back(Out::Back(Back { after, was_out: std::mem::take(&mut self.was_out) }));
        }
    }

    /// The places to read from; those that cannot be followed are left out.
    pub(crate) fn read_from(&self, run: &str) -> Vec<(Log, Position)> {
        if run != self.run || self.phase == Phase::Down {
            return Vec::new();
        }
        let followed = self.logs.iter().filter(|(_, view)| view.reading == Reading::Following);
        followed.map(|(log, view)| (*log, view.position)).collect()
    }

    /// Whether this is the Redis that the node deals with.
    pub(crate) fn is_of(&self, run: &str) -> bool {
        run == self.run
    }

    /// Entries that were read on a connection to this Redis.
    pub(crate) fn read(&mut self, run: &str, entries: Vec<LogEntry>) {
        if run != self.run {
            return;
        }
        let before = self.out.len();
        for entry in entries {
            if let Some(view) = self.logs.get_mut(&entry.log) {
                #[cfg(test)]
                if self.skips.gaps && entry.position.number > view.position.number + 1 {
                    view.position = Position { number: entry.position.number - 1, ..entry.position };
                }
                view.read(entry, &self.rules.node, self.epoch, &mut self.out);
            }
        }
        self.settle_all();
        let mut changed = false;
        for index in before..self.out.len() {
            match self.out.get(index) {
                Some(Out::NodeIn { log: Log::Directory, caller }) => changed |= self.living.insert(caller.node.clone()),
                Some(Out::NodeGone { log: Log::Directory, caller }) => changed |= self.living.remove(&caller.node),
                Some(Out::Apply(entry)) => self.note_floor(&entry.what.clone()),
                _ => {}
            }
        }
        if changed {
            self.out.push_back(Out::Nodes(self.living.iter().cloned().collect()));
        }
    }

    fn note_floor(&mut self, what: &super::entry::Happened) {
        if let super::entry::Happened::Committed { id: Some(id), .. } = what {
            let floor = self.floors.entry(NumberKind::Message).or_default();
            *floor = (*floor).max(*id);
        }
    }

    /// What the passing of time alone brings.
    pub(crate) fn tick(&mut self, now: Instant) {
        let limit = self.rules.timeout * REFUSED_AFTER;
        for view in self.logs.values_mut() {
            // What was sent may be in the log; the others have waited long enough.
            let refused =
                |pending: &Pending| pending.n.is_none() && now.saturating_duration_since(pending.since) >= limit;
            let (over, left) = std::mem::take(&mut view.queue).into_iter().partition(refused);
            view.queue = left;
            let over: VecDeque<Pending> = over;
            self.out.extend(over.into_iter().map(|pending| Out::Resolve(pending.ticket, Outcome::Refused)));
        }
        let oldest = self.logs.values().filter_map(|view| view.queue.front()).map(|pending| pending.since).min();
        let health = if !self.takes_commands(now) {
            Health::Down
        } else if oldest.is_some_and(|oldest| now.saturating_duration_since(oldest) >= self.rules.timeout) {
            Health::Slow
        } else {
            Health::Well
        };
        if health != std::mem::replace(&mut self.health, health) {
            self.out.push_back(Out::Health(health));
        }
    }

    /// Commands that wait for an answer.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.logs.values().map(|view| view.queue.len()).sum()
    }

    /// The calls by which the node says goodbye.
    pub(crate) fn goodbye(&self) -> Vec<Call> {
        let caller = self.caller();
        self.all_logs().into_iter().map(|log| Call::Leave { log, caller: caller.clone() }).collect()
    }

    /// Whether the node's copy of every log is up to date, as far as is known.
    pub(crate) fn is_loaded(&self) -> bool {
        self.is_running() && self.logs.values().all(|view| view.reading == Reading::Following)
    }

    /// What the replica holds: see [`Out::Holdings`].
    pub(crate) fn claim(&mut self, holdings: Holdings) {
        if self.phase == Phase::Asking {
            self.take_holdings(holdings);
        }
    }
}
