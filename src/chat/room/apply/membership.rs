//! What joining and leaving do to a room.

use std::sync::Arc;

use jiff::Timestamp;

use super::happened;
use crate::chat::conversation::MembershipId;
use crate::chat::duration::after;
use crate::chat::identity::Identity;
use crate::chat::message::{AccountId, Addressee, ClientId, Event, EventKind, MessageId};
use crate::chat::names::UserName;
use crate::chat::room::{Going, Member, RoomState};

impl RoomState {
    pub(super) fn enter(
        &mut self,
        who: &Identity,
        operator: bool,
        membership: MembershipId,
        last: MessageId,
        heir: bool,
        at: Timestamp,
    ) {
        self.moderation.entered(who, at);
        let first = self.readers.note(who, last);
        if heir {
            // The first user to enter an empty room becomes its owner.
            self.moderation.unmute(&who.name, Some(who), at);
            self.moderation.inherit(who.clone());
        }
        self.add_member(who, operator, membership, first, last, at);
        self.empty_since = None;
    }

    /// Not inlined, because a member is made on the stack first.
    #[inline(never)]
    fn add_member(
        &mut self,
        who: &Identity,
        operator: bool,
        membership: MembershipId,
        first: MessageId,
        last: MessageId,
        at: Timestamp,
    ) {
        let member = Member { membership, who: who.clone(), operator, since: at, posted: None, first, came_in: last };
        self.members.insert(who.client, Box::new(member));
    }

    #[inline(never)]
    pub(super) fn leave(&mut self, client: ClientId, going: Going, at: Timestamp) {
        let Some(member) = self.remove(client, at) else { return };
        let who = member.who;
        // A user who ended one connection to continue on another is in the room already.
        let is_back = self.members.values().any(|other| who.entitles(&other.who));
        let was_admin =
            !is_back && self.moderation.left(&who, matches!(going, Going::Lost | Going::ServerGone), self.kept, at);
        self.moderation.await_account(&who, self.kept, at);
        if was_admin && self.members.is_empty() {
            // They can come back to their own room until it closes.
            self.moderation.invite(&who, at);
        }
    }

    /// Removes a member from the room's lists.
    pub(super) fn remove(&mut self, client: ClientId, at: Timestamp) -> Option<Box<Member>> {
        let member = self.members.remove(&client)?;
        self.empty_since = self.members.is_empty().then_some(at);
        if let Some(posted) = member.posted.filter(|_| !self.slow.is_zero()) {
            self.moderation.wait(&member.who, after(posted, self.slow), at);
        }
        Some(member)
    }

    #[inline(never)]
    pub(super) fn hand_over(
        &mut self,
        from: ClientId,
        who: &Identity,
        operator: bool,
        membership: MembershipId,
        at: Timestamp,
    ) {
        let Some(before) = self.members.remove(&from) else { return };
        if before.who.account.is_none() && who.account.is_none() {
            // The guest has proved who they are, so they keep what they were given.
            self.moderation.moved(from, who);
        }
        self.moderation.entered(who, at);
        match self.members.get_mut(&who.client) {
            // This connection is in the room already, under another name.
            Some(member) => {
                member.membership = membership;
                member.since = member.since.min(before.since);
                member.first = member.first.min(before.first);
                member.came_in = member.came_in.min(before.came_in);
                member.posted = member.posted.max(before.posted);
            }
            None => {
                let member = Member { membership, who: who.clone(), operator, ..*before };
                self.members.insert(who.client, Box::new(member));
            }
        }
    }

    #[inline(never)]
    pub(super) fn set_identity(
        &mut self,
        who: &Identity,
        operator: bool,
        before: Option<UserName>,
        last: MessageId,
        at: Timestamp,
    ) -> Option<Arc<Event>> {
        let client = who.client;
        let member = self.members.get_mut(&client)?;
        let adopted = self.moderation.renamed(who, at);
        self.revision += u64::from(adopted);
        let name = who.name.clone();
        let former = std::mem::replace(&mut member.who, who.clone());
        member.operator = operator;
        self.reader_changed(client, &former, last);
        let before = before?;
        let news = format!("{before} is now known as {name}");
        let people = [before, name].map(|name| Addressee { client, name }).into();
        Some(happened(news, EventKind::Renamed, Some(client), people))
    }

    #[inline(never)]
    pub(super) fn inherit(&mut self, heir: Identity, at: Timestamp) -> Arc<Event> {
        let news = format!("{} is now admin of {}", heir.name, self.name);
        let people = [heir.addressee()].into();
        self.moderation.unmute(&heir.name, Some(&heir), at);
        self.moderation.inherit(heir);
        happened(news, EventKind::Role, None, people)
    }

    pub(super) fn forget_account(&mut self, account: AccountId) {
        let had_place = self.moderation.admin_accounts().any(|admin| admin == account);
        let members = &self.members;
        // The connection that had the place may belong to another user by now.
        self.moderation.forget_account(account, |who| {
            let member = members.get(&who.client).map(|member| &member.who);
            member.is_some_and(|now| now.name == who.name && now.account.is_none_or(|own| own == account))
        });
        self.readers.forget(account);
        self.revision += u64::from(had_place);
    }
}
