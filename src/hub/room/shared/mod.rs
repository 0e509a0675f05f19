//! A room that several servers share. A change is decided here, written to the shared log, and applied when it is read
//! back, on each server at the same point in the order.
//!
//! *Owns* which version of the room a decision is based on, and how a change from the log is applied.
//! *Knows nothing of* the log, except that a change comes back from it or does not.

mod effects;
mod place_entry;
mod posts;
mod proposals;
mod rejoining;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{LockedRoom, Room, RoomLimits, Seat};
use crate::chat::action::NotShared;
use crate::chat::message::{ClientId, MessageId};
use crate::chat::room::{Change, ChangeKind, Going, Member, Occurrence, RoomState};
use crate::cluster::{Commit, Effect, Epoch, NodeName, Place, SharedClock};
use crate::outbox::Outbox;

pub(crate) use place_entry::PlaceEntry;

/// How often a change is decided again because another one came first. Only moderation and settings count, and an admin
/// who changes them six times within a moment does not want this change to happen.
const DECIDED_AGAIN: usize = 5;

/// Why a proposal did not become a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProposalError {
    /// The room has a newer version, which this server has applied by now.
    Stale,
    /// The room has reached its limit.
    Full,
    /// The log could not be written, or not in time.
    NotShared(NotShared),
}

/// The result of a change to a room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Applied {
    /// The number of a posted message.
    pub(crate) id: Option<MessageId>,
    /// The sentence about what happened.
    pub(crate) news: String,
    /// Others in the room.
    pub(crate) others: usize,
    /// News is batched: [`Room::flush_news`] is due after this time.
    pub(crate) gathering: Option<Duration>,
    /// The room needs another admin, now or later.
    pub(crate) heir_awaited: bool,
    /// Nobody is left in a room that a user created.
    pub(crate) empty: bool,
    /// Views may have to be redrawn later.
    pub(crate) redraw_due: bool,
    /// A temporary message was posted and expires after this time.
    pub(crate) lasts: Option<Duration>,
}

/// The shared log, as rooms use it.
pub(crate) trait RoomLog: Send + Sync {
    /// Writes a change to the log and waits until this server has applied it. Tells `author` if that takes long.
    fn commit(&self, commit: Commit, author: Option<&Arc<Outbox>>) -> Result<Applied, ProposalError>;

    /// The clock that all servers share.
    fn clock(&self) -> Option<&SharedClock> {
        None
    }
}

impl RoomLimits {
    /// The time by the servers' shared clock, if there are several servers.
    #[inline]
    pub(crate) fn shared_at(&self, now: Instant) -> Option<Timestamp> {
        self.log.get()?.clock()?.at(now)
    }

    /// The moment at which that clock shows a time.
    pub(crate) fn shared_moment(&self, at: Timestamp) -> Option<Instant> {
        self.log.get()?.clock()?.moment(at)
    }
}

/// What a shared room has in addition to its state.
#[derive(Default)]
pub(in crate::hub::room) struct RoomSharing {
    /// The version of everything that others' decisions depend on.
    version: u64,
    /// The number of the last log entry applied here.
    sequence: u64,
    /// The servers that members are on.
    homes: BTreeMap<ClientId, Home>,
    /// Local users who are about to become members.
    arriving: BTreeMap<ClientId, Arc<Outbox>>,
    /// Local users who were members before this server was cut off, until they are members again.
    returning: BTreeMap<ClientId, Member>,
    /// The same for users of other servers. Nobody here was told that they left.
    vanished: BTreeSet<ClientId>,
    /// Lost messages that the room still counts.
    lost: u64,
    /// Something was lost since the room was last read. More may be lost than this server knew of.
    torn: bool,
    /// How many messages had been posted when this server was last connected to the others.
    said_before: Option<u64>,
}

/// The position of an entry about a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogPlace {
    /// Its number.
    pub(crate) sequence: u64,
    /// The room's version after it.
    pub(crate) version: u64,
}

/// The server that a member is on, and its registration.
pub(crate) type Home = (NodeName, Epoch);

impl Room {
    /// The log for this room's changes, if servers share it.
    pub(in crate::hub::room) fn log(&self) -> Option<&Arc<dyn RoomLog>> {
        self.shared.log.get()
    }

    /// Decides a change and has it applied on all servers. `locked` takes the lock; `decide` looks at the room under it.
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
            let Some(state) = self.wait_for_return(locked(), author) else {
                return Err(ProposalError::NotShared(NotShared::Unreachable).into());
            };
            let change = decide(&state)?;
            let kind = change.kind.clone();
            let commit = state.commit(self, &change, author);
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

    /// Has the consequences of an occurrence applied on all servers; does nothing if there are none.
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

    /// Remembers the screen of a user who is about to become a member.
    pub(in crate::hub::room) fn expect_arrival(&self, outbox: &Arc<Outbox>) {
        self.lock().sharing.arriving.insert(outbox.id(), Arc::clone(outbox));
    }

    /// They will not become a member.
    pub(in crate::hub::room) fn forget_arrival(&self, client: ClientId) {
        self.lock().sharing.arriving.remove(&client);
    }

    /// Applies a change read from the log. `home`: the server it comes from. `None` if the room already includes it.
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
            // Everything posted between the decision and the arrival came before it on all servers.
            *known = last.max(*known);
        }
        if let ChangeKind::TakenOver { from, .. } = kind {
            state.sharing.homes.remove(from);
            state.sharing.returning.remove(from);
        }
        let mut silent = false;
        let is_entry = matches!(kind, ChangeKind::Entered { .. });
        if let ChangeKind::Entered { who, .. } | ChangeKind::TakenOver { who, .. } = kind {
            let sharing = &mut state.sharing;
            sharing.homes.insert(who.client, home.clone());
            // Nobody here was told that they had left.
            let was_here = sharing.returning.remove(&who.client).is_some() | sharing.vanished.remove(&who.client);
            silent = was_here && is_entry;
            self.space.notify_all();
            if let Some(outbox) = state.sharing.arriving.remove(&who.client) {
                state.seats.insert(who.client, Seat { outbox, in_view: false, is_program: false });
            }
        }
        let (at, before) = (change.at, state.sequence);
        let erases =
            matches!(change.kind, ChangeKind::Edited { .. } | ChangeKind::Deleted { .. } | ChangeKind::Expired(_));
        if let ChangeKind::Said(_) = &change.kind {
            self.carry_out_post(&mut state, change);
        } else if silent {
            state.room.apply(change);
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

    /// A server is gone with all its users: they leave the room. `None` if none of them was here.
    pub(crate) fn lose_node(&self, home: &Home, at: Timestamp, sequence: u64) -> Option<Applied> {
        let mut state = self.lock();
        if sequence <= state.sharing.sequence {
            return None;
        }
        state.sharing.sequence = sequence;
        // Users of this server have not left: it was cut off, and claims them again once it has loaded the room.
        let is_own = |client: &ClientId| state.seats.contains_key(client);
        let lost = |(client, known): (&ClientId, &Home)| (known == home && !is_own(client)).then_some(*client);
        let gone: Vec<_> = state.sharing.homes.iter().filter_map(lost).collect();
        if gone.is_empty() {
            return None;
        }
        for client in gone {
            let kind = ChangeKind::Left { client, going: Going::ServerGone };
            self.carry_out(&mut state, Change { at, kind });
        }
        state.flush_presence();
        let mut applied = Applied::default();
        state.note_outcome(&mut applied, at);
        Some(applied)
    }

    /// How many servers have their turn before this one. Of the servers with users in the room, the first by name handles
    /// its deadlines, the next one a second later, and so on. Servers without users come last; `place` is this server's
    /// position among all.
    pub(crate) fn turn_of(&self, node: &NodeName, place: usize) -> usize {
        let state = self.lock();
        let mut homes: Vec<&NodeName> = state.sharing.homes.values().map(|(home, _)| home).collect();
        homes.sort_unstable();
        homes.dedup();
        homes.binary_search(&node).unwrap_or(homes.len() + place)
    }

    /// Moves the room to this position in the log without a change.
    pub(crate) fn note_place(&self, place: LogPlace) {
        let sharing = &mut self.lock().sharing;
        if place.sequence > sharing.sequence {
            (sharing.version, sharing.sequence) = (place.version, place.sequence);
        }
    }

    /// Builds a commit for this room.
    fn commit_of(&self, room: &RoomState, version: Option<u64>, effects: Vec<Effect>, entry: &PlaceEntry) -> Commit {
        Commit {
            place: Place::Room(self.name.clone()),
            version,
            effects,
            history_max: room.history_max(),
            text: entry.text().into(),
        }
    }

    /// The commit that creates the room on all servers in its initial state here.
    pub(crate) fn making(&self) -> Commit {
        let state = self.lock();
        let core: Box<str> = state.room.core_line().into();
        // If Redis has lost the room, a server that knows its history restores it.
        let effects = vec![Effect::Core(core.clone()), Effect::Rebuilt { from: 0, said: 0, newest: 0 }];
        self.commit_of(&state.room, Some(0), effects, &PlaceEntry::Made(core))
    }

    /// Whether an occurrence would have consequences.
    pub(crate) fn would_respond(&self, occurrence: Occurrence, now: Instant) -> bool {
        self.lock().room.respond(occurrence, self.now(now)).is_some()
    }

    /// The number of the last log entry applied here.
    pub(crate) fn log_sequence(&self) -> u64 {
        self.lock().sharing.sequence
    }

    /// The version of its rules on this server.
    pub(crate) fn version(&self) -> u64 {
        self.lock().sharing.version
    }

    /// Sets the room's initial position in the log.
    pub(crate) fn begin_at(&self, homes: BTreeMap<ClientId, Home>, place: LogPlace) {
        let mut state = self.lock();
        state.sharing.homes = homes;
        (state.sharing.version, state.sharing.sequence) = (place.version, place.sequence);
    }

    /// Sets the room's initial state, as all servers have it.
    pub(crate) fn begin_as(&self, room: RoomState) {
        self.lock().room = room;
    }
}

impl LockedRoom {
    /// The version of everything that others' decisions depend on.
    pub(in crate::hub::room) fn log_version(&self) -> u64 {
        self.sharing.version
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
