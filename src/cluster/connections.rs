//! Connections for calls whose answers are waited for, beside the two of the node's threads: so a user who registers waits for
//! no log, and no line waits for a replica that confirms an account.
//!
//! *Owns* how many there are, and how long one caller waits.
//! *Knows nothing of* what the calls do.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::engine::{AccountCall, Call, Engine, Reply, Unreachable};
use crate::chat::message::AccountId;

/// Makes a connection whose answers may take so long.
pub(super) type Connect = Arc<dyn Fn(Duration) -> Result<Box<dyn Engine>, Unreachable> + Send + Sync>;

/// Most connections. Callers are the worker threads, at most two, and sessions in a login; each is done within a millisecond.
const MOST: usize = 4;

/// How long one answer may take, and how long a caller waits for all of it.
const ANSWER: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(3);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The call was not sent.
    NotSent(Box<str>),
    /// It was sent: Redis may have carried it out.
    Lost(Box<str>),
}

#[derive(Default)]
struct Pool {
    idle: Vec<Box<dyn Engine>>,
    open: usize,
}

/// A few connections, made when they are needed.
pub(super) struct Connections {
    connect: Connect,
    /// Whether it is worth trying: false while the node is known to be out of reach.
    is_up: Box<dyn Fn() -> bool + Send + Sync>,
    /// A leaf. Nothing is sent under it.
    pool: Mutex<Pool>,
    /// Signalled when a connection is free.
    freed: Condvar,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

/// The place of a connection in the pool, given back in any case.
struct Slot<'a>(&'a Connections);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.lock().open -= 1;
        self.0.freed.notify_one();
    }
}

impl Connections {
    pub(super) fn new(connect: Connect, is_up: Box<dyn Fn() -> bool + Send + Sync>) -> Connections {
        Connections { connect, is_up, pool: Mutex::default(), freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes calls in their order, and waits for the answers. The caller must hold no lock.
    ///
    /// # Errors
    ///
    /// There are none in time.
    pub(super) fn ask(&self, calls: &[Call]) -> Result<Vec<Reply>, NoAnswer> {
        let until = Instant::now() + PATIENCE;
        let not_sent = |why: &str| Err(NoAnswer::NotSent(why.into()));
        if !(self.is_up)() {
            return not_sent("Redis is out of reach");
        }
        let mut pool = self.lock();
        while pool.open >= MOST {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return not_sent("all connections are waiting for answers");
            }
            pool = self.freed.wait_timeout(pool, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        pool.open += 1;
        let idle = pool.idle.pop();
        drop(pool);
        let slot = Slot(self);
        // One that Redis has closed meanwhile is found out before anything is sent on it that may be carried out.
        let alive =
            idle.and_then(|mut idle| idle.call(&[Call::Account(AccountCall::NameOf(AccountId(0)))]).ok().map(|_| idle));
        let mut connection = match alive {
            Some(connection) => connection,
            None => {
                // The others are as old.
                self.lock().idle.clear();
                let left = until.saturating_duration_since(Instant::now()).min(ANSWER);
                if left.is_zero() {
                    return not_sent("Redis does not answer");
                }
                (self.connect)(left).map_err(|Unreachable(why)| NoAnswer::NotSent(why))?
            }
        };
        match connection.call(calls) {
            Ok(replies) => {
                self.lock().idle.push(connection);
                drop(slot);
                Ok(replies)
            }
            Err(Unreachable(why)) => Err(NoAnswer::Lost(why)),
        }
    }
}
