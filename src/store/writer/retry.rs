//! A disk failure: what to retry and when, until it is over. Pure: `now` is an argument.
//!
//! *Owns* how long a failure lasts: from the first refused step until every refused step has succeeded.
//! *Knows nothing of* why the disk failed.

use std::time::{Duration, Instant};

use crate::store::error::StoreError;

/// Time until a failed step is retried, unless something changes.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The same while nothing is queued. Then only a dummy write shows that the disk has recovered, and operators hear of each
/// recovery and the next failure no more often than this.
const PROBE_AFTER: Duration = Duration::from_secs(30);

/// What failed. One may work while the other does not: a log with space left takes a batch, and a full database does not
/// take the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteStep {
    Batch,
    /// Erasing in slices, or the checkpoint.
    Maintenance,
}

/// A disk failure that is not over.
#[derive(Debug)]
pub(crate) struct Retry {
    /// What the disk said last.
    pub(crate) reason: StoreError,
    batch_at: Option<Instant>,
    maintenance_at: Option<Instant>,
    probe: Instant,
    /// Writes lost since it began, as far as reported.
    pub(crate) lost: u64,
    /// It has been reported that message ids are not reserved.
    pub(crate) reported_unreserved_ids: bool,
}

impl Retry {
    pub(crate) fn new(reason: StoreError, now: Instant) -> Retry {
        Retry { reason, batch_at: None, maintenance_at: None, probe: now, lost: 0, reported_unreserved_ids: false }
    }

    fn attempt_at(&mut self, step: WriteStep) -> &mut Option<Instant> {
        match step {
            WriteStep::Batch => &mut self.batch_at,
            WriteStep::Maintenance => &mut self.maintenance_at,
        }
    }

    /// A step has failed.
    pub(crate) fn failed(&mut self, step: WriteStep, now: Instant) {
        *self.attempt_at(step) = Some(now + RETRY_AFTER);
        self.probe = now + PROBE_AFTER;
    }

    /// A step has succeeded. True if the failure is over.
    pub(crate) fn succeeded(&mut self, step: WriteStep) -> bool {
        *self.attempt_at(step) = None;
        self.batch_at.is_none() && self.maintenance_at.is_none()
    }

    /// When to try a step that would be due at `due`.
    pub(crate) fn not_before(&self, step: WriteStep, due: Instant) -> Instant {
        let again = match step {
            WriteStep::Batch => self.batch_at,
            WriteStep::Maintenance => self.maintenance_at,
        };
        again.map_or(due, |again| again.max(due))
    }

    /// Something has changed: retry at once.
    pub(crate) fn try_now(&mut self, now: Instant) {
        self.batch_at = self.batch_at.map(|again| again.min(now));
        self.probe = self.probe.min(now);
    }

    /// When to make a dummy write, if nothing else would show that the disk has recovered.
    pub(crate) fn probe(&self) -> Option<Instant> {
        self.batch_at.map(|_| self.probe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_over_when_every_failed_step_has_succeeded() {
        let now = Instant::now();
        let mut retry = Retry::new(StoreError::DiskFull, now);
        retry.failed(WriteStep::Maintenance, now);
        assert!(retry.probe().is_none());
        retry.failed(WriteStep::Batch, now);
        assert!(!retry.succeeded(WriteStep::Batch) && retry.succeeded(WriteStep::Maintenance));
    }

    #[test]
    fn a_failed_step_is_put_off_and_the_other_is_not() {
        let now = Instant::now();
        let mut retry = Retry::new(StoreError::DiskFull, now);
        retry.failed(WriteStep::Batch, now);
        assert_eq!(retry.not_before(WriteStep::Batch, now), now + RETRY_AFTER);
        assert_eq!(retry.not_before(WriteStep::Maintenance, now), now);
        assert_eq!(retry.not_before(WriteStep::Batch, now + PROBE_AFTER), now + PROBE_AFTER);
        assert_eq!(retry.probe(), Some(now + PROBE_AFTER));
    }
}
