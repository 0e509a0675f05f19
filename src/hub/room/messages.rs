//! What is said in a room: posted, changed, erased, found.
//!
//! *Owns* the room's history, and what of it is told to its viewers.
//! *Knows nothing of* how a text was typed.
//! *Called by* `session` and the timer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{GATHER_ABOVE, Room, State};
use crate::chat::action::{Actor, Denied};
use crate::chat::history::Changed;
use crate::chat::identity::Identity;
use crate::chat::message::{Draft, Event, Message, MessageId, Quoted};
use crate::chat::permission::{Context, Permission, Role};
use crate::outbox::Outbox;

/// An erasure or an edit that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Which message.
    pub id: MessageId,
    /// Views may have to be drawn anew later: [`Room::redraw_views`] is due after
    /// a second, and nobody has been asked to call it yet.
    pub redraw_due: bool,
}

impl Room {
    /// Says something. It is in the history and in everybody's order when this returns, and on the screens once somebody
    /// has driven the room: the caller does, at the latest before it waits for anything.
    pub fn post(
        self: &Arc<Self>,
        actor: &Actor,
        draft: Draft,
        at: Timestamp,
        now: Instant,
    ) -> Result<MessageId, Denied> {
        let mut state = self.wait_for_space(draft.text.len());
        state.may_post(self, actor, &draft, now)?;
        let client = actor.who.client;
        let Some(member) = state.members.get_mut(&client) else { return Err(Denied::NotIn(self.name.clone())) };
        member.posted = Some(now);
        let (author, account) = (member.who.name.clone(), member.who.account);
        // Under the room's lock, so that numbers grow along the order in which the room sees the messages.
        let id = self.shared.next_message();
        let mut message = Message::new(id, at, author, client, draft, Box::default()).of_account(account);
        if message.extra.is_some() {
            state.history.note_answered(&mut message);
        }
        self.record_said(&state, &message);
        let event = state.append(Event::Said(message));
        state.said += 1;
        state.newest = Some(id);
        let keep = self.shared.history_max.load(Ordering::Relaxed);
        state.history.push(event, keep);
        Ok(id)
    }

    /// Shows the last `count` messages on a member's screen; how many there were, and whether any of them is to be seen.
    /// Under the lock, so that nothing erased meanwhile is shown after it was told to be gone.
    pub fn show_history(&self, actor: &Actor, count: usize, outbox: &Outbox, now: Instant) -> (usize, bool) {
        let state = self.lock_to_show();
        if !state.permits(actor, Permission::Read, state.case(), now) {
            return (0, false);
        }
        let events = state.last_readable(actor.who.client, count);
        (events.len(), !events.is_empty() && outbox.tell_events(&events, &mut self.clock.clone()))
    }

    /// The last `count` messages, oldest first; nothing for who may not read here.
    pub fn history(&self, actor: &Actor, count: usize, now: Instant) -> Vec<Arc<Event>> {
        let state = self.lock_to_show();
        let permitted = state.permits(actor, Permission::Read, state.case(), now);
        if permitted { state.last_readable(actor.who.client, count) } else { Vec::new() }
    }

    /// What an answer to a message quotes of it; nothing if it is not here, or not for him to read.
    pub fn quote(&self, actor: &Actor, id: MessageId, now: Instant) -> Option<Quoted> {
        let state = self.lock_to_show();
        let readable =
            state.permits(actor, Permission::Read, state.case(), now) && id > state.boundary(actor.who.client);
        readable.then(|| state.history.find(id).map(Quoted::of)).flatten()
    }

    /// Whether a message is here and this person's own.
    pub fn is_by(&self, actor: &Actor, id: MessageId, now: Instant) -> bool {
        self.lock().own(actor, id, now) == Some(true)
    }

    /// The last message of a person here.
    pub fn last_by(&self, who: &Identity) -> Option<MessageId> {
        let state = self.lock_to_show();
        let after = state.boundary(who.client);
        state.history.last_by(who.client, who.account).map(|message| message.id).filter(|id| *id > after)
    }

    /// Gives a message another text. `None` if it is not here, or not for him to read.
    pub fn edit(&self, actor: &Actor, id: MessageId, text: &str, now: Instant) -> Option<Result<Erased, Denied>> {
        let mut state = self.lock_to_show();
        let own = match state.own(actor, id, now).filter(|_| id > state.boundary(actor.who.client))? {
            own if state.permits(actor, Permission::Edit, Context { own, ..state.case() }, now) => own,
            false => return Some(Err(Denied::NotYours)),
            true => return Some(Err(state.silence(self, actor, now))),
        };
        debug_assert!(own, "only one's own can be edited");
        // A slow room would be no slower for somebody who says everything in one message that he edits.
        if let Err(slow) = state.keep_slow(self, actor, now) {
            return Some(Err(slow));
        }
        let Changed { message, requoted, .. } = state.history.edit(id, text)?;
        self.record_edited(&state, id, text);
        if let Some(member) = state.members.get_mut(&actor.who.client) {
            member.posted = Some(now);
        }
        let redraw = state.redraws();
        state.append(Event::Edited { message: message?, requoted, redraw });
        Some(Ok(state.erased(id)))
    }

    /// Takes a message out. `None` if it is not here, or not for him to read.
    pub fn delete(&self, actor: &Actor, id: MessageId, now: Instant) -> Option<Result<Erased, Denied>> {
        let mut state = self.lock_to_show();
        let own = state.own(actor, id, now)?;
        if !state.permits(actor, Permission::Delete, Context { own, ..state.case() }, now) {
            return Some(Err(Denied::NotYours));
        }
        self.record_erased(&state, id);
        let changed = state.history.erase(id)?;
        Some(Ok(state.tell_erased(id, format!("{id} was deleted by {}", actor.who.name), Some(actor), changed)))
    }

    /// A temporary message's time is over. `None` if it was deleted before. Called by the timer.
    pub fn expire(&self, id: MessageId) -> Option<Erased> {
        let mut state = self.lock();
        let changed = state.history.expire(id)?;
        Some(state.tell_erased(id, format!("{id} expired"), None, changed))
    }

    /// Draws views anew that had to wait for it. True if one has to wait still, and this is to be called again. Called by
    /// the timer.
    pub fn redraw_views(&self) -> bool {
        let mut state = self.lock();
        state.redraw_due = false;
        // What has not reached the screens yet has asked for nothing there, and nobody else will come back for it.
        let in_flight = state.in_flight.iter().flat_map(|events| events.iter());
        let undelivered = state.queue.iter().chain(in_flight).any(|queued| queued.event.redraws());
        let viewers = state.viewers();
        drop(state);
        let waiting =
            viewers.iter().fold(undelivered, |waiting, outbox| outbox.redraw_if_due(self.clock.clone()) | waiting);
        waiting && !std::mem::replace(&mut self.lock().redraw_due, true)
    }
}

impl State {
    fn may_post(&self, room: &Room, actor: &Actor, draft: &Draft, now: Instant) -> Result<(), Denied> {
        if self.closed || !self.members.contains_key(&actor.who.client) {
            return Err(Denied::NotIn(room.name.clone()));
        }
        if !self.permits(actor, Permission::Post, self.case(), now) {
            return Err(self.silence(room, actor, now));
        }
        self.keep_slow(room, actor, now)?;
        if draft.lasts.is_some() && !self.history.takes_temporary(actor.who.client) {
            return Err(Denied::TooManyTemporary);
        }
        Ok(())
    }

    /// How long somebody is silenced.
    pub(super) fn silence(&self, room: &Room, actor: &Actor, now: Instant) -> Denied {
        let until = self.order.muted(&actor.who, now).flatten();
        Denied::Muted(room.name.clone(), until.map(|until| until.saturating_duration_since(now)))
    }

    /// Whether it is his turn in a slow room. Admins are not slowed: they have to be able to answer.
    pub(super) fn keep_slow(&self, room: &Room, actor: &Actor, now: Instant) -> Result<(), Denied> {
        if self.slow == Duration::ZERO || self.role(actor, now) >= Role::Admin {
            return Ok(());
        }
        let posted = self.members.get(&actor.who.client).and_then(|member| member.posted);
        let until = posted.map(|at| at + self.slow).max(self.order.rested(&actor.who, now));
        let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        if left.is_zero() { Ok(()) } else { Err(Denied::Slow(room.name.clone(), left)) }
    }

    /// Whether a message is his; `None` if it is not here, or neither his nor for him to read.
    fn own(&self, actor: &Actor, id: MessageId, now: Instant) -> Option<bool> {
        let permitted = self.permits(actor, Permission::Read, self.case(), now);
        let Identity { client, account, .. } = actor.who;
        let own = self.history.find(id).filter(|_| permitted).map(|message| message.is_by(client, account))?;
        (own || id > self.boundary(client)).then_some(own)
    }

    /// Above so many people in view the line alone tells of an erasure: a screen drawn anew costs as much as twenty lines.
    pub(super) fn redraws(&self) -> bool {
        self.in_view <= GATHER_ABOVE
    }

    fn tell_erased(&mut self, id: MessageId, news: String, by: Option<&Actor>, changed: Changed) -> Erased {
        let redraw = self.redraws();
        let Changed { author, requoted, .. } = changed;
        let people = author.into_iter().chain(by.map(|actor| actor.who.addressee())).collect();
        self.flush_gathered();
        self.append(Event::Erased { id, news: news.into(), people, requoted, redraw });
        self.erased(id)
    }

    pub(super) fn erased(&mut self, id: MessageId) -> Erased {
        let redraw_due = self.redraws() && !std::mem::replace(&mut self.redraw_due, true);
        Erased { id, redraw_due }
    }
}
