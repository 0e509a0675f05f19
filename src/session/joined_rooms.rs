//! The rooms this user is in, the one in view, and those with posts to deliver.
//!
//! *Owns* the rule that no room is in the list twice, and which membership id comes next. *Knows nothing of* how a room
//! is entered or left: a [`Membership`] that is dropped leaves its room.

use std::ops::Deref;
use std::sync::Arc;

use crate::chat::conversation::{MembershipId, RoomId};
use crate::chat::names::RoomName;
use crate::hub::Membership;
use crate::hub::room::Room;

/// Rooms one user may be in. A screen shows one at a time; the limit bounds memory.
pub(super) const MOST_ROOMS: usize = 64;

/// A room this user is in.
pub(super) struct JoinedRoom {
    pub(super) membership: Membership,
    /// Admitted only because they are an operator.
    pub(super) as_operator: bool,
    /// Messages said in it when the user last looked. Negative if the disk holds more unread ones than were said since
    /// the server's start.
    pub(super) read: i64,
}

impl Deref for JoinedRoom {
    type Target = Membership;

    fn deref(&self) -> &Membership {
        &self.membership
    }
}

#[derive(Default)]
pub(super) struct JoinedRooms {
    joined: Vec<JoinedRoom>,
    last_id: Option<MembershipId>,
    viewed: Option<Arc<Room>>,
    undelivered: Vec<Arc<Room>>,
    /// How many lines this user's last batch of posts had.
    #[cfg(feature = "cluster")]
    pub(super) said_together: usize,
}

impl JoinedRooms {
    pub(super) fn rooms(&self) -> impl Iterator<Item = &Arc<Room>> {
        self.joined.iter().map(|joined| joined.room())
    }

    /// All of them, with how this user is in each.
    #[cfg(feature = "json")]
    pub(super) fn joined(&self) -> impl Iterator<Item = &JoinedRoom> {
        self.joined.iter()
    }

    /// Whether this membership is still current.
    #[cfg(feature = "json")]
    pub(super) fn has(&self, membership: MembershipId) -> bool {
        self.joined.iter().any(|joined| joined.id() == membership)
    }

    pub(super) fn get(&self, room: &RoomId) -> Option<&JoinedRoom> {
        self.joined.iter().find(|joined| joined.room().instance() == room.instance)
    }

    pub(super) fn get_mut(&mut self, room: &RoomId) -> Option<&mut JoinedRoom> {
        self.joined.iter_mut().find(|joined| joined.room().instance() == room.instance)
    }

    pub(super) fn named(&self, name: &RoomName) -> Option<&JoinedRoom> {
        self.joined.iter().find(|joined| joined.room().name() == name)
    }

    pub(super) fn is_full(&self) -> bool {
        self.joined.len() >= MOST_ROOMS
    }

    /// The id of the next membership. Ids tell a membership from an earlier one in the same room.
    pub(super) fn next_id(&mut self) -> MembershipId {
        let id = MembershipId(self.last_id.map_or(1, |last| last.0 + 1));
        self.last_id = Some(id);
        id
    }

    /// Adds a room, in place of an earlier membership in it.
    pub(super) fn add(&mut self, room: JoinedRoom) {
        self.joined.retain(|joined| !Arc::ptr_eq(joined.room(), room.room()));
        if self.joined.is_empty() {
            // Most users are in one room, and room for four would stay with every idle one.
            self.joined.reserve_exact(1);
        }
        self.joined.push(room);
    }

    pub(super) fn remove(&mut self, room: &RoomId) -> Option<JoinedRoom> {
        let index = self.joined.iter().position(|joined| joined.room().instance() == room.instance)?;
        Some(self.joined.swap_remove(index))
    }

    /// The user was removed from a room, or the room is gone.
    pub(super) fn lose(&mut self, membership: Option<MembershipId>) {
        self.joined.retain(|joined| Some(joined.id()) != membership);
    }

    /// Takes all of them, to be left.
    pub(super) fn take_all(&mut self) -> Vec<JoinedRoom> {
        self.viewed = None;
        std::mem::take(&mut self.joined)
    }

    pub(super) fn viewed(&self) -> Option<&Arc<Room>> {
        self.viewed.as_ref()
    }

    pub(super) fn is_viewed(&self, room: &RoomId) -> bool {
        self.viewed.as_ref().is_some_and(|viewed| viewed.instance() == room.instance)
    }

    pub(super) fn open_view(&mut self, room: Arc<Room>) {
        self.viewed = Some(room);
    }

    pub(super) fn close_view(&mut self) -> Option<Arc<Room>> {
        self.viewed.take()
    }

    /// Notes a room that has events to deliver.
    pub(super) fn note_undelivered(&mut self, room: &Arc<Room>) {
        if !self.undelivered.iter().any(|known| Arc::ptr_eq(known, room)) {
            self.undelivered.push(Arc::clone(room));
        }
    }

    /// Delivers what is pending in the rooms noted.
    pub(super) fn deliver(&mut self) {
        for room in self.undelivered.drain(..) {
            room.deliver_pending();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;
    use crate::access::address::address_key;
    use crate::chat::names::UserName;
    use crate::config::Config;
    use crate::hub::Hub;
    use crate::hub::roster::{PeerAddress, User};
    use crate::outbox::Outbox;
    use crate::ui::screen::Clock;

    fn hub() -> (Arc<Hub>, Arc<Room>) {
        let clock = Clock::new(jiff::tz::TimeZone::UTC);
        let hub = Arc::new(Hub::new(Config::default(), clock, None, mpsc::channel().0, None));
        let room = hub.rooms.find(&RoomName::parse("general").expect("a name")).expect("the room of every server");
        (hub, room)
    }

    fn user(hub: &Hub, name: &str) -> Arc<User> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).expect("connected");
        let outbox = Outbox::new(hub.next_client(), stream, Arc::clone(&hub.slow_readers));
        let name = UserName::parse(name, 3, 12).expect("a name");
        let origin = PeerAddress { address: address_key(address.ip()), shared: true };
        hub.roster.claim(&name, None, 12, &outbox, origin, Instant::now()).expect("the name is free")
    }

    fn join(rooms: &mut JoinedRooms, hub: &Arc<Hub>, room: &Arc<Room>, user: &User) {
        let (membership, _) =
            Membership::enter(hub, room, user, None, rooms.next_id(), Instant::now()).expect("the room is public");
        rooms.add(JoinedRoom { membership, as_operator: false, read: 0 });
    }

    #[test]
    fn an_earlier_membership_that_is_lost_leaves_the_later_one_alone() {
        let (hub, room) = hub();
        let alice = user(&hub, "alice");
        let mut rooms = JoinedRooms::default();
        join(&mut rooms, &hub, &room, &alice);
        let first = rooms.get(room.id()).expect("alice is in it").id();
        assert!(rooms.remove(room.id()).is_some() && rooms.get(room.id()).is_none());
        join(&mut rooms, &hub, &room, &alice);
        let second = rooms.get(room.id()).expect("alice is in it again").id();
        assert_ne!(first, second);
        rooms.lose(Some(first));
        rooms.lose(None);
        assert!(rooms.get(room.id()).is_some());
        rooms.lose(Some(second));
        assert_eq!(
            (rooms.rooms().count(), room.others(alice.client(), second)),
            (0, None),
            "dropping it leaves the room"
        );
    }

    #[test]
    fn leaving_all_rooms_closes_the_view() {
        let (hub, room) = hub();
        let bob = user(&hub, "bob");
        let mut rooms = JoinedRooms::default();
        join(&mut rooms, &hub, &room, &bob);
        assert!(rooms.named(room.name()).is_some() && !rooms.is_full());
        rooms.open_view(Arc::clone(&room));
        assert!(rooms.is_viewed(room.id()));
        assert_eq!(rooms.take_all().len(), 1);
        assert!(rooms.viewed().is_none() && rooms.close_view().is_none() && rooms.named(room.name()).is_none());
    }

    #[test]
    fn a_room_is_delivered_once_however_often_it_is_noted() {
        let (_, room) = hub();
        let mut rooms = JoinedRooms::default();
        rooms.note_undelivered(&room);
        rooms.note_undelivered(&room);
        assert_eq!(rooms.undelivered.len(), 1);
        rooms.deliver();
        assert!(rooms.undelivered.is_empty());
    }
}
