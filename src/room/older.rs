//! What was said in a room before what memory holds.
//!
//! *Owns* changing and erasing such a message, and what of it is told to the viewers.
//! *Knows nothing of* how it is found: whoever calls has read it from the disk.
//! *Called by* `session`.

use std::sync::Arc;
use std::time::Instant;

use super::{Erased, Room, State};
use crate::deed::{Actor, Denied};
use crate::message::{Event, Message, MessageId};
use crate::permission::{Case, Deed};

impl Room {
    /// The oldest message in memory, if what was said before it can be read at all, and by him. Where nothing is in memory:
    /// a number that no message has yet.
    pub fn older_than(&self, actor: &Actor, now: Instant) -> Option<MessageId> {
        let state = self.lock();
        if !state.permits(actor, Deed::Read, state.case(), now) || self.recorder(&state).is_none() {
            return None;
        }
        Some(state.history.oldest().unwrap_or(MessageId(i64::MAX.unsigned_abs())))
    }

    /// Gives an older message another text.
    pub fn edit_older(&self, actor: &Actor, message: &Message, text: &str, now: Instant) -> Result<Erased, Denied> {
        let mut state = self.lock();
        state.may_change(self, actor, Deed::Edit, message, now)?;
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
        state.may_change(self, actor, Deed::Delete, message, now)?;
        self.record_erased(&state, message.id);
        let requoted = state.history.requote(message.id, None);
        let (id, redraw) = (message.id, state.redraws());
        let news = format!("{id} was deleted by {}", actor.who.name).into();
        state.append(Event::Erased { id, news, requoted, redraw });
        Ok(state.erased(id))
    }
}

impl State {
    fn may_change(
        &self,
        room: &Room,
        actor: &Actor,
        deed: Deed,
        message: &Message,
        now: Instant,
    ) -> Result<(), Denied> {
        if !self.permits(actor, Deed::Read, self.case(), now) {
            return Err(Denied::NoMessage);
        }
        let own = message.is_by(actor.who.client, actor.who.account);
        match self.permits(actor, deed, Case { own, ..self.case() }, now) {
            true => Ok(()),
            // One's own can always be taken out: it is the words that are not allowed.
            false if own => Err(self.silence(room, actor, now)),
            false => Err(Denied::NotYours),
        }
    }
}
