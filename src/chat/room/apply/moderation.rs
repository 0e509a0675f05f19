//! What moderation does to a room.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

use std::sync::Arc;

use jiff::Timestamp;

use super::done;
use crate::chat::duration::remaining;
use crate::chat::identity::Identity;
use crate::chat::message::{Addressee, ClientId, Event, EventKind, MessageId};
use crate::chat::moderation::Ban;
use crate::chat::names::UserName;
use crate::chat::room::{RoomState, news};

impl RoomState {
    #[inline(never)]
    pub(super) fn invite(
        &mut self,
        guest: &Identity,
        by: Addressee,
        forgiven: bool,
        last: MessageId,
        at: Timestamp,
    ) -> Arc<Event> {
        if forgiven {
            self.moderation.forgive(guest, at);
        }
        self.moderation.invite(guest, at);
        self.readers.note(guest, last);
        self.revision += 1;
        done(format!("{} was invited by {}", guest.name, by.name), EventKind::Other, by, Some(guest.addressee()))
    }

    #[inline(never)]
    pub(super) fn kick(&mut self, who: &Identity, by: Addressee, reason: &str, at: Timestamp) -> Arc<Event> {
        self.revision += 1;
        self.moderation.kick(who, at);
        self.put_out(who, at);
        done(news::kicked(&who.name, &by.name, reason), EventKind::Kicked, by, Some(who.addressee()))
    }

    #[inline(never)]
    pub(super) fn ban(&mut self, ban: Ban, by: Addressee, at: Timestamp) -> Arc<Event> {
        let news = news::banned(&ban.name, &by.name, ban.left(at), &ban.reason);
        let (name, who) = (ban.name.clone(), ban.who.clone());
        let client = who.as_ref().map_or(ClientId::NONE, |who| who.client);
        self.revision += 1;
        self.moderation.ban(ban, at);
        if let Some(who) = who.filter(|who| self.members.contains_key(&who.client)) {
            self.put_out(&who, at);
        }
        done(news, EventKind::Banned, by, Some(Addressee { client, name }))
    }

    #[inline(never)]
    pub(super) fn unban(&mut self, name: UserName, who: Option<&Identity>, by: Addressee, at: Timestamp) -> Arc<Event> {
        self.revision += 1;
        self.moderation.unban(&name, who, at);
        self.lifted("unbanned", EventKind::Other, name, who, by)
    }

    #[inline(never)]
    pub(super) fn mute(
        &mut self,
        who: &Identity,
        until: Option<Timestamp>,
        by: Addressee,
        at: Timestamp,
    ) -> Arc<Event> {
        self.revision += 1;
        // An admin's rank would outweigh the mute.
        self.moderation.demote(who);
        self.moderation.mute(who, until, at);
        let news = news::muted(&who.name, &by.name, until.map(|until| remaining(at, until)));
        done(news, EventKind::Role, by, Some(who.addressee()))
    }

    #[inline(never)]
    pub(super) fn unmute(
        &mut self,
        name: UserName,
        who: Option<&Identity>,
        by: Addressee,
        at: Timestamp,
    ) -> Arc<Event> {
        self.revision += 1;
        self.moderation.unmute(&name, who, at);
        self.lifted("unmuted", EventKind::Role, name, who, by)
    }

    #[inline(never)]
    pub(super) fn promote(&mut self, who: Identity, by: Addressee, at: Timestamp) -> Arc<Event> {
        self.revision += 1;
        let (news, to) = (format!("{} made {} admin", by.name, who.name), who.addressee());
        self.moderation.unmute(&who.name, Some(&who), at);
        self.moderation.promote(who, at);
        done(news, EventKind::Role, by, Some(to))
    }

    #[inline(never)]
    pub(super) fn demote(&mut self, who: &Identity, by: Addressee) -> Arc<Event> {
        self.revision += 1;
        self.moderation.demote(who);
        let (news, to) = (format!("{} made {} an ordinary member", by.name, who.name), who.addressee());
        done(news, EventKind::Role, by, Some(to))
    }

    fn put_out(&mut self, who: &Identity, at: Timestamp) {
        self.remove(who.client, at);
        self.moderation.left(who, false, false, at);
        self.moderation.await_account(who, self.kept, at);
    }

    fn lifted(&self, what: &str, kind: EventKind, name: UserName, who: Option<&Identity>, by: Addressee) -> Arc<Event> {
        let client = who.map_or(ClientId::NONE, |who| who.client);
        let (news, to) = (format!("{name} was {what} by {}", by.name), Addressee { client, name });
        done(news, kind, by, Some(to))
    }
}
