//! Bringing the rooms in line with a new configuration while users are there.
//!
//! A user-made room ends when the configuration takes over its name: its messages were not meant for the people that
//! the configuration lets in, and its owner does not own the server. A configured room that was gone for a while comes
//! back as it is on disk, as after a restart.
//!
//! *Owns* which rooms end, which begin, and in which order: nothing is read or written under the table's lock, and a
//! name that changes hands is never free in between. *Knows nothing of* what a room does with its settings.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{RoomTable, RoomsByName};
use crate::chat::message::MessageId;
use crate::chat::names::RoomName;
use crate::chat::room_settings::RoomSettings;
use crate::config::Config;
use crate::hub::room::{Room, both_clocks};
use crate::store::{MessageRecord, ReadError, RoomRecord, Store};

/// How long reading the last messages of a room may take. Only the reload waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the disk has of a room.
enum Stored {
    /// Its lists, if there are any, and its last messages, oldest first.
    Found { lists: Option<Box<RoomRecord>>, messages: Vec<MessageRecord> },
    /// The disk could not be read.
    Unreadable,
}

impl Stored {
    const NOTHING: Stored = Stored::Found { lists: None, messages: Vec::new() };
}

impl RoomTable {
    /// Brings the rooms in line with a configuration: new ones appear, known ones get their settings, and those it no longer
    /// names close with a line to their members.
    pub(crate) fn apply(&self, config: &Config, now: Instant) {
        if self.is_shared() {
            // Rooms of a cluster change on all servers at once, through their log.
            return self.set_own_limits(config);
        }
        self.set_limits(config);
        self.all().iter().for_each(|room| room.set_history_max(config.history_max, now));
        let closed = self.close_unnamed(config);
        for (name, room_config) in &config.rooms {
            while !self.set_up(name, room_config, now) {}
        }
        for room in closed {
            room.close(&format!("The room {} is closed.", room.name()), now);
        }
    }

    fn close_unnamed(&self, config: &Config) -> Vec<Arc<Room>> {
        let mut closed = Vec::new();
        self.lock().rooms.retain(|name, room| {
            let stays = config.rooms.contains_key(name) || room.is_made();
            if !stays {
                closed.push(Arc::clone(room));
            }
            stays
        });
        closed
    }

    /// Sets up one room. False if a user has created one with its name meanwhile, and this has to be tried again.
    fn set_up(&self, name: &RoomName, config: &RoomSettings, now: Instant) -> bool {
        let known = self.find(name);
        let stored = match &known {
            Some(room) if room.is_made() => {
                self.end_made(room, now);
                Stored::NOTHING
            }
            Some(room) => {
                room.set_config(config.clone(), now);
                return true;
            }
            None => self.read(name),
        };
        let mut table = self.lock();
        // The one that has ended keeps its name until here.
        let same = match (table.rooms.get(name), &known) {
            (Some(listed), Some(known)) => Arc::ptr_eq(listed, known),
            (Some(_), None) => false,
            (None, _) => true,
        };
        if same {
            let room = self.new_configured(&mut table, name, config, now);
            match stored {
                Stored::Found { lists, messages } => {
                    if let Some(lists) = lists {
                        let (now, at) = both_clocks(self.shared.store.as_ref());
                        room.restore(*lists, now, at);
                    }
                    room.recall(messages);
                }
                // The disk may be readable again in a moment.
                Stored::Unreadable => room.begin_unrestored(),
            }
            table.rooms.insert(name.clone(), room);
        }
        same
    }

    /// One of the server's own rooms, not yet in the table.
    pub(super) fn new_configured(
        &self,
        table: &mut RoomsByName,
        name: &RoomName,
        config: &RoomSettings,
        now: Instant,
    ) -> Arc<Room> {
        table.last_instance += 1;
        let (shared, clock) = (Arc::clone(&self.shared), self.clock.clone());
        Room::new(name.clone(), table.last_instance, config.clone(), shared, clock, None, now)
    }

    /// Ends a user-made room: its members are told why, and nothing of it stays.
    fn end_made(&self, room: &Arc<Room>, now: Instant) {
        let name = room.name();
        let by = room.made().map_or_else(|| "a user".to_owned(), |made| made.by.to_string());
        let kept = room.is_kept();
        room.record_no_more(now);
        room.close(&format!("{name} is closed: the server now has a room of its own of that name."), now);
        log::warn!(
            "room {name}, made by {by}, was closed, and its messages are gone: the configuration now has a room of that name"
        );
        if kept {
            self.forget(std::slice::from_ref(name));
        }
    }

    /// The stored data of a room that was configured before, and is again.
    fn read(&self, name: &RoomName) -> Stored {
        let Some(store) = &self.shared.store else { return Stored::NOTHING };
        // The last messages may not be written yet. If the disk is in trouble, what it has counts.
        let _ = store.sync();
        match store.room(name) {
            // A user's room, which is ending elsewhere.
            Ok(Some(lists)) if lists.made.is_some() => Stored::NOTHING,
            Ok(lists) => {
                let messages = self.read_messages(store, name).unwrap_or_else(|error| {
                    log::error!("room {name}: its earlier messages cannot be read: {error}");
                    Vec::new()
                });
                Stored::Found { lists: lists.map(Box::new), messages }
            }
            Err(error) => {
                log::error!(
                    "room {name} cannot be read: until it can, its bans do not hold, and users read back only to when \
                     they came in: {error}"
                );
                Stored::Unreadable
            }
        }
    }

    fn read_messages(&self, store: &Store, name: &RoomName) -> Result<Vec<MessageRecord>, ReadError> {
        let most = self.shared.history_max.load(Ordering::Relaxed);
        let mut messages = store.messages_before(name, MessageId(u64::MAX), most, PATIENCE)?.messages;
        messages.reverse();
        Ok(messages)
    }
}
