//! The role of a user in a room, and so what they may do there.
//!
//! *Owns* how members and lists lead to a role.
//! *Knows nothing of* what a role may do: that is `permission`'s.
//! *Called by* `room` alone, under its lock.

use std::time::Instant;

use super::State;
use crate::chat::action::Actor;
use crate::chat::identity::Identity;
use crate::chat::permission::{Context, Permission, Role, permits};
use crate::chat::room_settings::RoomAccess;

impl State {
    /// What somebody is to this room.
    pub(super) fn role(&self, actor: &Actor, now: Instant) -> Role {
        // Of a member the room's own record counts: what the caller read without the lock may be out of date.
        let (who, operator, is_in) = match self.members.get(&actor.who.client) {
            Some(member) => (&member.who, member.operator, true),
            None => (&actor.who, actor.operator, false),
        };
        if operator {
            return Role::Operator;
        }
        if !is_in {
            return self.outsider(who, now);
        }
        match self.order.rank(who, now) {
            Some(role) => role,
            None if self.order.muted(who, now).is_some() => Role::Muted,
            None => Role::Member,
        }
    }

    /// What somebody is to this room who is not in it.
    pub(super) fn outsider(&self, who: &Identity, now: Instant) -> Role {
        // A ban of an address must not lock out an admin who happens to share it and comes back.
        let banned = self.order.banned(who, now).is_some() && self.order.rank(who, now).is_none();
        if banned { Role::Banned } else { Role::Stranger }
    }

    /// The case of the room itself.
    pub(super) fn case(&self) -> Context {
        Context {
            public: self.config.public,
            open: matches!(self.config.entry, RoomAccess::Open),
            ..Context::default()
        }
    }

    /// Whether somebody may do something, by the one table.
    pub(super) fn permits(&self, actor: &Actor, deed: Permission, case: Context, now: Instant) -> bool {
        permits(self.role(actor, now), deed, case)
    }
}
