//! Clocks that a test can set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chatsock::store::{ClockReading, ReadClocks};
use jiff::SignedDuration;

/// Hours in a day.
pub const DAY: i64 = 24;

/// The system's clocks with a test's offsets.
#[derive(Clone, Default)]
pub struct Clocks {
    /// Hours by which the wall clock is wrong.
    off: Arc<AtomicI64>,
    /// Hours by which both clocks have moved on.
    passed: Arc<AtomicU64>,
}

impl Clocks {
    pub fn ahead(hours: i64) -> Clocks {
        let clocks = Clocks::default();
        clocks.set_ahead(hours);
        clocks
    }

    /// Sets the wall clock.
    pub fn set_ahead(&self, hours: i64) {
        self.off.store(hours, Ordering::Relaxed);
    }

    /// Moves both clocks on.
    pub fn pass(&self, hours: u64) {
        self.passed.fetch_add(hours, Ordering::Relaxed);
    }

    pub fn read(&self) -> ClockReading {
        let ClockReading { at, now } = ClockReading::of_system();
        let (off, passed) = (self.off.load(Ordering::Relaxed), self.passed.load(Ordering::Relaxed));
        let ahead = SignedDuration::from_hours(off + passed.cast_signed());
        ClockReading { at: at + ahead, now: now + Duration::from_secs(3600 * passed) }
    }

    pub fn reader(&self) -> ReadClocks {
        let clocks = self.clone();
        Box::new(move || clocks.read())
    }
}
