//! Whether a user may post, edit or delete.

use std::time::Duration;

use jiff::Timestamp;

use crate::chat::action::{Actor, Denied};
use crate::chat::duration::{after, remaining};
use crate::chat::identity::Identity;
use crate::chat::message::{Draft, Message, MessageId};
use crate::chat::permission::{Context, Permission, Role};
use crate::chat::room::change::ChangeKind;
use crate::chat::room::{Now, RoomState};

impl RoomState {
    #[inline]
    pub(super) fn decide_post(
        &self,
        actor: &Actor,
        draft: Draft,
        said_at: Timestamp,
        now: Now,
    ) -> Result<ChangeKind, Denied> {
        let client = actor.who.client;
        let Some(member) = self.members.get(&client).filter(|_| !self.closed) else {
            return Err(Denied::NotIn(self.name.clone()));
        };
        if !self.permits(actor, Permission::Post, now.at) {
            return Err(self.silence(actor, now.at));
        }
        self.check_slow_mode(actor, now.at)?;
        if draft.lasts.is_some() && !self.history.takes_temporary(client) {
            return Err(Denied::TooManyTemporary);
        }
        let (author, account) = (member.who.name.clone(), member.who.account);
        let mut message =
            Message::new(MessageId::UNNUMBERED, said_at, author, client, draft, Box::default()).of_account(account);
        if message.extra.is_some() {
            self.history.note_answered(&mut message);
        }
        Ok(ChangeKind::Said(message))
    }

    pub(super) fn decide_edit(
        &self,
        actor: &Actor,
        id: MessageId,
        text: Box<str>,
        now: Now,
    ) -> Result<ChangeKind, Denied> {
        let client = actor.who.client;
        let own = self.owns(actor, id, now.at).filter(|_| id > self.boundary(client)).ok_or(Denied::NoMessage)?;
        if !self.permits_in(actor, Permission::Edit, Context { own, ..self.context() }, now.at) {
            return Err(if own { self.silence(actor, now.at) } else { Denied::NotYours });
        }
        // Otherwise slow mode would not slow down a user who keeps editing one message.
        self.check_slow_mode(actor, now.at)?;
        Ok(ChangeKind::Edited { id, by: client, text })
    }

    pub(super) fn decide_edit_archived(
        &self,
        actor: &Actor,
        message: &Message,
        text: &str,
        now: Now,
    ) -> Result<ChangeKind, Denied> {
        self.check_archived(actor, Permission::Edit, message, now.at)?;
        self.check_slow_mode(actor, now.at)?;
        Ok(ChangeKind::ArchivedEdited { message: Box::new(message.edited(text)), by: actor.who.client })
    }

    pub(super) fn decide_delete(&self, actor: &Actor, id: MessageId, now: Now) -> Result<ChangeKind, Denied> {
        let own = self.owns(actor, id, now.at).ok_or(Denied::NoMessage)?;
        if !self.permits_in(actor, Permission::Delete, Context { own, ..self.context() }, now.at) {
            return Err(Denied::NotYours);
        }
        Ok(ChangeKind::Deleted { id, by: actor.who.addressee() })
    }

    pub(super) fn decide_delete_archived(
        &self,
        actor: &Actor,
        message: &Message,
        now: Now,
    ) -> Result<ChangeKind, Denied> {
        self.check_archived(actor, Permission::Delete, message, now.at)?;
        Ok(ChangeKind::ArchivedDeleted { id: message.id, author: message.addressee(), by: actor.who.addressee() })
    }

    fn check_archived(
        &self,
        actor: &Actor,
        permission: Permission,
        message: &Message,
        at: Timestamp,
    ) -> Result<(), Denied> {
        if !self.permits(actor, Permission::Read, at) {
            return Err(Denied::NoMessage);
        }
        let own = message.is_by(actor.who.client, actor.who.account);
        match self.permits_in(actor, permission, Context { own, ..self.context() }, at) {
            true => Ok(()),
            // Users can always delete their own messages; only new text is not allowed.
            false if own => Err(self.silence(actor, at)),
            false => Err(Denied::NotYours),
        }
    }

    /// The refusal for a muted user.
    fn silence(&self, actor: &Actor, at: Timestamp) -> Denied {
        let until = self.moderation.muted(&actor.who, at).and_then(|mute| mute.until);
        Denied::Muted(self.name.clone(), until.map(|until| remaining(at, until)))
    }

    /// Slow mode does not apply to admins, who have to be able to answer.
    fn check_slow_mode(&self, actor: &Actor, at: Timestamp) -> Result<(), Denied> {
        if self.slow == Duration::ZERO || self.role(actor, at) >= Role::Admin {
            return Ok(());
        }
        let posted = self.members.get(&actor.who.client).and_then(|member| member.posted);
        let until = posted.map(|posted| after(posted, self.slow)).max(self.moderation.waits(&actor.who, at));
        let left = until.map_or(Duration::ZERO, |until| remaining(at, until));
        if left.is_zero() { Ok(()) } else { Err(Denied::Slow(self.name.clone(), left)) }
    }

    /// Whether a message is the user's own. `None` if it is not here, or if it is somebody else's and they may not read
    /// it.
    pub(crate) fn owns(&self, actor: &Actor, id: MessageId, at: Timestamp) -> Option<bool> {
        let permitted = self.permits(actor, Permission::Read, at);
        let Identity { client, account, .. } = actor.who;
        let own = self.history.find(id).filter(|_| permitted).map(|message| message.is_by(client, account))?;
        (own || id > self.boundary(client)).then_some(own)
    }
}
