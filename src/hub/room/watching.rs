//! Programs that get the events of a room, independently of other rooms.
//!
//! *Owns* the boundary between a room's past and its live text for a program. *Knows nothing of* how either is written.

use std::ops::RangeInclusive;
use std::sync::Arc;
#[cfg(feature = "cluster")]
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Batch, LockedRoom, Room};
use crate::chat::action::Actor;
use crate::chat::message::{ClientId, Event, MessageId};
use crate::chat::permission::Permission;
use crate::chat::room::RoomState;
use crate::outbox::WatchedRoom;

/// How much of the past a program gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// This many messages.
    Last(usize),
    /// All messages after this one, which the program has seen.
    Message(MessageId),
}

/// What a program was sent of a room's past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    /// Messages that its user can see.
    pub(crate) messages: usize,
    /// Something that was said after the message it named is missing.
    pub(crate) gap: bool,
}

/// What a member has missed, and whether some of that is gone. Not inlined, so that it is off the stack when it is written.
#[inline(never)]
fn past(room: &RoomState, client: ClientId, since: Since, last_given: MessageId) -> (Vec<Arc<Event>>, bool) {
    match since {
        Since::Last(count) => (room.last_readable(client, count), false),
        // A number that was not given out yet comes from before a restart without a database.
        Since::Message(id) if id > last_given => (room.last_readable(client, usize::MAX), true),
        Since::Message(id) => {
            let newer = |event: &Arc<Event>| event.message().is_some_and(|message| message.id > id);
            let all = room.history().last(usize::MAX).iter().filter(|event| newer(event)).count();
            let mut events = room.last_readable(client, all);
            events.retain(newer);
            let hidden = events.len() < all;
            (events, hidden || !room.history().reaches_back_to(id))
        }
    }
}

/// What happened to messages that a program saw before this run of the room or the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SeenBefore {
    /// They are here, as far back as the history reaches.
    Kept,
    /// Unknown, because this room's messages are not stored.
    Unknown,
    /// The server was stopped before it had stored the ones with these numbers.
    Lost(RangeInclusive<u64>),
}

impl Room {
    /// What happened to the messages up to one that a program has seen.
    pub(crate) fn seen_before(&self, seen: MessageId) -> SeenBefore {
        if self.is_in_log() {
            return SeenBefore::Kept;
        }
        let state = self.lock();
        let run = self.shared.earlier.get().filter(|run| seen <= run.last && run.last > MessageId(0));
        // The server's own rooms are there before anything is restored.
        let restored = state.restored_up_to.or((self.begins_after == MessageId(0)).then_some(MessageId(0)));
        match (self.recorder(&state), run) {
            (None, Some(_)) => SeenBefore::Unknown,
            // An earlier room of this name has taken its messages with it.
            (None, None) if MessageId(0) < seen && seen < self.begins_after => SeenBefore::Unknown,
            (Some(_), Some(run)) if run.broke_off => match restored.map(|last| last.0.saturating_add(1)..=run.last.0) {
                Some(lost) if !lost.is_empty() => SeenBefore::Lost(lost),
                Some(_) | None => SeenBefore::Kept,
            },
            (Some(_) | None, _) => SeenBefore::Kept,
        }
    }

    /// A user can read everything said after this message, except what was deleted, among the messages in memory.
    pub(crate) fn complete_after(&self, actor: &Actor, now: Instant) -> MessageId {
        let state = self.lock();
        if !state.room.permits(actor, Permission::Read, self.now(now).at) {
            return MessageId(u64::MAX);
        }
        let begun = self.shared.earlier.get().map_or(MessageId(0), |run| run.last).max(self.begins_after);
        let begun = if self.recorder(&state).is_some() || self.is_in_log() { MessageId(0) } else { begun };
        let dropped = state.room.history().complete_after().unwrap_or(MessageId(0));
        state.room.boundary(actor.who.client).max(dropped).max(begun)
    }

    /// Whether several servers share it and so keep its messages for each other.
    #[cfg(feature = "cluster")]
    fn is_in_log(&self) -> bool {
        self.log().is_some()
    }

    #[cfg(not(feature = "cluster"))]
    fn is_in_log(&self) -> bool {
        false
    }

    /// Starts sending events to a member's program: the past, then live text from exactly there on. `None` if they are
    /// not a member. Nothing is sent before [`Outbox::settle`](crate::outbox::Outbox::settle).
    pub(crate) fn watch(&self, client: ClientId, since: Since, now: Instant) -> Option<Watched> {
        let mut guard = self.lock_to_show(now);
        self.finish_watching(&guard, client);
        let last_given = self.last_known(&guard);
        let LockedRoom { room, seats, in_view, viewers, has_programs, sequence, .. } = &mut *guard;
        let after = room.boundary(client);
        let seat = seats.get_mut(&client)?;
        if !seat.in_view {
            seat.in_view = true;
            *in_view += 1;
            *viewers = None;
        }
        (seat.is_program, *has_programs) = (true, true);
        let (history, gap) = past(room, client, since, last_given);
        let outbox = Arc::clone(&seat.outbox);
        let name = self.name.as_str();
        let watched = WatchedRoom { room: self.instance, name, seen: *sequence, after, history: &history };
        let messages = outbox.watch_room(&watched);
        Some(Watched { messages, gap })
    }

    /// The highest number that a message can have had so far.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "this server gives the numbers"))]
    fn last_known(&self, state: &LockedRoom) -> MessageId {
        #[cfg(feature = "cluster")]
        if self.log().is_some() {
            let highest = MessageId(self.shared.highest.load(Ordering::Relaxed));
            return state.room.newest().map_or(highest, |newest| newest.max(highest));
        }
        self.last_given()
    }

    /// Whether a member is a program.
    pub(super) fn is_program(&self, client: ClientId) -> bool {
        self.lock().seats.get(&client).is_some_and(|seat| seat.outbox.is_program())
    }

    /// A program that watches the room already is brought up to its newest event first.
    #[inline(never)]
    fn finish_watching(&self, state: &LockedRoom, client: ClientId) {
        let Some(seat) = state.seats.get(&client).filter(|seat| seat.in_view) else { return };
        if seat.outbox.is_behind(self.instance, state.sequence) {
            let in_flight = state.in_flight.iter().flat_map(|batch| batch.iter());
            let events: Vec<_> = in_flight.chain(&state.queue).cloned().collect();
            let mut batch = Batch::new(&self.id, Arc::clone(&self.prompt), &events, self.clock.clone());
            seat.outbox.catch_up(&mut batch);
            self.note_pushed(batch.take_pushed());
        }
    }
}
