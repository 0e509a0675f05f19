//! Reading the logs of a Redis Cluster. One blocking read can wait only for logs in one hash slot, and each log has a slot of its
//! own: so each has a connection and a thread that waits for it.
//!
//! *Owns* these threads. They end a second after the reader is gone, at the latest.
//! *Knows nothing of* what the entries say.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::{Address, RedisLine};
use crate::cluster::engine::{LogEntry, Unreachable};
use crate::cluster::values::{Log, Position};
use crate::config::HostPort;

/// How long a read waits for the first entry.
const BLOCK: Duration = Duration::from_millis(1000);

/// Stack of a thread: the client of Redis nests deep.
const STACK: usize = 512 * 1024;

type Found = Result<Vec<LogEntry>, Unreachable>;

/// The thread of one log.
struct LogThread {
    wanted: Sender<Position>,
    /// What it is waiting to read on from.
    asked: Option<Position>,
}

/// The threads.
pub(super) struct LogThreads {
    address: Address,
    timeout: Duration,
    threads: BTreeMap<Log, LogThread>,
    answer: Sender<(Log, Position, Found)>,
    answers: Receiver<(Log, Position, Found)>,
}

impl LogThreads {
    pub(super) fn new(address: Address, timeout: Duration) -> LogThreads {
        let (answer, answers) = mpsc::channel();
        LogThreads { address, timeout, threads: BTreeMap::new(), answer, answers }
    }

    /// What follows these places, each on the Redis that has the log. Waits for the first of it, but not for long.
    pub(super) fn read(&mut self, from: &[(Log, Position, HostPort)]) -> Found {
        let deadline = Instant::now() + BLOCK;
        let mut entries = Vec::new();
        loop {
            for (log, position, at) in from {
                self.want(*log, *position, at)?;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(first) = self.answers.recv_timeout(left) else { return Ok(entries) };
            for (log, position, found) in std::iter::once(first).chain(self.answers.try_iter()) {
                self.threads.get_mut(&log).into_iter().for_each(|thread| thread.asked = None);
                let found = found?;
                // The reader may have gone on elsewhere meanwhile.
                if from.iter().any(|(known, place, _)| *known == log && *place == position) {
                    entries.extend(found);
                }
            }
            if !entries.is_empty() {
                return Ok(entries);
            }
        }
    }

    fn want(&mut self, log: Log, position: Position, at: &HostPort) -> Result<(), Unreachable> {
        let thread = match self.threads.entry(log) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                let (wanted, places) = mpsc::channel();
                let (address, timeout, at, answer) =
                    (self.address.clone(), self.timeout, at.clone(), self.answer.clone());
                let builder = thread::Builder::new().name(format!("bus:{log}")).stack_size(STACK);
                let spawned = builder.spawn(move || serve(log, &places, &answer, &address, at, timeout));
                spawned.map_err(|error| Unreachable(format!("no thread can be started: {error}").into()))?;
                new.insert(LogThread { wanted, asked: None })
            }
        };
        if thread.asked.is_none() {
            thread.asked = Some(position);
            // A thread that has ended has said why.
            let _ = thread.wanted.send(position);
        }
        Ok(())
    }
}

/// A thread: until nobody wants anything any more, or the connection is lost.
fn serve(
    log: Log,
    places: &Receiver<Position>,
    answer: &Sender<(Log, Position, Found)>,
    address: &Address,
    at: HostPort,
    timeout: Duration,
) {
    let mut line = RedisLine::connect(at, false, address, timeout);
    while let Ok(position) = places.recv() {
        let found = match &mut line {
            Ok(line) => line.read(&[(log, position)]),
            Err(error) => Err(Unreachable(error.why.clone())),
        };
        let is_lost = found.is_err();
        if answer.send((log, position, found)).is_err() || is_lost {
            return;
        }
    }
}
