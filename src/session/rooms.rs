//! Entering rooms and leaving them: joining, creating, inviting, closing, opening the view.
//!
//! *Owns* which questions a door asks, and their order. *Knows nothing of* what was typed, or of moderation in the room.

use std::sync::Arc;

use jiff::Timestamp;

use super::Session;
use super::joined_rooms::{JoinedRoom, MOST_ROOMS};
use crate::access::attempts::{Attempt, AttemptError};
use crate::access::password;
use crate::chat::action::{EnterError, ReadBack};
use crate::chat::conversation::{Conversation, RoomId};
use crate::chat::identity::Target;
use crate::chat::names::RoomName;
use crate::chat::room::{Creation, DoorVersion, Founding, Going};
use crate::chat::room_settings::{RoomAccess, RoomSettings};
use crate::chat::secret::Secret;
use crate::hub::room::{MembershipChange, Room};
use crate::hub::rooms::CreateRoomError;
use crate::hub::worker_pool::BusyError;
use crate::hub::{Checkpoint, Membership, RoomNews};
use crate::ui::command;
use crate::ui::palette::{Answer, JoinRefusal, JoinedAs, RoomRefusal};
use crate::ui::screen::LineKind;

/// How often a password is compared again because the room's password changed in the meantime. An admin who changes it
/// three times during one comparison wants nobody to enter.
const COMPARED_AGAIN: usize = 2;

/// Whether a password looks like a command. At a room's password prompt it would be run as one.
fn begins_like_command(password: Option<&Secret>) -> bool {
    password.is_some_and(|password| command::begins_with_mark(password.expose()))
}

impl Session {
    #[inline(never)]
    pub(super) fn check_room(&mut self, room: RoomName, password: Option<Secret>) -> Answer {
        if self.hub.config().quick_create && self.hub.rooms.find(&room).is_none() {
            return match begins_like_command(password.as_ref()) {
                true => {
                    Answer::JoinRefused { room, refusal: JoinRefusal::RoomRefusal(RoomRefusal::PasswordLikeCommand) }
                }
                false => Answer::RoomChecked { room, password },
            };
        }
        match self.admit(&room, password.as_ref().map(Secret::expose)) {
            Ok((found, _)) => Answer::RoomChecked { room: found.name().clone(), password },
            Err(refusal) => Answer::JoinRefused { room, refusal },
        }
    }

    pub(super) fn join(&mut self, wanted: RoomName, password: Option<Secret>, quick: bool) -> Answer {
        self.hub.checkpoints.reach(Checkpoint::Joining);
        if let Some(answer) = self.join_without_entering(&wanted, password.as_ref(), quick) {
            return answer;
        }
        let refused = |refusal| Answer::JoinRefused { room: wanted.clone(), refusal };
        let mut again = COMPARED_AGAIN;
        loop {
            let (room, opened) = match self.admit(&wanted, password.as_ref().map(Secret::expose)) {
                Ok(admitted) => admitted,
                Err(refusal) => return refused(refusal),
            };
            self.hub.checkpoints.reach(Checkpoint::Admitted);
            match self.enter(&room, opened, JoinedAs::New) {
                Ok(answer) => return answer,
                // The room got another password during the comparison, or another room has its name now.
                Err(EnterError::NotAdmitted | EnterError::Closed) if again > 0 => again -= 1,
                Err(why) => return refused(not_entered(&room, why)),
            }
        }
    }

    /// The answer where there is no room to enter: the user is in it, or in too many, or creates it. Not inlined: what
    /// `join` has on the stack while a room is entered is part of every idle user's.
    #[inline(never)]
    fn join_without_entering(&mut self, wanted: &RoomName, password: Option<&Secret>, quick: bool) -> Option<Answer> {
        if let Some(answer) = self.rejoin(wanted) {
            return Some(answer);
        }
        let refused = |refusal| Some(Answer::JoinRefused { room: wanted.clone(), refusal });
        if self.rooms.is_full() {
            return refused(JoinRefusal::TooManyRooms(MOST_ROOMS));
        }
        if quick && self.hub.config().quick_create && self.hub.rooms.find(wanted).is_none() {
            match self.create(wanted.clone(), password.cloned(), true) {
                Ok(answer) => return Some(answer),
                // Another user has just created it: then it is entered like any other.
                Err(_) if self.hub.rooms.find(wanted).is_some() => {}
                Err(why) => return refused(JoinRefusal::RoomRefusal(why)),
            }
        }
        None
    }

    /// The answer if this user is in the room already.
    fn rejoin(&mut self, wanted: &RoomName) -> Option<Answer> {
        let joined = self.rooms.named(wanted)?;
        let room = Arc::clone(joined.room().id());
        match joined.others() {
            Some(others) => Some(Answer::Joined { room, others, how: JoinedAs::Back, topic: String::new() }),
            None => {
                // The user was removed a moment ago, and this session has not heard of it yet.
                self.rooms.remove(&room);
                None
            }
        }
    }

    /// Enters a room whose door is open to this user, or was a moment ago.
    pub(super) fn enter(
        &mut self,
        room: &Arc<Room>,
        opened: Option<DoorVersion>,
        how: JoinedAs,
    ) -> Result<Answer, EnterError> {
        let Some(user) = self.user.clone() else { return Err(EnterError::Closed) };
        let id = self.rooms.next_id();
        let (membership, change) = Membership::enter(&self.hub, room, &user, opened, id, self.now())?;
        Ok(self.entered(room, membership, change, how))
    }

    /// The user is in a room. Not inlined, so that its frame is not on the stack while they enter.
    #[inline(never)]
    fn entered(&mut self, room: &Arc<Room>, membership: Membership, change: MembershipChange, how: JoinedAs) -> Answer {
        self.arrange(room, change);
        let read = room.said().cast_signed() - self.unread_since_last_visit(room).cast_signed();
        self.note_first_visit(room);
        self.rooms.add(JoinedRoom { membership, as_operator: change.as_operator, read });
        if change.as_operator {
            self.audit_in(room, "entered as an operator");
        }
        let how = if change.heir { JoinedAs::Heir } else { how };
        Answer::Joined { room: Arc::clone(room.id()), others: change.others, how, topic: room.topic() }
    }

    /// Whether this user may enter a room with this password, and the door that the password has opened, if it did: the
    /// room checks again when they enter, since all of this may have changed by then. A hidden room and a missing one
    /// give the same answers after the same work.
    fn admit(
        &self,
        wanted: &RoomName,
        password: Option<&str>,
    ) -> Result<(Arc<Room>, Option<DoorVersion>), JoinRefusal> {
        let now = self.now();
        let room = self.hub.rooms.find(wanted);
        if let Some(room) = &room {
            if self.actor().is_some_and(|actor| actor.operator || room.expects(&actor.who, now)) {
                return Ok((Arc::clone(room), None));
            }
            if room.is_public() {
                match room.door().0 {
                    RoomAccess::Open => return Ok((Arc::clone(room), None)),
                    RoomAccess::Closed => return Err(JoinRefusal::InviteOnly(room.name().clone())),
                    RoomAccess::Password(_) | RoomAccess::Hashed(_) if password.is_none() => {
                        return Err(JoinRefusal::NeedsPassword(room.name().clone()));
                    }
                    RoomAccess::Password(_) | RoomAccess::Hashed(_) => {}
                }
            }
        }
        let Some(password) = password else {
            let hint = self.hub.rooms.nearest_public(wanted);
            return Err(JoinRefusal::NotPublic { room: wanted.clone(), hint });
        };
        self.open_by_password(wanted, room, password).map(|(room, door)| (room, Some(door)))
    }

    /// Compares a password. A separate function, since every idle user would keep its stack.
    #[inline(never)]
    fn open_by_password(
        &self,
        wanted: &RoomName,
        room: Option<Arc<Room>>,
        password: &str,
    ) -> Result<(Arc<Room>, DoorVersion), JoinRefusal> {
        let attempt = Attempt::new(self.attempter(), self.ip(), wanted.clone());
        let pending = self.hub.limits.room_passwords.begin(attempt, self.now()).map_err(|error| match error {
            AttemptError::Waiting(left) => JoinRefusal::Waiting(left),
            AttemptError::Undecided => JoinRefusal::Busy,
        })?;
        // The room may have another password by now.
        let (entry, door) = room.as_ref().map(|room| room.door()).unzip();
        let right = self.opens(entry.as_ref(), password).map_err(|BusyError| JoinRefusal::Busy)?;
        if let Some(found) = room.zip(door).filter(|_| right) {
            pending.right();
            return Ok(found);
        }
        self.hub.metrics.password_waits.add(u64::from(pending.wrong(self.now())));
        log::info!("client {} from {}: wrong password for a room", self.outbox.id(), self.peer);
        Err(JoinRefusal::NoSuchRoomOrPassword)
    }

    /// Whether a password opens a room with this access. Where there are hashes to compare with, every comparison takes
    /// as long as one with a hash: its time reveals neither which rooms are persistent nor which exist at all.
    #[inline(never)]
    fn opens(&self, entry: Option<&RoomAccess>, password: &str) -> Result<bool, BusyError> {
        let right = RoomAccess::admits(entry, password);
        if self.hub.store().is_none() && !self.hub.is_shared() {
            return Ok(right);
        }
        let hash = match entry {
            Some(RoomAccess::Hashed(hash)) => Some(hash.clone()),
            Some(RoomAccess::Open | RoomAccess::Password(_) | RoomAccess::Closed) | None => None,
        };
        let given = password.to_owned();
        let hashed = self.compute_hash(move || match hash {
            Some(hash) => password::verify(&given, &hash),
            None => password::verify_against_dummy(&given),
        })?;
        Ok(right | hashed)
    }

    pub(super) fn create(
        &mut self,
        name: RoomName,
        password: Option<Secret>,
        public: bool,
    ) -> Result<Answer, RoomRefusal> {
        if begins_like_command(password.as_ref()) {
            return Err(RoomRefusal::PasswordLikeCommand);
        }
        let entry = match password {
            Some(password) => RoomAccess::Password(password),
            None if public => RoomAccess::Open,
            // Guessing the name of a hidden room must not be enough to get in.
            None => RoomAccess::Closed,
        };
        self.make(name, RoomSettings { entry, public, ..RoomSettings::default() }, ReadBack::All)
    }

    pub(super) fn create_group(&mut self, name: RoomName) -> Result<Answer, RoomRefusal> {
        let config = RoomSettings { public: false, entry: RoomAccess::Closed, ..RoomSettings::default() };
        self.make(name, config, ReadBack::Joined)
    }

    fn make(&mut self, name: RoomName, config: RoomSettings, read_back: ReadBack) -> Result<Answer, RoomRefusal> {
        let Some(actor) = self.actor() else { return Err(RoomRefusal::Reserved(name)) };
        if name.is_reserved() {
            return Err(RoomRefusal::Reserved(name));
        }
        let settings = self.hub.config();
        if let Err(error) = RoomName::parse_in(name.as_str(), settings.names) {
            return Err(RoomRefusal::Unfit(error));
        }
        if self.rooms.is_full() {
            return Err(RoomRefusal::TooManyRooms(MOST_ROOMS));
        }
        let config = self.shareable(config, &name)?;
        let most = settings.limits.rooms_per_ip.filter(|_| !settings.is_exempt(self.ip()));
        let creation = Creation { by: actor.who.name.clone(), address: actor.who.address, at: Timestamp::now() };
        let founding = Founding { creation, founder: actor.who.clone(), read_back };
        match self.hub.create_room(&name, config, founding, most, &self.outbox, self.now()) {
            Ok(room) => {
                log::info!("room {name} was created by {}", actor.who.name);
                if room.is_public() {
                    let news = format!("{} created the room {name}", actor.who.name);
                    self.hub.tell_programs(&room, RoomNews::Created, Some(&actor.who.name), &news);
                }
                self.enter(&room, None, JoinedAs::Creator).map_err(|_| {
                    self.hub.let_linger(&room);
                    RoomRefusal::Reserved(name)
                })
            }
            Err(CreateRoomError::Exists(room)) if room.is_known_to(&actor, self.now()) => {
                Err(RoomRefusal::Exists(room.name().clone()))
            }
            Err(CreateRoomError::LooksLike(room)) if room.is_known_to(&actor, self.now()) => {
                Err(RoomRefusal::LooksLike { room: name, other: room.name().clone() })
            }
            Err(CreateRoomError::Exists(_) | CreateRoomError::LooksLike(_)) => Err(RoomRefusal::Reserved(name)),
            Err(CreateRoomError::TooManyYours(most)) => Err(RoomRefusal::TooManyYours(most)),
            Err(CreateRoomError::NotShared(why)) => Err(RoomRefusal::NotShared(why)),
            Err(CreateRoomError::TooManyAll) => Err(RoomRefusal::TooManyAll),
        }
    }

    /// Invites users to a room, and tells them. Those who are not online are listed.
    #[inline(never)]
    pub(super) fn invite(&mut self, room: &RoomId, invited: &[Target]) {
        let (Some(room), Some(actor)) = (self.rooms.get(room).map(|m| Arc::clone(m.room())), self.actor()) else {
            return;
        };
        if !self.pay_for(invited.len().saturating_sub(1)) {
            return;
        }
        let mut missing = Vec::new();
        for target in invited {
            let Some(user) = self.hub.roster.find(target) else {
                missing.push(target.to_string());
                continue;
            };
            match room.invite(&actor, &user.identity(), self.now()) {
                Ok(news) => {
                    self.rooms.note_undelivered(&room);
                    self.log_action(&room, &news);
                    self.audit_in(&room, &news);
                    self.save_room(&room);
                    self.outbox
                        .tell(LineKind::News, &format!("{} was invited to {} for 24 h.", user.name(), room.name()));
                    let (name, by) = (room.name(), &actor.who);
                    if !user.outbox.ignores(by.client, &by.name) {
                        let line = format!("{} invites you to {name}:", by.name);
                        user.outbox.announce_hint(&line, &format!(":join {name} enters it."));
                    }
                }
                Err(denied) => self.deny(&denied),
            }
        }
        if !missing.is_empty() {
            let line = format!("Not online, so not invited: {}. :invite them later.", missing.join(", "));
            self.refuse(&line);
        }
    }

    #[inline(never)]
    pub(super) fn close(&mut self, conversation: &Conversation) {
        match conversation {
            Conversation::Room(id) => {
                let Some(JoinedRoom { membership, .. }) = self.rooms.remove(id) else { return };
                if self.rooms.is_viewed(id) {
                    self.note_visit(membership.room());
                }
                self.let_go(membership, Going::Asked);
                self.outbox.tell(LineKind::News, &format!("Left {id}."));
            }
            Conversation::Direct(user) => {
                self.outbox.tell(LineKind::News, &format!("Closed the conversation with {}.", user.name));
            }
        }
    }

    /// Leaves a room without telling this user.
    pub(super) fn let_go(&mut self, membership: Membership, going: Going) {
        let room = Arc::clone(membership.room());
        if let Some(change) = membership.leave(going, self.now()) {
            self.arrange(&room, change);
        }
    }

    /// Schedules what follows from entering or leaving. A notice for the viewers goes out with this turn, unless it is
    /// part of a digest.
    fn arrange(&mut self, room: &Arc<Room>, change: MembershipChange) {
        if self.hub.arrange(room, change, self.now()) {
            self.rooms.note_undelivered(room);
        }
    }

    pub(super) fn enter_view(&mut self, conversation: &Conversation) {
        // A program is sent what happens in all of its rooms.
        #[cfg(feature = "json")]
        if self.is_program() {
            return;
        }
        let is_viewed = conversation.room().is_some_and(|id| self.rooms.is_viewed(id));
        if self.rooms.viewed().is_some() && !is_viewed {
            self.leave_view();
        }
        let count = self.hub.config().chatview_max;
        match conversation {
            Conversation::Room(id) => {
                let Some(room) = self.rooms.get(id).map(|membership| Arc::clone(membership.room())) else { return };
                if room.open_view(self.outbox.id(), count, self.now()) {
                    self.rooms.open_view(room);
                }
            }
            Conversation::Direct(partner) => self.enter_direct_view(partner, count),
        }
    }

    pub(super) fn leave_view(&mut self) {
        let Some(room) = self.rooms.close_view() else { return self.outbox.close_view() };
        let said = room.close_view(self.outbox.id());
        self.note_visit(&room);
        if let Some(membership) = self.rooms.get_mut(room.id()) {
            membership.read = said.cast_signed();
        }
    }
}

fn not_entered(room: &Room, why: EnterError) -> JoinRefusal {
    let room = room.name().clone();
    match why {
        EnterError::Full(limit) => JoinRefusal::Full { room, limit },
        EnterError::Banned(left, reason) => JoinRefusal::Banned { room, left, reason },
        EnterError::Kicked(left) => JoinRefusal::Kicked { room, left },
        EnterError::NotShared(why) => JoinRefusal::NotShared(why),
        EnterError::Closed | EnterError::NotAdmitted => JoinRefusal::NoSuchRoomOrPassword,
    }
}
