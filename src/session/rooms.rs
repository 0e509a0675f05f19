//! Coming into rooms and going: joining, making, inviting, closing, looking.
//!
//! *Owns* what this person is a member of, and which questions a door asks.
//! *Knows nothing of* what was typed, and of order in the room.
//! *Called by* `session::effects`.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::{Membership, Session};
use crate::command;
use crate::config::{Entry, RoomConfig, Secret};
use crate::conversation::Conversation;
use crate::identity::Whom;
use crate::names::{RESERVED, RoomName};
use crate::order::GRACE;
use crate::palette::{Answer, Came, JoinRefusal, NotMade};
use crate::password;
use crate::room::{Change, Going, Made, NotEntered, Room, Visitor};
use crate::room_table::CannotMake;
use crate::screen::Tone;
use crate::throttle::address_key;
use crate::timer::Task;
use crate::work::Busy;

/// How a door is open to somebody.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Admitted {
    /// As it is to anybody like him: open, by an invitation, by his rank or by the password.
    AsAnybody,
    /// As to any operator, and to nobody else: that is written down when he is in.
    AsOperator,
}

/// Rooms one person may be in. A screen shows one at a time; this is for memory.
const MOST_ROOMS: usize = 64;

/// Where a room's password is asked for, such a line is a command.
fn begins_like_command(password: Option<&Secret>) -> bool {
    password.is_some_and(|password| command::begins_like_one(password.expose()))
}

impl Session {
    #[inline(never)]
    pub(super) fn check_room(&mut self, room: RoomName, password: Option<Secret>) -> Answer {
        if self.hub.config().quick_create && self.hub.rooms.find(&room).is_none() {
            return match begins_like_command(password.as_ref()) {
                true => Answer::JoinRefused { room, refusal: JoinRefusal::NotMade(NotMade::PasswordLikeCommand) },
                false => Answer::RoomChecked { room, password },
            };
        }
        match self.admit(&room, password.as_ref().map(Secret::expose)) {
            Ok((found, _)) => Answer::RoomChecked { room: found.name().clone(), password },
            Err(refusal) => Answer::JoinRefused { room, refusal },
        }
    }

    #[inline(never)]
    pub(super) fn join(&mut self, wanted: RoomName, password: Option<Secret>, quick: bool) -> Answer {
        if let Some(membership) = self.membership(&wanted) {
            let room = Arc::clone(&membership.room);
            let others = room.count().saturating_sub(1);
            return Answer::Joined { room: room.name().clone(), others, how: Came::Back };
        }
        let refused = |refusal| Answer::JoinRefused { room: wanted.clone(), refusal };
        if self.memberships.len() >= MOST_ROOMS {
            return refused(JoinRefusal::TooManyRooms(MOST_ROOMS));
        }
        if quick && self.hub.config().quick_create && self.hub.rooms.find(&wanted).is_none() {
            match self.create(wanted.clone(), password.clone()) {
                // Somebody else has made it a moment before: then it is entered like any other.
                Answer::NotMade(_) if self.hub.rooms.find(&wanted).is_some() => {}
                Answer::NotMade(why) => return refused(JoinRefusal::NotMade(why)),
                answer => return answer,
            }
        }
        let admitted = self.admit(&wanted, password.as_ref().map(Secret::expose));
        match admitted.and_then(|(room, how)| self.enter_as(room, how)) {
            Ok(answer) => answer,
            Err(refusal) => refused(refusal),
        }
    }

    /// Enters a room, and writes it down if nobody but an operator could have.
    fn enter_as(&mut self, room: Arc<Room>, admitted: Admitted) -> Result<Answer, JoinRefusal> {
        let answer = self.enter(Arc::clone(&room), Came::In)?;
        if admitted == Admitted::AsOperator {
            self.audit_in(&room, "entered as an operator");
        }
        Ok(answer)
    }

    /// Enters a room whose door is open to this person.
    fn enter(&mut self, room: Arc<Room>, how: Came) -> Result<Answer, JoinRefusal> {
        let Some(actor) = self.actor() else { return Err(JoinRefusal::NoSuchRoomOrPassword) };
        let name = room.name().clone();
        match room.enter(Visitor { actor, outbox: &self.outbox, admitted: true }, Instant::now()) {
            Ok(change) => {
                self.arrange(&room, change);
                let read = room.said().cast_signed() - self.unread_since_last_visit(&room).cast_signed();
                self.note_first_visit(&room);
                self.memberships.push(Membership { read, room });
                let how = if change.heir { Came::Heir } else { how };
                Ok(Answer::Joined { room: name, others: change.others, how })
            }
            Err(NotEntered::Full(limit)) => Err(JoinRefusal::Full { room: name, limit }),
            Err(NotEntered::Banned(left, reason)) => Err(JoinRefusal::Banned { room: name, left, reason }),
            Err(NotEntered::Kicked(left)) => Err(JoinRefusal::Kicked { room: name, left }),
            Err(NotEntered::Closed | NotEntered::NotAdmitted) => Err(JoinRefusal::NoSuchRoomOrPassword),
        }
    }

    /// Whether this person may enter a room with this password. A hidden room and a missing one give the same answers
    /// after the same work.
    #[inline(never)]
    fn admit(&self, wanted: &RoomName, password: Option<&str>) -> Result<(Arc<Room>, Admitted), JoinRefusal> {
        let now = Instant::now();
        let room = self.hub.rooms.find(wanted);
        let entry = room.as_ref().map(|room| room.entry());
        let public = room.as_ref().is_some_and(|room| room.is_public());
        if let Some(room) = &room {
            let actor = self.actor();
            if actor.as_ref().is_some_and(|actor| room.expects(&actor.who, now)) {
                return Ok((Arc::clone(room), Admitted::AsAnybody));
            }
            match &entry {
                Some(Entry::Open) if public => return Ok((Arc::clone(room), Admitted::AsAnybody)),
                _ if actor.is_some_and(|actor| actor.operator) => {
                    return Ok((Arc::clone(room), Admitted::AsOperator));
                }
                Some(Entry::Closed) if public => return Err(JoinRefusal::InviteOnly(room.name().clone())),
                Some(entry) if entry.has_password() && public && password.is_none() => {
                    return Err(JoinRefusal::NeedsPassword(room.name().clone()));
                }
                _ => {}
            }
        }
        let Some(password) = password else {
            let hint = self.hub.rooms.nearest_public(wanted);
            return Err(JoinRefusal::NotPublic { room: wanted.clone(), hint });
        };
        self.open_by_password(wanted, room, password).map(|room| (room, Admitted::AsAnybody))
    }

    /// Compares a password; of its own, since its stack would be every idle person's.
    #[inline(never)]
    fn open_by_password(
        &self,
        wanted: &RoomName,
        room: Option<Arc<Room>>,
        password: &str,
    ) -> Result<Arc<Room>, JoinRefusal> {
        // Until the try is counted: what comes at the same moment is not compared beside it.
        let _turn = self.hub.comparing.take(address_key(self.ip())).map_err(|Busy| JoinRefusal::Busy)?;
        if let Some(wait) = self.hub.password_wait(self.attempter(), self.ip(), wanted, Instant::now()) {
            return Err(JoinRefusal::Waiting(wait));
        }
        // It may be another password by now.
        let entry = room.as_ref().map(|room| room.entry());
        let right = self.opens(entry.as_ref(), password).map_err(|Busy| JoinRefusal::Busy)?;
        self.hub.password_tried(self.attempter(), self.ip(), wanted, right, Instant::now());
        room.filter(|_| right).ok_or_else(|| {
            log::info!("client {} from {}: wrong password for a room", self.outbox.id(), self.peer);
            JoinRefusal::NoSuchRoomOrPassword
        })
    }

    /// Whether a password opens a room of this entry. Where there are hashes to compare with, every comparison takes as long
    /// as one with a hash: the time tells neither which rooms are kept nor which are there at all.
    #[inline(never)]
    fn opens(&self, entry: Option<&Entry>, password: &str) -> Result<bool, Busy> {
        let right = Entry::admits(entry, password);
        if self.hub.store().is_none() {
            return Ok(right);
        }
        let hash = match entry {
            Some(Entry::Hashed(hash)) => Some(hash.clone()),
            _ => None,
        };
        let given = password.to_owned();
        let hashed = self.hub.work.run(self.ip(), move || match hash {
            Some(hash) => password::verify(&given, &hash),
            None => password::verify_against_nothing(&given),
        })?;
        Ok(right | hashed)
    }

    #[inline(never)]
    pub(super) fn create(&mut self, name: RoomName, password: Option<Secret>) -> Answer {
        if begins_like_command(password.as_ref()) {
            return Answer::NotMade(NotMade::PasswordLikeCommand);
        }
        let entry = password.map_or(Entry::Open, Entry::Password);
        self.make(name, RoomConfig { entry, ..RoomConfig::default() })
    }

    #[inline(never)]
    pub(super) fn create_group(&mut self, name: RoomName) -> Answer {
        self.make(name, RoomConfig { public: false, entry: Entry::Closed, ..RoomConfig::default() })
    }

    fn make(&mut self, name: RoomName, config: RoomConfig) -> Answer {
        let Some(actor) = self.actor() else { return Answer::NotMade(NotMade::Reserved(name)) };
        if RESERVED.contains(&name.folded()) {
            return Answer::NotMade(NotMade::Reserved(name));
        }
        if self.memberships.len() >= MOST_ROOMS {
            return Answer::NotMade(NotMade::TooManyRooms(MOST_ROOMS));
        }
        let settings = self.hub.config();
        let most = settings.limits.rooms_per_ip.filter(|_| !settings.is_exempt(self.ip()));
        let made = Made { by: actor.who.name.clone(), address: actor.who.address, at: Timestamp::now() };
        match self.hub.rooms.make(&name, config, made, actor.who.clone(), most) {
            Ok(room) => {
                log::info!("room {name} was made by {}", actor.who.name);
                let entered = self.enter(Arc::clone(&room), Came::Made);
                entered.unwrap_or_else(|_| {
                    self.hub.let_linger(&room);
                    Answer::NotMade(NotMade::Reserved(name))
                })
            }
            Err(CannotMake::Exists(room)) if room.is_known_to(&actor, Instant::now()) => {
                Answer::NotMade(NotMade::Exists(room.name().clone()))
            }
            Err(CannotMake::Exists(_)) => Answer::NotMade(NotMade::Reserved(name)),
            Err(CannotMake::TooManyYours(most)) => Answer::NotMade(NotMade::TooManyYours(most)),
            Err(CannotMake::TooManyAll) => Answer::NotMade(NotMade::TooManyAll),
        }
    }

    /// Opens a room to people, and tells them. Who is not online is named.
    #[inline(never)]
    pub(super) fn invite(&mut self, name: &RoomName, invited: &[Whom]) {
        let (Some(room), Some(actor)) = (self.membership(name).map(|m| Arc::clone(&m.room)), self.actor()) else {
            return;
        };
        if !self.pay_for(invited.len().saturating_sub(1)) {
            return;
        }
        let mut missing = Vec::new();
        for whom in invited {
            let Some(person) = self.hub.roster.find(whom) else {
                missing.push(whom.to_string());
                continue;
            };
            match room.invite(&actor, &person.identity(), Instant::now()) {
                Ok(news) => {
                    self.note_undelivered(&room);
                    self.log_act(&room, &news);
                    self.audit_in(&room, &news);
                    self.keep_room(&room);
                    self.outbox
                        .tell(Tone::News, &format!("{} was invited to {} for 24 h.", person.name(), room.name()));
                    if !person.outbox.ignores(actor.who.client, &actor.who.name) {
                        let by = &actor.who.name;
                        let line = format!("{by} invites you to {0}: :join {0} enters it.", room.name());
                        person.outbox.announce(Tone::News, &line);
                    }
                }
                Err(denied) => self.outbox.tell(Tone::Refusal, &denied.to_string()),
            }
        }
        if !missing.is_empty() {
            let line = format!("Not online, so not invited: {}. :invite them later.", missing.join(", "));
            self.outbox.tell(Tone::Refusal, &line);
        }
    }

    #[inline(never)]
    pub(super) fn close(&mut self, conversation: &Conversation) {
        match conversation {
            Conversation::Room(name) => {
                let known = |membership: &Membership| membership.room.name() == name;
                let Some(index) = self.memberships.iter().position(known) else { return };
                let membership = self.memberships.swap_remove(index);
                if self.viewed.as_ref().is_some_and(|viewed| Arc::ptr_eq(viewed, &membership.room)) {
                    self.note_visit(&membership.room);
                }
                self.let_go(&membership.room, Going::Asked);
                self.outbox.tell(Tone::News, &format!("Left {}.", membership.room.name()));
            }
            Conversation::Direct(person) => {
                self.outbox.tell(Tone::News, &format!("Closed the conversation with {}.", person.name));
            }
        }
    }

    /// Leaves a room without a word to oneself.
    pub(super) fn let_go(&mut self, room: &Arc<Room>, going: Going) {
        if let Some(change) = room.leave(self.outbox.id(), going, Instant::now()) {
            self.arrange(room, change);
        }
    }

    /// What a coming or going brings: news for the viewers, now or gathered in a while; an heir; the end of an empty room.
    fn arrange(&mut self, room: &Arc<Room>, change: Change) {
        let now = Instant::now();
        match change.gathering {
            Some(after) => self.hub.timer.schedule(now + after, Task::FlushNews(Arc::downgrade(room))),
            None => self.note_undelivered(room),
        }
        if change.heir_awaited {
            self.hub.timer.schedule(now + GRACE, Task::NameHeir(Arc::downgrade(room)));
        }
        if change.empty {
            self.hub.let_linger(room);
        }
    }

    pub(super) fn note_undelivered(&mut self, room: &Arc<Room>) {
        if !self.undelivered.iter().any(|known| Arc::ptr_eq(known, room)) {
            self.undelivered.push(Arc::clone(room));
        }
    }

    #[inline(never)]
    pub(super) fn enter_view(&mut self, conversation: &Conversation) {
        let same = |room: &Arc<Room>| conversation.room() == Some(room.name());
        if self.viewed.as_ref().is_some_and(|room| !same(room)) {
            self.leave_view();
        }
        let count = self.hub.config().chatview_max;
        match conversation {
            Conversation::Room(name) => {
                let Some(room) = self.membership(name).map(|membership| Arc::clone(&membership.room)) else { return };
                if room.open_view(self.outbox.id(), count) {
                    self.viewed = Some(room);
                }
            }
            Conversation::Direct(partner) => self.enter_direct_view(partner, count),
        }
    }

    pub(super) fn leave_view(&mut self) {
        let Some(room) = self.viewed.take() else { return self.outbox.close_view() };
        let said = room.close_view(self.outbox.id());
        self.note_visit(&room);
        if let Some(membership) = self.memberships.iter_mut().find(|membership| Arc::ptr_eq(&membership.room, &room)) {
            membership.read = said.cast_signed();
        }
    }

    pub(super) fn membership(&self, name: &RoomName) -> Option<&Membership> {
        self.memberships.iter().find(|membership| membership.room.name() == name)
    }
}
