//! Claiming, changing and releasing names, on this server or on all servers of a cluster.
//!
//! *Owns* the choice between the two.
//! *Knows nothing of* dialogues.

use std::sync::Arc;
use std::time::Instant;

use super::Hub;
use crate::chat::action::NotShared;
use crate::chat::conversation::Conversation;
use crate::chat::message::{AccountId, MessageId};
use crate::chat::names::{RoomName, UserName};
use crate::chat::room::Founding;
use crate::chat::room_settings::RoomSettings;
#[cfg(feature = "cluster")]
use crate::cluster::{OpenRoomText, SharedVisit};
use crate::hub::room::Room;
use crate::hub::rooms::CreateRoomError;
use crate::hub::roster::{Login, NameInUseError, PeerAddress, User};
use crate::outbox::Outbox;
#[cfg(feature = "cluster")]
use crate::store::OpenRoomRecord;

/// When a room was created, in milliseconds since 1970; 0 for a configured room. Servers identify a room by this and its
/// name, because a later room of the same name is a different one.
#[cfg(feature = "cluster")]
pub(crate) fn made_at(room: &Room) -> i64 {
    room.made().map_or(0, |made| made.at.as_millisecond())
}

impl Hub {
    /// See [`Roster::claim`](crate::hub::roster::Roster::claim); includes the users of all servers.
    pub(crate) fn claim_name(
        &self,
        name: &UserName,
        login: Option<Login>,
        limit: usize,
        outbox: &Arc<Outbox>,
        origin: PeerAddress,
        now: Instant,
    ) -> Result<Arc<User>, NameInUseError> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            return nodes.claim_name(self, name, login, outbox, origin, now);
        }
        self.roster.claim(name, login, limit, outbox, origin, now)
    }

    /// See [`Roster::rename`](crate::hub::roster::Roster::rename); includes the users of all servers.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(unused_variables, reason = "there is nobody to tell how long they are here")
    )]
    pub(crate) fn rename_user(
        &self,
        user: &Arc<User>,
        name: &UserName,
        login: Option<Login>,
        limit: usize,
        now: Instant,
    ) -> Result<UserName, NameInUseError> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            return nodes.rename_user(self, user, name, login, now);
        }
        self.roster.rename(user, name, login, limit)
    }

    /// See [`Roster::claim_from`](crate::hub::roster::Roster::claim_from), for a connection to any of the servers.
    pub(crate) fn claim_name_from(
        &self,
        other: &Arc<User>,
        name: &UserName,
        login: Login,
        outbox: &Arc<Outbox>,
        origin: PeerAddress,
        now: Instant,
    ) -> Option<Arc<User>> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            return nodes.claim_name_from(self, other, name, login, outbox, origin, now);
        }
        self.roster.claim_from(other, name, login, outbox, origin, now)
    }

    /// See [`Roster::rename_from`](crate::hub::roster::Roster::rename_from), for a connection to any of the servers.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(unused_variables, reason = "there is nobody to tell how long they are here")
    )]
    pub(crate) fn rename_user_from(
        &self,
        other: &Arc<User>,
        user: &Arc<User>,
        name: &UserName,
        login: Login,
        now: Instant,
    ) -> Option<UserName> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            return nodes.rename_user_from(self, other, user, name, login, now);
        }
        self.roster.rename_from(other, user, name, login)
    }

    /// Whether the other servers are known to be unreachable.
    pub(crate) fn is_out_of_reach(&self) -> bool {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            return !nodes.is_in_reach();
        }
        #[cfg(not(feature = "cluster"))]
        let _ = self;
        false
    }

    /// Shares how far an account has read in a room.
    #[cfg_attr(not(feature = "cluster"), expect(clippy::unused_self, unused_variables, reason = "there is one server"))]
    pub(crate) fn share_visit(&self, account: AccountId, room: &Room, last: MessageId) {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes().filter(|nodes| nodes.accounts().is_some()) {
            nodes.share_visit(account, SharedVisit { room: room.name().clone(), made: made_at(room), last });
        }
    }

    /// Shares which rooms an account is in.
    #[cfg(feature = "cluster")]
    pub(crate) fn share_open_rooms(&self, account: AccountId, rooms: &[OpenRoomRecord]) {
        let Some(nodes) = self.nodes() else { return };
        let text = |open: &OpenRoomRecord| {
            let made = self.rooms.find(&open.room).map_or(0, |room| made_at(&room));
            OpenRoomText { room: open.room.to_string(), made, door: open.door.to_string() }
        };
        nodes.share_open_rooms(account, rooms.iter().map(text).collect());
    }

    /// Whether several servers share the rooms.
    pub(crate) fn is_shared(&self) -> bool {
        #[cfg(feature = "cluster")]
        return self.nodes().is_some();
        #[cfg(not(feature = "cluster"))]
        {
            let _ = self;
            false
        }
    }

    /// Whether a stop sends users to other servers first.
    pub fn drains(&self) -> bool {
        #[cfg(feature = "cluster")]
        return self.is_shared() && self.config().cluster.as_ref().is_some_and(|cluster| !cluster.drain.is_zero());
        #[cfg(not(feature = "cluster"))]
        {
            let _ = self;
            false
        }
    }

    /// See [`RoomTable::create`](crate::hub::rooms::RoomTable); creates the room on all servers.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "nobody waits for others"))]
    pub(crate) fn create_room(
        &self,
        name: &RoomName,
        settings: RoomSettings,
        founding: Founding,
        most: Option<usize>,
        founder: &Arc<Outbox>,
        now: Instant,
    ) -> Result<Arc<Room>, CreateRoomError> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            let make = |core: &str, history_max| nodes.make_room(name, core, history_max, Some(founder));
            return self.rooms.create_shared(make, name, settings, founding, most, now);
        }
        self.rooms.create(name, settings, founding, most, now)
    }

    /// Closes a room for good, on all servers. `line` is for its members.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "nobody waits for others"))]
    pub(crate) fn destroy_room(
        &self,
        room: &Arc<Room>,
        line: &str,
        author: &Arc<Outbox>,
        now: Instant,
    ) -> Result<(), NotShared> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            return nodes.close_room(room, line, Some(author));
        }
        self.rooms.destroy(room, line, now);
        Ok(())
    }

    /// The rooms and conversations that a user has open, the current one last. For a user on another server, only rooms
    /// are known.
    pub(crate) fn open_of(&self, user: &User) -> Vec<Conversation> {
        if !user.is_elsewhere() {
            return user.outbox.open();
        }
        let mut rooms = self.rooms.all();
        rooms.retain(|room| room.has_member(user.client()));
        rooms.iter().map(|room| Conversation::Room(Arc::clone(room.id()))).collect()
    }

    /// Shares whether a user is away, and whether they are a bot.
    #[cfg_attr(not(feature = "cluster"), expect(clippy::unused_self, unused_variables, reason = "there is one server"))]
    pub(crate) fn share_presence(&self, user: &User, now: Instant) {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            nodes.share_presence(user, now);
        }
    }

    /// Releases the name of a user who has left.
    pub(crate) fn release_name(&self, user: &Arc<User>) {
        self.roster.release(user);
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            nodes.release_name(user);
        }
    }
}
