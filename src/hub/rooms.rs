//! The table of all rooms.
//!
//! *Owns* the map from names to rooms, creating and closing user-made rooms, and the numbers of messages.
//! *Knows nothing of* what goes on inside a room.

mod reload;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::chat::action::NotShared;
use crate::chat::message::MessageId;
use crate::chat::names::{self, Alphabet, RoomName};
use crate::chat::room::Founding;
#[cfg(feature = "cluster")]
use crate::chat::room::{Beginning, RoomState};
use crate::chat::room_settings::RoomSettings;
use crate::config::Config;
#[cfg(feature = "cluster")]
use crate::hub::room::RoomLog;
use crate::hub::room::{EarlierRun, Room, RoomLimits, SteadyClock, both_clocks};
use crate::metrics::DeliveryMetrics;
use crate::store::{MessageRecord, RoomRecord, Store};
use crate::ui::screen::Clock;

/// Most user-made rooms at one time, over all users. An empty room takes about a kilobyte, one full of ordinary messages
/// fifty.
const MOST_MADE: usize = 1000;

/// Bytes in a room's delivery queue if `outbox_bytes` sets no limit: as large a batch as with the default limit.
const DEFAULT_QUEUE_BYTES: usize = 65_536;

struct RoomsByName {
    rooms: BTreeMap<RoomName, Arc<Room>>,
    last_instance: u64,
    /// Names may not be ASCII, so two names that look alike may be in different scripts.
    unique_by_looks: bool,
}

impl RoomsByName {
    /// Whether a room of this name could be created from this address. `most`: how many there may be from one.
    fn check_new(&self, name: &RoomName, address: IpAddr, most: Option<usize>) -> Result<(), CreateRoomError> {
        if let Some(room) = self.rooms.get(name) {
            return Err(CreateRoomError::Exists(Arc::clone(room)));
        }
        if self.unique_by_looks {
            let looks = name.looks();
            if let Some((_, room)) = self.rooms.iter().find(|(known, _)| known.looks().overlap(&looks)) {
                return Err(CreateRoomError::LooksLike(Arc::clone(room)));
            }
        }
        // Counted by a scan: rooms close in five places, and a counter would drift.
        let addresses: Vec<_> = self.rooms.values().filter_map(|room| room.made()).map(|made| made.address).collect();
        if addresses.len() >= MOST_MADE {
            return Err(CreateRoomError::TooManyAll);
        }
        if let Some(most) = most
            && addresses.iter().filter(|known| **known == address).count() >= most
        {
            return Err(CreateRoomError::TooManyYours(most));
        }
        Ok(())
    }
}

/// Why a room was not created.
pub(crate) enum CreateRoomError {
    /// There is one with that name.
    Exists(Arc<Room>),
    /// Its name looks like that of another room.
    LooksLike(Arc<Room>),
    /// The founder's address has as many rooms as allowed.
    TooManyYours(usize),
    /// There are as many user-made rooms as allowed.
    TooManyAll,
    /// The other servers are unreachable.
    #[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "there is one server"))]
    NotShared(NotShared),
}

/// All rooms by name.
pub struct RoomTable {
    shared: Arc<RoomLimits>,
    clock: Clock,
    /// Rank 1 of 4: after the roster, before any room. Guards the map. Held only to look up and to change it.
    table: Mutex<RoomsByName>,
}

impl RoomTable {
    /// The configured rooms, and the database that records them, if there is one.
    pub fn new(config: &Config, clock: Clock, store: Option<Arc<Store>>) -> RoomTable {
        let (now, at) = both_clocks(store.as_ref());
        let shared = RoomLimits {
            store,
            clock: SteadyClock::new(at, now),
            last_message: AtomicU64::new(0),
            earlier: std::sync::OnceLock::new(),
            history_max: AtomicUsize::new(0),
            queue_bytes: AtomicUsize::new(0),
            #[cfg(feature = "cluster")]
            log: std::sync::OnceLock::new(),
            #[cfg(feature = "cluster")]
            highest: AtomicU64::new(0),
            metrics: DeliveryMetrics::default(),
        };
        let table = RoomTable {
            shared: Arc::new(shared),
            clock,
            table: Mutex::new(RoomsByName { rooms: BTreeMap::new(), last_instance: 0, unique_by_looks: false }),
        };
        table.set_limits(config);
        let mut rooms = table.lock();
        for (name, room_config) in &config.rooms {
            let room = table.new_configured(&mut rooms, name, room_config, now);
            rooms.rooms.insert(name.clone(), room);
        }
        drop(rooms);
        table
    }

    /// Sends all changes to rooms through a log from now on.
    #[cfg(feature = "cluster")]
    pub(crate) fn share(&self, log: Arc<dyn RoomLog>) {
        // Set only here, at startup.
        let _ = self.shared.log.set(log);
    }

    /// Delivery metrics of all rooms and conversations.
    pub(crate) fn metrics(&self) -> &DeliveryMetrics {
        &self.shared.metrics
    }

    fn set_limits(&self, config: &Config) {
        self.shared.history_max.store(config.history_max, Ordering::Relaxed);
        self.set_own_limits(config);
    }

    /// The limits that apply to this server alone, even if it shares its rooms.
    fn set_own_limits(&self, config: &Config) {
        let queue_bytes = config.limits.outbox_bytes.map_or(DEFAULT_QUEUE_BYTES, |bytes| bytes / 4);
        self.shared.queue_bytes.store(queue_bytes, Ordering::Relaxed);
        self.lock().unique_by_looks = config.names == Alphabet::Unicode;
    }

    /// Restores user-made rooms, the lists of the configured ones, and messages from the database. Called before anybody is
    /// let in.
    pub(crate) fn restore(
        &self,
        rooms: Vec<RoomRecord>,
        histories: Vec<(RoomName, Vec<MessageRecord>)>,
        earlier: EarlierRun,
    ) {
        let (now, at) = both_clocks(self.shared.store.as_ref());
        self.shared.last_message.store(earlier.last.0, Ordering::Relaxed);
        // Set only here, at startup.
        let _ = self.shared.earlier.set(earlier);
        let mut taken_over = Vec::new();
        let mut table = self.lock();
        for record in rooms {
            let known = table.rooms.get(&record.name).cloned();
            let room = match known {
                // The configuration has taken over the name.
                Some(_) if record.made.is_some() => {
                    taken_over.push(record.name);
                    continue;
                }
                Some(room) => room,
                // The configuration no longer names it.
                None if record.made.is_none() => continue,
                None => {
                    table.last_instance += 1;
                    let (shared, clock) = (Arc::clone(&self.shared), self.clock.clone());
                    let room = Room::new(
                        record.name.clone(),
                        table.last_instance,
                        RoomSettings::default(),
                        shared,
                        clock,
                        None,
                        now,
                    );
                    table.rooms.insert(record.name.clone(), Arc::clone(&room));
                    room
                }
            };
            room.restore(record, now, at);
        }
        for (name, messages) in histories.into_iter().filter(|(name, _)| !taken_over.contains(name)) {
            if let Some(room) = table.rooms.get(&name) {
                room.recall(messages);
            }
        }
        drop(table);
        self.forget(&taken_over);
    }

    /// Deletes user-made rooms whose names the configuration has taken over, and their messages, from the database.
    fn forget(&self, taken_over: &[RoomName]) {
        let Some(store) = &self.shared.store else { return };
        for name in taken_over {
            match store.delete_room(name) {
                Ok(_) => {
                    log::warn!(
                        "room {name} was a user's and is now a configured one: its messages and lists were erased"
                    )
                }
                Err(error) => {
                    log::error!("room {name}, a user's before, could not be deleted from the database: {error}")
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, RoomsByName> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The room of that name, hidden or not.
    pub fn find(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.lock().rooms.get(name).cloned()
    }

    pub fn all(&self) -> Vec<Arc<Room>> {
        self.lock().rooms.values().cloned().collect()
    }

    /// Creates a room. `most` is how many there may be from the founder's address.
    pub(crate) fn create(
        &self,
        name: &RoomName,
        config: RoomSettings,
        founding: Founding,
        most: Option<usize>,
        now: Instant,
    ) -> Result<Arc<Room>, CreateRoomError> {
        let mut table = self.lock();
        table.check_new(name, founding.creation.address, most)?;
        table.last_instance += 1;
        let (instance, shared, clock) = (table.last_instance, Arc::clone(&self.shared), self.clock.clone());
        let room = Room::new(name.clone(), instance, config, shared, clock, Some(founding), now);
        table.rooms.insert(name.clone(), Arc::clone(&room));
        Ok(room)
    }

    /// The same on all servers of a cluster. `make` sends them the room's initial state and history length; it returns
    /// false if the name has been taken.
    #[cfg(feature = "cluster")]
    pub(crate) fn create_shared(
        &self,
        make: impl FnOnce(&str, usize) -> Result<bool, NotShared>,
        name: &RoomName,
        settings: RoomSettings,
        founding: Founding,
        most: Option<usize>,
        now: Instant,
    ) -> Result<Arc<Room>, CreateRoomError> {
        self.lock().check_new(name, founding.creation.address, most)?;
        let beginning = Beginning {
            settings,
            founding: Some(founding),
            history_max: self.shared.history_max.load(Ordering::Relaxed),
            can_be_kept: true,
            at: self.shared.clock.at(now),
        };
        let history_max = beginning.history_max;
        let core = RoomState::new(name.clone(), beginning).core_line();
        let made = make(&core, history_max).map_err(CreateRoomError::NotShared)?;
        match self.find(name) {
            Some(room) if made => Ok(room),
            Some(room) => Err(CreateRoomError::Exists(room)),
            None => Err(CreateRoomError::NotShared(NotShared::TryAgain)),
        }
    }

    /// Most messages that a room keeps in memory.
    #[cfg(feature = "cluster")]
    pub(crate) fn history_max(&self) -> usize {
        self.shared.history_max.load(Ordering::Relaxed)
    }

    /// Sets the history length of all rooms of the cluster.
    #[cfg(feature = "cluster")]
    pub(crate) fn resize_histories(&self, history_max: usize, now: Instant) {
        self.shared.history_max.store(history_max, Ordering::Relaxed);
        self.all().iter().for_each(|room| room.set_history_max(history_max, now));
    }

    /// Whether servers share the rooms.
    fn is_shared(&self) -> bool {
        #[cfg(feature = "cluster")]
        return self.shared.log.get().is_some();
        #[cfg(not(feature = "cluster"))]
        {
            let _ = self;
            false
        }
    }

    /// Adds a room that the cluster has created.
    #[cfg(feature = "cluster")]
    pub(crate) fn place(&self, name: &RoomName, state: RoomState, now: Instant) -> Arc<Room> {
        let mut table = self.lock();
        table.last_instance += 1;
        let (instance, shared, clock) = (table.last_instance, Arc::clone(&self.shared), self.clock.clone());
        let room = Room::new(name.clone(), instance, state.settings().clone(), shared, clock, None, now);
        room.begin_as(state);
        table.rooms.insert(name.clone(), Arc::clone(&room));
        room
    }

    /// Closes a user-made room that has been empty for `linger`. True if it is closed.
    pub fn close_if_empty(&self, room: &Arc<Room>, linger: Duration, now: Instant) -> bool {
        let mut table = self.lock();
        let listed = table.rooms.get(room.name()).is_some_and(|known| Arc::ptr_eq(known, room));
        let closed = listed && room.made().is_some() && room.close_if_empty(linger, now);
        if closed {
            table.rooms.remove(room.name());
        }
        closed
    }

    /// Closes a user-made room, with a line to everybody in it.
    pub(crate) fn destroy(&self, room: &Arc<Room>, line: &str, now: Instant) {
        let mut table = self.lock();
        if table.rooms.get(room.name()).is_some_and(|known| Arc::ptr_eq(known, room)) {
            table.rooms.remove(room.name());
        }
        drop(table);
        room.close(line, now);
    }

    /// The number of the next message outside a room.
    pub(crate) fn next_message(&self) -> MessageId {
        self.shared.next_message()
    }

    /// The public rooms, by name.
    pub(crate) fn public(&self) -> Vec<Arc<Room>> {
        let mut rooms = self.all();
        rooms.retain(|room| room.is_public());
        rooms
    }

    /// The public room whose name is nearest to a mistyped one.
    pub(crate) fn nearest_public(&self, wanted: &RoomName) -> Option<RoomName> {
        let rooms = self.public();
        let nearest = names::nearest(wanted.as_str(), rooms.iter().map(|room| room.name().as_str()))?;
        rooms.iter().find(|room| room.name().as_str() == nearest).map(|room| room.name().clone())
    }
}

#[cfg(test)]
mod tests;
