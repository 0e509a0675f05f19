//! Stopping: the phases of the server's end, and counting the threads that are still at work.
//!
//! *Owns* whether the server stops, and the count of connections.
//! *Knows nothing of* what a connection does.
//! *Called by* `hub`, `server`, `session`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Whether the server is on its way out.
#[derive(Debug, Default)]
pub struct Shutdown {
    announced: AtomicBool,
    /// A leaf. Counts the connections that are not closed yet.
    open: Mutex<usize>,
    changed: Condvar,
}

impl Shutdown {
    /// From now on newcomers are refused.
    pub fn announce(&self) {
        self.announced.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    /// Whether newcomers are refused.
    pub fn is_announced(&self) -> bool {
        self.announced.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection in; dropping the guard counts it out. `None` if there are `limit` already.
    pub fn enter(self: &std::sync::Arc<Self>, limit: usize) -> Option<Open> {
        let mut open = self.lock();
        if *open >= limit {
            return None;
        }
        *open += 1;
        Some(Open { shutdown: std::sync::Arc::clone(self) })
    }

    /// Connections that are not closed yet.
    pub fn open(&self) -> usize {
        *self.lock()
    }

    /// Waits until all connections are closed or the deadline has passed. True if all are closed.
    pub fn wait_closed(&self, deadline: Instant) -> bool {
        self.wait(deadline, |open| open > 0) == 0
    }

    /// Waits for a connection to close, or for the deadline.
    pub fn wait_fewer(&self, deadline: Instant) {
        let before = self.open();
        self.wait(deadline, |open| open >= before);
    }

    /// Waits for the deadline, whatever happens.
    pub fn wait_until(&self, deadline: Instant) {
        self.wait(deadline, |_| true);
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
pub struct Open {
    shutdown: std::sync::Arc<Shutdown>,
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
    use std::sync::Arc;
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
