//! A room as it is written down, and made again from that.
//!
//! *Owns* what of a room outlasts the server, and which of its messages are recorded.
//! *Knows nothing of* the disk: handing something to the store never waits here.
//! *Called by* `session` after an act, `room_table` at the start, and `room` itself for what is said.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use super::{Creation, DoorVersion, Room, State};
use crate::chat::action::{Actor, Denied};
use crate::chat::identity::{AccountId, Identity};
use crate::chat::message::{ClientId, Draft, Event, Message, MessageId};
use crate::chat::moderation::{Ban, Moderation, ModerationLists};
use crate::chat::permission::Permission;
use crate::chat::room_settings::RoomAccess;
use crate::chat::secret::{Hashed, Secret};
use crate::store::{
    AccessRecord, AdminRecord, BanRecord, CreationRecord, InvitationRecord, MessageRecord, MuteRecord, RoomRecord,
    Store, UserRecord,
};

/// A room as it is at one moment.
pub struct Snapshot {
    /// To be written down. Where there is a password, its hash has to be put in.
    pub room: RoomRecord,
    /// The password, if it has not been hashed yet.
    pub password: Option<Secret>,
    /// Tells whether the room has changed since.
    pub revision: u64,
}

/// Somebody decides whether a room is kept, until this is dropped.
///
/// What the disk is to hold first is written before the room says that it is kept, and what is not to stay is erased after
/// it says that it is not. A second decision in between would erase what the first has written.
pub struct Deciding(Arc<Room>);

impl Drop for Deciding {
    fn drop(&mut self) {
        self.0.lock().deciding = false;
    }
}

/// Two clocks read at the same moment: the lists of a room are kept by the one that only goes forwards, the disk needs
/// the one on the wall.
#[derive(Clone, Copy)]
struct Clocks {
    now: Instant,
    at: Timestamp,
}

impl Clocks {
    fn on_the_wall(self, until: Instant) -> Timestamp {
        let left = SignedDuration::try_from(until.saturating_duration_since(self.now)).unwrap_or(SignedDuration::MAX);
        self.at.checked_add(left).unwrap_or(Timestamp::MAX)
    }

    /// `None`: it is over.
    fn ahead(self, until: Timestamp) -> Option<Instant> {
        let left = std::time::Duration::try_from(until.duration_since(self.at)).ok()?;
        self.now.checked_add(left).filter(|_| !left.is_zero())
    }

    /// An end, or none; nothing at all if it is over.
    fn end_ahead(self, until: Option<Timestamp>) -> Option<Option<Instant>> {
        match until {
            None => Some(None),
            Some(until) => self.ahead(until).map(Some),
        }
    }
}

fn kept_person(who: Identity) -> UserRecord {
    UserRecord { account: who.account, name: who.name, address: who.address }
}

fn identity(who: UserRecord) -> Identity {
    Identity { client: ClientId::NONE, name: who.name, address: who.address, shared: false, account: who.account }
}

impl Room {
    fn store(&self) -> Option<&Arc<Store>> {
        self.shared.store.as_ref()
    }

    /// Begins to decide whether the room is kept, or there at all; `None` while somebody else does. Nobody waits for that:
    /// it takes as long as the disk does.
    pub fn decide(self: &Arc<Self>) -> Option<Deciding> {
        let mut state = self.lock();
        let free = !state.deciding;
        state.deciding = true;
        drop(state);
        free.then(|| Deciding(Arc::clone(self)))
    }

    /// The room as it is to be written down; `None` if it is not to be.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let mut state = self.lock();
        self.keeper(&state).is_some().then(|| state.snapshot(self))
    }

    /// Somebody has read the room up to its newest message, which is returned; where nothing has been said yet, all that
    /// will be is new. Noted on disk if anything of the room is: one that somebody has made leaves no trace unless it is
    /// kept, not even its name. Under the lock, so that it is not noted of another room that has the name by then.
    pub fn record_visit(&self, account: AccountId) -> MessageId {
        let state = self.lock();
        let newest = state.newest.unwrap_or(MessageId(0));
        if let Some(store) = self.keeper(&state) {
            store.record_visit(account, &self.name, newest);
        }
        newest
    }

    /// The same for a room that is to be kept from now on, if this person may decide that.
    pub fn snapshot_to_keep(&self, actor: &Actor, now: Instant) -> Result<Snapshot, Denied> {
        let mut state = self.lock();
        if !state.permits(actor, Permission::Set, state.case(), now) {
            return Err(state.not_admin(self));
        }
        if state.made.is_none() {
            return Err(Denied::AsItIs(format!("{} is one of the server's own rooms and is kept anyway.", self.name)));
        }
        if !state.order.has_account_admin() {
            let line =
                "Only who has an account can keep a room, or nobody would keep order in it: :register makes one.";
            return Err(Denied::AsItIs(line.to_owned()));
        }
        Ok(state.snapshot(self))
    }

    /// Whether a password that this user sets must be hashed first, because the room is stored.
    pub fn hashes_password_of(&self, actor: &Actor, now: Instant) -> bool {
        let state = self.lock();
        state.kept && state.permits(actor, Permission::Set, state.case(), now)
    }

    /// Whether the room has not changed since.
    pub fn is_at(&self, revision: u64) -> bool {
        self.lock().revision == revision
    }

    /// The hash of a password is known: the password itself is forgotten, if it is still the same.
    pub fn forget_password(&self, password: &Secret, hash: &Hashed) {
        let mut state = self.lock();
        if matches!(&state.config.entry, RoomAccess::Password(known) if known == password) {
            state.config.entry = RoomAccess::Hashed(Hashed::new(hash.as_str()));
        }
    }

    /// The hash of the password that opens this door, where the room knows it in the clear.
    pub fn door_hash(&self, door: DoorVersion) -> Option<Hashed> {
        let state = self.lock();
        state.door_hash.as_ref().filter(|(known, _)| *known == door).map(|(_, hash)| hash.clone())
    }

    /// Notes such a hash: it is computed once, for whoever is the first to need it.
    pub fn set_door_hash(&self, door: DoorVersion, hash: Hashed) {
        self.lock().door_hash = Some((door, hash));
    }

    /// Brings a room to what was written down of it.
    pub fn restore(&self, kept: RoomRecord, now: Instant, at: Timestamp) {
        let clocks = Clocks { now, at };
        let mut state = self.lock();
        if let Some(made) = kept.made {
            state.made = Some(Creation { by: made.by, address: made.address, at: made.at });
            state.kept = true;
            state.slow = kept.slow;
            state.config.public = kept.public;
            state.config.description = kept.description.into();
            state.config.limit = kept.limit;
            state.config.entry = match kept.entry {
                AccessRecord::Open => RoomAccess::Open,
                AccessRecord::Password(hash) => RoomAccess::Hashed(Hashed::new(hash.as_str())),
                AccessRecord::Closed => RoomAccess::Closed,
            };
        }
        state.read_back = kept.read_back;
        state.readers.restore(kept.members);
        let ban = |ban: BanRecord| {
            let until = clocks.end_ahead(ban.until)?;
            let BanRecord { name, who, address, by, reason, .. } = ban;
            Some(Ban { name, who: who.map(identity), address, by, reason, until })
        };
        let admins = kept.admins.into_iter().filter(|_| state.kept);
        let lists = ModerationLists {
            admins: admins.map(|admin| (identity(admin.who), admin.owner)).collect(),
            bans: kept.bans.into_iter().filter_map(ban).collect(),
            mutes: (kept.mutes.into_iter())
                .filter_map(|mute| Some((identity(mute.who), clocks.end_ahead(mute.until)?)))
                .collect(),
            invitations: (kept.invitations.into_iter())
                .filter_map(|entry| Some((identity(entry.who), Some(clocks.ahead(entry.until)?))))
                .collect(),
        };
        state.order = Moderation::restored(lists);
    }

    /// Takes back what was said before the server started, oldest first.
    pub fn recall(&self, messages: Vec<MessageRecord>) {
        let mut state = self.lock();
        let keep = self.shared.history_max.load(Ordering::Relaxed);
        for message in messages {
            state.newest = Some(message.id);
            state.history.push(Arc::new(Event::Said(restored(message))), keep);
            state.said += 1;
        }
    }

    /// Hands a message to the store, if this room's messages are recorded. Called under the room's lock.
    pub(super) fn record_said(&self, state: &State, message: &Message) {
        let Some(store) = self.recorder(state).filter(|_| !message.is_temporary()) else { return };
        let extra = message.extra.as_deref();
        store.record_message(
            &self.name,
            MessageRecord {
                id: message.id,
                at: message.at,
                author: message.author.clone(),
                account: message.account,
                text: message.text.clone(),
                action: extra.is_some_and(|extra| extra.action),
                edited: extra.is_some_and(|extra| extra.edited),
                reply: extra.and_then(|extra| extra.reply.clone()),
            },
        );
    }

    /// The same for everything that is in memory already.
    pub(super) fn record_all(&self, state: &State) {
        for event in state.history.last(usize::MAX) {
            if let Some(message) = event.message() {
                self.record_said(state, message);
            }
        }
    }

    /// Hands an edit to the store. Called under the room's lock.
    pub(super) fn record_edited(&self, state: &State, id: MessageId, text: &str) {
        if let Some(store) = self.recorder(state) {
            store.record_edit(&self.name, id, text);
        }
    }

    /// Hands an erasure to the store. Called under the room's lock.
    pub(super) fn record_erased(&self, state: &State, id: MessageId) {
        if let Some(store) = self.recorder(state) {
            store.record_deletion(&self.name, id);
        }
    }

    /// Where the room is written down, if it is.
    fn keeper(&self, state: &State) -> Option<&Arc<Store>> {
        self.store().filter(|_| state.made.is_none() || state.kept)
    }

    /// Where this room's messages go, if they are kept.
    pub(super) fn recorder(&self, state: &State) -> Option<&Arc<Store>> {
        self.keeper(state).filter(|store| store.keeps_history())
    }

    /// Whether what is said in it goes to the disk.
    pub fn is_recorded(&self) -> bool {
        self.recorder(&self.lock()).is_some()
    }

    /// Nothing more of the room is written down: it is about to be taken off the disk.
    pub fn record_no_more(&self) {
        self.lock().kept = false;
    }
}

/// A message as it was written down, said by nobody who is connected.
pub fn restored(kept: MessageRecord) -> Message {
    let draft = Draft { text: kept.text.into(), action: kept.action, lasts: None, reply: kept.reply };
    let message = Message::new(kept.id, kept.at, kept.author, ClientId::NONE, draft, Box::default());
    let message = if kept.edited { message.edited(&message.text) } else { message };
    message.of_account(kept.account)
}

impl State {
    pub(super) fn snapshot(&mut self, room: &Room) -> Snapshot {
        // The moment that counts, or an end that is far away would be written down as far as the clock is wrong.
        let at = room.store().map_or_else(Timestamp::now, |store| store.now());
        let clocks = Clocks { now: Instant::now(), at };
        let lists = self.order.lists(clocks.now);
        let config = &self.config;
        let (entry, password) = match &config.entry {
            RoomAccess::Open => (AccessRecord::Open, None),
            RoomAccess::Closed => (AccessRecord::Closed, None),
            RoomAccess::Hashed(hash) => (AccessRecord::Password(hash.clone()), None),
            // Nobody gets in should the hash be missing.
            RoomAccess::Password(secret) => (AccessRecord::Closed, Some(secret.clone())),
        };
        let until = |until: Option<Instant>| until.map(|until| clocks.on_the_wall(until));
        let made = self.made.clone().map(|made| CreationRecord { by: made.by, address: made.address, at: made.at });
        // Who has no account is known by a connection that no other server's life will see again.
        let admins = lists.admins.into_iter().filter(|(who, _)| who.account.is_some());
        // What the configuration says of its own rooms stands there and nowhere else.
        let own = made.is_none();
        let room = RoomRecord {
            name: room.name.clone(),
            made,
            public: config.public,
            description: config.description.as_str().into(),
            limit: config.limit,
            entry: if own { AccessRecord::Open } else { entry },
            slow: self.slow,
            read_back: self.read_back,
            // Each is written down when they become one.
            members: Vec::new(),
            admins: admins.map(|(who, owner)| AdminRecord { who: kept_person(who), owner }).collect(),
            bans: (lists.bans.into_iter())
                .map(|ban| {
                    let end = until(ban.until);
                    let Ban { name, who, address, by, reason, .. } = ban;
                    BanRecord { name, who: who.map(kept_person), address, by, reason, until: end }
                })
                .collect(),
            mutes: (lists.mutes.into_iter())
                .map(|(who, end)| MuteRecord { who: kept_person(who), until: until(end) })
                .collect(),
            invitations: (lists.invitations.into_iter())
                .filter_map(|(who, end)| Some(InvitationRecord { who: kept_person(who), until: until(end)? }))
                .collect(),
        };
        let password = password.filter(|_| !own);
        Snapshot { room, password, revision: self.revision }
    }
}
