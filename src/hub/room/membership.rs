//! Entering and leaving a room.
//!
//! *Owns* the seat of each member, and what joining and leaving lead to later. *Knows nothing of* passwords: the caller
//! that checked one names the door it opened.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{LockedRoom, Room, Seat};
use crate::chat::action::{Actor, EnterError};
use crate::chat::conversation::MembershipId;
use crate::chat::identity::Identity;
use crate::chat::message::{AccountId, ClientId};
use crate::chat::names::UserName;
use crate::chat::room::{Change, ChangeKind, DoorVersion, Going, Occurrence};
use crate::chat::room_settings::RoomAccess;
use crate::outbox::Outbox;

/// A user who wants to enter.
pub struct Entrant<'a> {
    /// Who they are; `None` if they have left the server. Called under the room's lock, so that nobody enters with an
    /// outdated identity.
    pub who: &'a dyn Fn() -> Option<Actor>,
    /// Their screen.
    pub outbox: &'a Arc<Outbox>,
    /// The door whose password they gave.
    pub opened: Option<DoorVersion>,
    /// Which stay this is.
    pub membership: MembershipId,
}

/// The result of a change of membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembershipChange {
    /// Others in the room now.
    pub others: usize,
    /// Its news was batched: [`Room::flush_news`] is due after this time, which the caller has to schedule.
    pub(crate) gathering: Option<Duration>,
    /// An admin has lost their connection: [`Room::name_heir`] is due when the wait for them ends.
    pub(crate) heir_awaited: bool,
    /// Nobody is left in a room that a user created.
    pub empty: bool,
    /// The user who entered is admin now, because the room had none.
    pub heir: bool,
    /// They could enter only because they are an operator.
    pub(crate) as_operator: bool,
}

impl Room {
    /// Lets a user in. If they are in the room already, only the stay is new.
    pub(crate) fn enter(&self, visitor: Entrant<'_>, now: Instant) -> Result<MembershipChange, EnterError> {
        #[cfg(feature = "cluster")]
        if let Some(log) = self.log() {
            return self.propose_entry(&**log, &visitor, now);
        }
        let outbox = visitor.outbox;
        let mut state = self.lock();
        let change = self.decide_entry(&state, visitor, now)?;
        // Boxed, since what follows is the deepest call of a session.
        let (mut heir, mut as_operator) = (false, false);
        if let ChangeKind::Entered { heir: inherits, as_operator: forced, .. } = &change.kind {
            (heir, as_operator) = (*inherits, *forced);
            state.seats.insert(outbox.id(), Seat { outbox: Arc::clone(outbox), in_view: false, is_program: false });
        }
        let gathering = self.carry_out_borrowed(&mut state, &change);
        let others = state.room.member_count() - 1;
        Ok(MembershipChange { others, gathering, heir_awaited: false, empty: false, heir, as_operator })
    }

    #[inline(never)]
    fn decide_entry(&self, state: &LockedRoom, visitor: Entrant<'_>, now: Instant) -> Result<Box<Change>, EnterError> {
        let Entrant { who, outbox: _, opened, membership } = visitor;
        let Some(actor) = who().filter(|_| !state.room.is_closed()) else { return Err(EnterError::Closed) };
        state.room.decide_enter(&actor, opened, membership, self.now(now)).map(Box::new)
    }

    /// Who can enter, and the door as it is now.
    pub(crate) fn door(&self) -> (RoomAccess, DoorVersion) {
        let state = self.lock();
        (state.room.settings().entry.clone(), state.room.door())
    }

    /// Others in the room, if a connection is in it with this membership.
    pub(crate) fn others(&self, client: ClientId, membership: MembershipId) -> Option<usize> {
        let state = self.lock();
        state.room.is_in(client, membership).then(|| state.room.member_count() - 1)
    }

    /// Whether a user may come in without a password: they are invited, or an admin who comes back.
    pub(crate) fn expects(&self, who: &Identity, now: Instant) -> bool {
        self.lock().room.expects(who, self.now(now).at)
    }

    /// Removes a member; `None` if they are not in the room, or are in it with a newer membership. A panic elsewhere
    /// must not keep anybody in a room, so this never refuses.
    pub(crate) fn leave(
        &self,
        client: ClientId,
        membership: MembershipId,
        going: Going,
        now: Instant,
    ) -> Option<MembershipChange> {
        let mut state = self.lock();
        let now = self.now(now);
        let change = state.room.respond(Occurrence::Left { client, membership, going }, now)?;
        let gathering = self.carry_out(&mut state, change);
        let heir_awaited = state.room.moderation().awaits_since(now.at);
        self.find_heir(&mut state, None, now);
        let (others, empty) = (state.room.member_count(), state.room.is_abandoned());
        Some(MembershipChange { others, gathering, heir_awaited, empty, heir: false, as_operator: false })
    }

    /// The wait for the last admin is over: another member inherits the room. Called by the timer.
    pub fn name_heir(self: &Arc<Self>, now: Instant) {
        #[cfg(feature = "cluster")]
        if let Some(log) = self.log() {
            return self.propose_heir(&**log, None, now);
        }
        let mut state = self.lock();
        let now = self.now(now);
        self.find_heir(&mut state, None, now);
        drop(state);
        self.deliver_pending();
    }

    /// A member has changed their name. The others are told here, the member elsewhere. `who` as in [`Room::identify`].
    /// True if the room has to be stored again.
    pub(crate) fn rename(&self, client: ClientId, before: &UserName, who: impl Fn() -> Actor, now: Instant) -> bool {
        self.set_identity(client, Some(before.clone()), who, now)
    }

    /// A member has logged in or out, or become an operator. `who` is called under the room's lock: if two threads
    /// report a member at the same time, both report the current state, and it does not matter which is last. True if
    /// the room has to be stored again.
    pub(crate) fn identify(&self, client: ClientId, who: impl Fn() -> Actor, now: Instant) -> bool {
        self.set_identity(client, None, who, now)
    }

    fn set_identity(&self, client: ClientId, before: Option<UserName>, who: impl Fn() -> Actor, now: Instant) -> bool {
        #[cfg(feature = "cluster")]
        if let Some(log) = self.log() {
            self.propose_identity(&**log, client, before.as_ref(), &who, now);
            return false;
        }
        let mut state = self.lock();
        if state.room.member(client).is_none() {
            return false;
        }
        let revision = state.room.revision();
        if let Some(change) = state.room.respond(Occurrence::Identified { actor: who(), before }, self.now(now)) {
            self.carry_out(&mut state, change);
        }
        state.room.revision() != revision
    }

    /// The accounts of the admins.
    pub(crate) fn admin_accounts(&self) -> Vec<AccountId> {
        self.lock().room.moderation().admin_accounts().collect()
    }

    /// An account was removed, and with it its role here. If there is no other admin, another member inherits. False if
    /// it had no role.
    pub(crate) fn forget_account(&self, account: AccountId, now: Instant) -> bool {
        #[cfg(feature = "cluster")]
        if let Some(log) = self.log() {
            self.propose_account_deleted(&**log, account, now);
            return false;
        }
        let mut state = self.lock();
        let now = self.now(now);
        let revision = state.room.revision();
        if let Some(change) = state.room.respond(Occurrence::AccountDeleted(account), now) {
            self.carry_out(&mut state, change);
        }
        let had_place = state.room.revision() != revision;
        if had_place {
            self.find_heir(&mut state, None, now);
        }
        had_place
    }
}
