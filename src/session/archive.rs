//! Messages that are on disk and no longer in memory.
//!
//! Nothing here runs under a lock: the disk is read on the worker threads.
//!
//! *Owns* how many archived messages are shown at once, and how long reading them may take.
//! *Knows nothing of* SQL, and of how a message looks.

use std::sync::Arc;
use std::time::Duration;

use super::Session;
use crate::chat::action::Actor;
use crate::chat::message::{Event, Message, MessageId};
use crate::chat::room::readable_after;
use crate::hub::room::{ArchiveRange, Room, restored};
use crate::store::{SaveError, Store};
use crate::ui::screen::LineKind;

/// Archived messages shown at most by one `:history`: five times what memory keeps by default, and about forty screens.
const MOST_ARCHIVED: usize = 1000;

/// How long reading archived messages may take.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long a user who deleted or edited something waits for the disk. After that they are told that it is not there
/// yet.
const CHANGING: Duration = Duration::from_secs(1);

impl Session {
    /// The store, if it keeps messages, after waiting for everything recorded so far to be written.
    fn archive(&self) -> Option<Arc<Store>> {
        let store = self.hub.store().cloned().filter(|store| store.keeps_history())?;
        // If the disk is in trouble, what it has is read.
        let _ = store.sync();
        Some(store)
    }

    /// Messages of a room from before what memory holds, oldest first.
    pub(super) fn read_archived(&self, room: &Room, range: ArchiveRange, count: usize) -> Vec<Arc<Event>> {
        let Some(store) = self.hub.store().cloned().filter(|_| count > 0) else { return Vec::new() };
        let name = room.name().clone();
        let count = count.min(MOST_ARCHIVED);
        // What has just left memory may not be written yet. If the disk is in trouble, what it has is shown.
        let _ = store.sync();
        match self.compute(move || store.messages_before(&name, range.before, count, PATIENCE)) {
            Ok(Ok(page)) => {
                if page.cut {
                    let line = "Reading the history ran out of time; this is only part of it.";
                    self.outbox.tell(LineKind::News, line);
                }
                let messages = page.messages.into_iter().rev().map(|record| Arc::new(Event::Said(restored(record))));
                readable_after(range.after, messages.collect())
            }
            Ok(Err(error)) => {
                self.refuse(error);
                Vec::new()
            }
            Err(busy) => {
                self.refuse(busy);
                Vec::new()
            }
        }
    }

    /// A message that is not in memory, and the room it was posted in, if this user may read it.
    pub(super) fn locate_archived(&self, actor: &Actor, id: MessageId) -> Option<(Arc<Room>, Message)> {
        let store = self.archive()?;
        let (name, record) = self.compute(move || store.message(id)).ok()?.ok()??;
        let room = Arc::clone(self.rooms.named(&name)?.room());
        let range = room.archived_range(actor, self.now()).filter(|range| range.has(id))?;
        let message = readable_after(range.after, vec![Arc::new(Event::Said(restored(record)))]).pop()?;
        Some((room, message.message()?.clone()))
    }

    /// The last message of this user's account, in the rooms they are in, that is no longer in memory.
    pub(super) fn last_archived(&self) -> Option<MessageId> {
        let account = self.user.as_ref()?.account()?;
        let store = self.archive()?;
        let rooms: Vec<_> = self.rooms.rooms().map(|room| room.name().clone()).collect();
        let last = move || {
            rooms.iter().filter_map(|room| store.last_message_by(account, room).ok()?).map(|kept| kept.id).max()
        };
        self.compute(last).ok()?
    }

    /// Waits until a deletion or an edit is on disk, or says that it is not: nobody can read the old text any more, but
    /// a crash would bring it back. What others see of the change is on its way first.
    pub(super) fn await_change(&mut self, room: &Room) {
        let Some(store) = self.hub.store().cloned().filter(|_| room.is_recorded()) else { return };
        self.rooms.deliver();
        if let Err(SaveError(reason)) = store.sync_within(CHANGING) {
            self.outbox.tell(LineKind::News, &format!("That is not on disk yet: {reason}."));
        }
        self.tick();
    }
}
