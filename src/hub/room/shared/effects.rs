//! What a change does to the room as all servers keep it, so that one that has missed the change can read the room.
//!
//! *Owns* which version of the room a change depends on.
//! *Knows nothing of* how the room is kept.

use std::sync::Arc;

use super::place_entry::PlaceEntry;
use crate::chat::message::{ClientId, Event};
use crate::chat::room::{Change, ChangeKind, RoomState, message_line};
use crate::cluster::{Commit, Effect, Place};
use crate::hub::room::{LockedRoom, Room};

impl LockedRoom {
    /// What a change that was decided on this room is to the log.
    pub(super) fn commit(&self, room: &Room, change: &Change, author: ClientId) -> Commit {
        let mut effects = if let ChangeKind::Said(message) = &change.kind {
            vec![Effect::Said(message_line(message).into())]
        } else {
            effects(&self.room, change)
        };
        // What nobody asks permission for holds whatever the room has become, unless the rules of the room change by it.
        let bound = effects.iter().any(|effect| matches!(effect, Effect::Core(_)));
        let unasked =
            matches!(change.kind, ChangeKind::Left { .. } | ChangeKind::Expired(_) | ChangeKind::Reentered { .. });
        // What a member does depends on that they are one, which no version tells.
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

/// What a change does to the room as all servers keep it: the difference between before and after.
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

/// What an event does to the messages that are kept.
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
