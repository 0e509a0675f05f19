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
    // Those who arrive change nothing about the other members and the messages.
    if let ChangeKind::Entered { who, .. } = &change.kind {
        let around = room.around(who.client);
        return difference(&around, around.clone(), change);
    }
    difference(room, room.clone(), change)
}

/// The same. `next` is a copy of the room.
fn difference(room: &RoomState, mut next: RoomState, change: &Change) -> Vec<Effect> {
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::chat::conversation::MembershipId;
    use crate::chat::identity::Identity;
    use crate::chat::message::{AccountId, MessageId};
    use crate::chat::names::{RoomName, UserName};
    use crate::chat::room::{Beginning, Going};
    use crate::chat::room_settings::RoomSettings;

    fn guest(client: u64, name: &str, account: Option<u64>) -> Identity {
        let name = UserName::parse(name, 1, 12).expect("a name");
        let address = "192.0.2.1".parse().expect("an address");
        Identity { client: ClientId(client), name, address, shared: false, account: account.map(AccountId) }
    }

    fn entered(who: &Identity, heir: bool, seconds: i64) -> Change {
        let (operator, as_operator, membership) = (false, false, MembershipId(who.client.0));
        let last = MessageId(3);
        let kind = ChangeKind::Entered { who: who.clone(), operator, as_operator, membership, last, heir };
        Change { at: Timestamp::from_second(seconds).expect("a time"), kind }
    }

    /// In each case a copy of the whole room would say the same.
    #[test]
    fn an_arrival_is_told_without_a_look_at_the_other_members() {
        let name = RoomName::parse("general").expect("a name");
        let at = Timestamp::from_second(1).expect("a time");
        let settings = RoomSettings { limit: Some(7), ..RoomSettings::default() };
        let beginning = Beginning { settings, founding: None, history_max: 10, can_be_kept: false, at };
        let mut room = RoomState::new(name, beginning);
        let (alice, bob) = (guest(1, "alice", Some(1)), guest(2, "bob", None));
        let steps = [
            entered(&alice, true, 10),
            entered(&bob, false, 11),
            entered(&bob, false, 12),
            // An admin whose connection was lost comes back on another one.
            Change { at, kind: ChangeKind::Left { client: alice.client, going: Going::Lost } },
            entered(&guest(3, "alice", Some(1)), false, 13),
            entered(&guest(4, "carol", None), true, 14),
        ];
        let mut cores = 0;
        for change in steps {
            if let ChangeKind::Entered { .. } = change.kind {
                let told = effects(&room, &change);
                assert_eq!(told, difference(&room, room.clone(), &change), "{change:?}");
                assert!(matches!(told.first(), Some(Effect::Member { limit: Some(7), .. })), "{told:?}");
                cores += told.len() - 1;
            }
            room.apply(change);
        }
        assert!(cores >= 3, "{cores}");
    }
}
