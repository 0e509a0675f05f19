//! The last messages of one conversation, a room's or a direct chat's.
//!
//! *Owns* which messages are kept, finding one by its number, editing and erasing one together with its quotes, and
//! which are temporary. *Knows nothing of* who may do so, or of clocks.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;

use crate::chat::message::{AccountId, Addressee, ClientId, Event, Message, MessageId};

/// Most temporary messages in one conversation; more are refused. Each is an entry in the timer for up to a day.
pub(crate) const MOST_TEMPORARY: usize = 1000;

/// The same for one connection, so that one user cannot take everybody else's share.
pub(crate) const MOST_TEMPORARY_OF_ONE: usize = 100;

/// A temporary message that has not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PendingTemporary {
    id: MessageId,
    from: Addressee,
    /// It was deleted before its time. Its timer still fires.
    gone: bool,
}

/// The last messages, in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    kept: VecDeque<Arc<Event>>,
    /// The newest message that has dropped out of the history, not counting deleted ones.
    dropped: Option<MessageId>,
    /// The temporary messages that have not expired, including those that have dropped out: they are still on screens.
    temporary: VecDeque<PendingTemporary>,
}

/// What an edit or an erasure has changed.
#[derive(Debug, Default)]
pub struct Changed {
    /// The message as it is now, after an edit.
    pub message: Option<Arc<Event>>,
    /// The author of a message that was erased.
    pub author: Option<Addressee>,
    /// Replies to it, with their quotes as they are now.
    pub(crate) requoted: Box<[Arc<Event>]>,
}

impl History {
    /// An empty history.
    pub(crate) fn new() -> History {
        History::default()
    }

    /// Inserts a message by its number: one that was sent to several users got its number before it came here. If there
    /// are more than `keep`, the oldest is dropped.
    pub(crate) fn push(&mut self, event: Arc<Event>, keep: usize) {
        if let Some(message) = event.message().filter(|message| message.is_temporary()) {
            self.temporary.push_back(PendingTemporary { id: message.id, from: message.addressee(), gone: false });
        }
        let number = |event: &Arc<Event>| event.message().map(|message| message.id);
        let place = self.kept.iter().rposition(|known| number(known) <= number(&event)).map_or(0, |last| last + 1);
        self.kept.insert(place, event);
        while self.kept.len() > keep {
            let oldest = self.oldest();
            self.dropped = self.dropped.max(oldest);
            self.kept.pop_front();
        }
    }

    /// Whether one more temporary message of a connection can be taken.
    pub(crate) fn takes_temporary(&self, from: ClientId) -> bool {
        let own = self.temporary.iter().filter(|temporary| temporary.from.client == from).count();
        self.temporary.len() < MOST_TEMPORARY && own < MOST_TEMPORARY_OF_ONE
    }

    /// The last `count` messages, oldest first.
    pub fn last(&self, count: usize) -> Vec<Arc<Event>> {
        self.kept.iter().skip(self.kept.len().saturating_sub(count)).cloned().collect()
    }

    /// The number of the oldest message kept.
    pub(crate) fn oldest(&self) -> Option<MessageId> {
        self.kept.front().and_then(|event| event.message()).map(|message| message.id)
    }

    /// Notes that everything up to a number may be missing, because the history was restored.
    pub(crate) fn begins_after(&mut self, id: MessageId) {
        self.dropped = self.dropped.max(Some(id));
    }

    /// Whether everything said after a message is here, except what was deleted.
    #[cfg(feature = "json")]
    pub(crate) fn reaches_back_to(&self, id: MessageId) -> bool {
        self.dropped.is_none_or(|dropped| dropped <= id)
    }

    /// Everything said after this message is here, except what was deleted; `None`: everything ever said.
    #[cfg(feature = "json")]
    pub(crate) fn complete_after(&self) -> Option<MessageId> {
        self.dropped
    }

    fn position(&self, id: MessageId) -> Option<usize> {
        let number = |event: &Arc<Event>| event.message().map_or(0, |message| message.id.0);
        self.kept.binary_search_by_key(&id.0, number).ok()
    }

    /// The message with a number.
    pub(crate) fn find(&self, id: MessageId) -> Option<&Message> {
        self.kept.get(self.position(id)?)?.message()
    }

    /// Notes in a reply which connection it quotes: another user may have the name by now.
    pub(crate) fn note_answered(&self, answer: &mut Message) {
        let quoted = answer.extra.as_ref().and_then(|extra| extra.reply.as_ref()).map(|reply| reply.id);
        if let Some(answered) = quoted.and_then(|id| self.find(id)) {
            answer.answers(answered.from);
        }
    }

    /// The last message of a connection, or of the account it is logged in to.
    pub(crate) fn last_by(&self, client: ClientId, account: Option<AccountId>) -> Option<&Message> {
        self.kept.iter().rev().filter_map(|event| event.message()).find(|message| message.is_by(client, account))
    }

    /// Edits a message. `None` if it is not here.
    pub(crate) fn edit(&mut self, id: MessageId, text: &str) -> Option<Changed> {
        let position = self.position(id)?;
        let edited = self.kept[position].message()?.edited(text);
        let event = Arc::new(Event::Said(edited));
        self.kept[position] = Arc::clone(&event);
        Some(Changed { message: Some(event), author: None, requoted: self.requote(id, Some(text)) })
    }

    /// Erases a message, and its text from every quote. `None` if it is not here.
    pub(crate) fn erase(&mut self, id: MessageId) -> Option<Changed> {
        let position = self.position(id)?;
        let author = self.kept.remove(position).and_then(|event| event.message().map(Message::addressee));
        for temporary in self.temporary.iter_mut().filter(|temporary| temporary.id == id) {
            temporary.gone = true;
        }
        Some(Changed { message: None, author, requoted: self.requote(id, None) })
    }

    /// Whether this is a temporary message that has not expired.
    pub(crate) fn awaits_expiry(&self, id: MessageId) -> bool {
        self.temporary.iter().any(|temporary| temporary.id == id)
    }

    /// Whether any message here was said before a moment.
    pub(crate) fn has_before(&self, since: Timestamp) -> bool {
        self.kept.iter().filter_map(|event| event.message()).any(|message| message.at < since)
    }

    /// The messages said before a moment.
    pub(crate) fn before(&self, since: Timestamp) -> Vec<MessageId> {
        let messages = self.kept.iter().filter_map(|event| event.message());
        messages.filter(|message| message.at < since).map(|message| message.id).collect()
    }

    /// Expires a temporary message: erases it like [`History::erase`], unless it was deleted before.
    pub(crate) fn expire(&mut self, id: MessageId) -> Option<Changed> {
        let index = self.temporary.iter().position(|temporary| temporary.id == id)?;
        let PendingTemporary { from, gone, .. } = self.temporary.remove(index)?;
        if let Some(position) = self.position(id) {
            self.kept.remove(position);
        }
        (!gone).then(|| Changed { message: None, author: Some(from), requoted: self.requote(id, None) })
    }

    /// Erases everything said before a moment, and its text from every quote. Returns the numbers of what was erased.
    /// Looks at all messages: after the clock was set, times do not rise with numbers.
    pub(crate) fn forget_before(&mut self, since: Timestamp) -> Vec<MessageId> {
        let old = |event: &Arc<Event>| event.message().filter(|message| message.at < since).map(|message| message.id);
        let gone: Vec<_> = self.kept.iter().filter_map(old).collect();
        if !gone.is_empty() {
            self.dropped = self.dropped.max(gone.iter().max().copied());
            self.kept.retain(|event| old(event).is_none());
            gone.iter().for_each(|id| drop(self.requote(*id, None)));
        }
        gone
    }

    /// Updates the quotes of a message, and returns the replies that have one.
    pub(crate) fn requote(&mut self, id: MessageId, text: Option<&str>) -> Box<[Arc<Event>]> {
        let mut requoted = Vec::new();
        for event in &mut self.kept {
            if let Some(message) = event.message().and_then(|message| message.requoted(id, text)) {
                *event = Arc::new(Event::Said(message));
                requoted.push(Arc::clone(event));
            }
        }
        requoted.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::message::{Draft, Quoted};
    use crate::chat::names::UserName;
    use jiff::Timestamp;
    use std::time::Duration;

    fn said(id: u64, from: u64, draft: Draft) -> Arc<Event> {
        let author = UserName::parse("bob", 1, 12).expect("a name");
        let message = Message::new(MessageId(id), Timestamp::UNIX_EPOCH, author, ClientId(from), draft, Box::default());
        Arc::new(Event::Said(message))
    }

    fn texts(history: &History) -> Vec<String> {
        let text = |event: &Arc<Event>| event.message().map(|message| message.text.to_string());
        history.last(usize::MAX).iter().filter_map(text).collect()
    }

    #[test]
    fn a_full_history_drops_its_oldest_message() {
        let mut history = History::new();
        for id in 1..=5 {
            history.push(said(id, 1, Draft::said(id.to_string())), 3);
        }
        assert_eq!(texts(&history), ["3", "4", "5"]);
        assert_eq!(history.last(1).len(), 1);
        assert!(history.find(MessageId(2)).is_none() && history.find(MessageId(4)).is_some());
    }

    #[test]
    fn an_erased_text_is_gone_from_every_quote() {
        let mut history = History::new();
        let first = said(10, 1, Draft::said("secret"));
        let quote = Quoted::of(first.message().expect("a message"));
        history.push(first, 9);
        history.push(said(12, 2, Draft { reply: Some(quote), ..Draft::said("yes") }), 9);
        let changed = history.erase(MessageId(10)).expect("it was there");
        assert_eq!(changed.requoted.len(), 1);
        assert!(!format!("{history:?}").contains("secret"));
        assert!(history.erase(MessageId(10)).is_none());
    }

    #[test]
    fn an_edited_text_is_updated_in_every_quote() {
        let mut history = History::new();
        let first = said(10, 1, Draft::said("before"));
        let quote = Quoted::of(first.message().expect("a message"));
        history.push(first, 9);
        history.push(said(12, 2, Draft { reply: Some(quote), ..Draft::said("yes") }), 9);
        assert!(history.edit(MessageId(10), "after").is_some_and(|changed| changed.message.is_some()));
        assert!(!format!("{history:?}").contains("before"));
        assert!(history.edit(MessageId(11), "nothing").is_none());
    }

    #[test]
    fn a_temporary_message_expires_even_if_it_has_dropped_out() {
        let mut history = History::new();
        let lasts = Some(Duration::from_secs(10));
        history.push(said(1, 1, Draft { lasts, ..Draft::said("soon gone") }), 1);
        history.push(said(2, 1, Draft::said("stays")), 1);
        assert!(history.erase(MessageId(1)).is_none() && history.expire(MessageId(2)).is_none());
        assert!(history.expire(MessageId(1)).is_some());
        assert!(history.expire(MessageId(1)).is_none());
        assert_eq!(texts(&history), ["stays"]);
    }

    #[test]
    fn a_deleted_temporary_message_counts_until_its_time_is_over() {
        let mut history = History::new();
        let lasts = Some(Duration::from_secs(10));
        for id in 1..=MOST_TEMPORARY_OF_ONE as u64 {
            assert!(history.takes_temporary(ClientId(1)));
            history.push(said(id, 1, Draft { lasts, ..Draft::said("soon gone") }), 9);
            history.erase(MessageId(id));
        }
        assert!(!history.takes_temporary(ClientId(1)) && history.takes_temporary(ClientId(2)));
        assert!(history.expire(MessageId(1)).is_none(), "it was deleted, and is not announced again");
        assert!(history.takes_temporary(ClientId(1)));
    }

    #[test]
    fn old_messages_are_erased_from_quotes_too_even_behind_one_dated_ahead() {
        let mut history = History::new();
        let author = UserName::parse("bob", 1, 12).expect("a name");
        let at = |seconds| Timestamp::from_second(seconds).expect("a moment");
        let mut quote = None;
        for (id, second) in [(1, 900), (2, 100), (3, 150), (4, 300)] {
            let draft = Draft { reply: quote.clone(), ..Draft::said(format!("text {id}")) };
            let message = Message::new(MessageId(id), at(second), author.clone(), ClientId(1), draft, Box::default());
            quote = Some(Quoted::of(&message));
            history.push(Arc::new(Event::Said(message)), 9);
        }
        assert_eq!(history.forget_before(at(200)), [MessageId(2), MessageId(3)]);
        assert_eq!(texts(&history), ["text 1", "text 4"]);
        assert!(!format!("{history:?}").contains("text 3"));
        assert!(history.forget_before(at(200)).is_empty());
    }

    #[test]
    fn the_last_message_of_a_user_is_found() {
        let mut history = History::new();
        for (id, from) in [(1, 7), (2, 8), (3, 7), (4, 8)] {
            history.push(said(id, from, Draft::said("text")), 9);
        }
        assert_eq!(history.last_by(ClientId(7), None).map(|message| message.id), Some(MessageId(3)));
        assert!(history.last_by(ClientId(9), None).is_none());
    }
}
