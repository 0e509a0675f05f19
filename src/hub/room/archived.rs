//! Messages that only the archive on disk has, and messages that are too old to be shown.
//!
//! *Owns* changing and deleting an archived message, and hiding messages that are older than the retention time. *Knows
//! nothing of* how one is found: the caller has read it from the disk.

use std::sync::MutexGuard;
use std::time::Instant;

use super::{Erased, LockedRoom, Room};
use crate::chat::action::{Actor, Denied};
use crate::chat::message::{Message, MessageId};
use crate::chat::permission::Permission;
use crate::chat::room::{Occurrence, Wish};

/// Messages of a room that only the archive has, and that a user may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArchiveRange {
    /// The oldest message in memory.
    pub before: MessageId,
    /// The user may not read messages up to this one.
    pub after: MessageId,
}

impl ArchiveRange {
    /// Whether there may be any.
    pub(crate) fn is_any(self) -> bool {
        self.after.0.saturating_add(1) < self.before.0
    }

    /// Whether a message is in the range.
    pub(crate) fn has(self, id: MessageId) -> bool {
        id > self.after && id < self.before
    }
}

impl Room {
    /// The room's state without messages that are too old to be shown. Every method that shows messages locks this way.
    pub(super) fn lock_to_show(&self, now: Instant) -> MutexGuard<'_, LockedRoom> {
        let since = self.shared.store.as_ref().and_then(|store| store.retention_start());
        let mut state = self.lock();
        if let Some(since) = since.filter(|_| self.recorder(&state).is_some())
            && let Some(change) = state.room.respond(Occurrence::RetentionPassed(since), self.now(now))
        {
            self.carry_out(&mut state, change);
        }
        state
    }

    /// Forgets what is too old to be shown. Called by the timer.
    pub(crate) fn forget_old(&self, now: Instant) {
        drop(self.lock_to_show(now));
    }

    /// The messages before those in memory that this user may read. If none is in memory, that is everything: the bound
    /// is a number that no message has yet.
    pub(crate) fn archived_range(&self, actor: &Actor, now: Instant) -> Option<ArchiveRange> {
        let state = self.lock_to_show(now);
        if !state.room.permits(actor, Permission::Read, self.now(now).at) || !self.has_older(&state) {
            return None;
        }
        let before = state.room.history().oldest().unwrap_or(MessageId(i64::MAX.unsigned_abs()));
        Some(ArchiveRange { before, after: state.room.boundary(actor.who.client) })
    }

    /// Whether there may be messages of it that are no longer in memory.
    fn has_older(&self, state: &LockedRoom) -> bool {
        #[cfg(feature = "cluster")]
        if self.log().is_some() {
            let is_archived = state.room.created().is_none() || state.room.is_kept();
            return is_archived && state.room.said() > state.room.history_max() as u64;
        }
        self.recorder(state).is_some()
    }

    /// Edits an archived message.
    pub(crate) fn edit_archived(
        &self,
        actor: &Actor,
        message: &Message,
        text: &str,
        now: Instant,
    ) -> Result<Erased, Denied> {
        let wish = Wish::EditArchived { message: Box::new(message.clone()), text: text.into() };
        self.change_message(self.lock(), actor, wish, message.id, now)
    }

    /// Deletes an archived message.
    pub(crate) fn delete_archived(&self, actor: &Actor, message: &Message, now: Instant) -> Result<Erased, Denied> {
        let wish = Wish::DeleteArchived(Box::new(message.clone()));
        self.change_message(self.lock(), actor, wish, message.id, now)
    }
}
