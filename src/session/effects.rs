//! Carrying out what the palette wants done.
//!
//! *Owns* the calls into rooms and roster, and the rule who gets into a room.
//! *Knows nothing of* what was typed.
//! *Called by* `session`.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::{Membership, Session};
use crate::config::Entry;
use crate::names::{RoomName, UserName};
use crate::outbox::Ended;
use crate::palette::{Answer, Effect, JoinRefusal};
use crate::room::{Change, NotEntered, Room};
use crate::screen::Tone;
use crate::timer::Task;

/// Rooms one person may be in. A screen shows one at a time; this is for memory.
const MOST_ROOMS: usize = 64;

impl Session {
    /// Carries out the effects in their order; answers may bring more.
    pub(super) fn carry_out(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        let mut more = Vec::new();
        while !effects.is_empty() {
            for effect in effects.drain(..) {
                if let Some(answer) = self.carry_out_one(effect) {
                    self.palette.answer(answer, &mut more);
                }
            }
            std::mem::swap(&mut effects, &mut more);
        }
        self.effects = effects;
    }

    /// Its helpers are never inlined: their frames together would cost every idle person a page of stack.
    fn carry_out_one(&mut self, effect: Effect) -> Option<Answer> {
        match effect {
            Effect::Tell(tone, line) => self.outbox.tell(tone, &line),
            Effect::ClaimName(name) => return Some(self.claim_name(name)),
            Effect::CheckRoom { room, password } => return Some(self.check_room(room, password)),
            Effect::Join { room, password } => return Some(self.join(room, password)),
            Effect::Close(room) => self.close(&room),
            Effect::EnterView(room) => self.enter_view(&room),
            Effect::LeaveView => self.leave_view(),
            Effect::Say { room, text, confirm } => self.say(&room, &text, confirm),
            Effect::ListRooms => self.list_rooms(),
            Effect::ListPeople(room) => self.list_people(&room),
            Effect::ListEverybody => self.list_everybody(),
            Effect::ShowHistory { room, count } => self.show_history(&room, count),
            Effect::TellTime => self.tell_time(),
            Effect::TellWhoAmI => self.tell_who_am_i(),
            Effect::Redraw => self.redraw(),
            Effect::SetCharacterMode(on) => self.set_character_mode(on),
            Effect::SetColor(on) => self.set_color(on),
            Effect::HideInput => self.hide_input(),
            Effect::ShowInput => self.show_input(),
            Effect::Quit => self.ended = Some(Ended::Quit),
        }
        None
    }

    #[inline(never)]
    fn claim_name(&mut self, name: UserName) -> Answer {
        let now = Instant::now();
        let limit = self.hub.config().username_limit;
        match self.hub.roster.claim(&name, limit, &self.outbox, now) {
            Ok(person) => {
                self.person = Some(person);
                self.login_to_log = true;
                Answer::NameClaimed { name, people: self.hub.roster.count(), rooms: self.hub.rooms.public().len() }
            }
            Err(free) => Answer::NameTaken { name, free },
        }
    }

    #[inline(never)]
    fn check_room(&mut self, room: RoomName, password: Option<String>) -> Answer {
        match self.admit(&room, password.as_deref()) {
            Ok(found) => Answer::RoomChecked { room: found.name().clone(), password },
            Err(refusal) => Answer::JoinRefused { room, refusal },
        }
    }

    #[inline(never)]
    fn join(&mut self, wanted: RoomName, password: Option<String>) -> Answer {
        if let Some(membership) = self.membership(&wanted) {
            let room = Arc::clone(&membership.room);
            return Answer::Joined { room: room.name().clone(), others: room.count().saturating_sub(1), already: true };
        }
        let refused = |refusal| Answer::JoinRefused { room: wanted.clone(), refusal };
        let Some(person) = self.person.clone() else { return refused(JoinRefusal::NoSuchRoomOrPassword) };
        if self.memberships.len() >= MOST_ROOMS {
            return refused(JoinRefusal::TooManyRooms(MOST_ROOMS));
        }
        let room = match self.admit(&wanted, password.as_deref()) {
            Ok(room) => room,
            Err(refusal) => return refused(refusal),
        };
        match room.enter(&person.name, &self.outbox, Instant::now()) {
            Ok(change) => {
                self.arrange_news(&room, change);
                let read = room.said();
                self.memberships.push(Membership { room: Arc::clone(&room), read });
                Answer::Joined { room: room.name().clone(), others: change.others, already: false }
            }
            Err(NotEntered::Full(limit)) => refused(JoinRefusal::Full { room: room.name().clone(), limit }),
            Err(NotEntered::Closed) => refused(JoinRefusal::NoSuchRoomOrPassword),
        }
    }

    /// Whether this address may enter a room with this password. A hidden room and a missing one give the same answers
    /// after the same work.
    fn admit(&mut self, wanted: &RoomName, password: Option<&str>) -> Result<Arc<Room>, JoinRefusal> {
        let room = self.hub.rooms.find(wanted);
        let config = room.as_ref().map(|room| room.config());
        let public = config.as_ref().is_some_and(|config| config.public);
        if let (Some(room), true) = (&room, public) {
            match config.as_ref().map(|config| &config.entry) {
                Some(Entry::Open) => return Ok(Arc::clone(room)),
                Some(Entry::Password(_)) if password.is_none() => {
                    return Err(JoinRefusal::NeedsPassword(room.name().clone()));
                }
                _ => {}
            }
        }
        let Some(password) = password else {
            let hint = self.hub.rooms.nearest_public(wanted);
            return Err(JoinRefusal::NotPublic { room: wanted.clone(), hint });
        };
        let now = Instant::now();
        if let Some(wait) = self.hub.password_wait(self.ip(), wanted, now) {
            return Err(JoinRefusal::Waiting(wait));
        }
        let right = Entry::admits(config.as_ref().map(|config| &config.entry), password);
        self.hub.password_tried(self.ip(), wanted, right, now);
        room.filter(|_| right).ok_or_else(|| {
            log::info!("client {} from {}: wrong password for a room", self.outbox.id(), self.peer);
            JoinRefusal::NoSuchRoomOrPassword
        })
    }

    #[inline(never)]
    fn close(&mut self, name: &RoomName) {
        let Some(index) = self.memberships.iter().position(|membership| membership.room.name() == name) else { return };
        let membership = self.memberships.swap_remove(index);
        self.let_go(&membership.room);
        self.outbox.tell(Tone::News, &format!("Left {}.", membership.room.name()));
    }

    /// Leaves a room without a word to oneself.
    pub(super) fn let_go(&mut self, room: &Arc<Room>) {
        if let Some(change) = room.leave(self.outbox.id()) {
            self.arrange_news(room, change);
        }
    }

    /// The room has news for its viewers: now, or gathered in a while.
    fn arrange_news(&mut self, room: &Arc<Room>, change: Change) {
        if let Some(after) = change.gathering {
            self.hub.timer.schedule(Instant::now() + after, Task::FlushNews(Arc::downgrade(room)));
        } else {
            self.note_undelivered(room);
        }
    }

    fn note_undelivered(&mut self, room: &Arc<Room>) {
        if !self.undelivered.iter().any(|known| Arc::ptr_eq(known, room)) {
            self.undelivered.push(Arc::clone(room));
        }
    }

    #[inline(never)]
    fn enter_view(&mut self, name: &RoomName) {
        if self.viewed.as_ref().is_some_and(|room| room.name() != name) {
            self.leave_view();
        }
        let Some(room) = self.membership(name).map(|membership| Arc::clone(&membership.room)) else { return };
        if room.open_view(self.outbox.id(), self.hub.config().chatview_max) {
            self.viewed = Some(room);
        }
    }

    pub(super) fn leave_view(&mut self) {
        let Some(room) = self.viewed.take() else { return };
        let said = room.close_view(self.outbox.id());
        if let Some(membership) = self.memberships.iter_mut().find(|membership| Arc::ptr_eq(&membership.room, &room)) {
            membership.read = said;
        }
    }

    #[inline(never)]
    fn say(&mut self, name: &RoomName, text: &str, confirm: bool) {
        let (Some(person), Some(membership)) = (&self.person, self.membership(name)) else {
            self.outbox.tell(Tone::Refusal, &format!("Not said: you are not in {name} any more."));
            return;
        };
        let room = Arc::clone(&membership.room);
        match room.post(&person.name, self.outbox.id(), text, Timestamp::now()) {
            Ok(id) => {
                self.note_undelivered(&room);
                if confirm {
                    if let Some(membership) = self.memberships.iter_mut().find(|m| Arc::ptr_eq(&m.room, &room)) {
                        // What one has said oneself is not unread.
                        membership.read += 1;
                    }
                    self.outbox.tell(Tone::News, &format!("Said in {} as {id}.", room.name()));
                }
            }
            Err(_) => self.outbox.tell(Tone::Refusal, &format!("Not said: you are not in {name} any more.")),
        }
    }

    pub(super) fn membership(&self, name: &RoomName) -> Option<&Membership> {
        self.memberships.iter().find(|membership| membership.room.name() == name)
    }

    #[inline(never)]
    fn set_character_mode(&mut self, on: bool) {
        if on && !self.link.is_confirmed() {
            self.outbox.tell(Tone::Refusal, "Your client has not shown that it speaks telnet: it stays in line mode.");
            return;
        }
        if on == self.link.is_character_mode() {
            let mode = if on { "char" } else { "line" };
            self.outbox.tell(Tone::News, &format!("You are in {mode} mode already."));
            return;
        }
        self.link.request_character_mode(on, &mut self.protocol);
        self.send_protocol();
        let mode =
            if on { "char mode: the server edits your line" } else { "line mode: your terminal edits your line" };
        self.outbox.tell(Tone::News, &format!("Asked for {mode}."));
    }

    #[inline(never)]
    fn set_color(&mut self, on: bool) {
        self.color = Some(on);
        self.look_again();
        let told = match (on, self.link.terminal().ansi()) {
            (true, true) => "Colour is on.",
            (true, false) => "Colour is wanted, but your terminal has not said that it can.",
            (false, _) => "Colour is off.",
        };
        self.outbox.tell(Tone::News, told);
    }

    #[inline(never)]
    fn hide_input(&mut self) {
        let telnet = self.link.is_confirmed();
        self.outbox.with_display(|display, _| display.set_hidden(telnet));
        self.link.hide_input(&mut self.protocol);
        self.send_protocol();
        if !self.link.is_confirmed() && !std::mem::replace(&mut self.password_warned, true) {
            self.outbox.tell(Tone::News, "Your client will show what you type.");
        }
    }

    fn show_input(&mut self) {
        self.outbox.with_display(|display, _| display.set_hidden(false));
        let hidden_by_telnet = self.link.is_confirmed() && !self.link.is_character_mode();
        self.link.show_input(&mut self.protocol);
        self.send_protocol();
        if hidden_by_telnet {
            // The Enter after a hidden line was not shown either.
            self.outbox.with_display(|display, _| display.spoil_row());
        }
    }
}
