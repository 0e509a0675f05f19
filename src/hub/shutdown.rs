//! Stopping the server: whether it has been announced, and how many connections are still open.
//!
//! *Knows nothing of* what a connection does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The state of the stop.
#[derive(Debug, Default)]
pub struct Shutdown {
    announced: AtomicBool,
    /// Users are being sent to other servers, and their places are kept.
    draining: AtomicBool,
    /// Nobody is waited for any more.
    hurried: AtomicBool,
    /// A leaf. The connections that are not closed yet.
    open: Mutex<usize>,
    /// The count has changed, or the stop was announced.
    changed: Condvar,
}

impl Shutdown {
    /// Announces the stop: from now on newcomers are refused.
    pub(crate) fn announce(&self) {
        self.announced.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    /// Refuses newcomers from now on, and sends users to other servers.
    #[cfg(feature = "cluster")]
    pub(crate) fn begin_drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether users are being or were sent to other servers before the stop.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Disconnects the remaining users at once.
    pub fn hurry(&self) {
        self.hurried.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    #[cfg(feature = "cluster")]
    pub(crate) fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::Acquire)
    }

    /// Whether newcomers are refused.
    pub fn is_announced(&self) -> bool {
        self.announced.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection in; dropping the guard counts it out. `None` if there are `limit` already.
    pub(crate) fn enter(self: &Arc<Self>, limit: usize) -> Option<Open> {
        let mut open = self.lock();
        if *open >= limit {
            return None;
        }
        *open += 1;
        Some(Open { shutdown: Arc::clone(self) })
    }

    /// Connections that are not closed yet.
    pub fn open(&self) -> usize {
        *self.lock()
    }

    /// Waits until all connections are closed or the deadline has passed. True if all are closed.
    pub(crate) fn wait_closed(&self, deadline: Instant) -> bool {
        self.wait(deadline, |open| open > 0) == 0
    }

    /// Waits for a connection to close, or for the deadline.
    pub(crate) fn wait_fewer(&self, deadline: Instant) {
        let before = self.open();
        self.wait(deadline, |open| open >= before);
    }

    pub(crate) fn wait_until(&self, deadline: Instant) {
        self.wait(deadline, |_| true);
    }

    /// The same, but ends early once [`hurry`](Shutdown::hurry) was called.
    #[cfg(feature = "cluster")]
    pub(crate) fn wait_unhurried(&self, deadline: Instant) {
        self.wait(deadline, |open| open > 0 && !self.is_hurried());
    }

    fn wait(&self, deadline: Instant, go_on: impl Fn(usize) -> bool) -> usize {
        let mut open = self.lock();
        while go_on(*open) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            open = self.changed.wait_timeout(open, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *open
    }
}

/// One open connection.
#[derive(Debug)]
pub(crate) struct Open {
    shutdown: Arc<Shutdown>,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut open = self.shutdown.lock();
        *open -= 1;
        drop(open);
        self.shutdown.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn no_more_than_the_limit_are_open_and_a_closed_one_makes_room() {
        let shutdown = Arc::new(Shutdown::default());
        let first = shutdown.enter(1).expect("room for one");
        assert!(shutdown.enter(1).is_none());
        drop(first);
        assert!(shutdown.enter(1).is_some());
    }

    #[test]
    fn waiting_ends_with_the_last_connection() {
        let shutdown = Arc::new(Shutdown::default());
        let open = shutdown.enter(1).expect("room for one");
        let closer = std::thread::spawn(move || drop(open));
        assert!(shutdown.wait_closed(Instant::now() + Duration::from_secs(60)));
        closer.join().expect("joined");
        assert_eq!(shutdown.open(), 0);
    }
}
