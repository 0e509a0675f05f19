//! Lets tests make the disk fail or stall at a chosen point. When unset, each costs an atomic read or a lock that
//! nobody else holds.
//!
//! *Owns* these points. *Knows nothing of* what happens there.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A point where the writer can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Before a batch begins.
    Begin,
    /// After it was applied, before the check that every caller still waits.
    Applied,
    /// Before it is committed.
    Commit,
}

#[derive(Debug, Default)]
struct HoldPoint {
    /// Where to hold the writer.
    at: Option<Point>,
    is_held: bool,
    /// How many more times to let it pass all the same.
    passes: u32,
}

/// The failpoints of a store.
#[derive(Debug, Default)]
pub struct Failpoints {
    /// Page limit of the database; 0 for none.
    pub(crate) pages: AtomicU32,
    /// Whether rooms cannot be read.
    unreadable: AtomicBool,
    /// Timeout of callers in milliseconds; 0 for the usual one.
    write_timeout: AtomicU32,
    /// Batches that the writer has tried.
    attempts: AtomicU32,
    /// A leaf.
    held: Mutex<HoldPoint>,
    changed: Condvar,
}

impl Failpoints {
    /// Replaces the timeout of callers.
    pub fn set_write_timeout(&self, timeout: Duration) {
        self.write_timeout.store(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    pub(crate) fn write_timeout(&self) -> Option<Duration> {
        match self.write_timeout.load(Ordering::Relaxed) {
            0 => None,
            milliseconds => Some(Duration::from_millis(milliseconds.into())),
        }
    }

    /// Makes reading a room fail, or lets it work again.
    pub fn set_unreadable(&self, unreadable: bool) {
        self.unreadable.store(unreadable, Ordering::Relaxed);
    }

    pub(crate) fn is_unreadable(&self) -> bool {
        self.unreadable.load(Ordering::Relaxed)
    }

    /// How many batches were tried.
    pub fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    pub(crate) fn attempt(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    /// Holds the writer at a point until [`Failpoints::release`], like a disk that does not answer.
    pub fn hold(&self, at: Point) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).at = Some(at);
    }

    /// Waits until the writer is held. False after the timeout.
    pub fn wait_held(&self, timeout: Duration) -> bool {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(held, timeout, |held| !held.is_held);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_held
    }

    /// Lets the writer go on until it gets to the point again.
    pub fn let_pass(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.passes += 1;
        held.is_held = false;
        drop(held);
        self.changed.notify_all();
    }

    /// Releases the writer.
    pub fn release(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).at = None;
        self.changed.notify_all();
    }

    pub(crate) fn pass(&self, point: Point) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        while held.at == Some(point) {
            if held.passes > 0 {
                held.passes -= 1;
                return;
            }
            held.is_held = true;
            self.changed.notify_all();
            held = self.changed.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        held.is_held = false;
    }
}
