//! The metrics of a build without the feature `metrics`: empty types whose methods do nothing.
//!
//! They have braces, because clippy objects to calling `default` on a unit struct.
//!
//! *Owns* the promise that the rest of the program needs no `cfg`, and that nothing is paid for metrics here.

use std::marker::PhantomData;
use std::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct Counter {}

#[allow(clippy::unused_self, reason = "the same as where something is counted")]
impl Counter {
    #[inline(always)]
    pub(crate) fn add(&self, _: u64) {}

    #[inline(always)]
    pub(crate) fn settle(&self, _: &mut LocalCount) {}
}

#[derive(Debug, Default)]
pub(crate) struct Gauge {}

impl Gauge {
    #[inline(always)]
    pub(crate) fn set(&self, _: usize) {}
}

#[derive(Debug)]
pub(crate) struct LabelledCounters<L>(PhantomData<L>);

impl<L> Default for LabelledCounters<L> {
    fn default() -> Self {
        LabelledCounters(PhantomData)
    }
}

impl<L> LabelledCounters<L> {
    #[inline(always)]
    pub(crate) fn of(&self, _: L) -> &Counter {
        &Counter {}
    }
}

#[derive(Debug)]
pub(crate) struct LabelledGauges<L>(PhantomData<L>);

impl<L> Default for LabelledGauges<L> {
    fn default() -> Self {
        LabelledGauges(PhantomData)
    }
}

impl<L> LabelledGauges<L> {
    #[inline(always)]
    pub(crate) fn raise(&self, _: L) -> Raised {
        Raised {}
    }
}

#[derive(Debug)]
pub(crate) struct Raised {}

#[derive(Debug, Default)]
pub(crate) struct Histogram {}

impl Histogram {
    #[cfg(feature = "cluster")]
    #[inline(always)]
    pub(crate) fn observe(&self, _: std::time::Duration) {}

    #[inline(always)]
    pub(crate) fn observe_since(&self, _: Earliest) {}

    #[inline(always)]
    pub(crate) fn time<R>(&self, job: impl FnOnce() -> R) -> R {
        job()
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Earliest {}

impl Earliest {
    #[inline(always)]
    pub(crate) fn note(&mut self, _: Instant) {}

    #[inline(always)]
    pub(crate) fn take(&mut self) -> Earliest {
        Earliest {}
    }
}

#[derive(Debug, Default)]
pub(crate) struct LocalCount {}

impl LocalCount {
    #[inline(always)]
    pub(crate) fn add(&mut self, _: usize) {}

    #[inline(always)]
    pub(crate) fn absorb(&mut self, _: LocalCount) {}
}

#[derive(Debug, Default)]
pub(crate) struct BatchCount {}

impl BatchCount {
    #[inline(always)]
    pub(crate) fn begin(&mut self) {}

    #[inline(always)]
    pub(crate) fn end(&mut self) -> LocalCount {
        LocalCount {}
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, _: usize, _: &Counter) {}
}

#[cfg(test)]
mod tests {
    use super::super::{DeliveryMetrics, SessionMetrics, TrafficMetrics, TurnCounts};

    #[test]
    fn disabled_metrics_take_no_memory() {
        let sizes = [
            size_of::<SessionMetrics>(),
            size_of::<TrafficMetrics>(),
            size_of::<DeliveryMetrics>(),
            size_of::<TurnCounts>(),
            size_of::<super::BatchCount>(),
            size_of::<super::Earliest>(),
            size_of::<super::Raised>(),
        ];
        assert_eq!(sizes, [0; 7]);
    }
}
