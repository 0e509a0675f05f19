//! Messages that are on disk, here or on another server, and no longer in memory.
//!
//! Nothing here runs under a lock: the disk is read on the worker threads.
//!
//! *Owns* how many archived messages are shown at once, and how long reading them may take.
//! *Knows nothing of* SQL, and of how a message looks.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use super::Session;
use crate::chat::action::{Actor, Denied};
use crate::chat::message::{Event, Message, MessageId};
use crate::chat::names::RoomName;
use crate::chat::room::readable_after;
use crate::hub::older::OlderMessages;
use crate::hub::room::{ArchiveRange, Room, restored};
use crate::store::{MessageRecord, SaveError};
use crate::ui::screen::LineKind;

/// Archived messages shown at most by one `:history`: five times what memory keeps by default, and about forty screens.
const MOST_ARCHIVED: usize = 1000;

/// How long reading archived messages may take.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long a user who deletes or edits a message waits for the disk. After that they are told that the change is not
/// on disk yet.
const CHANGING: Duration = Duration::from_secs(1);

/// Archived messages of a room, oldest first.
#[derive(Default)]
pub(super) struct ArchivePage {
    pub(super) messages: Vec<Arc<Event>>,
    /// Nothing that was said after this message is missing among them; `None`: that is not known.
    pub(super) complete_after: Option<MessageId>,
}

impl Session {
    /// Messages of a room from before what memory holds, oldest first.
    #[cfg(feature = "json")]
    pub(super) fn read_archived(&self, room: &Arc<Room>, range: ArchiveRange, count: usize) -> Vec<Arc<Event>> {
        self.read_archive_page(room, range, count).messages
    }

    /// Messages of a room from before what memory holds, oldest first, and how far back nothing is missing among them.
    pub(super) fn read_archive_page(&self, room: &Arc<Room>, range: ArchiveRange, count: usize) -> ArchivePage {
        if count == 0 {
            return ArchivePage::default();
        }
        let count = count.min(MOST_ARCHIVED);
        match self.hub.older_messages([room]) {
            None => ArchivePage::default(),
            Some(OlderMessages::Stored(store)) => {
                let name = room.name().clone();
                match self.compute(move || store.messages_before(&name, range.before, count, PATIENCE)) {
                    Ok(Ok(page)) => self.readable_page(range, count, page.messages, page.cut),
                    Ok(Err(error)) => self.have_none(error),
                    Err(busy) => self.have_none(busy),
                }
            }
            #[cfg(feature = "cluster")]
            Some(OlderMessages::Asked(nodes)) => match nodes.ask_page(room, range, count) {
                Some((messages, cut)) => self.readable_page(range, count, messages, cut),
                None => self.have_none(Denied::NotAtHand),
            },
            #[cfg(all(feature = "cluster", feature = "storage"))]
            Some(OlderMessages::Behind) => self.have_none(Denied::NotAtHand),
        }
    }

    fn readable_page(
        &self,
        range: ArchiveRange,
        count: usize,
        newest_first: Vec<MessageRecord>,
        cut: bool,
    ) -> ArchivePage {
        if cut {
            self.outbox.tell(LineKind::News, "Reading the history ran out of time; this is only part of it.");
        }
        let oldest = newest_first.last().map(|record| MessageId(record.id.0.saturating_sub(1)));
        let is_all = !cut && newest_first.len() < count;
        let complete_after = if is_all { Some(range.after) } else { oldest };
        let messages = newest_first.into_iter().rev().map(|record| Arc::new(Event::Said(restored(record))));
        ArchivePage { messages: readable_after(range.after, messages.collect()), complete_after }
    }

    fn have_none(&self, why: impl Display) -> ArchivePage {
        self.refuse(why);
        ArchivePage::default()
    }

    /// A message that is not in memory, and the room it was posted in, if this user may read it. An error if it may
    /// exist but no archive answers.
    pub(super) fn locate_archived(&self, actor: &Actor, id: MessageId) -> Result<Option<(Arc<Room>, Message)>, Denied> {
        let rooms: Vec<_> = self.rooms.rooms().cloned().collect();
        let found = match self.hub.older_messages(&rooms) {
            None => None,
            Some(OlderMessages::Stored(store)) => {
                self.compute(move || store.message(id)).ok().and_then(Result::ok).flatten()
            }
            #[cfg(feature = "cluster")]
            Some(OlderMessages::Asked(nodes)) => match nodes.ask_message(id, &rooms) {
                None if nodes.retention().is_some() => return Err(Denied::NotAtHand),
                answer => answer.flatten(),
            },
            #[cfg(all(feature = "cluster", feature = "storage"))]
            Some(OlderMessages::Behind) => return Err(Denied::NotAtHand),
        };
        Ok(found.and_then(|(name, record)| self.readable_archived(actor, &name, record)))
    }

    fn readable_archived(&self, actor: &Actor, room: &RoomName, record: MessageRecord) -> Option<(Arc<Room>, Message)> {
        let room = Arc::clone(self.rooms.named(room)?.room());
        let range = room.archived_range(actor, self.now()).filter(|range| range.has(record.id))?;
        let message = readable_after(range.after, vec![Arc::new(Event::Said(restored(record)))]).pop()?;
        Some((room, message.message()?.clone()))
    }

    /// The last message of this user's account, in the rooms they are in, that is no longer in memory. An error if
    /// there may be one but no archive answers.
    pub(super) fn last_archived(&self) -> Result<Option<MessageId>, Denied> {
        let Some(account) = self.user.as_ref().and_then(|user| user.account()) else { return Ok(None) };
        let rooms: Vec<_> = self.rooms.rooms().cloned().collect();
        match self.hub.older_messages(&rooms) {
            None => Ok(None),
            Some(OlderMessages::Stored(store)) => {
                let last = move || {
                    let of_room = |room: &Arc<Room>| store.last_message_by(account, room.name()).ok()?;
                    rooms.iter().filter_map(of_room).map(|kept| kept.id).max()
                };
                Ok(self.compute(last).ok().flatten())
            }
            #[cfg(feature = "cluster")]
            Some(OlderMessages::Asked(nodes)) => match nodes.ask_last_by(account, &rooms) {
                None if nodes.retention().is_some() => Err(Denied::NotAtHand),
                answer => Ok(answer.flatten()),
            },
            #[cfg(all(feature = "cluster", feature = "storage"))]
            Some(OlderMessages::Behind) => Err(Denied::NotAtHand),
        }
    }

    /// Waits until a deletion or an edit is on disk, or says that it is not: nobody can read the old text any more, but
    /// a crash would bring it back. What others see of the change is on its way first.
    pub(super) fn await_change(&mut self, room: &Room) {
        let Some(store) = self.hub.store().cloned().filter(|_| room.is_recorded()) else { return };
        self.say_unsaid();
        self.rooms.deliver();
        if let Err(SaveError(reason)) = store.sync_within(CHANGING) {
            self.outbox.tell(LineKind::News, &format!("That is not on disk yet: {reason}."));
        }
        self.tick();
    }
}
