//! Users' requests to a shared room, and its automatic changes: the same as in `messages`, `membership` and `moderation`,
//! but through the log.
//!
//! *Owns* how each outcome is derived from what came back.
//! *Knows nothing of* the log, or of what a change does.
//!
//! What is `#[inline(never)]` here is for clusters only, and stays out of the stack frames of every join and post.

use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use jiff::Timestamp;

use super::{Applied, ProposalError, RoomLog};
use crate::chat::action::{Actor, Denied, EnterError, NotShared, RoomAction};
use crate::chat::conversation::MembershipId;
use crate::chat::identity::Identity;
use crate::chat::message::{AccountId, ClientId, Draft, MessageId};
use crate::chat::names::UserName;
use crate::chat::room::{ChangeKind, Going, Occurrence, Wish, destroyed};
use crate::chat::room_settings::RoomSettings;
use crate::hub::room::{ActionOutcome, Entrant, Erased, LockedRoom, MembershipChange, Room};
use crate::outbox::Outbox;

impl From<ProposalError> for Denied {
    fn from(error: ProposalError) -> Denied {
        match error {
            ProposalError::Stale => Denied::NotDone(NotShared::TryAgain),
            ProposalError::Full => Denied::NotDone(NotShared::TryAgain),
            ProposalError::NotShared(why) => Denied::NotDone(why),
        }
    }
}

impl From<ProposalError> for EnterError {
    fn from(error: ProposalError) -> EnterError {
        match error {
            ProposalError::Stale => EnterError::NotShared(NotShared::TryAgain),
            // The limit is filled in where it is known.
            ProposalError::Full => EnterError::Full(0),
            ProposalError::NotShared(why) => EnterError::NotShared(why),
        }
    }
}

impl Room {
    #[inline(never)]
    pub(in crate::hub::room) fn propose_post(
        self: &Arc<Self>,
        log: &dyn RoomLog,
        actor: &Actor,
        draft: &Draft,
        said_at: Timestamp,
        now: Instant,
    ) -> Result<MessageId, Denied> {
        let said_at = self.shared.shared_at(now).unwrap_or(said_at);
        let decide =
            |state: &LockedRoom| state.room.decide(actor, Wish::Post { draft: draft.clone(), said_at }, self.now(now));
        match self.propose(log, actor.who.client, || self.wait_for_space(draft.text.len()), decide) {
            Ok((_, applied)) => Ok(applied.id.unwrap_or(MessageId(0))),
            Err(Denied::NotDone(why)) => Err(Denied::NotSaid(why)),
            Err(denied) => Err(denied),
        }
    }

    #[inline(never)]
    pub(in crate::hub::room) fn propose_wish<'a>(
        &'a self,
        log: &dyn RoomLog,
        locked: impl Fn() -> MutexGuard<'a, LockedRoom>,
        actor: &Actor,
        wish: &Wish,
        now: Instant,
    ) -> Result<(ChangeKind, Applied), Denied> {
        let decide = |state: &LockedRoom| state.room.decide(actor, wish.clone(), self.now(now));
        self.propose(log, actor.who.client, locked, decide)
    }

    /// Edits or deletes a message.
    #[inline(never)]
    pub(in crate::hub::room) fn propose_message_change(
        &self,
        log: &dyn RoomLog,
        actor: &Actor,
        wish: &Wish,
        id: MessageId,
        now: Instant,
    ) -> Result<Erased, Denied> {
        let (_, applied) = self.propose_wish(log, || self.lock_to_show(now), actor, wish, now)?;
        Ok(Erased { id, redraw_due: applied.redraw_due })
    }

    #[inline(never)]
    pub(in crate::hub::room) fn propose_expiry(
        &self,
        log: &dyn RoomLog,
        id: MessageId,
        now: Instant,
    ) -> Option<Erased> {
        let done = self.propose_response(log, || Occurrence::Expired(id), now);
        let (_, applied) = done.ok()??;
        (!applied.news.is_empty()).then_some(Erased { id, redraw_due: applied.redraw_due })
    }

    #[inline(never)]
    pub(in crate::hub::room) fn propose_entry(
        &self,
        log: &dyn RoomLog,
        visitor: &Entrant<'_>,
        now: Instant,
    ) -> Result<MembershipChange, EnterError> {
        let client = visitor.outbox.id();
        self.expect_arrival(visitor.outbox);
        let decide = |state: &LockedRoom| {
            let Some(actor) = (visitor.who)().filter(|_| !state.room.is_closed()) else {
                return Err(EnterError::Closed);
            };
            state.room.decide_enter(&actor, visitor.opened, visitor.membership, self.now(now))
        };
        let done = self.propose(log, client, || self.lock(), decide);
        self.forget_arrival(client);
        let (kind, applied) = match done {
            Err(EnterError::Full(0)) => return Err(EnterError::Full(self.lock().room.settings().limit.unwrap_or(0))),
            done => done?,
        };
        let (mut heir, mut as_operator) = (false, false);
        if let ChangeKind::Entered { heir: inherits, as_operator: forced, .. } = kind {
            (heir, as_operator) = (inherits, forced);
        }
        // The news was scheduled where the change was applied.
        Ok(MembershipChange {
            others: applied.others,
            gathering: None,
            heir_awaited: false,
            empty: false,
            heir,
            as_operator,
        })
    }

    /// Gives the room its configured settings, on all servers.
    pub(crate) fn propose_settings(
        &self,
        log: &dyn RoomLog,
        settings: &RoomSettings,
        now: Instant,
    ) -> Result<(), ProposalError> {
        self.propose_response(log, || Occurrence::Configured(settings.clone()), now).map(drop)
    }

    /// The settings in force.
    pub(crate) fn settings_in_force(&self) -> RoomSettings {
        self.lock().room.settings().clone()
    }

    /// A member whose server has stopped takes their place again from another connection. False if they are no longer a
    /// member, or if the others are unreachable.
    #[inline(never)]
    pub(crate) fn propose_return(
        &self,
        log: &dyn RoomLog,
        from: ClientId,
        actor: &Actor,
        outbox: &Arc<Outbox>,
        membership: MembershipId,
        now: Instant,
    ) -> bool {
        self.expect_arrival(outbox);
        let occurrence = || Occurrence::Returned { from, actor: actor.clone(), membership };
        let done = self.propose_response(log, occurrence, now);
        self.forget_arrival(outbox.id());
        matches!(done, Ok(Some(_)))
    }

    /// The server stops, and the member may return on another one: only their local screen gets nothing more.
    pub(crate) fn vacate(&self, client: ClientId, membership: MembershipId) {
        let mut state = self.lock();
        if state.room.is_in(client, membership) {
            state.take_seat(client, self.instance);
        }
    }

    /// A member leaves. Their screen gets nothing more from the room, whether or not the others can be told now; if not,
    /// this must be retried.
    #[inline(never)]
    pub(crate) fn propose_departure(
        &self,
        log: &dyn RoomLog,
        client: ClientId,
        membership: MembershipId,
        going: Going,
        now: Instant,
    ) -> Result<Option<MembershipChange>, ProposalError> {
        let mut state = self.lock();
        if state.room.is_in(client, membership) {
            state.take_seat(client, self.instance);
        }
        drop(state);
        let occurrence = || Occurrence::Left { client, membership, going };
        let Some((_, applied)) = self.propose_response(log, occurrence, now)? else { return Ok(None) };
        Ok(Some(MembershipChange {
            others: applied.others,
            gathering: None,
            heir_awaited: false,
            empty: false,
            heir: false,
            as_operator: false,
        }))
    }

    /// See [`Room::find_heir`]. If it fails now, the timer retries later.
    pub(in crate::hub::room) fn propose_heir(&self, log: &dyn RoomLog, passed_over: Option<ClientId>, now: Instant) {
        for occurrence in [Occurrence::GracePassed, Occurrence::AdminMissing { passed_over }] {
            if self.propose_response(log, || occurrence.clone(), now).is_err() {
                return;
            }
        }
    }

    #[inline(never)]
    pub(in crate::hub::room) fn propose_identity(
        &self,
        log: &dyn RoomLog,
        client: ClientId,
        before: Option<&UserName>,
        who: &dyn Fn() -> Actor,
        now: Instant,
    ) {
        if self.lock().room.member(client).is_none() {
            return;
        }
        let occurrence = || Occurrence::Identified { actor: who(), before: before.cloned() };
        if let Err(error) = self.propose_response(log, occurrence, now) {
            log::warn!("room {}: a member's new name could not be shared: {error:?}", self.name);
        }
    }

    /// See [`Room::forget_account`].
    #[inline(never)]
    pub(in crate::hub::room) fn propose_account_deleted(&self, log: &dyn RoomLog, account: AccountId, now: Instant) {
        match self.propose_response(log, || Occurrence::AccountDeleted(account), now) {
            Ok(None) => {}
            Ok(Some(_)) => self.propose_heir(log, None, now),
            Err(error) => log::warn!("room {}: a deleted account could not be forgotten: {error:?}", self.name),
        }
    }

    /// See [`Room::hand_over`].
    #[inline(never)]
    pub(in crate::hub::room) fn propose_takeover(
        &self,
        log: &dyn RoomLog,
        from: ClientId,
        who: &dyn Fn() -> Option<Actor>,
        outbox: &Arc<Outbox>,
        membership: MembershipId,
        now: Instant,
    ) -> Option<bool> {
        let state = self.lock();
        let actor = who().filter(|_| !state.room.is_closed())?;
        let in_view = state.is_viewed_by(from);
        drop(state);
        self.expect_arrival(outbox);
        let occurrence = || Occurrence::TakenOver { from, actor: actor.clone(), membership };
        let done = self.propose_response(log, occurrence, now);
        self.forget_arrival(outbox.id());
        match done {
            Ok(done) => done.map(|_| in_view),
            Err(error) => {
                log::warn!("room {}: a member's place could not be taken over: {error:?}", self.name);
                None
            }
        }
    }

    #[inline(never)]
    pub(in crate::hub::room) fn propose_action(
        self: &Arc<Self>,
        log: &dyn RoomLog,
        actor: &Actor,
        wish: &Wish,
        now: Instant,
    ) -> Result<ActionOutcome, Denied> {
        let none = ActionOutcome { news: String::new(), remark: None, empty: false, heir_awaited: false };
        if let Wish::Act { action: RoomAction::Destroy, .. } = wish {
            self.lock().room.decide(actor, wish.clone(), self.now(now))?;
            return Ok(ActionOutcome { news: destroyed(&self.name, &actor.who.name), ..none });
        }
        let (kind, applied) = self.propose_wish(log, || self.lock(), actor, wish, now)?;
        let mut outcome = ActionOutcome { news: applied.news, ..none };
        let mut demoted = None;
        if let ChangeKind::Banned { ban, .. } = &kind
            && ban.who.is_none()
        {
            outcome.remark = Some(format!("{} is not online: the ban is by name alone.", ban.name));
        }
        if let ChangeKind::Muted { who, .. } | ChangeKind::Demoted { who, .. } = &kind {
            demoted = Some(who.client);
        }
        if demoted.is_some() || matches!(kind, ChangeKind::Kicked { .. } | ChangeKind::Banned { .. }) {
            self.propose_heir(log, demoted, now);
        }
        Ok(outcome)
    }

    #[inline(never)]
    pub(in crate::hub::room) fn propose_invitation(
        &self,
        log: &dyn RoomLog,
        actor: &Actor,
        guest: &Identity,
        now: Instant,
    ) -> Result<String, Denied> {
        let wish = Wish::Invite(guest.clone());
        self.propose_wish(log, || self.lock(), actor, &wish, now).map(|(_, applied)| applied.news)
    }
}
