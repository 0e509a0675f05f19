//! Rooms that begin and end on all servers.
//!
//! *Owns* what that is on this one, and that others learn a password of the configuration only as its hash.
//! *Knows nothing of* who makes and closes rooms.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::Nodes;
use super::submitting::not_shared;
use crate::access::password::{self, HashError};
use crate::chat::action::NotShared;
use crate::chat::names::RoomName;
use crate::chat::room::RoomState;
use crate::chat::room_settings::RoomAccess;
use crate::cluster::{Commit, Effect, Place};
use crate::hub::room::{Applied, LogPlace, PlaceEntry, ProposalError, Room, RoomLog as _};
use crate::hub::{Hub, RoomNews};

impl Nodes {
    /// Makes a room on all servers; `core` is how it begins. False if there is one of that name.
    pub(crate) fn make_room(&self, name: &RoomName, core: &str, history_max: usize) -> Result<bool, NotShared> {
        let commit = Commit {
            place: Place::Room(name.clone()),
            version: Some(0),
            effects: vec![Effect::Core(core.into())],
            history_max,
            text: PlaceEntry::Made(core.into()).text().into(),
        };
        match self.commit(commit, None) {
            Ok(_) => Ok(true),
            Err(ProposalError::Stale) => Ok(false),
            Err(error) => Err(not_shared(&error)),
        }
    }

    /// Closes a room on all servers. Its members read the line.
    pub(crate) fn close_room(&self, room: &Room, line: &str) -> Result<(), NotShared> {
        let commit = Commit {
            place: Place::Room(room.name().clone()),
            version: Some(room.version()),
            effects: vec![Effect::Closed],
            history_max: 1,
            text: PlaceEntry::Closed(line.to_owned()).text().into(),
        };
        self.commit(commit, None).map(drop).map_err(|error| not_shared(&error))
    }

    /// Makes the rooms that this server has on all of them, unless they are there.
    pub(crate) fn share_rooms(&self, hub: &Hub) {
        for room in hub.rooms.all() {
            let made = room.making();
            match self.commit(made, None) {
                Ok(_) | Err(ProposalError::Stale) => {}
                Err(error) => log::error!("cluster: the room {} could not be shared: {error:?}", room.name()),
            }
        }
    }
}

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
        let state = match RoomState::assemble(name.clone(), core, [], [], 0, self.rooms.history_max()) {
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
