//! Saving rooms to disk, from the side of the user who changes them.
//!
//! Nothing here runs under a lock: the disk is waited for.
//!
//! *Owns* when a room is saved, what has to be on disk before a change is confirmed, and that a password leaves this server
//! only as its hash.
//! *Knows nothing of* SQL.

use std::sync::Arc;

use super::Session;
use crate::access::password;
use crate::chat::action::{Actor, Denied, RoomAction, Setting};
use crate::chat::names::RoomName;
use crate::chat::room_settings::{RoomAccess, RoomSettings};
use crate::chat::secret::Hashed;
use crate::hub::room::{Deciding, Room, Snapshot};
use crate::store::{AccessRecord, ReadError, SaveError, StoreError};
use crate::ui::palette::RoomRefusal;

/// The preparation of an action: the hash of a new password.
pub(super) struct NewPasswordHash(Option<Hashed>);

impl Session {
    /// Replaces the password in a snapshot by its hash. If that cannot be done now, the user sees why and this is
    /// false.
    fn hash_password_of(&self, room: &Room, snapshot: &mut Snapshot) -> bool {
        let Some(password) = snapshot.password.take() else { return true };
        let Some(hash) = self.hashed(password.clone()) else { return false };
        // From here on the room knows only the hash.
        room.forget_password(&password, &hash, self.now());
        snapshot.room.entry = AccessRecord::Password(hash);
        true
    }

    /// Saves a room that has changed, if it is persistent. When this returns, it is on disk, or the user has been told
    /// that it is not.
    pub(super) fn save_room(&self, room: &Arc<Room>) {
        let Some(store) = self.hub.store() else { return };
        loop {
            let mut snapshot = match room.snapshot() {
                Ok(Some(snapshot)) => snapshot,
                Ok(None) => return,
                Err(ReadError(reason)) => {
                    let name = room.name();
                    let line = format!(
                        "It holds until the server stops, but is not saved: the stored data of {name} cannot be read: \
                         {reason}."
                    );
                    return self.refuse(&line);
                }
            };
            if !self.hash_password_of(room, &mut snapshot) {
                return;
            }
            if let Err(error) = store.save_room(snapshot.room) {
                return self.tell_not_saved(&error);
            }
            // Two users may change a room at the same time: the last one to write must have written its latest state.
            if room.is_at(snapshot.revision) {
                return;
            }
        }
    }

    /// A guard that keeps others from deciding at the same time whether the room is persistent. `None` if the action
    /// does not depend on that.
    pub(super) fn decide(&self, room: &Arc<Room>, action: &RoomAction) -> Result<Option<Deciding>, Denied> {
        if self.hub.store().is_none() || !depends_on_persistence(action) {
            return Ok(None);
        }
        let line = || format!("Somebody else is changing whether {} is kept: try again in a moment.", room.name());
        room.decide().map(Some).ok_or_else(|| Denied::AsItIs(line()))
    }

    /// Does what has to be done before an action: a room that becomes persistent is saved, and the new password of a
    /// persistent one is hashed. Otherwise it would be in force but not on disk if that fails. `None` if the action
    /// must not be carried out; then the user has been told why.
    pub(super) fn prepare_action(
        &self,
        room: &Arc<Room>,
        actor: &Actor,
        action: &RoomAction,
    ) -> Option<NewPasswordHash> {
        if *action == RoomAction::Set(Setting::Keep(true)) && !room.is_kept() {
            return self.begin_saving(room, actor).then_some(NewPasswordHash(None));
        }
        if let RoomAction::Set(Setting::Password(Some(new))) = action
            // A user who may not set one costs no hash: the room refuses them.
            && room.hashes_password_of(actor, self.now())
        {
            return self.hashed(new.clone()).map(|hash| NewPasswordHash(Some(hash)));
        }
        Some(NewPasswordHash(None))
    }

    /// The settings of a new room in the form in which several servers share them: with the hash of its password. If there is a
    /// room of that name, it is not computed.
    pub(super) fn shareable(&self, mut settings: RoomSettings, name: &RoomName) -> Result<RoomSettings, RoomRefusal> {
        if let RoomAccess::Password(password) = &settings.entry
            && self.hub.is_shared()
            && self.hub.rooms.find(name).is_none()
        {
            let password = password.clone();
            let hashed = self.compute_hash(move || password::hash(password.expose()));
            let hashed = hashed.map_err(|_| RoomRefusal::Busy)?;
            settings.entry = RoomAccess::Hashed(hashed.map_err(|error| {
                log::error!("cannot hash a password: {error}");
                RoomRefusal::Busy
            })?);
        }
        Ok(settings)
    }

    /// An action in the form in which several servers share it: with the hash of a new password. A user who may not set one
    /// costs no hash. `None` if it cannot be hashed; then the user has been told why.
    pub(super) fn shareable_action(&self, room: &Room, actor: &Actor, action: RoomAction) -> Option<RoomAction> {
        if !self.hub.is_shared() {
            return Some(action);
        }
        let RoomAction::Set(Setting::Password(Some(password))) = action else { return Some(action) };
        if let Err(denied) = room.may_set(actor, self.now()) {
            self.deny(&denied);
            return None;
        }
        self.hashed(password).map(|hash| RoomAction::Set(Setting::PasswordHash(hash)))
    }

    fn begin_saving(&self, room: &Arc<Room>, actor: &Actor) -> bool {
        if self.hub.is_shared() {
            // Nothing is written here: the servers share the room.
            let denied = room.snapshot_to_keep(actor, self.now()).err();
            denied.iter().for_each(|denied| self.deny(denied));
            return denied.is_none();
        }
        let Some(store) = self.hub.store() else { return true };
        let mut snapshot = match room.snapshot_to_keep(actor, self.now()) {
            Ok(snapshot) => snapshot,
            Err(denied) => {
                self.deny(&denied);
                return false;
            }
        };
        if !self.hash_password_of(room, &mut snapshot) {
            return false;
        }
        if let Err(error) = store.create_room(snapshot.room) {
            if error.0 == StoreError::OutcomeUnknown {
                // It may still get to disk, but the room is not persistent. If this fails too, the store keeps trying.
                let _ = store.delete_room(room.name());
            }
            self.refuse(&error);
            return false;
        }
        true
    }

    /// Undoes what was prepared for an action that could not be carried out because the room or the user has changed in
    /// the meantime.
    pub(super) fn abandon_action(&self, room: &Room, action: &RoomAction) {
        if *action == RoomAction::Set(Setting::Keep(true)) && !room.is_kept() {
            self.forget_room(room);
        }
    }

    /// Writes to disk what has to be there before an action is confirmed.
    pub(super) fn complete_action(&self, room: &Arc<Room>, action: &RoomAction, prepared: &NewPasswordHash) {
        if let (RoomAction::Set(Setting::Password(Some(new))), Some(hash)) = (action, &prepared.0) {
            // From here on the room knows only the hash.
            room.forget_password(new, hash, self.now());
        }
        if matches!(action, RoomAction::Destroy | RoomAction::Set(Setting::Keep(false))) {
            self.forget_room(room);
        } else {
            self.save_room(room);
        }
    }

    /// Removes a room from the disk, with all its messages.
    fn forget_room(&self, room: &Room) {
        let Some(store) = self.hub.store() else { return };
        room.record_no_more(self.now());
        // After a reload, what the disk has under this name may belong to a room of the configuration.
        if self.hub.rooms.find(room.name()).is_some_and(|known| known.instance() != room.instance()) {
            return;
        }
        if let Err(error) = store.delete_room(room.name()) {
            self.tell_not_saved(&error);
        }
    }

    /// Says that a change holds, but only until the server stops, unless the disk takes it before: the store keeps
    /// trying.
    pub(super) fn tell_not_saved(&self, error: &SaveError) {
        let (short, SaveError(reason)) = (error.short(), error);
        if *reason == StoreError::Unconfirmed {
            // It is saved, unless Redis fails before a replica has it.
            return self.refuse(short);
        }
        if matches!(reason, StoreError::Unreachable | StoreError::AnswerLost) {
            return self.refuse(format!("It holds until you leave, but: {short}"));
        }
        let later = if *reason == StoreError::Closed { "" } else { " It will be as soon as the disk takes it." };
        let line = format!("It holds until the server stops, but: {short}{later}");
        self.refuse(&line);
    }
}

/// Whether an action's effect depends on the room being persistent. A persistent room's new password is hashed first, so
/// that must not change in the meantime.
fn depends_on_persistence(action: &RoomAction) -> bool {
    matches!(action, RoomAction::Destroy | RoomAction::Set(Setting::Keep(_) | Setting::Password(Some(_))))
}
