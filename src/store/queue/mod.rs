//! What waits to be written, in the order in which it came.
//!
//! *Owns* the queue, its bounds, and the count of what found no place in it.
//! *Knows nothing of* SQL: a record is applied, and an order carried out, by `batch`.
//! *Called by* `recording`, `asking` to put in; `writer` to take out.

pub(super) mod message_ids;
pub(super) mod overlay;
pub(super) mod queued_write;

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::store::error::StoreFailure;
use crate::store::failpoints::Failpoints;
use message_ids::MessageIds;
use overlay::{Changes, Pending};
use queued_write::{About, AwaitedWrite, BackgroundWrite, QueuedWrite};

/// Records that wait, in bytes. It is what a disk that has stopped may cost in memory: about 40,000 lines of chat.
pub const CAPACITY: usize = 8 * 1024 * 1024;

/// Bytes above [`CAPACITY`] for erasures and edits alone. A message that is lost is a gap; an erasure that is lost is a
/// text that stays.
const RESERVE: usize = 1024 * 1024;

/// How long records are gathered after the first of them. The promise for messages is 250 ms: the rest of it is for the
/// disk.
pub const GATHER: Duration = Duration::from_millis(100);

/// A transaction takes so many bytes at most, so that a confirmation behind it does not wait long: with what an entry costs
/// beside its words that is 8,192 of them, some 15 ms.
const BATCH_BYTES: usize = 1024 * 1024;

/// How long the writer may be at one step before it hangs: longer than it waits for another program. A disk that takes
/// longer than that for a megabyte has stopped.
pub const HANGS: Duration = Duration::from_secs(8);

/// How a store ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// What waits is written first, until then at most.
    Close(Instant),
    /// What waits is dropped, as in a crash.
    Abandon,
}

/// What is thrown away.
#[derive(Debug, Default)]
pub struct Lost {
    /// Records.
    pub records: u64,
    /// Why the last of them.
    pub reason: Option<StoreFailure>,
}

impl Lost {
    /// Why something was thrown away since that was last told; `None` if nothing was.
    pub fn untold(&self) -> Option<StoreFailure> {
        (self.records > 0).then(|| self.reason.clone().unwrap_or(StoreFailure::QueueFull))
    }
}

/// Whether the writer hangs.
#[derive(Debug, Default)]
pub struct Hang {
    /// Since when it is at one step, if it is.
    since: Option<Instant>,
    /// Somebody has noticed that it takes too long.
    pub is_noticed: bool,
    /// That was told.
    pub is_told: bool,
    /// Records thrown away meanwhile, as far as told.
    pub lost: u64,
}

/// The queue and what belongs to it.
pub struct State {
    entries: VecDeque<QueuedWrite>,
    /// Of the records in `entries`, and of those the writer has in hand.
    bytes: usize,
    /// What of them erases or edits.
    pending: Pending,
    /// When the first of `entries` came.
    since: Option<Instant>,
    /// Entries that somebody waits for.
    awaited: usize,
    /// Thrown away since that was last said.
    pub lost: Lost,
    /// What is being ended, if it is.
    pub end: Option<End>,
    /// The writer has ended; nothing is taken any more.
    pub ended: bool,
    /// How the writer ended, for whoever closed the store.
    pub outcome: Option<StoreFailure>,
    /// Whether it does not come back from a step.
    pub hang: Hang,
}

/// What the writer and everybody else share.
pub struct WriteQueue {
    /// A leaf: nothing is locked, written or logged under it. It may be taken under any other lock.
    state: Mutex<State>,
    /// There is something for the writer.
    pub woken: Condvar,
    /// The writer has ended.
    pub has_ended: Condvar,
    /// The writer hangs, or has ended: for the thread that watches it.
    pub noticed: Condvar,
    /// The numbers of messages.
    pub numbers: MessageIds,
    /// The writer has been told that numbers get short, and need not be told again.
    pub short: AtomicBool,
    /// For tests.
    pub failpoints: Failpoints,
}

impl WriteQueue {
    /// An empty queue.
    pub fn new(numbers: MessageIds) -> WriteQueue {
        let state = State {
            entries: VecDeque::new(),
            bytes: 0,
            pending: Pending::default(),
            since: None,
            awaited: 0,
            lost: Lost::default(),
            end: None,
            ended: false,
            outcome: None,
            hang: Hang::default(),
        };
        WriteQueue {
            state: Mutex::new(state),
            woken: Condvar::new(),
            has_ended: Condvar::new(),
            noticed: Condvar::new(),
            numbers,
            short: AtomicBool::new(false),
            failpoints: Failpoints::default(),
        }
    }

    /// The queue. Poison is passed over: nothing is left half done under this lock.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a record in, or counts it as lost. Never waits.
    pub fn record(&self, record: BackgroundWrite) {
        let mut state = self.lock();
        let wakes = state.push_record(record);
        // A hanging writer does not hear of the first loss: who watches it does.
        let hangs = state.notice_hang(Instant::now) || (wakes && state.hang.is_noticed);
        drop(state);
        if wakes {
            self.woken.notify_one();
        }
        if hangs {
            self.noticed.notify_one();
        }
    }

    /// Looks whether the writer hangs, for somebody who waits for it.
    pub fn look(&self) {
        if self.lock().notice_hang(Instant::now) {
            self.noticed.notify_one();
        }
    }

    /// Puts in what somebody waits for. Refused at once if the store has ended, or if it is known that the writer hangs: nobody
    /// is to wait as long as the one who has found that out.
    pub fn order(&self, entry: QueuedWrite) -> Result<(), StoreFailure> {
        let mut state = self.lock();
        if state.ended || state.end.is_some() {
            return Err(StoreFailure::Closed);
        }
        if state.hang.is_noticed {
            return Err(StoreFailure::TimedOut);
        }
        state.awaited += 1;
        state.push(entry);
        drop(state);
        self.woken.notify_one();
        Ok(())
    }
}

impl State {
    fn push(&mut self, entry: QueuedWrite) {
        self.bytes += entry.weight();
        self.since.get_or_insert_with(Instant::now);
        self.entries.push_back(entry);
    }

    /// True if the writer has to be woken: it sleeps until the first record, and until there is a batch.
    fn push_record(&mut self, record: BackgroundWrite) -> bool {
        let bound = if record.erases() { CAPACITY + RESERVE } else { CAPACITY };
        let reason = if self.ended || self.end.is_some() {
            Some(StoreFailure::Closed)
        } else {
            (self.bytes + record.weight() > bound).then_some(StoreFailure::QueueFull)
        };
        if let Some(reason) = reason {
            self.lost.records += 1;
            self.lost.reason = Some(reason);
            // The first is to be told.
            return self.lost.records == 1;
        }
        let before = self.bytes;
        let first = self.entries.is_empty();
        if let BackgroundWrite::Deferred(deferred) = &record {
            self.supersede(&deferred.about);
        }
        self.pending.add(&record);
        self.push(QueuedWrite::Background(record));
        first || (before < BATCH_BYTES && self.bytes >= BATCH_BYTES)
    }

    /// Removes an older queued state of the same thing. It does not reach past a forgotten room, because that would change
    /// their order.
    fn supersede(&mut self, about: &About) {
        for place in (0..self.entries.len()).rev() {
            match &self.entries[place] {
                QueuedWrite::Background(BackgroundWrite::Deferred(known)) if known.about == *about => {
                    if let Some(entry) = self.entries.remove(place) {
                        self.bytes -= entry.weight();
                    }
                    return;
                }
                QueuedWrite::Background(BackgroundWrite::Forgotten(_)) => return,
                QueuedWrite::Background(_) | QueuedWrite::Awaited(_) | QueuedWrite::Flush(_) => {}
            }
        }
    }

    /// The writer begins a step: it may take long.
    pub fn begin_step(&mut self, now: Instant) {
        self.hang.since = Some(now);
    }

    /// The writer is back. If it was told that it hung: how much was lost, as far as told.
    pub fn end_step(&mut self) -> Option<u64> {
        let hang = std::mem::take(&mut self.hang);
        hang.is_told.then_some(hang.lost)
    }

    /// True if the writer hangs and nobody has noticed yet. The clock is not asked while it sleeps.
    fn notice_hang(&mut self, now: impl Fn() -> Instant) -> bool {
        let hangs = |since| now().saturating_duration_since(since) >= HANGS;
        let is_new = !self.hang.is_noticed && self.hang.since.is_some_and(hangs);
        self.hang.is_noticed |= is_new;
        is_new
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// When the next batch is to be written: at once if somebody waits or there is enough, else when there was time to
    /// gather. `None` if nothing waits.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let since = self.since?;
        if self.awaited > 0 || self.bytes >= BATCH_BYTES { Some(now) } else { Some(since + GATHER) }
    }

    /// Erasures and edits that wait to be written.
    pub fn changes(&self) -> Arc<Changes> {
        self.pending.changes()
    }

    /// How much somebody waits for.
    pub fn awaited(&self) -> usize {
        self.awaited
    }

    /// What somebody waits for, to be told that it is not done. The records stay.
    pub fn take_awaited(&mut self) -> Vec<Box<dyn AwaitedWrite>> {
        if self.awaited == 0 {
            return Vec::new();
        }
        self.awaited = 0;
        let mut orders = Vec::new();
        for entry in std::mem::take(&mut self.entries) {
            match entry {
                QueuedWrite::Background(_) => self.entries.push_back(entry),
                QueuedWrite::Awaited(order) | QueuedWrite::Flush(order) => orders.push(order),
            }
        }
        if self.entries.is_empty() {
            self.since = None;
        }
        orders
    }

    /// The next batch, in order.
    pub fn take(&mut self) -> Vec<QueuedWrite> {
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

    /// A batch is written: its place is free.
    pub fn written(&mut self, batch: &[QueuedWrite]) {
        self.bytes -= batch.iter().map(QueuedWrite::weight).sum::<usize>();
        for entry in batch {
            if let QueuedWrite::Background(record) = entry {
                self.pending.remove(record);
            }
        }
    }

    /// Records that could not be written come back to the front, in their order.
    pub fn put_back(&mut self, records: Vec<BackgroundWrite>, now: Instant) {
        for record in records.into_iter().rev() {
            self.entries.push_front(QueuedWrite::Background(record));
        }
        if !self.entries.is_empty() {
            self.since.get_or_insert(now);
        }
    }

    /// Everything that waits, to be told that it will not be written.
    pub fn take_all(&mut self) -> Vec<QueuedWrite> {
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

    fn shared() -> WriteQueue {
        WriteQueue::new(MessageIds::new(0, 0))
    }

    fn said(id: u64, length: usize) -> BackgroundWrite {
        let author = crate::chat::names::UserName::parse("bob", 1, 32).expect("a name");
        let text = "x".repeat(length).into();
        let (at, account, reply) = (Timestamp::UNIX_EPOCH, None, None);
        let message =
            MessageRecord { id: MessageId(id), at, author, account, text, action: false, edited: false, reply };
        BackgroundWrite::Said(RoomName::parse("general").expect("a name"), message)
    }

    fn erased(id: u64) -> BackgroundWrite {
        BackgroundWrite::Erased(RoomName::parse("general").expect("a name"), MessageId(id))
    }

    #[test]
    fn what_finds_no_place_is_counted_and_erasures_have_a_place_of_their_own() {
        let shared = shared();
        for id in 0..9 {
            shared.record(said(id, 1024 * 1024));
        }
        assert_eq!(shared.lock().lost.records, 2);
        assert_eq!(shared.lock().lost.reason, Some(StoreFailure::QueueFull));
        shared.record(erased(1));
        assert_eq!(shared.lock().lost.records, 2);
        for id in 0..2 * (RESERVE / OVERHEAD) as u64 {
            shared.record(erased(id));
        }
        assert!(shared.lock().lost.records > 2, "the reserve ends too");
    }

    #[test]
    fn what_could_not_be_written_comes_back_before_what_came_since() {
        let shared = shared();
        for id in 1..=3 {
            shared.record(said(id, 10));
        }
        let batch = shared.lock().take();
        shared.record(said(4, 10));
        let records = batch
            .into_iter()
            .filter_map(|entry| if let QueuedWrite::Background(record) = entry { Some(record) } else { None });
        let records = records.collect();
        shared.lock().put_back(records, Instant::now());
        let ids = shared.lock().take().into_iter().filter_map(|entry| match entry {
            QueuedWrite::Background(BackgroundWrite::Said(_, message)) => Some(message.id.0),
            _ => None,
        });
        assert_eq!(ids.collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[test]
    fn a_batch_is_bounded_and_its_place_is_free_when_it_is_written() {
        let shared = shared();
        for id in 0..6 {
            shared.record(said(id, 400 * 1024));
        }
        let batch = shared.lock().take();
        assert_eq!(batch.len(), 2);
        let mut state = shared.lock();
        state.written(&batch);
        assert_eq!(state.take().len(), 2);
        assert!(!state.is_empty());
    }

    #[test]
    fn of_what_waits_about_one_thing_the_last_counts_and_nothing_moves_over_a_room_that_was_forgotten() {
        let shared = shared();
        let room = |name| RoomName::parse(name).expect("a name");
        let deferred = |name, weight| {
            let (about, what) = (About::Room(room(name)), Box::new(|_: &Connection| Ok(())));
            BackgroundWrite::Deferred(Deferred { about, weight, what })
        };
        for (name, weight) in [("den", 100), ("attic", 10), ("den", 200)] {
            shared.record(deferred(name, weight));
        }
        assert_eq!(shared.lock().bytes, 2 * OVERHEAD + 210);
        shared.record(BackgroundWrite::Forgotten(room("cellar")));
        shared.record(deferred("den", 300));
        let batch = shared.lock().take();
        let weights = batch.iter().map(|entry| match entry {
            QueuedWrite::Background(BackgroundWrite::Deferred(deferred)) => deferred.weight,
            _ => 0,
        });
        assert_eq!(weights.collect::<Vec<_>>(), [10, 200, 0, 300]);
        shared.lock().written(&batch);
        assert_eq!(shared.lock().bytes, 0);
    }

    #[test]
    fn records_are_gathered_and_nothing_is_due_when_nothing_waits() {
        let shared = shared();
        let now = Instant::now();
        assert_eq!(shared.lock().due(now), None);
        shared.record(said(1, 10));
        let due = shared.lock().due(now).expect("a moment");
        assert!(due >= now + GATHER && due <= Instant::now() + GATHER);
    }
}
