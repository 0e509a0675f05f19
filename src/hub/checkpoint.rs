//! Places between two steps where a test can hold a thread, so that what happens once in a thousand times happens.
//!
//! *Owns* which places there are. *Knows nothing of* what is tested there.
//! *Called by* `session` and `hub`, with no lock held. Nobody but a test sets anything: otherwise a place costs one look at
//! a flag, and none is on the way of a message.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// `:join` was typed, and nothing is looked at yet.
    Joining,
    /// A door is open to somebody, by its password or otherwise, and they are about to come in.
    Admitted,
    /// A name was found to be nobody's account, and is about to be taken.
    NameFree,
    /// The password of an account was right, and the account is about to be looked at again. On a thread that computes.
    PasswordCompared,
    /// A conversation of two has begun, and is about to be opened.
    ConversationBegun,
    /// The rooms are about to hear who somebody is, from outside that one's session.
    Identifying,
}

type Hook = Arc<dyn Fn() + Send + Sync>;

/// What is done where.
#[derive(Default)]
pub struct Checkpoints {
    set: AtomicBool,
    /// A leaf; not held while a hook runs.
    hooks: Mutex<Vec<(Checkpoint, Hook)>>,
}

impl Checkpoints {
    /// Has something done by every thread that comes to a place from now on.
    pub fn set(&self, at: Checkpoint, hook: impl Fn() + Send + Sync + 'static) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).push((at, Arc::new(hook)));
        self.set.store(true, Ordering::Release);
    }

    /// A thread comes to a place.
    pub fn reach(&self, at: Checkpoint) {
        if self.set.load(Ordering::Acquire) {
            self.run(at);
        }
    }

    #[inline(never)]
    fn run(&self, at: Checkpoint) {
        let hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        let here: Vec<_> = hooks.iter().filter(|(place, _)| *place == at).map(|(_, hook)| Arc::clone(hook)).collect();
        drop(hooks);
        here.iter().for_each(|hook| hook());
    }
}

impl fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoints").field("set", &self.set).finish_non_exhaustive()
    }
}
