//! Runs the node on two threads: `bus:write` sends queued calls, `bus:read` reads the logs.
//!
//! `bus:write` sends everything queued as one pipeline and waits for the answers; the next pipeline builds up in the
//! meantime. A connection that times out is closed, because a late answer on it would be taken for that of another call.
//!
//! *Owns* the threads and connections, and makes sure that only one thread at a time calls the replica.
//! *Knows nothing of* what the calls do.

mod confirming;
mod reading;
mod trouble;

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::accounts::SharedAccounts;
use super::command::Command;
use super::connections::{Connect, Connections};
use super::engine::{Engine, Unreachable};
#[cfg(feature = "metrics")]
use super::node::NodeFigures;
use super::node::{Core, Out};
use super::replica::Replica;
use super::ticket::{Outcome, Ticket};
use super::values::{Epoch, NodeName, NumberKind, Partitions, SharedClock};
#[cfg(feature = "metrics")]
use crate::metrics::ClusterMetrics;
use trouble::Trouble;

/// How long an answer may take: longer than a slow disk stalls Redis, shorter than a lease.
const ANSWER: Duration = Duration::from_secs(3);

/// Delays between attempts to connect. The last one repeats.
const BACKOFF: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// Stack of each thread. `bus:read` applies entries, which includes rendering and sending.
const STACK: usize = 512 * 1024;

/// This server's membership in a cluster.
pub struct Cluster {
    node: NodeName,
    partitions: Partitions,
    clock: Arc<SharedClock>,
    /// A leaf. Tickets are resolved after it is released.
    core: Mutex<Core>,
    /// Signalled when there is something to send, or when the threads must stop.
    wake: Condvar,
    /// Before all ranks: held while the replica is called, so that it gets everything in order. The replica takes its own
    /// locks under it.
    delivery: Mutex<()>,
    replica: OnceLock<Arc<dyn Replica>>,
    connect: Connect,
    /// Asked whether replicas have what was done; none without replicas.
    confirming: OnceLock<Connections>,
    stopping: AtomicBool,
    /// The thread `bus:read` has had a connection.
    reads: AtomicBool,
    /// Why Redis does not answer, and why the logs cannot be read.
    trouble: (Trouble, Trouble),
    /// A leaf. How long the users' names and memberships stay after the goodbye.
    stays: Mutex<Duration>,
    #[cfg(test)]
    abandoned: AtomicBool,
    /// A leaf. Held only to add the threads, and to take them when they are joined.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Cluster {
    pub(super) fn new(node: NodeName, partitions: Partitions, core: Core, connect: Connect) -> Cluster {
        Cluster {
            node,
            partitions,
            clock: Arc::clone(&core.clock),
            core: Mutex::new(core),
            wake: Condvar::new(),
            delivery: Mutex::new(()),
            replica: OnceLock::new(),
            connect,
            confirming: OnceLock::new(),
            stopping: AtomicBool::new(false),
            reads: AtomicBool::new(false),
            trouble: Default::default(),
            stays: Mutex::new(Duration::ZERO),
            #[cfg(test)]
            abandoned: AtomicBool::new(false),
            threads: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This node's name.
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// This node's current registration.
    pub fn epoch(&self) -> Epoch {
        self.core().epoch()
    }

    /// How many partitions the rooms are spread over.
    pub fn partitions(&self) -> Partitions {
        self.partitions
    }

    /// Submits a command. The ticket receives the outcome.
    pub fn submit(&self, command: Command) -> Ticket {
        let ticket = self.core().submit(command, Instant::now());
        self.wake.notify_all();
        ticket
    }

    /// The next number of a kind, unique across all nodes. `None` while there is none; nobody can log in then.
    pub fn number(&self, kind: NumberKind) -> Option<u64> {
        let deadline = Instant::now() + ANSWER;
        let mut core = self.core();
        loop {
            if let Some(number) = core.number(kind) {
                return Some(number);
            }
            // The next block is already on its way, unless Redis is unreachable.
            let now = Instant::now();
            if now >= deadline || !core.takes_commands(now) {
                return None;
            }
            self.wake.notify_all();
            core = self.wake.wait_timeout(core, Duration::from_millis(20)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The time, by the clock that all nodes share.
    pub fn now(&self) -> Timestamp {
        self.clock.at(Instant::now()).unwrap_or_else(Timestamp::now)
    }

    /// The clock that all nodes share.
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Handles timeouts, even while the bus threads wait for Redis.
    pub fn look(&self) {
        self.core().tick(Instant::now());
        self.deliver();
    }

    /// Figures for the metrics.
    #[cfg(feature = "metrics")]
    pub(crate) fn metrics(&self) -> (NodeFigures, Arc<ClusterMetrics>) {
        let core = self.core();
        (core.figures(Instant::now()), Arc::clone(&core.metrics))
    }

    /// Whether the node accepts actions that others would see.
    pub fn takes_commands(&self) -> bool {
        self.core().takes_commands(Instant::now())
    }

    /// The accounts that all nodes share. They are unreachable whenever this node is.
    pub fn accounts(self: &Arc<Self>) -> Arc<SharedAccounts> {
        let node = Arc::downgrade(self);
        let is_up = move || node.upgrade().is_some_and(|node| node.takes_commands());
        let connections = Connections::new(Arc::clone(&self.connect), Box::new(is_up));
        Arc::new(SharedAccounts::new(Arc::new(connections), self.partitions))
    }

    /// Starts the two threads.
    pub(super) fn begin(self: &Arc<Self>, replica: Arc<dyn Replica>) -> std::io::Result<()> {
        // Set only here, so this cannot fail.
        let _ = self.replica.set(replica);
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, run) in [("bus:write", Cluster::write as fn(&Cluster)), ("bus:read", Cluster::read)] {
            let cluster = Arc::clone(self);
            let builder = thread::Builder::new().name(name.to_owned()).stack_size(STACK);
            threads.push(builder.spawn(move || run(&cluster))?);
        }
        Ok(())
    }

    /// Keeps the names and memberships of this node's users for this long after its goodbye: they may reconnect to other
    /// nodes.
    pub fn leave_behind(&self, stays: Duration) {
        *self.stays.lock().unwrap_or_else(PoisonError::into_inner) = stays;
    }

    /// Says goodbye, so that the others need not wait for the lease to end, and stops the threads.
    pub fn stop(&self) {
        if self.stopping.swap(true, Ordering::AcqRel) {
            return;
        }
        self.wake.notify_all();
        let threads = mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A panic has already been reported by the panic hook.
            let _ = thread.join();
        }
    }

    /// Stops the threads without a goodbye, like a crash of the process.
    #[cfg(test)]
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        self.stop();
    }

    /// Opens a connection in addition to those of the two threads.
    pub(super) fn connect_for_reading(&self) -> Result<Box<dyn Engine>, Unreachable> {
        (self.connect)(ANSWER)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Passes everything pending to the replica.
    fn deliver(&self) {
        let _order = self.delivery.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(replica) = self.replica.get() else { return };
        loop {
            let out = mem::take(&mut self.core().out);
            if out.is_empty() {
                return;
            }
            let mut outcomes = Vec::new();
            for out in out {
                match out {
                    Out::Apply(entry) => replica.apply(*entry),
                    Out::Reload(log, state) => replica.reload(log, state),
                    Out::Lost(loss) => replica.lost(loss),
                    Out::Resolve(ticket, outcome) => outcomes.push((ticket, outcome)),
                    Out::Holdings(lost) => {
                        let holdings = replica.holdings(&lost);
                        self.core().claim(holdings);
                    }
                    Out::Returning => {
                        let returning = replica.returning();
                        self.core().rejoin(returning, Instant::now());
                    }
                    Out::NameTaken(client) => replica.name_taken(client),
                    Out::MembershipRefused(client, room) => replica.membership_refused(client, &room),
                    Out::Note(level, text) => log::log!(level, "{text}"),
                    Out::Health(health) => replica.health(health),
                    Out::Away => replica.away(),
                    Out::Back(back) => replica.back(back),
                    Out::Nodes(nodes) => replica.nodes(&nodes),
                    Out::NodeIn { .. } | Out::NodeGone { .. } => {}
                }
            }
            replica.applied_all();
            outcomes.into_iter().for_each(|(ticket, outcome)| ticket.resolve(outcome));
            if self.core().has_calls(Instant::now()) {
                self.wake.notify_all();
            }
        }
    }

    /// Whether the logs could be read at least once.
    pub(super) fn reads(&self) -> bool {
        self.reads.load(Ordering::Acquire)
    }

    /// Why Redis is of no use, if it is tried in vain.
    pub(super) fn trouble(&self) -> Option<Box<str>> {
        self.trouble.0.why().or_else(|| self.trouble.1.why())
    }

    /// The thread `bus:write`.
    fn write(&self) {
        let mut engine: Option<Box<dyn Engine>> = None;
        let mut attempts = 0;
        while !self.is_stopping() {
            let Some(connection) = &mut engine else {
                match (self.connect)(ANSWER) {
                    Ok(connection) => {
                        self.core().connected(connection.run());
                        engine = Some(connection);
                    }
                    Err(Unreachable(why)) => {
                        self.trouble.0.note("Redis cannot be reached", why);
                        self.pause(BACKOFF[attempts.min(BACKOFF.len() - 1)]);
                        attempts += 1;
                    }
                }
                continue;
            };
            let calls = self.next_calls();
            if !calls.is_empty() {
                let answer = connection
                    .call(&calls)
                    .and_then(|replies| self.core().answered(&calls, &replies, Instant::now()).map_err(Unreachable));
                match answer {
                    Ok(()) => {
                        attempts = 0;
                        self.trouble.0.end();
                        // Wakes threads that wait for a number.
                        self.wake.notify_all();
                    }
                    Err(Unreachable(why)) => {
                        self.trouble.0.note("the connection to Redis is lost", why);
                        engine = None;
                        self.core().disconnected(Instant::now());
                        self.pause(BACKOFF[attempts.min(BACKOFF.len() - 1)]);
                        attempts += 1;
                    }
                }
            }
            self.deliver();
        }
        #[cfg(test)]
        if self.abandoned.load(Ordering::Acquire) {
            return;
        }
        if let Some(mut connection) = engine {
            let stays = *self.stays.lock().unwrap_or_else(PoisonError::into_inner);
            let goodbye = self.core().goodbye(stays);
            if let Err(Unreachable(why)) = connection.call(&goodbye) {
                log::info!("cluster: could not say goodbye: {why}");
            }
        }
    }

    /// Waits for something to send.
    fn next_calls(&self) -> Vec<super::engine::Call> {
        let mut core = self.core();
        loop {
            let now = Instant::now();
            core.tick(now);
            if self.is_stopping() || !core.out.is_empty() {
                return Vec::new();
            }
            if core.has_calls(now) {
                return core.calls(now);
            }
            let wait = core
                .due(now)
                .saturating_duration_since(now)
                .clamp(Duration::from_millis(1), Duration::from_millis(250));
            core = self.wake.wait_timeout(core, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sleeps, unless the bus is stopping. Timeouts are still handled.
    fn pause(&self, length: Duration) {
        let end = Instant::now() + length;
        let mut core = self.core();
        loop {
            let now = Instant::now();
            core.tick(now);
            if now >= end || self.is_stopping() {
                break;
            }
            core = self.wake.wait_timeout(core, end - now).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(core);
        self.deliver();
    }

    /// Submits a command and waits, as a user's thread does. Calls `slow` once if the user has waited for long.
    pub fn carry_out(
        &self,
        command: Command,
        slow_after: Duration,
        give_up_after: Duration,
        slow: &dyn Fn(),
    ) -> (Ticket, Option<Outcome>) {
        let now = Instant::now();
        let ticket = self.submit(command);
        let outcome = ticket.wait(now + slow_after).or_else(|| {
            slow();
            ticket.wait(now + give_up_after)
        });
        (ticket, outcome)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
    }
}
