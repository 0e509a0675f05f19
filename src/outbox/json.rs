//! The output of a client that speaks JSON: an object per event, and no screen.
//!
//! A program gets the live text of all rooms it is in. Nothing is skipped, because a program needs the ids of its own
//! messages too. All programs in a room share one rendering, unless one has to leave something out or is mentioned.
//!
//! *Owns* which events become objects, and the answers kept for the session. *Knows nothing of* requests beyond their ids.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::watching::{View, Watching};
use super::{Batch, CausedBy, Expulsion, NEVER, Outbox, OutboxState};
use crate::chat::conversation::Conversation;
use crate::chat::message::{Addressee, ClientId, Event, MessageId, Sequenced};
use crate::chat::names::UserName;
use crate::protocol::json::{Id, Object, Receiver, Value};
use crate::protocol::wire::Sharing;
use crate::text::Charset;
use crate::ui::screen::{LineKind, ObjectReader, message_object, passing_buffer, render_line_object, render_objects};

/// What a program is sent of a room's past when it begins to watch the room.
pub(crate) struct WatchedRoom<'a> {
    /// The room's instance.
    pub(crate) room: u64,
    /// Its name.
    pub(crate) name: &'a str,
    /// Sequence number of its newest event: live text begins after it.
    pub(crate) seen: u64,
    /// The user may read no message up to this one.
    pub(crate) after: MessageId,
    /// The messages up to that event.
    pub(crate) history: &'a [Arc<Event>],
}

/// Why an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The event has just happened.
    Live,
    /// The program has asked for older messages.
    History,
}

/// The last object of a connection.
///
/// A program may connect again by itself, unless it is sent away with a refusal. `code` gives the user's name and rooms
/// back on another server.
pub(super) fn bye(kind: LineKind, line: &str, code: Option<&str>) -> Vec<u8> {
    let mut out = passing_buffer(0);
    let mut object = Object::new("bye", Timestamp::now());
    object.content = line.into();
    object.optional.push(("again", Value::Flag(kind != LineKind::Refusal)));
    object.optional.extend(code.map(|code| ("code", Value::Text(code.into()))));
    object.write(&mut out);
    out
}

impl OutboxState {
    /// Appends an event as this program gets it. True if there is anything to see.
    pub(super) fn render_objects(
        &mut self,
        client: ClientId,
        event: &Event,
        room: Option<&str>,
        why: Occasion,
    ) -> bool {
        let OutboxState { watching, unsent, name, preferences, .. } = self;
        let preferences = preferences.as_deref().filter(|preferences| !preferences.ignored.is_empty());
        // Arrivals and departures are sent one by one, and ignored users are left out there. The deletion of a message
        // is always sent.
        let hides_whole = !event.is_join_or_leave() && !matches!(event, Event::Erased { .. });
        let hides = preferences.is_some_and(|own| hides_whole && own.hides(event, client));
        if hides {
            return false;
        }
        let ignores = preferences.map(|own| move |client: ClientId, name: &UserName| own.ignores(client, name));
        let request = watching.program().and_then(|program| program.request.as_deref());
        let reader = ObjectReader {
            client,
            name: name.as_ref(),
            ignores: ignores.as_ref().map(|ignores| ignores as &dyn Fn(ClientId, &UserName) -> bool),
            request: request.filter(|_| why == Occasion::History),
            history: why == Occasion::History,
        };
        let before = unsent.len();
        render_objects(event, room, &reader, Timestamp::now(), unsent);
        unsent.len() > before
    }

    /// The user is no longer in a conversation.
    pub(super) fn write_expulsion_object(&mut self, from: &Conversation, why: &Expulsion, line: &str) {
        let [_, place] = from.shown();
        let own = self.name.as_ref().map_or("", UserName::as_str);
        let user = ("user", Value::Text(own.into()));
        let (action, sender, optional) = match why {
            Expulsion::Kicked(by) => ("kicked", by.as_str(), vec![user]),
            Expulsion::Banned(by) => ("kicked", by.as_str(), vec![user, ("ban", Value::Flag(true))]),
            Expulsion::Closed => ("room", "", vec![("change", Value::Text("gone".into()))]),
            Expulsion::PartnerLeft => ("left", place, Vec::new()),
        };
        let mut object = Object::new(action, Timestamp::now());
        object.private = from.room().is_none();
        object.receiver = Receiver::One(if object.private { own } else { place }.into());
        (object.sender, object.content, object.optional) = (sender.into(), line.into(), optional);
        object.write(&mut self.unsent);
    }

    /// The user's partner in a conversation has another name.
    pub(super) fn write_renamed_object(&mut self, before: Option<&Conversation>, partner: &Addressee, line: &str) {
        let mut object = Object::new("renamed", Timestamp::now());
        object.private = true;
        object.receiver = Receiver::One(self.name.as_ref().map_or("", UserName::as_str).into());
        (object.sender, object.content) = (partner.name.as_str().into(), line.into());
        object.optional.extend(before.map(|before| ("before", Value::Text(before.shown()[1].into()))));
        object.write(&mut self.unsent);
    }

    /// Writes the goodbye.
    pub(super) fn write_bye(&mut self, line: Option<(LineKind, &str)>, code: Option<&str>) {
        let (kind, text) = line.unwrap_or((LineKind::News, ""));
        self.unsent.extend_from_slice(&bye(kind, text, code));
        if let Some((LineKind::Refusal, line)) = line {
            self.codec.explain(line);
        }
    }

    /// Writes a line of the server; keeps a refusal of a request for its answer.
    #[inline(never)]
    pub(super) fn tell_program(&mut self, kind: LineKind, line: &str) {
        if kind != LineKind::Refusal {
            self.make_room();
        }
        let Some(program) = self.watching.program() else { return };
        if kind != LineKind::Refusal {
            return render_line_object(kind, line, program.request.as_deref(), Timestamp::now(), &mut self.unsent);
        }
        match &mut program.refusal {
            Some(earlier) => {
                earlier.push(' ');
                earlier.push_str(line);
            }
            None => program.refusal = Some(line.to_owned()),
        }
    }
}

impl Outbox {
    /// Switches to one object per line, without a prompt. There is no way back.
    pub(crate) fn speak_json(&self) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.watching.is_program() {
            return;
        }
        state.forget_view();
        if state.display.is_shown() {
            // A client that waited for the greeting reads lines from here on: the first object does not end the prompt's.
            state.unsent.extend_from_slice(b"\r\n");
        }
        state.watching = Watching::Many(Box::default());
        self.is_program.store(true, Ordering::Relaxed);
        (state.charset, state.is_telnet, state.day_ends) = (Charset::Utf8, false, NEVER);
        state.display = crate::ui::screen::Display::new();
    }

    /// The id that `news` and listed items carry until the next call, if any. A refusal that nobody took is dropped.
    pub(crate) fn begin_request(&self, id: Option<Arc<str>>) {
        if let Some(program) = self.lock().watching.program() {
            (program.request, program.refusal) = (id, None);
        }
    }

    /// Why the request was refused since [`Outbox::begin_request`], if it was.
    pub(crate) fn take_refusal(&self) -> Option<String> {
        self.lock().watching.program().and_then(|program| program.refusal.take())
    }

    /// Writes an object. Nothing is sent before [`Outbox::settle`].
    pub(crate) fn write_object(&self, object: &Object<'_>) {
        let mut guard = self.lock();
        guard.make_room();
        object.write(&mut guard.unsent);
    }

    /// Writes an object that the client did not ask for, at once.
    pub(crate) fn announce_object(&self, object: &Object<'_>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if self.begin_others(state) {
            object.write(&mut state.unsent);
            self.transmit_unsent(state, CausedBy::Others);
            self.drop_if_over(state);
        }
    }

    /// Writes messages as answers to the request. Returns how many of them the user can see. Nothing is sent before
    /// [`Outbox::settle`].
    pub(crate) fn list_messages(&self, events: &[Arc<Event>], room: Option<&str>) -> usize {
        let mut guard = self.lock();
        guard.make_room();
        events.iter().filter(|event| guard.render_objects(self.id, event, room, Occasion::History)).count()
    }

    /// The same for messages that a program may already know: if the user ignores an author, it learns only that the
    /// message still exists.
    pub(crate) fn list_history(&self, events: &[Arc<Event>], room: Option<&str>) {
        let mut guard = self.lock();
        for event in events {
            let shown = guard.render_objects(self.id, event, room, Occasion::History);
            if let Some(message) = event.message().filter(|_| !shown) {
                let OutboxState { watching, unsent, .. } = &mut *guard;
                let request = watching.program().and_then(|program| program.request.as_deref());
                let mut object = Object::new("hidden", message.at);
                object.id = Id::Number(message.id.0);
                object.receiver = room.map_or(Receiver::Nobody, |room| Receiver::One(room.into()));
                object.private = room.is_none();
                object.optional.extend(request.map(|request| ("request", Value::Text(request.into()))));
                object.write(unsent);
            }
        }
    }

    /// Writes a message that a search has found as an answer to the request: `hit` is where the match begins, and `length` how
    /// long it is, both in characters (code points). Nothing is sent before [`Outbox::settle`].
    pub(crate) fn list_hit(&self, event: &Event, room: Option<&str>, range: Range<usize>) {
        let Some(message) = event.message() else { return };
        let mut guard = self.lock();
        let OutboxState { watching, unsent, name, preferences, .. } = &mut *guard;
        let request = watching.program().and_then(|program| program.request.as_deref());
        let preferences = preferences.as_deref();
        let ignores = preferences.map(|own| move |client: ClientId, name: &UserName| own.ignores(client, name));
        let reader = ObjectReader {
            client: self.id,
            name: name.as_ref(),
            ignores: ignores.as_ref().map(|ignores| ignores as &dyn Fn(ClientId, &UserName) -> bool),
            request,
            history: true,
        };
        let mut object = message_object("message", message, room, &reader);
        let count = |text: Option<&str>| Value::Number(text.map_or(0, |text| text.chars().count()) as u64);
        object.optional.push(("hit", count(message.text.get(..range.start))));
        object.optional.push(("length", count(message.text.get(range))));
        object.write(unsent);
    }

    /// Starts live text from this room: its history now, and everything after that as it happens. Called under the
    /// room's lock, so that there is neither a gap nor an overlap between the two. Returns how many messages the user
    /// can see. Nothing is sent before [`Outbox::settle`].
    pub(crate) fn watch_room(&self, watched: &WatchedRoom<'_>) -> usize {
        let WatchedRoom { room, name, seen, after, history } = *watched;
        let mut guard = self.lock();
        let Some(program) = guard.watching.program() else { return 0 };
        let view = View { room, seen, after };
        match program.views.iter_mut().find(|known| known.room == room) {
            Some(known) => *known = view,
            None => {
                program.views.reserve_exact(1);
                program.views.push(view);
            }
        }
        guard.make_room();
        history.iter().filter(|event| guard.render_objects(self.id, event, Some(name), Occasion::History)).count()
    }

    /// Whether the client gets the live text of a room.
    pub(crate) fn watches(&self, room: u64) -> bool {
        self.lock().watching.view(room).is_some()
    }

    /// Ends live text from this room.
    pub(crate) fn unwatch_room(&self, room: u64) {
        if let Some(program) = self.lock().watching.program() {
            program.views.retain(|view| view.room != room);
            program.views.shrink_to_fit();
        }
    }

    /// Delivers a batch to a program.
    #[inline(never)]
    pub(super) fn push_objects(&self, state: &mut OutboxState, batch: &mut Batch<'_>, fresh: Range<usize>) -> usize {
        let shown = fresh.len();
        let plain = state.preferences.as_ref().is_none_or(|preferences| preferences.ignored.is_empty());
        let shares = plain
            && fresh.len() == batch.len()
            && !Outbox::is_bounded(state, batch)
            && !state.name.as_ref().is_some_and(|name| batch.mentions(name));
        if shares {
            let lines = batch.lines();
            match state.codec.shares() {
                _ if lines.is_empty() => {}
                Sharing::Lines => self.transmit_shared_encoded(state, &lines),
                #[cfg(feature = "web")]
                Sharing::TextFrames => self.transmit_shared_encoded(state, &batch.frame_of_lines()),
                #[cfg(feature = "web")]
                Sharing::BinaryFrames => self.encode_shared(state, &lines),
                Sharing::None => self.encode_shared(state, &lines),
            }
        } else if self.write_objects(state, batch, fresh) {
            self.transmit_unsent(state, CausedBy::Others);
        }
        self.drop_if_over(state);
        shown
    }

    fn is_bounded(state: &OutboxState, batch: &Batch<'_>) -> bool {
        state.watching.view(batch.room()).is_some_and(|view| batch.shows_up_to(view.after))
    }

    /// Writes what is new to this program. False if nothing is visible.
    pub(super) fn write_objects(&self, state: &mut OutboxState, batch: &Batch<'_>, fresh: Range<usize>) -> bool {
        let after = state.watching.view(batch.room()).map_or(MessageId(0), |view| view.after);
        let bounded = batch.shows_up_to(after);
        let mut visible = false;
        for Sequenced { event, .. } in batch.events(fresh) {
            let readable = if bounded { event.after(after) } else { Some(Arc::clone(event)) };
            if let Some(event) = readable {
                visible |= state.render_objects(self.id, &event, Some(batch.name()), Occasion::Live);
            }
        }
        visible
    }
}
