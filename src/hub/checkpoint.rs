//! Points between two steps where a test can hold a thread, to provoke an interleaving that is otherwise rare.
//!
//! Only tests set hooks, and no lock is held where one may run. Without a hook, a checkpoint costs the load of a flag. There
//! is none on the path of a message.
//!
//! *Owns* the list of checkpoints. *Knows nothing of* what is tested there.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A point in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// `:join` was typed, and nothing has been checked yet.
    Joining,
    /// A user may enter a room, by its password or otherwise, and is about to.
    Admitted,
    /// A name belongs to no account, and is about to be claimed.
    NameFree,
    /// An account's password was right, and the account is about to be read again. On a worker thread.
    PasswordCompared,
    /// A conversation of two has begun, and is about to be opened.
    ConversationBegun,
    /// A room is about to be told a user's identity by a thread that is not the user's own.
    Identifying,
}

type Hook = Arc<dyn Fn() + Send + Sync>;

/// The hooks set by tests.
#[derive(Default)]
pub struct Checkpoints {
    set: AtomicBool,
    /// A leaf; not held while a hook runs.
    hooks: Mutex<Vec<(Checkpoint, Hook)>>,
}

impl Checkpoints {
    /// From now on every thread that reaches a checkpoint runs the hook.
    pub fn set(&self, at: Checkpoint, hook: impl Fn() + Send + Sync + 'static) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).push((at, Arc::new(hook)));
        self.set.store(true, Ordering::Release);
    }

    /// Called by a thread that reaches a checkpoint.
    pub(crate) fn reach(&self, at: Checkpoint) {
        if self.set.load(Ordering::Acquire) {
            self.run(at);
        }
    }

    #[inline(never)]
    fn run(&self, at: Checkpoint) {
        let hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        let here: Vec<_> = hooks.iter().filter(|(point, _)| *point == at).map(|(_, hook)| Arc::clone(hook)).collect();
        drop(hooks);
        here.iter().for_each(|hook| hook());
    }
}

impl fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoints").field("set", &self.set).finish_non_exhaustive()
    }
}
