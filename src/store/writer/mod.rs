//! The thread `store`: the only one of a server that writes to the database.
//!
//! ```text
//! asleep -> gathering -> batch committed -> a slice of what else is to be done -> asleep
//!                     -> the disk refuses: records back into the queue, orders told so; again in a second
//!        -> a look, every second, whether another program has written -> asleep
//! ```
//!
//! *Owns* the writing connection, batches, what is done when the disk refuses, who is told of it and when.
//! *Knows nothing of* what an order does. *Called by* `opening`, which starts it; it is reached through `queue` alone.

mod batch;
pub(super) mod maintenance;
mod periodic_checks;
mod retry;
mod shutdown;
pub(super) mod watchdog;

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use log::error;
use rusqlite::Connection;

use crate::store::database::files::Lock;
use crate::store::database::sqlite_errors;
use crate::store::error::StoreFailure;
use crate::store::event::StoreEvent;
use crate::store::queue::queued_write::{AwaitedWrite, QueuedWrite};
use crate::store::queue::{End, WriteQueue};
use crate::store::wall_clock::Wall;
use maintenance::Maintenance;
use retry::{Retry, WriteStep};

/// How often it is said how much was thrown away, while more is.
pub const SAY_LOST: Duration = Duration::from_secs(30);

/// Pages a database may have if nobody limits them ("Maximum Number Of Pages In A Database File").
const ALL_PAGES: u32 = 4_294_967_294;

/// The thread's own.
pub struct Writer {
    pub(super) connection: Connection,
    pub(super) shared: Arc<WriteQueue>,
    pub(super) news: Arc<dyn Fn(StoreEvent) + Send + Sync>,
    pub(super) chores: Maintenance,
    pub(super) trouble: Option<Retry>,
    /// When it was last said how much was thrown away.
    said_lost: Option<Instant>,
    /// The limit in force, for tests.
    pages: u32,
    /// Changes whenever somebody else writes; `None` where it could not be read.
    pub(super) version: Option<i64>,
    pub(super) look_at: Instant,
    pub(super) wall: Arc<Wall>,
    /// It was told that the clock is in doubt.
    pub(super) doubted: bool,
    /// Held as long as anything can be written, whatever becomes of the store.
    pub(super) lock: Arc<Lock>,
}

enum Step {
    Write(Vec<QueuedWrite>),
    /// The disk refused a moment ago: every caller that waits gets that answer.
    Refuse(Vec<Box<dyn AwaitedWrite>>),
    Chore,
    Look,
    SayLost,
    End(End),
}

/// Says that the thread has ended, also when it panics, so that nobody waits for it.
struct WriterGuard(Arc<WriteQueue>);

impl Drop for WriterGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            error!("the thread that writes the database has panicked: nothing is kept from now on");
        }
        let mut state = self.0.lock();
        if std::thread::panicking() {
            state.outcome.get_or_insert(StoreFailure::Other("the thread that writes it has panicked".into()));
        }
        state.ended = true;
        let rest = state.take_all();
        drop(state);
        self.0.has_ended.notify_all();
        self.0.noticed.notify_all();
        // Whoever waits for an order hears that it is gone. Not under the lock.
        drop(rest);
    }
}

impl Writer {
    /// A writer that has not begun.
    pub fn new(
        connection: Connection,
        shared: Arc<WriteQueue>,
        news: Arc<dyn Fn(StoreEvent) + Send + Sync>,
        chores: Maintenance,
        wall: Arc<Wall>,
        lock: Arc<Lock>,
    ) -> Writer {
        let (version, look_at) = (periodic_checks::version(&connection), Instant::now());
        let (trouble, said_lost, pages, doubted) = (None, None, 0, false);
        Writer { connection, shared, news, chores, trouble, said_lost, pages, version, look_at, wall, doubted, lock }
    }

    /// Writes until the end of the store.
    pub fn run(self) {
        let ended = WriterGuard(Arc::clone(&self.shared));
        self.write_all();
        drop(ended);
    }

    fn write_all(mut self) {
        loop {
            let step = self.next();
            self.shared.lock().begin_step(Instant::now());
            match step {
                Step::Write(batch) => {
                    self.write(batch);
                    // Under load there is always a batch, and nothing else would ever have its turn.
                    if self.chore_at(Instant::now()).is_some_and(|at| at <= Instant::now()) {
                        self.chore();
                    }
                    if self.look_at <= Instant::now() {
                        self.look();
                    }
                }
                Step::Refuse(orders) => {
                    let reason = self.trouble.as_ref().map_or(StoreFailure::TimedOut, |trouble| trouble.reason.clone());
                    orders.into_iter().for_each(|order| order.tell(Err(reason.clone())));
                }
                Step::Chore => self.chore(),
                Step::Look => self.look(),
                Step::SayLost => self.say_lost(),
                Step::End(End::Abandon) => break,
                Step::End(End::Close(_)) => {
                    self.finish();
                    break;
                }
            }
        }
    }

    /// Sleeps until there is something to do.
    fn next(&mut self) -> Step {
        let mut state = self.shared.lock();
        if let Some(lost) = state.end_step() {
            drop(state);
            self.came_back(lost);
            state = self.shared.lock();
        }
        loop {
            let now = Instant::now();
            match state.end {
                Some(End::Abandon) => return Step::End(End::Abandon),
                Some(End::Close(until)) if state.is_empty() || until <= now => return Step::End(End::Close(until)),
                _ => {}
            }
            let trouble = self.trouble.as_ref();
            let put_off = |at: Instant| trouble.map_or(at, |trouble| trouble.not_before(WriteStep::Writing, at));
            let urgent = state.end.is_some() || self.shared.short.load(Ordering::Relaxed);
            // Callers get their answer at once, and nothing is tried before its time: many batches may stand before theirs, and
            // each would be refused like the last one.
            if state.awaited() > 0 && put_off(now) > now {
                return Step::Refuse(state.take_awaited());
            }
            let batch = if urgent { Some(now) } else { state.due(now) }.map(put_off);
            let batch = batch.or(trouble.and_then(Retry::probe));
            if batch.is_some_and(|at| at <= now) {
                return Step::Write(state.take());
            }
            let lost = (state.lost.records > 0).then(|| self.said_lost.map_or(now, |last| last + SAY_LOST));
            if lost.is_some_and(|at| at <= now) {
                return Step::SayLost;
            }
            let chore = self.chore_at(now);
            if chore.is_some_and(|at| at <= now) {
                return Step::Chore;
            }
            if self.look_at <= now {
                return Step::Look;
            }
            let end = match state.end {
                Some(End::Close(until)) => Some(until),
                _ => None,
            };
            let next = [batch, lost, chore, end].into_iter().flatten().fold(self.look_at, Instant::min);
            let woken = self.shared.woken.wait_timeout(state, next.saturating_duration_since(now));
            state = woken.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// When the next chore is to be done.
    fn chore_at(&self, now: Instant) -> Option<Instant> {
        let due = self.chores.due(now)?;
        Some(self.trouble.as_ref().map_or(due, |trouble| trouble.not_before(WriteStep::Clearing, due)))
    }

    fn write(&mut self, mut batch: Vec<QueuedWrite>) {
        match self.attempt(&mut batch) {
            Ok(refused) => self.written(batch, refused),
            Err(error) => {
                let reason = sqlite_errors::reason(&error);
                let mut records = Vec::new();
                let mut orders = Vec::new();
                for entry in batch {
                    match entry {
                        QueuedWrite::Background(record) => records.push(record),
                        QueuedWrite::Awaited(order) | QueuedWrite::Flush(order) => orders.push(order),
                    }
                }
                let mut state = self.shared.lock();
                state.put_back(records, Instant::now());
                orders.extend(state.take_awaited());
                drop(state);
                for order in orders {
                    order.tell(Err(reason.clone()));
                }
                self.troubled(WriteStep::Writing, reason);
            }
        }
    }

    /// Some failures roll back by themselves.
    pub(super) fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            error!("a transaction could not be rolled back: {error}");
        }
    }

    pub(super) fn limit_pages(&mut self) -> rusqlite::Result<()> {
        let pages = self.shared.failpoints.pages.load(Ordering::Relaxed);
        if pages != self.pages {
            let limit = if pages == 0 { ALL_PAGES } else { pages };
            self.connection.pragma_update_and_check(None, "max_page_count", limit, |_| Ok(()))?;
            self.pages = pages;
        }
        Ok(())
    }

    fn written(&mut self, batch: Vec<QueuedWrite>, refused: Vec<(usize, StoreFailure)>) {
        let now = Instant::now();
        let erases = batch.iter().any(|entry| match entry {
            QueuedWrite::Background(record) => record.erases(),
            QueuedWrite::Awaited(order) | QueuedWrite::Flush(order) => order.erases(),
        });
        if erases {
            self.chores.erased(now);
        }
        let mut state = self.shared.lock();
        state.written(&batch);
        let mut outcomes: Vec<Result<(), StoreFailure>> = batch.iter().map(|_| Ok(())).collect();
        for (place, reason) in refused {
            if matches!(batch[place], QueuedWrite::Background(_)) {
                state.lost.records += 1;
                state.lost.reason = Some(reason.clone());
            }
            outcomes[place] = Err(reason);
        }
        drop(state);
        self.done(WriteStep::Writing);
        for (entry, outcome) in batch.into_iter().zip(outcomes) {
            match entry {
                QueuedWrite::Background(_) => {}
                QueuedWrite::Flush(order) if outcome.is_ok() => self.chores.flush(order, now),
                QueuedWrite::Awaited(order) | QueuedWrite::Flush(order) => order.tell(outcome),
            }
        }
    }

    fn chore(&mut self) {
        if self.lock.displaced().is_some() {
            return self.troubled(WriteStep::Clearing, StoreFailure::FileReplaced);
        }
        let done = self.chores.run(&self.connection, &self.wall, Instant::now());
        if let Some(expired) = self.chores.take_expired() {
            (self.news)(expired);
        }
        match done {
            Ok(()) if self.chores.is_clear() => self.done(WriteStep::Clearing),
            Ok(()) => {}
            Err(error) => {
                self.roll_back();
                self.troubled(WriteStep::Clearing, sqlite_errors::reason(&error));
            }
        }
    }

    pub(super) fn troubled(&mut self, work: WriteStep, reason: StoreFailure) {
        self.chores.refuse(&reason);
        let now = Instant::now();
        let over = self.shared.numbers.is_over();
        let is_new = self.trouble.is_none();
        let trouble = self.trouble.get_or_insert_with(|| Retry::new(reason.clone(), now));
        // Another trouble's remedy does not help.
        let is_replaced = reason == StoreFailure::FileReplaced && (is_new || trouble.reason != reason);
        trouble.reason = reason.clone();
        trouble.refused(work, now);
        let says_over = over && !trouble.is_over_numbers;
        trouble.is_over_numbers |= over;
        if is_replaced && let Some(path) = self.lock.displaced() {
            error!("{} is not the file any more that was opened", path.display());
        }
        if is_new || is_replaced {
            (self.news)(StoreEvent::DiskFailed(reason.clone()));
        }
        if says_over {
            (self.news)(StoreEvent::IdsNotReserved(reason));
        }
    }

    fn done(&mut self, work: WriteStep) {
        let Some(trouble) = self.trouble.take_if(|trouble| trouble.done(work)) else { return };
        let lost = mem::take(&mut self.shared.lock().lost);
        self.said_lost = None;
        (self.news)(StoreEvent::DiskRecovered { lost: trouble.lost + lost.records });
    }

    /// A step that hung is over.
    fn came_back(&mut self, told: u64) {
        if let Some(trouble) = &mut self.trouble {
            trouble.lost += told;
        } else {
            let lost = mem::take(&mut self.shared.lock().lost);
            (self.news)(StoreEvent::DiskRecovered { lost: told + lost.records });
        }
    }

    pub(super) fn say_lost(&mut self) {
        let lost = mem::take(&mut self.shared.lock().lost);
        self.said_lost = Some(Instant::now());
        if let Some(trouble) = &mut self.trouble {
            trouble.lost += lost.records;
        }
        let reason = lost.reason.unwrap_or(StoreFailure::QueueFull);
        (self.news)(StoreEvent::WritesLost { records: lost.records, reason });
    }
}
