//! Events as JSON objects: what programs get where a terminal gets lines.
//!
//! | action | `id` | `sender` | `content` | in `optional` |
//! | --- | --- | --- | --- | --- |
//! | `message` | its number | the author | the text | see below |
//! | `edited` | the number | the author | the text as it is now | the same |
//! | `deleted` | the number | the user who deleted it | the sentence, empty if its reader ignores a user in it | |
//! | `expired` | the number | | the sentence | |
//! | `joined`, `left` | null | the user | the sentence | `more`: users who did the same and have no object of their own |
//! | `renamed` | null | the user, by the name they have now | the sentence | `before`: the former name |
//! | `kicked` | null | the admin | the sentence | `user`: who was removed; `ban`: they are banned as well |
//! | `room` | null | the admin | the sentence | `change`: `created`, `changed` or `gone`; `user`: whose role it was |
//! | `news` | null | | the sentence | |
//!
//! A message has in `optional` what applies to it: `action` (`:me`), `edited`, `temporary` (seconds) and `ends` (when
//! those are over), `reply_to` (the number it answers) with `quote` and `quote_sender`, `mention` (it names this user),
//! `history` (it was said before this user looked), `request` (the id of the request that it answers). `quote` is
//! missing if the text is gone or the reader ignores its author. When a message is edited or deleted, its quotes in
//! answers change with it; no further objects say so.
//!
//! `receiver` is the room. If `private` is true, it is the users that the object is for.
//!
//! *Owns* which fields each event has. *Knows nothing of* who may see what.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{LineKind, mentioned};
use crate::chat::message::{Addressee, ClientId, Crowd, ErasureCause, Event, EventKind, Extra, Message, MessageId};
use crate::chat::names::UserName;
use crate::protocol::json::{Id, Object, Receiver, Value};

/// Whether a user ignores the person on this connection, or of this name.
pub(crate) type Ignores<'a> = &'a dyn Fn(ClientId, &UserName) -> bool;

/// The program that reads an object, and why it gets it.
#[derive(Clone, Copy)]
pub(crate) struct ObjectReader<'a> {
    /// Its connection.
    pub(crate) client: ClientId,
    /// Its user's name, if messages that mention it are marked.
    pub(crate) name: Option<&'a UserName>,
    /// Who the user ignores; nobody for most.
    pub(crate) ignores: Option<Ignores<'a>>,
    /// The id of the request that the objects answer.
    pub(crate) request: Option<&'a str>,
    /// The objects are about the past.
    pub(crate) history: bool,
}

impl ObjectReader<'_> {
    /// Any member of a room, for objects that are the same for all of them.
    pub(crate) fn anybody() -> ObjectReader<'static> {
        ObjectReader { client: ClientId::NONE, name: None, ignores: None, request: None, history: false }
    }

    /// Whether a sentence that names these people is hidden. A sentence that names the reader never is.
    fn ignores_any(&self, people: &[Addressee]) -> bool {
        people.iter().any(|person| self.ignores(person)) && !people.iter().any(|person| person.client.is(self.client))
    }

    fn ignores(&self, person: &Addressee) -> bool {
        self.ignores.is_some_and(|ignores| !person.client.is(self.client) && ignores(person.client, &person.name))
    }
}

/// Appends an event as one or more objects, one kind of event per function: an object of each kind on the stack at once
/// would cost every program half a kilobyte of it. `room` is where it happened; `None` for direct messages. `now` is
/// the time of events that have none of their own.
pub(crate) fn render_objects(
    event: &Event,
    room: Option<&str>,
    reader: &ObjectReader<'_>,
    now: Timestamp,
    out: &mut Vec<u8>,
) {
    match event {
        Event::Said(message) => write_message("message", message, room, reader, out),
        Event::Edited { message, .. } => {
            if let Some(message) = message.message() {
                write_message("edited", message, room, reader, out);
            }
        }
        Event::Erased { id, cause, news, people, .. } => erased(*id, *cause, news, people, room, reader, now, out),
        Event::Happened { news, kind, people, crowd, .. } => {
            happened(*kind, news, people, crowd.as_deref(), room, reader, now, out);
        }
    }
}

#[inline(never)]
fn write_message(action: &str, message: &Message, room: Option<&str>, reader: &ObjectReader<'_>, out: &mut Vec<u8>) {
    message_object(action, message, room, reader).write(out);
}

#[inline(never)]
#[expect(clippy::too_many_arguments, reason = "the parts of one event, and where they go")]
fn erased(
    id: MessageId,
    cause: ErasureCause,
    news: &str,
    people: &[Addressee],
    room: Option<&str>,
    reader: &ObjectReader<'_>,
    now: Timestamp,
    out: &mut Vec<u8>,
) {
    let mut object = event_object(action_of(cause), room, now);
    object.id = Id::Number(id.0);
    // Erasures are always reported, because the program has the message on its screen.
    if !reader.ignores_any(people) {
        object.content = Cow::Borrowed(news);
        object.sender = sender(people.last().filter(|_| cause == ErasureCause::Deleted));
    }
    object.write(out);
}

fn action_of(cause: ErasureCause) -> &'static str {
    match cause {
        ErasureCause::Deleted => "deleted",
        ErasureCause::Expired => "expired",
    }
}

fn sender(person: Option<&Addressee>) -> Cow<'_, str> {
    Cow::Borrowed(person.map_or("", |person| person.name.as_str()))
}

/// An object about an event in a room or a direct chat.
fn event_object<'a>(action: &'a str, room: Option<&'a str>, now: Timestamp) -> Object<'a> {
    let mut object = Object::new(action, now);
    object.private = room.is_none();
    object.receiver = room.map_or(Receiver::Nobody, |room| Receiver::One(Cow::Borrowed(room)));
    object
}

#[inline(never)]
#[expect(clippy::too_many_arguments, reason = "the parts of one event, and where they go")]
fn happened(
    kind: EventKind,
    news: &str,
    people: &[Addressee],
    crowd: Option<&Crowd>,
    room: Option<&str>,
    reader: &ObjectReader<'_>,
    now: Timestamp,
    out: &mut Vec<u8>,
) {
    let action = match kind {
        EventKind::Joined => "joined",
        EventKind::Left => "left",
        EventKind::Renamed => "renamed",
        EventKind::Kicked | EventKind::Banned => "kicked",
        EventKind::Role | EventKind::Setting => "room",
        EventKind::Other => "news",
    };
    let mut object = event_object(action, room, now);
    object.content = Cow::Borrowed(news);
    match kind {
        EventKind::Joined | EventKind::Left => {
            return arrivals(object, people, crowd, reader, out);
        }
        EventKind::Renamed => {
            object.sender = sender(people.last());
            object.optional.extend(people.first().map(|person| ("before", text(&person.name))));
        }
        EventKind::Kicked | EventKind::Banned => {
            object.sender = sender(people.first());
            object.optional.extend(people.last().map(|person| ("user", text(&person.name))));
            if kind == EventKind::Banned {
                object.optional.push(("ban", Value::Flag(true)));
            }
        }
        EventKind::Role => {
            object.optional.push(("change", Value::Text(Cow::Borrowed("changed"))));
            // If a member inherits the room, they are the only one named.
            object.sender = sender(people.first().filter(|_| people.len() > 1));
            object.optional.extend(people.last().map(|person| ("user", text(&person.name))));
        }
        EventKind::Setting => {
            object.optional.push(("change", Value::Text(Cow::Borrowed("changed"))));
            object.sender = sender(people.first());
        }
        EventKind::Other => object.sender = sender(people.first()),
    }
    object.write(out);
}

fn text(name: &UserName) -> Value<'_> {
    Value::Text(Cow::Borrowed(name.as_str()))
}

/// One object for each user who came or left. Users that the reader ignores are left out.
fn arrivals<'a>(
    mut object: Object<'a>,
    people: &'a [Addressee],
    crowd: Option<&'a Crowd>,
    reader: &ObjectReader<'_>,
    out: &mut Vec<u8>,
) {
    let others = crowd.map_or(&[][..], |crowd| &crowd.people);
    let alone = people.len() == 1 && others.is_empty();
    let verb = object.action;
    let mut told = people.iter().chain(others).filter(|person| !reader.ignores(person)).peekable();
    while let Some(person) = told.next() {
        if !alone {
            object.content = Cow::Owned([person.name.as_str(), " ", verb].concat());
        }
        object.sender = Cow::Borrowed(person.name.as_str());
        let more = crowd.map_or(0, |crowd| crowd.more);
        if told.peek().is_none() && more > 0 {
            object.optional.push(("more", Value::Number(more as u64)));
        }
        object.write(out);
    }
}

/// A message as an object, for the reader.
pub(crate) fn message_object<'a>(
    action: &'a str,
    message: &'a Message,
    room: Option<&'a str>,
    reader: &ObjectReader<'a>,
) -> Object<'a> {
    let mut object = Object::new(action, message.at);
    object.id = Id::Number(message.id.0);
    object.sender = Cow::Borrowed(message.author.as_str());
    object.content = Cow::Borrowed(&message.text);
    object.receiver = room.map_or(Receiver::Nobody, |room| Receiver::One(Cow::Borrowed(room)));
    if let Some(extra) = &message.extra {
        extras(extra, message, reader, &mut object);
    }
    let mentions = |name: &UserName| message.from != reader.client && mentioned(&message.text, name);
    if reader.name.is_some_and(mentions) {
        object.optional.push(("mention", Value::Flag(true)));
    }
    if reader.history {
        object.optional.push(("history", Value::Flag(true)));
    }
    if let Some(request) = reader.request {
        object.optional.push(("request", Value::Text(Cow::Borrowed(request))));
    }
    object
}

fn extras<'a>(extra: &'a Extra, message: &Message, reader: &ObjectReader<'_>, object: &mut Object<'a>) {
    match &*extra.to {
        [] => {}
        [person] => object.receiver = Receiver::One(Cow::Borrowed(person.name.as_str())),
        people => {
            object.receiver = Receiver::Several(people.iter().map(|to| Cow::Borrowed(to.name.as_str())).collect());
        }
    }
    object.private = !extra.to.is_empty();
    if extra.action {
        object.optional.push(("action", Value::Flag(true)));
    }
    if extra.edited {
        object.optional.push(("edited", Value::Flag(true)));
    }
    if let Some(lasts) = extra.lasts {
        object.optional.push(("temporary", Value::Number(lasts.as_secs())));
        object.optional.extend(message.at.checked_add(lasts).ok().map(|ends| ("ends", Value::Time(ends))));
    }
    if let Some(reply) = &extra.reply {
        object.optional.push(("reply_to", Value::Number(reply.id.0)));
        let author = Addressee { client: extra.answers, name: reply.author.clone() };
        if !reader.ignores(&author) {
            object.optional.extend(reply.start.as_ref().map(|start| ("quote", Value::Text(Cow::Borrowed(start)))));
            object.optional.push(("quote_sender", text(&reply.author)));
        }
    }
}

/// News about a room, for programs that are not in it.
pub(crate) fn room_object<'a>(
    room: &'a str,
    change: &'static str,
    by: Option<&'a str>,
    news: &'a str,
    now: Timestamp,
) -> Object<'a> {
    let mut object = event_object("room", Some(room), now);
    object.sender = Cow::Borrowed(by.unwrap_or(""));
    object.content = Cow::Borrowed(news);
    object.optional.push(("change", Value::Text(Cow::Borrowed(change))));
    object
}

/// A line of the server: `news`, or `error` for a refusal that answers no request.
pub(crate) fn render_line_object(kind: LineKind, line: &str, request: Option<&str>, now: Timestamp, out: &mut Vec<u8>) {
    let mut object = Object::new(if kind == LineKind::Refusal { "error" } else { "news" }, now);
    object.content = Cow::Borrowed(line);
    if kind == LineKind::Refusal {
        object.optional.push(("code", Value::Text(Cow::Borrowed("refused"))));
    }
    object.optional.extend(request.map(|request| ("request", Value::Text(Cow::Borrowed(request)))));
    object.write(out);
}
