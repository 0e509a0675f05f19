//! A room that several servers share: a change is decided here, goes into the log of all servers, and is carried out when it is
//! read back from there, on each of them at the same place among the others.
//!
//! *Owns* what is decided on which version of the room, and what a change from the log does to the room here.
//! *Knows nothing of* the log, beyond that a change comes back from it or not.

mod effects;
mod place_entry;
mod posts;
mod proposals;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{LockedRoom, Room, Seat};
use crate::chat::action::NotShared;
use crate::chat::message::{ClientId, Event, EventKind, MessageId};
use crate::chat::room::{Change, ChangeKind, Going, Member, Occurrence, RoomState};
use crate::cluster::{Commit, Effect, Epoch, NodeName, Place};
use crate::outbox::{Expulsion, Outbox};

pub(crate) use place_entry::PlaceEntry;

/// How often a change is decided again because the room was changed by somebody else meanwhile. Only moderation and settings
/// count: an admin who changes them six times within a moment wants this one not to happen.
const DECIDED_AGAIN: usize = 5;

/// Why a proposal did not become a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProposalError {
    /// The room has another version by now, and has been brought up to it here.
    Stale,
    /// As many are in the room as are let in.
    Full,
    /// The log cannot be written, or not in time.
    NotShared(NotShared),
}

/// What has become of a room by a change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Applied {
    /// The number of a message that was said.
    pub(crate) id: Option<MessageId>,
    /// The sentence of what happened.
    pub(crate) news: String,
    /// Others in the room.
    pub(crate) others: usize,
    /// News is gathered: [`Room::flush_news`] is due after this time.
    pub(crate) gathering: Option<Duration>,
    /// The room may need another admin, now or later.
    pub(crate) heir_awaited: bool,
    /// Nobody is left in a room that a user created.
    pub(crate) empty: bool,
    /// Views may have to be redrawn later.
    pub(crate) redraw_due: bool,
    /// A temporary message was said, and ends after this time.
    pub(crate) lasts: Option<Duration>,
}

/// The log of all servers, as rooms use it.
pub(crate) trait RoomLog: Send + Sync {
    /// Puts a change into the log, and waits until it was carried out here. `author` is told while that takes long.
    fn commit(&self, commit: Commit, author: Option<&Arc<Outbox>>) -> Result<Applied, ProposalError>;
}

/// What a room has beside its state where servers share it.
#[derive(Default)]
pub(in crate::hub::room) struct RoomSharing {
    /// Counts what others' decisions depend on.
    version: u64,
    /// The number of the last entry of the log that was carried out here.
    sequence: u64,
    /// The servers that members are on.
    homes: BTreeMap<ClientId, Home>,
    /// Users of this server who are about to be members.
    arriving: BTreeMap<ClientId, Arc<Outbox>>,
    /// Users of this server who were members before it was away from the others, until they are again.
    returning: BTreeMap<ClientId, Member>,
}

/// Where an entry about a room stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogPlace {
    /// Its number.
    pub(crate) sequence: u64,
    /// The room's version after it.
    pub(crate) version: u64,
}

/// The server that a member is on, and which stay of it among the others.
pub(crate) type Home = (NodeName, Epoch);

impl Room {
    /// The log that this room's changes go through, if servers share it.
    pub(in crate::hub::room) fn log(&self) -> Option<&Arc<dyn RoomLog>> {
        self.shared.log.get()
    }

    /// Decides, and has the change carried out on all servers. `locked` takes the lock, `decide` looks at the room under it.
    pub(in crate::hub::room) fn propose<'a, E>(
        &'a self,
        log: &dyn RoomLog,
        author: ClientId,
        locked: impl Fn() -> MutexGuard<'a, LockedRoom>,
        decide: impl Fn(&LockedRoom) -> Result<Change, E>,
    ) -> Result<(ChangeKind, Applied), E>
    where
        E: From<ProposalError>,
    {
        for _ in 0..=DECIDED_AGAIN {
            let state = locked();
            let change = decide(&state)?;
            let kind = change.kind.clone();
            let commit = state.commit(self, &change);
            let outbox = state.seats.get(&author).map(|seat| Arc::clone(&seat.outbox));
            drop(state);
            match log.commit(commit, outbox.as_ref()) {
                Ok(applied) => return Ok((kind, applied)),
                Err(ProposalError::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ProposalError::NotShared(NotShared::TryAgain).into())
    }

    /// Has what follows from an occurrence carried out on all servers; nothing if nothing follows.
    pub(in crate::hub::room) fn propose_response(
        &self,
        log: &dyn RoomLog,
        occurrence: impl Fn() -> Occurrence,
        now: Instant,
    ) -> Result<Option<(ChangeKind, Applied)>, ProposalError> {
        let decide = |state: &LockedRoom| state.room.respond(occurrence(), self.now(now)).ok_or(None);
        match self.propose(log, ClientId::NONE, || self.lock(), decide) {
            Ok(done) => Ok(Some(done)),
            Err(None) => Ok(None),
            Err(Some(error)) => Err(error),
        }
    }

    /// The screen of a user who is about to be a member.
    pub(in crate::hub::room) fn expect_arrival(&self, outbox: &Arc<Outbox>) {
        self.lock().sharing.arriving.insert(outbox.id(), Arc::clone(outbox));
    }

    /// They are not coming.
    pub(in crate::hub::room) fn forget_arrival(&self, client: ClientId) {
        self.lock().sharing.arriving.remove(&client);
    }

    /// Carries out a change that was read from the log. `home`: the server that it comes from. Nothing if it is in the room
    /// already.
    pub(crate) fn apply_logged(&self, mut change: Change, home: &Home, place: LogPlace) -> Option<Applied> {
        let mut state = self.lock();
        if place.sequence <= state.sharing.sequence {
            return None;
        }
        (state.sharing.version, state.sharing.sequence) = (place.version, place.sequence);
        let last = state.room.newest().unwrap_or(MessageId(0));
        let mut applied = Applied::default();
        let kind = &mut change.kind;
        if let ChangeKind::Said(message) = kind {
            applied.id = Some(message.id);
            self.shared.highest.fetch_max(message.id.0, Ordering::Relaxed);
            applied.lasts = message.extra.as_ref().and_then(|extra| extra.lasts);
        } else if let ChangeKind::Entered { last: known, .. }
        | ChangeKind::Identified { last: known, .. }
        | ChangeKind::Invited { last: known, .. } = kind
        {
            // What was said between the decision and the arrival came before it for all.
            *known = last.max(*known);
        }
        if let ChangeKind::TakenOver { from, .. } = kind {
            state.sharing.homes.remove(from);
            state.sharing.returning.remove(from);
        }
        if let ChangeKind::Entered { who, .. } | ChangeKind::TakenOver { who, .. } = kind {
            state.sharing.homes.insert(who.client, home.clone());
            state.sharing.returning.remove(&who.client);
            if let Some(outbox) = state.sharing.arriving.remove(&who.client) {
                state.seats.insert(who.client, Seat { outbox, in_view: false, is_program: false });
            }
        }
        let (at, before) = (change.at, state.sequence);
        let erases =
            matches!(change.kind, ChangeKind::Edited { .. } | ChangeKind::Deleted { .. } | ChangeKind::Expired(_));
        if let ChangeKind::Said(_) = &change.kind {
            self.carry_out_post(&mut state, change);
        } else {
            applied.gathering = self.carry_out(&mut state, change);
        }
        if state.sequence > before {
            applied.news = state.last_news();
            applied.redraw_due = erases && state.redraws() && !std::mem::replace(&mut state.redraw_due, true);
        }
        state.note_outcome(&mut applied, at);
        Some(applied)
    }

    /// A server is gone, and with it all its users: they leave here as everywhere. `None` if none of them was here.
    pub(crate) fn lose_node(&self, home: &Home, at: Timestamp, sequence: u64) -> Option<Applied> {
        let mut state = self.lock();
        if sequence <= state.sharing.sequence {
            return None;
        }
        state.sharing.sequence = sequence;
        let lost = |(client, known): (&ClientId, &Home)| (known == home).then_some(*client);
        let gone: Vec<_> = state.sharing.homes.iter().filter_map(lost).collect();
        if gone.is_empty() {
            return None;
        }
        for client in gone {
            let kind = ChangeKind::Left { client, going: Going::ServerGone };
            self.carry_out(&mut state, Change { at, kind });
        }
        state.flush_gathered();
        let mut applied = Applied::default();
        state.note_outcome(&mut applied, at);
        Some(applied)
    }

    /// How many servers come before this one: the first of those with users here, by name, sees to what is due in the room,
    /// the next one a second later. The others come after them; `place`: of this one among all.
    pub(crate) fn turn_of(&self, node: &NodeName, place: usize) -> usize {
        let state = self.lock();
        let mut homes: Vec<&NodeName> = state.sharing.homes.values().map(|(home, _)| home).collect();
        homes.sort_unstable();
        homes.dedup();
        homes.binary_search(&node).unwrap_or(homes.len() + place)
    }

    /// The room is at this place of the log, without a change.
    pub(crate) fn note_place(&self, place: LogPlace) {
        let mut state = self.lock();
        (state.sharing.version, state.sharing.sequence) = (place.version, place.sequence);
    }

    /// The commit that makes the room on all servers as it is here, and those that make these users members of it.
    pub(crate) fn holdings(&self, is_own: impl Fn(ClientId) -> bool) -> (Commit, Vec<(ClientId, Commit)>) {
        let state = self.lock();
        let (room, at) = (&state.room, Timestamp::now());
        let commit = |version, effects, entry: PlaceEntry| Commit {
            place: Place::Room(self.name.clone()),
            version,
            effects,
            history_max: room.history_max(),
            text: entry.text().into(),
        };
        let core: Box<str> = room.core_line().into();
        let member = |member: &Member| {
            let effect = Effect::Member { client: member.who.client, text: member.line().into(), limit: None };
            let kind = ChangeKind::Entered {
                who: member.who.clone(),
                operator: member.operator,
                as_operator: false,
                membership: member.membership,
                last: room.newest().unwrap_or(MessageId(0)),
                heir: false,
            };
            let entry = PlaceEntry::Change(Box::new(Change { at, kind }));
            (member.who.client, commit(None, vec![effect], entry))
        };
        let own = room.members().filter(|member| is_own(member.who.client)).chain(state.sharing.returning.values());
        let made = commit(Some(0), vec![Effect::Core(core.clone())], PlaceEntry::Made(core));
        (made, own.map(member).collect())
    }

    /// Whether something would follow from an occurrence.
    pub(crate) fn would_respond(&self, occurrence: Occurrence, now: Instant) -> bool {
        self.lock().room.respond(occurrence, self.now(now)).is_some()
    }

    /// The number of the last entry of the log that was carried out here.
    pub(crate) fn log_sequence(&self) -> u64 {
        self.lock().sharing.sequence
    }

    /// The version of its rules here.
    pub(crate) fn version(&self) -> u64 {
        self.lock().sharing.version
    }

    /// The room begins at this place of the log.
    pub(crate) fn begin_at(&self, homes: BTreeMap<ClientId, Home>, place: LogPlace) {
        let mut state = self.lock();
        state.sharing.homes = homes;
        (state.sharing.version, state.sharing.sequence) = (place.version, place.sequence);
    }

    /// The room begins as all servers have it.
    pub(crate) fn begin_as(&self, room: RoomState) {
        self.lock().room = room;
    }

    /// Brings the room to what all servers have of it, after entries of the log were missed: viewers are shown what was said
    /// meanwhile. Users of this server who are no longer members keep their seats: they are about to be claimed again.
    pub(crate) fn catch_up_with(
        &self,
        room: RoomState,
        homes: BTreeMap<ClientId, Home>,
        place: LogPlace,
        is_own: impl Fn(ClientId) -> bool,
    ) {
        let mut state = self.lock();
        let shown = state.room.newest();
        let is_new = |event: &Arc<Event>| event.message().map(|message| message.id) > shown;
        let missed: Vec<_> = room.history().last(usize::MAX).into_iter().filter(is_new).collect();
        state.remember_own(&room, is_own);
        state.flush_gathered();
        state.room = room;
        state.sharing.homes = homes;
        (state.sharing.version, state.sharing.sequence) = (place.version, place.sequence);
        for event in missed {
            state.append(event);
        }
        self.space.notify_all();
    }

    /// The other servers know nothing of the room: only users of this one are in it, until they are claimed again.
    pub(crate) fn forget_others(&self, is_own: impl Fn(ClientId) -> bool) {
        let mut state = self.lock();
        let mut empty = state.room.clone();
        let others: Vec<_> = empty.members().map(|member| member.who.client).collect();
        for client in others {
            let kind = ChangeKind::Left { client, going: Going::ServerGone };
            empty.apply(Change { at: Timestamp::now(), kind });
        }
        state.remember_own(&empty, is_own);
        state.room = empty;
        state.sharing.homes.clear();
        (state.sharing.version, state.sharing.sequence) = (0, 0);
    }

    /// Users of this server who are about to be claimed as members again and were banned meanwhile, each with what they read.
    pub(crate) fn banned_meanwhile(&self, now: Instant) -> Vec<(ClientId, String)> {
        let (state, at) = (self.lock(), self.now(now).at);
        let moderation = state.room.moderation();
        let is_banned = |member: &&Member| {
            moderation.banned(&member.who, at).is_some()
                && moderation.rank(&member.who, at).is_none()
                && !member.operator
        };
        let line = || format!("You were banned from {} while this server was away from the others.", self.name);
        state.sharing.returning.values().filter(is_banned).map(|member| (member.who.client, line())).collect()
    }

    /// Takes a user of this server out of the room, who is no longer a member. They read why.
    pub(crate) fn put_out(&self, client: ClientId, line: &str) {
        let mut state = self.lock();
        let membership = state.sharing.returning.remove(&client).map(|member| member.membership);
        let membership = membership.or_else(|| state.room.member(client).map(|member| member.membership));
        let seat = state.take_seat(client, self.instance);
        drop(state);
        if let Some(seat) = seat {
            seat.outbox.expel(&self.conversation(), membership, &Expulsion::Closed, line);
        }
    }

    /// Shows a sentence to everybody who looks at the room.
    pub(crate) fn tell_all(&self, line: &str) {
        let news = line.trim_end_matches('.').into();
        let (by, people) = (None, Box::default());
        let event = Event::Happened { news, by, kind: EventKind::Other, people, crowd: None };
        let mut state = self.lock();
        state.flush_gathered();
        state.append(Arc::new(event));
    }
}

impl LockedRoom {
    /// Counts what others' decisions depend on.
    pub(in crate::hub::room) fn log_version(&self) -> u64 {
        self.sharing.version
    }

    /// Remembers the users of this server who are in the room here and not in what the others have of it.
    fn remember_own(&mut self, next: &RoomState, is_own: impl Fn(ClientId) -> bool) {
        let own =
            self.room.members().filter(|member| is_own(member.who.client) && next.member(member.who.client).is_none());
        let own: Vec<_> = own.map(|member| (member.who.client, member.clone())).collect();
        self.sharing.returning.extend(own);
        self.sharing.returning.retain(|client, _| next.member(*client).is_none());
    }

    fn note_outcome(&mut self, applied: &mut Applied, at: Timestamp) {
        let LockedRoom { room, sharing, .. } = self;
        if sharing.homes.len() > room.member_count() {
            sharing.homes.retain(|client, _| room.member(*client).is_some());
        }
        applied.others = room.member_count().saturating_sub(1);
        applied.empty = room.is_abandoned();
        let moderation = room.moderation();
        let without = moderation.awaits_since(at) || moderation.misses_admin(at) || !moderation.has_admin(at);
        applied.heir_awaited = without && room.created().is_some() && !room.is_closed();
    }
}
