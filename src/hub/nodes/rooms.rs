//! Rooms that begin and end on all servers.
//!
//! *Owns* what that is on this one, and that others learn a password of the configuration only as its hash. *Knows nothing of* who makes and closes rooms.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::access::password::{self, HashError};
use crate::chat::names::RoomName;
use crate::chat::room::RoomState;
use crate::chat::room_settings::RoomAccess;
use crate::hub::room::{Applied, LogPlace, Room};
use crate::hub::{Hub, RoomNews};

impl Hub {
    /// Replaces the passwords of the configuration by their hashes: those are what servers share. Takes about 30 ms for each.
    ///
    /// # Errors
    ///
    /// The system has run out of something.
    pub(crate) fn hash_room_passwords(&self, now: Instant) -> Result<(), HashError> {
        for room in self.rooms.all() {
            if let RoomAccess::Password(password) = room.door().0 {
                let hash = password::hash(password.expose())?;
                room.forget_password(&password, &hash, now);
            }
        }
        Ok(())
    }

    /// A room begins on all servers.
    pub(super) fn found_shared(
        &self,
        name: &RoomName,
        known: Option<Arc<Room>>,
        core: &str,
        place: LogPlace,
        own: bool,
        now: Instant,
    ) -> Option<Applied> {
        if let Some(room) = known {
            // A configured one, which every server has from the start.
            room.note_place(place);
            return Some(Applied::default());
        }
        let state = match RoomState::assemble(name.clone(), core, [], [], 0, self.config().history_max) {
            Ok((state, _)) => state,
            Err(error) => {
                log::error!("cluster: the room {name} cannot be read: {error}");
                return None;
            }
        };
        let room = self.rooms.place(name, state, now);
        room.begin_at(BTreeMap::new(), place);
        self.let_linger(&room);
        if !own && room.is_public() {
            let by = room.made().map(|made| made.by);
            let news = format!("{} created the room {name}", by.as_ref().map_or("Somebody", |by| by.as_str()));
            self.tell_programs(&room, RoomNews::Created, by.as_ref(), &news);
        }
        Some(Applied::default())
    }

    /// A room closes on all servers.
    pub(super) fn close_shared(&self, room: &Arc<Room>, line: &str, own: bool, now: Instant) {
        let line = if line.is_empty() { format!("The room {} is closed.", room.name()) } else { line.to_owned() };
        if !own && room.is_public() {
            self.tell_programs(room, RoomNews::Gone, None, line.trim_end_matches('.'));
        }
        self.rooms.destroy(room, &line, now);
    }
}
