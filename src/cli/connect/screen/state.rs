//! The screen's own state, and what each key does to it.
//!
//! *Owns* the scroll position, the overlay, and the line being typed. *Knows nothing of* the terminal and drawing.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::complete::{Completion, complete};
use super::find::Find;
use super::input::InputLine;
use super::keys::{self, ScreenKey};
use super::look::Look;
use super::viewport::{LaidOut, Scroll};
use crate::cli::connect::model::{ChannelKey, ClientModel, Intent, Moment, Older, UserQuestion};
use crate::protocol::line::EditorEvent;
use crate::ui::palette::without_password;

mod drafts;
mod overlays;
mod searching;

/// How long an ESC may be the start of a sequence. Terminals send a sequence at once, but over a slow connection it may
/// come in parts.
const ESCAPE: Duration = Duration::from_millis(60);

/// Longest line, in bytes: longer than a server accepts, so that the server states its own limit.
const LONGEST_LINE: usize = 64 * 1024;

/// How many times older messages are loaded on the way to a search result.
const MOST_LOADS: u32 = 60;

/// A box drawn over the messages.
#[derive(Debug)]
pub(super) enum ScreenOverlay {
    /// The keys, from this row on.
    Keys(usize),
    /// The list of rooms, with the chosen room.
    Rooms(ChannelKey),
}

/// What a key asks of the program around the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScreenRequest {
    /// Stop the process (Ctrl-Z).
    Suspend,
    /// Draw everything again.
    Redraw,
    /// Sound the bell.
    Ring,
}

/// A message to go to, once it is loaded.
#[derive(Debug)]
struct Jump {
    channel: ChannelKey,
    number: u64,
    /// How far into its text the hit is, and how long that is, in characters.
    start: (usize, usize),
    loads: u32,
}

/// The screen of a client.
#[derive(Debug)]
pub(crate) struct Screen {
    pub(super) look: Look,
    pub(super) zone: TimeZone,
    pub(super) input: InputLine,
    /// The line that was being typed when a question appeared.
    draft: Option<String>,
    /// Lines begun in other channels.
    drafts: HashMap<ChannelKey, String>,
    /// Keys are being handled: if the channel changes now, the user has changed it.
    is_pressing: bool,
    question: Option<UserQuestion>,
    /// The bytes of an incomplete sequence, and when they came.
    partial: Vec<u8>,
    partial_since: Option<Instant>,
    pub(super) scroll: Scroll,
    /// The key of the last item when the user scrolled up.
    pub(super) seen: i64,
    channel: ChannelKey,
    pub(super) find: Option<Find>,
    pub(super) overlay: Option<ScreenOverlay>,
    /// A text shown until the next key.
    pub(super) hint: Option<String>,
    jump: Option<Jump>,
    /// Rows and columns of the messages in the last frame.
    pub(super) height: usize,
    pub(super) columns: usize,
    pub(super) bubbles: bool,
    /// The message rows of the last frame, valid while their inputs are unchanged.
    pub(super) laid_out: RefCell<Option<LaidOut>>,
    /// The state has changed since the last frame.
    pub(super) is_dirty: bool,
}

impl Screen {
    /// An empty screen. Times are shown as in `zone`.
    pub(crate) fn new(look: Look, zone: TimeZone, model: &ClientModel) -> Screen {
        Screen {
            look,
            zone,
            input: InputLine::new(),
            draft: None,
            drafts: HashMap::new(),
            is_pressing: false,
            question: None,
            partial: Vec::new(),
            partial_since: None,
            scroll: Scroll::End,
            seen: i64::MIN,
            channel: model.current().key(),
            find: None,
            overlay: None,
            hint: None,
            jump: None,
            height: 0,
            columns: 80,
            bubbles: false,
            laid_out: RefCell::default(),
            is_dirty: true,
        }
    }

    /// Handles bytes from the keyboard.
    pub(crate) fn press(&mut self, bytes: &[u8], model: &mut ClientModel, now: Moment) -> Vec<ScreenRequest> {
        let mut input = std::mem::take(&mut self.partial);
        input.extend_from_slice(bytes);
        self.take(&input, false, model, now)
    }

    /// Handles an ESC that nothing has followed for a while.
    pub(crate) fn settle_escape(&mut self, model: &mut ClientModel, now: Moment) -> Vec<ScreenRequest> {
        if self.partial_since.is_none_or(|since| now.instant < since + ESCAPE) {
            return Vec::new();
        }
        let input = std::mem::take(&mut self.partial);
        self.take(&input, true, model, now)
    }

    /// When [`Screen::settle_escape`] is due.
    pub(crate) fn escape_due(&self) -> Option<Instant> {
        self.partial_since.map(|since| since + ESCAPE)
    }

    fn take(&mut self, input: &[u8], is_over: bool, model: &mut ClientModel, now: Moment) -> Vec<ScreenRequest> {
        let mut requests = Vec::new();
        let mut rest = input;
        (self.is_dirty, self.is_pressing) = (true, true);
        while !rest.is_empty() {
            if self.typing().is_pasting() {
                self.paste(&mut rest, model, now);
                continue;
            }
            let Some((key, length)) = keys::first(rest, is_over) else { break };
            let (bytes, after) = rest.split_at(length);
            rest = after;
            requests.extend(self.key(key, bytes, model, now));
            self.follow(model, now);
        }
        self.is_pressing = false;
        self.partial = rest.to_vec();
        self.partial_since = (!rest.is_empty()).then_some(now.instant);
        requests
    }

    /// The line that keys edit.
    fn typing(&mut self) -> &mut InputLine {
        match &mut self.find {
            Some(find) => &mut find.input,
            None => &mut self.input,
        }
    }

    /// Handles a part of a paste, up to a byte that may end it.
    fn paste(&mut self, rest: &mut &[u8], model: &mut ClientModel, now: Moment) {
        let end = rest.iter().position(|byte| matches!(byte, b'~' | 0x03)).map_or(rest.len(), |at| at + 1);
        let (mut part, after) = rest.split_at(end);
        *rest = after;
        while !part.is_empty()
            && let Some(event) = self.typing().feed(&mut part, LONGEST_LINE)
        {
            self.edited(event, model, now);
        }
        self.follow_pattern();
    }

    fn key(&mut self, key: ScreenKey, bytes: &[u8], model: &mut ClientModel, now: Moment) -> Option<ScreenRequest> {
        self.hint = None;
        if self.overlay.is_some() && self.key_in_overlay(key, bytes, model, now) {
            return None;
        }
        if self.find.is_some() && self.key_in_search(key, bytes, model, now) {
            return None;
        }
        match key {
            ScreenKey::Suspend => return Some(ScreenRequest::Suspend),
            ScreenKey::Quit => model.act(Intent::Quit, now),
            ScreenKey::Edit | ScreenKey::Up | ScreenKey::Down => return self.edit(bytes, model, now),
            ScreenKey::Break => self.typing().insert_break(LONGEST_LINE),
            ScreenKey::Escape => self.escape(model, now),
            ScreenKey::PageUp => self.page(true, model, now),
            ScreenKey::PageDown => self.page(false, model, now),
            ScreenKey::RoomBefore => model.act(Intent::SwitchBy(-1), now),
            ScreenKey::RoomAfter => model.act(Intent::SwitchBy(1), now),
            ScreenKey::NextUnread => {
                if model.unread_elsewhere() == 0 {
                    self.hint = Some("Nothing unread elsewhere.".to_owned());
                }
                model.act(Intent::NextUnread, now);
            }
            ScreenKey::Room(place) => {
                if let Some(channel) = model.channels().get(place) {
                    let key = channel.key();
                    model.act(Intent::Switch(key), now);
                }
            }
            ScreenKey::Rooms => self.overlay = Some(ScreenOverlay::Rooms(model.current().key())),
            ScreenKey::Find => {
                if self.question.is_none() {
                    self.find = Some(Find::new(model.current().key(), self.scroll));
                }
            }
            ScreenKey::Help => self.overlay = Some(ScreenOverlay::Keys(0)),
            ScreenKey::Unknown => {}
        }
        None
    }

    /// Handles keys of the line editor.
    fn edit(&mut self, bytes: &[u8], model: &mut ClientModel, now: Moment) -> Option<ScreenRequest> {
        let mut rest = bytes;
        let mut request = None;
        while !rest.is_empty()
            && let Some(event) = self.typing().feed(&mut rest, LONGEST_LINE)
        {
            request = self.edited(event, model, now).or(request);
            // The line may have led to a question with a hidden answer.
            self.follow(model, now);
        }
        request
    }

    fn edited(&mut self, event: EditorEvent, model: &mut ClientModel, now: Moment) -> Option<ScreenRequest> {
        match event {
            EditorEvent::Entered(_) if self.find.is_some() => self.enter_search(model, now),
            EditorEvent::Entered(line) => self.enter(&line, model, now),
            EditorEvent::Interrupted if self.find.is_some() => self.end_search(true, model, now),
            EditorEvent::Interrupted => {
                if self.question.is_some() {
                    model.act(Intent::Cancel, now);
                } else {
                    self.hint = Some("Ctrl-D or :quit leaves.".to_owned());
                }
            }
            EditorEvent::Ended if self.find.is_some() => self.end_search(true, model, now),
            EditorEvent::Ended if self.question.is_some() => model.act(Intent::Cancel, now),
            EditorEvent::Ended => model.act(Intent::Quit, now),
            EditorEvent::CompletionAsked if self.find.is_some() || self.question.is_some() => {}
            EditorEvent::CompletionAsked => match complete(self.input.line(), self.input.cursor(), model) {
                Completion::Nothing => self.hint = Some("Nothing begins like this.".to_owned()),
                Completion::Word(from, word) => self.input.complete(from, &word),
                Completion::List(list) => self.hint = Some(list),
            },
            EditorEvent::RedrawAsked => return Some(ScreenRequest::Redraw),
            EditorEvent::TooLong => {
                self.hint = Some("That is as long as a message can be.".to_owned());
                return Some(ScreenRequest::Ring);
            }
        }
        None
    }

    /// Handles an entered line.
    fn enter(&mut self, line: &str, model: &mut ClientModel, now: Moment) {
        let asked = self.question.is_some();
        self.input.finish((!asked).then(|| without_password(line)));
        let command = line.trim();
        if !asked && matches!(command, ":keys" | "/keys" | ":help keys" | "/help keys") {
            self.overlay = Some(ScreenOverlay::Keys(0));
            return;
        }
        if !asked && line.trim().is_empty() {
            // Enter alone goes to the newest message.
            self.scroll = Scroll::End;
            return;
        }
        model.act(Intent::Submit(line.to_owned()), now);
        self.scroll = Scroll::End;
        self.jump = None;
    }

    fn escape(&mut self, model: &mut ClientModel, now: Moment) {
        if self.input.is_recalling() {
            // ESC accepts the line that was found; the zero byte after it prevents that it begins a sequence.
            let _ = self.edit(b"\x1b\0", model, now);
        } else if self.question.is_some() {
            model.act(Intent::Cancel, now);
        } else {
            self.scroll = Scroll::End;
            self.jump = None;
        }
    }

    fn page(&mut self, up: bool, model: &mut ClientModel, now: Moment) {
        let by = self.height.saturating_sub(1).max(1);
        if !up {
            self.scroll = self.with_viewport(model, now, |view, scroll| view.scroll_down(scroll, by));
            return;
        }
        if self.scroll == Scroll::End {
            self.seen = model.current().items().back().map_or(i64::MIN, |last| last.key);
        }
        let (scroll, at_top) = self.with_viewport(model, now, |view, scroll| view.scroll_up(scroll, by));
        self.scroll = scroll;
        if at_top {
            match model.current().older() {
                Older::Possible => {
                    self.pin_top(model, now);
                    model.act(Intent::LoadOlder, now);
                }
                Older::Loading => {}
                Older::Nothing => self.hint = Some("This is the beginning.".to_owned()),
                Older::Full => self.hint = Some("No more messages are kept here; :search finds older ones.".to_owned()),
            }
        }
    }

    /// Keeps the rows in place while older messages are inserted above them, even if the channel is shorter than the
    /// screen.
    fn pin_top(&mut self, model: &ClientModel, now: Moment) {
        if self.scroll == Scroll::End
            && let Some(last) = model.current().items().back()
        {
            let rows = self.with_viewport(model, now, |view, _| view.rows_of(last.key));
            self.scroll = Scroll::At { key: last.key, row: rows.saturating_sub(1) };
        }
    }

    /// Follows changes of the model: another channel, another question, or the arrival of the message to jump to.
    pub(crate) fn follow(&mut self, model: &mut ClientModel, now: Moment) {
        self.follow_question(model);
        if model.current().key() != self.channel {
            self.exchange_drafts(model);
            self.channel = model.current().key();
            self.scroll = Scroll::End;
            self.seen = i64::MIN;
            if self.find.as_ref().is_some_and(|find| find.channel != self.channel) {
                self.find = None;
            }
            self.is_dirty = true;
        }
        self.follow_jump(model, now);
        self.follow_pattern();
    }

    /// Tells the model whether the end of the channel is visible.
    pub(crate) fn attend(&self, model: &mut ClientModel, now: Moment) {
        model.act(Intent::Attend(self.scroll == Scroll::End), now);
    }

    /// The prompt, and whether it is a question.
    pub(super) fn prompt(&self) -> (&str, bool) {
        match &self.question {
            Some(question) => (&question.prompt, true),
            None => ("> ", false),
        }
    }

    /// Whether the message to jump to is still being loaded.
    pub(super) fn is_jumping(&self) -> bool {
        self.jump.is_some()
    }
}
