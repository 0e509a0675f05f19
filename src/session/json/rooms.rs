//! Requests about rooms: entering, leaving and making them, and the live text of all rooms a program is in.
//!
//! *Owns* what a program is sent of a room's past when it enters, and that it is sent the events of every room it is in.
//! *Knows nothing of* doors and passwords.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Session;
use super::answer::Reply;
use super::perform::Action;
use crate::chat::conversation::{Conversation, MembershipId, RoomId};
use crate::chat::message::MessageId;
use crate::chat::names::RoomName;
use crate::chat::room::Going;
use crate::hub::room::{Room, SeenBefore, Since};
use crate::protocol::json::{JsonRequest, Value};
use crate::session::dispatch::reserve_effects;
use crate::session::failure::{ErrorCode, Failure};
use crate::session::joined_rooms::JoinedRoom;
use crate::ui::palette::{Answer, JoinedAs, fields};

/// Archived messages read at most for a program that comes back.
const MOST_MISSED: usize = 1000;

impl Session {
    /// Enters the room that an answer leads into, as the palette does it. The program learns of it from the answer to
    /// its request.
    fn enter_by_answer(&mut self, answer: Answer, since: Option<MessageId>) -> Result<Reply, Failure> {
        let Some((room, others, how)) = self.note_joined(answer) else { return Ok(Reply::default()) };
        let (gap, lost) = self.watch(&room, since);
        let mut optional = vec![("people", Value::Number(others as u64 + 1))];
        if matches!(how, JoinedAs::Creator | JoinedAs::Heir) {
            optional.push(("admin", Value::Flag(true)));
        }
        if since.is_some() {
            optional.push(("gap", Value::Flag(gap)));
        }
        if let Some(lost) = lost {
            optional.push(("lost_from", Value::Number(*lost.start())));
            optional.push(("lost_to", Value::Number(*lost.end())));
        }
        Ok(Reply { receiver: Some(room.name.to_string()), optional, ..Reply::default() })
    }

    /// Hands an answer to the palette. If it leads into a room, returns which, how many others are in it, and how the user came.
    #[inline(never)]
    fn note_joined(&mut self, answer: Answer) -> Option<(Arc<RoomId>, usize, JoinedAs)> {
        let Answer::Joined { room, others, how, .. } = &answer else {
            if let Some(refused) = self.note_answer(answer) {
                self.palette.answer(refused, &mut self.effects);
            }
            self.carry_out();
            return None;
        };
        let joined = (Arc::clone(room), *others, *how);
        // The palette's lines about it are for people.
        let mut words = Vec::new();
        reserve_effects(&mut words);
        self.palette.answer(answer, &mut words);
        Some(joined)
    }

    fn receiver<'a>(request: &'a JsonRequest<'_>) -> Result<&'a str, Failure> {
        match &request.receiver.0[..] {
            [room] => Ok(room),
            [] | [_, ..] => Err(Failure::new(ErrorCode::NoRoom, "The receiver names one room.")),
        }
    }

    pub(super) fn join_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        let room = self.room_to_join(request)?;
        let password = fields::room_password(request.optional.password.as_ref().map(|password| &*password.0));
        let answer = self.join(room, password, false);
        self.enter_by_answer(answer, request.optional.after.map(MessageId))
    }

    #[inline(never)]
    fn room_to_join(&self, request: &JsonRequest<'_>) -> Result<RoomName, Failure> {
        fields::room(Self::receiver(request)?, &self.rules())
            .map_err(|refusal| Failure::new(ErrorCode::NoRoom, refusal.to_string()))
    }

    pub(super) fn create_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        let password = request.optional.password.as_ref().map(|password| &*password.0);
        let (room, password) = fields::new_room(Self::receiver(request)?, password, &self.rules())?;
        let public = request.optional.public.unwrap_or(true);
        let answer = self.create(room, password, public).unwrap_or_else(Answer::RoomRefusal);
        self.enter_by_answer(answer, None)
    }

    pub(super) fn close_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        let closed = self.room_of_request(request)?;
        let Some(JoinedRoom { membership, .. }) = closed.room().and_then(|id| self.rooms.remove(id)) else {
            return Ok(Reply::default());
        };
        self.let_go(membership, Going::Asked);
        self.palette.answer(Answer::Lost(closed.clone()), &mut Vec::new());
        Ok(Reply { receiver: Some(closed.to_string()), ..Reply::default() })
    }

    /// Starts sending a room's events: its last messages, or those after one that the program has seen. Returns whether
    /// some are missing, and the ids of those that the server has lost.
    #[inline(never)]
    fn watch(&mut self, id: &RoomId, after: Option<MessageId>) -> (bool, Option<RangeInclusive<u64>>) {
        let Some(joined) = self.rooms.get(id) else { return (false, None) };
        let (room, membership) = (Arc::clone(joined.room()), joined.id());
        let (since, gap) = match after {
            None => (Since::Last(self.hub.config().chatview_max), false),
            Some(after) => {
                let (last, gap) = self.send_missed(&room, after);
                (Since::Message(last), gap)
            }
        };
        let (unknown, lost) = match after.map(|after| room.seen_before(after)) {
            None | Some(SeenBefore::Kept) => (false, None),
            Some(SeenBefore::Unknown) => (true, None),
            Some(SeenBefore::Lost(numbers)) => (false, Some(numbers)),
        };
        let Some(watched) = room.watch(self.outbox.id(), since, self.now()) else { return (true, lost) };
        self.note_watched(&room, membership);
        (watched.gap || gap || unknown, lost)
    }

    fn note_watched(&mut self, room: &Room, membership: MembershipId) {
        if let Some(json) = &mut self.json {
            json.watched.retain(|(_, instance)| *instance != room.instance());
            json.watched.push((membership, room.instance()));
        }
    }

    /// Sends what the archive has after a message and before memory. Returns the last message the program has then, and
    /// whether anything before it is missing.
    #[inline(never)]
    fn send_missed(&mut self, room: &Arc<Room>, after: MessageId) -> (MessageId, bool) {
        let now = self.now();
        let range = self.actor().and_then(|actor| room.archived_range(&actor, now));
        let Some(range) = range.filter(|range| range.is_any() && after.0.saturating_add(1) < range.before.0) else {
            return (after, false);
        };
        let mut missed = self.read_archived(room, range, MOST_MISSED);
        // Messages that cannot be read now are a gap, not a reason to refuse entry.
        let lacks = self.outbox.take_refusal().is_some();
        let number = |event: &Arc<crate::chat::message::Event>| event.message().map(|message| message.id);
        let reaches_back = missed.iter().any(|event| number(event) <= Some(after));
        missed.retain(|event| number(event) > Some(after));
        let Some(last) = missed.iter().filter_map(number).max() else { return (after, lacks) };
        self.outbox.list_messages(&missed, Some(room.name().as_str()));
        (last, !reaches_back)
    }

    /// Forgets rooms that this user is no longer in.
    pub(super) fn forget_lost_rooms(&mut self) {
        let Session { json: Some(json), rooms, outbox, .. } = self else { return };
        json.watched.retain(|(membership, instance)| {
            let is_in = rooms.has(*membership);
            if !is_in {
                outbox.unwatch_room(*instance);
            }
            is_in
        });
    }

    /// Makes all rooms live that a program is in, also those it has entered by a command or at its login.
    pub(super) fn watch_joined_rooms(&mut self, request: &JsonRequest<'_>) {
        self.forget_lost_rooms();
        let Some(json) = &self.json else { return };
        let is_new = |joined: &&JoinedRoom| !json.watched.iter().any(|(membership, _)| *membership == joined.id());
        let new: Vec<_> = self.rooms.joined().filter(is_new).map(|joined| Arc::clone(joined.room().id())).collect();
        // At a login, the program uses `join` and `after` to say what it has not seen.
        let is_login = Action::named(&request.action) == Some(Action::Login);
        for id in new {
            let Some(joined) = self.rooms.get(&id) else { continue };
            let (room, membership) = (Arc::clone(joined.room()), joined.id());
            let count = if is_login { 0 } else { self.hub.config().chatview_max };
            if room.watch(self.outbox.id(), Since::Last(count), self.now()).is_some() {
                self.note_watched(&room, membership);
            }
        }
    }

    /// Notes how far a user has read.
    pub(super) fn see_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        let Conversation::Room(id) = self.room_of_request(request)? else { return Ok(Reply::default()) };
        let Some(joined) = self.rooms.get(&id) else { return Ok(Reply::default()) };
        let room = Arc::clone(joined.room());
        self.note_seen(&room, request.optional.message.map(MessageId));
        Ok(Reply::default())
    }
}
