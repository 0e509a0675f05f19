//! What has become of a command.
//!
//! *Owns* the outcome of each command, and waiting for it.
//! *Knows nothing of* how it comes about.

use std::fmt;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use super::values::Position;

/// What has become of a command, at last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log at this position, and this node has applied it.
    Applied {
        /// Where.
        position: Position,
        /// The number of the first message that was said in it.
        id: Option<u64>,
    },
    /// It was decided on a version of the room that is no longer the newest. This node has applied everything up to the newest
    /// by now: decide again.
    Stale,
    /// The room has no place for another member.
    Full,
    /// Another user has the name.
    Taken,
    /// It is not in the log and will not be.
    NotSaid,
    /// It was not even sent: Redis does not answer, or too much waits for it.
    Refused,
}

/// How far a command is whose outcome is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// It waits for its turn; Redis has not been sent it.
    Waiting,
    /// It was sent, and there is no answer: Redis may have carried it out.
    Unknown,
    /// Redis has carried it out; this node has yet to read it back.
    Accepted,
    /// The outcome is there.
    Done,
}

/// What is done with an outcome.
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

/// What a node holds of a command that it has submitted. Dropping it takes nothing back.
#[derive(Clone, Debug)]
pub struct Ticket(Arc<Shared>);

impl Ticket {
    pub(crate) fn waiting() -> Ticket {
        let state = State { progress: Progress::Waiting, outcome: None, then: Vec::new() };
        Ticket(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// One that has its outcome from the start.
    pub fn done(outcome: Outcome) -> Ticket {
        let ticket = Ticket::waiting();
        ticket.resolve(outcome);
        ticket
    }

    pub(crate) fn note(&self, progress: Progress) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody waits for less than the outcome.
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

    /// Has something done with the outcome, at once if it is there: on the thread that brings it, which must not wait.
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

    /// The outcome, if it is known by now.
    pub fn outcome(&self) -> Option<Outcome> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).outcome.clone()
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).progress
    }

    /// Waits for the outcome, at most until then. Nothing may be locked meanwhile that applying an entry takes.
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
