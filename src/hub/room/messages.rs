//! What is said in a room: posted, edited, deleted, looked up.
//!
//! *Owns* a message's way into the room, and what a user is shown of the history. *Knows nothing of* how a text was
//! typed.

use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use jiff::Timestamp;

use super::{GATHER_ABOVE, LockedRoom, Room};
use crate::chat::action::{Actor, Denied, ReadBack};
use crate::chat::identity::Identity;
use crate::chat::message::{AccountId, ClientId, Draft, Event, MessageId, Quoted};
use crate::chat::permission::Permission;
use crate::chat::room::{Occurrence, Wish};
use crate::outbox::Outbox;

/// The result of an erasure or an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Which message.
    pub id: MessageId,
    /// Views may have to be redrawn later: [`Room::redraw_views`] is due after a second, and is not scheduled yet.
    pub(crate) redraw_due: bool,
}

impl Room {
    /// Posts a message. When this returns, it is in the history and its place in the order is fixed. It reaches the
    /// screens once the room has delivered, which the caller has to do before it waits for anything.
    pub(crate) fn post(
        self: &Arc<Self>,
        actor: &Actor,
        draft: Draft,
        at: Timestamp,
        now: Instant,
    ) -> Result<MessageId, Denied> {
        #[cfg(feature = "cluster")]
        if let Some(log) = self.log() {
            return self.propose_post(&**log, actor, &draft, at, now);
        }
        let mut state = self.wait_for_space(draft.text.len());
        let mut change = state.room.decide(actor, Wish::Post { draft, said_at: at }, self.now(now))?;
        // Under the room's lock, so that numbers grow in the order in which the room sees the messages.
        let id = self.shared.next_message();
        change.number(id);
        state.posted.note(now);
        self.carry_out_post(&mut state, change);
        Ok(id)
    }

    /// Shows the last `count` messages on a member's screen. Returns how many there were, and whether any is visible.
    /// Under the lock, so that nothing is shown after a viewer was told that it is gone.
    ///
    /// `behind`: those before this message are already shown. Nothing is shown if later ones have left memory since.
    pub(crate) fn show_history(
        &self,
        actor: &Actor,
        count: usize,
        behind: Option<MessageId>,
        outbox: &Outbox,
        now: Instant,
    ) -> Option<(usize, bool)> {
        let state = self.lock_to_show(now);
        if !state.room.permits(actor, Permission::Read, self.now(now).at) {
            return Some((0, false));
        }
        let oldest = state.room.history().oldest();
        if behind.zip(oldest).is_some_and(|(behind, oldest)| oldest > behind) {
            return None;
        }
        let events = state.room.last_readable(actor.who.client, count);
        let shown =
            !events.is_empty() && outbox.tell_events(&events, Some(self.name.as_str()), &mut self.clock.clone());
        Some((events.len(), shown))
    }

    /// The last `count` messages, oldest first; none for a user who may not read here.
    pub(crate) fn history(&self, actor: &Actor, count: usize, now: Instant) -> Vec<Arc<Event>> {
        let state = self.lock_to_show(now);
        let permitted = state.room.permits(actor, Permission::Read, self.now(now).at);
        if permitted { state.room.last_readable(actor.who.client, count) } else { Vec::new() }
    }

    /// The quote for a reply to a message; `None` if it is not here, or this user may not read it.
    pub(crate) fn quote(&self, actor: &Actor, id: MessageId, now: Instant) -> Option<Quoted> {
        let state = self.lock_to_show(now);
        let permitted = state.room.permits(actor, Permission::Read, self.now(now).at);
        permitted.then(|| state.room.readable_message(actor.who.client, id).map(Quoted::of)).flatten()
    }

    /// Whether a message is here and this user's own.
    pub(crate) fn is_by(&self, actor: &Actor, id: MessageId, now: Instant) -> bool {
        self.lock().room.owns(actor, id, self.now(now).at) == Some(true)
    }

    /// The last message of a user here.
    pub(crate) fn last_by(&self, who: &Identity, now: Instant) -> Option<MessageId> {
        self.lock_to_show(now).room.last_by(who)
    }

    /// How many messages in memory came after one, counting those that the account may read and did not write.
    pub fn said_after(&self, last: MessageId, account: Option<AccountId>, now: Instant) -> u64 {
        let state = self.lock_to_show(now);
        if state.room.read_back() == ReadBack::Nothing {
            return 0;
        }
        let newer = |event: &&Arc<Event>| event.message().is_some_and(|message| message.id > last);
        let others = |event: &&Arc<Event>| !event.message().is_some_and(|m| m.is_by(ClientId::NONE, account));
        let history = state.room.history().last(usize::MAX);
        history.iter().rev().take_while(newer).filter(others).count() as u64
    }

    /// How many messages in memory others have written after one.
    #[cfg(feature = "json")]
    pub(crate) fn said_after_by_others(
        &self,
        last: MessageId,
        client: ClientId,
        account: Option<AccountId>,
        now: Instant,
    ) -> u64 {
        let state = self.lock_to_show(now);
        let history = state.room.history().last(usize::MAX);
        let by_others = |event: &&Arc<Event>| {
            event.message().is_some_and(|message| message.id > last && !message.is_by(client, account))
        };
        history.iter().filter(by_others).count() as u64
    }

    /// Whether messages as old as this one are no longer in memory.
    #[cfg(feature = "json")]
    pub(crate) fn has_lost(&self, id: MessageId, now: Instant) -> bool {
        !self.lock_to_show(now).room.history().reaches_back_to(MessageId(id.0.saturating_sub(1)))
    }

    /// Edits a message.
    pub(crate) fn edit(&self, actor: &Actor, id: MessageId, text: &str, now: Instant) -> Result<Erased, Denied> {
        #[cfg(feature = "cluster")]
        if let Some(log) = self.log() {
            return self.propose_message_change(&**log, actor, &Wish::Edit { id, text: text.into() }, id, now);
        }
        self.change_message(self.lock_to_show(now), actor, Wish::Edit { id, text: text.into() }, id, now)
    }

    pub(crate) fn delete(&self, actor: &Actor, id: MessageId, now: Instant) -> Result<Erased, Denied> {
        #[cfg(feature = "cluster")]
        if let Some(log) = self.log() {
            return self.propose_message_change(&**log, actor, &Wish::Delete(id), id, now);
        }
        self.change_message(self.lock_to_show(now), actor, Wish::Delete(id), id, now)
    }

    pub(super) fn change_message(
        &self,
        mut state: MutexGuard<'_, LockedRoom>,
        actor: &Actor,
        wish: Wish,
        id: MessageId,
        now: Instant,
    ) -> Result<Erased, Denied> {
        let change = state.room.decide(actor, wish, self.now(now))?;
        self.carry_out(&mut state, change);
        Ok(state.erased(id))
    }

    /// Expires a temporary message. `None` if it was deleted before. Called by the timer.
    pub(crate) fn expire(&self, id: MessageId, now: Instant) -> Option<Erased> {
        #[cfg(feature = "cluster")]
        if let Some(log) = self.log() {
            return self.propose_expiry(&**log, id, now);
        }
        let mut state = self.lock();
        let change = state.room.respond(Occurrence::Expired(id), self.now(now))?;
        let before = state.sequence;
        self.carry_out(&mut state, change);
        (state.sequence > before).then(|| state.erased(id))
    }

    /// Redraws views that had to wait. True if one still has to wait, and this has to be called again. Called by the
    /// timer.
    pub(crate) fn redraw_views(&self) -> bool {
        let mut state = self.lock();
        state.redraw_due = false;
        // Events that have not reached the screens yet have not requested a redraw there, so check them here.
        let in_flight = state.in_flight.iter().flat_map(|events| events.iter());
        let undelivered = state.queue.iter().chain(in_flight).any(|queued| queued.event.redraws());
        let viewers = state.viewers();
        drop(state);
        let waiting =
            viewers.iter().fold(undelivered, |waiting, outbox| outbox.redraw_if_due(self.clock.clone()) | waiting);
        waiting && !std::mem::replace(&mut self.lock().redraw_due, true)
    }
}

impl LockedRoom {
    /// Whether screens are redrawn. With many viewers, an erasure is only announced by a line: redrawing a screen costs
    /// as much as twenty lines.
    pub(super) fn redraws(&self) -> bool {
        self.in_view <= GATHER_ABOVE
    }

    fn erased(&mut self, id: MessageId) -> Erased {
        let redraw_due = self.redraws() && !std::mem::replace(&mut self.redraw_due, true);
        Erased { id, redraw_due }
    }
}
