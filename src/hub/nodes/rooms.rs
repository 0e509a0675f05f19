//! Creates and closes rooms on all servers.
//!
//! *Owns* what this does on one server, and that other servers get only the hash of a configured password.
//! *Knows nothing of* who creates and closes rooms.

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
use crate::outbox::Outbox;

impl Nodes {
    /// Creates a room on all servers, with `core` as its initial state. False if the name is taken.
    pub(crate) fn make_room(
        &self,
        name: &RoomName,
        core: &str,
        history_max: usize,
        author: Option<&Arc<Outbox>>,
    ) -> Result<bool, NotShared> {
        let commit = Commit {
            place: Place::Room(name.clone()),
            version: Some(0),
            effects: vec![Effect::Core(core.into())],
            history_max,
            text: PlaceEntry::Made(core.into()).text().into(),
        };
        match self.commit(commit, author) {
            Ok(_) => Ok(true),
            Err(ProposalError::Stale) => Ok(false),
            Err(error) => Err(not_shared(&error)),
        }
    }

    /// Closes a room on all servers and shows its members the line.
    pub(crate) fn close_room(&self, room: &Room, line: &str, author: Option<&Arc<Outbox>>) -> Result<(), NotShared> {
        let commit = Commit {
            place: Place::Room(room.name().clone()),
            version: Some(room.version()),
            effects: vec![Effect::Closed],
            history_max: 1,
            text: PlaceEntry::Closed(line.to_owned()).text().into(),
        };
        self.commit(commit, author).map(drop).map_err(|error| not_shared(&error))
    }

    /// Creates this server's rooms on all servers, unless they exist.
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
    /// Replaces configured passwords by their hashes, which are what servers share. Takes about 30 ms each.
    ///
    /// # Errors
    ///
    /// The system lacks the memory or randomness for it.
    pub(crate) fn hash_room_passwords(&self, now: Instant) -> Result<(), HashError> {
        for room in self.rooms.all() {
            if let RoomAccess::Password(password) = room.door().0 {
                let hash = password::hash(password.expose())?;
                room.forget_password(&password, &hash, now);
            }
        }
        Ok(())
    }

    /// A room was created on all servers.
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
            // A configured room, which each server already has.
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

    /// A room was closed on all servers.
    pub(super) fn close_shared(&self, room: &Arc<Room>, line: &str, own: bool, now: Instant) {
        let line = if line.is_empty() { format!("The room {} is closed.", room.name()) } else { line.to_owned() };
        if !own && room.is_public() {
            self.tell_programs(room, RoomNews::Gone, None, line.trim_end_matches('.'));
        }
        self.rooms.destroy(room, &line, now);
    }
}
