//! Moderating a room and changing its settings.
//!
//! *Owns* an action's way to its room and into the logs, and what the moderator is shown. *Knows nothing of* who may do
//! what.

use std::sync::Arc;

use super::Session;
use crate::chat::action::{Actor, Denied, RoomAction};
use crate::chat::conversation::RoomId;
use crate::chat::duration;
use crate::chat::moderation::GRACE;
use crate::chat::room_settings::RoomAccess;
use crate::hub::RoomNews;
use crate::hub::room::{BanList, Room};
use crate::hub::timer::Task;
use crate::text;
use crate::ui::screen::LineKind;

impl Session {
    pub(super) fn act(&mut self, id: &RoomId, action: RoomAction) {
        let room = self.rooms.get(id).map(|membership| Arc::clone(membership.room()));
        let (Some(room), Some(actor)) = (room, self.actor()) else {
            return self.deny(&Denied::NotIn(id.name.clone()));
        };
        let Some(action) = self.shareable_action(&room, &actor, action) else { return };
        let (online, local) = self.banned_address(&action);
        let destroys = action == RoomAction::Destroy;
        let sets = destroys || matches!(action, RoomAction::Set(_));
        let was_public = room.is_public();
        let _deciding = match self.decide(&room, &action) {
            Ok(deciding) => deciding,
            Err(denied) => return self.deny(&denied),
        };
        let Some(prepared) = self.prepare_action(&room, &actor, &action) else { return };
        match room.act(&actor, action.clone(), online, local, self.now()) {
            Ok(acted) => {
                self.log_action(&room, &acted.news);
                self.complete_action(&room, &action, &prepared);
                self.audit_in(&room, &acted.news);
                if let Some(news) = RoomNews::of_settings(was_public, room.is_public() && !destroys).filter(|_| sets) {
                    // Before the room is destroyed, or its members would be told twice.
                    self.hub.tell_programs(&room, news, Some(&actor.who.name), &acted.news);
                }
                if destroys {
                    let line = format!("{}.", acted.news);
                    if let Err(why) = self.hub.destroy_room(&room, &line, &self.outbox, self.now()) {
                        self.deny(&Denied::NotDone(why));
                    }
                    return;
                }
                self.rooms.note_undelivered(&room);
                self.outbox.tell(LineKind::News, &acted.news);
                if let Some(remark) = &acted.remark {
                    self.outbox.tell(LineKind::News, remark);
                }
                if acted.empty {
                    self.hub.let_linger(&room);
                }
                if acted.heir_awaited {
                    self.hub.timer.schedule(self.now() + GRACE, Task::NameHeir(Arc::downgrade(&room)));
                }
            }
            Err(denied) => {
                self.abandon_action(&room, &action);
                self.deny(&denied);
            }
        }
    }

    /// The target of a ban or a mute, if they are online, and whether their address is the machine's own.
    fn banned_address(&self, action: &RoomAction) -> (Option<Actor>, bool) {
        let (RoomAction::Ban { target, .. } | RoomAction::Unban(target) | RoomAction::Unmute(target)) = action else {
            return (None, false);
        };
        let Some(user) = self.hub.roster.find(target) else { return (None, false) };
        // Not the address that counts against limits: for ::1 that would be its /64.
        let peer = user.peer_address();
        let who = user.identity();
        let local = who.address.is_loopback() || peer.is_some_and(|address| address.is_loopback());
        (Some(Actor { operator: self.hub.is_operator(&who), who }), local)
    }

    pub(super) fn log_action(&self, room: &Room, news: &str) {
        log::info!("room {}: {}", room.name(), text::escape_for_log(news));
    }

    pub(super) fn show_settings(&self, room: &RoomId) {
        let (Some(membership), Some(actor)) = (self.rooms.get(room), self.actor()) else { return };
        let facts = match membership.room().settings(&actor, self.now()) {
            Ok(facts) => facts,
            Err(denied) => return self.deny(&denied),
        };
        let switch = |on: bool| if on { "on" } else { "off" };
        let config = &facts.config;
        let limit = config.limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
        let password = if config.entry.has_password() { "set" } else { "none" };
        let slow = if facts.slow.is_zero() { "off".to_owned() } else { duration::in_words(facts.slow) };
        let description = if config.description.is_empty() { "none" } else { &config.description };
        for line in [
            format!("description   {description}"),
            format!("limit         {limit}"),
            format!("password      {password}"),
            format!("public        {}", switch(config.public)),
            format!("invite        {}", switch(config.entry == RoomAccess::Closed)),
            format!("slow          {slow}"),
            format!("history       {}", facts.read_back.word()),
        ] {
            self.outbox.tell(LineKind::News, &line);
        }
        let keep = match self.hub.store() {
            Some(_) if facts.made.is_some() => Some(facts.kept),
            // Configured rooms persist anyway; this says whether their messages do.
            Some(store) => store.keeps_history().then_some(true),
            None if self.hub.is_shared() && facts.made.is_some() => Some(facts.kept),
            None => None,
        };
        if let Some(keep) = keep {
            self.outbox.tell(LineKind::News, &format!("keep          {}", switch(keep)));
        }
    }

    pub(super) fn show_topic(&self, room: &RoomId) {
        let (Some(membership), Some(actor)) = (self.rooms.get(room), self.actor()) else { return };
        match membership.room().settings(&actor, self.now()) {
            Ok(facts) if facts.config.description.is_empty() => {
                self.outbox.tell(LineKind::News, &format!("{room} has no description."));
            }
            Ok(facts) => self.outbox.tell(LineKind::News, &format!("{room}: {}", facts.config.description)),
            Err(denied) => self.deny(&denied),
        }
    }

    pub(super) fn list_bans(&self, room: &RoomId) {
        let (Some(membership), Some(actor)) = (self.rooms.get(room), self.actor()) else { return };
        let now = self.now();
        let BanList { bans, at, shows_addresses } = match membership.room().bans(&actor, now) {
            Ok(list) => list,
            Err(denied) => return self.deny(&denied),
        };
        if bans.is_empty() {
            return self.outbox.tell(LineKind::News, &format!("Nobody is banned from {room}."));
        }
        let column = bans.iter().map(|ban| text::width(ban.name.as_str())).max().unwrap_or(0);
        for ban in bans {
            let left = ban.left(at).map(|left| format!("{} left", duration::in_words(left)));
            let length = left.unwrap_or_else(|| "until lifted".to_owned());
            let address = match ban.address.filter(|_| shows_addresses) {
                Some(address) => format!(", from {address}"),
                None => String::new(),
            };
            let reason = if ban.reason.is_empty() { String::new() } else { format!(" ({})", ban.reason) };
            let name = text::pad(ban.name.as_str(), column);
            let line = format!("{name}   by {}, {length}{address}{reason}", ban.by);
            self.outbox.tell(LineKind::News, &line);
        }
    }
}
