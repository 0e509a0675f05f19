//! What is noted without waiting: messages and what becomes of them, visits, deeds, numbers used.
//!
//! *Owns* that nothing of a message is handed on when messages are not kept.
//! *Knows nothing of* when it is written. *Called by* rooms and sessions, also under their locks.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::open::Store;
use super::queue::queued_write::BackgroundWrite;
use super::records::{AuditEntry, MessageRecord, OfflineMessageRecord, OpenRoomRecord};
use crate::chat::identity::AccountId;
use crate::chat::message::MessageId;
use crate::chat::names::RoomName;

/// None of these waits: each is put into a bounded queue under a leaf mutex. What finds no place is counted and said.
impl Store {
    /// Whether messages are kept.
    pub fn keeps_history(&self) -> bool {
        self.history
    }

    /// For how long messages are kept; nothing: for ever.
    pub fn retention(&self) -> Option<Duration> {
        self.retention
    }

    /// Somebody said something in a room. Not for temporary messages, and not for rooms that end with the process.
    pub fn record_message(&self, room: &RoomName, message: MessageRecord) {
        if self.history {
            self.shared.record(BackgroundWrite::Said(room.clone(), message));
        }
    }

    /// A message has another text. Answers that quote it quote the new one.
    pub fn record_edit(&self, room: &RoomName, id: MessageId, text: &str) {
        if self.history {
            self.shared.record(BackgroundWrite::Edited(room.clone(), id, text.into()));
        }
    }

    /// A message is gone. Answers to it quote nothing any more.
    pub fn record_deletion(&self, room: &RoomName, id: MessageId) {
        if self.history {
            self.shared.record(BackgroundWrite::Erased(room.clone(), id));
        }
    }

    /// The owner of an account was shown these direct messages: they are erased, unless they were edited meanwhile.
    pub fn offline_messages_shown(&self, account: AccountId, shown: &[OfflineMessageRecord]) {
        if !shown.is_empty() {
            let shown = shown.iter().map(|direct| (direct.id, direct.text.clone())).collect();
            self.shared.record(BackgroundWrite::Shown(account, shown));
        }
    }

    /// Somebody has read a room up to this message.
    pub fn record_visit(&self, account: AccountId, room: &RoomName, last: MessageId) {
        self.shared.record(BackgroundWrite::Visited(account, room.clone(), last));
    }

    /// These are the rooms that an account is in by now, the current one last. Not for rooms that end with the process.
    pub fn record_open_rooms(&self, account: AccountId, rooms: Box<[OpenRoomRecord]>) {
        self.shared.record(BackgroundWrite::RoomsOpen(account, rooms));
    }

    /// An account is a member of a room since this message, the last one given before; `made`: somebody has made the room.
    pub fn record_membership(&self, account: AccountId, room: &RoomName, since: MessageId, made: bool) {
        self.shared.record(BackgroundWrite::Joined(account, room.clone(), since, made));
    }

    /// Somebody who keeps order has done something.
    pub fn record_audit(&self, entry: AuditEntry) {
        self.shared.record(BackgroundWrite::Audited(entry));
    }

    /// A number was given to a message, of whatever kind: kept, temporary or direct.
    pub fn record_id_used(&self, id: MessageId) {
        if self.shared.numbers.used(id.0) && !self.shared.short.swap(true, Ordering::Relaxed) {
            // Under the lock, or a writer that is about to fall asleep would miss it.
            drop(self.shared.lock());
            self.shared.woken.notify_one();
        }
    }
}
