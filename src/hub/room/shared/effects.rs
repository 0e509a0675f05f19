//! Translates a change into its effects on the stored room, so that a server that missed the change can read the room
//! instead.
//!
//! *Owns* which version of the room a change depends on.
//! *Knows nothing of* how the room is stored.

use std::sync::Arc;

use super::place_entry::PlaceEntry;
use crate::chat::message::{ClientId, Event};
use crate::chat::room::{Change, ChangeKind, RoomState, message_line};
use crate::cluster::{Commit, Effect, Place};
use crate::hub::room::{LockedRoom, Room};

impl LockedRoom {
    /// Builds the log's commit for a change that was decided on this room.
    pub(super) fn commit(&self, room: &Room, change: &Change, author: ClientId) -> Commit {
        let mut effects = if let ChangeKind::Said(message) = &change.kind {
            vec![Effect::Said(message_line(message).into())]
        } else {
            effects(&self.room, change)
        };
        // A change that needs no permission is valid for any version of the room, unless it changes the rules.
        let bound = effects.iter().any(|effect| matches!(effect, Effect::Core(_)));
        let unasked =
            matches!(change.kind, ChangeKind::Left { .. } | ChangeKind::Expired(_) | ChangeKind::Reentered { .. });
        // A member's change depends on their membership, which the version does not cover.
        if !unasked && !matches!(change.kind, ChangeKind::Entered { .. }) && self.room.member(author).is_some() {
            effects.insert(0, Effect::By(author));
        }
        Commit {
            place: Place::Room(room.name.clone()),
            version: (bound || !unasked).then_some(self.log_version()),
            effects,
            history_max: self.room.history_max(),
            text: PlaceEntry::Change(Box::new(change.clone())).text().into(),
        }
    }
}

/// A change's effects on the stored room: the difference between before and after.
fn effects(room: &RoomState, change: &Change) -> Vec<Effect> {
    let mut next = room.clone();
    let event = next.apply(change.clone());
    let mut effects = changed_messages(event.as_deref());
    let limit = next.settings().limit.filter(|_| matches!(change.kind, ChangeKind::Entered { .. }));
    for member in next.members().filter(|member| room.member(member.who.client) != Some(member)) {
        effects.push(Effect::Member { client: member.who.client, text: member.line().into(), limit });
    }
    let gone = room.members().filter(|member| next.member(member.who.client).is_none());
    effects.extend(gone.map(|member| Effect::Left(member.who.client)));
    if !next.has_same_core(room) {
        effects.push(Effect::Core(next.core_line().into()));
    }
    effects
}

/// An event's effects on the stored messages.
fn changed_messages(event: Option<&Event>) -> Vec<Effect> {
    let edited =
        |event: &Arc<Event>| event.message().map(|message| Effect::Edited(message.id.0, message_line(message).into()));
    match event {
        Some(Event::Edited { message, requoted, .. }) => {
            [message].into_iter().chain(requoted.iter()).filter_map(edited).collect()
        }
        Some(Event::Erased { id, requoted, .. }) => {
            [Effect::Erased(id.0)].into_iter().chain(requoted.iter().filter_map(edited)).collect()
        }
        Some(Event::Said(_) | Event::Happened { .. }) | None => Vec::new(),
    }
}
