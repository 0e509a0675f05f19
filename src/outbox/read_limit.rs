//! Hides messages that a user may not read from the live view, even where they are edited or quoted.
//!
//! *Owns* how far back the user of an open view may read. *Knows nothing of* why: the room decides.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

use std::sync::Arc;

use super::{Batch, Outbox, OutboxState};
use crate::chat::message::{MessageId, Sequenced};

impl Outbox {
    /// The user may read nothing up to this message in the view of this room, even where it is edited or quoted. Called under the
    /// room's lock.
    pub(crate) fn set_read_limit(&self, room: u64, after: MessageId) {
        if let Some(view) = self.lock().watching.view_mut(room) {
            view.after = after;
        }
    }

    /// Writes the new events, as far as the user may read them.
    #[inline(never)]
    pub(super) fn write_readable(
        &self,
        state: &mut OutboxState,
        batch: &Batch<'_>,
        fresh: std::ops::Range<usize>,
        after: MessageId,
    ) -> bool {
        let readable = |Sequenced { sequence, event }: &Sequenced| {
            Some(Sequenced { sequence: *sequence, event: event.after(after)? })
        };
        let events: Vec<_> = batch.events(fresh).iter().filter_map(readable).collect();
        let mut bounded = Batch::new(batch.id(), Arc::clone(batch.prompt()), &events, batch.clock());
        self.write_fresh(state, &mut bounded, 0..events.len())
    }
}
