//! A user's role in a room, and what that permits.
//!
//! *Owns* how membership and the lists determine a role. *Knows nothing of* what a role may do, which is up to
//! `permission`.

use jiff::Timestamp;

use super::{Member, RoomState};
use crate::chat::action::{Actor, Denied};
use crate::chat::identity::Identity;
use crate::chat::permission::{Context, Permission, Role, permits};
use crate::chat::room_settings::RoomAccess;

impl RoomState {
    /// A user's role.
    pub fn role(&self, actor: &Actor, at: Timestamp) -> Role {
        // For a member, the room's own record counts: the caller's may be out of date.
        match self.members.get(&actor.who.client) {
            Some(member) => self.role_of(member, at),
            None if actor.operator => Role::Operator,
            None => self.outsider(&actor.who, at),
        }
    }

    /// A member's role.
    pub(crate) fn role_of(&self, member: &Member, at: Timestamp) -> Role {
        if member.operator {
            return Role::Operator;
        }
        match self.moderation.rank(&member.who, at) {
            Some(role) => role,
            None if self.moderation.muted(&member.who, at).is_some() => Role::Muted,
            None => Role::Member,
        }
    }

    /// The role of a user who is not in the room.
    pub(super) fn outsider(&self, who: &Identity, at: Timestamp) -> Role {
        // A ban of an address must not lock out an admin who happens to share it and comes back.
        let banned = self.moderation.banned(who, at).is_some() && self.moderation.rank(who, at).is_none();
        if banned { Role::Banned } else { Role::Stranger }
    }

    /// The properties of the room that permissions depend on.
    pub(super) fn context(&self) -> Context {
        Context {
            public: self.settings.public,
            open: matches!(self.settings.entry, RoomAccess::Open),
            ..Context::default()
        }
    }

    /// Whether a user has a permission that depends on nothing but the room.
    pub(crate) fn permits(&self, actor: &Actor, permission: Permission, at: Timestamp) -> bool {
        self.permits_in(actor, permission, self.context(), at)
    }

    pub(super) fn permits_in(&self, actor: &Actor, permission: Permission, context: Context, at: Timestamp) -> bool {
        permits(self.role(actor, at), permission, context)
    }

    /// The refusal for a user who is not an admin of the room.
    pub(crate) fn not_admin(&self) -> Denied {
        match self.created {
            Some(_) => Denied::NotAdmin(self.name.clone()),
            None => Denied::NoAdmins(self.name.clone()),
        }
    }
}
