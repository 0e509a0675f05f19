//! Conversations of two.
//!
//! A conversation lies between two connections, not two names: who has left and whoever takes his name afterwards are
//! different people. It begins with the first message, or when one of them opens it, and ends when either leaves.
//!
//! *Owns* who talks with whom, what they have said, and that both see it in the same order.
//! *Knows nothing of* how a message was typed.
//! *Called by* `session` and the timer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::chat::action::Denied;
use crate::chat::conversation::Conversation;
use crate::chat::history::{Changed, History};
use crate::chat::identity::Target;
use crate::chat::message::{ClientId, Draft, Event, Message, MessageId, Quoted};
use crate::hub::roster::User;
use crate::outbox::{Outbox, OwnCopy};
use crate::ui::screen::{Clock, Prompt};

/// Messages kept per conversation.
const KEPT: usize = 200;

/// Most conversations that one person may have begun. Each takes 800 KB at the very most, two hundred of the longest
/// messages; and whoever begins more at once is no person.
const MOST: usize = 256;

struct State {
    history: History,
    ended: bool,
}

impl State {
    fn may_post(&self, from: ClientId, partner: &User, temporary: bool) -> Result<(), Denied> {
        if self.ended {
            return Err(Denied::NotOnline(Target { name: partner.name(), client: None }));
        }
        if temporary && !self.history.takes_temporary(from) { Err(Denied::TooManyTemporary) } else { Ok(()) }
    }
}

/// One conversation.
pub struct DirectChat {
    /// The first one has begun it.
    people: [Arc<User>; 2],
    /// Rank 2 of 4, like a room's: guards the history and the order in which both see it. Both outboxes are written to
    /// under it, one after the other, which never waits.
    state: Mutex<State>,
}

impl DirectChat {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The other one.
    pub fn partner(&self, client: ClientId) -> &Arc<User> {
        let [one, other] = &self.people;
        if one.client() == client { other } else { one }
    }

    /// Whether one of the two has left.
    pub fn is_over(&self) -> bool {
        self.lock().ended
    }

    /// Takes a message: it is in the history and on the partner's screen when this returns. The number is drawn under the
    /// lock, so that both see the messages in the order of their numbers; `show_author` tells whether, and as what, the
    /// author's screen shows it too.
    pub fn post(
        &self,
        draft: Draft,
        from: &User,
        at: Timestamp,
        number: impl FnOnce() -> MessageId,
        show_author: Option<OwnCopy>,
        clock: &Clock,
    ) -> Result<Arc<Event>, Denied> {
        let mut state = self.lock();
        let partner = self.partner(from.client());
        state.may_post(from.client(), partner, draft.lasts.is_some())?;
        let to = [partner.addressee()].into();
        let mut message = Message::new(number(), at, from.name(), from.client(), draft, to);
        state.history.note_answered(&mut message);
        let event = Arc::new(Event::Said(message));
        state.history.push(Arc::clone(&event), KEPT);
        partner.outbox.show_direct(&event, &mut clock.clone());
        if let Some(own) = show_author {
            from.outbox.tell_direct(&event, own, &mut clock.clone());
        }
        Ok(event)
    }

    /// Notes in an answer whose words it quotes, if what it answers was said here.
    pub fn note_answered(&self, answer: &mut Message) {
        self.lock().history.note_answered(answer);
    }

    /// Takes a message that is sent to several people and has its number already.
    pub fn share(&self, event: &Arc<Event>, from: ClientId, clock: &Clock) -> Result<(), Denied> {
        let mut state = self.lock();
        let partner = self.partner(from);
        state.may_post(from, partner, event.message().is_some_and(Message::is_temporary))?;
        state.history.push(Arc::clone(event), KEPT);
        partner.outbox.show_direct(event, &mut clock.clone());
        Ok(())
    }

    /// Shows the last `count` messages on one of the two screens; how many there were, and whether any is to be seen.
    pub fn show_history(&self, count: usize, outbox: &Outbox, clock: &Clock) -> (usize, bool) {
        let state = self.lock();
        let events = state.history.last(count);
        (events.len(), !events.is_empty() && outbox.tell_events(&events, &mut clock.clone()))
    }

    /// The last messages, oldest first.
    pub fn history(&self, count: usize) -> Vec<Arc<Event>> {
        self.lock().history.last(count)
    }

    /// What an answer to a message quotes of it.
    pub fn quote(&self, id: MessageId) -> Option<Quoted> {
        self.lock().history.find(id).map(Quoted::of)
    }

    /// Whether a message is here and this connection's own.
    pub fn is_by(&self, client: ClientId, id: MessageId) -> bool {
        self.lock().history.find(id).is_some_and(|message| message.from == client)
    }

    /// The last message of one of the two.
    pub fn last_by(&self, client: ClientId) -> Option<MessageId> {
        self.lock().history.last_by(client, None).map(|message| message.id)
    }

    /// Opens the view on one side. False if the conversation has ended.
    pub fn open_view(&self, outbox: &Outbox, count: usize, header: &str, clock: &Clock) -> bool {
        let state = self.lock();
        let place = Prompt::ChatView(Conversation::Direct(self.partner(outbox.id()).addressee()));
        if !state.ended {
            outbox.open_direct_view(&place, &[header], &state.history.last(count), &mut clock.clone());
        }
        !state.ended
    }

    /// Gives a message of one's own another text. `None` if it is not here. `show_author`: the author's screen shows it.
    pub fn edit(
        &self,
        id: MessageId,
        by: &User,
        text: &str,
        show_author: bool,
        clock: &Clock,
    ) -> Option<Result<(), Denied>> {
        let mut state = self.lock();
        if state.history.find(id)?.from != by.client() {
            return Some(Err(Denied::NotYours));
        }
        let Changed { message, requoted, .. } = state.history.edit(id, text)?;
        self.show_both(by, &Arc::new(Event::Edited { message: message?, requoted, redraw: true }), show_author, clock);
        Some(Ok(()))
    }

    /// Takes a message of one's own out. `None` if it is not here. `show_author`: the author's screen shows it.
    pub fn delete(&self, id: MessageId, by: &User, show_author: bool, clock: &Clock) -> Option<Result<(), Denied>> {
        let mut state = self.lock();
        if state.history.find(id)?.from != by.client() {
            return Some(Err(Denied::NotYours));
        }
        let Changed { requoted, .. } = state.history.erase(id)?;
        let news = format!("{id} was deleted by {}", by.name()).into();
        let people = [by.addressee()].into();
        self.show_both(by, &Arc::new(Event::Erased { id, news, people, requoted, redraw: true }), show_author, clock);
        Some(Ok(()))
    }

    /// A temporary message's time is over: takes it out of the history; the answers to it as they are now. Nothing if it
    /// was deleted before. Called by the timer, which tells of it.
    pub fn expire(&self, id: MessageId) -> Option<Vec<Arc<Event>>> {
        self.lock().history.expire(id).map(|changed| changed.requoted.into())
    }

    fn show_both(&self, by: &User, event: &Arc<Event>, show_author: bool, clock: &Clock) {
        if show_author {
            by.outbox.tell_direct(event, OwnCopy::Answer, &mut clock.clone());
        }
        self.partner(by.client()).outbox.show_direct(event, &mut clock.clone());
    }

    /// Draws views anew that had to wait for it. True if one has to wait still. Called by the timer.
    pub fn redraw_views(&self, clock: &Clock) -> bool {
        self.people.iter().fold(false, |waiting, person| person.outbox.redraw_if_due(clock.clone()) | waiting)
    }

    /// One of the two has left: the other one is told, if he has the conversation open.
    fn end(&self, left: &User) {
        let mut state = self.lock();
        state.ended = true;
        state.history = History::new();
        let conversation = Conversation::Direct(left.addressee());
        let line = format!("{} has left: your conversation is over.", left.name());
        self.partner(left.client()).outbox.expel(&conversation, None, &line);
    }
}

type Table = HashMap<ClientId, HashMap<ClientId, Arc<DirectChat>>>;

/// All conversations.
#[derive(Default)]
pub struct DirectChats {
    /// Rank 1 of 4, like the room table: guards the map, by either one's connection. Held only to look up and to change it.
    table: Mutex<Table>,
}

/// As many conversations as one person may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyChatsError(pub usize);

impl DirectChats {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The conversation of two, begun if there is none; `None` if the other one has just left.
    pub fn begin(&self, from: &Arc<User>, to: &Arc<User>) -> Result<Option<Arc<DirectChat>>, TooManyChatsError> {
        let mut table = self.lock();
        let own = table.entry(from.client()).or_default();
        if let Some(pair) = own.get(&to.client()) {
            return Ok(Some(Arc::clone(pair)));
        }
        // What others begin is not counted: nobody can use up somebody else's.
        if own.values().filter(|pair| Arc::ptr_eq(&pair.people[0], from)).count() >= MOST {
            return Err(TooManyChatsError(MOST));
        }
        // Looked at under the lock: whoever leaves is marked first, and has his conversations taken out after.
        if to.is_gone() {
            return Ok(None);
        }
        let state = Mutex::new(State { history: History::new(), ended: false });
        let pair = Arc::new(DirectChat { people: [Arc::clone(from), Arc::clone(to)], state });
        own.insert(to.client(), Arc::clone(&pair));
        table.entry(to.client()).or_default().insert(from.client(), Arc::clone(&pair));
        Ok(Some(pair))
    }

    /// The conversation of two connections, if there is one.
    pub fn find(&self, one: ClientId, other: ClientId) -> Option<Arc<DirectChat>> {
        self.lock().get(&one)?.get(&other).cloned()
    }

    /// All conversations of a connection, by the other one's arrival.
    pub fn of(&self, client: ClientId) -> Vec<Arc<DirectChat>> {
        let mut own: Vec<_> = self.lock().get(&client).map(|own| own.values().cloned().collect()).unwrap_or_default();
        own.sort_unstable_by_key(|pair: &Arc<DirectChat>| pair.partner(client).client());
        own
    }

    /// Somebody has left, and is marked so: his conversations are over.
    pub fn forget(&self, left: &User) {
        let mut table = self.lock();
        let pairs: Vec<_> = table.remove(&left.client()).unwrap_or_default().into_values().collect();
        for pair in &pairs {
            let partner = pair.partner(left.client()).client();
            if let Some(others) = table.get_mut(&partner) {
                others.remove(&left.client());
                if others.is_empty() {
                    table.remove(&partner);
                }
            }
        }
        drop(table);
        for pair in pairs {
            pair.end(left);
        }
    }
}

#[cfg(test)]
mod tests;
