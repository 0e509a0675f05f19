//! One node as a pure state machine. Answers and entries go in; calls, and news for the replica, come out. The caller
//! passes in the time.
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
//! *Owns* the phases, the lease by the node's own clock, and what is sent when.
//! *Knows nothing of* threads or connections, so a test can drive it too.

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

/// Most commands that may wait. Together with `pending_bytes`, this bounds what a node holds while Redis does not answer.
const MOST_PENDING: usize = 4096;

/// How soon a node that was refused tries again.
const BARRED: Duration = Duration::from_secs(1);

/// Settings from the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) node: NodeName,
    pub(crate) partitions: Partitions,
    /// How long the other nodes wait for a silent node.
    pub(crate) lease: Duration,
    /// After this time, a line is reported as waiting.
    pub(crate) timeout: Duration,
    pub(crate) pending_bytes: usize,
    /// Replicas that must confirm each block of numbers.
    pub(crate) replicas: u8,
}

/// What the replica must be told, in order.
#[derive(Debug)]
pub(crate) enum Out {
    Apply(Box<Entry>),
    Reload(Log, LogState),
    Lost(Loss),
    Resolve(Ticket, Outcome),
    /// Asks for users' names and for lost rooms, to be passed to [`Core::claim`], and says what Redis has lost of each
    /// log.
    Holdings(Vec<(Log, u64)>),
    /// Asks who should be a member again, to be passed to [`Core::rejoin`].
    Returning,
    NameTaken(ClientId),
    MembershipRefused(ClientId, RoomName),
    Health(Health),
    Away,
    /// A line for the server's log.
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

/// Why a node cannot join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Barred {
    /// A node of the same name is alive; its lease had this long to go at that moment.
    Live(Duration, Instant),
    /// The cluster uses a newer format.
    Format(u64),
    /// The cluster has a different number of partitions.
    Partitions(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// No connection.
    Down,
    /// Each log must register the new Redis.
    Terms,
    /// The lease may still hold; heartbeats will tell.
    Beats,
    /// The node joins: first the directory, which assigns the epoch.
    Entering {
        epoch: Option<Epoch>,
        old: Epoch,
    },
    /// The replica is asked what its users held.
    Asking(Step),
    /// Names, rooms or memberships are being claimed again.
    Claiming(Step),
    /// Logs that cannot be followed are being loaded.
    Loading,
    /// Waiting until the claims have been read back.
    Settling,
    Running,
}

/// The two rounds of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Names, and rooms that Redis has lost. This comes before anything is loaded.
    Holdings,
    /// Memberships, decided on the rooms as they are now.
    Memberships,
}

/// A state that is being loaded.
#[derive(Debug)]
struct Load {
    end: Position,
    living: BTreeMap<NodeName, Epoch>,
    /// The living nodes, and those whose users may reconnect elsewhere.
    nodes: BTreeSet<(NodeName, Epoch)>,
    missing: VecDeque<Box<str>>,
    rooms: Vec<RoomSnapshot>,
    names: Vec<super::entry::NameSnapshot>,
    kept: Vec<(Box<str>, Box<str>)>,
}

/// A pending claim for a user of this node.
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
    /// The `run_id` of the connected Redis, and of the one that was last in charge.
    run: String,
    last_run: String,
    logs: BTreeMap<Log, LogView>,
    bytes: usize,
    loads: BTreeMap<Log, Load>,
    claims: VecDeque<(Log, Command, Claimed)>,
    claiming: BTreeMap<(Log, u64), Claimed>,
    /// Refused memberships, reported once everything is loaded.
    refused: Vec<(ClientId, RoomName)>,
    /// For each log, the entry up to which claims must be read back.
    settle_to: BTreeMap<Log, u64>,
    /// How often memberships had to be claimed again because the room had changed.
    outdated: usize,
    /// Counts for the log line when the node is back.
    journey: Journey,
    /// Numbers in reserve: the next and the last of each kind.
    numbers: BTreeMap<NumberKind, (u64, u64)>,
    /// Blocks of message numbers not yet assigned to a partition.
    blocks: VecDeque<(u64, u64)>,
    /// Someone waits for the number of a message to several users.
    message_wanted: bool,
    /// The highest numbers seen.
    floors: BTreeMap<NumberKind, u64>,
    living: BTreeMap<NodeName, Epoch>,
    /// When the last heartbeat that was answered had been sent.
    renewed: Option<Instant>,
    beat_due: Instant,
    pub(crate) clock: Arc<SharedClock>,
    asked_at: Instant,
    /// When Redis last answered.
    heard_at: Instant,
    /// Whether calls are pending since then.
    is_asking: bool,
    /// Whether the log already says that Redis does not answer, and that the lease is over.
    told: (bool, bool),
    pub(super) metrics: Arc<ClusterMetrics>,
    health: Health,
    down_since: Option<Instant>,
    was_out: bool,
    /// The node must join again.
    fenced: bool,
    /// Before anything else is sent, a heartbeat tells whether Redis still answers, and whether the node is still in. After a
    /// log could not be followed, users would otherwise be taken out of rooms that they are about to be let into again.
    is_in_doubt: bool,
    /// At least one log has entered a new era.
    new_era: bool,
    /// The newest term seen.
    term: u64,
    /// Redis has confirmed what this registration's users hold.
    settled: bool,
    barred: Option<Barred>,
    /// The log says why.
    told_barred: bool,
    pub(crate) out: VecDeque<Out>,
    #[cfg(test)]
    pub(crate) skips: Skips,
}

/// Counts of what happened during a recovery, for the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Journey {
    entries: usize,
    renamed: usize,
    put_out: usize,
}

/// Rules that a test can switch off.
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
            heard_at: now,
            is_asking: false,
            told: (false, false),
            metrics: Arc::default(),
            // Before the node first joins, nothing is missed.
            health: Health::Down,
            down_since: None,
            was_out: false,
            fenced: false,
            is_in_doubt: false,
            new_era: false,
            term: 0,
            settled: false,
            barred: None,
            told_barred: false,
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

    /// Whether everything works and the node is in.
    pub(crate) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// The node's current registration.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Replicas that have to confirm what is to last.
    pub(crate) fn replicas(&self) -> u8 {
        self.rules.replicas
    }

    /// How many nodes are alive.
    pub(crate) fn nodes(&self) -> usize {
        self.living.len()
    }

    /// Why the node was refused.
    pub(crate) fn barred(&self) -> Option<&Barred> {
        self.barred.as_ref()
    }

    /// Queues a user's command.
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

    /// The bus has connected to the Redis with this `run_id`.
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

    /// Redis may be gone, or may have forgotten this node.
    pub(crate) fn doubt(&mut self) {
        self.is_in_doubt = true;
    }

    /// The connection was lost.
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

    /// Whether the node's copy of every log is up to date, as far as it knows.
    pub(crate) fn is_loaded(&self) -> bool {
        self.is_running() && self.logs.values().all(|view| view.reading == Reading::Following)
    }

    /// Takes the answer to [`Out::Holdings`].
    pub(crate) fn claim(&mut self, holdings: Holdings) {
        if self.phase == Phase::Asking(Step::Holdings) {
            self.take_holdings(holdings);
        }
    }

    /// Takes the answer to [`Out::Returning`].
    pub(crate) fn rejoin(&mut self, returning: Returning, now: Instant) {
        if self.phase == Phase::Asking(Step::Memberships) {
            self.take_returning(returning, now);
        }
    }
}
