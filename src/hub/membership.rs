//! One stay of one connection in one room, as a value: dropping it leaves the room.
//!
//! A room keeps its members by connection. A member that nobody removes would stay in it forever and keep a socket
//! open. So every way in which a session can end, including early returns and panics, must leave the room. All of them
//! drop the session's fields, and that is enough.
//!
//! *Owns* the rule that nobody is in a room without one of these, and the tasks that follow from joining and leaving.
//! *Knows nothing of* what users are shown about it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::Hub;
use crate::chat::action::EnterError;
use crate::chat::conversation::MembershipId;
use crate::chat::message::ClientId;
use crate::chat::moderation::GRACE;
use crate::chat::room::{DoorVersion, Going};
use crate::hub::room::{Entrant, MembershipChange, Room};
use crate::hub::roster::User;
use crate::hub::timer::Task;

/// A stay in a room.
pub(crate) struct Membership {
    hub: Arc<Hub>,
    room: Arc<Room>,
    client: ClientId,
    id: MembershipId,
    left: bool,
}

impl Membership {
    /// Enters a room, with the door that the user's password has opened, if any. The change is for [`Hub::arrange`].
    pub(crate) fn enter(
        hub: &Arc<Hub>,
        room: &Arc<Room>,
        user: &User,
        opened: Option<DoorVersion>,
        id: MembershipId,
        now: Instant,
    ) -> Result<(Membership, MembershipChange), EnterError> {
        if room.is_unrestored() {
            hub.restore_late(room);
        }
        // Created before the user is in the room, so that no failure in between can leave them there.
        let membership =
            Membership { hub: Arc::clone(hub), room: Arc::clone(room), client: user.client(), id, left: false };
        let who = || (!user.is_gone()).then(|| hub.actor(user));
        let change = room.enter(Entrant { who: &who, outbox: &user.outbox, opened, membership: id }, now)?;
        Ok((membership, change))
    }

    /// Takes over another connection of the same account; true if that one had the room in view. `None` if it was not in
    /// the room.
    pub(crate) fn take_over(
        hub: &Arc<Hub>,
        room: &Arc<Room>,
        user: &User,
        from: ClientId,
        id: MembershipId,
        now: Instant,
    ) -> Option<(Membership, bool)> {
        let client = user.client();
        let membership = Membership { hub: Arc::clone(hub), room: Arc::clone(room), client, id, left: false };
        let who = || (!user.is_gone()).then(|| hub.actor(user));
        let in_view = room.hand_over(from, &who, &user.outbox, id, now)?;
        Some((membership, in_view))
    }

    /// Takes over the place that a user had on a server that has stopped. `None` if they are no longer a member.
    #[cfg(feature = "cluster")]
    pub(crate) fn take_up(
        hub: &Arc<Hub>,
        room: &Arc<Room>,
        user: &User,
        from: ClientId,
        id: MembershipId,
        now: Instant,
    ) -> Option<Membership> {
        let nodes = hub.nodes()?;
        let client = user.client();
        let mut membership = Membership { hub: Arc::clone(hub), room: Arc::clone(room), client, id, left: false };
        if !room.propose_return(&**nodes, from, &hub.actor(user), &user.outbox, id, now) {
            membership.left = true;
            return None;
        }
        Some(membership)
    }

    /// Gives up this stay without leaving the room, because the user may continue it on another server.
    #[cfg(feature = "cluster")]
    pub(crate) fn leave_behind(mut self) {
        self.left = true;
        self.room.vacate(self.client, self.id);
    }

    pub(crate) fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// The number of this stay.
    pub(crate) fn id(&self) -> MembershipId {
        self.id
    }

    /// How many others are in the room. `None` if this user was removed and has not been told yet.
    pub(crate) fn others(&self) -> Option<usize> {
        self.room.others(self.client, self.id)
    }

    /// Leaves the room. The change, if the user was still in it, is for [`Hub::arrange`].
    pub(crate) fn leave(mut self, going: Going, now: Instant) -> Option<MembershipChange> {
        self.left = true;
        self.hub.leave_room(&self.room, self.client, self.id, going, now)
    }
}

impl Drop for Membership {
    /// For a session that ended without `leave`. The room treats it as a lost connection.
    fn drop(&mut self) {
        if self.left {
            return;
        }
        let leave = || {
            let now = Instant::now();
            let change = self.hub.leave_room(&self.room, self.client, self.id, Going::Lost, now);
            if change.is_some_and(|change| self.hub.arrange(&self.room, change, now)) {
                self.room.deliver_pending();
            }
        };
        // A second panic, while the thread unwinds from the first, would abort the process.
        if catch_unwind(AssertUnwindSafe(leave)).is_err() {
            log::error!("client {} could not be removed from a room", self.client);
        }
    }
}

impl Hub {
    /// Takes a user out of a room. If other servers cannot be told now, retries until they can.
    fn leave_room(
        &self,
        room: &Arc<Room>,
        client: ClientId,
        membership: MembershipId,
        going: Going,
        now: Instant,
    ) -> Option<MembershipChange> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            return nodes.leave_room(room, client, membership, going, now);
        }
        room.leave(client, membership, going, now)
    }

    /// Schedules what follows from joining or leaving: batched notices, an heir, the end of an empty room. True if a
    /// notice has to be delivered now.
    pub(crate) fn arrange(&self, room: &Arc<Room>, change: MembershipChange, now: Instant) -> bool {
        if let Some(after) = change.gathering {
            self.timer.schedule(now + after, Task::FlushNews(Arc::downgrade(room)));
        }
        if change.heir_awaited {
            self.timer.schedule(now + GRACE, Task::NameHeir(Arc::downgrade(room)));
        }
        if change.empty {
            self.let_linger(room);
        }
        change.gathering.is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use jiff::tz::TimeZone;
    use socket2::{Domain, Socket, Type};

    use super::*;
    use crate::chat::names::{RoomName, UserName};
    use crate::config::Config;
    use crate::outbox::Outbox;
    use crate::ui::screen::Clock;

    struct MembershipScene {
        hub: Arc<Hub>,
        room: Arc<Room>,
        user: Arc<User>,
    }

    fn scene() -> MembershipScene {
        let (requests, _) = mpsc::channel();
        let hub = Arc::new(Hub::new(Config::default(), Clock::new(TimeZone::UTC), None, requests, None));
        let (ours, _) = Socket::pair(Domain::UNIX, Type::STREAM, None).expect("a pair");
        let outbox = Outbox::new(hub.next_client(), ours.into(), Arc::clone(&hub.slow_readers));
        let name = UserName::parse("alice", 1, 12).expect("a name");
        let address = crate::hub::roster::PeerAddress { address: std::net::Ipv4Addr::LOCALHOST.into(), shared: false };
        let user = hub.roster.claim(&name, None, 12, &outbox, address, Instant::now()).expect("free");
        let room = hub.rooms.find(&RoomName::parse("general").expect("a name")).expect("a room");
        MembershipScene { hub, room, user }
    }

    impl MembershipScene {
        fn enter(&self, id: u64) -> Result<(Membership, MembershipChange), EnterError> {
            Membership::enter(&self.hub, &self.room, &self.user, None, MembershipId(id), Instant::now())
        }
    }

    #[test]
    fn whatever_drops_a_membership_leaves_the_room() {
        let scene = scene();
        let (membership, _) = scene.enter(1).expect("in");
        assert_eq!((scene.room.count(), membership.others()), (1, Some(0)));
        drop(membership);
        assert_eq!(scene.room.count(), 0);
        let (membership, _) = scene.enter(2).expect("in");
        let panicking = std::thread::spawn(move || {
            let _held = membership;
            panic!("as planned");
        });
        assert!(panicking.join().is_err());
        assert_eq!(scene.room.count(), 0);
        let (membership, _) = scene.enter(3).expect("in");
        assert!(membership.leave(Going::Asked, Instant::now()).is_some());
        assert_eq!(scene.room.count(), 0);
    }

    #[test]
    fn a_membership_that_has_ended_takes_nobody_out_who_has_come_back() {
        let scene = scene();
        let (first, _) = scene.enter(1).expect("in");
        let (second, change) = scene.enter(2).expect("in already");
        assert_eq!((change.others, first.others(), second.others()), (0, None, Some(0)));
        drop(first);
        assert_eq!(scene.room.count(), 1);
        drop(second);
        assert_eq!(scene.room.count(), 0);
    }

    #[test]
    fn a_user_who_left_the_server_cannot_enter_a_room() {
        let scene = scene();
        scene.hub.roster.release(&scene.user);
        assert_eq!(scene.enter(1).err(), Some(EnterError::Closed));
        assert_eq!(scene.room.count(), 0);
    }
}
