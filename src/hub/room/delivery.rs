//! Delivery: who takes a room's queue to its viewers, and when.
//!
//! ```text
//!            drive, queue not empty              queue empty after one round
//! Nobody ------------------------------> Poster -----------------------------> Nobody
//!    ^                                      | queue not empty after one round
//!    |  queue empty                         v
//!    +--------------------------------- Thread(Running)
//!       the thread stays on, parked, ready for the next hand-over, and ends after a while
//! ```
//!
//! In a quiet room a message costs no thread switch. In a busy one the posters go back to reading after one round, and
//! the thread's batches grow with the pressure: one system call per viewer and batch, not per message.
//!
//! *Owns* the transitions above, and that a poster never waits on a full queue that no one is draining.
//! *Knows nothing of* what the events are.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::{Room, State};
use crate::outbox::{Batch, DisconnectReason};

/// How long a room's thread stays for the next hand-over. A busy room hands over many times a second, and starting a
/// thread costs about as much as ten deliveries.
const THREAD_STAYS: Duration = Duration::from_millis(250);

/// The room thread's stack, in bytes: it renders and sends, nothing nests.
const THREAD_STACK: usize = 128 * 1024;

/// Who delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
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

impl Driver {
    fn is_idle(self) -> bool {
        matches!(self, Driver::Nobody | Driver::Parked)
    }
}

impl Room {
    /// Delivers what is queued, unless another thread is delivering: then its next round includes it.
    pub(crate) fn drive(self: &Arc<Self>) {
        let state = self.lock();
        if state.driver.is_idle() && !state.queue.is_empty() {
            self.drive_once(state);
        }
    }

    /// Waits until the queue takes a message of this many bytes. A poster who finds it full, and nobody delivering, delivers.
    pub(super) fn wait_for_space(self: &Arc<Self>, bytes: usize) -> MutexGuard<'_, State> {
        let limit = self.shared.queue_bytes.load(Ordering::Relaxed);
        let mut state = self.lock();
        while state.queue_bytes > 0 && state.queue_bytes + bytes > limit && !state.room.is_closed() {
            if state.driver.is_idle() {
                self.drive_once(state);
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
    fn drive_once<'a>(self: &'a Arc<Self>, mut state: MutexGuard<'a, State>) {
        state.driver = Driver::Poster { parked: state.driver == Driver::Parked };
        let guard = Guard { room: self };
        let mut state = self.deliver(state);
        if state.queue.is_empty() {
            state.driver = match state.driver {
                Driver::Poster { parked: true } => Driver::Parked,
                Driver::Poster { parked: false } | Driver::Nobody | Driver::Thread | Driver::Parked => Driver::Nobody,
            };
            guard.disarm();
            return;
        }
        let parked = state.driver == Driver::Poster { parked: true };
        state.driver = Driver::Thread;
        guard.disarm();
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
        state.driver = Driver::Nobody;
        guard.disarm();
    }

    fn run_thread(self: Arc<Self>) {
        let guard = Guard { room: &self };
        let mut state = self.lock();
        loop {
            while !state.queue.is_empty() {
                state = self.deliver(state);
            }
            state.driver = Driver::Parked;
            let not_handed = |state: &mut State| state.driver != Driver::Thread;
            let (next, waited) =
                self.handed.wait_timeout_while(state, THREAD_STAYS, not_handed).unwrap_or_else(PoisonError::into_inner);
            state = next;
            if waited.timed_out() && state.driver != Driver::Thread {
                match &mut state.driver {
                    // A poster is delivering, and must no longer count on this thread.
                    Driver::Poster { parked } => *parked = false,
                    driver @ (Driver::Nobody | Driver::Thread | Driver::Parked) => *driver = Driver::Nobody,
                }
                guard.disarm();
                return;
            }
        }
    }

    /// One batch to everybody in view. The lock is released meanwhile; the caller has made itself the driver.
    fn deliver<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let events = Arc::new(std::mem::take(&mut state.queue));
        state.queue_bytes = 0;
        state.in_flight = Some(Arc::clone(&events));
        let viewers = state.viewers();
        let waiting = state.waiting > 0;
        drop(state);
        if waiting {
            self.space.notify_all();
        }
        let batch = || Batch::new(&self.id, Arc::clone(&self.prompt), &events, self.clock.clone());
        let mut current = batch();
        for outbox in viewers.iter() {
            // A panic while delivering costs one member, not the room.
            if catch_unwind(AssertUnwindSafe(|| outbox.push(&mut current))).is_err() {
                outbox.disconnect(DisconnectReason::Panicked);
                current = batch();
            }
        }
        let mut state = self.lock();
        state.in_flight = None;
        state
    }
}

/// Ends the delivery if its thread dies under it, so that the next poster can drive.
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
        state.driver = match state.driver {
            Driver::Poster { parked: true } => Driver::Parked,
            Driver::Poster { parked: false } | Driver::Nobody | Driver::Thread | Driver::Parked => Driver::Nobody,
        };
        state.in_flight = None;
        drop(state);
        self.room.space.notify_all();
    }
}
