//! Trouble with the disk: what is tried again and when, and when it is over. Pure: `now` is an argument.
//!
//! *Owns* that a trouble is one, from the first refusal until everything that was refused is done.
//! *Knows nothing of* why the disk refuses. *Called by* `writer`.

use std::time::{Duration, Instant};

use crate::store::error::StoreFailure;

/// How long after a refusal of the disk it is tried again, unless somebody waits.
const AGAIN: Duration = Duration::from_secs(1);

/// The same when no record waits: then only a write of no use tells that the disk is well again, and operators are told
/// that and the next trouble no more often.
const PROBE: Duration = Duration::from_secs(30);

/// What was refused. One may succeed while the other does not: a log that has room takes a batch, and a database that has
/// none does not take the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteStep {
    /// A batch.
    Writing,
    /// Erasing in slices, or the checkpoint.
    Clearing,
}

/// A trouble that is not over.
#[derive(Debug)]
pub struct Retry {
    /// What the disk said last.
    pub reason: StoreFailure,
    writing: Option<Instant>,
    clearing: Option<Instant>,
    probe: Instant,
    /// Records thrown away since it began, as far as told.
    pub lost: u64,
    /// It was told that numbers are not reserved.
    pub is_over_numbers: bool,
}

impl Retry {
    /// Nothing is refused yet.
    pub fn new(reason: StoreFailure, now: Instant) -> Retry {
        Retry { reason, writing: None, clearing: None, probe: now, lost: 0, is_over_numbers: false }
    }

    fn place(&mut self, work: WriteStep) -> &mut Option<Instant> {
        match work {
            WriteStep::Writing => &mut self.writing,
            WriteStep::Clearing => &mut self.clearing,
        }
    }

    /// The disk has refused.
    pub fn refused(&mut self, work: WriteStep, now: Instant) {
        *self.place(work) = Some(now + AGAIN);
        self.probe = now + PROBE;
    }

    /// It has not. True if the trouble is over.
    pub fn done(&mut self, work: WriteStep) -> bool {
        *self.place(work) = None;
        self.writing.is_none() && self.clearing.is_none()
    }

    /// When something that would be due at a moment is tried.
    pub fn not_before(&self, work: WriteStep, due: Instant) -> Instant {
        let again = match work {
            WriteStep::Writing => self.writing,
            WriteStep::Clearing => self.clearing,
        };
        again.map_or(due, |again| again.max(due))
    }

    /// Something has changed: whatever was refused is tried at once.
    pub fn try_now(&mut self, now: Instant) {
        self.writing = self.writing.map(|again| again.min(now));
        self.probe = self.probe.min(now);
    }

    /// When to write something of no use, if nothing else would tell that the disk is well.
    pub fn probe(&self) -> Option<Instant> {
        self.writing.map(|_| self.probe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_over_when_everything_that_was_refused_is_done() {
        let now = Instant::now();
        let mut trouble = Retry::new(StoreFailure::DiskFull, now);
        trouble.refused(WriteStep::Clearing, now);
        assert!(trouble.probe().is_none());
        trouble.refused(WriteStep::Writing, now);
        assert!(!trouble.done(WriteStep::Writing) && trouble.done(WriteStep::Clearing));
    }

    #[test]
    fn what_was_refused_is_put_off_and_the_other_is_not() {
        let now = Instant::now();
        let mut trouble = Retry::new(StoreFailure::DiskFull, now);
        trouble.refused(WriteStep::Writing, now);
        assert_eq!(trouble.not_before(WriteStep::Writing, now), now + AGAIN);
        assert_eq!(trouble.not_before(WriteStep::Clearing, now), now);
        assert_eq!(trouble.not_before(WriteStep::Writing, now + PROBE), now + PROBE);
        assert_eq!(trouble.probe(), Some(now + PROBE));
    }
}
