//! Recovery after this server was cut off: loads the shared state and claims again what its users held.
//!
//! *Owns* what users see of it.
//! *Knows nothing of* when it is needed.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::Nodes;
use super::safe::clean_message;
use super::users::claim;
use crate::chat::message::{ClientId, MessageId};
use crate::chat::room::{RoomState, parse_message};
use crate::chat::transfer::EndCause;
use crate::cluster::{Holdings, Log, LogState, NameSnapshot, Returning, RoomSnapshot};
use crate::hub::Hub;
use crate::hub::room::{Home, LogPlace, Room};
use crate::hub::roster::User;

impl Nodes {
    pub(super) fn bring_up_to(&self, hub: &Hub, log: Log, state: LogState, now: Instant) {
        match state {
            LogState::Directory { names, kept } => {
                self.learn_archives(&kept);
                self.bring_names_up_to(hub, &names, now);
                self.bring_kept_up_to(hub, &kept);
            }
            LogState::Partition(rooms) => {
                let there: HashSet<_> = rooms.iter().map(|room| room.room.clone()).collect();
                for room in rooms {
                    self.bring_room_up_to(hub, room, now);
                }
                // A room that was never shared is about to be.
                let gone = |room: &Arc<Room>| {
                    self.log_of(room.name()) == Some(log) && !there.contains(room.name()) && room.version() > 0
                };
                for room in hub.rooms.all().into_iter().filter(gone) {
                    hub.close_shared(&room, "", false, now);
                }
            }
        }
    }

    fn bring_names_up_to(&self, hub: &Hub, names: &[NameSnapshot], now: Instant) {
        let there: HashSet<ClientId> = names.iter().map(|name| name.client).collect();
        for user in hub.roster.users().iter().filter(|user| user.is_elsewhere() && !there.contains(&user.client())) {
            if let Some(user) = hub.roster.depart(&user.name(), user.client()) {
                let is_gone = user.node().is_some_and(|node| !self.lives(node));
                hub.departed(&user, if is_gone { EndCause::ServerGone } else { EndCause::Left });
            }
        }
        for NameSnapshot { name, client, node, epoch, details } in names {
            if !self.is_own(node, *epoch) {
                self.apply_claim(hub, name, *client, Some(name), details, &(node.clone(), *epoch), now);
            }
        }
        self.lose_absent_files(hub);
    }

    fn bring_room_up_to(&self, hub: &Hub, snapshot: RoomSnapshot, now: Instant) {
        let RoomSnapshot { room: name, version, sequence, said, core, members, messages, .. } = snapshot;
        let messages = messages.iter().filter_map(|(id, text)| {
            let mut message = parse_message(text).ok()?;
            message.id = MessageId(*id);
            clean_message(&mut message);
            Some(message)
        });
        let texts = members.iter().map(|member| &*member.text);
        let history_max = hub.rooms.history_max();
        let (state, unread) = match RoomState::assemble(name.clone(), &core, texts, messages, said, history_max) {
            Ok(room) => room,
            Err(error) => return log::error!("cluster: the room {name} cannot be read: {error}"),
        };
        if unread > 0 {
            log::error!("cluster: {unread} members of the room {name} cannot be read");
        }
        let homes: BTreeMap<ClientId, Home> =
            members.iter().map(|member| (member.client, (member.node.clone(), member.epoch))).collect();
        let place = LogPlace { sequence, version };
        match hub.rooms.find(&name) {
            Some(room) => {
                let missed = room.catch_up_with(state, homes, place);
                if missed.beyond_history > 0 {
                    log::warn!(
                        "cluster: {} messages of the room {name} were missed and are no longer in its history",
                        missed.beyond_history
                    );
                }
                room.deliver_from_log();
                hub.let_linger(&room);
            }
            None => {
                let room = hub.rooms.place(&name, state, now);
                room.begin_at(homes, place);
                hub.let_linger(&room);
            }
        }
    }

    /// What this server's users hold, and the rooms that Redis may have lost.
    pub(super) fn holdings_of(&self, hub: &Hub, lost: &[(Log, u64)], now: Instant) -> Holdings {
        let name = |user: &Arc<User>| claim(&user.name(), user.client(), None, &self.details(user, now));
        let last = |room: &Room| {
            let log = self.log_of(room.name());
            lost.iter().find(|(known, _)| Some(*known) == log).map(|(_, last)| *last)
        };
        let rebuilt = |room: &Arc<Room>| room.rebuilding(last(room)?);
        Holdings {
            names: hub.roster.own_users().iter().map(name).collect(),
            rooms: hub.rooms.all().iter().filter_map(rebuilt).collect(),
        }
    }

    /// This server's users who should be members of rooms again. Removes those who have been banned in the meantime.
    pub(super) fn returning_to(&self, hub: &Hub, now: Instant) -> Returning {
        let mut returning = Returning::default();
        for room in hub.rooms.all() {
            let (again, banned) = room.returning(now);
            returning.put_out += banned.len();
            for (client, why) in banned {
                room.put_out(client, &why);
            }
            returning
                .memberships
                .extend(again.into_iter().map(|(client, commit)| (client, room.name().clone(), commit)));
        }
        returning
    }
}
