//! Storing a room, and restoring it.
//!
//! *Owns* which parts of a room are persistent, and which messages are recorded. *Knows nothing of* the disk: handing
//! something to the store never waits here.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use jiff::Timestamp;

use super::{DoorVersion, LockedRoom, Room, both_clocks};
use crate::chat::action::{Actor, Denied, ReadBack};
use crate::chat::message::{AccountId, ClientId, Draft, Message, MessageId};
use crate::chat::moderation::ModerationLists;
use crate::chat::names::RoomName;
use crate::chat::permission::Permission;
use crate::chat::room::{Occurrence, RoomState, StoredMade, StoredRoom};
use crate::chat::room_settings::{RoomAccess, RoomSettings};
use crate::chat::secret::{Hashed, Secret};
use crate::store::{AccessRecord, MessageRecord, ReadError, RoomRecord, Store};

/// A room as it is at one moment.
pub(crate) struct Snapshot {
    /// The record to store. If there is a password, its hash has to be filled in.
    pub room: RoomRecord,
    /// The password, if it has not been hashed yet.
    pub password: Option<Secret>,
    /// For checking whether the room has changed since.
    pub(crate) revision: u64,
}

/// The run of the server before this one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EarlierRun {
    /// Numbers up to this one may be those of its messages; numbers above it are of this run.
    pub last: MessageId,
    /// It ended before everything was written: of each room's messages, the newest may be missing.
    #[cfg(feature = "json")]
    pub broke_off: bool,
}

/// A user decides whether a room is kept, until this is dropped.
///
/// The room is written to disk before it counts as kept, and erased after it no longer does. A second decision in
/// between would erase what the first has written.
pub struct Deciding(Arc<Room>);

impl Drop for Deciding {
    fn drop(&mut self) {
        self.0.lock().deciding = false;
    }
}

impl Room {
    fn store(&self) -> Option<&Arc<Store>> {
        self.shared.store.as_ref()
    }

    /// Begins to decide whether the room is kept or destroyed; `None` while another user does. Nobody waits for that,
    /// because it takes as long as the disk does.
    pub(crate) fn decide(self: &Arc<Self>) -> Option<Deciding> {
        let mut state = self.lock();
        let free = !state.deciding;
        state.deciding = true;
        drop(state);
        free.then(|| Deciding(Arc::clone(self)))
    }

    /// The room as it has to be stored; `None` if it is not persistent. If the stored data has not been read yet, reads
    /// it first, and fails if that is not possible: otherwise the stored lists would be replaced by shorter ones.
    pub(crate) fn snapshot(&self) -> Result<Option<Snapshot>, ReadError> {
        self.restore_late()?;
        let state = self.lock();
        Ok(self.keeper(&state).is_some().then(|| state.snapshot(self)))
    }

    /// Notes that a user has read the room up to its newest message, which is returned; if nothing has been said yet,
    /// everything later is new. Recorded on disk only if the room is stored: a user-made room that is not kept leaves
    /// no trace, not even its name. Under the lock, so that the visit is not recorded for another room that has taken
    /// the name.
    pub(crate) fn record_visit(&self, account: AccountId) -> MessageId {
        self.record_visit_up_to(account, MessageId(u64::MAX))
    }

    /// The same for a user who may not have read everything.
    pub(crate) fn record_visit_up_to(&self, account: AccountId, last: MessageId) -> MessageId {
        let state = self.lock();
        let newest = state.room.newest().unwrap_or(MessageId(0)).min(last);
        if let Some(store) = self.keeper(&state) {
            store.record_visit(account, &self.name, newest);
        }
        newest
    }

    /// Like [`snapshot`](Room::snapshot), for a room that will be kept from now on, if this user may decide that.
    pub(crate) fn snapshot_to_keep(&self, actor: &Actor, now: Instant) -> Result<Snapshot, Denied> {
        let state = self.lock();
        if !state.room.permits(actor, Permission::Set, self.now(now).at) {
            return Err(state.room.not_admin());
        }
        if state.room.created().is_none() {
            return Err(Denied::AsItIs(format!("{} is one of the server's own rooms and is kept anyway.", self.name)));
        }
        if !state.room.moderation().has_account_admin() {
            let line = "Only an admin with an account can keep a room, or it would be left without one: :register makes \
                        an account.";
            return Err(Denied::AsItIs(line.to_owned()));
        }
        Ok(state.snapshot(self))
    }

    /// Whether a password that this user sets must be hashed first, because the room is stored.
    pub(crate) fn hashes_password_of(&self, actor: &Actor, now: Instant) -> bool {
        let state = self.lock();
        state.room.is_kept() && state.room.permits(actor, Permission::Set, self.now(now).at)
    }

    /// Whether a user may change the settings.
    ///
    /// # Errors
    ///
    /// What they read if they may not.
    pub(crate) fn may_set(&self, actor: &Actor, now: Instant) -> Result<(), Denied> {
        self.lock().room.check(actor, Permission::Set, self.now(now).at)
    }

    /// Whether the room has not changed since.
    pub(crate) fn is_at(&self, revision: u64) -> bool {
        self.lock().room.revision() == revision
    }

    /// Replaces the room's password by its hash, if the password is still the same.
    pub(crate) fn forget_password(&self, password: &Secret, hash: &Hashed, now: Instant) {
        self.note(Occurrence::PasswordHashed { password: password.clone(), hash: hash.clone() }, now);
    }

    /// The hash of the password that opens this door, if the room knows that in the clear.
    pub(crate) fn door_hash(&self, door: DoorVersion) -> Option<Hashed> {
        let state = self.lock();
        state.door_hash.as_ref().filter(|(known, _)| *known == door).map(|(_, hash)| hash.clone())
    }

    /// Remembers such a hash, which is computed once, for the first user who needs it.
    pub(crate) fn set_door_hash(&self, door: DoorVersion, hash: Hashed) {
        self.lock().door_hash = Some((door, hash));
    }

    /// Restores a new room from its record. `at` is the wall clock time.
    pub(crate) fn restore(&self, record: RoomRecord, now: Instant, at: Timestamp) {
        let stored = self.stored(record, now, at);
        let mut state = self.lock();
        #[cfg(feature = "json")]
        state.restored_up_to.get_or_insert(MessageId(0));
        state.room.restore(stored, self.shared.clock.at(now));
    }

    /// The record, with times by the room's clock.
    fn stored(&self, record: RoomRecord, now: Instant, at: Timestamp) -> StoredRoom {
        let settings = RoomSettings {
            public: record.public,
            description: record.description.into(),
            limit: record.limit,
            entry: match record.entry {
                AccessRecord::Open => RoomAccess::Open,
                AccessRecord::Password(hash) => RoomAccess::Hashed(hash),
                AccessRecord::Closed => RoomAccess::Closed,
            },
        };
        StoredRoom {
            made: record.made.map(|creation| StoredMade { creation, settings, slow: record.slow }),
            read_back: record.read_back,
            members: record.members.into_iter().map(|member| (member.account, member.since)).collect(),
            lists: record.lists.shifted(-self.shared.clock.behind(at, now)),
        }
    }

    /// Notes that the stored data of one of the server's own rooms cannot be read now.
    pub(crate) fn begin_unrestored(&self) {
        let mut state = self.lock();
        state.unrestored = true;
        state.room.begin_unrestored();
    }

    /// Whether the stored data of the room still has to be read.
    pub(crate) fn is_unrestored(&self) -> bool {
        self.lock().unrestored
    }

    /// Reads the stored data of the room if necessary, and adds it.
    pub(crate) fn restore_late(&self) -> Result<(), ReadError> {
        let Some(store) = self.store().filter(|_| self.is_unrestored()) else { return Ok(()) };
        // A user-made room of this name has ended.
        let record = store.room(&self.name)?.filter(|record| record.made.is_none());
        let (now, at) = both_clocks(self.store());
        let nothing = || StoredRoom {
            made: None,
            read_back: ReadBack::default(),
            members: Vec::new(),
            lists: ModerationLists::default(),
        };
        let stored = record.map_or_else(nothing, |record| self.stored(record, now, at));
        let mut state = self.lock();
        // Another thread may have read it at the same time.
        if std::mem::take(&mut state.unrestored) {
            state.room.restore_late(stored, self.shared.clock.at(now));
            state.bound_views(self.instance);
        }
        Ok(())
    }

    /// The room as several servers share it: its core, and its messages with their numbers, oldest first.
    #[cfg(all(feature = "cluster", feature = "storage"))]
    pub(crate) fn shared_form(&self) -> (Box<str>, Vec<(u64, Box<str>)>) {
        let state = self.lock();
        let messages = state.room.history().last(usize::MAX);
        let messages = messages.iter().filter_map(|event| event.message());
        let lines = messages.map(|message| (message.id.0, crate::chat::room::message_line(message).into()));
        (state.room.core_line().into(), lines.collect())
    }

    /// Restores messages from before the server started, oldest first.
    pub(crate) fn recall(&self, messages: Vec<MessageRecord>) {
        let mut state = self.lock();
        #[cfg(feature = "json")]
        {
            state.restored_up_to = messages.last().map(|last| last.id).or(state.restored_up_to);
        }
        state.room.recall(messages.into_iter().map(restored));
    }

    /// The last number given to a message. Called under the room's lock.
    pub(super) fn last_given(&self) -> MessageId {
        MessageId(self.shared.last_message.load(Ordering::Relaxed))
    }

    /// Hands a message to the store, if this room's messages are recorded. Called under the room's lock.
    pub(super) fn record_said(&self, state: &LockedRoom, message: &Message) {
        let Some(store) = self.recorder(state).filter(|_| !message.is_temporary()) else { return };
        store.record_message(&self.name, message_record(message));
    }

    /// The same for everything that is in memory already.
    pub(super) fn record_all(&self, state: &LockedRoom) {
        for event in state.room.history().last(usize::MAX) {
            if let Some(message) = event.message() {
                self.record_said(state, message);
            }
        }
    }

    /// Hands an edit to the store. Called under the room's lock.
    pub(super) fn record_edited(&self, state: &LockedRoom, id: MessageId, text: &str) {
        if let Some(store) = self.recorder(state) {
            store.record_edit(&self.name, id, text);
        }
    }

    /// Hands an erasure to the store. Called under the room's lock.
    pub(super) fn record_erased(&self, state: &LockedRoom, id: MessageId) {
        if let Some(store) = self.recorder(state) {
            store.record_deletion(&self.name, id);
        }
    }

    /// Records in the store since when an account is a member. Called under the room's lock.
    pub(super) fn record_member(&self, state: &LockedRoom, account: AccountId, since: MessageId) {
        if let Some(store) = self.recorder(state) {
            store.record_membership(account, &self.name, since, state.room.created().is_some());
        }
    }

    /// The same for all of them.
    pub(super) fn record_members(&self, state: &LockedRoom) {
        for (account, since) in state.room.accounts_since() {
            self.record_member(state, account, since);
        }
    }

    /// The store, if anything of this room is stored.
    fn keeper(&self, state: &LockedRoom) -> Option<&Arc<Store>> {
        self.store().filter(|_| state.room.created().is_none() || state.room.is_kept())
    }

    /// The store, if this room's messages are recorded.
    pub(super) fn recorder(&self, state: &LockedRoom) -> Option<&Arc<Store>> {
        self.keeper(state).filter(|store| store.keeps_history())
    }

    /// Whether its messages go to the disk.
    pub(crate) fn is_recorded(&self) -> bool {
        self.recorder(&self.lock()).is_some()
    }

    /// Stops storing the room, which is about to be removed from the disk.
    pub(crate) fn record_no_more(&self, now: Instant) {
        self.note(Occurrence::StorageEnds, now);
    }
}

/// A message as it is stored.
pub(crate) fn message_record(message: &Message) -> MessageRecord {
    let extra = message.extra.as_deref();
    MessageRecord {
        id: message.id,
        at: message.at,
        author: message.author.clone(),
        account: message.account,
        text: message.text.clone(),
        action: extra.is_some_and(|extra| extra.action),
        edited: extra.is_some_and(|extra| extra.edited),
        reply: extra.and_then(|extra| extra.reply.clone()),
    }
}

/// A stored message. Its author has no connection.
pub(crate) fn restored(record: MessageRecord) -> Message {
    let draft = Draft { text: record.text.into(), action: record.action, lasts: None, reply: record.reply };
    let message = Message::new(record.id, record.at, record.author, ClientId::NONE, draft, Box::default());
    let message = if record.edited { message.edited(&message.text) } else { message };
    message.of_account(record.account)
}

/// A room as it is stored, with these lists and without its members; and its password, if that has not been hashed yet.
pub(crate) fn room_record(room: &RoomState, name: &RoomName, lists: ModerationLists) -> (RoomRecord, Option<Secret>) {
    let settings = room.settings();
    let (entry, password) = match &settings.entry {
        RoomAccess::Open => (AccessRecord::Open, None),
        RoomAccess::Closed => (AccessRecord::Closed, None),
        RoomAccess::Hashed(hash) => (AccessRecord::Password(hash.clone()), None),
        // If the hash were missing, nobody could enter.
        RoomAccess::Password(secret) => (AccessRecord::Closed, Some(secret.clone())),
    };
    // What the configuration says of its own rooms is stored nowhere else.
    let own = room.created().is_none();
    let record = RoomRecord {
        name: name.clone(),
        made: room.created().cloned(),
        public: settings.public,
        description: settings.description.as_str().into(),
        limit: settings.limit,
        entry: if own { AccessRecord::Open } else { entry },
        slow: room.slow(),
        read_back: room.read_back(),
        // Members are stored when they become members.
        members: Vec::new(),
        lists,
    };
    (record, password.filter(|_| !own))
}

impl LockedRoom {
    pub(super) fn snapshot(&self, room: &Room) -> Snapshot {
        let clock = &room.shared.clock;
        // The time that the store trusts; otherwise an end in the distant future would be stored with the clock's
        // error.
        let (now, at) = both_clocks(room.store());
        let mut lists = self.room.moderation().lists(clock.at(now)).shifted(clock.behind(at, now));
        // A guest is known by a connection, which ends with the server.
        lists.admins.retain(|admin| admin.who.account.is_some());
        let (record, password) = room_record(&self.room, &room.name, lists);
        Snapshot { room: record, password, revision: self.room.revision() }
    }
}
