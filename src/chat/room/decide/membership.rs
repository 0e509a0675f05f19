//! Who may enter, who takes over a place, and who inherits a room.

use std::time::Duration;

use crate::chat::action::{Actor, EnterError};
use crate::chat::conversation::MembershipId;
use crate::chat::duration::after;
use crate::chat::message::ClientId;
use crate::chat::names::UserName;
use crate::chat::permission::{Context, Permission, Role, permits};
use crate::chat::room::change::ChangeKind;
use crate::chat::room::{DoorVersion, Member, Now, RoomState};

impl RoomState {
    #[inline]
    pub(super) fn decide_entry(
        &self,
        actor: &Actor,
        opened: Option<DoorVersion>,
        membership: MembershipId,
        now: Now,
    ) -> Result<ChangeKind, EnterError> {
        let who = &actor.who;
        if self.closed {
            return Err(EnterError::Closed);
        }
        if self.members.contains_key(&who.client) {
            return Ok(ChangeKind::Reentered { client: who.client, membership });
        }
        let as_operator = self.may_enter(actor, opened, now)?;
        // Another connection of the same account is about to leave, so it does not count.
        let is_other = |member: &&Member| member.who.account.is_none() || member.who.account != who.account;
        if let Some(limit) = self.settings.limit
            && self.members.len() >= limit
            && self.members().filter(is_other).count() >= limit
        {
            return Err(EnterError::Full(limit));
        }
        let heir = self.members.is_empty() && self.created.is_some() && !self.moderation.has_admin(now.at);
        let (who, operator) = (who.clone(), actor.operator);
        Ok(ChangeKind::Entered { who, operator, as_operator, membership, last: now.last, heir })
    }

    /// Whether a user may enter. The value is true if they may only because they are an operator.
    fn may_enter(&self, actor: &Actor, opened: Option<DoorVersion>, now: Now) -> Result<bool, EnterError> {
        let who = &actor.who;
        let admitted = self.expects(who, now.at) || opened == Some(self.door);
        let context = Context { admitted, ..self.context() };
        let let_in = permits(self.outsider(who, now.at), Permission::Enter, context);
        let kicked = self.moderation.kicked(who, now.at);
        if let_in && kicked.is_none() {
            return Ok(false);
        }
        if actor.operator && permits(Role::Operator, Permission::Enter, context) {
            return Ok(true);
        }
        if let Some(left) = kicked.filter(|_| let_in) {
            return Err(EnterError::Kicked(left));
        }
        Err(match self.moderation.banned(who, now.at) {
            Some(ban) => EnterError::Banned(ban.left(now.at), ban.reason.to_string()),
            None => EnterError::NotAdmitted,
        })
    }

    /// Only another connection of the same account takes a member's place.
    pub(super) fn take_over(&self, from: ClientId, actor: Actor, membership: MembershipId) -> Option<ChangeKind> {
        let account = self.members.get(&from).filter(|_| !self.closed)?.who.account;
        let same = account.is_some() && account == actor.who.account;
        same.then_some(ChangeKind::TakenOver { from, who: actor.who, operator: actor.operator, membership })
    }

    /// A member whose server is gone takes their own place again.
    #[cfg(feature = "cluster")]
    pub(super) fn come_back(&self, from: ClientId, actor: Actor, membership: MembershipId) -> Option<ChangeKind> {
        self.members.get(&from).filter(|_| !self.closed)?;
        Some(ChangeKind::TakenOver { from, who: actor.who, operator: actor.operator, membership })
    }

    pub(super) fn identify(&self, actor: Actor, before: Option<UserName>, now: Now) -> Option<ChangeKind> {
        let Actor { who, operator } = actor;
        self.members.get(&who.client)?;
        Some(ChangeKind::Identified { who, operator, before, last: now.last })
    }

    /// A created room that has no admin left passes to the member who has been in it longest.
    pub(super) fn find_heir(&self, passed_over: Option<ClientId>, now: Now) -> Option<ChangeKind> {
        if self.created.is_none() || self.closed || self.moderation.has_admin(now.at) {
            return None;
        }
        let fit = self.members().filter(|member| passed_over != Some(member.who.client));
        fit.min_by_key(|member| member.since).map(|heir| ChangeKind::Inherited(heir.who.clone()))
    }

    pub(super) fn has_lingered(&self, linger: Duration, now: Now) -> bool {
        let over = self.empty_since.is_some_and(|since| after(since, linger) <= now.at);
        over && !self.kept && !self.closed
    }
}
