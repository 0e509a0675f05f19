//! The path of a change on this server: into the room, to the store, and to the room's viewers.
//!
//! *Owns* what follows from each change besides the change to the room. *Knows nothing of* how it was decided.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{GATHER_ABOVE, LockedRoom, Room, Seat, gathering_time};
use crate::chat::action::Setting;
use crate::chat::conversation::MembershipId;
use crate::chat::identity::Identity;
use crate::chat::message::{AccountId, Addressee, ClientId, Event, EventKind, MessageId};
use crate::chat::room::{Change, ChangeKind, Going, Now, Occurrence};
use crate::outbox::{Expulsion, Outbox};
use crate::ui::screen::LineKind;

/// What is left to do once the room has changed.
enum Next {
    Nothing,
    /// This account may be a member for the first time. Holds what was known of it before.
    NoteMember(Option<(AccountId, Option<MessageId>)>),
    /// The same for a member whose identity changed, and who may now read something else.
    NoteIdentity(ClientId, Option<(AccountId, Option<MessageId>)>),
    /// A member was removed, and is told why.
    Expel(Box<Removal>),
    /// The room is kept from now on, and all of it is to be stored.
    StoreAll,
    /// How far back users may read has changed.
    BoundViews,
}

struct Removal {
    outbox: Arc<Outbox>,
    membership: Option<MembershipId>,
    why: Expulsion,
    line: String,
}

impl Room {
    /// The moment, for the rules of the room. Called under its lock, because the last message number given separates
    /// before and after.
    #[inline]
    pub(super) fn now(&self, now: Instant) -> Now {
        Now { at: self.shared.at(now), last: self.last_given() }
    }

    /// The same as [`carry_out`](Room::carry_out) for a message, the most frequent change.
    #[inline]
    pub(super) fn carry_out_post(&self, state: &mut LockedRoom, change: Change) {
        if let ChangeKind::Said(message) = &change.kind {
            self.record_said(state, message);
        }
        if let Some(event) = state.room.apply(change) {
            state.append(event);
        }
    }

    /// Carries out a change, with everything that follows from it on this server. If its news was batched,
    /// [`Room::flush_news`] is due after the time returned, which the caller has to schedule.
    ///
    /// Neither this nor what it calls is inlined: entering a room is the deepest call of a session, so all of this is
    /// part of every idle user's stack.
    #[inline(never)]
    pub(super) fn carry_out(&self, state: &mut LockedRoom, change: Change) -> Option<Duration> {
        let (next, gathering) = self.prepare(state, &change);
        if let Some(event) = state.room.apply(change) {
            state.show(event);
        }
        self.finish(state, next);
        gathering
    }

    /// The same for a change that stays where it is. Made for those who enter: a change on the stack, and the copies of it,
    /// would be part of every idle user's.
    #[inline(never)]
    pub(super) fn carry_out_borrowed(&self, state: &mut LockedRoom, change: &Change) -> Option<Duration> {
        let (next, gathering) = self.prepare(state, change);
        if let Some(event) = state.room.apply_borrowed(change) {
            state.show(event);
        }
        self.finish(state, next);
        gathering
    }

    /// If the room has lost its last admin, it passes to the member who has been in it longest, but not to one who has just
    /// been made an ordinary member.
    pub(super) fn find_heir(&self, state: &mut LockedRoom, passed_over: Option<ClientId>, now: Now) {
        for occurrence in [Occurrence::GracePassed, Occurrence::AdminMissing { passed_over }] {
            if let Some(change) = state.room.respond(occurrence, now) {
                self.carry_out(state, change);
            }
        }
    }

    /// What has to happen before the room changes.
    #[inline(never)]
    fn prepare(&self, state: &mut LockedRoom, change: &Change) -> (Next, Option<Duration>) {
        match &change.kind {
            ChangeKind::Said(message) => self.record_said(state, message),
            ChangeKind::Edited { id, text, .. } => self.record_edited(state, *id, text),
            ChangeKind::ArchivedEdited { message, .. } => self.record_edited(state, message.id, &message.text),
            ChangeKind::Deleted { id, .. } | ChangeKind::ArchivedDeleted { id, .. } => self.record_erased(state, *id),
            ChangeKind::Forgotten(since) => {
                let gone = state.room.history().before(*since);
                state.viewers().iter().for_each(|outbox| outbox.forget_on_screen(&gone));
            }
            ChangeKind::Entered { who, .. } => {
                let known = state.known_member(who);
                return (Next::NoteMember(known), state.tell_joined(who.addressee()));
            }
            ChangeKind::Identified { who, .. } => {
                return (Next::NoteIdentity(who.client, state.known_member(who)), None);
            }
            ChangeKind::Invited { guest, .. } => return (Next::NoteMember(state.known_member(guest)), None),
            ChangeKind::Left { client, going } => {
                state.take_seat(*client, self.instance);
                let who = state.room.member(*client).map(|member| member.who.addressee());
                return (Next::Nothing, who.and_then(|who| state.tell_left(who, *going)));
            }
            ChangeKind::TakenOver { from, .. } => drop(state.take_seat(*from, self.instance)),
            ChangeKind::Kicked { .. } | ChangeKind::Banned { .. } => return (self.expulsion(state, change), None),
            ChangeKind::Muted { .. }
            | ChangeKind::Unmuted { .. }
            | ChangeKind::Promoted { .. }
            | ChangeKind::Demoted { .. }
            | ChangeKind::Inherited(_) => self.tell_subject(state, change),
            ChangeKind::Set { setting: Setting::Keep(true), .. } => return (Next::StoreAll, None),
            ChangeKind::Set { setting: Setting::History(_), .. } => return (Next::BoundViews, None),
            ChangeKind::Set { .. }
            | ChangeKind::Expired(_)
            | ChangeKind::Reentered { .. }
            | ChangeKind::GraceEnded
            | ChangeKind::AccountForgotten(_)
            | ChangeKind::Unbanned { .. }
            | ChangeKind::Configured(_)
            | ChangeKind::HistoryResized(_)
            | ChangeKind::PasswordHashed(_)
            | ChangeKind::StorageEnded
            | ChangeKind::Closed
            | ChangeKind::Cleared => {}
        }
        (Next::Nothing, None)
    }

    #[inline(never)]
    fn finish(&self, state: &mut LockedRoom, next: Next) {
        match next {
            Next::Nothing => {}
            Next::NoteMember(known) => self.note_member(state, known),
            Next::NoteIdentity(client, known) => {
                self.note_member(state, known);
                state.bound_view(client, self.instance);
            }
            Next::Expel(removal) => {
                let Removal { outbox, membership, why, line } = *removal;
                outbox.expel(&self.conversation(), membership, &why, &line);
            }
            Next::StoreAll => {
                self.record_all(state);
                self.record_members(state);
            }
            Next::BoundViews => state.bound_views(self.instance),
        }
    }

    /// Stores since when an account is a member, if that is new.
    fn note_member(&self, state: &LockedRoom, known: Option<(AccountId, Option<MessageId>)>) {
        let Some((account, before)) = known else { return };
        if let Some(since) = state.room.member_since(account).filter(|since| before != Some(*since)) {
            self.record_member(state, account, since);
        }
    }

    #[inline(never)]
    fn expulsion(&self, state: &mut LockedRoom, change: &Change) -> Next {
        let Some((client, line)) = change.notice(&self.name) else { return Next::Nothing };
        // Which changes expel a member is decided where this is called.
        let why = if let ChangeKind::Banned { by, .. } = &change.kind {
            Expulsion::Banned(by.name.clone())
        } else if let ChangeKind::Kicked { by, .. } = &change.kind {
            Expulsion::Kicked(by.name.clone())
        } else {
            return Next::Nothing;
        };
        let membership = state.room.member(client).map(|member| member.membership);
        match state.take_seat(client, self.instance) {
            Some(seat) => Next::Expel(Box::new(Removal { outbox: seat.outbox, membership, why, line })),
            None => Next::Nothing,
        }
    }

    /// A member who is not viewing the room is told as well.
    #[inline(never)]
    fn tell_subject(&self, state: &LockedRoom, change: &Change) {
        let Some((client, line)) = change.notice(&self.name) else { return };
        if let Some(seat) = state.seats.get(&client).filter(|seat| !seat.in_view) {
            seat.outbox.announce(LineKind::News, &line);
        }
    }
}

impl LockedRoom {
    /// Queues an event for the room's viewers.
    #[inline(never)]
    fn show(&mut self, event: Arc<Event>) {
        match &*event {
            Event::Said(_) => self.append(event),
            Event::Edited { .. } => {
                let event = self.redrawn(event);
                self.append(event);
            }
            Event::Erased { .. } => {
                self.flush_presence();
                let event = self.redrawn(event);
                self.append(event);
            }
            Event::Happened { .. } => {
                self.flush_presence();
                self.append(event);
            }
        }
    }

    /// With many viewers, an erasure is only announced by a line: redrawing a screen costs as much as twenty lines.
    fn redrawn(&self, event: Arc<Event>) -> Arc<Event> {
        if self.redraws() { event } else { event.without_redraw() }
    }

    /// What is known of a user's account as a member.
    fn known_member(&self, who: &Identity) -> Option<(AccountId, Option<MessageId>)> {
        who.account.map(|account| (account, self.room.member_since(account)))
    }

    /// Removes a connection from those that get the room's events.
    pub(super) fn take_seat(&mut self, client: ClientId, room: u64) -> Option<Seat> {
        let seat = self.seats.remove(&client)?;
        if seat.in_view {
            self.in_view -= 1;
            self.viewers = None;
            seat.outbox.leave_room(room);
        }
        Some(seat)
    }

    /// Queues the news of an arrival, or batches it: then it is due after the time returned, unless that is scheduled
    /// already.
    #[inline(never)]
    fn tell_joined(&mut self, who: Addressee) -> Option<Duration> {
        if self.in_view > GATHER_ABOVE || self.digest.is_due() {
            return self.digest.joined(who).then(|| gathering_time(self.in_view));
        }
        // Not `format!`: this is deep in the call stack, and would cost every idle user another page of it.
        let news = [who.name.as_str(), " joined"].concat();
        self.tell_presence(news, EventKind::Joined, who);
        None
    }

    /// The same for a departure.
    #[inline(never)]
    fn tell_left(&mut self, who: Addressee, going: Going) -> Option<Duration> {
        if going == Going::ServerGone {
            self.digest.lost(who);
            return None;
        }
        if self.in_view > GATHER_ABOVE || self.digest.is_due() {
            return self.digest.left(who).then(|| gathering_time(self.in_view));
        }
        let reason = if going == Going::Idle { " (idle)" } else { "" };
        self.tell_presence(format!("{} left{reason}", who.name), EventKind::Left, who);
        None
    }

    fn tell_presence(&mut self, news: String, kind: EventKind, who: Addressee) {
        self.flush_presence();
        let (by, people) = (Some(who.client), [who].into());
        self.append(Arc::new(Event::Happened { news: news.into(), by, kind, people, crowd: None }));
    }
}
