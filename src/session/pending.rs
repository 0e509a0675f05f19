//! Lines whose turn has not come: delayed by a rate limit or by the newcomers' wait.
//!
//! *Owns* the queue and its bounds.
//! *Knows nothing of* why a line waits.
//! *Called by* `session`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::access::allowance::{Allowance, Share};
use crate::chat::message::ClientId;
use crate::ui::command::Cost;

/// Most lines that wait. The rate limits let about forty wait for their three seconds; the rest is for the newcomers'
/// wait, in which a script may send all it has. Their bytes are bounded by an [`Allowance`], which all connections share.
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

impl Waiting {
    /// What it takes until its turn comes, in bytes.
    fn bytes(&self) -> usize {
        let text = match self {
            Waiting::Line { text, .. } => text.len(),
            Waiting::Interrupted | Waiting::Ended => 0,
        };
        size_of::<PendingLine>() + text
    }
}

#[derive(Debug)]
struct PendingLine {
    due: Instant,
    waiting: Waiting,
    held: Share<ClientId>,
}

/// What has been taken out: it holds its bytes until it is run.
pub(super) type DueLine = (Waiting, Share<ClientId>);

#[derive(Debug)]
pub(super) struct Pending {
    queue: VecDeque<PendingLine>,
    allowance: Arc<Allowance<ClientId>>,
    client: ClientId,
}

impl Pending {
    /// The lines of one connection, none yet.
    pub(super) fn new(allowance: Arc<Allowance<ClientId>>, client: ClientId) -> Pending {
        Pending { queue: VecDeque::new(), allowance, client }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// When the first one's turn comes.
    pub(super) fn due(&self) -> Option<Instant> {
        self.queue.front().map(|entry| entry.due)
    }

    /// When the last one's turn comes.
    pub(super) fn last_due(&self) -> Option<Instant> {
        self.queue.back().map(|entry| entry.due)
    }

    /// Appends; false if there is no room, here or among what waits for all connections.
    pub(super) fn push(&mut self, due: Instant, waiting: Waiting) -> bool {
        if self.queue.len() >= MOST_LINES {
            return false;
        }
        let Some(held) = self.allowance.take(self.client, waiting.bytes()) else { return false };
        self.queue.push_back(PendingLine { due, waiting, held });
        true
    }

    /// Puts one back to the head: its turn comes later than thought.
    pub(super) fn push_back_to_head(&mut self, due: Instant, (waiting, held): DueLine) {
        self.queue.push_front(PendingLine { due, waiting, held });
    }

    /// The first one, if its turn has come.
    pub(super) fn pop(&mut self, now: Instant) -> Option<DueLine> {
        if self.due()? > now {
            return None;
        }
        let taken = self.queue.pop_front().map(|entry| (entry.waiting, entry.held));
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        taken
    }

    pub(super) fn clear(&mut self) {
        self.queue = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 64 * 1024;

    fn line(bytes: usize, now: Instant) -> Waiting {
        Waiting::Line { text: "x".repeat(bytes), charged: Cost::Free, typed: now }
    }

    #[test]
    fn lines_that_wait_take_no_more_than_their_bytes_whatever_their_number() {
        let now = Instant::now();
        let allowance = Allowance::new(LIMIT, 8 * LIMIT);
        let mut pending = Pending::new(Arc::clone(&allowance), ClientId(1));
        let taken = (0..MOST_LINES).take_while(|_| pending.push(now, line(8192, now))).count();
        assert_eq!(taken, 7);
        assert!(allowance.held() <= LIMIT);
        // Short lines and keys still fit, up to their number.
        let short = (0..MOST_LINES).take_while(|_| pending.push(now, line(2, now))).count();
        assert!(short > 10 && allowance.held() <= LIMIT, "{short}");
        assert!(!pending.push(now, line(8192, now)));
        let first = pending.pop(now).expect("due");
        assert!(!pending.push(now, line(8192, now)), "it is being run");
        drop(first);
        assert!(pending.push(now, line(8192, now)));
        pending.clear();
        assert_eq!(allowance.held(), 0);
    }

    #[test]
    fn what_is_put_back_to_the_head_is_counted_once_and_comes_first() {
        let now = Instant::now();
        let allowance = Allowance::new(LIMIT, 8 * LIMIT);
        let mut pending = Pending::new(Arc::clone(&allowance), ClientId(1));
        assert!(pending.push(now, line(100, now)) && pending.push(now, Waiting::Ended));
        let held = allowance.held();
        let first = pending.pop(now).expect("due");
        pending.push_back_to_head(now, first);
        assert_eq!(allowance.held(), held);
        assert!(matches!(pending.pop(now), Some((Waiting::Line { .. }, _))));
        assert!(matches!(pending.pop(now), Some((Waiting::Ended, _))));
        drop(pending);
        assert_eq!(allowance.held(), 0);
    }

    #[test]
    fn connections_that_hold_all_they_can_leave_room_for_who_waits_with_a_short_line() {
        let now = Instant::now();
        let allowance = Allowance::new(LIMIT, 64 * LIMIT);
        let mut all: Vec<_> = (0..200).map(|id| Pending::new(Arc::clone(&allowance), ClientId(id))).collect();
        for pending in &mut all {
            while pending.push(now, line(8000, now)) {}
        }
        assert!(allowance.held() <= 64 * LIMIT);
        let mut late = Pending::new(Arc::clone(&allowance), ClientId(1000));
        assert!(late.push(now, line(100, now)));
    }
}
