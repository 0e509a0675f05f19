//! Delivery: which thread takes a room's queue to its viewers, and when.
//!
//! ```text
//!   delivery begins, queue not empty             queue empty after one round
//! Nobody ------------------------------> Poster -----------------------------> Nobody
//!    ^                                      | queue not empty after one round
//!    |  queue empty                         v
//!    +--------------------------------- Thread
//!       the thread stays on, parked, ready for the next hand-over, and ends after a while
//! ```
//!
//! In a quiet room a message costs no thread switch. In a busy room, posters go back to reading after one round, and
//! the thread's batches grow with the load: one system call per viewer and batch, not per message.
//!
//! *Owns* the transitions above, and the rule that a poster never waits on a full queue that no one is draining. *Knows
//! nothing of* what the events are.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
#[cfg(feature = "cluster")]
use std::time::Instant;

use super::{LockedRoom, Room};
use crate::metrics::Earliest;
use crate::outbox::{Batch, DisconnectReason, Outbox, Pushed};

/// How long a room's thread waits for the next hand-over before it ends. A busy room hands over many times a second,
/// and starting a thread costs about as much as ten deliveries.
const THREAD_STAYS: Duration = Duration::from_millis(250);

/// The room thread's stack, in bytes. It only renders and sends, without deep calls.
const THREAD_STACK: usize = 128 * 1024;

/// Most viewers that the log-reading thread delivers to itself: about what starting a thread costs.
#[cfg(feature = "cluster")]
const MOST_FROM_LOG: usize = 64;

/// What share of a round the room's thread waits for more, and how long at most.
#[cfg(feature = "cluster")]
const GATHERED: u32 = 4;
#[cfg(feature = "cluster")]
const GATHERED_AT_MOST: Duration = Duration::from_millis(3);

/// Who delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deliverer {
    /// Nobody, and there is no thread.
    Nobody,
    /// The thread of a user who posted, for one round.
    Poster {
        /// The room's thread waits for a hand-over.
        parked: bool,
    },
    /// The room's thread.
    Thread,
    /// Nobody, and the room's thread waits for a hand-over.
    Parked,
}

impl Deliverer {
    fn is_idle(self) -> bool {
        matches!(self, Deliverer::Nobody | Deliverer::Parked)
    }
}

impl Room {
    /// Delivers what is queued, unless another thread is delivering: then its next round includes it.
    pub(crate) fn deliver_pending(self: &Arc<Self>) {
        let state = self.lock();
        if state.deliverer.is_idle() && !state.queue.is_empty() {
            self.deliver_once(state);
        }
    }

    /// Delivers what was read from the shared log, on the thread that reads it. A room with many viewers or a full queue
    /// is left to its own thread, so that other rooms do not wait for it. Only a room that is far behind makes the log
    /// wait.
    #[cfg(feature = "cluster")]
    pub(crate) fn deliver_from_log(self: &Arc<Self>) {
        let limit = self.shared.queue_bytes.load(Ordering::Relaxed);
        let mut state = self.lock();
        while state.queue_bytes > limit && !state.deliverer.is_idle() && !state.room.is_closed() {
            state.waiting += 1;
            state = self.space.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        if !state.deliverer.is_idle() || state.queue.is_empty() {
            return;
        }
        if state.in_view <= MOST_FROM_LOG {
            return self.deliver_once(state);
        }
        let parked = state.deliverer == Deliverer::Parked;
        self.hand_over_delivery(state, parked);
    }

    /// Waits until the queue has room for a message of this many bytes. A poster that finds it full with nobody
    /// delivering delivers it.
    pub(super) fn wait_for_space(self: &Arc<Self>, bytes: usize) -> MutexGuard<'_, LockedRoom> {
        let limit = self.shared.queue_bytes.load(Ordering::Relaxed);
        let mut state = self.lock();
        while state.queue_bytes > 0 && state.queue_bytes + bytes > limit && !state.room.is_closed() {
            if state.deliverer.is_idle() {
                self.deliver_once(state);
                state = self.lock();
            } else {
                state.waiting += 1;
                state = self.space.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.waiting -= 1;
            }
        }
        state
    }

    /// One round on the caller's thread, then a hand-over if more has come.
    fn deliver_once<'a>(self: &'a Arc<Self>, mut state: MutexGuard<'a, LockedRoom>) {
        state.deliverer = Deliverer::Poster { parked: state.deliverer == Deliverer::Parked };
        let guard = Guard { room: self };
        let mut state = self.deliver(state);
        if state.queue.is_empty() {
            state.deliverer = match state.deliverer {
                Deliverer::Poster { parked: true } => Deliverer::Parked,
                Deliverer::Poster { parked: false } | Deliverer::Nobody | Deliverer::Thread | Deliverer::Parked => {
                    Deliverer::Nobody
                }
            };
            guard.disarm();
            return;
        }
        let parked = state.deliverer == Deliverer::Poster { parked: true };
        guard.disarm();
        self.hand_over_delivery(state, parked);
    }

    /// Leaves the queue to the room's thread; `parked`: there is one that waits for it.
    fn hand_over_delivery<'a>(self: &'a Arc<Self>, mut state: MutexGuard<'a, LockedRoom>, parked: bool) {
        state.deliverer = Deliverer::Thread;
        if parked {
            drop(state);
            self.handed.notify_all();
            return;
        }
        drop(state);
        let room = Arc::clone(self);
        let spawned = thread::Builder::new()
            .name(format!("room:{}", self.name))
            .stack_size(THREAD_STACK)
            .spawn(move || room.run_thread());
        if let Err(error) = spawned {
            log::warn!("no thread for room {}, its posters deliver: {error}", self.name);
            self.deliver_all();
        }
    }

    /// Delivers on the caller's thread until the queue is empty, because no other thread could be started.
    fn deliver_all(&self) {
        let guard = Guard { room: self };
        let mut state = self.lock();
        while !state.queue.is_empty() {
            state = self.deliver(state);
        }
        state.deliverer = Deliverer::Nobody;
        guard.disarm();
    }

    fn run_thread(self: Arc<Self>) {
        let guard = Guard { room: &self };
        let mut state = self.lock();
        loop {
            while !state.queue.is_empty() {
                #[cfg(feature = "cluster")]
                let begun = Instant::now();
                state = self.deliver(state);
                #[cfg(feature = "cluster")]
                if self.log().is_some() {
                    state = self.gather(state, begun.elapsed());
                }
            }
            state.deliverer = Deliverer::Parked;
            let not_handed = |state: &mut LockedRoom| state.deliverer != Deliverer::Thread;
            let (next, waited) =
                self.handed.wait_timeout_while(state, THREAD_STAYS, not_handed).unwrap_or_else(PoisonError::into_inner);
            state = next;
            if waited.timed_out() && state.deliverer != Deliverer::Thread {
                match &mut state.deliverer {
                    // A poster is delivering, and must no longer count on this thread.
                    Deliverer::Poster { parked } => *parked = false,
                    deliverer @ (Deliverer::Nobody | Deliverer::Thread | Deliverer::Parked) => {
                        *deliverer = Deliverer::Nobody
                    }
                }
                guard.disarm();
                return;
            }
        }
    }

    /// After a round in a room with many viewers, waits a little, so that what the log brings in pieces goes out
    /// together. On a standalone server, a poster delivers first and reads further input only after that, so this is not
    /// needed.
    #[cfg(feature = "cluster")]
    fn gather<'a>(&'a self, state: MutexGuard<'a, LockedRoom>, round: Duration) -> MutexGuard<'a, LockedRoom> {
        let most = self.shared.queue_bytes.load(Ordering::Relaxed) / 2;
        let has_space = |state: &mut LockedRoom| state.queue_bytes < most && !state.room.is_closed();
        let wait = (round / GATHERED).min(GATHERED_AT_MOST);
        self.handed.wait_timeout_while(state, wait, has_space).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Counts what came of a batch.
    #[inline]
    pub(super) fn note_pushed(&self, mut pushed: Pushed) {
        self.shared.metrics.deliveries.settle(&mut pushed.events);
        self.shared.metrics.sent.settle(&mut pushed.bytes);
    }

    /// Counts a round of delivery, whose first message was read at the moment `posted`.
    #[inline]
    fn note_delivered(&self, pushed: Pushed, posted: Earliest) {
        self.shared.metrics.batches.add(1);
        self.shared.metrics.seconds.observe_since(posted);
        self.note_pushed(pushed);
    }

    /// Delivers one batch to everybody in view, with the lock released. The caller has made itself the deliverer.
    fn deliver<'a>(&'a self, mut state: MutexGuard<'a, LockedRoom>) -> MutexGuard<'a, LockedRoom> {
        let events = Arc::new(std::mem::take(&mut state.queue));
        state.queue_bytes = 0;
        state.in_flight = Some(Arc::clone(&events));
        let viewers = state.viewers();
        let posted = state.posted.take();
        let waiting = state.waiting > 0;
        drop(state);
        if waiting {
            self.space.notify_all();
        }
        let batch = || Batch::new(&self.id, Arc::clone(&self.prompt), &events, self.clock.clone());
        let mut current = batch();
        let mut pushed = Pushed::default();
        for outbox in viewers.iter() {
            // A panic while delivering costs one member, not the room.
            if catch_unwind(AssertUnwindSafe(|| outbox.push(&mut current))).is_err() {
                outbox.disconnect(DisconnectReason::Panicked);
                pushed.absorb(current.take_pushed());
                current = batch();
            }
        }
        pushed.absorb(current.take_pushed());
        if !viewers.is_empty() {
            self.note_delivered(pushed, posted);
        }
        let mut state = self.lock();
        state.in_flight = None;
        state
    }
}

impl LockedRoom {
    /// Who is shown what is queued.
    pub(super) fn viewers(&mut self) -> Arc<[Arc<Outbox>]> {
        let LockedRoom { seats, has_programs, viewers, .. } = self;
        let collect = || {
            *has_programs = seats.values().any(|seat| seat.in_view && seat.is_program);
            seats.values().filter(|seat| seat.in_view).map(|seat| Arc::clone(&seat.outbox)).collect()
        };
        Arc::clone(viewers.get_or_insert_with(collect))
    }
}

/// Ends the delivery if its thread dies under it, so that the next poster can take over.
struct Guard<'a> {
    room: &'a Room,
}

impl Guard<'_> {
    fn disarm(self) {
        std::mem::forget(self);
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut state = self.room.lock();
        state.deliverer = match state.deliverer {
            Deliverer::Poster { parked: true } => Deliverer::Parked,
            Deliverer::Poster { parked: false } | Deliverer::Nobody | Deliverer::Thread | Deliverer::Parked => {
                Deliverer::Nobody
            }
        };
        state.in_flight = None;
        drop(state);
        self.room.space.notify_all();
    }
}
