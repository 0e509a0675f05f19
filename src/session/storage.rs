//! What outlasts the server, from the side of whoever asks for it: rooms written down, older messages read, messages left
//! for who is not there.
//!
//! Nothing here is done under a lock: the disk is waited for, or read on the threads that compute long.
//!
//! *Owns* when a room is written down, and the way to what memory does not hold.
//! *Knows nothing of* SQL and of how any of it looks.
//! *Called by* `session`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Session;
use crate::access::address::network_key;
use crate::chat::action::{Actor, Denied, RoomAction, Setting};
use crate::chat::identity::{AccountId, Target};
use crate::chat::message::{Addressee, ClientId, Draft, Event, Message, MessageId};
use crate::chat::names::UserName;
use crate::chat::secret::Hashed;
use crate::hub::room::{ArchiveRange, Deciding, Room, Snapshot, readable_after, restored};
use crate::outbox::OwnCopy;
use crate::store::{
    AccessRecord, AccountRecord, MAX_OFFLINE_MESSAGES_PER_SENDER, OfflineMessageError, OfflineMessageRecord, SaveError,
    Store, StoreFailure,
};
use crate::ui::screen::LineKind;

/// Older messages shown at most by one `:history`: four times what memory keeps by default, and about forty screens.
const MOST_OLDER: usize = 1000;

/// Messages to absent people that their author can still change, the last ones.
const MOST_LEFT_WORDS: usize = 100;

/// How long a user who deleted or edited something waits for the disk. After that they hear that it is not there yet.
const CHANGING: Duration = Duration::from_secs(1);

/// How long reading older messages may take.
const PATIENCE: Duration = Duration::from_millis(200);

/// Why a message does not wait for somebody, in words.
fn not_kept(error: OfflineMessageError, name: &UserName, is_guest: bool) -> String {
    let whose = if is_guest { "from your address" } else { "of yours" };
    match error {
        OfflineMessageError::MailboxFull => format!("Too many messages wait for {name} already: try again later."),
        OfflineMessageError::SenderShare => {
            format!(
                "{MAX_OFFLINE_MESSAGES_PER_SENDER} messages {whose} wait for {name} already: try again when they are read."
            )
        }
        OfflineMessageError::SenderTotal => {
            format!("Too many messages {whose} wait for people who are away: try again when some are read.")
        }
        OfflineMessageError::NoAccount | OfflineMessageError::NotSaved(_) => error.to_string(),
    }
}

/// What was done before an act: the new password's hash.
pub(super) struct Prepared(Option<Hashed>);

impl Session {
    /// Puts the hash of a room's password into what is written down of it. False if that cannot be done now; then it was
    /// told.
    fn hash_entry(&self, room: &Room, snapshot: &mut Snapshot) -> bool {
        let Some(password) = snapshot.password.take() else { return true };
        let Some(hash) = self.hashed(password.clone()) else { return false };
        // From here on the room knows the hash alone.
        room.forget_password(&password, &hash);
        snapshot.room.entry = AccessRecord::Password(hash);
        true
    }

    /// Writes down a room that has changed, if it is one that is kept. It is on disk when this returns, or it was told that
    /// it is not.
    #[inline(never)]
    pub(super) fn keep_room(&self, room: &Arc<Room>) {
        let Some(store) = self.hub.store() else { return };
        while let Some(mut snapshot) = room.snapshot() {
            if !self.hash_entry(room, &mut snapshot) {
                return;
            }
            if let Err(error) = store.save_room(snapshot.room) {
                return self.tell_not_kept(&error);
            }
            // Two people may change a room at the same time: whoever writes last must have written what is.
            if room.is_at(snapshot.revision) {
                return;
            }
        }
    }

    /// What is to be held during an act, so that nobody else decides at the same time whether the room is kept.
    #[inline(never)]
    pub(super) fn decide(&self, room: &Arc<Room>, act: &RoomAction) -> Result<Option<Deciding>, Denied> {
        // A new password is hashed first where the room is kept, so that is not to change meanwhile.
        let depends =
            matches!(act, RoomAction::Destroy | RoomAction::Set(Setting::Keep(_) | Setting::Password(Some(_))));
        if self.hub.store().is_none() || !depends {
            return Ok(None);
        }
        let line = || format!("Somebody else is just deciding whether {} is kept: try again in a moment.", room.name());
        room.decide().map(Some).ok_or_else(|| Denied::AsItIs(line()))
    }

    /// What has to be done before an act: what is to be on disk by then is, and the new password of a kept room is hashed, or
    /// it would be in force and on no disk if that cannot be done. `None` if the act is not to be done; then it was told why.
    #[inline(never)]
    pub(super) fn prepare_act(&self, room: &Arc<Room>, actor: &Actor, act: &RoomAction) -> Option<Prepared> {
        if *act == RoomAction::Set(Setting::Keep(true)) && !room.is_kept() {
            return self.prepare_keeping(room, actor).then_some(Prepared(None));
        }
        if let RoomAction::Set(Setting::Password(Some(new))) = act
            // A user who may not set one costs no hash: the room refuses them.
            && room.hashes_password_of(actor, Instant::now())
        {
            return self.hashed(new.clone()).map(|hash| Prepared(Some(hash)));
        }
        Some(Prepared(None))
    }

    fn prepare_keeping(&self, room: &Arc<Room>, actor: &Actor) -> bool {
        let Some(store) = self.hub.store() else { return true };
        let mut snapshot = match room.snapshot_to_keep(actor, Instant::now()) {
            Ok(snapshot) => snapshot,
            Err(denied) => {
                self.refuse(&denied);
                return false;
            }
        };
        if !self.hash_entry(room, &mut snapshot) {
            return false;
        }
        if let Err(error) = store.create_room(snapshot.room) {
            if error.0 == StoreFailure::OutcomeUnknown {
                // It may be on disk yet, and the room is not kept. Where that is refused, the store tries on.
                let _ = store.delete_room(room.name());
            }
            self.outbox.tell(LineKind::Refusal, &error.to_string());
            return false;
        }
        true
    }

    /// What was prepared for an act that could not be done after all, since the room or its author has changed meanwhile.
    #[inline(never)]
    pub(super) fn abandon_act(&self, room: &Room, act: &RoomAction) {
        if *act == RoomAction::Set(Setting::Keep(true)) && !room.is_kept() {
            self.forget_room(room);
        }
    }

    /// What has to be on disk before an act that was done is confirmed.
    #[inline(never)]
    pub(super) fn complete_act(&self, room: &Arc<Room>, act: &RoomAction, prepared: &Prepared) {
        if let (RoomAction::Set(Setting::Password(Some(new))), Some(hash)) = (act, &prepared.0) {
            // From here on the room knows the hash alone.
            room.forget_password(new, hash);
        }
        match act {
            RoomAction::Destroy | RoomAction::Set(Setting::Keep(false)) => self.forget_room(room),
            _ => self.keep_room(room),
        }
    }

    /// Takes a room that was kept off the disk, with all that was said in it.
    fn forget_room(&self, room: &Room) {
        let Some(store) = self.hub.store() else { return };
        room.record_no_more();
        // What the disk has under this name may be another room's by now: one of the server's own, after a reload.
        if self.hub.rooms.find(room.name()).is_some_and(|known| known.instance() != room.instance()) {
            return;
        }
        if let Err(error) = store.delete_room(room.name()) {
            self.tell_not_kept(&error);
        }
    }

    /// Waits until an erasure or an edit is on disk, or says that it is not: nobody reads the old text here any more, but a
    /// crash would bring it back. What was to be told and shown of it is on its way first.
    #[inline(never)]
    pub(super) fn await_change(&mut self, room: &Room) {
        let Some(store) = self.hub.store().cloned().filter(|_| room.is_recorded()) else { return };
        self.deliver();
        if let Err(SaveError(reason)) = store.sync_within(CHANGING) {
            self.outbox.tell(LineKind::News, &format!("That is not on disk yet: {reason}."));
        }
    }

    /// Messages of a room from before what memory holds, oldest first.
    pub(super) fn read_older(&self, room: &Room, older: ArchiveRange, count: usize) -> Vec<Arc<Event>> {
        let Some(store) = self.hub.store().cloned().filter(|_| count > 0) else { return Vec::new() };
        let name = room.name().clone();
        let count = count.min(MOST_OLDER);
        // What has just left memory may not be written yet. Where the disk is in trouble, what it has is shown.
        let _ = store.sync();
        match self.hub.work.run(self.ip(), move || store.messages_before(&name, older.before, count, PATIENCE)) {
            Ok(Ok(page)) => {
                if page.cut {
                    self.outbox.tell(LineKind::News, "There was no time to read all of it.");
                }
                let messages = page.messages.into_iter().rev().map(|kept| Arc::new(Event::Said(restored(kept))));
                readable_after(older.after, messages.collect())
            }
            Ok(Err(error)) => {
                self.outbox.tell(LineKind::Refusal, &error.to_string());
                Vec::new()
            }
            Err(busy) => {
                self.outbox.tell(LineKind::Refusal, &busy.to_string());
                Vec::new()
            }
        }
    }

    /// A message that is not in memory, and the room it was said in, if this person may read it.
    #[inline(never)]
    pub(super) fn locate_older(&self, actor: &Actor, id: MessageId) -> Option<(Arc<Room>, Message)> {
        let store = self.hub.store().cloned().filter(|store| store.keeps_history())?;
        // As above.
        let _ = store.sync();
        let (name, kept) = self.hub.work.run(self.ip(), move || store.message(id)).ok()?.ok()??;
        let room = Arc::clone(self.memberships.iter().find(|known| *known.room().name() == name)?.room());
        let older = room.older_than(actor, Instant::now()).filter(|older| older.has(id))?;
        let message = readable_after(older.after, vec![Arc::new(Event::Said(restored(kept)))]).pop()?;
        Some((room, message.message()?.clone()))
    }

    /// The last message of this person's account in his rooms that is not in memory any more.
    #[inline(never)]
    pub(super) fn last_older(&self) -> Option<MessageId> {
        let account = self.person.as_ref()?.account()?;
        let store = self.hub.store().cloned().filter(|store| store.keeps_history())?;
        let rooms: Vec<_> = self.memberships.iter().map(|membership| membership.room().name().clone()).collect();
        let _ = store.sync();
        let last = move || {
            rooms.iter().filter_map(|room| store.last_message_by(account, room).ok()?).map(|kept| kept.id).max()
        };
        self.hub.work.run(self.ip(), last).ok()?
    }

    /// The account of whoever is named, if he has one.
    #[inline(never)]
    pub(super) fn account_of(&self, whom: &Target) -> Option<AccountRecord> {
        let store = self.hub.store().cloned().filter(|_| whom.client.is_none() && self.hub.accounts().are_kept())?;
        let name = whom.name.clone();
        self.hub.work.run(self.ip(), move || store.account(&name)).ok()?.ok()?
    }

    /// Leaves a message for somebody who is not there, or says why not.
    #[inline(never)]
    pub(super) fn leave_word(&mut self, reader: &AccountRecord, draft: &Draft) -> Result<(), String> {
        let (Some(person), Some(store)) = (self.person.clone(), self.hub.store().cloned()) else { return Ok(()) };
        let name = &reader.name;
        if draft.lasts.is_some() {
            return Err(format!("{name} is not online, and a temporary message does not wait."));
        }
        let (id, at, author) = (self.hub.rooms.next_message(), Timestamp::now(), person.identity());
        let message = OfflineMessageRecord {
            id,
            at,
            from: author.name.clone(),
            account: author.account,
            address: author.account.is_none().then(|| network_key(self.ip())),
            text: draft.text.as_str().into(),
            action: draft.action,
            edited: false,
            reply: draft.reply.clone(),
        };
        // Whom he does not want to read he does not find waiting either; and that nobody is told.
        if reader.settings.ignored.contains(&author.name) {
            // Nothing to be done.
        } else {
            let is_guest = author.account.is_none();
            let kept = if store.keeps_history() {
                store.save_offline_message(reader.id, message)
            } else {
                self.keep_in_memory(&store, reader.id, message)
            };
            kept.map_err(|error| not_kept(error, name, is_guest))?;
        }
        if self.left_words.len() >= MOST_LEFT_WORDS {
            self.left_words.remove(0);
        }
        self.left_words.push(id);
        let to = [Addressee { client: ClientId::NONE, name: name.clone() }].into();
        let shown = Message::new(id, at, author.name, author.client, draft.clone(), to);
        self.outbox.tell_direct(&Arc::new(Event::Said(shown)), OwnCopy::Answer, &mut self.hub.clock.clone());
        self.outbox.tell(LineKind::News, &format!("{name} is not online: the message waits for the next login."));
        if self.outbox.ignores(ClientId::NONE, name) {
            self.tell_ignored(name);
        }
        Ok(())
    }

    /// Keeps a message where none reaches the disk.
    fn keep_in_memory(
        &self,
        store: &Arc<Store>,
        reader: AccountId,
        message: OfflineMessageRecord,
    ) -> Result<(), OfflineMessageError> {
        self.hub.mailbox.put(reader, message)?;
        // Only now: after a removal all boxes are looked through, and that may have been before this message came.
        let store = Arc::clone(store);
        if let Ok(Ok(false)) = self.hub.work.run(self.ip(), move || store.account_exists(reader)) {
            self.hub.mailbox.take(reader);
            return Err(OfflineMessageError::NoAccount);
        }
        Ok(())
    }

    /// Changes a message of this person's that waits for somebody, or takes it back (`None`). False if it waits no more, or
    /// is not his.
    #[inline(never)]
    pub(super) fn change_left_word(&self, id: MessageId, text: Option<&str>) -> bool {
        let Some(store) = self.hub.store().filter(|_| self.left_words.contains(&id)) else { return false };
        let in_memory = match text {
            Some(text) => self.hub.mailbox.edit(id, text),
            None => self.hub.mailbox.erase(id),
        };
        let changed = match text {
            _ if in_memory || !store.keeps_history() => Ok(in_memory),
            Some(text) => store.edit_offline_message(id, text),
            None => store.delete_offline_message(id),
        };
        match changed {
            Ok(true) => {
                let done = if text.is_some() { "Edited" } else { "Deleted" };
                self.outbox.tell(LineKind::News, &format!("{done} {id}, which waits still."));
            }
            Ok(false) => return false,
            Err(error) => self.outbox.tell(LineKind::Refusal, &error.to_string()),
        }
        true
    }
}
