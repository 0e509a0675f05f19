//! Calls whose callers wait for the answer, on connections and threads separate from the node's two. So a user who
//! registers does not wait for a log, and no chat line waits for replicas to confirm an account.
//!
//! *Owns* how many connections there are, how long a caller waits, and whether an abandoned call was sent.
//! *Knows nothing of* what the calls do.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::engine::{AccountCall, Call, Engine, Reply, Unreachable};
use crate::chat::message::AccountId;

/// Opens a connection on which each answer may take this long.
pub(super) type Connect = Arc<dyn Fn(Duration) -> Result<Box<dyn Engine>, Unreachable> + Send + Sync>;

/// Most threads, each with one connection. An answer takes well under a millisecond, so more would be idle.
const MOST: usize = 4;

/// Most callers that wait: more than the connections that log in at one moment on any server.
const MOST_WAITING: usize = 4096;

/// How long one answer may take, and how long a caller waits in total.
const ANSWER: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(3);

/// Stack of a thread. The Redis client's calls nest too deeply for the small stacks of users' connections.
const STACK: usize = 512 * 1024;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The call was not sent.
    NotSent(Box<str>),
    /// The call was sent: Redis may have executed it.
    Lost(Box<str>),
}

/// Not sent yet; the caller can still give up.
const WAITING: u8 = 0;
/// The caller has given up: the call must not be sent.
const GIVEN_UP: u8 = 1;
/// It is being sent, whether the caller still waits or not.
const SENT: u8 = 2;

type Answer = Result<Vec<Reply>, NoAnswer>;

/// Calls to send, and the caller that waits.
struct Order {
    calls: Vec<Call>,
    until: Instant,
    state: Arc<AtomicU8>,
    answer: SyncSender<Answer>,
}

#[derive(Default)]
struct Queue {
    orders: VecDeque<Order>,
    threads: usize,
    idle: usize,
    closed: bool,
}

/// What the threads share.
struct Desk {
    connect: Connect,
    /// A leaf. Nothing is sent under it.
    queue: Mutex<Queue>,
    /// Signalled when there is an order, or when no caller is left.
    wake: Condvar,
}

/// A few connections, opened on demand.
pub(super) struct Connections {
    desk: Arc<Desk>,
    /// Whether trying makes sense: false while the node is known to be unreachable.
    is_up: Box<dyn Fn() -> bool + Send + Sync>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.desk.lock().closed = true;
        self.desk.wake.notify_all();
    }
}

impl Connections {
    pub(super) fn new(connect: Connect, is_up: Box<dyn Fn() -> bool + Send + Sync>) -> Connections {
        let desk = Desk { connect, queue: Mutex::default(), wake: Condvar::new() };
        Connections { desk: Arc::new(desk), is_up }
    }

    /// Makes the calls in order and waits for the answers. The caller must not hold a lock.
    ///
    /// # Errors
    ///
    /// There is no answer in time.
    pub(super) fn ask(&self, calls: &[Call]) -> Answer {
        let not_sent = |why: &str| Err(NoAnswer::NotSent(why.into()));
        if !(self.is_up)() {
            return not_sent("Redis is out of reach");
        }
        // A buffer for the answer, so that the thread never waits for the caller.
        let (answer, answered) = mpsc::sync_channel(1);
        let state = Arc::new(AtomicU8::new(WAITING));
        let until = Instant::now() + PATIENCE;
        let order = Order { calls: calls.to_vec(), until, state: Arc::clone(&state), answer };
        let mut queue = self.desk.lock();
        if queue.orders.len() >= MOST_WAITING {
            return not_sent("too many calls are waiting");
        }
        if queue.idle <= queue.orders.len() && queue.threads < MOST {
            let desk = Arc::clone(&self.desk);
            let builder = thread::Builder::new().name("bus:ask".to_owned()).stack_size(STACK);
            match builder.spawn(move || desk.serve()) {
                Ok(_) => queue.threads += 1,
                Err(error) if queue.threads == 0 => return not_sent(&format!("no thread can be started: {error}")),
                Err(_) => {}
            }
        }
        queue.orders.push_back(order);
        drop(queue);
        self.desk.wake.notify_one();
        answered.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            let given_up = state.compare_exchange(WAITING, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire);
            let why = "Redis does not answer".into();
            Err(if given_up.is_ok() { NoAnswer::NotSent(why) } else { NoAnswer::Lost(why) })
        })
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body of each thread.
    fn serve(&self) {
        let mut connection = None;
        while let Some(order) = self.next() {
            let answer = self.carry_out(&order, &mut connection);
            // A caller that has given up no longer listens.
            let _ = order.answer.send(answer);
        }
    }

    fn next(&self) -> Option<Order> {
        let mut queue = self.lock();
        queue.idle += 1;
        loop {
            if let Some(order) = queue.orders.pop_front() {
                queue.idle -= 1;
                return Some(order);
            }
            if queue.closed {
                return None;
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn carry_out(&self, order: &Order, connection: &mut Option<Box<dyn Engine>>) -> Answer {
        let only_reads = order.calls.iter().all(|call| matches!(call, Call::Account(call) if call.is_read()));
        // Detects a connection that Redis has closed before sending anything that changes data.
        let ping = [Call::Account(AccountCall::NameOf(AccountId(0)))];
        if !only_reads && connection.as_mut().is_some_and(|connection| connection.call(&ping).is_err()) {
            *connection = None;
        }
        let mut attempts = if only_reads && connection.is_some() { 2 } else { 1 };
        loop {
            attempts -= 1;
            let found = match connection {
                Some(found) => found,
                None => {
                    let left = order.until.saturating_duration_since(Instant::now()).min(ANSWER);
                    let made = (self.connect)(left.max(Duration::from_millis(1)));
                    connection.insert(made.map_err(|Unreachable(why)| NoAnswer::NotSent(why))?)
                }
            };
            let claimed = order.state.compare_exchange(WAITING, SENT, Ordering::AcqRel, Ordering::Acquire);
            if claimed == Err(GIVEN_UP) {
                return Err(NoAnswer::NotSent("the caller has given up".into()));
            }
            match found.call(&order.calls) {
                Ok(replies) => return Ok(replies),
                Err(Unreachable(why)) => {
                    *connection = None;
                    if attempts == 0 {
                        return Err(NoAnswer::Lost(why));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::engine::LogEntry;
    use crate::cluster::values::{Log, Position};

    /// Fakes that answer or fail.
    struct Script {
        broken: Arc<AtomicU8>,
    }

    impl Engine for Script {
        fn run(&self) -> &'static str {
            "run"
        }

        fn call(&mut self, calls: &[Call]) -> Result<Vec<Reply>, Unreachable> {
            match self.broken.load(Ordering::SeqCst) {
                0 => Ok(calls.iter().map(|_| Reply::Nothing).collect()),
                _ => Err(Unreachable("broken".into())),
            }
        }

        fn read(&mut self, _: &[(Log, Position)]) -> Result<Vec<LogEntry>, Unreachable> {
            Ok(Vec::new())
        }

        fn pop(&mut self, _: &str, _: Duration) -> Result<Option<String>, Unreachable> {
            Ok(None)
        }
    }

    fn connections(broken: &Arc<AtomicU8>, refused: &Arc<AtomicU8>) -> Connections {
        let (broken, refused) = (Arc::clone(broken), Arc::clone(refused));
        let connect: Connect = Arc::new(move |_| match refused.load(Ordering::SeqCst) {
            0 => Ok(Box::new(Script { broken: Arc::clone(&broken) }) as Box<dyn Engine>),
            _ => Err(Unreachable("refused".into())),
        });
        Connections::new(connect, Box::new(|| true))
    }

    #[test]
    fn a_call_never_sent_differs_from_one_that_may_have_run() {
        let (broken, refused) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicU8::new(0)));
        let connections = connections(&broken, &refused);
        let write = [Call::Account(AccountCall::PutOpen(AccountId(1), "x".into()))];
        let read = [Call::Account(AccountCall::Open(AccountId(1)))];
        assert_eq!(connections.ask(&write), Ok(vec![Reply::Nothing]));
        // The connection breaks while idle, and Redis is gone.
        broken.store(1, Ordering::SeqCst);
        refused.store(1, Ordering::SeqCst);
        assert_eq!(connections.ask(&write), Err(NoAnswer::NotSent("refused".into())));
        // Redis accepts connections and then breaks them.
        refused.store(0, Ordering::SeqCst);
        assert_eq!(connections.ask(&write), Err(NoAnswer::Lost("broken".into())));
        assert_eq!(connections.ask(&read), Err(NoAnswer::Lost("broken".into())));
        broken.store(0, Ordering::SeqCst);
        assert_eq!(connections.ask(&read), Ok(vec![Reply::Nothing]));
    }

    #[test]
    fn many_callers_at_once_are_all_answered_by_a_few_threads() {
        let (broken, refused) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicU8::new(0)));
        let connections = connections(&broken, &refused);
        let read = [Call::Account(AccountCall::Open(AccountId(1)))];
        thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| assert_eq!(connections.ask(&read), Ok(vec![Reply::Nothing])));
            }
        });
        assert!(connections.desk.lock().threads <= MOST);
    }
}
