//! The clients whose sockets do not keep up, and the thread that sends them their backlogs.
//!
//! *Owns* their list, the size of all backlogs, and the limits. *Knows nothing of* what the bytes mean.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::transmit::Swept;
use super::{DisconnectReason, Outbox};
use crate::metrics::TrafficMetrics;

/// Time between two attempts while any client is slow.
///
/// At 10 ms, a client that reads a megabyte per second finds 10 KB per attempt, well within any socket buffer. A shorter time
/// would burn CPU on sockets that stay full.
const TICK: Duration = Duration::from_millis(10);

/// What a slow reader may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Largest backlog of others' text for one client, in bytes; `None`: no limit.
    pub bytes: Option<usize>,
    /// Most bytes in all backlogs together.
    pub total: Option<usize>,
    /// Longest time in which a client with a backlog may accept nothing.
    pub stall: Option<Duration>,
}

/// The slow readers of a server.
pub struct SlowReaders {
    /// A leaf: taken under an outbox's lock; no other lock is taken under it.
    list: Mutex<List>,
    wake: Condvar,
    /// Bytes in all backlogs.
    total: AtomicUsize,
    /// A leaf, read far more often than written.
    limits: std::sync::RwLock<OutboxLimits>,
    /// The traffic of all outboxes.
    pub(crate) traffic: TrafficMetrics,
}

struct List {
    outboxes: Vec<Weak<Outbox>>,
    /// No client is slow, and the thread waits without a deadline.
    asleep: bool,
    stopped: bool,
}

impl SlowReaders {
    /// An empty list.
    pub fn new(limits: OutboxLimits) -> SlowReaders {
        SlowReaders {
            list: Mutex::new(List { outboxes: Vec::new(), asleep: false, stopped: false }),
            wake: Condvar::new(),
            total: AtomicUsize::new(0),
            limits: std::sync::RwLock::new(limits),
            traffic: TrafficMetrics::default(),
        }
    }

    /// The limits in force.
    pub fn limits(&self) -> OutboxLimits {
        *self.limits.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the limits.
    pub(crate) fn set_limits(&self, limits: OutboxLimits) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// Bytes in all backlogs.
    pub fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Ends [`SlowReaders::run`].
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.wake.notify_all();
    }

    /// The thread `slow-readers`: it sleeps while no client is slow.
    pub fn run(&self) {
        let mut slow: Vec<Arc<Outbox>> = Vec::new();
        let mut list = self.lock();
        loop {
            slow.extend(list.outboxes.drain(..).filter_map(|outbox| outbox.upgrade()));
            if list.stopped {
                return;
            }
            self.traffic.slow_readers.set(slow.len());
            if slow.is_empty() {
                list.asleep = true;
                list = self.wake.wait(list).unwrap_or_else(PoisonError::into_inner);
                list.asleep = false;
                continue;
            }
            drop(list);
            self.sweep(&mut slow);
            list = self.lock();
            if !slow.is_empty() && !list.stopped {
                list = self.wake.wait_timeout(list, TICK).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    fn sweep(&self, slow: &mut Vec<Arc<Outbox>>) {
        let now = Instant::now();
        let mut sizes = Vec::with_capacity(slow.len());
        slow.retain(|outbox| match outbox.sweep(now) {
            Swept::Done => false,
            Swept::Slow(bytes) => {
                sizes.push(bytes);
                true
            }
        });
        let Some(limit) = self.limits().total else { return };
        while self.total() > limit {
            let Some((index, bytes)) = sizes.iter().copied().enumerate().max_by_key(|(_, bytes)| *bytes) else {
                return;
            };
            sizes.swap_remove(index);
            let outbox = slow.swap_remove(index);
            let mut state = outbox.lock();
            outbox.drop_reader(&mut state, DisconnectReason::MemoryShort(bytes));
        }
    }

    pub(super) fn add(&self, outbox: Weak<Outbox>) {
        let mut list = self.lock();
        list.outboxes.push(outbox);
        // A thread that waits for its next tick finds the new client then; waking it early would shorten the tick.
        if list.asleep {
            self.wake.notify_all();
        }
    }

    pub(super) fn grow(&self, bytes: usize) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn shrink(&self, bytes: usize) {
        self.total.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
