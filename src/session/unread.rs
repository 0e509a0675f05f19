//! How far this user has read in each room, over all their visits, and how much is new since.
//!
//! *Owns* what counts as unread at a login, and when a room counts as read. *Knows nothing of* how this is stored.

use super::Session;
use crate::chat::message::{AccountId, MessageId};
use crate::chat::names::RoomName;
use crate::hub::AccountStore;
use crate::hub::room::Room;
use crate::store::Visit;
use crate::ui::screen::LineKind;

/// How far this user had read in a room.
#[derive(Debug)]
struct Visited {
    visit: Visit,
    /// The room of that name, if a user made it: the next room of the name was never read. A configured room stays the
    /// same however often a reload removes it and brings it back.
    instance: Option<u64>,
}

/// A room in which the disk holds more unread messages than memory does.
#[derive(Debug)]
struct Missed {
    room: RoomName,
    /// Tells it from a later room of its name.
    instance: u64,
    /// Unread messages at the login.
    count: u64,
    /// Messages that had been said in it by then.
    said: u64,
}

/// How far this user has read, if they have an account.
#[derive(Debug, Default)]
pub(super) struct ReadPositions {
    visited: Vec<Visited>,
    missed: Vec<Missed>,
}

impl ReadPositions {
    /// The last message read in a room, if it was ever visited.
    fn last_read(&self, room: &RoomName, instance: Option<u64>) -> Option<MessageId> {
        let is_it = |visited: &&Visited| visited.visit.room == *room && visited.instance == instance;
        self.visited.iter().find(is_it).map(|visited| visited.visit.last)
    }

    /// Unread messages in a room whose history is not all in memory, given that `said` messages have been posted in it.
    fn missed(&self, room: &RoomName, instance: u64, said: u64) -> Option<u64> {
        let missed = self.missed.iter().find(|missed| missed.room == *room && missed.instance == instance)?;
        Some(missed.count + said.saturating_sub(missed.said))
    }

    /// Notes that a room was read up to its end.
    fn note_read(&mut self, visit: Visit, instance: Option<u64>) {
        self.missed.retain(|known| known.room != visit.room);
        self.visited.retain(|known| known.visit.room != visit.room);
        self.visited.push(Visited { visit, instance });
    }

    /// Forgets all of it: this user has left or changed their account.
    pub(super) fn forget(&mut self) {
        *self = ReadPositions::default();
    }
}

/// How many messages are unread in each room.
type UnreadCounts = Vec<(RoomName, u64)>;

/// The instance of a room that a user made.
fn made_instance(room: &Room) -> Option<u64> {
    room.is_made().then(|| room.instance())
}

impl Session {
    /// Finds out how far this user has read, and how much is unread in each room.
    pub(super) fn load_unread(&mut self, account: AccountId) -> Vec<(RoomName, u64)> {
        let Some((visits, stored)) = self.visits_of(account) else { return Vec::new() };
        let on_disk = stored.is_some();
        let mut unread = stored.unwrap_or_default();
        if !on_disk {
            unread =
                visits.iter().filter_map(|visit| Some((visit.room.clone(), self.new_in(visit, account)?))).collect();
        }
        let missed = unread.iter().filter_map(|(name, count)| self.missed_in(name, *count, &visits, account)).collect();
        let visited = visits.into_iter().map(|visit| {
            let room = self.hub.rooms.find(&visit.room);
            Visited { instance: room.and_then(|room| made_instance(&room)), visit }
        });
        self.account.read = ReadPositions { visited: visited.collect(), missed };
        unread
    }

    /// How far an account has read, and what the disk counts as unread if it holds the messages. `None` if that cannot be read.
    #[inline(never)]
    fn visits_of(&self, account: AccountId) -> Option<(Vec<Visit>, Option<UnreadCounts>)> {
        match self.hub.account_store()? {
            AccountStore::Own(store) => {
                let on_disk = store.keeps_history();
                // A user who comes back at once may find their last actions not written yet. If the disk is in trouble,
                // what it holds is used.
                let _ = store.sync();
                let read = self.compute(move || {
                    let visits = store.visits(account)?;
                    let unread = if on_disk { Some(store.unread(account)?) } else { None };
                    Ok::<_, crate::store::ReadError>((visits, unread))
                });
                read.ok()?.ok()
            }
            #[cfg(feature = "cluster")]
            AccountStore::Shared(shared) => Some((self.visits_on_all_servers(account, shared)?, None)),
        }
    }

    /// Lists the rooms with unread messages.
    pub(super) fn tell_unread(&self, mut unread: Vec<(RoomName, u64)>) {
        unread.retain(|(name, count)| *count > 0 && self.may_hear_of(name));
        let told: Vec<_> = unread.iter().map(|(name, count)| format!("{name} {count}")).collect();
        if !told.is_empty() {
            self.outbox.tell(LineKind::News, &format!("New since your last visit: {}.", told.join(", ")));
        }
    }

    /// How many messages others have posted in a room since this visit, as far as memory reaches.
    fn new_in(&self, visit: &Visit, account: AccountId) -> Option<u64> {
        self.hub.rooms.find(&visit.room).map(|room| room.said_after(visit.last, Some(account), self.now()))
    }

    /// A room whose memory does not reach back to this user's last visit.
    fn missed_in(&self, name: &RoomName, count: u64, visits: &[Visit], account: AccountId) -> Option<Missed> {
        let room = self.hub.rooms.find(name)?;
        let held = visits.iter().find(|visit| visit.room == *name).and_then(|visit| self.new_in(visit, account))?;
        (count > held).then(|| Missed { room: name.clone(), instance: room.instance(), count, said: room.said() })
    }

    /// Whether this user may know what was said in a room while they were away: they can see it, or its door is open to
    /// them, and it shows newcomers what was said before.
    fn may_hear_of(&self, name: &RoomName) -> bool {
        let (Some(room), Some(actor)) = (self.hub.rooms.find(name), self.actor()) else { return false };
        if room.hides_past() {
            return false;
        }
        room.is_known_to(&actor, self.now()) || room.expects(&actor.who, self.now())
    }

    /// Messages that this user has not read in a room they have just entered.
    pub(super) fn unread_since_last_visit(&self, room: &Room) -> u64 {
        if room.hides_past() {
            return 0;
        }
        if let Some(missed) = self.account.read.missed(room.name(), room.instance(), room.said()) {
            return missed;
        }
        let account = self.user.as_ref().and_then(|user| user.account());
        let last = self.account.read.last_read(room.name(), made_instance(room));
        last.map_or(0, |last| room.said_after(last, account, self.now()))
    }

    /// Notes that this user has read a room up to its end.
    pub(super) fn note_visit(&mut self, room: &Room) {
        let account = self.user.as_ref().and_then(|user| user.account());
        let (Some(_), Some(account)) = (self.hub.account_store(), account) else { return };
        let visit = Visit { room: room.name().clone(), last: room.record_visit(account) };
        self.hub.share_visit(account, room, visit.last);
        self.account.read.note_read(visit, made_instance(room));
    }

    /// Notes that this user has read a room up to a message, or to its end.
    #[cfg(feature = "json")]
    pub(super) fn note_seen(&mut self, room: &Room, last: Option<MessageId>) {
        let (client, account) = (self.outbox.id(), self.user.as_ref().and_then(|user| user.account()));
        let unread = last.map_or(0, |last| room.said_after_by_others(last, client, account, self.now()));
        if let Some(joined) = self.rooms.get_mut(room.id()) {
            joined.read = room.said().cast_signed() - unread.cast_signed();
        }
        if let (Some(_), Some(account)) = (self.hub.account_store(), account) {
            let last = room.record_visit_up_to(account, last.unwrap_or(MessageId(u64::MAX)));
            self.hub.share_visit(account, room, last);
            self.account.read.note_read(Visit { room: room.name().clone(), last }, made_instance(room));
        }
    }

    /// Notes a first visit: nothing is unread before it, and from then on everything counts.
    pub(super) fn note_first_visit(&mut self, room: &Room) {
        if self.account.read.last_read(room.name(), made_instance(room)).is_none() {
            self.note_visit(room);
        }
    }

    /// Notes a visit of the room in view, before this user leaves or logs in to another account.
    pub(super) fn note_viewed(&mut self) {
        if let Some(room) = self.rooms.viewed().cloned() {
            self.note_visit(&room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).expect("a name")
    }

    fn visit(name: &str, last: u64) -> Visit {
        Visit { room: room(name), last: MessageId(last) }
    }

    #[test]
    fn a_later_room_of_the_same_name_was_never_read() {
        let mut read = ReadPositions::default();
        read.note_read(visit("games", 7), Some(1));
        assert_eq!(read.last_read(&room("games"), Some(1)), Some(MessageId(7)));
        assert_eq!(read.last_read(&room("games"), Some(2)), None);
        read.note_read(visit("games", 9), Some(2));
        assert_eq!(read.last_read(&room("games"), Some(1)), None, "one position per name");
        assert_eq!(read.last_read(&room("Games"), Some(2)), Some(MessageId(9)));
        read.forget();
        assert_eq!(read.last_read(&room("games"), Some(2)), None);
    }

    #[test]
    fn messages_missed_on_disk_count_until_the_room_is_read() {
        let mut read = ReadPositions::default();
        read.missed.push(Missed { room: room("games"), instance: 1, count: 500, said: 20 });
        assert_eq!(read.missed(&room("games"), 1, 20), Some(500));
        assert_eq!(read.missed(&room("games"), 1, 23), Some(503), "three were said since");
        assert_eq!(read.missed(&room("games"), 2, 23), None, "another room of the name");
        read.note_read(visit("games", 900), None);
        assert_eq!(read.missed(&room("games"), 1, 23), None);
    }
}
