//! Who comes into a room and who goes.
//!
//! *Owns* entering, leaving, being renamed, and who inherits a room that its last admin has left.
//! *Knows nothing of* passwords: the caller that checked one names the door it opened.
//! *Called by* `session` and the timer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::gathering_time;

use super::{GATHER_ABOVE, Member, Room, State};
use crate::chat::action::Actor;
use crate::chat::conversation::MembershipId;
use crate::chat::identity::{AccountId, Identity};
use crate::chat::message::{Addressee, ClientId, MessageId};
use crate::chat::names::UserName;
use crate::chat::permission::{Context, Permission, Role, permits};
use crate::chat::room_settings::RoomAccess;
use crate::outbox::Outbox;
use crate::ui::screen::LineKind;

/// Somebody at the door.
pub struct Entrant<'a> {
    /// Who it is; nothing if they have left the server. Called under the room's lock, so that nobody enters with an
    /// identity that they had a moment before.
    pub who: &'a dyn Fn() -> Option<Actor>,
    /// Their way out.
    pub outbox: &'a Arc<Outbox>,
    /// The door whose password they gave.
    pub opened: Option<DoorVersion>,
    /// Which stay this is.
    pub membership: MembershipId,
}

/// A room's door as it was at one moment. Any change of who gets in makes it another door, so a password that was right
/// when its comparison began proves nothing once the room has another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoorVersion(u64);

impl DoorVersion {
    /// From now on what opened it opens it no longer.
    pub(super) fn change(&mut self) {
        self.0 += 1;
    }
}

/// Why somebody does not come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnterError {
    /// The room is gone, or the visitor is.
    Closed,
    /// It has as many people as it takes.
    Full(usize),
    /// He is kept out: for how long, and why.
    Banned(Option<Duration>, String),
    /// He was kicked, and may come back after so long.
    Kicked(Duration),
    /// The door is shut to him.
    NotAdmitted,
}

/// How somebody goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// As he wished.
    Asked,
    /// Logged out, because he typed nothing.
    Idle,
    /// His connection is lost.
    Lost,
}

/// A change of membership that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembershipChange {
    /// Others in the room now.
    pub others: usize,
    /// Its news was put aside: [`Room::flush_news`] is due after so long, and nobody has been asked to call it yet.
    pub gathering: Option<Duration>,
    /// An admin has lost his connection: [`Room::name_heir`] is due when he is not waited for any more.
    pub heir_awaited: bool,
    /// Nobody is left in a room that somebody has made.
    pub empty: bool,
    /// Whoever has come in is admin now, because nobody was.
    pub heir: bool,
    /// Nobody but an operator would have been let in.
    pub as_operator: bool,
}

impl Room {
    /// Takes somebody in. Whoever is in already stays as he is.
    pub fn enter(&self, visitor: Entrant<'_>, now: Instant) -> Result<MembershipChange, EnterError> {
        let Entrant { who, outbox, opened, membership } = visitor;
        let mut state = self.lock();
        let Some(actor) = who().filter(|_| !state.closed) else { return Err(EnterError::Closed) };
        let others = state.members.len();
        let calm = MembershipChange {
            others,
            gathering: None,
            heir_awaited: false,
            empty: false,
            heir: false,
            as_operator: false,
        };
        if let Some(member) = state.members.get_mut(&outbox.id()) {
            member.membership = membership;
            return Ok(MembershipChange { others: others - 1, ..calm });
        }
        let as_operator = state.may_enter(&actor, opened, now)?;
        // Another connection of the same account, which is about to go, takes no room.
        let is_other = |member: &Member| member.who.account.is_some() && member.who.account == actor.who.account;
        if let Some(limit) = state.config.limit
            && others >= limit
            && state.members.values().filter(|member| !is_other(member)).count() >= limit
        {
            return Err(EnterError::Full(limit));
        }
        state.order.entered(&actor.who, now);
        let who = actor.who.addressee();
        let last = self.last_given();
        let first = state.readers.note(&actor.who, last);
        state.admit(actor, outbox, membership, (first.since, last), now);
        self.record_first(&state, first);
        let heir = others == 0 && state.inherits_empty(outbox.id(), now);
        let gathering = state.tell_joined(who);
        Ok(MembershipChange { gathering, heir, as_operator, ..calm })
    }

    /// Who gets in, and the door as it is now.
    pub fn door(&self) -> (RoomAccess, DoorVersion) {
        let state = self.lock();
        (state.config.entry.clone(), state.door)
    }

    /// Others in the room, if a connection is in it by this membership.
    pub fn others(&self, client: ClientId, membership: MembershipId) -> Option<usize> {
        let state = self.lock();
        state.is_in(client, membership).then(|| state.members.len() - 1)
    }

    /// Whether the door is open to somebody without a password: he was invited, or he is an admin who comes back.
    pub fn expects(&self, who: &Identity, now: Instant) -> bool {
        let state = self.lock();
        state.order.invited(who, now) || state.order.rank(who, now).is_some()
    }

    /// Removes a member; `None` if they are not in the room, or are in it by another membership by now. A panic elsewhere
    /// must not keep anybody in a room, so this never refuses.
    pub fn leave(
        &self,
        client: ClientId,
        membership: MembershipId,
        going: Going,
        now: Instant,
    ) -> Option<MembershipChange> {
        let mut state = self.lock();
        if !state.is_in(client, membership) {
            return None;
        }
        let member = state.remove(client, now)?;
        let gathering = state.tell_left(member.who.addressee(), going);
        let lost = going == Going::Lost;
        // Who had a connection of his ended to come in by another one is in already, before the old one has gone.
        let is_back = state.members.values().any(|other| member.who.entitles(&other.who));
        let State { order, kept, .. } = &mut *state;
        let was_admin = !is_back && order.left(&member.who, lost, *kept, now);
        let account_awaited = order.await_account(&member.who, *kept, now);
        if was_admin && state.members.is_empty() {
            // Until it closes, his own room lets him in again.
            state.order.invite(&member.who, now);
        }
        state.name_heir(self, None, now);
        let others = state.members.len();
        Some(MembershipChange {
            others,
            gathering,
            heir_awaited: (was_admin && lost) || account_awaited,
            empty: others == 0 && state.made.is_some() && !state.kept,
            heir: false,
            as_operator: false,
        })
    }

    /// A last admin is not waited for any more: somebody inherits the room. Called by the timer.
    pub fn name_heir(self: &Arc<Self>, now: Instant) {
        self.lock().name_heir(self, None, now);
        self.drive();
    }

    /// A member has another name now. The others read it here, the member elsewhere. `who` as in [`Room::identify`]. True if
    /// the room has to be written down.
    pub fn rename(&self, client: ClientId, before: &UserName, who: impl FnOnce() -> Actor, now: Instant) -> bool {
        let mut state = self.lock();
        let Some((name, adopted)) = state.identify(self, client, who, now) else { return false };
        let news = format!("{before} is {name} now");
        let people = [before.clone(), name].map(|name| Addressee { client, name }).into();
        state.tell_presence(news, Some(client), people);
        adopted
    }

    /// The accounts of those who keep order.
    pub fn admin_accounts(&self) -> Vec<AccountId> {
        self.lock().order.admin_accounts().collect()
    }

    /// An account is gone, and with it what it was here: somebody inherits if nobody else keeps order. False if it was
    /// nothing.
    pub fn forget_account(&self, account: AccountId, now: Instant) -> bool {
        self.lock().forget_account(self, account, now)
    }

    /// A member has logged in to an account or out of it, or become an operator. `who` is called under the room's lock: when
    /// two threads report a member at the same time, each reports what holds then, and it does not matter which is last.
    /// True if the room has to be written down.
    pub fn identify(&self, client: ClientId, who: impl FnOnce() -> Actor, now: Instant) -> bool {
        self.lock().identify(self, client, who, now).is_some_and(|(_, adopted)| adopted)
    }
}

impl State {
    /// Somebody's account is gone. An heir is named if there is nobody left to keep order.
    pub(super) fn forget_account(&mut self, room: &Room, account: AccountId, now: Instant) -> bool {
        let State { order, members, .. } = self;
        // Whether the connection that had the place is still this person's: on it may be somebody else by now.
        let is_there = |who: &Identity| {
            let member = members.get(&who.client).map(|member| &member.who);
            member.is_some_and(|now| now.name == who.name && now.account.is_none_or(|own| own == account))
        };
        let had_place = order.forget_account(account, is_there);
        self.readers.forget(account);
        if had_place {
            self.revision += 1;
            self.name_heir(room, None, now);
        }
        had_place
    }

    /// Who a member is now: the name, and true if something in the lists is an account's now that was a guest's. Nothing
    /// if they are not in the room.
    fn identify(
        &mut self,
        room: &Room,
        client: ClientId,
        who: impl FnOnce() -> Actor,
        now: Instant,
    ) -> Option<(UserName, bool)> {
        let member = self.members.get_mut(&client)?;
        let Actor { who, operator } = who();
        let adopted = self.order.renamed(&who, now);
        self.revision += u64::from(adopted);
        let name = who.name.clone();
        let before = std::mem::replace(&mut member.who, who);
        member.operator = operator;
        self.reader_changed(room, client, &before);
        Some((name, adopted))
    }

    fn is_in(&self, client: ClientId, membership: MembershipId) -> bool {
        self.members.get(&client).is_some_and(|member| member.membership == membership)
    }

    /// Whoever comes first into a room that was empty for a while gets it.
    #[inline(never)]
    fn inherits_empty(&mut self, client: ClientId, now: Instant) -> bool {
        let heir = self.made.is_some() && !self.order.has_admin(now);
        if let Some(member) = self.members.get(&client).filter(|_| heir) {
            let who = member.who.clone();
            self.order.unmute(&who.name, Some(&who), now);
            self.order.inherit(who);
        }
        heir
    }

    #[inline(never)]
    fn admit(
        &mut self,
        actor: Actor,
        outbox: &Arc<Outbox>,
        membership: MembershipId,
        (first, came_in): (MessageId, MessageId),
        now: Instant,
    ) {
        let Actor { who, operator } = actor;
        let outbox_share = Arc::clone(outbox);
        let outbox = outbox_share;
        let member =
            Member { membership, who, operator, outbox, since: now, in_view: false, posted: None, first, came_in };
        self.members.insert(member.who.client, Box::new(member));
        self.empty_since = None;
    }

    /// Tells of an arrival, now or later: after so long, if nobody has been asked to yet.
    #[inline(never)]
    fn tell_joined(&mut self, who: Addressee) -> Option<Duration> {
        if self.in_view > GATHER_ABOVE || self.gathered.is_due() {
            return self.gathered.joined(who).then(|| gathering_time(self.in_view));
        }
        // Not `format!`: this is deep down, and its stack would be a page more for everybody.
        let news = [who.name.as_str(), " joined"].concat();
        self.tell_presence(news, Some(who.client), [who].into());
        None
    }

    /// The same of a departure.
    #[inline(never)]
    fn tell_left(&mut self, who: Addressee, going: Going) -> Option<Duration> {
        if self.in_view > GATHER_ABOVE || self.gathered.is_due() {
            return self.gathered.left(who).then(|| gathering_time(self.in_view));
        }
        let reason = if going == Going::Idle { " (idle)" } else { "" };
        self.tell_presence(format!("{} left{reason}", who.name), Some(who.client), [who].into());
        None
    }

    /// Whether somebody may come in; true if only because they are an operator.
    #[inline(never)]
    fn may_enter(&self, actor: &Actor, opened: Option<DoorVersion>, now: Instant) -> Result<bool, EnterError> {
        let who = &actor.who;
        let invited = self.order.invited(who, now) || self.order.rank(who, now).is_some();
        let admitted = invited || opened == Some(self.door);
        let case = Context { admitted, ..self.case() };
        let (let_in, kicked) = (permits(self.outsider(who, now), Permission::Enter, case), self.order.kicked(who, now));
        match kicked {
            None if let_in => return Ok(false),
            _ if actor.operator && permits(Role::Operator, Permission::Enter, case) => return Ok(true),
            Some(left) if let_in => return Err(EnterError::Kicked(left)),
            _ => {}
        }
        Err(match self.order.banned(who, now) {
            Some(ban) => {
                let left = ban.until.map(|until| until.saturating_duration_since(now));
                EnterError::Banned(left, ban.reason.to_string())
            }
            None => EnterError::NotAdmitted,
        })
    }

    /// Takes somebody out of the lists.
    pub(super) fn remove(&mut self, client: ClientId, now: Instant) -> Option<Box<Member>> {
        let member = self.members.remove(&client)?;
        self.empty_since = self.members.is_empty().then_some(now);
        if let Some(posted) = member.posted.filter(|_| !self.slow.is_zero()) {
            self.order.rest(&member.who, posted + self.slow, now);
        }
        if member.in_view {
            self.in_view -= 1;
            self.viewers = None;
            member.outbox.close_view();
        }
        Some(member)
    }

    /// If somebody's room has no admin any more, whoever has been in it longest gets it, and his voice with it; but
    /// not who is passed over, because he has just been made an ordinary member.
    pub(super) fn name_heir(&mut self, room: &Room, passed_over: Option<ClientId>, now: Instant) {
        if self.made.is_none() || self.closed || self.order.has_admin(now) {
            return;
        }
        let fit = self.members.values().filter(|member| passed_over != Some(member.who.client));
        let Some(heir) = fit.min_by_key(|member| member.since) else { return };
        let (who, outbox, in_view) = (heir.who.clone(), Arc::clone(&heir.outbox), heir.in_view);
        let heir = who.addressee();
        self.order.unmute(&heir.name, Some(&who), now);
        self.order.inherit(who);
        self.tell(format!("{} is admin of {} now", heir.name, room.name), None, [heir].into());
        if !in_view {
            outbox.announce(LineKind::News, &format!("You are admin of {} now.", room.name));
        }
    }
}
