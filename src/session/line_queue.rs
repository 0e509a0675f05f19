//! Lines that wait to run, delayed by a rate limit or by the newcomers' wait.
//!
//! *Owns* the queue and its bounds.
//! *Knows nothing of* why a line waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

#[cfg(feature = "json")]
use super::failure::Failure;
use crate::access::allowance::{Allowance, Share};
use crate::chat::message::ClientId;
use crate::ui::command::Cost;
use crate::ui::palette::ControlKey;

/// Most lines in the queue. The rate limits let about forty wait for up to three seconds; the rest is for the
/// newcomers' wait, in which a script may send all it has. An [`Allowance`] that all connections share bounds their
/// bytes.
const MOST_LINES: usize = 256;

/// Something typed that waits to run.
#[derive(Debug)]
pub(super) enum Waiting {
    Line {
        text: String,
        /// What it was charged when typed. If it turns out to cost more, the difference is charged later.
        charged: Cost,
        /// When it was typed, or could have been.
        typed: Instant,
    },
    /// A key whose effect has to wait for the lines before it.
    Key(ControlKey),
    /// A program's request that has failed. Its answer comes after those to the requests before it. Boxed, like the
    /// texts.
    #[cfg(feature = "json")]
    Failed(Box<Failure>),
}

impl Waiting {
    /// The memory it takes while it waits, in bytes.
    fn bytes(&self) -> usize {
        let text = match self {
            Waiting::Line { text, .. } => text.len(),
            Waiting::Key(_) => 0,
            #[cfg(feature = "json")]
            Waiting::Failed(failure) => failure.bytes(),
        };
        size_of::<QueuedLine>() + text
    }
}

#[derive(Debug)]
struct QueuedLine {
    due: Instant,
    waiting: Waiting,
    held: Share<ClientId>,
}

/// A line taken out of the queue. Its share of the allowance is held until it has run.
pub(super) type DueLine = (Waiting, Share<ClientId>);

/// The lines of one connection that wait, in the order they were typed.
#[derive(Debug)]
pub(super) struct LineQueue {
    queue: VecDeque<QueuedLine>,
    allowance: Arc<Allowance<ClientId>>,
    client: ClientId,
}

impl LineQueue {
    pub(super) fn new(allowance: Arc<Allowance<ClientId>>, client: ClientId) -> LineQueue {
        LineQueue { queue: VecDeque::new(), allowance, client }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// When the first line may run.
    pub(super) fn due(&self) -> Option<Instant> {
        self.queue.front().map(|entry| entry.due)
    }

    /// When the last line may run.
    pub(super) fn last_due(&self) -> Option<Instant> {
        self.queue.back().map(|entry| entry.due)
    }

    /// Appends. False if this queue is full, or the allowance that all connections share is used up.
    pub(super) fn push(&mut self, due: Instant, waiting: Waiting) -> bool {
        if self.queue.len() >= MOST_LINES {
            return false;
        }
        let Some(held) = self.allowance.take(self.client, waiting.bytes()) else { return false };
        self.queue.push_back(QueuedLine { due, waiting, held });
        true
    }

    /// Puts a line back at the front, since it may only run later.
    pub(super) fn return_to_front(&mut self, due: Instant, (waiting, held): DueLine) {
        self.queue.push_front(QueuedLine { due, waiting, held });
    }

    /// The first line, if it may run by now.
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

    /// Whether there is no room in the queue for something of this many bytes.
    #[cfg(feature = "json")]
    pub(super) fn is_full_for(&self, bytes: usize) -> bool {
        let bytes = size_of::<QueuedLine>() + bytes;
        !self.queue.is_empty() && (self.queue.len() >= MOST_LINES || self.allowance.take(self.client, bytes).is_none())
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
    fn waiting_lines_take_no_more_than_their_bytes_whatever_their_number() {
        let now = Instant::now();
        let allowance = Allowance::new(LIMIT, 8 * LIMIT);
        let mut queue = LineQueue::new(Arc::clone(&allowance), ClientId(1));
        let taken = (0..MOST_LINES).take_while(|_| queue.push(now, line(8192, now))).count();
        assert_eq!(taken, 7);
        assert!(allowance.held() <= LIMIT);
        // Short lines and keys still fit, up to their number.
        let short = (0..MOST_LINES).take_while(|_| queue.push(now, line(2, now))).count();
        assert!(short > 10 && allowance.held() <= LIMIT, "{short}");
        assert!(!queue.push(now, line(8192, now)));
        let first = queue.pop(now).expect("due");
        assert!(!queue.push(now, line(8192, now)), "the first one is still running");
        drop(first);
        assert!(queue.push(now, line(8192, now)));
        queue.clear();
        assert_eq!(allowance.held(), 0);
    }

    #[test]
    fn a_line_put_back_at_the_front_is_counted_once_and_comes_first() {
        let now = Instant::now();
        let allowance = Allowance::new(LIMIT, 8 * LIMIT);
        let mut queue = LineQueue::new(Arc::clone(&allowance), ClientId(1));
        assert!(queue.push(now, line(100, now)) && queue.push(now, Waiting::Key(ControlKey::End)));
        let held = allowance.held();
        let first = queue.pop(now).expect("due");
        queue.return_to_front(now, first);
        assert_eq!(allowance.held(), held);
        assert!(matches!(queue.pop(now), Some((Waiting::Line { .. }, _))));
        assert!(matches!(queue.pop(now), Some((Waiting::Key(ControlKey::End), _))));
        drop(queue);
        assert_eq!(allowance.held(), 0);
    }

    #[test]
    fn connections_that_hold_all_they_can_leave_room_for_a_short_line_of_another() {
        let now = Instant::now();
        let allowance = Allowance::new(LIMIT, 64 * LIMIT);
        let mut all: Vec<_> = (0..200).map(|id| LineQueue::new(Arc::clone(&allowance), ClientId(id))).collect();
        for queue in &mut all {
            while queue.push(now, line(8000, now)) {}
        }
        assert!(allowance.held() <= 64 * LIMIT);
        let mut late = LineQueue::new(Arc::clone(&allowance), ClientId(1000));
        assert!(late.push(now, line(100, now)));
    }
}
