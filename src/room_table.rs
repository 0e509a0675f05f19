//! Which rooms there are.
//!
//! *Owns* the map from names to rooms, and which of them a stranger may hear of.
//! *Knows nothing of* what goes on inside a room.
//! *Called by* `session` and `server`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::Config;
use crate::names::{self, RoomName};
use crate::room::{Room, RoomLimits};
use crate::screen::Clock;

/// A room's delivery queue where `outbox_bytes` sets no limit, in bytes: as large a batch as with the default limit.
const DEFAULT_QUEUE_BYTES: usize = 65_536;

struct Table {
    rooms: BTreeMap<RoomName, Arc<Room>>,
    last_instance: u64,
}

/// All rooms.
pub struct RoomTable {
    shared: Arc<RoomLimits>,
    clock: Clock,
    /// Rank 1 of 4: after names and sessions, before any room. Guards the map. Held only to look up and to change it.
    table: Mutex<Table>,
}

impl RoomTable {
    /// The configured rooms.
    pub fn new(config: &Config, clock: Clock) -> RoomTable {
        let shared = RoomLimits {
            last_message: AtomicU64::new(0),
            history_max: AtomicUsize::new(0),
            queue_bytes: AtomicUsize::new(0),
        };
        let table = RoomTable {
            shared: Arc::new(shared),
            clock,
            table: Mutex::new(Table { rooms: BTreeMap::new(), last_instance: 0 }),
        };
        table.apply(config);
        table
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the rooms in line with a configuration: new ones appear, known ones are set up anew, and those it does not
    /// name any more close with a word to their members.
    pub fn apply(&self, config: &Config) {
        self.shared.history_max.store(config.history_max, Ordering::Relaxed);
        let queue_bytes = config.limits.outbox_bytes.map_or(DEFAULT_QUEUE_BYTES, |bytes| bytes / 4);
        self.shared.queue_bytes.store(queue_bytes, Ordering::Relaxed);
        let mut closed = Vec::new();
        let mut table = self.lock();
        table.rooms.retain(|name, room| {
            let kept = config.rooms.contains_key(name);
            if !kept {
                closed.push(Arc::clone(room));
            }
            kept
        });
        for (name, room_config) in &config.rooms {
            match table.rooms.get(name) {
                Some(room) => room.set_config(room_config.clone()),
                None => {
                    table.last_instance += 1;
                    let shared = Arc::clone(&self.shared);
                    let room =
                        Room::new(name.clone(), table.last_instance, room_config.clone(), shared, self.clock.clone());
                    table.rooms.insert(name.clone(), room);
                }
            }
        }
        drop(table);
        for room in closed {
            room.close(&format!("The room {} is closed.", room.name()));
        }
    }

    /// The room of that name, hidden or not.
    pub fn find(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.lock().rooms.get(name).cloned()
    }

    /// All rooms, by name.
    pub fn all(&self) -> Vec<Arc<Room>> {
        self.lock().rooms.values().cloned().collect()
    }

    /// The rooms anybody may know of, by name.
    pub fn public(&self) -> Vec<Arc<Room>> {
        let mut rooms = self.all();
        rooms.retain(|room| room.config().public);
        rooms
    }

    /// The public room whose name is nearest to a mistyped one.
    pub fn nearest_public(&self, wanted: &RoomName) -> Option<RoomName> {
        let rooms = self.public();
        let nearest = names::nearest(wanted.as_str(), rooms.iter().map(|room| room.name().as_str()))?;
        rooms.iter().find(|room| room.name().as_str() == nearest).map(|room| room.name().clone())
    }
}
