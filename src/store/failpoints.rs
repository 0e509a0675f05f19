//! What tests do to a store so that the disk refuses or stalls when they say, and not by luck.
//!
//! *Owns* the places where it may. *Knows nothing of* what happens there.
//! *Called by* tests to set them, by `writer`, `batch` and `asking` to pass them. Unset, each is a look at a number.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A place where the writer may be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Before a batch is begun.
    Begin,
    /// After it is applied, before it is checked that every caller still waits.
    Applied,
    /// Before it is committed.
    Commit,
}

#[derive(Debug, Default)]
struct Held {
    /// Where the writer is to be held.
    at: Option<Point>,
    /// It is.
    there: bool,
    /// How often it may go on all the same.
    passes: u32,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Failpoints {
    /// Pages that the database may have; 0 for no limit.
    pub(super) pages: AtomicU32,
    /// Milliseconds that anybody waits; 0 for as long as ever.
    patience: AtomicU32,
    /// Batches that the writer has tried.
    attempts: AtomicU32,
    /// A leaf.
    held: Mutex<Held>,
    changed: Condvar,
}

impl Failpoints {
    /// Lets people wait for that long and no longer.
    pub fn set_patience(&self, patience: Duration) {
        self.patience.store(u32::try_from(patience.as_millis()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    pub(super) fn patience(&self) -> Option<Duration> {
        match self.patience.load(Ordering::Relaxed) {
            0 => None,
            milliseconds => Some(Duration::from_millis(milliseconds.into())),
        }
    }

    /// How many batches were tried.
    pub fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    pub(super) fn attempt(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    /// Holds the writer at a place, as a disk does that does not answer, until [`Failpoints::release`].
    pub fn hold(&self, at: Point) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).at = Some(at);
    }

    /// Waits until it is held. False after that long.
    pub fn wait_held(&self, patience: Duration) -> bool {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(held, patience, |held| !held.there);
        waited.unwrap_or_else(PoisonError::into_inner).0.there
    }

    /// Lets it go on to the next such place.
    pub fn let_pass(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.passes += 1;
        held.there = false;
        drop(held);
        self.changed.notify_all();
    }

    /// Lets it go on.
    pub fn release(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).at = None;
        self.changed.notify_all();
    }

    pub(super) fn pass(&self, point: Point) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        while held.at == Some(point) {
            if held.passes > 0 {
                held.passes -= 1;
                return;
            }
            held.there = true;
            self.changed.notify_all();
            held = self.changed.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        held.there = false;
    }
}
