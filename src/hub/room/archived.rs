//! What was said in a room before what memory holds, and what is too old to be there.
//!
//! *Owns* changing and erasing such a message, and what viewers hear of it; and that no message older than its retention is
//! shown.
//! *Knows nothing of* how it is found: whoever calls has read it from the disk.
//! *Called by* `session`, the timer, and `room` itself before it shows anything.

use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use jiff::Timestamp;

use super::{Erased, Room, State};
use crate::chat::action::{Actor, Denied};
use crate::chat::message::{Event, Message, MessageId};
use crate::chat::permission::{Context, Permission};

/// Messages of a room that only the disk has, and that a user may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveRange {
    /// Memory holds this one and what came after it.
    pub before: MessageId,
    /// The user may read nothing up to this one.
    pub after: MessageId,
}

impl ArchiveRange {
    /// Whether there may be any.
    pub fn is_any(self) -> bool {
        self.after.0.saturating_add(1) < self.before.0
    }

    /// Whether a message is one of them.
    pub fn has(self, id: MessageId) -> bool {
        id > self.after && id < self.before
    }
}

impl Room {
    /// The room's state without messages that are too old to be shown. Every method that shows messages locks this way.
    pub(super) fn lock_to_show(&self) -> MutexGuard<'_, State> {
        let since = self.shared.store.as_ref().and_then(|store| store.retention_start());
        let mut state = self.lock();
        if let Some(since) = since.filter(|_| self.recorder(&state).is_some()) {
            state.forget_before(since);
        }
        state
    }

    /// Forgets what is too old to be shown. Called by the timer.
    pub fn forget_old(&self) {
        drop(self.lock_to_show());
    }

    /// What was said before what memory holds, if it can be read at all, and by him. Where nothing is in memory it is all
    /// before a number that no message has yet.
    pub fn older_than(&self, actor: &Actor, now: Instant) -> Option<ArchiveRange> {
        let state = self.lock_to_show();
        if !state.permits(actor, Permission::Read, state.case(), now) || self.recorder(&state).is_none() {
            return None;
        }
        let before = state.history.oldest().unwrap_or(MessageId(i64::MAX.unsigned_abs()));
        Some(ArchiveRange { before, after: state.boundary(actor.who.client) })
    }

    /// Gives an older message another text.
    pub fn edit_older(&self, actor: &Actor, message: &Message, text: &str, now: Instant) -> Result<Erased, Denied> {
        let mut state = self.lock();
        state.may_change(self, actor, Permission::Edit, message, now)?;
        state.keep_slow(self, actor, now)?;
        self.record_edited(&state, message.id, text);
        if let Some(member) = state.members.get_mut(&actor.who.client) {
            member.posted = Some(now);
        }
        let requoted = state.history.requote(message.id, Some(text));
        let redraw = state.redraws();
        state.append(Event::Edited { message: Arc::new(Event::Said(message.edited(text))), requoted, redraw });
        Ok(state.erased(message.id))
    }

    /// Takes an older message out.
    pub fn delete_older(&self, actor: &Actor, message: &Message, now: Instant) -> Result<Erased, Denied> {
        let mut state = self.lock();
        state.may_change(self, actor, Permission::Delete, message, now)?;
        self.record_erased(&state, message.id);
        let requoted = state.history.requote(message.id, None);
        let (id, redraw) = (message.id, state.redraws());
        let news = format!("{id} was deleted by {}", actor.who.name).into();
        let people = [message.addressee(), actor.who.addressee()].into();
        state.flush_gathered();
        state.append(Event::Erased { id, news, people, requoted, redraw });
        Ok(state.erased(id))
    }
}

impl State {
    fn forget_before(&mut self, since: Timestamp) {
        let gone = self.history.forget_before(since);
        if !gone.is_empty() {
            self.viewers().iter().for_each(|outbox| outbox.forget_on_screen(&gone));
        }
    }

    fn may_change(
        &self,
        room: &Room,
        actor: &Actor,
        deed: Permission,
        message: &Message,
        now: Instant,
    ) -> Result<(), Denied> {
        if !self.permits(actor, Permission::Read, self.case(), now) {
            return Err(Denied::NoMessage);
        }
        let own = message.is_by(actor.who.client, actor.who.account);
        match self.permits(actor, deed, Context { own, ..self.case() }, now) {
            true => Ok(()),
            // One's own can always be taken out: it is the words that are not allowed.
            false if own => Err(self.silence(room, actor, now)),
            false => Err(Denied::NotYours),
        }
    }
}
