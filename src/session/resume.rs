//! Resuming an account: taking over from the connection that still has it, and rejoining the rooms it was in.
//!
//! *Owns* what passes from one connection of an account to the next, and which rooms an account is on record to be in.
//! *Knows nothing of* the passwords of accounts, which have been checked before.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Session;
use super::joined_rooms::{JoinedRoom, MOST_ROOMS};
use super::listings::short;
use super::login::login;
use crate::chat::action::{EnterError, NotShared};
use crate::chat::conversation::Conversation;
use crate::chat::duration;
use crate::chat::identity::Target;
use crate::chat::message::AccountId;
use crate::chat::names::RoomName;
use crate::chat::room::DoorVersion;
use crate::chat::room_settings::RoomAccess;
use crate::chat::secret::Hashed;
use crate::hub::room::Room;
use crate::hub::roster::User;
use crate::hub::{AccountStore, Membership, OpenRoom, THROWN_OUT};
use crate::outbox::DisconnectReason;
use crate::store::{AccountRecord, OpenRoomRecord};
use crate::text::seconds;
use crate::ui::palette::{Answer, JoinedAs, ReturnTo};
use crate::ui::screen::LineKind;

/// How the door of a room that asks for no password is recorded.
const OPEN: &str = "open";
/// How the door of an invite-only room is recorded.
const CLOSED: &str = "closed";

/// How the door of a room was recorded.
enum RecordedDoor {
    /// In memory, since the server's start.
    DoorVersion(Option<DoorVersion>),
    /// On disk, in words.
    Words(Box<str>),
}

/// Why a room could not be rejoined. Displayed as part of a sentence.
enum RejoinError {
    TooManyRooms,
    Gone,
    Full,
    Banned(Option<Duration>),
    Kicked(Duration),
    OtherPassword,
    InviteOnly,
    NotShared(NotShared),
}

impl fmt::Display for RejoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RejoinError::TooManyRooms => write!(f, "you are in {MOST_ROOMS} rooms"),
            RejoinError::Gone => f.write_str("it is gone"),
            RejoinError::Full => f.write_str("it is full"),
            RejoinError::Banned(None) => f.write_str("you are banned"),
            RejoinError::Banned(Some(left)) => write!(f, "you are banned for {}", duration::in_words(*left)),
            RejoinError::Kicked(left) => write!(f, "you were kicked, come back in {}", seconds(*left)),
            RejoinError::OtherPassword => f.write_str("it has another password"),
            RejoinError::InviteOnly => f.write_str("it is invite-only"),
            RejoinError::NotShared(why) => why.fmt(f),
        }
    }
}

impl Session {
    /// The password was right, but another connection has the account's name: asks whether to take over from it.
    pub(super) fn offer_takeover(&mut self, account: Box<AccountRecord>) -> Answer {
        let name = account.name.clone();
        let other = self.other_connection(&name);
        let peer = other.as_ref().and_then(|other| other.peer_address());
        // Without one, the other connection has just gone, and Enter finds the name free.
        let address = peer.unwrap_or(self.ip());
        let idle = short(other.map(|other| other.idle(self.now())).unwrap_or_default());
        self.account.offer_takeover(account);
        Answer::Elsewhere { name, address, idle }
    }

    /// The other connection stays.
    pub(super) fn decline_takeover(&mut self) {
        self.account.take_offered();
    }

    /// Takes over from the connection that has the account's name, if it still does.
    pub(super) fn take_over(&mut self) -> Option<Answer> {
        let account = self.account.take_offered()?;
        // The question may have been on the screen for a long time.
        if let Err(refusal) = self.still_proved(&account) {
            return Some(Answer::LoginRefused(refusal));
        }
        let other = self.other_connection(&account.name);
        match (self.user.clone(), other) {
            (None, None) => Some(self.admit_account(account)),
            (Some(_), None) => self.become_account(account),
            (None, Some(other)) => {
                let (now, origin) = (self.now(), self.origin());
                let (name, login) = (&account.name, login(&account));
                let claimed = self.hub.claim_name_from(&other, name, login, &self.outbox, origin, now);
                // A third connection has taken over meanwhile.
                let Some(user) = claimed else { return Some(self.offer_takeover(account)) };
                let answer = self.named(user);
                self.take_rooms(&other, account.id);
                self.account.arrived = Some(account);
                Some(answer)
            }
            (Some(user), Some(other)) => {
                self.leave_account();
                let (name, login, now) = (&account.name, login(&account), self.now());
                let renamed = self.hub.rename_user_from(&other, &user, name, login, now);
                let Some(before) = renamed else { return Some(self.offer_takeover(account)) };
                self.renamed(&user, &account.name, &before);
                self.take_rooms(&other, account.id);
                self.logged_in(account);
                None
            }
        }
    }

    /// Takes the rooms of the other connection, and ends it. This one has the name already.
    fn take_rooms(&mut self, other: &Arc<User>, account: AccountId) {
        let (open, mut in_view) = match other.is_elsewhere() {
            true => (self.hub.open_of(other), false),
            false => other.outbox.open_and_in_view(),
        };
        let mut taken = Vec::new();
        // A guest who has the name of an account was never its owner.
        for conversation in open.into_iter().filter(|_| other.account() == Some(account)) {
            match &conversation {
                Conversation::Room(id) => {
                    let room = self.hub.rooms.find(&id.name).filter(|room| room.instance() == id.instance);
                    let Some(viewed) = room.and_then(|room| self.take_room(&room, other, account)) else { continue };
                    // A room may be in view while the prompt asks for something.
                    in_view |= viewed;
                }
                Conversation::Direct(partner) => {
                    let target = Target { name: partner.name.clone(), client: Some(partner.client) };
                    let Some(partner) = self.hub.roster.find(&target) else { continue };
                    let Some(user) = self.user.clone() else { continue };
                    if !matches!(self.hub.directs.begin(&user, &partner), Ok(Some(_))) {
                        continue;
                    }
                }
            }
            taken.push(conversation);
        }
        self.account.note_taken_over(taken, in_view);
        let name = other.name();
        log::info!("client {} from {}: took {name} over from client {}", self.outbox.id(), self.peer, other.client());
        self.hub.throw_out(other, THROWN_OUT, DisconnectReason::Ghosted);
    }

    /// Takes the other connection's place in a room. True if that one had it in view.
    fn take_room(&mut self, room: &Arc<Room>, other: &User, account: AccountId) -> Option<bool> {
        let user = self.user.clone()?;
        let id = self.rooms.next_id();
        let (membership, viewed) = Membership::take_over(&self.hub, room, &user, other.client(), id, self.now())?;
        let known = self.hub.open_rooms.of(account);
        let is_it = |open: &&OpenRoom| open.room.instance == room.instance();
        let door = known.as_deref().and_then(|rooms| rooms.iter().find(is_it)).map(|open| open.door);
        self.rooms.add(JoinedRoom { membership, read: 0, as_operator: door == Some(None) });
        if viewed {
            // It was read up to its end, which the other connection had no chance to record.
            let last = room.record_visit(account);
            self.hub.share_visit(account, room, last);
        }
        Some(viewed)
    }

    /// Brings a user who has just logged in back to the rooms their account was in.
    #[inline(never)]
    pub(super) fn restore_rooms(&mut self, account: AccountId) -> Option<Answer> {
        let (open, to) = match self.account.take_taken_over() {
            Some(taken) => {
                self.count_unread();
                let to = if taken.in_view { ReturnTo::TakenView } else { ReturnTo::TakenPalette };
                (taken.open, to)
            }
            None => (self.return_to_rooms(account), ReturnTo::Palette),
        };
        self.account.record_rooms_of(account);
        (!open.is_empty()).then_some(Answer::Returned { open, to })
    }

    /// Counts what is unread in rooms that were taken over.
    fn count_unread(&mut self) {
        let rooms: Vec<_> = self.rooms.rooms().cloned().collect();
        for room in rooms {
            let read = room.said().cast_signed() - self.unread_since_last_visit(&room).cast_signed();
            if let Some(joined) = self.rooms.get_mut(room.id()) {
                joined.read = read;
            }
        }
    }

    /// Rejoins the rooms the account was in when it was last online, and lists those that could not be rejoined.
    fn return_to_rooms(&mut self, account: AccountId) -> Vec<Conversation> {
        let (mut open, mut missing) = (Vec::new(), Vec::new());
        for (name, instance, known) in self.last_rooms(account) {
            if let Some(joined) = self.rooms.named(&name) {
                open.push(Conversation::Room(Arc::clone(joined.room().id())));
                continue;
            }
            match self.return_to(&name, instance, known) {
                Ok(conversation) => open.push(conversation),
                Err(why) => missing.push(format!("{name} ({why})")),
            }
        }
        if !missing.is_empty() {
            self.refuse(format_args!("You could not rejoin {}.", missing.join(", ")));
        }
        open
    }

    /// The rooms an account was in when it was last online, the current one last.
    fn last_rooms(&self, account: AccountId) -> Vec<(RoomName, Option<u64>, RecordedDoor)> {
        #[cfg(feature = "cluster")]
        if let Some(AccountStore::Shared(shared)) = self.hub.account_store() {
            let rooms = self.rooms_on_all_servers(account, shared).into_iter();
            return rooms.map(|(name, instance, door)| (name, Some(instance), RecordedDoor::Words(door))).collect();
        }
        if let Some(rooms) = self.hub.open_rooms.of(account) {
            let known = |open: &OpenRoom| {
                (open.room.name.clone(), Some(open.room.instance), RecordedDoor::DoorVersion(open.door))
            };
            return rooms.iter().map(known).collect();
        }
        let Some(store) = self.hub.store().cloned() else { return Vec::new() };
        match self.compute(move || store.open_rooms(account)) {
            Ok(Ok(rooms)) => rooms.into_iter().map(|open| (open.room, None, RecordedDoor::Words(open.door))).collect(),
            Ok(Err(error)) => {
                log::warn!("cannot read which rooms an account was in: {}", error.0);
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    /// Rejoins one of these rooms.
    fn return_to(
        &mut self,
        name: &RoomName,
        instance: Option<u64>,
        known: RecordedDoor,
    ) -> Result<Conversation, RejoinError> {
        if self.rooms.is_full() {
            return Err(RejoinError::TooManyRooms);
        }
        let room = self.hub.rooms.find(name).filter(|room| instance.is_none_or(|known| known == room.instance()));
        let room = room.ok_or(RejoinError::Gone)?;
        let opened = match known {
            RecordedDoor::DoorVersion(door) => door,
            RecordedDoor::Words(words) => self.unchanged_door(&room, &words),
        };
        match self.enter(&room, opened, JoinedAs::New) {
            Ok(Answer::Joined { room: id, how, .. }) => {
                if how == JoinedAs::Heir {
                    self.outbox.tell(LineKind::News, &format!("You are now admin of {id}."));
                }
                Ok(Conversation::Room(id))
            }
            Ok(_) | Err(EnterError::Closed) => Err(RejoinError::Gone),
            Err(EnterError::Full(_)) => Err(RejoinError::Full),
            Err(EnterError::Banned(left, _)) => Err(RejoinError::Banned(left)),
            Err(EnterError::Kicked(left)) => Err(RejoinError::Kicked(left)),
            Err(EnterError::NotShared(why)) => Err(RejoinError::NotShared(why)),
            Err(EnterError::NotAdmitted) => Err(match room.door().0 {
                RoomAccess::Password(_) | RoomAccess::Hashed(_) => RejoinError::OtherPassword,
                RoomAccess::Open | RoomAccess::Closed => RejoinError::InviteOnly,
            }),
        }
    }

    /// The door of a room, if it is still the one recorded in these words.
    fn unchanged_door(&self, room: &Room, words: &str) -> Option<DoorVersion> {
        let (entry, door) = room.door();
        let is_same = match entry {
            RoomAccess::Open => words == OPEN,
            RoomAccess::Closed => words == CLOSED,
            RoomAccess::Hashed(hash) => words == hash.as_str(),
            RoomAccess::Password(_) if words.is_empty() => false,
            RoomAccess::Password(_) if room.door_hash(door).is_some_and(|hash| hash.as_str() == words) => true,
            RoomAccess::Password(password) => {
                let hash = Hashed::new(words);
                let compared = hash.clone();
                let right = move || crate::access::password::verify(password.expose(), &compared);
                let is_same = self.compute_hash(right).unwrap_or(false);
                if is_same {
                    room.set_door_hash(door, hash);
                }
                is_same
            }
        };
        is_same.then_some(door)
    }

    /// The door of a room in words. Empty if its password could not be hashed: then the user is asked for it again.
    fn door_in_words(&self, room: &Room) -> Box<str> {
        let (entry, door) = room.door();
        match entry {
            RoomAccess::Open => OPEN.into(),
            RoomAccess::Closed => CLOSED.into(),
            RoomAccess::Hashed(hash) => hash.as_str().into(),
            RoomAccess::Password(password) => {
                let known = room.door_hash(door);
                let hashed = || {
                    let hash = move || crate::access::password::hash(password.expose());
                    let hash = self.compute_hash(hash).ok()?.ok()?;
                    room.set_door_hash(door, hash.clone());
                    Some(hash)
                };
                known.or_else(hashed).map_or_else(Box::default, |hash| hash.as_str().into())
            }
        }
    }

    /// Records which rooms the account is in, if that has changed. Called at the end of every turn, so it does little.
    pub(super) fn record_rooms_if_changed(&mut self) {
        if self.account.rooms_account().is_none() {
            return;
        }
        let open = self.palette.open();
        if self.account.rooms_differ(open.iter().filter_map(Conversation::room).map(|room| room.instance)) {
            self.record_rooms();
        }
    }

    /// Records which rooms the account is in, in any case: doors may have changed.
    pub(super) fn record_rooms(&mut self) {
        let (Some(user), Some(account)) = (self.user.as_ref(), self.account.rooms_account()) else { return };
        // Another connection has the account, or it was deleted.
        if user.is_gone() {
            return;
        }
        let (mut all, mut saved, mut instances) = (Vec::new(), Vec::new(), Vec::new());
        for id in self.palette.open().iter().filter_map(Conversation::room) {
            instances.push(id.instance);
            // The user was removed from it, and this session has not heard of that yet.
            let Some(joined) = self.rooms.get(id).filter(|joined| joined.others().is_some()) else { continue };
            let room = joined.room();
            let made = room.is_made();
            if self.hub.is_shared() || (self.hub.store().is_some() && (!made || room.is_kept())) {
                let door = if joined.as_operator { Box::default() } else { self.door_in_words(room) };
                saved.push(OpenRoomRecord { room: room.name().clone(), made, door });
            }
            all.push(OpenRoom { room: Arc::clone(id), door: (!joined.as_operator).then(|| room.door().1) });
        }
        self.hub.open_rooms.set(account, all);
        match self.hub.account_store() {
            Some(AccountStore::Own(store)) => store.record_open_rooms(account, saved.into()),
            #[cfg(feature = "cluster")]
            Some(AccountStore::Shared(_)) => self.hub.share_open_rooms(account, &saved),
            None => {}
        }
        self.account.set_recorded(instances);
    }

    /// This connection is about to change or leave its account: records for this account what was read, and which rooms
    /// are open.
    pub(super) fn leave_account(&mut self) {
        self.note_viewed();
        self.record_rooms();
    }
}
