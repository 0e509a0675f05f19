//! What all servers know of the rooms of an account: how far it has read, and where it was.
//!
//! *Owns* the rule that a later room of the same name is another one, which was never read. *Knows nothing of* how this
//! is kept, and of what a user is shown.

use std::sync::Arc;

use super::Session;
use super::joined_rooms::MOST_ROOMS;
use crate::chat::message::AccountId;
use crate::chat::names::RoomName;
use crate::cluster::{OpenRoomText, SharedAccounts, SharedVisit};
use crate::hub::made_at;
use crate::store::Visit;

impl Session {
    /// The rooms an account was in when it was last online on any server, the current one last: each with its instance
    /// here, which is 0 if it is gone, and with how entry was restricted at that time, in words.
    #[inline(never)]
    pub(super) fn rooms_on_all_servers(
        &self,
        account: AccountId,
        shared: Arc<SharedAccounts>,
    ) -> Vec<(RoomName, u64, Box<str>)> {
        let Ok(Ok(rooms)) = self.compute(move || shared.open_rooms(account)) else { return Vec::new() };
        let known = |OpenRoomText { room, made, door }: OpenRoomText| {
            let name = RoomName::written(&room).ok()?;
            let room = self.hub.rooms.find(&name).filter(|room| made_at(room) == made);
            // No room is instance 0.
            Some((name, room.map_or(0, |room| room.instance()), door.into()))
        };
        rooms.into_iter().filter_map(known).take(MOST_ROOMS).collect()
    }

    /// How far an account has read on any server. `None` if that cannot be read.
    #[inline(never)]
    pub(super) fn visits_on_all_servers(&self, account: AccountId, shared: Arc<SharedAccounts>) -> Option<Vec<Visit>> {
        let visits = self.compute(move || shared.visits(account)).ok()?.ok()?;
        let is_there =
            |visit: &SharedVisit| self.hub.rooms.find(&visit.room).is_some_and(|room| made_at(&room) == visit.made);
        let visits = visits.into_iter().filter(is_there);
        Some(visits.map(|visit| Visit { room: visit.room, last: visit.last }).collect())
    }
}
