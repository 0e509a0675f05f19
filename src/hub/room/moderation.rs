//! Order in a room: kicking, banning, silencing, making admins, setting the room up.
//!
//! *Owns* what each act does to the room, and the sentence that tells of it.
//! *Knows nothing of* who may do what: that is `permission`'s.
//! *Called by* `session`.

use std::sync::Arc;
use std::time::Instant;

use super::{Room, State};
use crate::chat::action::{Actor, Denied, RoomAction};
use crate::chat::duration;
use crate::chat::identity::{Identity, Target};
use crate::chat::message::{ClientId, People};
use crate::chat::moderation::{Ban, KICK_LASTS};
use crate::chat::names::UserName;
use crate::chat::permission::{Context, Permission, Role};
use crate::outbox::Outbox;
use crate::ui::screen::LineKind;

/// An act that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionOutcome {
    /// What the room is told, and the log.
    pub news: String,
    /// What the author alone is told.
    pub remark: Option<String>,
    /// Nobody is left in a room that somebody has made.
    pub empty: bool,
    /// The account of an admin is waited for, whose connection was put out as somebody else: see
    /// [`Change::heir_awaited`](super::Change).
    pub heir_awaited: bool,
}

/// Somebody something is done to, as far as the room and the server know him.
struct Subject {
    name: UserName,
    /// Who he is, if he is in the room or online.
    who: Option<Identity>,
    outbox: Option<Arc<Outbox>>,
    role: Role,
    in_view: bool,
}

impl Room {
    /// Does something to the room or to somebody in it. `online` is who was named, if he is on the server; `local` tells
    /// that his address is the machine's own, which is never banned.
    pub fn act(
        self: &Arc<Self>,
        actor: &Actor,
        act: RoomAction,
        online: Option<Actor>,
        local: bool,
        now: Instant,
    ) -> Result<ActionOutcome, Denied> {
        let mut state = self.lock();
        if state.closed || (!actor.operator && !state.members.contains_key(&actor.who.client)) {
            return Err(Denied::NotIn(self.name.clone()));
        }
        let people = state.named_in(actor, &act);
        // The room may need another admin after it, and that is told after it.
        let (mut heir, mut passed_over) = (false, None);
        let news = match act {
            RoomAction::Kick { whom, reason } => {
                let target = state.present(self, &whom, now)?;
                state.judge(self, actor, Permission::Kick, &target, "kick", now)?;
                let news = because(format!("{} was kicked by {}", target.name, actor.who.name), &reason);
                let line = because(format!("You were kicked from {} by {}", self.name, actor.who.name), &reason);
                let line = format!("{line}. You may come back in {}.", duration::told(KICK_LASTS));
                let mut heir_awaited = false;
                if let Some(who) = &target.who {
                    state.revision += 1;
                    state.order.kick(who, now);
                    heir_awaited = state.put_out(self, who, &news, &line, people, now);
                }
                return Ok(ActionOutcome { news, remark: None, empty: state.is_empty(), heir_awaited });
            }
            RoomAction::Ban { whom, lasts, reason } => {
                return self.ban(state, actor, whom, lasts, &reason, online, local, people, now);
            }
            RoomAction::Unban(whom) => {
                state.ask(self, actor, Permission::Pardon, now)?;
                // A session's number names nobody who is not online.
                if whom.client.is_some() && online.is_none() {
                    return Err(Denied::NotOnline(whom));
                }
                if !state.order.pardon(&whom.name, online.as_ref().map(|online| &online.who), now) {
                    return Err(Denied::AsItIs(format!(
                        "{} is not banned from {}; :bans lists who is.",
                        whom.name, self.name
                    )));
                }
                format!("{} was unbanned by {}", whom.name, actor.who.name)
            }
            RoomAction::Mute { whom, lasts } => {
                let target = state.present(self, &whom, now)?;
                state.judge(self, actor, Permission::Mute, &target, "mute", now)?;
                if let Some(who) = &target.who {
                    // A rank would outweigh it.
                    state.order.demote(who);
                    state.order.mute(who, lasts.map(|lasts| now + lasts), now);
                }
                let length = lasts.map(|lasts| format!(" for {}", duration::told(lasts))).unwrap_or_default();
                let by = &actor.who.name;
                target.hear(&format!("You were muted in {} by {by}{length}: you can read, but not write.", self.name));
                heir = true;
                passed_over = target.who.as_ref().map(|who| who.client);
                format!("{} was muted by {by}{length}", target.name)
            }
            RoomAction::Unmute(whom) => {
                state.ask(self, actor, Permission::Unmute, now)?;
                let target = state.present(self, &whom, now).ok();
                let outside = online.as_ref().map(|online| &online.who);
                let who = target.as_ref().and_then(|target| target.who.as_ref()).or(outside);
                // A session's number names nobody who is not online.
                if whom.client.is_some() && who.is_none() {
                    return Err(Denied::NotOnline(whom));
                }
                if !state.order.unmute(&whom.name, who, now) {
                    return Err(Denied::AsItIs(format!("{whom} is not muted.")));
                }
                if let Some(target) = target {
                    target.hear(&format!("You may write in {} again.", self.name));
                }
                format!("{} was unmuted by {}", whom.name, actor.who.name)
            }
            RoomAction::Promote(whom) => {
                let target = state.present(self, &whom, now)?;
                state.ask(self, actor, Permission::Promote, now)?;
                if matches!(target.role, Role::Admin | Role::Owner) {
                    return Err(Denied::AsItIs(format!("{} is admin already.", target.name)));
                }
                state.order.unmute(&target.name, target.who.as_ref(), now);
                if target.who.clone().is_some_and(|who| !state.order.promote(who, false)) {
                    return Err(Denied::ListFull);
                }
                target.hear(&format!("{} made you admin of {}.", actor.who.name, self.name));
                format!("{} made {} admin", actor.who.name, target.name)
            }
            RoomAction::Demote(whom) => {
                let target = state.present(self, &whom, now)?;
                state.judge(self, actor, Permission::Demote, &target, "demote", now)?;
                let alone = state.members.len() == 1 && target.role >= Role::Admin;
                if alone {
                    return Err(Denied::AsItIs(format!("You are alone in {}: it stays yours.", self.name)));
                }
                if !target.who.as_ref().is_some_and(|who| state.order.demote(who)) {
                    return Err(Denied::AsItIs(format!("{} is not an admin.", target.name)));
                }
                target.hear(&format!("{} made you an ordinary member of {}.", actor.who.name, self.name));
                heir = true;
                passed_over = target.who.as_ref().map(|who| who.client);
                format!("{} made {} an ordinary member", actor.who.name, target.name)
            }
            RoomAction::Set(setting) => {
                state.ask(self, actor, Permission::Set, now)?;
                state.set(setting, &actor.who.name, self)?
            }
            RoomAction::Destroy => {
                state.ask(self, actor, Permission::Destroy, now)?;
                if state.made.is_none() {
                    return Err(Denied::Configured(self.name.clone()));
                }
                let news = format!("{} was closed by {}", self.name, actor.who.name);
                return Ok(ActionOutcome { news, remark: None, empty: false, heir_awaited: false });
            }
        };
        state.revision += 1;
        state.tell(news.clone(), Some(actor.who.client), people);
        if heir {
            state.name_heir(self, passed_over, now);
        }
        Ok(ActionOutcome { news, remark: None, empty: false, heir_awaited: false })
    }

    #[expect(clippy::too_many_arguments, reason = "one call, from `act`, whose arguments these are")]
    fn ban(
        self: &Arc<Self>,
        mut state: std::sync::MutexGuard<'_, State>,
        actor: &Actor,
        whom: Target,
        lasts: Option<std::time::Duration>,
        reason: &str,
        online: Option<Actor>,
        local: bool,
        people: People,
        now: Instant,
    ) -> Result<ActionOutcome, Denied> {
        let mut remark = None;
        let target = match state.present(self, &whom, now) {
            Ok(target) => target,
            Err(_) if whom.client.is_some() && online.is_none() => return Err(Denied::NotOnline(whom)),
            // Who is not here can be kept out by his name, and by his address if he is online.
            Err(_) => {
                let awaited = state.order.awaited_rank(&whom.name, now);
                let role = online.as_ref().map_or(Role::Stranger, |online| state.role(online, now));
                if online.is_none() {
                    // A mistyped name keeps nobody out, and looks like one that does.
                    remark = Some(format!("{} is not online: the ban is by name alone.", whom.name));
                }
                Subject {
                    name: whom.name.clone(),
                    who: online.map(|online| online.who),
                    outbox: None,
                    role: awaited.unwrap_or(role),
                    in_view: false,
                }
            }
        };
        state.judge(self, actor, Permission::Ban, &target, "ban", now)?;
        let address = target.who.as_ref().filter(|_| !local).map(|who| who.address);
        let until = lasts.map(|lasts| now + lasts);
        let by = actor.who.name.clone();
        let who = target.who.clone();
        let ban = Ban { name: target.name.clone(), who, address, by, reason: reason.into(), until };
        if !state.order.ban(ban, now) {
            return Err(Denied::ListFull);
        }
        state.revision += 1;
        let length = lasts.map(|lasts| format!(" for {}", duration::told(lasts))).unwrap_or_default();
        let news = because(format!("{} was banned by {}{length}", target.name, actor.who.name), reason);
        let line = because(format!("You were banned from {} by {}{length}", self.name, actor.who.name), reason) + ".";
        let heir_awaited = match target.who.clone().filter(|who| state.members.contains_key(&who.client)) {
            Some(who) => state.put_out(self, &who, &news, &line, people, now),
            None => {
                state.tell(news.clone(), Some(actor.who.client), people);
                false
            }
        };
        Ok(ActionOutcome { news, remark, empty: state.is_empty(), heir_awaited })
    }

    /// Opens the room to somebody for a day. The sentence is for the room.
    pub fn invite(&self, actor: &Actor, guest: &Identity, now: Instant) -> Result<String, Denied> {
        let mut state = self.lock();
        if state.closed || (!actor.operator && !state.members.contains_key(&actor.who.client)) {
            return Err(Denied::NotIn(self.name.clone()));
        }
        if guest.client == actor.who.client {
            return Err(Denied::Yourself("invite"));
        }
        if state.members.contains_key(&guest.client) {
            return Err(Denied::AsItIs(format!("{} is in {} already.", guest.name, self.name)));
        }
        if !state.permits(actor, Permission::Invite, state.case(), now) {
            let muted = state.role(actor, now) == Role::Muted;
            return Err(match muted {
                true => Denied::AsItIs(format!("You are muted in {}, so you cannot invite anybody.", self.name)),
                false => Denied::NotOpen(self.name.clone()),
            });
        }
        if let Some(ban) = state.order.banned(guest, now) {
            // Under which name he was banned is for those who keep order.
            let remedy = match state.role(actor, now) >= Role::Admin {
                true => format!(": :unban {} lets him in again.", ban.name),
                false => ".".to_owned(),
            };
            return Err(Denied::AsItIs(format!("{} is banned from {}{remedy}", guest.name, self.name)));
        }
        let forgives = state.role(actor, now) >= Role::Admin && state.order.kicked(guest, now).is_some();
        if forgives {
            state.order.forgive(guest, now);
        } else if state.order.invited(guest, now) {
            return Err(Denied::AsItIs(format!("{} is invited to {} already.", guest.name, self.name)));
        }
        state.order.invite(guest, now);
        let first = state.readers.note(guest, self.last_given());
        self.record_first(&state, first);
        state.revision += 1;
        let news = format!("{} was invited by {}", guest.name, actor.who.name);
        let people = [actor.who.addressee(), guest.addressee()].into();
        state.tell(news.clone(), Some(actor.who.client), people);
        Ok(news)
    }

    /// Who is kept out, and whether addresses may be shown to who asks.
    pub fn bans(&self, actor: &Actor, now: Instant) -> Result<(Vec<Ban>, bool), Denied> {
        let mut state = self.lock();
        state.ask(self, actor, Permission::SeeBans, now)?;
        let addresses = state.permits(actor, Permission::SeeAddresses, state.case(), now);
        Ok((state.order.bans(now).to_vec(), addresses))
    }
}

impl Subject {
    /// Who does not look at the room hears of it all the same.
    fn hear(&self, line: &str) {
        if let Some(outbox) = self.outbox.as_ref().filter(|_| !self.in_view) {
            outbox.announce(LineKind::News, line);
        }
    }
}

impl State {
    /// Whether somebody may do something to the room.
    fn ask(&self, room: &Room, actor: &Actor, deed: Permission, now: Instant) -> Result<(), Denied> {
        if self.permits(actor, deed, self.case(), now) {
            return Ok(());
        }
        Err(match self.role(actor, now) {
            Role::Stranger | Role::Banned => Denied::NotIn(room.name.clone()),
            Role::Admin => Denied::NotOwner(room.name.clone()),
            _ => self.not_admin(room),
        })
    }

    /// Whether somebody may do something to somebody else.
    fn judge(
        &self,
        room: &Room,
        actor: &Actor,
        deed: Permission,
        target: &Subject,
        verb: &'static str,
        now: Instant,
    ) -> Result<(), Denied> {
        let own = target.who.as_ref().is_some_and(|who| who.client == actor.who.client);
        let against = Some(target.role);
        if self.permits(actor, deed, Context { own, against, ..self.case() }, now)
            && !(own && deed != Permission::Demote)
        {
            return Ok(());
        }
        let role = self.role(actor, now);
        Err(match role {
            Role::Stranger | Role::Banned => Denied::NotIn(room.name.clone()),
            Role::Muted | Role::Member => self.not_admin(room),
            _ if own => Denied::Yourself(verb),
            // Below him, and yet not his to act against: admins do not unmake admins.
            Role::Admin if target.role < Role::Admin => Denied::AsItIs(format!("{} is not an admin.", target.name)),
            _ => Denied::Above { name: target.name.clone(), role: target.role, verb },
        })
    }

    /// What somebody hears who keeps no order in a room.
    pub(super) fn not_admin(&self, room: &Room) -> Denied {
        match self.made {
            Some(_) => Denied::NotAdmin(room.name.clone()),
            None => Denied::NoAdmins(room.name.clone()),
        }
    }

    fn present(&self, room: &Room, whom: &Target, now: Instant) -> Result<Subject, Denied> {
        let found = self.members.values().find(|member| whom.names(&member.who.name, member.who.client));
        let Some(member) = found else {
            return Err(Denied::NotHere { whom: whom.clone(), room: room.name.clone() });
        };
        let actor = Actor { who: member.who.clone(), operator: member.operator };
        Ok(Subject {
            name: member.who.name.clone(),
            who: Some(member.who.clone()),
            outbox: Some(Arc::clone(&member.outbox)),
            role: self.role(&actor, now),
            in_view: member.in_view,
        })
    }

    /// Takes somebody out of the room and tells both them and the others. True if the account of an admin is waited for
    /// now.
    fn put_out(&mut self, room: &Room, who: &Identity, news: &str, line: &str, people: People, now: Instant) -> bool {
        let member = self.remove(who.client, now);
        self.order.left(who, false, false, now);
        let awaited = self.order.await_account(who, self.kept, now);
        let by = people.first().map(|author| author.client);
        self.tell(news.to_owned(), by, people);
        if let Some(member) = member {
            member.outbox.expel(&room.conversation(), Some(member.membership), line);
        }
        self.name_heir(room, None, now);
        awaited
    }

    fn is_empty(&self) -> bool {
        self.members.is_empty() && self.made.is_some() && !self.kept
    }

    /// Whether a connection has the room in view.
    pub(super) fn is_viewed_by(&self, client: ClientId) -> bool {
        self.members.get(&client).is_some_and(|member| member.in_view)
    }
}

/// A sentence with its reason, if there is one: `bob was kicked by alice (spam)`.
fn because(sentence: String, reason: &str) -> String {
    if reason.is_empty() { sentence } else { format!("{sentence} ({reason})") }
}
