//! Moderating a room, and changing its settings.
//!
//! *Owns* an action's way into the room, and what its author is told. *Knows nothing of* who may do what, or what an
//! action does; both are up to the rules.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::Room;
use crate::chat::action::{Actor, Denied, RoomAction};
use crate::chat::identity::Identity;
use crate::chat::moderation::Ban;
use crate::chat::permission::Permission;
use crate::chat::room::{ChangeKind, Wish, destroyed};

/// The result of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionOutcome {
    /// For the room, and for the log.
    pub news: String,
    /// For the author alone.
    pub remark: Option<String>,
    /// Nobody is left in a room that a user created.
    pub empty: bool,
    /// The room waits for an admin whose connection was removed under another account: see
    /// [`MembershipChange::heir_awaited`](super::MembershipChange).
    pub(crate) heir_awaited: bool,
}

/// The bans of a room.
#[derive(Clone, Debug)]
pub struct BanList {
    /// Oldest first.
    pub bans: Vec<Ban>,
    /// When they were read, by the room's clock.
    pub at: Timestamp,
    /// The reader may see addresses.
    pub(crate) shows_addresses: bool,
}

impl Room {
    /// Carries out an action on the room or on a user in it. `online` is the user it is about, if they are on the
    /// server; `local` means that their address is the machine's own, which is never banned.
    ///
    /// Destroying the room is only permitted here. [`Room::close`] does it, once the room is off the disk.
    pub(crate) fn act(
        self: &Arc<Self>,
        actor: &Actor,
        action: RoomAction,
        online: Option<Actor>,
        local: bool,
        now: Instant,
    ) -> Result<ActionOutcome, Denied> {
        #[cfg(feature = "cluster")]
        if let Some(log) = self.log() {
            return self.propose_action(&**log, actor, &Wish::Act { action, online, local }, now);
        }
        let mut state = self.lock();
        let now = self.now(now);
        let change = state.room.decide(actor, Wish::Act { action, online, local }, now)?;
        if matches!(change.kind, ChangeKind::Closed) {
            let news = destroyed(&self.name, &actor.who.name);
            return Ok(ActionOutcome { news, remark: None, empty: false, heir_awaited: false });
        }
        let mut outcome = ActionOutcome { news: String::new(), remark: None, empty: false, heir_awaited: false };
        if let ChangeKind::Banned { ban, .. } = &change.kind
            && ban.who.is_none()
        {
            // A ban of a mistyped name has no effect, but looks as if it had.
            outcome.remark = Some(format!("{} is not online: the ban is by name alone.", ban.name));
        }
        let removes = matches!(change.kind, ChangeKind::Kicked { .. } | ChangeKind::Banned { .. });
        let mut demoted = None;
        if let ChangeKind::Muted { who, .. } | ChangeKind::Demoted { who, .. } = &change.kind {
            demoted = Some(who.client);
        }
        self.carry_out(&mut state, change);
        outcome.news = state.last_news();
        if removes {
            outcome.heir_awaited = state.room.moderation().awaits_since(now.at);
            outcome.empty = state.room.is_abandoned();
        }
        if removes || demoted.is_some() {
            // The room may need another admin, which is announced after the action.
            self.find_heir(&mut state, demoted, now);
        }
        Ok(outcome)
    }

    /// Invites a user for a day. The sentence is for the room.
    pub(crate) fn invite(&self, actor: &Actor, guest: &Identity, now: Instant) -> Result<String, Denied> {
        #[cfg(feature = "cluster")]
        if let Some(log) = self.log() {
            return self.propose_invitation(&**log, actor, guest, now);
        }
        let mut state = self.lock();
        let change = state.room.decide(actor, Wish::Invite(guest.clone()), self.now(now))?;
        self.carry_out(&mut state, change);
        Ok(state.last_news())
    }

    /// Who is banned.
    pub(crate) fn bans(&self, actor: &Actor, now: Instant) -> Result<BanList, Denied> {
        let state = self.lock();
        let at = self.now(now).at;
        state.room.check(actor, Permission::ListBans, at)?;
        let shows_addresses = state.room.permits(actor, Permission::SeeAddresses, at);
        Ok(BanList { bans: state.room.moderation().bans(at).cloned().collect(), at, shows_addresses })
    }
}
