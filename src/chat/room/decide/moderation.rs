//! Who may moderate, and who may invite.

use jiff::Timestamp;

use crate::chat::action::{Actor, Denied, RoomAction};
use crate::chat::duration::after;
use crate::chat::identity::{Identity, Target};
use crate::chat::moderation::Ban;
use crate::chat::names::UserName;
use crate::chat::permission::{Context, Permission, Role};
use crate::chat::room::change::ChangeKind;
use crate::chat::room::{Member, Now, RoomState};

/// The user that an action affects, as far as the room and the server know them.
struct Subject<'a> {
    name: &'a UserName,
    /// If they are in the room or online.
    who: Option<&'a Identity>,
    role: Role,
}

impl RoomState {
    pub(super) fn decide_action(
        &self,
        actor: &Actor,
        action: RoomAction,
        online: Option<Actor>,
        local: bool,
        now: Now,
    ) -> Result<ChangeKind, Denied> {
        self.check_is_in(actor)?;
        let (at, by) = (now.at, actor.who.addressee());
        Ok(match action {
            RoomAction::Kick { target, reason } => {
                let member = self.present(&target)?;
                self.check_against(actor, Permission::Kick, &self.subject(member, at), "kick", at)?;
                ChangeKind::Kicked { who: member.who.clone(), by, reason: reason.into() }
            }
            RoomAction::Ban { target, lasts, reason } => {
                let subject = match (self.present(&target), &online) {
                    (Ok(member), _) => self.subject(member, at),
                    (Err(_), None) if target.client.is_some() => return Err(Denied::NotOnline(target)),
                    // A user outside the room can be banned by name, and by address if they are online.
                    (Err(_), online) => self.outside(&target, online.as_ref(), at),
                };
                self.check_against(actor, Permission::Ban, &subject, "ban", at)?;
                if !self.moderation.takes_ban(subject.name, at) {
                    return Err(Denied::ListFull);
                }
                let ban = Box::new(Ban {
                    name: subject.name.clone(),
                    who: subject.who.cloned(),
                    address: subject.who.filter(|_| !local).map(|who| who.address),
                    by: by.name.clone(),
                    reason: reason.into(),
                    until: lasts.map(|lasts| after(at, lasts)),
                });
                ChangeKind::Banned { ban, by }
            }
            RoomAction::Unban(target) => {
                self.check(actor, Permission::Unban, at)?;
                let who = online.map(|online| online.who);
                check_session(&target, who.as_ref())?;
                if !self.moderation.is_banned(&target.name, who.as_ref(), at) {
                    let line = format!("{} is not banned from {}; :bans lists who is.", target.name, self.name);
                    return Err(Denied::AsItIs(line));
                }
                ChangeKind::Unbanned { name: target.name, who, by }
            }
            RoomAction::Mute { target, lasts } => {
                let member = self.present(&target)?;
                self.check_against(actor, Permission::Mute, &self.subject(member, at), "mute", at)?;
                ChangeKind::Muted { who: member.who.clone(), until: lasts.map(|lasts| after(at, lasts)), by }
            }
            RoomAction::Unmute(target) => {
                self.check(actor, Permission::Unmute, at)?;
                let member = self.present(&target).ok().map(|member| member.who.clone());
                let who = member.or(online.map(|online| online.who));
                check_session(&target, who.as_ref())?;
                if !self.moderation.is_muted(&target.name, who.as_ref(), at) {
                    return Err(Denied::AsItIs(format!("{target} is not muted.")));
                }
                ChangeKind::Unmuted { name: target.name, who, by }
            }
            RoomAction::Promote(target) => {
                let member = self.present(&target)?;
                self.check(actor, Permission::Promote, at)?;
                if matches!(self.role_of(member, at), Role::Admin | Role::Owner) {
                    return Err(Denied::AsItIs(format!("{} is already an admin.", member.who.name)));
                }
                if !self.moderation.takes_admin(&member.who, at) {
                    return Err(Denied::ListFull);
                }
                ChangeKind::Promoted { who: member.who.clone(), by }
            }
            RoomAction::Demote(target) => {
                let member = self.present(&target)?;
                let subject = self.subject(member, at);
                self.check_against(actor, Permission::Demote, &subject, "demote", at)?;
                if self.members.len() == 1 && subject.role >= Role::Admin {
                    return Err(Denied::AsItIs(format!("You are alone in {}, so it stays yours.", self.name)));
                }
                if !self.moderation.is_listed(&member.who) {
                    return Err(Denied::AsItIs(format!("{} is not an admin.", member.who.name)));
                }
                ChangeKind::Demoted { who: member.who.clone(), by }
            }
            RoomAction::Set(setting) => {
                self.check(actor, Permission::Set, at)?;
                self.check_setting(&setting)?;
                ChangeKind::Set { setting, by }
            }
            RoomAction::Destroy => {
                self.check(actor, Permission::Destroy, at)?;
                if self.created.is_none() {
                    return Err(Denied::Configured(self.name.clone()));
                }
                ChangeKind::Closed
            }
        })
    }

    pub(super) fn decide_invitation(&self, actor: &Actor, guest: Identity, now: Now) -> Result<ChangeKind, Denied> {
        self.check_is_in(actor)?;
        let (at, role) = (now.at, self.role(actor, now.at));
        if guest.client == actor.who.client {
            return Err(Denied::Yourself("invite"));
        }
        let as_it_is = |line: String| Err(Denied::AsItIs(line));
        if self.members.contains_key(&guest.client) {
            return as_it_is(format!("{} is in {} already.", guest.name, self.name));
        }
        if !self.permits(actor, Permission::Invite, at) {
            return match role == Role::Muted {
                true => as_it_is(format!("You are muted in {}, so you cannot invite anybody.", self.name)),
                false => Err(Denied::NotOpen(self.name.clone())),
            };
        }
        if let Some(ban) = self.moderation.banned(&guest, at) {
            // Only admins may learn under which name the guest was banned.
            let remedy = match role >= Role::Admin {
                true => format!(": :unban {} lets them in again.", ban.name),
                false => ".".to_owned(),
            };
            return as_it_is(format!("{} is banned from {}{remedy}", guest.name, self.name));
        }
        let forgiven = role >= Role::Admin && self.moderation.kicked(&guest, at).is_some();
        if !forgiven && self.moderation.invited(&guest, at) {
            return as_it_is(format!("{} is invited to {} already.", guest.name, self.name));
        }
        Ok(ChangeKind::Invited { guest, by: actor.who.addressee(), forgiven, last: now.last })
    }

    /// Only members and operators act on a room, and nobody on a closed one.
    fn check_is_in(&self, actor: &Actor) -> Result<(), Denied> {
        let is_in = actor.operator || self.members.contains_key(&actor.who.client);
        if is_in && !self.closed { Ok(()) } else { Err(Denied::NotIn(self.name.clone())) }
    }

    /// Whether a user may do something to the room.
    ///
    /// # Errors
    ///
    /// They may not. The error is shown to the user.
    pub(crate) fn check(&self, actor: &Actor, permission: Permission, at: Timestamp) -> Result<(), Denied> {
        if self.permits(actor, permission, at) {
            return Ok(());
        }
        Err(match self.role(actor, at) {
            Role::Stranger | Role::Banned => Denied::NotIn(self.name.clone()),
            Role::Admin => Denied::NotOwner(self.name.clone()),
            Role::Muted | Role::Member | Role::Owner | Role::Operator => self.not_admin(),
        })
    }

    /// Whether a user may do something to another one.
    fn check_against(
        &self,
        actor: &Actor,
        permission: Permission,
        subject: &Subject<'_>,
        verb: &'static str,
        at: Timestamp,
    ) -> Result<(), Denied> {
        let own = subject.who.is_some_and(|who| who.client == actor.who.client);
        let context = Context { own, against: Some(subject.role), ..self.context() };
        if self.permits_in(actor, permission, context, at) && !(own && permission != Permission::Demote) {
            return Ok(());
        }
        Err(match self.role(actor, at) {
            Role::Stranger | Role::Banned => Denied::NotIn(self.name.clone()),
            Role::Muted | Role::Member => self.not_admin(),
            Role::Admin | Role::Owner | Role::Operator if own => Denied::Yourself(verb),
            // Only owners demote others, but here there is nothing to demote.
            Role::Admin if subject.role < Role::Admin => Denied::AsItIs(format!("{} is not an admin.", subject.name)),
            Role::Admin | Role::Owner | Role::Operator => {
                Denied::Above { name: subject.name.clone(), role: subject.role, verb }
            }
        })
    }

    fn present(&self, target: &Target) -> Result<&Member, Denied> {
        self.find_member(target).ok_or_else(|| Denied::NotHere { target: target.clone(), room: self.name.clone() })
    }

    fn subject<'a>(&self, member: &'a Member, at: Timestamp) -> Subject<'a> {
        Subject { name: &member.who.name, who: Some(&member.who), role: self.role_of(member, at) }
    }

    fn outside<'a>(&self, target: &'a Target, online: Option<&'a Actor>, at: Timestamp) -> Subject<'a> {
        let awaited = self.moderation.awaited_rank(&target.name, at);
        let role = awaited.unwrap_or_else(|| online.map_or(Role::Stranger, |online| self.role(online, at)));
        Subject { name: &target.name, who: online.map(|online| &online.who), role }
    }
}

/// A session's number names nobody unless they are online.
fn check_session(target: &Target, who: Option<&Identity>) -> Result<(), Denied> {
    if target.client.is_some() && who.is_none() { Err(Denied::NotOnline(target.clone())) } else { Ok(()) }
}
