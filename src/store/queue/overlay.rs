//! Erasures and edits that are not written yet, applied to everything that is read.
//!
//! While the disk fails, a deleted message is still on it, and no user may find it there. Kept as a map, not searched for in
//! the queue: many thousands may be pending.
//!
//! *Owns* the current state of a message that was read. *Knows nothing of* how it is read.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::queued_write::BackgroundWrite;
use crate::chat::message::{self, AccountId, MessageId};
use crate::chat::names::RoomName;
use crate::store::records::{MessageRecord, OfflineMessageRecord};

/// A pending change of one message.
#[derive(Clone, Debug)]
struct UnwrittenChange {
    /// Queued writes that concern the message.
    waiting: usize,
    /// Its text after the last of them; `None`: deleted.
    text: Option<Arc<str>>,
}

/// All pending changes. A query keeps those of the moment it began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlay {
    messages: HashMap<MessageId, UnwrittenChange>,
    /// Offline messages that were shown, with the number of queued writes that concern each.
    delivered: HashMap<(AccountId, MessageId), usize>,
    /// Deleted rooms, counted the same way.
    deleted_rooms: HashMap<RoomName, usize>,
}

/// The pending changes as the queue updates them, copied only while a query holds them.
#[derive(Debug, Default)]
pub(crate) struct PendingChanges(Arc<Overlay>);

/// Counts one write less. True if it was the last.
fn is_last(waiting: &mut usize) -> bool {
    *waiting = waiting.saturating_sub(1);
    *waiting == 0
}

fn count_down<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if counts.get_mut(key).is_some_and(is_last) {
        counts.remove(key);
    }
}

impl PendingChanges {
    /// The changes pending now.
    pub(crate) fn overlay(&self) -> Arc<Overlay> {
        Arc::clone(&self.0)
    }

    /// A write was queued.
    pub(crate) fn add(&mut self, write: &BackgroundWrite) {
        let (id, text) = match write {
            BackgroundWrite::Edit(_, id, text) => (*id, Some(Arc::clone(text))),
            BackgroundWrite::Deletion(_, id) => (*id, None),
            BackgroundWrite::OfflineMessagesShown(account, directs) => {
                let delivered = &mut Arc::make_mut(&mut self.0).delivered;
                return directs.iter().for_each(|(id, _)| *delivered.entry((*account, *id)).or_default() += 1);
            }
            BackgroundWrite::RoomDeletion(room) => {
                *Arc::make_mut(&mut self.0).deleted_rooms.entry(room.clone()).or_default() += 1;
                return;
            }
            BackgroundWrite::Message(..)
            | BackgroundWrite::Visit(..)
            | BackgroundWrite::OpenRooms(..)
            | BackgroundWrite::Membership(..)
            | BackgroundWrite::Audit(_)
            | BackgroundWrite::Deferred(_) => return,
        };
        let change =
            Arc::make_mut(&mut self.0).messages.entry(id).or_insert(UnwrittenChange { waiting: 0, text: None });
        change.waiting += 1;
        change.text = text;
    }

    /// A write was carried out.
    pub(crate) fn remove(&mut self, write: &BackgroundWrite) {
        match write {
            BackgroundWrite::Edit(_, id, _) | BackgroundWrite::Deletion(_, id) => {
                let messages = &mut Arc::make_mut(&mut self.0).messages;
                if messages.get_mut(id).is_some_and(|change| is_last(&mut change.waiting)) {
                    messages.remove(id);
                }
            }
            BackgroundWrite::OfflineMessagesShown(account, directs) => {
                let delivered = &mut Arc::make_mut(&mut self.0).delivered;
                directs.iter().for_each(|(id, _)| count_down(delivered, &(*account, *id)));
            }
            BackgroundWrite::RoomDeletion(room) => count_down(&mut Arc::make_mut(&mut self.0).deleted_rooms, room),
            BackgroundWrite::Message(..)
            | BackgroundWrite::Visit(..)
            | BackgroundWrite::OpenRooms(..)
            | BackgroundWrite::Membership(..)
            | BackgroundWrite::Audit(_)
            | BackgroundWrite::Deferred(_) => {}
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = PendingChanges::default();
    }
}

impl Overlay {
    /// A message as it is now, with its quote up to date. `None` if it was deleted.
    pub(crate) fn apply(&self, mut message: MessageRecord) -> Option<MessageRecord> {
        if self.messages.is_empty() {
            return Some(message);
        }
        if let Some(change) = self.messages.get(&message.id) {
            message.text = (**change.text.as_ref()?).into();
            message.edited = true;
        }
        if let Some(reply) = &mut message.reply
            && let Some(change) = self.messages.get(&reply.id).filter(|_| reply.start.is_some())
        {
            reply.start = change.text.as_ref().map(|text| message::start(text));
        }
        Some(message)
    }

    /// Whether an offline message still has to be shown.
    pub(crate) fn is_undelivered(&self, account: AccountId, direct: &OfflineMessageRecord) -> bool {
        !self.delivered.contains_key(&(account, direct.id))
    }

    /// Whether a room was deleted, but is still on disk.
    pub(crate) fn is_deleted(&self, room: &RoomName) -> bool {
        self.deleted_rooms.contains_key(room)
    }

    /// The deleted messages.
    pub(crate) fn deleted_messages(&self) -> impl Iterator<Item = MessageId> {
        self.messages.iter().filter(|(_, change)| change.text.is_none()).map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::message::Quoted;
    use crate::chat::names::UserName;
    use jiff::Timestamp;

    fn general() -> RoomName {
        RoomName::parse("general").expect("a name")
    }

    fn edited(id: u64, text: &str) -> BackgroundWrite {
        BackgroundWrite::Edit(general(), MessageId(id), text.into())
    }

    fn erased(id: u64) -> BackgroundWrite {
        BackgroundWrite::Deletion(general(), MessageId(id))
    }

    fn read(id: u64, text: &str, quoted: Option<u64>) -> MessageRecord {
        let author = UserName::parse("bob", 1, 32).expect("a name");
        let reply = quoted.map(|id| Quoted { id: MessageId(id), author: author.clone(), start: Some("old".into()) });
        let (id, at) = (MessageId(id), Timestamp::UNIX_EPOCH);
        MessageRecord { id, at, author, account: None, text: text.into(), action: false, edited: false, reply }
    }

    /// Its text and its quote.
    fn seen(pending: &PendingChanges, message: MessageRecord) -> Option<(String, Option<String>)> {
        let message = pending.overlay().apply(message)?;
        let start = message.reply.and_then(|reply| reply.start).map(String::from);
        Some((message.text.into(), start))
    }

    #[test]
    fn a_pending_erasure_or_edit_shows_in_messages_and_in_quotes() {
        let mut pending = PendingChanges::default();
        pending.add(&edited(1, "new"));
        pending.add(&erased(2));
        assert_eq!(seen(&pending, read(1, "old", None)), Some(("new".into(), None)));
        assert_eq!(seen(&pending, read(2, "old", None)), None);
        assert_eq!(seen(&pending, read(3, "answer", Some(1))), Some(("answer".into(), Some("new".into()))));
        assert_eq!(seen(&pending, read(4, "answer", Some(2))), Some(("answer".into(), None)));
        assert_eq!(pending.overlay().deleted_messages().collect::<Vec<_>>(), [MessageId(2)]);
        pending.remove(&edited(1, "new"));
        pending.remove(&erased(2));
        assert_eq!(seen(&pending, read(2, "old", Some(1))), Some(("old".into(), Some("old".into()))));
    }

    #[test]
    fn the_last_of_several_changes_counts_until_all_are_written() {
        let mut pending = PendingChanges::default();
        let changes = [edited(1, "one"), edited(1, "two"), erased(1)];
        pending.add(&changes[0]);
        pending.add(&changes[1]);
        assert_eq!(seen(&pending, read(1, "old", None)), Some(("two".into(), None)));
        pending.remove(&changes[0]);
        assert_eq!(seen(&pending, read(1, "old", None)), Some(("two".into(), None)));
        pending.add(&changes[2]);
        pending.remove(&changes[1]);
        assert_eq!(seen(&pending, read(1, "old", None)), None);
        pending.remove(&changes[2]);
        assert!(seen(&pending, read(1, "old", None)).is_some());
    }

    #[test]
    fn a_query_keeps_the_changes_of_the_moment_it_began() {
        let mut pending = PendingChanges::default();
        pending.add(&erased(1));
        let changes = pending.overlay();
        pending.remove(&erased(1));
        assert!(changes.apply(read(1, "old", None)).is_none());
    }
}
