//! Lines whose turn has not come: delayed by a rate limit or by the newcomers' wait.
//!
//! *Owns* the queue and its bound.
//! *Knows nothing of* why a line waits.
//! *Called by* `session`.

use std::collections::VecDeque;
use std::time::Instant;

/// Most lines that wait. The rate limits let about forty wait for their three seconds; the rest is for the newcomers'
/// wait, in which a script may send all it has.
const MOST_LINES: usize = 256;

/// What waits.
#[derive(Debug)]
pub(super) enum Waiting {
    Line(String),
    /// 0x04 on an empty line.
    Ended,
}

#[derive(Debug, Default)]
pub(super) struct Pending {
    queue: VecDeque<(Instant, Waiting)>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.queue.len() >= MOST_LINES
    }

    /// When the first one's turn comes.
    pub(super) fn due(&self) -> Option<Instant> {
        self.queue.front().map(|(due, _)| *due)
    }

    /// When the last one's turn comes.
    pub(super) fn last_due(&self) -> Option<Instant> {
        self.queue.back().map(|(due, _)| *due)
    }

    pub(super) fn push(&mut self, due: Instant, waiting: Waiting) {
        self.queue.push_back((due, waiting));
    }

    /// The first one, if its turn has come.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Waiting> {
        if self.due()? > now {
            return None;
        }
        let waiting = self.queue.pop_front().map(|(_, waiting)| waiting);
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        waiting
    }

    pub(super) fn clear(&mut self) {
        self.queue = VecDeque::new();
    }
}
