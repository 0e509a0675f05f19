//! A room after this server was cut off, or after Redis has lost the room.
//!
//! *Owns* what is restored from here, what is taken over from the others, what viewers are told about it, and which users
//! become members again.
//! *Knows nothing of* when a server is cut off, or of how the log is read again.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Home, LogPlace, PlaceEntry};
use crate::chat::message::{ClientId, Event, EventKind, MessageId};
use crate::chat::room::{Change, ChangeKind, Member, RoomState, message_line};
use crate::cluster::{Commit, Effect};
use crate::hub::room::{LockedRoom, Room};
use crate::outbox::Expulsion;

/// How long a line waits for its user to be a member again, which takes a fraction of a second.
const RETURN_PATIENCE: Duration = Duration::from_secs(5);

/// Messages posted in the meantime that viewers are not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MissingMessages {
    /// Messages that the history no longer has.
    pub(crate) beyond_history: u64,
}

/// Commits that make users members again.
pub(crate) type ReturnClaims = Vec<(ClientId, Commit)>;

impl Room {
    /// The commit that restores the room and its history from this copy, if it has changed since the last entry that
    /// Redis has. Afterwards, local users are claimed as members again.
    pub(crate) fn rebuilding(&self, last: u64) -> Option<Commit> {
        let state = self.lock();
        let (room, from) = (&state.room, state.sharing.sequence);
        if from <= last || room.is_closed() {
            return None;
        }
        let core: Box<str> = room.core_line().into();
        let newest = room.newest().map_or(0, |id| id.0);
        let mut effects = vec![Effect::Core(core.clone()), Effect::Rebuilt { from, said: room.said(), newest }];
        let history = room.history().last(room.history_max());
        let kept = history.iter().rev().filter_map(|event| event.message());
        effects.extend(kept.map(|message| Effect::Kept(message.id.0, message_line(message).into())));
        Some(self.commit_of(room, None, effects, &PlaceEntry::Made(core)))
    }

    /// The commits that make local users members again, and the users who have been banned since, each with the line they
    /// see. Bound to this version of the room.
    pub(crate) fn returning(&self, now: Instant) -> (ReturnClaims, Vec<(ClientId, String)>) {
        let mut state = self.lock();
        let LockedRoom { room, seats, sharing, .. } = &mut *state;
        let at = self.now(now).at;
        // Others have left in the meantime.
        sharing.returning.retain(|client, _| seats.contains_key(client) && room.member(*client).is_none());
        self.space.notify_all();
        let is_banned = |member: &Member| {
            room.moderation().banned(&member.who, at).is_some()
                && room.moderation().rank(&member.who, at).is_none()
                && !member.operator
        };
        let (banned, allowed): (Vec<_>, Vec<_>) = sharing.returning.values().partition(|member| is_banned(member));
        let line = || format!("You were banned from {} while this server was away from the others.", self.name);
        let banned = banned.into_iter().map(|member| (member.who.client, line())).collect();
        let limit = room.settings().limit;
        let again = |member: &Member| {
            let limit = limit.filter(|_| !member.operator);
            let effect = Effect::Member { client: member.who.client, text: member.line().into(), limit };
            let kind = ChangeKind::Entered {
                who: member.who.clone(),
                operator: member.operator,
                as_operator: false,
                membership: member.membership,
                last: room.newest().unwrap_or(MessageId(0)),
                heir: false,
            };
            let entry = PlaceEntry::Change(Box::new(Change { at, kind }));
            (member.who.client, self.commit_of(room, Some(sharing.version), vec![effect], &entry))
        };
        (allowed.into_iter().map(again).collect(), banned)
    }

    /// Brings the room up to date after log entries were missed. Viewers are shown what was posted in the meantime, and
    /// how much the history no longer has. Local users who are no longer members keep their seats, because they are about
    /// to be claimed again.
    pub(crate) fn catch_up_with(
        &self,
        room: RoomState,
        homes: BTreeMap<ClientId, Home>,
        place: LogPlace,
    ) -> MissingMessages {
        let mut state = self.lock();
        let shown = state.room.newest();
        let is_new = |event: &Arc<Event>| event.message().map(|message| message.id) > shown;
        let missed: Vec<_> = room.history().last(usize::MAX).into_iter().filter(is_new).collect();
        let counted = state.room.said().saturating_sub(std::mem::take(&mut state.sharing.lost));
        // If the history reaches back to what is known here, the missing ones were deleted.
        let is_cut = missed.len() == room.history().last(usize::MAX).len() && state.sharing.sequence > 0;
        let others = room.said().saturating_sub(counted).saturating_sub(missed.len() as u64);
        // A Redis that has returned may have messages that its replacement did not; their place on the screens has
        // passed.
        let own = state.room.history();
        let passed = room.history().last(usize::MAX).into_iter().filter(|event| {
            let id = event.message().map(|message| message.id);
            id < shown && id > own.oldest() && id.is_some_and(|id| own.find(id).is_none())
        });
        let passed = if own.oldest().is_some() { passed.count() as u64 } else { 0 };
        let beyond_history = if is_cut { others } else { passed };
        // After a loss the counts are only lower bounds: more may be lost than was known here, or the room may have been
        // restored from another server's count.
        let is_torn = std::mem::take(&mut state.sharing.torn);
        let is_partial = room.said() > room.history().last(usize::MAX).len() as u64;
        let unsure = is_torn && is_partial && (is_cut && !missed.is_empty() || passed > 0);
        state.remember_own(&room);
        state.flush_presence();
        state.room = room;
        state.sharing.homes = homes;
        (state.sharing.version, state.sharing.sequence) = (place.version, place.sequence);
        if beyond_history > 0 {
            let messages = if beyond_history == 1 { "message is" } else { "messages are" };
            let at_least = if unsure { "At least " } else { "" };
            state.append(sentence(&format!("{at_least}{beyond_history} earlier {messages} missing here.")));
        } else if unsure {
            state.append(sentence("Earlier messages may be missing here."));
        }
        for event in missed {
            state.append(event);
        }
        self.space.notify_all();
        MissingMessages { beyond_history }
    }

    /// Messages posted here are lost; viewers are told. `counted`: how many of them the room will lack once it is
    /// reloaded.
    pub(crate) fn lose_messages(&self, counted: u64, line: &str) {
        let mut state = self.lock();
        state.sharing.lost += counted;
        state.sharing.torn = true;
        state.flush_presence();
        state.append(sentence(line));
    }

    /// Notes that this server is cut off: it will miss what is posted from now on.
    pub(crate) fn note_away(&self) {
        let mut state = self.lock();
        let said = state.room.said();
        state.sharing.said_before.get_or_insert(said);
    }

    /// Waits while a user is about to become a member again: their line is late, not refused. `None` if it takes too long.
    pub(super) fn wait_for_return<'a>(
        &'a self,
        state: MutexGuard<'a, LockedRoom>,
        user: ClientId,
    ) -> Option<MutexGuard<'a, LockedRoom>> {
        let is_returning = |state: &mut LockedRoom| state.sharing.returning.contains_key(&user);
        let waited = self.space.wait_timeout_while(state, RETURN_PATIENCE, is_returning);
        let (state, limit) = waited.unwrap_or_else(PoisonError::into_inner);
        (!limit.timed_out()).then_some(state)
    }

    /// Called when this server is back: how many messages were posted in the meantime.
    pub(crate) fn said_meanwhile(&self) -> u64 {
        let mut state = self.lock();
        let before = state.sharing.said_before.take();
        before.map_or(0, |before| state.room.said().saturating_sub(before))
    }

    /// Removes a local user who is no longer a member, and shows them why.
    pub(crate) fn put_out(&self, client: ClientId, line: &str) {
        let mut state = self.lock();
        let membership = state.sharing.returning.remove(&client).map(|member| member.membership);
        let membership = membership.or_else(|| state.room.member(client).map(|member| member.membership));
        let seat = state.take_seat(client, self.instance);
        drop(state);
        self.space.notify_all();
        if let Some(seat) = seat {
            seat.outbox.expel(&self.conversation(), membership, &Expulsion::Closed, line);
        }
    }
}

impl LockedRoom {
    /// Remembers local users who are in the room here but not in the shared state.
    fn remember_own(&mut self, next: &RoomState) {
        let gone = self.room.members().filter(|member| next.member(member.who.client).is_none()).cloned();
        let (own, others): (Vec<_>, Vec<_>) = gone.partition(|member| self.seats.contains_key(&member.who.client));
        self.sharing.returning.extend(own.into_iter().map(|member| (member.who.client, member)));
        self.sharing.returning.retain(|client, _| next.member(*client).is_none());
        self.sharing.vanished = others.into_iter().map(|member| member.who.client).collect();
    }
}

/// A sentence for all viewers of the room.
fn sentence(line: &str) -> Arc<Event> {
    let (news, people) = (line.into(), Box::default());
    Arc::new(Event::Happened { news, by: None, kind: EventKind::Other, people, crowd: None })
}
