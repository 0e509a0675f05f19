//! The events of a room that wait for the next round of delivery.
//!
//! *Owns* their order, and how long the queue is in bytes. *Knows nothing of* delivery.

use std::sync::Arc;

use super::LockedRoom;
use crate::chat::message::{Event, Sequenced};

/// How much longer an object is than a line on a terminal, in bytes: field names, the whole time, the room.
pub(super) const OBJECT_LONGER: usize = 128;

impl LockedRoom {
    /// Queues the batched news before an event that cannot wait, so that nobody sees `bob was kicked` before `bob
    /// joined`.
    pub(super) fn flush_presence(&mut self) {
        if self.digest.is_due() {
            self.queue_presence();
        }
    }

    /// Not inlined: it is rarely needed, and arrivals are announced deep in a session's call stack.
    #[inline(never)]
    fn queue_presence(&mut self) {
        for event in self.digest.take() {
            self.append(Arc::new(event));
        }
    }

    /// Gives an event its place in the order. The next round delivers it.
    #[inline]
    pub(super) fn append(&mut self, event: Arc<Event>) {
        self.sequence += 1;
        self.queue_bytes += event.weight() + if self.has_programs { OBJECT_LONGER } else { 0 };
        self.queue.push(Sequenced { sequence: self.sequence, event });
    }

    /// What was queued last, if it was a sentence.
    pub(super) fn last_news(&self) -> String {
        match self.queue.last().map(|queued| &*queued.event) {
            Some(Event::Happened { news, .. } | Event::Erased { news, .. }) => news.to_string(),
            Some(Event::Said(_) | Event::Edited { .. }) | None => String::new(),
        }
    }
}
