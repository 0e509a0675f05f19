//! Applies changes to messages.

use std::sync::Arc;

use jiff::Timestamp;

use crate::chat::history::Changed;
use crate::chat::message::{Addressee, ClientId, ErasureCause, Event, Message, MessageId};
use crate::chat::room::RoomState;

impl RoomState {
    #[inline]
    pub(super) fn say(&mut self, message: Message, at: Timestamp) -> Arc<Event> {
        self.note_posted(message.from, at);
        self.said += 1;
        self.newest = Some(message.id);
        let event = Arc::new(Event::Said(message));
        self.history.push(Arc::clone(&event), self.history_max);
        event
    }

    pub(super) fn edit(&mut self, id: MessageId, by: ClientId, text: &str, at: Timestamp) -> Option<Arc<Event>> {
        let Changed { message, requoted, .. } = self.history.edit(id, text)?;
        self.note_posted(by, at);
        Some(Arc::new(Event::Edited { message: message?, requoted, redraw: true }))
    }

    pub(super) fn edit_archived(&mut self, message: Message, by: ClientId, at: Timestamp) -> Arc<Event> {
        self.note_posted(by, at);
        let requoted = self.history.requote(message.id, Some(&message.text));
        Arc::new(Event::Edited { message: Arc::new(Event::Said(message)), requoted, redraw: true })
    }

    pub(super) fn delete(&mut self, id: MessageId, by: Addressee) -> Option<Arc<Event>> {
        let Changed { author, requoted, .. } = self.history.erase(id)?;
        Some(erased(id, author, Some(by), requoted))
    }

    pub(super) fn delete_archived(&mut self, id: MessageId, author: Addressee, by: Addressee) -> Arc<Event> {
        let requoted = self.history.requote(id, None);
        erased(id, Some(author), Some(by), requoted)
    }

    pub(super) fn expire(&mut self, id: MessageId) -> Option<Arc<Event>> {
        let Changed { author, requoted, .. } = self.history.expire(id)?;
        Some(erased(id, author, None, requoted))
    }

    #[inline]
    fn note_posted(&mut self, client: ClientId, at: Timestamp) {
        if let Some(member) = self.members.get_mut(&client) {
            member.posted = Some(at);
        }
    }
}

fn erased(id: MessageId, author: Option<Addressee>, by: Option<Addressee>, requoted: Box<[Arc<Event>]>) -> Arc<Event> {
    let (cause, news) = match &by {
        Some(by) => (ErasureCause::Deleted, format!("{id} was deleted by {}", by.name)),
        None => (ErasureCause::Expired, format!("{id} expired")),
    };
    let people = author.into_iter().chain(by).collect();
    Arc::new(Event::Erased { id, cause, news: news.into(), people, requoted, redraw: true })
}
