//! The thread `store`: the only one that writes to the database.
//!
//! ```text
//! asleep -> gathering -> batch committed -> a slice of maintenance -> asleep
//!                     -> disk failed: background writes back into the queue, callers refused; retry in a second
//!        -> every second: periodic checks -> asleep
//! ```
//!
//! *Owns* the writing connection, and what happens when the disk fails.
//! *Knows nothing of* what a write means. It is reached only through the queue.

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
use crate::store::error::StoreError;
use crate::store::event::StoreEvent;
use crate::store::queue::queued_write::{AwaitedWrite, QueuedWrite};
use crate::store::queue::{CloseMode, WriteQueue};
use crate::store::wall_clock::WallClock;
use maintenance::Maintenance;
use retry::{Retry, WriteStep};

/// How often lost writes are reported while more are being lost.
pub(crate) const REPORT_LOSS_EVERY: Duration = Duration::from_secs(30);

/// The page limit that stands for no limit ("Maximum Number Of Pages In A Database File").
const ALL_PAGES: u32 = 4_294_967_294;

/// The state of the writer thread.
pub(crate) struct Writer {
    connection: Connection,
    queue: Arc<WriteQueue>,
    on_event: Arc<dyn Fn(StoreEvent) + Send + Sync>,
    maintenance: Maintenance,
    retry: Option<Retry>,
    loss_reported_at: Option<Instant>,
    /// The limit in force, for tests.
    page_limit: u32,
    /// Changes whenever another program writes; `None` if it could not be read.
    data_version: Option<i64>,
    check_at: Instant,
    clock: Arc<WallClock>,
    /// The clock has been reported as suspect.
    clock_suspect: bool,
    /// Held while anything can be written, even if the store is dropped.
    lock: Arc<Lock>,
}

enum Step {
    Write(Vec<QueuedWrite>),
    /// The disk has just failed: every waiting caller is refused for the same reason.
    Refuse(Vec<Box<dyn AwaitedWrite>>),
    Maintain,
    Check,
    ReportLoss,
    ShutDown(CloseMode),
}

/// Announces that the thread has exited, even after a panic, so that no one waits for it.
struct WriterGuard(Arc<WriteQueue>);

impl Drop for WriterGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            error!("the writer thread has panicked: nothing is saved from now on");
        }
        let mut state = self.0.lock();
        if std::thread::panicking() {
            state.outcome.get_or_insert(StoreError::Other("the writer thread has panicked".into()));
        }
        state.writer_exited = true;
        let rest = state.take_all();
        drop(state);
        self.0.exited.notify_all();
        self.0.hang_noticed.notify_all();
        // Dropping a write tells its caller. Not under the lock.
        drop(rest);
    }
}

impl Writer {
    pub(crate) fn new(
        connection: Connection,
        queue: Arc<WriteQueue>,
        on_event: Arc<dyn Fn(StoreEvent) + Send + Sync>,
        maintenance: Maintenance,
        clock: Arc<WallClock>,
        lock: Arc<Lock>,
    ) -> Writer {
        let (data_version, check_at) = (periodic_checks::data_version(&connection), Instant::now());
        let (retry, loss_reported_at, page_limit, clock_suspect) = (None, None, 0, false);
        Writer {
            connection,
            queue,
            on_event,
            maintenance,
            retry,
            loss_reported_at,
            page_limit,
            data_version,
            check_at,
            clock,
            clock_suspect,
            lock,
        }
    }

    /// Runs until the store is closed.
    pub(crate) fn run(self) {
        let guard = WriterGuard(Arc::clone(&self.queue));
        self.write_all();
        drop(guard);
    }

    fn write_all(mut self) {
        loop {
            let step = self.next();
            self.queue.lock().begin_step(Instant::now());
            match step {
                Step::Write(batch) => {
                    self.write(batch);
                    // Under load there is always a batch, and nothing else would ever get its turn.
                    if self.maintenance_due(Instant::now()).is_some_and(|at| at <= Instant::now()) {
                        self.maintain();
                    }
                    if self.check_at <= Instant::now() {
                        self.check();
                    }
                }
                Step::Refuse(writes) => {
                    let reason = self.retry.as_ref().map_or(StoreError::TimedOut, |retry| retry.reason.clone());
                    writes.into_iter().for_each(|write| write.complete(Err(reason.clone())));
                }
                Step::Maintain => self.maintain(),
                Step::Check => self.check(),
                Step::ReportLoss => self.report_loss(),
                Step::ShutDown(CloseMode::Abandon) => break,
                Step::ShutDown(CloseMode::Drain(_)) => {
                    self.shut_down();
                    break;
                }
            }
        }
    }

    /// Sleeps until there is something to do.
    fn next(&mut self) -> Step {
        let mut state = self.queue.lock();
        if let Some(lost) = state.end_step() {
            drop(state);
            self.recovered_from_hang(lost);
            state = self.queue.lock();
        }
        loop {
            let now = Instant::now();
            match state.shutdown {
                Some(CloseMode::Abandon) => return Step::ShutDown(CloseMode::Abandon),
                Some(CloseMode::Drain(until)) if state.is_empty() || until <= now => {
                    return Step::ShutDown(CloseMode::Drain(until));
                }
                Some(CloseMode::Drain(_)) | None => {}
            }
            let retry = self.retry.as_ref();
            let put_off = |at: Instant| retry.map_or(at, |retry| retry.not_before(WriteStep::Batch, at));
            let urgent = state.shutdown.is_some() || self.queue.ids_low.load(Ordering::Relaxed);
            // Callers get their answer at once, without a new attempt: many batches may be ahead of theirs, and each would fail
            // like the last one.
            if state.awaited() > 0 && put_off(now) > now {
                return Step::Refuse(state.take_awaited());
            }
            let batch = if urgent { Some(now) } else { state.due(now) }.map(put_off);
            let batch = batch.or(retry.and_then(Retry::probe));
            if batch.is_some_and(|at| at <= now) {
                return Step::Write(state.take());
            }
            let lost =
                (state.lost.count > 0).then(|| self.loss_reported_at.map_or(now, |last| last + REPORT_LOSS_EVERY));
            if lost.is_some_and(|at| at <= now) {
                return Step::ReportLoss;
            }
            let maintenance = self.maintenance_due(now);
            if maintenance.is_some_and(|at| at <= now) {
                return Step::Maintain;
            }
            if self.check_at <= now {
                return Step::Check;
            }
            let end = match state.shutdown {
                Some(CloseMode::Drain(until)) => Some(until),
                Some(CloseMode::Abandon) | None => None,
            };
            let next = [batch, lost, maintenance, end].into_iter().flatten().fold(self.check_at, Instant::min);
            let woken = self.queue.wake.wait_timeout(state, next.saturating_duration_since(now));
            state = woken.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    fn maintenance_due(&self, now: Instant) -> Option<Instant> {
        let due = self.maintenance.due(now)?;
        Some(self.retry.as_ref().map_or(due, |retry| retry.not_before(WriteStep::Maintenance, due)))
    }

    fn write(&mut self, mut batch: Vec<QueuedWrite>) {
        let queue = Arc::clone(&self.queue);
        match queue.batch_seconds.time(|| self.try_batch(&mut batch)) {
            Ok(refused) => self.written(batch, refused),
            Err(error) => {
                let reason = sqlite_errors::failure(&error);
                let mut background = Vec::new();
                let mut awaited = Vec::new();
                for entry in batch {
                    match entry {
                        QueuedWrite::Background(write) => background.push(write),
                        QueuedWrite::Awaited(write) | QueuedWrite::Flush(write) => awaited.push(write),
                    }
                }
                let mut state = self.queue.lock();
                state.put_back(background, Instant::now());
                awaited.extend(state.take_awaited());
                drop(state);
                for write in awaited {
                    write.complete(Err(reason.clone()));
                }
                self.step_failed(WriteStep::Batch, reason);
            }
        }
    }

    /// SQLite rolls back by itself after some failures.
    fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            error!("a transaction could not be rolled back: {error}");
        }
    }

    fn limit_pages(&mut self) -> rusqlite::Result<()> {
        let pages = self.queue.failpoints.pages.load(Ordering::Relaxed);
        if pages != self.page_limit {
            let limit = if pages == 0 { ALL_PAGES } else { pages };
            self.connection.pragma_update_and_check(None, "max_page_count", limit, |_| Ok(()))?;
            self.page_limit = pages;
        }
        Ok(())
    }

    fn written(&mut self, batch: Vec<QueuedWrite>, refused: Vec<(usize, StoreError)>) {
        let now = Instant::now();
        let erases = batch.iter().any(|entry| match entry {
            QueuedWrite::Background(write) => write.erases(),
            QueuedWrite::Awaited(write) | QueuedWrite::Flush(write) => write.erases(),
        });
        if erases {
            self.maintenance.erased(now);
        }
        let mut state = self.queue.lock();
        state.written(&batch);
        let mut outcomes: Vec<Result<(), StoreError>> = batch.iter().map(|_| Ok(())).collect();
        for (index, reason) in refused {
            if matches!(batch[index], QueuedWrite::Background(_)) {
                state.lose(1, reason.clone());
            }
            outcomes[index] = Err(reason);
        }
        drop(state);
        self.step_succeeded(WriteStep::Batch);
        for (entry, outcome) in batch.into_iter().zip(outcomes) {
            match entry {
                QueuedWrite::Background(_) => {}
                QueuedWrite::Flush(write) if outcome.is_ok() => self.maintenance.flush(write, now),
                QueuedWrite::Awaited(write) | QueuedWrite::Flush(write) => write.complete(outcome),
            }
        }
    }

    fn maintain(&mut self) {
        if self.lock.displaced().is_some() {
            return self.step_failed(WriteStep::Maintenance, StoreError::FileReplaced);
        }
        let done = self.maintenance.run(&self.connection, &self.clock, Instant::now());
        if let Some(expired) = self.maintenance.take_expired() {
            (self.on_event)(expired);
        }
        match done {
            Ok(()) if self.maintenance.is_clear() => self.step_succeeded(WriteStep::Maintenance),
            Ok(()) => {}
            Err(error) => {
                self.roll_back();
                self.step_failed(WriteStep::Maintenance, sqlite_errors::failure(&error));
            }
        }
    }

    fn step_failed(&mut self, step: WriteStep, reason: StoreError) {
        self.maintenance.refuse(&reason);
        let now = Instant::now();
        let unreserved = self.queue.message_ids.has_unreserved();
        let is_first = self.retry.is_none();
        let retry = self.retry.get_or_insert_with(|| Retry::new(reason.clone(), now));
        // This failure has another remedy, so it is reported even during another failure.
        let is_replaced = reason == StoreError::FileReplaced && (is_first || retry.reason != reason);
        retry.reason = reason.clone();
        retry.failed(step, now);
        let reports_ids = unreserved && !retry.reported_unreserved_ids;
        retry.reported_unreserved_ids |= unreserved;
        if is_replaced && let Some(path) = self.lock.displaced() {
            error!("{} was deleted or replaced after it was opened", path.display());
        }
        if is_first || is_replaced {
            (self.on_event)(StoreEvent::DiskFailed(reason.clone()));
        }
        if reports_ids {
            (self.on_event)(StoreEvent::IdsNotReserved(reason));
        }
    }

    fn step_succeeded(&mut self, step: WriteStep) {
        let Some(retry) = self.retry.take_if(|retry| retry.succeeded(step)) else { return };
        let lost = mem::take(&mut self.queue.lock().lost);
        self.loss_reported_at = None;
        (self.on_event)(StoreEvent::DiskRecovered { lost: retry.lost + lost.count });
    }

    /// A step that hung has finished.
    fn recovered_from_hang(&mut self, reported: u64) {
        if let Some(retry) = &mut self.retry {
            retry.lost += reported;
        } else {
            let lost = mem::take(&mut self.queue.lock().lost);
            (self.on_event)(StoreEvent::DiskRecovered { lost: reported + lost.count });
        }
    }

    fn report_loss(&mut self) {
        let lost = mem::take(&mut self.queue.lock().lost);
        self.loss_reported_at = Some(Instant::now());
        if let Some(retry) = &mut self.retry {
            retry.lost += lost.count;
        }
        let reason = lost.reason.unwrap_or(StoreError::QueueFull);
        (self.on_event)(StoreEvent::WritesLost { records: lost.count, reason });
    }
}
