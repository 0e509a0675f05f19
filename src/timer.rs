//! Deadlines that belong to no connection: gathered news that is due, refused sockets that may be closed.
//!
//! *Owns* one queue of deadlines and the thread that works it off.
//! *Knows nothing of* how long anything should take.
//! *Called by* `session` and `server`.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::net::TcpStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use crate::room::Room;

/// Refused sockets kept open for their last line to arrive. One more closes at once: refusing must not cost an attacked
/// server the descriptors it lacks.
const MOST_CLOSING: usize = 256;

/// What is due at a deadline.
pub enum Task {
    /// The room's gathered news.
    FlushNews(Weak<Room>),
    /// Closing a socket that was refused and told so: a close with unread input would be a reset, which eats the line.
    Close(TcpStream),
}

struct Entry {
    due: Instant,
    /// Breaks ties in the order of scheduling.
    number: u64,
    task: Task,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    /// Reversed: the heap's greatest is the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

#[derive(Default)]
struct State {
    queue: BinaryHeap<Entry>,
    scheduled: u64,
    closing: usize,
    stopped: bool,
}

/// The timer. One per server.
#[derive(Default)]
pub struct Timer {
    /// A leaf: nothing is done under it but keeping the queue.
    state: Mutex<State>,
    changed: Condvar,
}

impl Timer {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the task at that time.
    pub fn schedule(&self, due: Instant, task: Task) {
        let mut state = self.lock();
        if let Task::Close(_) = task {
            if state.closing >= MOST_CLOSING {
                return;
            }
            state.closing += 1;
        }
        state.scheduled += 1;
        let number = state.scheduled;
        let earlier = state.queue.peek().is_none_or(|first| due < first.due);
        state.queue.push(Entry { due, number, task });
        drop(state);
        if earlier {
            self.changed.notify_all();
        }
    }

    /// Ends [`Timer::run`]; what is queued is not done any more.
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// The timer thread.
    pub fn run(&self) {
        let mut state = self.lock();
        while !state.stopped {
            let Some(due) = state.queue.peek().map(|entry| entry.due) else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = due.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let Some(entry) = state.queue.pop() else { continue };
            if let Task::Close(_) = entry.task {
                state.closing -= 1;
            }
            drop(state);
            match entry.task {
                Task::FlushNews(room) => {
                    if let Some(room) = room.upgrade() {
                        room.flush_news();
                    }
                }
                Task::Close(stream) => drop(stream),
            }
            state = self.lock();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_earliest_deadline_comes_first_and_ties_keep_their_order() {
        let now = Instant::now();
        let entry = |after: u64, number| Entry {
            due: now + Duration::from_secs(after),
            number,
            task: Task::FlushNews(Weak::new()),
        };
        let mut heap = BinaryHeap::from([entry(3, 1), entry(1, 2), entry(2, 3), entry(1, 4)]);
        let order: Vec<_> = std::iter::from_fn(|| heap.pop()).map(|entry| entry.number).collect();
        assert_eq!(order, [2, 4, 3, 1]);
    }
}
