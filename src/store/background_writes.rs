//! Writes that no one waits for: messages and their changes, visits, the audit log, used ids.
//!
//! *Owns* that no text reaches SQLite when history is off. *Knows nothing of* when it is written.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::open::Store;
use super::queue::queued_write::BackgroundWrite;
use super::records::{AuditEntry, MessageRecord, OfflineMessageRecord, OpenRoomRecord};
use crate::chat::message::{AccountId, MessageId};
use crate::chat::names::RoomName;

/// None of these waits: each goes into a bounded queue under a leaf mutex, so they may be called under any lock. A write that
/// does not fit is counted and reported.
impl Store {
    /// Whether messages are stored.
    pub(crate) fn keeps_history(&self) -> bool {
        self.history
    }

    /// How long messages are stored; `None`: without limit.
    pub(crate) fn retention(&self) -> Option<Duration> {
        self.retention
    }

    /// A message was posted in a room. Not for temporary messages, and not for rooms that end with the process.
    pub fn record_message(&self, room: &RoomName, message: MessageRecord) {
        if self.history {
            self.queue.record(BackgroundWrite::Message(room.clone(), message));
        }
    }

    /// A message was edited. Replies that quote it show the new text.
    pub fn record_edit(&self, room: &RoomName, id: MessageId, text: &str) {
        if self.history {
            self.queue.record(BackgroundWrite::Edit(room.clone(), id, text.into()));
        }
    }

    /// A message was deleted. Replies to it lose their quote.
    pub fn record_deletion(&self, room: &RoomName, id: MessageId) {
        if self.history {
            self.queue.record(BackgroundWrite::Deletion(room.clone(), id));
        }
    }

    /// A user was shown these offline messages: they are erased, unless they were edited meanwhile.
    pub fn offline_messages_shown(&self, account: AccountId, shown: &[OfflineMessageRecord]) {
        if !shown.is_empty() {
            let shown = shown.iter().map(|direct| (direct.id, direct.text.clone())).collect();
            self.queue.record(BackgroundWrite::OfflineMessagesShown(account, shown));
        }
    }

    /// A user has read a room up to this message.
    pub fn record_visit(&self, account: AccountId, room: &RoomName, last: MessageId) {
        self.queue.record(BackgroundWrite::Visit(account, room.clone(), last));
    }

    /// The rooms an account is in now, the current one last. Not for rooms that end with the process.
    pub fn record_open_rooms(&self, account: AccountId, rooms: Box<[OpenRoomRecord]>) {
        self.queue.record(BackgroundWrite::OpenRooms(account, rooms));
    }

    /// An account became a member of a room after the message `since`, the last one sent before; `made`: the room is user-made.
    pub fn record_membership(&self, account: AccountId, room: &RoomName, since: MessageId, made: bool) {
        self.queue.record(BackgroundWrite::Membership(account, room.clone(), since, made));
    }

    /// An admin or operator did something worth an entry in the audit log.
    pub fn record_audit(&self, entry: AuditEntry) {
        self.queue.record(BackgroundWrite::Audit(entry));
    }

    /// An id was given to a message of any kind: stored, temporary or direct.
    pub fn record_id_used(&self, id: MessageId) {
        if self.queue.message_ids.mark_used(id.0) && !self.queue.ids_low.swap(true, Ordering::Relaxed) {
            // Under the lock: a writer about to fall asleep would miss it otherwise.
            drop(self.queue.lock());
            self.queue.wake.notify_one();
        }
    }
}
