//! Requests that list something: rooms, members, messages, people.
//!
//! *Owns* which facts such an object has. They are those that a list on a terminal shows, under the same rules.
//! *Knows nothing of* who may know what.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::Session;
use super::answer::Reply;
use crate::chat::action::Denied;
use crate::chat::conversation::Conversation;
use crate::chat::identity::Target;
use crate::chat::message::{Event, MessageId};
use crate::chat::permission::Role;
use crate::chat::room_settings::RoomAccess;
use crate::hub::roster::User;
use crate::protocol::json::{JsonRequest, Object, Receiver, Value};
use crate::session::archive::ArchivePage;
use crate::session::failure::{ErrorCode, Failure};
use crate::session::search::Found;
use crate::ui::palette::fields;

/// Most messages of one `history`.
const MOST_MESSAGES: u64 = 200;

/// An object in a list that answers a request.
fn item<'a>(action: &'a str, request: &'a JsonRequest<'_>) -> Object<'a> {
    let mut object = Object::new(action, Timestamp::now());
    object.optional.extend(request.id.as_deref().map(|id| ("request", Value::Text(id.into()))));
    object
}

fn text(text: impl Into<String>) -> Value<'static> {
    Value::Text(Cow::Owned(text.into()))
}

fn flag(object: &mut Object<'_>, key: &'static str, is_set: bool) {
    object.optional.push((key, Value::Flag(is_set)));
}

/// The wall clock's time of a moment in the past.
fn time_of(moment: Instant, now: Instant) -> Timestamp {
    let ago = SignedDuration::try_from(now.saturating_duration_since(moment)).unwrap_or_default();
    Timestamp::now().checked_sub(ago).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn whole_seconds(time: Duration) -> Value<'static> {
    Value::Number(time.as_secs())
}

impl Session {
    pub(super) fn send_rooms(&mut self, request: &JsonRequest<'_>) -> Reply {
        let Some(actor) = self.actor() else { return Reply::default() };
        let now = self.now();
        for room in self.hub.rooms.all() {
            let Some(facts) = room.facts(&actor, now) else { continue };
            let mut object = item("room", request);
            let name = room.name().as_str();
            object.receiver = Receiver::One(name.into());
            object.content = facts.config.description.as_str().into();
            object.optional.push(("name", Value::Text(name.into())));
            object.optional.push(("people", Value::Number(facts.people as u64)));
            let (limit, made) = (facts.config.limit, facts.made.as_ref());
            object.optional.push(("limit", limit.map_or(Value::Null, |limit| Value::Number(limit as u64))));
            object.optional.push(("creator", made.map_or(Value::Null, |made| text(made.by.to_string()))));
            object.optional.push(("since", made.map_or(Value::Null, |made| Value::Time(made.at))));
            let (password, closed) = match facts.config.entry {
                RoomAccess::Password(_) | RoomAccess::Hashed(_) => (true, false),
                RoomAccess::Closed => (false, true),
                RoomAccess::Open => (false, false),
            };
            flag(&mut object, "password", password);
            flag(&mut object, "invite", closed);
            flag(&mut object, "public", facts.config.public);
            flag(&mut object, "joined", self.rooms.get(room.id()).is_some());
            object.optional.push(("unread", Value::Number(self.unread(&room, &facts))));
            object.optional.push(("description", Value::Text(facts.config.description.as_str().into())));
            self.outbox.write_object(&object);
        }
        Reply::default()
    }

    pub(super) fn send_members(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        let conversation = self.room_of_request(request)?;
        let joined = conversation.room().and_then(|id| self.rooms.get(id));
        let (Some(joined), Some(actor)) = (joined, self.actor()) else { return Ok(Reply::default()) };
        let (room, now) = (Arc::clone(joined.room()), self.now());
        for occupant in room.occupants(&actor, now) {
            let target = Target { name: occupant.name.clone(), client: Some(occupant.client) };
            let user = self.hub.roster.find(&target);
            let name = occupant.name.as_str();
            let mut object = item("member", request);
            object.receiver = Receiver::One(room.name().as_str().into());
            object.sender = name.into();
            object.optional.push(("name", Value::Text(name.into())));
            object.optional.push(("user", text(format!("{name}#{}", occupant.client))));
            object.optional.push(("since", Value::Time(time_of(occupant.since, now))));
            self.describe(user.as_deref(), now, &mut object);
            flag(&mut object, "admin", matches!(occupant.role, Role::Owner | Role::Admin));
            flag(&mut object, "operator", occupant.role == Role::Operator);
            flag(&mut object, "muted", occupant.role == Role::Muted);
            self.outbox.write_object(&object);
        }
        Ok(Reply::default())
    }

    /// What everybody may know of a user.
    fn describe(&self, user: Option<&User>, now: Instant, object: &mut Object<'_>) {
        object.optional.push(("idle", whole_seconds(user.map(|user| user.idle(now)).unwrap_or_default())));
        let away = user.and_then(User::away);
        flag(object, "away", away.is_some());
        object.optional.extend(away.filter(|note| !note.is_empty()).map(|note| ("note", text(note))));
        flag(object, "registered", user.is_some_and(|user| user.account().is_some()));
        flag(object, "bot", user.is_some_and(User::is_bot));
    }

    pub(super) fn send_person(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        let [name] = &request.receiver.0[..] else {
            return Err(Failure::new(ErrorCode::NoPerson, "The receiver names one person."));
        };
        let target = fields::person(name, &self.rules())
            .map_err(|refusal| Failure::new(ErrorCode::NoPerson, refusal.to_string()))?;
        let Some(user) = self.hub.roster.find(&target) else { return Err(Denied::NotOnline(target).into()) };
        let now = self.now();
        let name = user.name();
        let mut object = item("person", request);
        object.sender = name.as_str().into();
        object.optional.push(("name", text(name.as_str())));
        object.optional.push(("user", text(format!("{name}#{}", user.client()))));
        object.optional.push(("since", Value::Time(time_of(user.since, now))));
        self.describe(Some(&user), now, &mut object);
        object.optional.push(("rooms", text(self.visible_rooms(&user).join(", "))));
        // Only for operators, as in `:whois`.
        let address = user.peer_address().filter(|_| self.actor().is_some_and(|actor| actor.operator));
        object.optional.extend(address.map(|address| ("address", text(address.to_string()))));
        self.outbox.write_object(&object);
        Ok(Reply::default())
    }

    pub(super) fn send_history(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        let wanted = request.optional.limit.unwrap_or(self.hub.config().chatview_max as u64).min(MOST_MESSAGES);
        let count = usize::try_from(wanted).unwrap_or(usize::MAX);
        let before = MessageId(request.optional.before.unwrap_or(u64::MAX));
        if request.private {
            let [name] = &request.receiver.0[..] else {
                return Err(Failure::new(ErrorCode::NoPerson, "The receiver names one person."));
            };
            let target = fields::person(name, &self.rules())
                .map_err(|refusal| Failure::new(ErrorCode::NoPerson, refusal.to_string()))?;
            let Some(user) = self.hub.roster.find(&target) else { return Err(Denied::NotOnline(target).into()) };
            let pair = self.hub.directs.find(self.outbox.id(), user.client());
            let said = last_before(pair.map(|pair| pair.history(usize::MAX)).unwrap_or_default(), before, count);
            self.outbox.list_history(&said, None);
            // Before this conversation began, the program may have seen an earlier one with the same person.
            return Ok(complete_from(said.first().and_then(number)));
        }
        let Conversation::Room(id) = self.room_of_request(request)? else { return Ok(Reply::default()) };
        let (Some(joined), Some(actor)) = (self.rooms.get(&id), self.actor()) else { return Ok(Reply::default()) };
        let (room, now) = (Arc::clone(joined.room()), self.now());
        let said = last_before(room.history(&actor, usize::MAX, now), before, count);
        // After it: a message that leaves memory in between must not be reported as present.
        let reaches_back = room.complete_after(&actor, now);
        let mut from = match said.first().and_then(number) {
            Some(oldest) if said.len() == count => Some(oldest),
            Some(_) | None => Some(MessageId(reaches_back.0.saturating_add(1))),
        };
        let archived = room.archived_range(&actor, now).filter(|_| said.len() < count);
        if let Some(mut older) = archived {
            // Messages that have left memory since are in `said` already.
            let oldest = said.first().and_then(number).unwrap_or(before);
            older.before = older.before.min(before).min(oldest);
            if older.is_any() {
                let ArchivePage { messages: older, complete_after } =
                    self.read_archive_page(&room, older, count - said.len());
                self.outbox.list_history(&older, Some(room.name().as_str()));
                let after = complete_after.or(said.first().and_then(number).map(|oldest| MessageId(oldest.0 - 1)));
                from = after.map(|after| MessageId(after.0.saturating_add(1)));
            }
        }
        self.outbox.list_history(&said, Some(room.name().as_str()));
        Ok(complete_from(from))
    }

    pub(super) fn search_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        let only = match &request.receiver.0[..] {
            [] => None,
            _ => Some(self.room_of_request(request)?),
        };
        if request.content.is_empty() {
            return Err(Failure::refused("The pattern is missing."));
        }
        let pattern = crate::text::sanitize(&request.content).into_owned();
        self.search(pattern, only.as_ref().and_then(Conversation::room).map(|room| &**room));
        Ok(Reply::default())
    }
}

fn number(event: &Arc<Event>) -> Option<MessageId> {
    event.message().map(|message| message.id)
}

/// Tells a program that it has been sent every message from this id on: any other that it knows from there on is gone.
fn complete_from(from: Option<MessageId>) -> Reply {
    Reply { optional: from.map(|from| ("from", Value::Number(from.0))).into_iter().collect(), ..Reply::default() }
}

/// The last `count` of the messages before one.
fn last_before(mut said: Vec<Arc<Event>>, before: MessageId, count: usize) -> Vec<Arc<Event>> {
    said.retain(|event| event.message().is_some_and(|message| message.id < before));
    said.split_off(said.len().saturating_sub(count))
}

impl Session {
    /// Sends what a search has found, newest first.
    #[inline(never)]
    pub(in crate::session) fn send_found(&self, found: &Found) {
        for hit in &found.hits {
            let room = (!hit.place.starts_with('@')).then_some(&*hit.place);
            self.outbox.list_hit(&hit.event, room, hit.range.clone());
        }
    }
}
