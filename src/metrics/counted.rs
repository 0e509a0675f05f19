//! Counters, gauges and histograms of a build with the feature `metrics`.
//!
//! *Owns* the atomics. *Knows nothing of* what is counted.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::labels::Label;

/// Upper bounds of a histogram's buckets, in seconds: from 0.1 ms, the time of a message on an idle machine, to 10 s,
/// which is longer than users wait.
pub(crate) const BUCKETS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Counts how often something has happened.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds to the count.
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Adds a count that a thread kept by itself, and resets it.
    pub(crate) fn settle(&self, tally: &mut LocalCount) {
        let count = tally.take();
        if count > 0 {
            self.add(count);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that rises and falls.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    pub(crate) fn set(&self, count: usize) {
        self.0.store(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A counter for each value of a label.
#[derive(Debug)]
pub(crate) struct LabelledCounters<L> {
    counters: Box<[Counter]>,
    label: PhantomData<L>,
}

impl<L: Label> Default for LabelledCounters<L> {
    fn default() -> Self {
        LabelledCounters { counters: L::WORDS.iter().map(|_| Counter::default()).collect(), label: PhantomData }
    }
}

impl<L: Label> LabelledCounters<L> {
    pub(crate) fn of(&self, label: L) -> &Counter {
        &self.counters[label.index()]
    }
}

/// A gauge for each value of a label.
#[derive(Debug)]
pub(crate) struct LabelledGauges<L> {
    gauges: Arc<[AtomicU64]>,
    label: PhantomData<L>,
}

impl<L: Label> Default for LabelledGauges<L> {
    fn default() -> Self {
        LabelledGauges { gauges: L::WORDS.iter().map(|_| AtomicU64::new(0)).collect(), label: PhantomData }
    }
}

impl<L: Label> LabelledGauges<L> {
    /// Raises the gauge of this label by one until the returned value is dropped.
    pub(crate) fn raise(&self, label: L) -> Raised {
        let raised = Raised { gauges: Arc::clone(&self.gauges), index: label.index() };
        raised.gauge().fetch_add(1, Ordering::Relaxed);
        raised
    }

    pub(crate) fn get(&self, label: L) -> u64 {
        self.gauges[label.index()].load(Ordering::Relaxed)
    }
}

/// Raises a gauge by one while it lives.
#[derive(Debug)]
pub(crate) struct Raised {
    gauges: Arc<[AtomicU64]>,
    index: usize,
}

impl Raised {
    fn gauge(&self) -> &AtomicU64 {
        &self.gauges[self.index]
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        self.gauge().fetch_sub(1, Ordering::Relaxed);
    }
}

/// How long something takes.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// One for each of [`BUCKETS`], and one for everything longer.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    nanoseconds: AtomicU64,
}

/// A histogram's values at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HistogramReading {
    /// In seconds.
    pub(crate) sum: f64,
    pub(crate) count: u64,
    /// Upper bounds, and how many observations are below each and above the one before.
    pub(crate) buckets: Vec<(f64, u64)>,
}

impl Histogram {
    pub(crate) fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BUCKETS.partition_point(|bound| *bound < seconds);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Observes the time since the earliest noted moment, if there is one.
    pub(crate) fn observe_since(&self, earliest: Earliest) {
        if let Some(began) = earliest.0 {
            self.observe(began.elapsed());
        }
    }

    /// Observes how long a job takes.
    pub(crate) fn time<R>(&self, job: impl FnOnce() -> R) -> R {
        let began = Instant::now();
        let result = job();
        self.observe(began.elapsed());
        result
    }

    pub(crate) fn read(&self) -> HistogramReading {
        let bounds = BUCKETS.into_iter().chain([f64::INFINITY]);
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.zip(counts).collect();
        HistogramReading {
            sum: self.nanoseconds.load(Ordering::Relaxed) as f64 / 1e9,
            // Summed from the same readings: a separate count could differ from their sum.
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets,
        }
    }
}

/// The earliest of some moments.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Earliest(Option<Instant>);

impl Earliest {
    /// Notes a moment. Moments come in order, so the first one is kept.
    pub(crate) fn note(&mut self, moment: Instant) {
        self.0.get_or_insert(moment);
    }

    /// Returns it and forgets it.
    pub(crate) fn take(&mut self) -> Earliest {
        std::mem::take(self)
    }
}

/// A thread's own count, on its way to a counter.
#[derive(Debug, Default)]
pub(crate) struct LocalCount(u64);

impl LocalCount {
    pub(crate) fn add(&mut self, count: usize) {
        self.0 += count as u64;
    }

    fn take(&mut self) -> u64 {
        std::mem::take(&mut self.0)
    }

    /// Adds another count to this one.
    pub(crate) fn absorb(&mut self, mut other: LocalCount) {
        self.0 += other.take();
    }
}

/// A count that is kept only between `begin` and `end`, for a batch. Outside of them, it goes to the counter at once.
#[derive(Debug, Default)]
pub(crate) struct BatchCount(Option<u64>);

impl BatchCount {
    /// Begins counting.
    pub(crate) fn begin(&mut self) {
        self.0 = Some(0);
    }

    /// Ends counting. Returns the count.
    pub(crate) fn end(&mut self) -> LocalCount {
        LocalCount(self.0.take().unwrap_or(0))
    }

    /// Adds to this count if counting has begun, otherwise to `at_once`.
    pub(crate) fn add(&mut self, count: usize, at_once: &Counter) {
        match &mut self.0 {
            Some(sum) => *sum += count as u64,
            None if count > 0 => at_once.add(count as u64),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::labels::ListenerKind;
    use super::*;

    #[test]
    fn each_duration_is_in_the_bucket_whose_bound_it_does_not_pass() {
        let histogram = Histogram::default();
        for micros in [0, 100, 101, 250, 10_000_000, 10_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let reading = histogram.read();
        let counts: Vec<_> = reading.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(reading.count, 6);
        assert!((reading.sum - 20.000_452).abs() < 1e-9, "{}", reading.sum);
        assert!(reading.buckets.last().is_some_and(|(bound, _)| bound.is_infinite()));
    }

    #[test]
    fn a_gauge_falls_when_what_it_counts_is_dropped() {
        let gauges = LabelledGauges::default();
        let (one, two) = (gauges.raise(ListenerKind::Web), gauges.raise(ListenerKind::Web));
        assert_eq!((gauges.get(ListenerKind::Web), gauges.get(ListenerKind::Json)), (2, 0));
        drop(one);
        assert_eq!(gauges.get(ListenerKind::Web), 1);
        drop(two);
        assert_eq!(gauges.get(ListenerKind::Web), 0);
    }

    #[test]
    fn a_separate_count_is_added_once() {
        let (counter, mut tally) = (Counter::default(), LocalCount::default());
        tally.add(3);
        counter.settle(&mut tally);
        counter.settle(&mut tally);
        assert_eq!(counter.get(), 3);
        let mut batch = BatchCount::default();
        batch.add(5, &counter);
        assert_eq!(counter.get(), 8);
        batch.begin();
        batch.add(7, &counter);
        tally.absorb(batch.end());
        assert_eq!(counter.get(), 8);
        counter.settle(&mut tally);
        assert_eq!(counter.get(), 15);
    }

    #[test]
    fn the_earliest_moment_counts_and_is_forgotten_once_taken() {
        let (mut earliest, now) = (Earliest::default(), Instant::now());
        let histogram = Histogram::default();
        histogram.observe_since(earliest.take());
        assert_eq!(histogram.read().count, 0);
        earliest.note(now);
        earliest.note(now + Duration::from_secs(3));
        assert_eq!(earliest.take().0, Some(now));
        assert_eq!(earliest.take().0, None);
    }
}
