//! Erasures and edits that wait to be written, applied to every read until they are.
//!
//! While the disk refuses, a deleted message is still on it. No user must find it there: everything read from the disk passes
//! through here. By a map, not by searching the queue: many thousands may wait.
//!
//! *Owns* the current state of a message that was read. *Knows nothing of* how it is read.
//! *Called by* `queue` under its lock, by `reading` on what it has read.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::queued_write::BackgroundWrite;
use crate::chat::identity::AccountId;
use crate::chat::message::{self, MessageId};
use crate::chat::names::RoomName;
use crate::store::records::{MessageRecord, OfflineMessageRecord};

/// What waits for one message.
#[derive(Clone, Debug)]
struct UnwrittenChange {
    /// Records that wait for it.
    waiting: usize,
    /// Its text by the last of them; `None`: it is gone.
    text: Option<Arc<str>>,
}

/// All pending changes. A reader shares them as they were when its query began.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    messages: HashMap<MessageId, UnwrittenChange>,
    /// Direct messages that were shown, each with the records that wait for it.
    shown: HashMap<(AccountId, MessageId), usize>,
    /// Rooms of which nothing is to be there any more.
    forgotten: HashMap<RoomName, usize>,
}

/// The same, changed by the queue.
#[derive(Debug, Default)]
pub struct Pending(Arc<Changes>);

/// One record less; true if it was the last.
fn is_last(waiting: &mut usize) -> bool {
    *waiting = waiting.saturating_sub(1);
    *waiting == 0
}

fn count_down<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if counts.get_mut(key).is_some_and(is_last) {
        counts.remove(key);
    }
}

impl Pending {
    /// All that waits now.
    pub fn changes(&self) -> Arc<Changes> {
        Arc::clone(&self.0)
    }

    /// A record waits.
    pub fn add(&mut self, record: &BackgroundWrite) {
        let (id, text) = match record {
            BackgroundWrite::Edited(_, id, text) => (*id, Some(Arc::clone(text))),
            BackgroundWrite::Erased(_, id) => (*id, None),
            BackgroundWrite::Shown(account, directs) => {
                let shown = &mut Arc::make_mut(&mut self.0).shown;
                return directs.iter().for_each(|(id, _)| *shown.entry((*account, *id)).or_default() += 1);
            }
            BackgroundWrite::Forgotten(room) => {
                *Arc::make_mut(&mut self.0).forgotten.entry(room.clone()).or_default() += 1;
                return;
            }
            BackgroundWrite::Said(..)
            | BackgroundWrite::Visited(..)
            | BackgroundWrite::RoomsOpen(..)
            | BackgroundWrite::Joined(..)
            | BackgroundWrite::Audited(_)
            | BackgroundWrite::Deferred(_) => return,
        };
        let change =
            Arc::make_mut(&mut self.0).messages.entry(id).or_insert(UnwrittenChange { waiting: 0, text: None });
        change.waiting += 1;
        change.text = text;
    }

    /// A record waits no more.
    pub fn remove(&mut self, record: &BackgroundWrite) {
        match record {
            BackgroundWrite::Edited(_, id, _) | BackgroundWrite::Erased(_, id) => {
                let messages = &mut Arc::make_mut(&mut self.0).messages;
                if messages.get_mut(id).is_some_and(|change| is_last(&mut change.waiting)) {
                    messages.remove(id);
                }
            }
            BackgroundWrite::Shown(account, directs) => {
                let shown = &mut Arc::make_mut(&mut self.0).shown;
                directs.iter().for_each(|(id, _)| count_down(shown, &(*account, *id)));
            }
            BackgroundWrite::Forgotten(room) => count_down(&mut Arc::make_mut(&mut self.0).forgotten, room),
            BackgroundWrite::Said(..)
            | BackgroundWrite::Visited(..)
            | BackgroundWrite::RoomsOpen(..)
            | BackgroundWrite::Joined(..)
            | BackgroundWrite::Audited(_)
            | BackgroundWrite::Deferred(_) => {}
        }
    }

    /// Nothing waits any more.
    pub fn clear(&mut self) {
        *self = Pending::default();
    }
}

impl Changes {
    /// A message that was read, as it is by now; `None` if it is gone. What it quotes is brought up to date too.
    pub fn apply(&self, mut message: MessageRecord) -> Option<MessageRecord> {
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

    /// Whether a direct message that was read waits for somebody still.
    pub fn still_waits(&self, account: AccountId, direct: &OfflineMessageRecord) -> bool {
        !self.shown.contains_key(&(account, direct.id))
    }

    /// Whether a room's messages are on disk only because that it is forgotten is not written yet.
    pub fn is_forgotten(&self, room: &RoomName) -> bool {
        self.forgotten.contains_key(room)
    }

    /// The messages that are gone.
    pub fn gone(&self) -> impl Iterator<Item = MessageId> {
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
        BackgroundWrite::Edited(general(), MessageId(id), text.into())
    }

    fn erased(id: u64) -> BackgroundWrite {
        BackgroundWrite::Erased(general(), MessageId(id))
    }

    fn read(id: u64, text: &str, quoted: Option<u64>) -> MessageRecord {
        let author = UserName::parse("bob", 1, 32).expect("a name");
        let reply = quoted.map(|id| Quoted { id: MessageId(id), author: author.clone(), start: Some("old".into()) });
        let (id, at) = (MessageId(id), Timestamp::UNIX_EPOCH);
        MessageRecord { id, at, author, account: None, text: text.into(), action: false, edited: false, reply }
    }

    /// Its text and what it quotes.
    fn seen(pending: &Pending, message: MessageRecord) -> Option<(String, Option<String>)> {
        let message = pending.changes().apply(message)?;
        let start = message.reply.and_then(|reply| reply.start).map(String::from);
        Some((message.text.into(), start))
    }

    #[test]
    fn what_is_erased_or_edited_is_read_so_and_quoted_so_until_it_is_written() {
        let mut pending = Pending::default();
        pending.add(&edited(1, "new"));
        pending.add(&erased(2));
        assert_eq!(seen(&pending, read(1, "old", None)), Some(("new".into(), None)));
        assert_eq!(seen(&pending, read(2, "old", None)), None);
        assert_eq!(seen(&pending, read(3, "answer", Some(1))), Some(("answer".into(), Some("new".into()))));
        assert_eq!(seen(&pending, read(4, "answer", Some(2))), Some(("answer".into(), None)));
        assert_eq!(pending.changes().gone().collect::<Vec<_>>(), [MessageId(2)]);
        pending.remove(&edited(1, "new"));
        pending.remove(&erased(2));
        assert_eq!(seen(&pending, read(2, "old", Some(1))), Some(("old".into(), Some("old".into()))));
    }

    #[test]
    fn the_last_of_several_changes_counts_until_all_are_written() {
        let mut pending = Pending::default();
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
    fn a_reader_goes_on_with_what_waited_when_he_began() {
        let mut pending = Pending::default();
        pending.add(&erased(1));
        let changes = pending.changes();
        pending.remove(&erased(1));
        assert!(changes.apply(read(1, "old", None)).is_none());
    }
}
