//! Direct chats: conversations of two.
//!
//! A chat joins two connections, not two names: a user who leaves and the next one who claims their name are different
//! people. It begins with the first message, or when one of the two opens it, and ends when either leaves.
//!
//! *Owns* the table of chats, their messages, and that both users see these in the same order.
//! *Knows nothing of* how a message was typed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::chat::action::Denied;
use crate::chat::conversation::Conversation;
use crate::chat::history::{Changed, History};
use crate::chat::identity::Target;
use crate::chat::message::{ClientId, Draft, ErasureCause, Event, Message, MessageId, Quoted};
use crate::hub::roster::User;
use crate::outbox::{Expulsion, Outbox, OwnCopy};
use crate::ui::screen::{Clock, Prompt};

/// Messages kept per chat.
const KEPT: usize = 200;

/// Most chats that one user may have begun. Each takes 800 KB at most, two hundred of the longest messages. Only a
/// script begins more at once.
const MOST: usize = 256;

struct DirectState {
    history: History,
    ended: bool,
}

impl DirectState {
    fn may_post(&self, from: ClientId, partner: &User, temporary: bool) -> Result<(), Denied> {
        if self.ended {
            return Err(Denied::NotOnline(Target { name: partner.name(), client: None }));
        }
        if temporary && !self.history.takes_temporary(from) { Err(Denied::TooManyTemporary) } else { Ok(()) }
    }
}

pub struct DirectChat {
    /// The two users; the first one began the chat.
    users: [Arc<User>; 2],
    /// Rank 2 of 4, like a room's. Guards the history and the order in which both see it. Both outboxes are written to under
    /// it, one after the other, which never waits.
    state: Mutex<DirectState>,
}

impl DirectChat {
    fn lock(&self) -> MutexGuard<'_, DirectState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The other user.
    pub(crate) fn partner(&self, client: ClientId) -> &Arc<User> {
        let [one, other] = &self.users;
        if one.client() == client { other } else { one }
    }

    /// Whether one of the two has left.
    pub(crate) fn is_over(&self) -> bool {
        self.lock().ended
    }

    /// Posts a message. When this returns, it is in the history and on the partner's screen. The number is assigned
    /// under the lock, so that both see the messages in the order of their numbers. `show_author` says whether the
    /// author's screen shows it too, and in which form.
    pub(crate) fn post(
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

    /// Whether a message could be posted now.
    #[cfg(feature = "cluster")]
    pub(crate) fn check_post(&self, from: ClientId, temporary: bool) -> Result<(), Denied> {
        self.lock().may_post(from, self.partner(from), temporary)
    }

    /// Posts a message that the cluster has numbered. A user on another server has their screen there.
    #[cfg(feature = "cluster")]
    pub(crate) fn post_numbered(
        &self,
        event: &Arc<Event>,
        from: ClientId,
        show_author: Option<OwnCopy>,
        clock: &Clock,
    ) {
        let mut state = self.lock();
        if state.ended {
            return;
        }
        state.history.push(Arc::clone(event), KEPT);
        let partner = self.partner(from);
        partner.outbox.show_direct(event, &mut clock.clone());
        if let Some(own) = show_author {
            self.partner(partner.client()).outbox.tell_direct(event, own, &mut clock.clone());
        }
    }

    /// Notes in a reply whose words it quotes, if the message it answers is in this chat.
    pub(crate) fn note_answered(&self, answer: &mut Message) {
        self.lock().history.note_answered(answer);
    }

    /// Posts a message that goes to several users and already has its number.
    pub(crate) fn share(&self, event: &Arc<Event>, from: ClientId, clock: &Clock) -> Result<(), Denied> {
        let mut state = self.lock();
        let partner = self.partner(from);
        state.may_post(from, partner, event.message().is_some_and(Message::is_temporary))?;
        state.history.push(Arc::clone(event), KEPT);
        partner.outbox.show_direct(event, &mut clock.clone());
        Ok(())
    }

    /// Shows the last `count` messages on one of the two screens. Returns how many there were, and whether any is visible.
    pub(crate) fn show_history(&self, count: usize, outbox: &Outbox, clock: &Clock) -> (usize, bool) {
        let state = self.lock();
        let events = state.history.last(count);
        (events.len(), !events.is_empty() && outbox.tell_events(&events, None, &mut clock.clone()))
    }

    /// The last messages, oldest first.
    pub(crate) fn history(&self, count: usize) -> Vec<Arc<Event>> {
        self.lock().history.last(count)
    }

    /// The quote that a reply to a message begins with.
    pub(crate) fn quote(&self, id: MessageId) -> Option<Quoted> {
        self.lock().history.find(id).map(Quoted::of)
    }

    /// Whether a message is in this chat and from this connection.
    pub(crate) fn is_by(&self, client: ClientId, id: MessageId) -> bool {
        self.lock().history.find(id).is_some_and(|message| message.from == client)
    }

    /// The last message of one of the two.
    pub(crate) fn last_by(&self, client: ClientId) -> Option<MessageId> {
        self.lock().history.last_by(client, None).map(|message| message.id)
    }

    /// Opens the view on one side. False if the chat has ended.
    pub(crate) fn open_view(&self, outbox: &Outbox, count: usize, header: &str, clock: &Clock) -> bool {
        let state = self.lock();
        let prompt = Prompt::ChatView(Conversation::Direct(self.partner(outbox.id()).addressee()));
        if !state.ended {
            outbox.open_direct_view(&prompt, &[header], &state.history.last(count), &mut clock.clone());
        }
        !state.ended
    }

    /// Edits a message of the user's own. `None` if it is not in this chat. `show_author`: the author's screen shows it.
    pub(crate) fn edit(
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

    /// Deletes a message of the user's own. `None` if it is not in this chat. `show_author`: the author's screen shows it.
    pub(crate) fn delete(
        &self,
        id: MessageId,
        by: &User,
        show_author: bool,
        clock: &Clock,
    ) -> Option<Result<(), Denied>> {
        let mut state = self.lock();
        if state.history.find(id)?.from != by.client() {
            return Some(Err(Denied::NotYours));
        }
        let Changed { requoted, .. } = state.history.erase(id)?;
        let news = format!("{id} was deleted by {}", by.name()).into();
        let people = [by.addressee()].into();
        let erased = Event::Erased { id, cause: ErasureCause::Deleted, news, people, requoted, redraw: true };
        self.show_both(by, &Arc::new(erased), show_author, clock);
        Some(Ok(()))
    }

    /// Removes an expired temporary message from the history. Returns the replies to it as they are now, or `None` if
    /// it was deleted before. Called by the timer, which shows the change.
    pub(crate) fn expire(&self, id: MessageId) -> Option<Vec<Arc<Event>>> {
        self.lock().history.expire(id).map(|changed| changed.requoted.into())
    }

    fn show_both(&self, by: &User, event: &Arc<Event>, show_author: bool, clock: &Clock) {
        if show_author {
            by.outbox.tell_direct(event, OwnCopy::Answer, &mut clock.clone());
        }
        self.partner(by.client()).outbox.show_direct(event, &mut clock.clone());
    }

    /// Redraws views that had to wait. True if one still has to wait. Called by the timer.
    pub(crate) fn redraw_views(&self, clock: &Clock) -> bool {
        self.users.iter().fold(false, |waiting, user| user.outbox.redraw_if_due(clock.clone()) | waiting)
    }

    /// One of the two has left: the other one gets a line if they have the chat open.
    fn end(&self, left: &User) {
        let mut state = self.lock();
        state.ended = true;
        state.history = History::new();
        let conversation = Conversation::Direct(left.addressee());
        let line = format!("{} has left: your conversation is over.", left.name());
        self.partner(left.client()).outbox.expel(&conversation, None, &Expulsion::PartnerLeft, &line);
    }
}

type ChatsByClient = HashMap<ClientId, HashMap<ClientId, Arc<DirectChat>>>;

#[derive(Default)]
pub(crate) struct DirectChats {
    /// Rank 1 of 4, like the room table. Guards the map, by the connection of either user. Held only to look up and change it.
    table: Mutex<ChatsByClient>,
}

/// The user has begun as many chats as allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyChatsError(pub usize);

impl DirectChats {
    fn lock(&self) -> MutexGuard<'_, ChatsByClient> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The chat of two users, begun if there is none. `None` if the other one has just left.
    pub(crate) fn begin(&self, from: &Arc<User>, to: &Arc<User>) -> Result<Option<Arc<DirectChat>>, TooManyChatsError> {
        let mut table = self.lock();
        let own = table.entry(from.client()).or_default();
        if let Some(chat) = own.get(&to.client()) {
            return Ok(Some(Arc::clone(chat)));
        }
        // Chats that others began are not counted: nobody can use up another user's share.
        if own.values().filter(|chat| Arc::ptr_eq(&chat.users[0], from)).count() >= MOST {
            return Err(TooManyChatsError(MOST));
        }
        // Checked under the lock: a user who leaves is marked first, and their chats are removed after.
        if to.is_gone() {
            return Ok(None);
        }
        let state = Mutex::new(DirectState { history: History::new(), ended: false });
        let chat = Arc::new(DirectChat { users: [Arc::clone(from), Arc::clone(to)], state });
        own.insert(to.client(), Arc::clone(&chat));
        table.entry(to.client()).or_default().insert(from.client(), Arc::clone(&chat));
        Ok(Some(chat))
    }

    /// The chat of two connections, if there is one.
    pub(crate) fn find(&self, one: ClientId, other: ClientId) -> Option<Arc<DirectChat>> {
        self.lock().get(&one)?.get(&other).cloned()
    }

    /// All chats of a connection, in the order in which the other users connected.
    pub(crate) fn of(&self, client: ClientId) -> Vec<Arc<DirectChat>> {
        let mut own: Vec<_> = self.lock().get(&client).map(|own| own.values().cloned().collect()).unwrap_or_default();
        own.sort_unstable_by_key(|chat: &Arc<DirectChat>| chat.partner(client).client());
        own
    }

    /// Ends the chats of a user who has left and is marked as gone.
    pub(crate) fn forget(&self, left: &User) {
        let mut table = self.lock();
        let chats: Vec<_> = table.remove(&left.client()).unwrap_or_default().into_values().collect();
        for chat in &chats {
            let partner = chat.partner(left.client()).client();
            if let Some(others) = table.get_mut(&partner) {
                others.remove(&left.client());
                if others.is_empty() {
                    table.remove(&partner);
                }
            }
        }
        drop(table);
        for chat in chats {
            chat.end(left);
        }
    }
}

#[cfg(test)]
mod tests;
