//! Requests that post, edit or delete messages.
//!
//! *Owns* who a message goes to, and whether a missing one is too old or gone.
//! *Knows nothing of* how it is delivered.

use std::sync::Arc;

use super::Session;
use super::answer::Reply;
use super::perform::Action;
use crate::chat::action::Denied;
use crate::chat::conversation::Conversation;
use crate::chat::message::{Draft, MessageId};
use crate::hub::room::Room;
use crate::protocol::json::{JsonRequest, Value};
use crate::session::failure::{ErrorCode, Failure};
use crate::ui::palette::{Edited, Refusal, fields};

impl Session {
    /// The room that a request names, if this user is in it.
    pub(super) fn joined_by_request(&self, name: &str) -> Result<Conversation, Failure> {
        let name = fields::room(name, &self.rules())
            .map_err(|refusal| Failure::new(ErrorCode::NoRoom, refusal.to_string()))?;
        match self.rooms.named(&name) {
            Some(joined) => Ok(Conversation::Room(Arc::clone(joined.room().id()))),
            None => Err(Denied::NotIn(name).into()),
        }
    }

    /// The one room that a request names.
    pub(super) fn room_of_request(&self, request: &JsonRequest<'_>) -> Result<Conversation, Failure> {
        match &request.receiver.0[..] {
            [room] => self.joined_by_request(room),
            [] => Err(Failure::new(ErrorCode::NoRoom, "The receiver is missing: it names a room.")),
            _ => Err(Failure::new(ErrorCode::NoRoom, "The receiver names one room.")),
        }
    }

    #[inline(never)]
    pub(super) fn say_by_request(&mut self, action: Action, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        let rules = self.rules();
        let lasts = if action == Action::Temp { Some(fields::lasts(request.optional.seconds)?) } else { None };
        if !request.private {
            let room = self.room_of_request(request)?;
            let text = fields::message(&request.content, &rules)?;
            self.say(&room, Draft { action: action == Action::Me, lasts, ..Draft::said(text) }, false);
            return Ok(Reply::default());
        }
        let names: Vec<_> = request.receiver.0.iter().map(|name| &**name).collect();
        if names.is_empty() {
            return Err(Failure::new(ErrorCode::NoPerson, "The receiver is missing: it names people."));
        }
        let to = fields::people(&names, &rules).map_err(|refusal| {
            if let Refusal::Name(error) = &refusal {
                return Failure::new(ErrorCode::NoPerson, error.to_string());
            }
            refusal.into()
        })?;
        let text = fields::message(&request.content, &rules)?;
        self.send_direct(&to, Draft { action: action == Action::Me, lasts, ..Draft::said(text) }, false);
        Ok(Reply::default())
    }

    /// The message that a request names.
    fn message_of_request(request: &JsonRequest<'_>) -> Result<MessageId, Failure> {
        request.optional.message.map(MessageId).ok_or_else(|| Failure::refused("The number of the message is missing."))
    }

    pub(super) fn reply_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        let id = Self::message_of_request(request)?;
        let text = fields::message(&request.content, &self.rules())?;
        self.note_if_too_old(id);
        self.reply(id, text);
        Ok(Reply::default())
    }

    pub(super) fn edit_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        let text = fields::message(&request.content, &self.rules())?;
        let id = self.message_or_last(request)?;
        self.note_if_too_old(id);
        self.edit(Edited::Id(id), &text);
        Ok(Reply { optional: vec![("message", Value::Number(id.0))], ..Reply::default() })
    }

    pub(super) fn delete_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        let id = self.message_or_last(request)?;
        self.note_if_too_old(id);
        self.delete(Some(id));
        Ok(Reply::default())
    }

    /// The message that a request names, or this user's last one.
    fn message_or_last(&self, request: &JsonRequest<'_>) -> Result<MessageId, Failure> {
        let named = request.optional.message.map(MessageId);
        Ok(self.id_or_last(named)?)
    }

    /// Where a message is not found, it may have been deleted, or be older than what a room has in memory. An id does
    /// not say which room it belongs to: if one of this user's rooms has lost messages from then on, it counts as too
    /// old.
    fn note_if_too_old(&self, id: MessageId) {
        let Some(actor) = self.actor() else { return };
        let now = self.now();
        let is_found = |room: &Arc<Room>| room.quote(&actor, id, now).is_some();
        if !self.rooms.rooms().any(is_found) && self.rooms.rooms().any(|room| room.has_lost(id, self.now())) {
            self.note_if_missing(Failure::new(ErrorCode::TooOld, ""));
        }
    }
}
