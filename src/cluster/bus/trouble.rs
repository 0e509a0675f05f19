//! Why Redis is of no use to one of the threads.
//!
//! *Owns* that the log says so once, although it is tried every second.
//! *Knows nothing of* what is tried.

use std::sync::{Mutex, PoisonError};

/// One thread's.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// A leaf. None since the last success.
    why: Mutex<Option<Box<str>>>,
}

impl Trouble {
    /// Notes a failure, and logs it unless it is the same as the last one.
    pub(super) fn note(&self, what: &str, why: Box<str>) {
        if self.is_new(&why) {
            log::warn!("cluster: {what}: {why}");
        }
    }

    /// Notes a failure. Whether there was a different one before it, or none.
    pub(super) fn is_new(&self, why: &str) -> bool {
        let mut last = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = last.as_deref() != Some(why);
        *last = Some(why.into());
        is_new
    }

    /// Notes a success.
    pub(super) fn end(&self) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The last failure, if nothing has succeeded since.
    pub(super) fn why(&self) -> Option<Box<str>> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_failure_is_new_again_after_a_success() {
        let trouble = Trouble::default();
        let news = ["a", "a", "b", "a"].map(|why| trouble.is_new(why));
        assert_eq!(news, [true, false, true, true]);
        assert_eq!(trouble.why().as_deref(), Some("a"));
        trouble.end();
        assert_eq!(trouble.why(), None);
        assert!(trouble.is_new("a"));
    }
}
