//! Writes on their way to the writer thread, in the order they came.
//!
//! *Owns* the queue, its bounds, and the count of writes that did not fit.
//! *Knows nothing of* SQL.

pub(super) mod message_ids;
pub(super) mod overlay;
pub(super) mod queued_write;

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::metrics::{Counter, Histogram};
use crate::store::error::StoreError;
use crate::store::failpoints::Failpoints;
use message_ids::MessageIds;
use overlay::{Overlay, PendingChanges};
use queued_write::{About, AwaitedWrite, BackgroundWrite, QueuedWrite};

/// Limit for queued background writes, in bytes: what a stopped disk may cost in memory. About 40,000 lines of chat.
pub(crate) const CAPACITY: usize = 8 * 1024 * 1024;

/// Bytes above [`CAPACITY`] for erasures and edits only. A lost message is a gap; a lost erasure is a text that stays.
const RESERVE: usize = 1024 * 1024;

/// How long background writes are gathered after the first one. Messages are promised within 250 ms: the rest is for the
/// disk.
pub(crate) const GATHER: Duration = Duration::from_millis(100);

/// Most bytes in one transaction, so that a confirmed write behind it does not wait long. With the overhead of each write,
/// that is 8,192 writes and about 15 ms.
const BATCH_BYTES: usize = 1024 * 1024;

/// How long one step of the writer may take before it counts as hanging. It is longer than the writer waits for another
/// program; a disk that needs longer for a megabyte has stopped.
pub(crate) const HANGS: Duration = Duration::from_secs(8);

/// How to close the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseMode {
    /// Write what is queued first, until this time at most.
    Drain(Instant),
    /// Drop what is queued, as in a crash.
    Abandon,
}

/// Writes that were dropped and not reported yet.
#[derive(Debug, Default)]
pub(crate) struct LostWrites {
    pub(crate) count: u64,
    /// Why the last of them was dropped.
    pub(crate) reason: Option<StoreError>,
}

impl LostWrites {
    /// Why writes were dropped, if any were.
    pub(crate) fn unreported(&self) -> Option<StoreError> {
        (self.count > 0).then(|| self.reason.clone().unwrap_or(StoreError::QueueFull))
    }
}

/// Whether the writer hangs.
#[derive(Debug, Default)]
pub(crate) struct Hang {
    /// When the current step began.
    since: Option<Instant>,
    /// A caller has noticed that the step takes too long.
    pub(crate) is_noticed: bool,
    /// The watchdog has reported it.
    pub(crate) is_reported: bool,
    /// Writes dropped meanwhile, as far as reported.
    pub(crate) lost: u64,
}

/// What the mutex guards.
pub(crate) struct QueueState {
    entries: VecDeque<QueuedWrite>,
    /// Size of the background writes in `entries` and in the writer's current batch.
    bytes: usize,
    /// The erasures and edits among them.
    pending: PendingChanges,
    /// When the first of `entries` came.
    since: Option<Instant>,
    /// Entries with a caller waiting.
    awaited: usize,
    pub(crate) lost: LostWrites,
    /// Writes that were lost since the start, reported or not.
    lost_ever: Counter,
    /// Set once the store is being closed.
    pub(crate) shutdown: Option<CloseMode>,
    /// The writer has exited: nothing is accepted any more.
    pub(crate) writer_exited: bool,
    /// How the writer ended, for the caller that closed the store.
    pub(crate) outcome: Option<StoreError>,
    pub(crate) hang: Hang,
}

/// Shared by the writer and everyone who writes.
pub(crate) struct WriteQueue {
    /// A leaf: nothing is locked, written or logged under it. It may be taken under any other lock.
    state: Mutex<QueueState>,
    pub(crate) wake: Condvar,
    /// Signalled when the writer has exited.
    pub(crate) exited: Condvar,
    /// Wakes the watchdog: the writer hangs or has exited.
    pub(crate) hang_noticed: Condvar,
    pub(crate) message_ids: MessageIds,
    /// The writer knows that ids run low and need not be woken again.
    pub(crate) ids_low: AtomicBool,
    /// How long a batch takes to be on disk, or to fail.
    pub(crate) batch_seconds: Histogram,
    /// For tests.
    pub(crate) failpoints: Failpoints,
}

impl WriteQueue {
    pub(crate) fn new(message_ids: MessageIds) -> WriteQueue {
        let state = QueueState {
            entries: VecDeque::new(),
            bytes: 0,
            pending: PendingChanges::default(),
            since: None,
            awaited: 0,
            lost: LostWrites::default(),
            lost_ever: Counter::default(),
            shutdown: None,
            writer_exited: false,
            outcome: None,
            hang: Hang::default(),
        };
        WriteQueue {
            state: Mutex::new(state),
            wake: Condvar::new(),
            exited: Condvar::new(),
            hang_noticed: Condvar::new(),
            message_ids,
            ids_low: AtomicBool::new(false),
            batch_seconds: Histogram::default(),
            failpoints: Failpoints::default(),
        }
    }

    /// Locks the queue. Poison is ignored: nothing is left half done under this lock.
    pub(crate) fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a background write, or counts it as lost. Never waits.
    pub(crate) fn record(&self, write: BackgroundWrite) {
        let mut state = self.lock();
        let wakes = state.push_background(write);
        // A hanging writer does not hear of the first loss, but the watchdog does.
        let hangs = state.notice_hang(Instant::now) || (wakes && state.hang.is_noticed);
        drop(state);
        if wakes {
            self.wake.notify_one();
        }
        if hangs {
            self.hang_noticed.notify_one();
        }
    }

    /// Checks whether the writer hangs, for a caller that has waited for it.
    pub(crate) fn check_hang(&self) {
        if self.lock().notice_hang(Instant::now) {
            self.hang_noticed.notify_one();
        }
    }

    /// Queues a write with a caller waiting. Refused at once if the store is closed or the writer is known to hang: only the
    /// caller that finds this out has to wait for it.
    pub(crate) fn submit(&self, entry: QueuedWrite) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.writer_exited || state.shutdown.is_some() {
            return Err(StoreError::Closed);
        }
        if state.hang.is_noticed {
            return Err(StoreError::TimedOut);
        }
        state.awaited += 1;
        state.push(entry);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }
}

impl QueueState {
    fn push(&mut self, entry: QueuedWrite) {
        self.bytes += entry.weight();
        self.since.get_or_insert_with(Instant::now);
        self.entries.push_back(entry);
    }

    /// Counts writes that are lost.
    pub(crate) fn lose(&mut self, count: u64, reason: StoreError) {
        self.lost.count += count;
        self.lost.reason = Some(reason);
        self.lost_ever.add(count);
    }

    /// Writes that were lost since the start, and the size of those that wait, in bytes.
    #[cfg(feature = "metrics")]
    pub(crate) fn lost_and_pending(&self) -> (u64, usize) {
        (self.lost_ever.get(), self.bytes)
    }

    /// True if the writer has to be woken: it sleeps until the first write, and then until a batch is full.
    fn push_background(&mut self, write: BackgroundWrite) -> bool {
        let bound = if write.erases() { CAPACITY + RESERVE } else { CAPACITY };
        let reason = if self.writer_exited || self.shutdown.is_some() {
            Some(StoreError::Closed)
        } else {
            (self.bytes + write.weight() > bound).then_some(StoreError::QueueFull)
        };
        if let Some(reason) = reason {
            self.lose(1, reason);
            // The first loss has to be reported.
            return self.lost.count == 1;
        }
        let before = self.bytes;
        let first = self.entries.is_empty();
        if let BackgroundWrite::Deferred(deferred) = &write {
            self.supersede(&deferred.about);
        }
        self.pending.add(&write);
        self.push(QueuedWrite::Background(write));
        first || (before < BATCH_BYTES && self.bytes >= BATCH_BYTES)
    }

    /// Removes an older queued state of the same thing. Stops at a room deletion, since moving a write across it would change
    /// the outcome.
    fn supersede(&mut self, about: &About) {
        for index in (0..self.entries.len()).rev() {
            match &self.entries[index] {
                QueuedWrite::Background(BackgroundWrite::Deferred(known)) if known.about == *about => {
                    if let Some(entry) = self.entries.remove(index) {
                        self.bytes -= entry.weight();
                    }
                    return;
                }
                QueuedWrite::Background(BackgroundWrite::RoomDeletion(_)) => return,
                QueuedWrite::Background(_) | QueuedWrite::Awaited(_) | QueuedWrite::Flush(_) => {}
            }
        }
    }

    /// The writer begins a step, which may take long.
    pub(crate) fn begin_step(&mut self, now: Instant) {
        self.hang.since = Some(now);
    }

    /// The writer has finished a step. If it was reported as hanging, returns how many lost writes were reported.
    pub(crate) fn end_step(&mut self) -> Option<u64> {
        let hang = std::mem::take(&mut self.hang);
        hang.is_reported.then_some(hang.lost)
    }

    /// True if the writer hangs and no one has noticed yet. Does not read the clock while the writer sleeps.
    fn notice_hang(&mut self, now: impl Fn() -> Instant) -> bool {
        let hangs = |since| now().saturating_duration_since(since) >= HANGS;
        let is_new = !self.hang.is_noticed && self.hang.since.is_some_and(hangs);
        self.hang.is_noticed |= is_new;
        is_new
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// When the next batch is due: at once if a caller waits or the batch is full, otherwise after gathering for a while. `None`
    /// if the queue is empty.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        let since = self.since?;
        if self.awaited > 0 || self.bytes >= BATCH_BYTES { Some(now) } else { Some(since + GATHER) }
    }

    /// Erasures and edits that are not written yet.
    pub(crate) fn overlay(&self) -> Arc<Overlay> {
        self.pending.overlay()
    }

    /// How many callers wait.
    pub(crate) fn awaited(&self) -> usize {
        self.awaited
    }

    /// Takes the writes with a caller waiting, to refuse them. Background writes stay.
    pub(crate) fn take_awaited(&mut self) -> Vec<Box<dyn AwaitedWrite>> {
        if self.awaited == 0 {
            return Vec::new();
        }
        self.awaited = 0;
        let mut writes = Vec::new();
        for entry in std::mem::take(&mut self.entries) {
            match entry {
                QueuedWrite::Background(_) => self.entries.push_back(entry),
                QueuedWrite::Awaited(write) | QueuedWrite::Flush(write) => writes.push(write),
            }
        }
        if self.entries.is_empty() {
            self.since = None;
        }
        writes
    }

    /// Takes the next batch, in order.
    pub(crate) fn take(&mut self) -> Vec<QueuedWrite> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(entry) = self.entries.front() {
            bytes += entry.weight();
            if !batch.is_empty() && bytes > BATCH_BYTES {
                break;
            }
            self.awaited -= usize::from(entry.is_awaited());
            batch.extend(self.entries.pop_front());
        }
        if self.entries.is_empty() {
            self.since = None;
        }
        batch
    }

    /// Frees the space of a batch that was written.
    pub(crate) fn written(&mut self, batch: &[QueuedWrite]) {
        self.bytes -= batch.iter().map(QueuedWrite::weight).sum::<usize>();
        for entry in batch {
            if let QueuedWrite::Background(write) = entry {
                self.pending.remove(write);
            }
        }
    }

    /// Puts writes that failed back at the front, in their order.
    pub(crate) fn put_back(&mut self, writes: Vec<BackgroundWrite>, now: Instant) {
        for write in writes.into_iter().rev() {
            self.entries.push_front(QueuedWrite::Background(write));
        }
        if !self.entries.is_empty() {
            self.since.get_or_insert(now);
        }
    }

    /// Takes everything, to refuse it.
    pub(crate) fn take_all(&mut self) -> Vec<QueuedWrite> {
        self.awaited = 0;
        self.bytes = 0;
        self.pending.clear();
        self.since = None;
        std::mem::take(&mut self.entries).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::message::MessageId;
    use crate::chat::names::RoomName;
    use crate::store::queue::queued_write::{Deferred, OVERHEAD};
    use crate::store::records::MessageRecord;
    use jiff::Timestamp;
    use rusqlite::Connection;

    fn queue() -> WriteQueue {
        WriteQueue::new(MessageIds::new(0, 0))
    }

    fn said(id: u64, length: usize) -> BackgroundWrite {
        let author = crate::chat::names::UserName::parse("bob", 1, 32).expect("a name");
        let text = "x".repeat(length).into();
        let (at, account, reply) = (Timestamp::UNIX_EPOCH, None, None);
        let message =
            MessageRecord { id: MessageId(id), at, author, account, text, action: false, edited: false, reply };
        BackgroundWrite::Message(RoomName::parse("general").expect("a name"), message)
    }

    fn erased(id: u64) -> BackgroundWrite {
        BackgroundWrite::Deletion(RoomName::parse("general").expect("a name"), MessageId(id))
    }

    #[test]
    fn writes_that_do_not_fit_are_counted_and_erasures_have_a_reserve_of_their_own() {
        let queue = queue();
        for id in 0..9 {
            queue.record(said(id, 1024 * 1024));
        }
        assert_eq!(queue.lock().lost.count, 2);
        #[cfg(feature = "metrics")]
        {
            let (lost, pending) = queue.lock().lost_and_pending();
            assert!(lost == 2 && pending > 7 * 1024 * 1024, "{lost} {pending}");
        }
        assert_eq!(queue.lock().lost.reason, Some(StoreError::QueueFull));
        queue.record(erased(1));
        assert_eq!(queue.lock().lost.count, 2);
        for id in 0..2 * (RESERVE / OVERHEAD) as u64 {
            queue.record(erased(id));
        }
        assert!(queue.lock().lost.count > 2, "the reserve ends too");
    }

    #[test]
    fn writes_that_failed_go_back_to_the_front_of_the_queue() {
        let queue = queue();
        for id in 1..=3 {
            queue.record(said(id, 10));
        }
        let batch = queue.lock().take();
        queue.record(said(4, 10));
        let writes = batch
            .into_iter()
            .filter_map(|entry| if let QueuedWrite::Background(write) = entry { Some(write) } else { None });
        let writes = writes.collect();
        queue.lock().put_back(writes, Instant::now());
        let ids = queue.lock().take().into_iter().filter_map(|entry| match entry {
            QueuedWrite::Background(BackgroundWrite::Message(_, message)) => Some(message.id.0),
            _ => None,
        });
        assert_eq!(ids.collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[test]
    fn a_batch_is_bounded_and_its_space_is_freed_when_it_is_written() {
        let queue = queue();
        for id in 0..6 {
            queue.record(said(id, 400 * 1024));
        }
        let batch = queue.lock().take();
        assert_eq!(batch.len(), 2);
        let mut state = queue.lock();
        state.written(&batch);
        assert_eq!(state.take().len(), 2);
        assert!(!state.is_empty());
    }

    #[test]
    fn a_newer_state_replaces_a_queued_one_and_no_write_moves_across_a_room_deletion() {
        let queue = queue();
        let room = |name| RoomName::parse(name).expect("a name");
        let deferred = |name, weight| {
            let (about, what) = (About::Room(room(name)), Box::new(|_: &Connection| Ok(())));
            BackgroundWrite::Deferred(Deferred { about, weight, what })
        };
        for (name, weight) in [("den", 100), ("attic", 10), ("den", 200)] {
            queue.record(deferred(name, weight));
        }
        assert_eq!(queue.lock().bytes, 2 * OVERHEAD + 210);
        queue.record(BackgroundWrite::RoomDeletion(room("cellar")));
        queue.record(deferred("den", 300));
        let batch = queue.lock().take();
        let weights = batch.iter().map(|entry| match entry {
            QueuedWrite::Background(BackgroundWrite::Deferred(deferred)) => deferred.weight,
            _ => 0,
        });
        assert_eq!(weights.collect::<Vec<_>>(), [10, 200, 0, 300]);
        queue.lock().written(&batch);
        assert_eq!(queue.lock().bytes, 0);
    }

    #[test]
    fn records_are_gathered_and_nothing_is_due_when_nothing_waits() {
        let queue = queue();
        let now = Instant::now();
        assert_eq!(queue.lock().due(now), None);
        queue.record(said(1, 10));
        let due = queue.lock().due(now).expect("a moment");
        assert!(due >= now + GATHER && due <= Instant::now() + GATHER);
    }
}
