//! What is shown live of messages that a reader may not read: nothing, not even where they are edited or quoted.
//!
//! *Owns* how far back the reader of an open view may read.
//! *Knows nothing of* why: that is the room's.
//! *Called by* `room` under its lock, and `outbox` for what a delivery brings.

use std::sync::Arc;

use super::{Batch, Outbox, State};
use crate::chat::message::{MessageId, Sequenced};

impl Outbox {
    /// In the open view of a room this person may read nothing that was said up to this message, not even where it is
    /// edited or quoted. Called under the room's lock.
    pub fn set_read_limit(&self, after: MessageId) {
        if let Some(view) = &mut self.lock().view {
            view.after = after;
        }
    }

    /// Writes of what is new what this person may read.
    #[inline(never)]
    pub(super) fn write_bounded(
        &self,
        state: &mut State,
        batch: &Batch<'_>,
        fresh: std::ops::Range<usize>,
        after: MessageId,
    ) -> bool {
        let readable = |Sequenced { sequence, event }: &Sequenced| {
            Some(Sequenced { sequence: *sequence, event: event.after(after)? })
        };
        let events: Vec<_> = batch.events(fresh).iter().filter_map(readable).collect();
        let mut bounded = Batch::new(batch.room(), Arc::clone(batch.prompt()), &events, batch.clock());
        self.write_fresh(state, &mut bounded, 0..events.len())
    }
}
