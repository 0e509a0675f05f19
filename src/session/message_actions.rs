//! Replying to a message, editing it and deleting it.
//!
//! *Owns* finding the message with an id, in a room, a conversation or the archive. *Knows nothing of* what was typed, or
//! of how a message looks.

use std::sync::Arc;

use super::Session;
use crate::chat::action::{Actor, Denied};
use crate::chat::identity::Target;
use crate::chat::message::{Draft, Message, MessageId, Quoted};
use crate::chat::room::ChangeKind;
use crate::hub::direct::DirectChat;
use crate::hub::room::{Erased, Room};
use crate::ui::palette::Edited;
use crate::ui::screen::LineKind;

/// Where a message is.
enum MessagePlace {
    Room(Arc<Room>),
    /// In a room, on disk and no longer in memory.
    Archived(Arc<Room>, Box<Message>),
    /// One that was sent to several users is in several conversations.
    Direct(Vec<Arc<DirectChat>>),
}

impl Session {
    /// Where a message is, if this user may read it.
    fn locate(&self, actor: &Actor, id: MessageId) -> Result<Option<MessagePlace>, Denied> {
        let now = self.now();
        let room = self.rooms.rooms().find(|room| room.quote(actor, id, now).is_some());
        if let Some(room) = room {
            return Ok(Some(MessagePlace::Room(Arc::clone(room))));
        }
        let mut pairs = self.hub.directs.of(self.outbox.id());
        pairs.retain(|pair| pair.quote(id).is_some());
        if pairs.is_empty() {
            let archived = self.locate_archived(actor, id)?;
            return Ok(archived.map(|(room, message)| MessagePlace::Archived(room, Box::new(message))));
        }
        Ok(Some(MessagePlace::Direct(pairs)))
    }

    /// The id given, or that of this user's last message anywhere.
    pub(super) fn id_or_last(&self, id: Option<MessageId>) -> Result<MessageId, Denied> {
        let own = self.outbox.id();
        let who = self.user.as_ref().map(|user| user.identity());
        let in_rooms = self.rooms.rooms().filter_map(|room| room.last_by(who.as_ref()?, self.now()));
        let pairs = self.hub.directs.of(own);
        let directs = pairs.iter().filter_map(|pair| pair.last_by(own));
        match id.or_else(|| in_rooms.chain(directs).chain(self.offline.last_sent()).max()) {
            Some(id) => Ok(id),
            None => self.last_archived()?.ok_or(Denied::NothingYours),
        }
    }

    /// Whether this user wrote the message with this id, wherever they could change it.
    fn has_said(&self, actor: &Actor, id: MessageId) -> Result<bool, Denied> {
        Ok(match self.locate(actor, id) {
            Ok(Some(MessagePlace::Room(room))) => room.is_by(actor, id, self.now()),
            Ok(Some(MessagePlace::Archived(_, message))) => message.is_by(actor.who.client, actor.who.account),
            Ok(Some(MessagePlace::Direct(pairs))) => pairs.iter().any(|pair| pair.is_by(actor.who.client, id)),
            Ok(None) => self.offline.has_sent(id),
            Err(why) => self.offline.has_sent(id) || return Err(why),
        })
    }

    pub(super) fn reply(&mut self, id: MessageId, text: String) {
        let Some(actor) = self.actor() else { return };
        match self.locate(&actor, id) {
            Ok(Some(MessagePlace::Room(room))) => {
                let reply = room.quote(&actor, id, self.now());
                let in_view = room.is_viewed_by(self.outbox.id());
                self.post(&room, &actor, Draft { reply, ..Draft::said(text) }, !in_view);
            }
            Ok(Some(MessagePlace::Archived(room, message))) => {
                let reply = Some(Quoted::of(&message));
                let in_view = room.is_viewed_by(self.outbox.id());
                self.post(&room, &actor, Draft { reply, ..Draft::said(text) }, !in_view);
            }
            Ok(Some(MessagePlace::Direct(pairs))) if !self.pay_for(pairs.len() - 1) => {}
            Ok(Some(MessagePlace::Direct(pairs))) => {
                let reply = pairs.first().and_then(|pair| pair.quote(id));
                self.send(pairs, Draft { reply, ..Draft::said(text) }, false, "");
            }
            missing @ (Ok(None) | Err(_)) => match self.offline.received(id).cloned() {
                // It waited for this user: the answer goes to its author, online or not.
                Some(quoted) => {
                    let target = Target { name: quoted.author.clone(), client: None };
                    self.send_direct(&[target], Draft { reply: Some(quoted), ..Draft::said(text) }, false);
                }
                None => self.deny(&missing.err().unwrap_or(Denied::NoMessage)),
            },
        }
    }

    pub(super) fn edit(&mut self, which: Edited, text: &str) {
        let (Some(actor), Some(user)) = (self.actor(), self.user.clone()) else { return };
        let is_first_word_id = match &which {
            Edited::Perhaps { id, .. } => self.has_said(&actor, *id),
            Edited::Last | Edited::Id(_) => Ok(false),
        };
        let is_first_word_id = match is_first_word_id {
            Ok(is_id) => is_id,
            Err(why) => return self.deny(&why),
        };
        let (id, text) = match which {
            Edited::Last => (None, text.to_owned()),
            Edited::Id(id) => (Some(id), text.to_owned()),
            Edited::Perhaps { id, .. } if is_first_word_id => (Some(id), text.to_owned()),
            Edited::Perhaps { id, whole } => match (self.id_or_last(None), *whole) {
                // Then the number cannot be part of a text.
                (Err(Denied::NothingYours), _) => (Some(id), text.to_owned()),
                (Err(why), _) => return self.deny(&why),
                (Ok(last), Ok(whole)) => (Some(last), whole),
                (Ok(_), Err(refusal)) => {
                    self.mark_refused();
                    return self.refuse(&refusal);
                }
            },
        };
        let text = text.as_str();
        let id = match self.id_or_last(id) {
            Ok(id) => id,
            Err(why) => return self.deny(&why),
        };
        match self.locate(&actor, id) {
            Ok(Some(MessagePlace::Room(room))) => {
                let edited = room.edit(&actor, id, text, self.now());
                self.changed(&room, edited, &format!("Edited {id}."));
            }
            Ok(Some(MessagePlace::Archived(room, message))) => {
                let edited = room.edit_archived(&actor, &message, text, self.now());
                self.changed(&room, edited, &format!("Edited {id}."));
            }
            Ok(Some(MessagePlace::Direct(pairs))) => {
                let edited = ChangeKind::Edited { id, by: user.client(), text: text.into() };
                if !self.share_direct_change(&pairs, &edited) {
                    return;
                }
                let clock = self.hub.clock.clone();
                self.change_direct(&pairs, |pair, show| pair.edit(id, &user, text, show, &clock));
            }
            Ok(None) | Err(_) if self.change_offline_message(id, Some(text)) => {}
            Ok(None) => self.deny(&Denied::NoMessage),
            Err(why) => self.deny(&why),
        }
    }

    pub(super) fn delete(&mut self, id: Option<MessageId>) {
        let id = match self.id_or_last(id) {
            Ok(id) => id,
            Err(why) => return self.deny(&why),
        };
        let (Some(actor), Some(user)) = (self.actor(), self.user.clone()) else { return };
        match self.locate(&actor, id) {
            Ok(Some(MessagePlace::Room(room))) => {
                let deleted = room.delete(&actor, id, self.now());
                if deleted.is_ok() {
                    self.hub.timer.cancel(id);
                    self.audit_in(&room, &format!("{id} was deleted"));
                }
                self.changed(&room, deleted, &format!("Deleted {id}."));
            }
            Ok(Some(MessagePlace::Archived(room, message))) => {
                let deleted = room.delete_archived(&actor, &message, self.now());
                if deleted.is_ok() {
                    self.audit_in(&room, &format!("{id} was deleted"));
                }
                self.changed(&room, deleted, &format!("Deleted {id}."));
            }
            Ok(Some(MessagePlace::Direct(pairs))) => {
                if !self.share_direct_change(&pairs, &ChangeKind::Deleted { id, by: user.addressee() }) {
                    return;
                }
                let clock = self.hub.clock.clone();
                self.change_direct(&pairs, |pair, show| {
                    let deleted = pair.delete(id, &user, show, &clock);
                    if let Some(Ok(())) = deleted {
                        // By then the conversation may be over, and could not announce the deletion.
                        self.hub.timer.cancel(id);
                    }
                    deleted
                });
            }
            Ok(None) | Err(_) if self.change_offline_message(id, None) => {}
            missing @ (Ok(None) | Err(_)) => self.delete_own(&actor, id, missing.err().unwrap_or(Denied::NoMessage)),
        }
    }

    /// Deletes a message of this user's own that they may no longer read: it is still theirs.
    fn delete_own(&mut self, actor: &Actor, id: MessageId, missing: Denied) {
        let now = self.now();
        let Some(room) = self.rooms.rooms().find(|room| room.is_by(actor, id, now)).cloned() else {
            return self.deny(&missing);
        };
        let deleted = room.delete(actor, id, now);
        if deleted.is_ok() {
            self.hub.timer.cancel(id);
        }
        self.changed(&room, deleted, &format!("Deleted {id}."));
    }

    /// Finishes a change to a room's message. A user who has the room in view sees the change; otherwise a line says
    /// so.
    fn changed(&mut self, room: &Arc<Room>, changed: Result<Erased, Denied>, line: &str) {
        match changed {
            Ok(erased) => {
                self.rooms.note_undelivered(room);
                self.hub.arrange_redraw(room, erased, self.now());
                if !room.is_viewed_by(self.outbox.id()) {
                    self.outbox.tell(LineKind::News, line);
                }
                self.await_change(room);
            }
            Err(denied) => self.deny(&denied),
        }
    }

    /// Tells the servers of the other users of a change to a direct message of this user's own. False if that cannot be done
    /// now; then nothing is changed.
    #[cfg_attr(not(feature = "cluster"), expect(clippy::unused_self, unused_variables, reason = "there is one server"))]
    fn share_direct_change(&self, pairs: &[Arc<DirectChat>], change: &ChangeKind) -> bool {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.hub.nodes() {
            let (own, id) = (self.outbox.id(), change.message());
            let theirs = pairs.iter().filter(|pair| id.is_some_and(|id| pair.is_by(own, id)));
            for pair in theirs.filter(|pair| pair.partner(own).is_elsewhere()) {
                if let Err(why) = nodes.change_direct(own, pair.partner(own).client(), change.clone(), &self.outbox) {
                    self.deny(&Denied::NotDone(why));
                    return false;
                }
            }
        }
        true
    }

    /// Changes a message in every conversation it is in. Its author sees one of the changes.
    fn change_direct(
        &self,
        pairs: &[Arc<DirectChat>],
        change: impl Fn(&DirectChat, bool) -> Option<Result<(), Denied>>,
    ) {
        for (index, pair) in pairs.iter().enumerate() {
            match change(pair, index == 0) {
                Some(Ok(())) => self.hub.arrange_direct_redraw(pair, self.now()),
                Some(Err(denied)) => self.deny(&denied),
                None => self.deny(&Denied::NoMessage),
            }
        }
    }
}
