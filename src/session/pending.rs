//! Lines whose turn has not come: delayed by a rate limit or by the newcomers' wait.
//!
//! *Owns* the queue and its bound.
//! *Knows nothing of* why a line waits.
//! *Called by* `session`.

use std::collections::VecDeque;
use std::time::Instant;

use crate::command::Cost;

/// Most lines that wait. The rate limits let about forty wait for their three seconds; the rest is for the newcomers'
/// wait, in which a script may send all it has.
const MOST_LINES: usize = 256;

/// What waits.
#[derive(Debug)]
pub(super) enum Waiting {
    Line {
        text: String,
        /// What it was charged when it was typed. Where it turns out to be something dearer, it is charged then.
        charged: Cost,
        /// When it was typed, or could have been.
        typed: Instant,
    },
    /// 0x03.
    Interrupted,
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

    /// When the first one's turn comes.
    pub(super) fn due(&self) -> Option<Instant> {
        self.queue.front().map(|(due, _)| *due)
    }

    /// When the last one's turn comes.
    pub(super) fn last_due(&self) -> Option<Instant> {
        self.queue.back().map(|(due, _)| *due)
    }

    /// Appends; false if there is no room.
    pub(super) fn push(&mut self, due: Instant, waiting: Waiting) -> bool {
        let room = self.queue.len() < MOST_LINES;
        if room {
            self.queue.push_back((due, waiting));
        }
        room
    }

    /// Puts one back to the head: its turn comes later than thought.
    pub(super) fn push_back_to_head(&mut self, due: Instant, waiting: Waiting) {
        self.queue.push_front((due, waiting));
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
