//! The outcome of a submitted command.
//!
//! *Owns* each command's outcome, and waiting for it.
//! *Knows nothing of* what decides the outcome.

use std::fmt;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use super::values::Position;

/// The final outcome of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log at this position, and this node has applied it.
    Applied {
        /// Where.
        position: Position,
        /// The number of the first message posted in it.
        id: Option<u64>,
    },
    /// It was decided on a version of the room that is no longer current. This node has applied everything up to the
    /// current one: decide again.
    Stale,
    /// The room or the address has reached its limit.
    Full,
    /// Another user has the name.
    Taken,
    /// It is not in the log and never will be.
    NotSaid,
    /// It was never sent: Redis does not answer, or too many commands wait for it.
    Refused,
}

/// The progress of a command whose outcome may not be known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// It has not been sent to Redis yet.
    Waiting,
    /// It was sent but not answered: Redis may have executed it.
    Unknown,
    /// Redis has executed it, but this node has not read it back yet.
    Accepted,
    /// The outcome is known.
    Done,
}

/// A callback that gets the outcome.
type Then = Box<dyn FnOnce(&Outcome) + Send>;

struct State {
    progress: Progress,
    outcome: Option<Outcome>,
    then: Vec<Then>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("progress", &self.progress)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Shared {
    /// A leaf.
    state: Mutex<State>,
    changed: Condvar,
}

/// A node's handle on a submitted command. Dropping it does not cancel the command.
#[derive(Clone, Debug)]
pub struct Ticket(Arc<Shared>);

impl Ticket {
    pub(crate) fn waiting() -> Ticket {
        let state = State { progress: Progress::Waiting, outcome: None, then: Vec::new() };
        Ticket(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// A ticket whose outcome is already known.
    pub fn done(outcome: Outcome) -> Ticket {
        let ticket = Ticket::waiting();
        ticket.resolve(outcome);
        ticket
    }

    pub(crate) fn note(&self, progress: Progress) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Callers wait only for the outcome.
        if state.outcome.is_none() {
            state.progress = progress;
        }
    }

    /// The first outcome counts.
    pub(crate) fn resolve(&self, outcome: Outcome) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.outcome.is_some() {
            return;
        }
        let then = mem::take(&mut state.then);
        (state.outcome, state.progress) = (Some(outcome.clone()), Progress::Done);
        drop(state);
        self.0.changed.notify_all();
        then.into_iter().for_each(|then| then(&outcome));
    }

    /// Calls `then` with the outcome: at once if it is known, otherwise later on the thread that brings it. It must not
    /// block.
    pub fn then(&self, then: impl FnOnce(&Outcome) + Send + 'static) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.outcome.clone() {
            Some(outcome) => {
                drop(state);
                then(&outcome);
            }
            None => state.then.push(Box::new(then)),
        }
    }

    /// The outcome, if it is known.
    pub fn outcome(&self) -> Option<Outcome> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).outcome.clone()
    }

    /// How far the command has got.
    pub fn progress(&self) -> Progress {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).progress
    }

    /// Waits for the outcome until a deadline. The caller must not hold a lock that applying an entry needs.
    pub fn wait(&self, until: Instant) -> Option<Outcome> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.outcome.is_some() {
                return state.outcome.clone();
            }
            let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_first_outcome_counts_and_wakes_those_who_wait() {
        let ticket = Ticket::waiting();
        assert_eq!((ticket.outcome(), ticket.progress()), (None, Progress::Waiting));
        assert_eq!(ticket.wait(Instant::now()), None);
        let other = ticket.clone();
        let waiting = std::thread::spawn(move || other.wait(Instant::now() + Duration::from_secs(60)));
        ticket.note(Progress::Unknown);
        ticket.resolve(Outcome::Stale);
        ticket.resolve(Outcome::NotSaid);
        ticket.note(Progress::Accepted);
        assert_eq!(waiting.join().expect("no panic"), Some(Outcome::Stale));
        assert_eq!((ticket.outcome(), ticket.progress()), (Some(Outcome::Stale), Progress::Done));
    }
}
