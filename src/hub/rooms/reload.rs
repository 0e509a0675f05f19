//! The rooms of a configuration that comes while people are there.
//!
//! A room that somebody has made and that the configuration comes to name ends: what was said there was said to others than
//! those whom the configuration lets in, and its owner is not the server's. A room that the configuration names again after
//! it did not for a while is as the disk has it, like one after a restart.
//!
//! *Owns* which rooms end, which begin, and the order in which that happens: nothing is read or written under the table's
//! lock, and a name that changes hands is never free meanwhile.
//! *Knows nothing of* what a room does with its set-up.
//! *Called by* `hub`, on a reload.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{RoomTable, Table};
use crate::chat::message::MessageId;
use crate::chat::names::RoomName;
use crate::chat::room_settings::RoomSettings;
use crate::config::Config;
use crate::hub::room::Room;
use crate::store::{MessageRecord, RoomRecord, Store};

/// How long reading the last messages of a room may take. Nobody waits for it but the reload.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the disk has of a room.
#[derive(Default)]
struct Written {
    lists: Option<RoomRecord>,
    /// Oldest first.
    messages: Vec<MessageRecord>,
}

impl RoomTable {
    /// Brings the rooms in line with a configuration: new ones appear, known ones are set up anew, and those it does not
    /// name any more close with a word to their members.
    pub fn apply(&self, config: &Config) {
        self.set_limits(config);
        let closed = self.close_unnamed(config);
        for (name, room_config) in &config.rooms {
            while !self.set_up(name, room_config) {}
        }
        for room in closed {
            room.close(&format!("The room {} is closed.", room.name()));
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

    /// Sets up one room. False if somebody has made one of its name meanwhile, and it has to be tried again.
    fn set_up(&self, name: &RoomName, config: &RoomSettings) -> bool {
        let known = self.find(name);
        let written = match &known {
            Some(room) if room.is_made() => {
                self.end_made(room);
                Written::default()
            }
            Some(room) => {
                room.set_config(config.clone());
                return true;
            }
            None => self.read(name),
        };
        let mut table = self.lock();
        // The one that has ended keeps its name until here.
        let same = match (table.rooms.get(name), &known) {
            (Some(now), Some(known)) => Arc::ptr_eq(now, known),
            (Some(_), None) => false,
            (None, _) => true,
        };
        if same {
            let room = self.new_own(&mut table, name, config);
            if let Some(lists) = written.lists {
                room.restore(lists, Instant::now(), self.moment());
            }
            room.recall(written.messages);
            table.rooms.insert(name.clone(), room);
        }
        same
    }

    /// One of the server's own rooms, not yet in the table.
    pub(super) fn new_own(&self, table: &mut Table, name: &RoomName, config: &RoomSettings) -> Arc<Room> {
        table.last_instance += 1;
        let (shared, clock) = (Arc::clone(&self.shared), self.clock.clone());
        Room::new(name.clone(), table.last_instance, config.clone(), shared, clock, None)
    }

    /// Ends a room that somebody has made: its members are told, and nothing of it stays.
    fn end_made(&self, room: &Arc<Room>) {
        let name = room.name();
        let by = room.made().map_or_else(|| "somebody".to_owned(), |made| made.by.to_string());
        let kept = room.is_kept();
        room.record_no_more();
        room.close(&format!("{name} is closed: the server has a room of that name of its own now."));
        log::warn!(
            "room {name}, made by {by}, is the configuration's now: it has ended, and what was said there is gone"
        );
        if kept {
            self.forget(std::slice::from_ref(name));
        }
    }

    /// What the disk has of a room that was the configuration's before, and is again.
    fn read(&self, name: &RoomName) -> Written {
        let Some(store) = &self.shared.store else { return Written::default() };
        self.read_from(store, name).unwrap_or_else(|error| {
            log::error!("room {name}: what the disk has of it is not shown, and its bans do not hold: {error}");
            Written::default()
        })
    }

    fn read_from(&self, store: &Arc<Store>, name: &RoomName) -> Result<Written, crate::store::ReadError> {
        // What was said there last may not be written yet. Where the disk is in trouble, what it has counts.
        let _ = store.sync();
        let lists = store.room(name)?;
        if lists.as_ref().is_some_and(|lists| lists.made.is_some()) {
            // Somebody's, which is ending elsewhere.
            return Ok(Written::default());
        }
        let most = self.shared.history_max.load(Ordering::Relaxed);
        let mut messages = store.messages_before(name, MessageId(u64::MAX), most, PATIENCE)?.messages;
        messages.reverse();
        Ok(Written { lists, messages })
    }
}
