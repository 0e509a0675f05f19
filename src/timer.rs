//! Deadlines that belong to no connection: gathered news, expiring messages, lingering rooms, refused sockets.
//!
//! *Owns* one queue of deadlines and the thread that works it off.
//! *Knows nothing of* how long anything should take, and of how a task is carried out.
//! *Called by* `session` and `server`; `hub` carries the tasks out.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use crate::direct::Pair;
use crate::message::{Addressee, MessageId};
use crate::outbox::Outbox;
use crate::room::Room;

/// Refused sockets kept open for their last line to arrive. One more closes at once: refusing must not cost an attacked
/// server the descriptors it lacks.
const MOST_CLOSING: usize = 256;

/// What is due at a deadline.
pub enum Task {
    /// The room's gathered news.
    FlushNews(Weak<Room>),
    /// The end of a temporary message.
    Expire(Weak<Room>, MessageId),
    /// The end of a temporary message, in all the conversations it was sent to.
    ExpireDirect {
        /// Which one.
        id: MessageId,
        /// Whose.
        author: Addressee,
        /// Where it stands, as long as both are there.
        pairs: Vec<Weak<Pair>>,
        /// Everybody who has it on his screen.
        screens: Vec<Weak<Outbox>>,
    },
    /// Drawing views of a room anew.
    Redraw(Weak<Room>),
    /// Drawing views of a conversation anew.
    RedrawDirect(Weak<Pair>),
    /// The end of waiting for an admin who has lost his connection.
    NameHeir(Weak<Room>),
    /// The end of a room that somebody has made, if nobody is in it.
    CloseIfEmpty(Weak<Room>),
    /// Forgetting what is too old to be shown, in every room.
    ForgetOld,
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

/// Tasks by their deadlines. Pure: `now` is an argument.
#[derive(Default)]
struct Queue {
    heap: BinaryHeap<Entry>,
    scheduled: u64,
    closing: usize,
}

impl Queue {
    /// True if the task is the first one now.
    fn push(&mut self, due: Instant, task: Task) -> bool {
        if let Task::Close(_) = task {
            if self.closing >= MOST_CLOSING {
                return false;
            }
            self.closing += 1;
        }
        self.scheduled += 1;
        let earlier = self.heap.peek().is_none_or(|first| due < first.due);
        self.heap.push(Entry { due, number: self.scheduled, task });
        earlier
    }

    /// When the first one is due.
    fn due(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.due)
    }

    /// The first one, if it is due.
    fn pop(&mut self, now: Instant) -> Option<Task> {
        self.due().filter(|due| *due <= now)?;
        let task = self.heap.pop()?.task;
        if let Task::Close(_) = task {
            self.closing -= 1;
        }
        Some(task)
    }
}

#[derive(Default)]
struct State {
    queue: Queue,
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
        if self.lock().queue.push(due, task) {
            self.changed.notify_all();
        }
    }

    /// Ends [`Timer::run`]; what is queued is not done any more.
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// The timer thread.
    pub fn run(&self, carry_out: impl Fn(Task)) {
        let mut state = self.lock();
        while !state.stopped {
            let now = Instant::now();
            if let Some(task) = state.queue.pop(now) {
                drop(state);
                // A defect in one task must not end all the others.
                if catch_unwind(AssertUnwindSafe(|| carry_out(task))).is_err() {
                    log::error!("a task of the timer panicked");
                }
                state = self.lock();
                continue;
            }
            state = match state.queue.due() {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let waited = self.changed.wait_timeout(state, due.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn expire(id: u64) -> Task {
        Task::Expire(Weak::new(), MessageId(id))
    }

    fn due(queue: &mut Queue, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| queue.pop(now))
            .map(|task| match task {
                Task::Expire(_, id) => id.0,
                _ => 0,
            })
            .collect()
    }

    #[test]
    fn the_earliest_deadline_comes_first_and_ties_keep_their_order() {
        let now = Instant::now();
        let mut queue = Queue::default();
        for (after, id) in [(3, 1), (1, 2), (2, 3), (1, 4)] {
            queue.push(now + Duration::from_secs(after), expire(id));
        }
        assert_eq!(due(&mut queue, now + Duration::from_secs(9)), [2, 4, 3, 1]);
    }

    #[test]
    fn nothing_is_done_before_its_time_and_everything_at_it() {
        let now = Instant::now();
        let mut queue = Queue::default();
        assert!(queue.push(now + Duration::from_secs(86_400), expire(1)));
        assert!(queue.push(now + Duration::from_secs(10), expire(2)));
        assert!(!queue.push(now + Duration::from_secs(11), expire(3)));
        assert_eq!(due(&mut queue, now + Duration::from_millis(9_999)), []);
        assert_eq!(due(&mut queue, now + Duration::from_secs(10)), [2]);
        assert_eq!(queue.due(), Some(now + Duration::from_secs(11)));
        assert_eq!(due(&mut queue, now + Duration::from_secs(86_400)), [3, 1]);
        assert_eq!(queue.due(), None);
    }
}
