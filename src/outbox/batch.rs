//! One delivery: some events of a room, rendered once per kind of screen.
//!
//! *Owns* the renderings while the delivery lasts.
//! *Knows nothing of* who gets them and how.
//! *Called by* `room`, and `outbox` for the text that fits its screen.

use std::collections::HashSet;
use std::sync::Arc;

use super::preferences::Preferences;
use crate::chat::message::{ClientId, Event, Message, MessageId, Sequenced};
use crate::chat::names::{UserName, fold};
use crate::ui::screen::{Clock, Extent, Recipient, Style, overwrite, render_event, words};

/// All events' text for one look, and where each one's ends.
struct Rendered {
    look: Style,
    text: Vec<u8>,
    ends: Vec<usize>,
    /// CR, the text over a whole row, and the room's prompt: what everybody in line mode with this look gets, made when first asked for.
    frame: Option<Arc<[u8]>>,
}

/// Who gets a text of his own, and how.
pub(super) struct Wanted<'a> {
    pub(super) client: ClientId,
    pub(super) look: Style,
    /// His terminal has shown what he typed.
    pub(super) line_mode: bool,
    /// His name, to stand out where he is mentioned.
    pub(super) name: Option<&'a UserName>,
    pub(super) personal: Option<&'a mut Preferences>,
}

/// Some events of a room on their way to its viewers.
pub struct Batch<'a> {
    room: u64,
    prompt: Arc<str>,
    events: &'a [Sequenced],
    /// Connections that caused one of the events, sorted: each of them gets a text of its own.
    causes: Vec<ClientId>,
    /// The oldest message that the events show some text of again. Who may not read that far back gets a text of their own.
    oldest_shown: Option<MessageId>,
    rendered: Vec<Rendered>,
    /// Every word of the messages that could be a name, in lower case; gathered when first asked for.
    words: Option<HashSet<String>>,
    clock: Clock,
    /// When the delivery began, in seconds of the Unix time.
    now: i64,
}

impl<'a> Batch<'a> {
    /// A delivery of `events`, in order and without gaps, of one room instance; `prompt` is the prompt of its view.
    pub fn new(room: u64, prompt: Arc<str>, events: &'a [Sequenced], clock: Clock) -> Batch<'a> {
        let mut causes: Vec<_> = events.iter().filter_map(|sequenced| cause(&sequenced.event)).collect();
        causes.sort_unstable();
        causes.dedup();
        let now = clock.now().as_second();
        let oldest_shown = events.iter().filter_map(|sequenced| sequenced.event.oldest_shown()).min();
        Batch { room, prompt, events, causes, oldest_shown, rendered: Vec::new(), words: None, clock, now }
    }

    pub(super) fn room(&self) -> u64 {
        self.room
    }

    pub(super) fn prompt(&self) -> &Arc<str> {
        &self.prompt
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    pub(super) fn now(&self) -> i64 {
        self.now
    }

    /// Whether something of the events is not for somebody who may read nothing up to this message.
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

    /// The frame for line mode; nothing if there is nothing to be seen.
    pub(super) fn frame(&mut self, look: Style) -> Option<Arc<[u8]>> {
        let prompt = Arc::clone(&self.prompt);
        let rendered = self.rendered(look);
        if rendered.text.is_empty() {
            return None;
        }
        Some(Arc::clone(rendered.frame.get_or_insert_with(|| {
            let mut frame = Vec::with_capacity(rendered.text.len() + prompt.len() + 88);
            overwrite(Extent::Whole, look, &rendered.text, &mut frame);
            frame.extend_from_slice(prompt.as_bytes());
            frame.into()
        })))
    }

    /// The events at these positions.
    pub(super) fn events(&self, positions: std::ops::Range<usize>) -> &'a [Sequenced] {
        &self.events[positions]
    }

    /// Whether one of the events names somebody.
    pub(super) fn mentions(&mut self, name: &UserName) -> bool {
        let events = self.events;
        let gather = || {
            let messages = events.iter().filter_map(|event| event.event.message());
            messages.flat_map(|message| words(&message.text)).map(|(_, word)| fold(word)).collect()
        };
        self.words.get_or_insert_with(gather).contains(name.folded())
    }

    /// The text of some of the events, without what the client sees by other means: his own lines in line mode, where the
    /// terminal echoed them, and news of his own doing, of which he was told. And whether his bell rings.
    pub(super) fn text_for(&mut self, events: std::ops::Range<usize>, wanted: Wanted<'_>) -> (Vec<u8>, bool) {
        let Wanted { client, look, line_mode, name, personal } = wanted;
        let own = self.has_by(client);
        if let Some(personal) = personal {
            return self.text_of_its_own(events, client, look, line_mode, name, personal);
        }
        let name = name.filter(|name| look.color && self.mentions(name));
        let sequenced = self.events;
        if name.is_some() {
            let mut text = Vec::new();
            for index in events.filter(|index| !is_skipped(&sequenced[*index].event, client, line_mode)) {
                let event = &sequenced[index].event;
                let look = look_at(event, client, look);
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
        let mut text = Vec::with_capacity(rendered.text.len());
        for index in events.filter(|index| !is_skipped(&sequenced[*index].event, client, line_mode)) {
            let event = &sequenced[index].event;
            match look_at(event, client, look) {
                own if own != look => {
                    render_event(event, Recipient { client, look: own, ..Recipient::anybody(look) }, clock, &mut text);
                }
                _ => text.extend_from_slice(&rendered.text[start(index)..rendered.ends[index]]),
            }
        }
        (text, false)
    }

    fn text_of_its_own(
        &mut self,
        events: std::ops::Range<usize>,
        client: ClientId,
        look: Style,
        line_mode: bool,
        name: Option<&UserName>,
        personal: &mut Preferences,
    ) -> (Vec<u8>, bool) {
        let (mut text, mut rings) = (Vec::new(), false);
        for sequenced in &self.events[events] {
            let event = &sequenced.event;
            if is_skipped(event, client, line_mode) || personal.hides(event, client) {
                continue;
            }
            rings |= personal.rings(event, client, name);
            let (look, hides_quote) = (look_at(event, client, look), personal.hides_quote(event, client));
            let clock = personal.clock.as_mut().unwrap_or(&mut self.clock);
            render_event(event, Recipient { client, look, name, hides_quote }, clock, &mut text);
        }
        (text, rings)
    }

    fn rendered(&mut self, look: Style) -> &mut Rendered {
        let found = self.rendered.iter().position(|rendered| rendered.look == look);
        let index = found.unwrap_or_else(|| {
            let mut text = Vec::with_capacity(self.events.iter().map(|s| s.event.weight() + 8).sum());
            let mut ends = Vec::with_capacity(self.events.len());
            for sequenced in self.events {
                render_event(&sequenced.event, Recipient::anybody(look), &mut self.clock, &mut text);
                ends.push(text.len());
            }
            self.rendered.push(Rendered { look, text, ends, frame: None });
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
        // Whoever did it is shown what came of it like everybody else.
        Event::Erased { .. } => None,
    }
}

/// How a client sees an event in the view: what answers a command of its own has time and id in any case.
fn look_at(event: &Event, client: ClientId, look: Style) -> Style {
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

/// Whether a message is nothing but the text typed: that the author has on his screen. An action or an answer is not.
fn is_as_typed(message: &Message) -> bool {
    message.extra.is_none()
}
