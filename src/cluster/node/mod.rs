//! One node as a pure state machine: answers and entries in, calls and news for the replica out. The time comes with each call.
//!
//! ```text
//! Down -connected-> Terms -> Beats -> Running
//!                            |  `- fenced -> Terms -> Entering
//!              another Redis |                            |
//!                            v                            v
//!              Claiming names and lost rooms -> Loading -> Claiming memberships -> Settling -> Running
//!                                                ^  stale  |
//!                                                `---------'
//! ```
//!
//! *Owns* the phases, the lease as the node's own stopwatch has it, and what is sent when.
//! *Knows nothing of* threads and connections: a test drives it as well as they do.

mod calls;
mod catching_up;
mod following;
mod lease;
mod log_view;
mod replies;
mod terms;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::command::Command;
use super::engine::Caller;
use super::entry::{Entry, LogState, Loss, RoomSnapshot};
use super::replica::{Back, Health, Holdings, Returning};
use super::ticket::{Outcome, Ticket};
use super::values::{Epoch, Log, NodeName, NumberKind, Partitions, Position, SharedClock};
use crate::chat::message::ClientId;
use crate::chat::names::RoomName;
use crate::metrics::ClusterMetrics;
#[cfg(feature = "metrics")]
pub(crate) use lease::NodeFigures;
use log_view::{LogView, Pending, Reading};
pub(crate) use replies::counted;

/// Commands that may wait. With `pending_bytes` the bound of what a node holds for a Redis that does not answer.
const MOST_PENDING: usize = 4096;

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
    /// Replicas that confirm each block of numbers.
    pub(crate) replicas: u8,
}

/// What comes out for the replica, in this order.
#[derive(Debug)]
pub(crate) enum Out {
    Apply(Box<Entry>),
    Reload(Log, LogState),
    Lost(Loss),
    Resolve(Ticket, Outcome),
    /// What users hold is to be given to [`Core::claim`], with what Redis has lost of each log.
    Holdings(Vec<(Log, u64)>),
    /// Who is to be a member again is to be given to [`Core::rejoin`].
    Returning,
    NameTaken(ClientId),
    MembershipRefused(ClientId, RoomName),
    Health(Health),
    Away,
    /// For the log.
    Note(log::Level, String),
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
    Asking(Step),
    /// What they hold is claimed again.
    Claiming(Step),
    /// Logs that cannot be followed are loaded.
    Loading,
    /// What was claimed is read back.
    Settling,
    Running,
}

/// What is claimed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Names, and rooms that Redis has lost: before anything is loaded.
    Holdings,
    /// Memberships: they are decided on the rooms as they are by now.
    Memberships,
}

/// A state that is being loaded.
#[derive(Debug)]
struct Load {
    end: Position,
    living: BTreeMap<NodeName, Epoch>,
    /// Those, and the ones whose users may come back.
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
    /// Up to which entry of a log what was claimed is read back.
    settle_to: BTreeMap<Log, u64>,
    /// How often memberships were claimed of rooms that had changed by then.
    outdated: usize,
    /// What is said of it when the node is back.
    journey: Journey,
    /// Numbers in hand: next and last.
    numbers: BTreeMap<NumberKind, (u64, u64)>,
    /// A block on its way to a partition.
    blocks: VecDeque<(u64, u64)>,
    /// A number for a message that goes to several users is asked for, and there is none in hand.
    message_wanted: bool,
    /// The highest numbers heard of.
    floors: BTreeMap<NumberKind, u64>,
    living: BTreeMap<NodeName, Epoch>,
    /// When the last heartbeat that was answered had been sent.
    renewed: Option<Instant>,
    beat_due: Instant,
    pub(crate) clock: Arc<SharedClock>,
    asked_at: Instant,
    /// Something was sent then, and is not answered.
    is_asking: bool,
    /// It was said that Redis does not answer, and that the lease is over.
    told: (bool, bool),
    pub(super) metrics: Arc<ClusterMetrics>,
    health: Health,
    down_since: Option<Instant>,
    was_out: bool,
    /// The node has to come in again.
    fenced: bool,
    /// A log is in another era than it was.
    new_era: bool,
    /// The newest term heard of.
    term: u64,
    /// What users hold is known to this Redis under this registration.
    settled: bool,
    barred: Option<Barred>,
    pub(crate) out: VecDeque<Out>,
    #[cfg(test)]
    pub(crate) skips: Skips,
}

/// What happens on the way back to the others, for the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Journey {
    entries: usize,
    renamed: usize,
    put_out: usize,
}

/// Rules that a test switches off.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Skips {
    pub(crate) claims: bool,
    pub(crate) decisions: bool,
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
            settle_to: BTreeMap::new(),
            outdated: 0,
            journey: Journey::default(),
            numbers: BTreeMap::new(),
            blocks: VecDeque::new(),
            message_wanted: false,
            floors: BTreeMap::new(),
            living: BTreeMap::new(),
            renewed: None,
            beat_due: now,
            clock: Arc::new(SharedClock::new(now)),
            asked_at: now,
            is_asking: false,
            told: (false, false),
            metrics: Arc::default(),
            // Nothing is missed before it has come in.
            health: Health::Down,
            down_since: None,
            was_out: false,
            fenced: false,
            new_era: false,
            term: 0,
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

    /// A command of a user.
    pub(crate) fn submit(&mut self, command: Command, now: Instant) -> Ticket {
        let log = self.log_of(&command);
        let weight = command.weight();
        let waiting: usize = self.logs.values().map(|view| view.queue.len()).sum();
        let full = waiting >= MOST_PENDING || self.bytes + weight > self.rules.pending_bytes;
        let Some(view) = self.logs.get_mut(&log) else { return Ticket::done(Outcome::Refused) };
        if full || self.renewed.is_none_or(|at| now.saturating_duration_since(at) >= self.rules.lease * 7 / 10) {
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

    /// The bus has connected to a Redis, which tells who it is.
    pub(crate) fn connected(&mut self, run: &str) {
        if !self.run.is_empty() {
            self.metrics.reconnects.add(1);
        }
        self.run = run.to_owned();
        self.settled &= self.run == self.last_run;
        self.phase = Phase::Terms;
        self.loads.clear();
        self.blocks.clear();
    }

    /// The connection is lost.
    pub(crate) fn disconnected(&mut self, now: Instant) {
        self.phase = Phase::Down;
        self.is_asking = false;
        self.note_outage(now);
        self.loads.clear();
        self.claims.clear();
        self.claiming.clear();
    }

    /// Commands that wait for an answer.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.logs.values().map(|view| view.queue.len()).sum()
    }

    /// Whether the node's copy of every log is up to date, as far as is known.
    pub(crate) fn is_loaded(&self) -> bool {
        self.is_running() && self.logs.values().all(|view| view.reading == Reading::Following)
    }

    /// What the replica holds: see [`Out::Holdings`].
    pub(crate) fn claim(&mut self, holdings: Holdings) {
        if self.phase == Phase::Asking(Step::Holdings) {
            self.take_holdings(holdings);
        }
    }

    /// Who is to be a member again: see [`Out::Returning`].
    pub(crate) fn rejoin(&mut self, returning: Returning, now: Instant) {
        if self.phase == Phase::Asking(Step::Memberships) {
            self.take_returning(returning, now);
        }
    }
}
