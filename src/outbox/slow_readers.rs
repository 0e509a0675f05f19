//! All clients whose sockets do not keep up, and the thread that sends them what they have not taken.
//!
//! *Owns* the list of them, the count of all waiting bytes and the limits on both.
//! *Knows nothing of* what the bytes mean.
//! *Called by* `outbox` (to enlist), `server` (runs the thread, sets the limits).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::transmit::Swept;
use super::{DisconnectReason, Outbox};

/// Time between two tries while anybody lags.
///
/// At 10 ms a reader of a megabyte a second finds 10 KB per try, well within any socket buffer; shorter would burn
/// processor time on sockets that are full for good reason.
const TICK: Duration = Duration::from_millis(10);

/// What a slow reader may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Most bytes of others' text waiting for one client; `None`: no limit.
    pub bytes: Option<usize>,
    /// Most bytes waiting for all clients together.
    pub total: Option<usize>,
    /// Longest time in which a client with a backlog takes nothing.
    pub stall: Option<Duration>,
}

/// The list. One per server.
pub struct SlowReaders {
    /// A leaf: taken under an outbox's lock, takes no other lock while held.
    list: Mutex<List>,
    wake: Condvar,
    /// Bytes waiting for all clients.
    total: AtomicUsize,
    /// A leaf, read far more often than written.
    limits: std::sync::RwLock<OutboxLimits>,
}

struct List {
    outboxes: Vec<Weak<Outbox>>,
    /// Nobody lags, the thread waits without a deadline.
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
        }
    }

    /// The limits in force.
    pub fn limits(&self) -> OutboxLimits {
        *self.limits.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Other limits from now on.
    pub fn set_limits(&self, limits: OutboxLimits) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// Bytes waiting for all clients.
    pub fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Ends [`SlowReaders::run`].
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.wake.notify_all();
    }

    /// The sweep thread: asleep while nobody lags.
    pub fn run(&self) {
        let mut lagging: Vec<Arc<Outbox>> = Vec::new();
        let mut list = self.lock();
        loop {
            lagging.extend(list.outboxes.drain(..).filter_map(|outbox| outbox.upgrade()));
            if list.stopped {
                return;
            }
            if lagging.is_empty() {
                list.asleep = true;
                list = self.wake.wait(list).unwrap_or_else(PoisonError::into_inner);
                list.asleep = false;
                continue;
            }
            drop(list);
            self.sweep(&mut lagging);
            list = self.lock();
            if !lagging.is_empty() && !list.stopped {
                list = self.wake.wait_timeout(list, TICK).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    fn sweep(&self, lagging: &mut Vec<Arc<Outbox>>) {
        let now = Instant::now();
        let mut sizes = Vec::with_capacity(lagging.len());
        lagging.retain(|outbox| match outbox.sweep(now) {
            Swept::Done => false,
            Swept::Lagging(bytes) => {
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
            let outbox = lagging.swap_remove(index);
            let mut state = outbox.lock();
            outbox.drop_reader(&mut state, DisconnectReason::MemoryShort(bytes));
        }
    }

    pub(super) fn enlist(&self, outbox: Weak<Outbox>) {
        let mut list = self.lock();
        list.outboxes.push(outbox);
        // A thread that waits for its next tick finds the newcomer then; waking it early would shorten the tick.
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
