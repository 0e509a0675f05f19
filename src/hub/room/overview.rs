//! What users see of a room: its view, its members, and its row in lists.
//!
//! *Owns* opening and closing the view, and what each user may know of the room.
//! *Knows nothing of* how lists are laid out.

use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(feature = "json")]
use super::Since;
use super::header::header;
use super::{Batch, LockedRoom, Room};
use crate::chat::action::{Actor, Denied, ReadBack};
use crate::chat::message::ClientId;
use crate::chat::names::UserName;
use crate::chat::permission::{Permission, Role};
use crate::chat::room::{Creation, Member};
use crate::chat::room_settings::RoomSettings;
use crate::outbox::Outbox;
use crate::ui::screen::Prompt;

/// What a user may know of a room.
#[derive(Clone, Debug)]
pub struct RoomOverview {
    /// How it is set up.
    pub config: RoomSettings,
    /// How it came to be, if a user created it.
    pub made: Option<Creation>,
    /// It was created by a user and is kept.
    pub kept: bool,
    /// Members in it.
    pub people: usize,
    /// Messages ever said in it.
    pub said: u64,
    /// Between two messages of one user.
    pub slow: Duration,
    /// How far back users may read.
    pub read_back: ReadBack,
}

/// A member of a room, for lists.
#[derive(Clone, Debug)]
pub(crate) struct Occupant {
    /// As shown.
    pub name: UserName,
    pub client: ClientId,
    /// When they came in.
    pub since: Instant,
    /// What they are to the room.
    pub role: Role,
}

/// A room's figures for metrics.
#[cfg(feature = "metrics")]
pub(crate) struct RoomFigures {
    /// A user made it.
    pub(crate) is_made: bool,
    /// Who has it in view.
    pub(crate) in_view: usize,
    /// Senders that wait until its queue has room.
    pub(crate) waiting: usize,
}

impl Room {
    /// What a user may know of the room; `None` if they may not even know that it exists.
    pub(crate) fn facts(&self, actor: &Actor, now: Instant) -> Option<RoomOverview> {
        let state = self.lock();
        let room = &state.room;
        room.permits(actor, Permission::Know, self.now(now).at).then(|| RoomOverview {
            config: room.settings().clone(),
            made: room.created().cloned(),
            kept: room.is_kept(),
            people: room.member_count(),
            said: room.said(),
            slow: room.slow(),
            read_back: room.read_back(),
        })
    }

    /// Whether a connection is a member.
    pub(crate) fn has_member(&self, client: ClientId) -> bool {
        self.lock().room.member(client).is_some()
    }

    /// Whether a user may know that the room exists.
    pub(crate) fn is_known_to(&self, actor: &Actor, now: Instant) -> bool {
        self.lock().room.permits(actor, Permission::Know, self.now(now).at)
    }

    /// How the room is set up, for a user who may read it.
    pub(crate) fn settings(&self, actor: &Actor, now: Instant) -> Result<RoomOverview, Denied> {
        let permitted = self.lock().room.permits(actor, Permission::Read, self.now(now).at);
        let facts = permitted.then(|| self.facts(actor, now)).flatten();
        facts.ok_or_else(|| Denied::NotIn(self.name.clone()))
    }

    /// Its description, which may be empty.
    pub(crate) fn topic(&self) -> String {
        self.lock().room.settings().description.clone()
    }

    /// Whether everybody may know that it exists.
    pub(crate) fn is_public(&self) -> bool {
        self.lock().room.settings().public
    }

    /// Whether a member is an admin here, with others in the room.
    pub(crate) fn keeps_order(&self, actor: &Actor, now: Instant) -> bool {
        let state = self.lock();
        state.room.member_count() > 1 && state.room.role(actor, self.now(now).at) >= Role::Admin
    }

    /// Whether a user is an admin here, or may do what admins do.
    pub(crate) fn is_admin(&self, actor: &Actor, now: Instant) -> bool {
        self.lock().room.role(actor, self.now(now).at) >= Role::Admin
    }

    /// Whether a user may close the room for good. Those of the server stay.
    pub(crate) fn can_destroy(&self, actor: &Actor, now: Instant) -> bool {
        self.is_made() && self.lock().room.role(actor, self.now(now).at) >= Role::Owner
    }

    /// Whether a member is muted.
    pub(crate) fn is_muted(&self, actor: &Actor, now: Instant) -> bool {
        self.lock().room.role(actor, self.now(now).at) == Role::Muted
    }

    /// Whether the room hides from a returning user what was said while they were away.
    pub(crate) fn hides_past(&self) -> bool {
        self.read_back() == ReadBack::Nothing
    }

    /// How far back users may read here.
    pub(crate) fn read_back(&self) -> ReadBack {
        self.lock().room.read_back()
    }

    /// Its members, in the order in which they connected; none for a user who may not read here.
    pub(crate) fn occupants(&self, actor: &Actor, now: Instant) -> Vec<Occupant> {
        let state = self.lock();
        let at = self.now(now).at;
        if !state.room.permits(actor, Permission::Read, at) {
            return Vec::new();
        }
        let occupant = |member: &Member| Occupant {
            name: member.who.name.clone(),
            client: member.who.client,
            since: self.shared.moment(member.since).unwrap_or(now),
            role: state.room.role_of(member, at),
        };
        state.room.members().map(occupant).collect()
    }

    /// Opens the room's view for one of its members: who is here, the last `count` messages, and live text from exactly
    /// there on. False if they are no member.
    pub(crate) fn open_view(&self, client: ClientId, count: usize, now: Instant) -> bool {
        #[cfg(feature = "json")]
        if self.is_program(client) {
            return self.watch(client, Since::Last(count), now).is_some();
        }
        let mut guard = self.lock_to_show(now);
        let LockedRoom { room, seats, in_view, viewers, sequence, .. } = &mut *guard;
        let header = header(room, client);
        let (history, after) = (room.last_readable(client, count), room.boundary(client));
        let Some(seat) = seats.get_mut(&client) else { return false };
        if !seat.in_view {
            seat.in_view = true;
            *in_view += 1;
            *viewers = None;
        }
        let topic = match room.settings().description.as_str() {
            "" => String::new(),
            topic => ["Topic: ", topic].concat(),
        };
        let outbox = Arc::clone(&seat.outbox);
        let place = Prompt::ChatView(self.conversation());
        outbox.open_view(self.instance, *sequence, &place, &[&header, &topic], &history, &mut self.clock.clone());
        outbox.set_read_limit(self.instance, after);
        true
    }

    /// Closes the view of a member on a terminal; returns how many messages have been said here.
    pub(crate) fn close_view(&self, client: ClientId) -> u64 {
        let mut guard = self.lock();
        let LockedRoom { room, seats, in_view, viewers, .. } = &mut *guard;
        if let Some(seat) = seats.get_mut(&client).filter(|seat| !seat.outbox.is_program())
            && std::mem::take(&mut seat.in_view)
        {
            *in_view -= 1;
            *viewers = None;
            seat.outbox.leave_room(self.instance);
        }
        room.said()
    }

    /// The room's figures for metrics.
    #[cfg(feature = "metrics")]
    pub(crate) fn figures(&self) -> RoomFigures {
        let state = self.lock();
        RoomFigures { is_made: state.room.created().is_some(), in_view: state.in_view, waiting: state.waiting }
    }

    /// Whether a connection has the room in view.
    pub(crate) fn is_viewed_by(&self, client: ClientId) -> bool {
        self.lock().is_viewed_by(client)
    }

    /// Brings one viewer's screen up to the newest event, ahead of the delivering thread, so that their own lines
    /// appear above the reply to their next one.
    pub(crate) fn catch_up(&self, outbox: &Outbox) {
        let state = self.lock();
        if !outbox.is_behind(self.instance, state.sequence) {
            return;
        }
        let in_flight = state.in_flight.iter().flat_map(|batch| batch.iter());
        let events: Vec<_> = in_flight.chain(&state.queue).cloned().collect();
        let mut batch = Batch::new(&self.id, Arc::clone(&self.prompt), &events, self.clock.clone());
        outbox.catch_up(&mut batch);
        self.note_pushed(batch.take_pushed());
    }
}

impl LockedRoom {
    /// Whether a connection has the room in view.
    pub(super) fn is_viewed_by(&self, client: ClientId) -> bool {
        self.seats.get(&client).is_some_and(|seat| seat.in_view)
    }
}
