//! One delivery: some events of a room, rendered once per kind of screen.
//!
//! *Owns* the renderings while the delivery lasts. *Knows nothing of* who gets them and how.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::preferences::Preferences;
use crate::chat::conversation::RoomId;
use crate::chat::message::{ClientId, Event, Message, MessageId, Sequenced};
use crate::chat::names::{UserName, fold};
use crate::metrics::LocalCount;
#[cfg(feature = "web")]
use crate::protocol::websocket::{write_binary_header, write_text_header};
use crate::ui::screen::{Clock, Extent, Recipient, Style, overwrite, passing_buffer, render_event, words};
#[cfg(feature = "json")]
use crate::ui::screen::{ObjectReader, render_objects};

/// Size of an object besides its text, in bytes: field names, time, room.
#[cfg(feature = "json")]
const OBJECT: usize = 140;

/// The text of all events in one style, and where the text of each one ends.
struct Rendered {
    look: Style,
    text: Vec<u8>,
    ends: Vec<usize>,
    /// CR, the text over a whole row, and the room's prompt: what every line-mode client with this style gets. Made on first
    /// use.
    frame: Option<Arc<[u8]>>,
    /// The same in a binary message, for terminals over WebSocket.
    #[cfg(feature = "web")]
    web: Option<Arc<[u8]>>,
}

/// A client that needs a text of its own.
pub(super) struct Wanted<'a> {
    pub(super) client: ClientId,
    pub(super) look: Style,
    /// The terminal has echoed the client's own lines.
    pub(super) line_mode: bool,
    /// The user's name, for highlighting.
    pub(super) name: Option<&'a UserName>,
    pub(super) preferences: Option<&'a mut Preferences>,
}

/// Some events of a room on their way to its viewers.
pub struct Batch<'a> {
    room: Arc<RoomId>,
    prompt: Arc<str>,
    events: &'a [Sequenced],
    /// The connections that caused an event, sorted: each of them needs a text of its own.
    causes: Vec<ClientId>,
    /// The oldest message whose text the events show again. A client that may not read that far back needs a text of its own.
    oldest_shown: Option<MessageId>,
    rendered: Vec<Rendered>,
    /// What every program gets. Made on first use.
    #[cfg(feature = "json")]
    lines: Option<Arc<[u8]>>,
    /// The same in a frame, for WebSockets.
    #[cfg(feature = "web")]
    web: Option<Arc<[u8]>>,
    /// Every word of the messages that could be a name, in lower case. Gathered on first use.
    words: Option<HashSet<String>>,
    clock: Clock,
    /// When the delivery began.
    began: Timestamp,
    /// Its counts so far.
    pub(super) pushed: Pushed,
}

/// The counts of a delivery.
#[derive(Debug, Default)]
pub(crate) struct Pushed {
    /// Events that were shown, once for each client that was shown one.
    pub(crate) events: LocalCount,
    /// Bytes that sockets have accepted.
    pub(crate) bytes: LocalCount,
}

impl Pushed {
    /// Adds the counts of another delivery.
    pub(crate) fn absorb(&mut self, other: Pushed) {
        self.events.absorb(other.events);
        self.bytes.absorb(other.bytes);
    }
}

impl<'a> Batch<'a> {
    /// A delivery of consecutive events of one room; `prompt` is the prompt of its view.
    pub fn new(room: &Arc<RoomId>, prompt: Arc<str>, events: &'a [Sequenced], clock: Clock) -> Batch<'a> {
        let mut causes: Vec<_> = events.iter().filter_map(|sequenced| cause(&sequenced.event)).collect();
        causes.sort_unstable();
        causes.dedup();
        let began = clock.now();
        let oldest_shown = events.iter().filter_map(|sequenced| sequenced.event.oldest_shown()).min();
        Batch {
            room: Arc::clone(room),
            prompt,
            events,
            causes,
            oldest_shown,
            rendered: Vec::new(),
            #[cfg(feature = "json")]
            lines: None,
            #[cfg(feature = "web")]
            web: None,
            words: None,
            clock,
            began,
            pushed: Pushed::default(),
        }
    }

    /// Takes the counts since the last call.
    pub(crate) fn take_pushed(&mut self) -> Pushed {
        std::mem::take(&mut self.pushed)
    }

    pub(super) fn room(&self) -> u64 {
        self.room.instance
    }

    pub(super) fn id(&self) -> &Arc<RoomId> {
        &self.room
    }

    pub(super) fn prompt(&self) -> &Arc<str> {
        &self.prompt
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    pub(super) fn now(&self) -> i64 {
        self.began.as_second()
    }

    /// Whether some event must be hidden from a client that may read nothing up to this message.
    pub(super) fn shows_up_to(&self, number: MessageId) -> bool {
        self.oldest_shown.is_some_and(|oldest| oldest <= number)
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn last(&self) -> u64 {
        self.events.last().map_or(0, |event| event.sequence)
    }

    /// The positions of the events after a sequence number.
    pub(super) fn after(&self, seen: u64) -> std::ops::Range<usize> {
        let start = self.events.partition_point(|event| event.sequence <= seen);
        start..self.events.len()
    }

    /// Whether a client caused one of the events.
    pub(super) fn has_by(&self, client: ClientId) -> bool {
        self.causes.binary_search(&client).is_ok()
    }

    /// How many of some events are shown to a client. Counted only for the metrics.
    #[inline]
    pub(super) fn count_shown(&self, events: std::ops::Range<usize>, client: ClientId, line_mode: bool) -> usize {
        if !cfg!(feature = "metrics") || !self.has_by(client) {
            return events.len();
        }
        self.events[events].iter().filter(|sequenced| !is_skipped(&sequenced.event, client, line_mode)).count()
    }

    /// The frame for line mode; `None` if nothing is visible.
    pub(super) fn frame(&mut self, look: Style) -> Option<Arc<[u8]>> {
        let prompt = Arc::clone(&self.prompt);
        let rendered = self.rendered(look);
        if rendered.text.is_empty() {
            return None;
        }
        Some(Arc::clone(rendered.frame.get_or_insert_with(|| {
            let mut frame = passing_buffer(rendered.text.len() + prompt.len() + 88);
            overwrite(Extent::Whole, look, &rendered.text, &mut frame);
            frame.extend_from_slice(prompt.as_bytes());
            frame.into()
        })))
    }

    /// The same in one binary message of a WebSocket (RFC 6455, section 5.2), which is not masked and so the same for all.
    #[cfg(feature = "web")]
    pub(super) fn web_frame(&mut self, look: Style) -> Option<Arc<[u8]>> {
        let frame = self.frame(look)?;
        let message = || {
            let mut message = passing_buffer(frame.len() + 10);
            write_binary_header(frame.len(), &mut message);
            message.extend_from_slice(&frame);
            message.into()
        };
        Some(Arc::clone(self.rendered(look).web.get_or_insert_with(message)))
    }

    /// All events as objects, an object per line.
    #[cfg(feature = "json")]
    pub(super) fn lines(&mut self) -> Arc<[u8]> {
        let Batch { room, events, lines, began, .. } = self;
        let rendered = lines.get_or_insert_with(|| {
            let mut text = passing_buffer(events.iter().map(|s| s.event.weight() + OBJECT).sum());
            for Sequenced { event, .. } in *events {
                render_objects(event, Some(room.name.as_str()), &ObjectReader::anybody(), *began, &mut text);
            }
            text.into()
        });
        Arc::clone(rendered)
    }

    /// The same in one text frame of a WebSocket (RFC 6455, 5.2), which is not masked and so the same for all.
    #[cfg(feature = "web")]
    pub(super) fn frame_of_lines(&mut self) -> Arc<[u8]> {
        let lines = self.lines();
        let frame = self.web.get_or_insert_with(|| {
            let mut frame = passing_buffer(lines.len() + 10);
            write_text_header(lines.len(), &mut frame);
            frame.extend_from_slice(&lines);
            frame.into()
        });
        Arc::clone(frame)
    }

    /// How many of some events are messages of this client.
    pub(super) fn count_own(&self, events: std::ops::Range<usize>, client: ClientId) -> u16 {
        let own = self.events[events]
            .iter()
            .filter(|sequenced| sequenced.event.message().is_some_and(|message| message.from == client));
        own.fold(0, |count, _| count.saturating_add(1))
    }

    /// The room's name.
    #[cfg(feature = "json")]
    pub(super) fn name(&self) -> &str {
        self.room.name.as_str()
    }

    /// The events at these positions.
    pub(super) fn events(&self, positions: std::ops::Range<usize>) -> &'a [Sequenced] {
        &self.events[positions]
    }

    /// Whether an event mentions a user.
    pub(super) fn mentions(&mut self, name: &UserName) -> bool {
        let events = self.events;
        let gather = || {
            let messages = events.iter().filter_map(|event| event.event.message());
            messages.flat_map(|message| words(&message.text)).map(|(_, word)| fold(word)).collect()
        };
        self.words.get_or_insert_with(gather).contains(name.folded())
    }

    /// The text of some events, and whether the bell rings. Leaves out what the client sees by other means: in line mode its own
    /// lines, which the terminal echoed, and the results of its own commands, which were replied to.
    pub(super) fn text_for(&mut self, events: std::ops::Range<usize>, wanted: Wanted<'_>) -> (Vec<u8>, bool) {
        let Wanted { client, look, line_mode, name, preferences } = wanted;
        let own = self.has_by(client);
        if let Some(preferences) = preferences {
            return self.personal_text(events, client, look, line_mode, name, preferences);
        }
        let name = name.filter(|name| look.color && self.mentions(name));
        let sequenced = self.events;
        if name.is_some() {
            let mut text = Vec::new();
            for index in events.filter(|index| !is_skipped(&sequenced[*index].event, client, line_mode)) {
                let event = &sequenced[index].event;
                let look = look_of(event, client, look);
                render_event(event, Recipient { client, look, name, hides_quote: false }, &mut self.clock, &mut text);
            }
            return (text, false);
        }
        self.rendered(look);
        let Batch { rendered, clock, .. } = self;
        let Some(rendered) = rendered.iter().find(|rendered| rendered.look == look) else { return (Vec::new(), false) };
        let start = |index: usize| if index == 0 { 0 } else { rendered.ends[index - 1] };
        if !own {
            return (rendered.text[start(events.start)..start(events.end)].to_vec(), false);
        }
        let mut text = passing_buffer(rendered.text.len());
        for index in events.filter(|index| !is_skipped(&sequenced[*index].event, client, line_mode)) {
            let event = &sequenced[index].event;
            match look_of(event, client, look) {
                own if own != look => {
                    render_event(event, Recipient { client, look: own, ..Recipient::anybody(look) }, clock, &mut text);
                }
                _ => text.extend_from_slice(&rendered.text[start(index)..rendered.ends[index]]),
            }
        }
        (text, false)
    }

    fn personal_text(
        &mut self,
        events: std::ops::Range<usize>,
        client: ClientId,
        look: Style,
        line_mode: bool,
        name: Option<&UserName>,
        preferences: &mut Preferences,
    ) -> (Vec<u8>, bool) {
        let (mut text, mut rings) = (Vec::new(), false);
        for sequenced in &self.events[events] {
            let event = &sequenced.event;
            if is_skipped(event, client, line_mode) || preferences.hides(event, client) {
                continue;
            }
            rings |= preferences.rings(event, client, name);
            let (look, hides_quote) = (look_of(event, client, look), preferences.hides_quote(event, client));
            let clock = preferences.clock.as_mut().unwrap_or(&mut self.clock);
            render_event(event, Recipient { client, look, name, hides_quote }, clock, &mut text);
        }
        (text, rings)
    }

    fn rendered(&mut self, look: Style) -> &mut Rendered {
        let found = self.rendered.iter().position(|rendered| rendered.look == look);
        let index = found.unwrap_or_else(|| {
            let mut text = passing_buffer(self.events.iter().map(|s| s.event.weight() + 8).sum());
            let mut ends = Vec::with_capacity(self.events.len());
            for sequenced in self.events {
                render_event(&sequenced.event, Recipient::anybody(look), &mut self.clock, &mut text);
                ends.push(text.len());
            }
            self.rendered.push(Rendered {
                look,
                text,
                ends,
                frame: None,
                #[cfg(feature = "web")]
                web: None,
            });
            self.rendered.len() - 1
        });
        &mut self.rendered[index]
    }
}

fn cause(event: &Event) -> Option<ClientId> {
    match event {
        Event::Said(message) => Some(message.from),
        Event::Happened { by, .. } => *by,
        Event::Edited { message, .. } => cause(message),
        // The client that did it sees the result like everyone else.
        Event::Erased { .. } => None,
    }
}

/// The style of an event for a client: replies to its own commands always show time and id.
fn look_of(event: &Event, client: ClientId, look: Style) -> Style {
    let answers = match event {
        Event::Said(message) => message.from == client && !is_as_typed(message),
        Event::Edited { message, .. } => cause(message) == Some(client),
        Event::Erased { .. } | Event::Happened { .. } => false,
    };
    if answers { look.stamped() } else { look }
}

/// Whether a client sees an event by other means.
fn is_skipped(event: &Event, client: ClientId, line_mode: bool) -> bool {
    match event {
        Event::Said(message) => line_mode && message.from == client && is_as_typed(message),
        Event::Happened { by, .. } => *by == Some(client),
        Event::Edited { .. } | Event::Erased { .. } => false,
    }
}

/// Whether a message looks exactly as it was typed, so that its author has it on screen. Actions and replies do not.
fn is_as_typed(message: &Message) -> bool {
    message.extra.is_none()
}
