//! Messages and replies to text: what one line of the server looks like on a terminal.
//!
//! *Owns* line forms, wrapping with indented continuation rows, colour, prompts, the clock on a message.
//! *Knows nothing of* rooms, people's states, sockets and locks.
//! *Called by* `outbox` (for everybody), `palette` (names the tones and places).

mod display;
#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::message::{Event, Message};
use crate::names::RoomName;
use crate::text;

pub use display::{Display, overwrite_prompt};

/// Continuation rows of a wrapped line are indented by so many columns, so that no user text starts a screen line.
const INDENT: usize = 2;

/// Everything that decides how a text looks. People whose looks are equal share one rendering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Look {
    /// The terminal understands `ESC[` sequences (ECMA-48).
    pub ansi: bool,
    /// The person wants colour, and the terminal can.
    pub color: bool,
    /// Width known from the terminal itself; `None`: lines are never wrapped.
    pub columns: Option<u16>,
}

impl Look {
    /// How everybody looks who has said nothing of his terminal.
    pub const PLAIN: Look = Look { ansi: false, color: false, columns: None };
}

/// Who speaks, seen from the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Somebody in a room, or text that brings its own form.
    Chat,
    /// The server, `* `.
    News,
    /// The server, refusing: `! `.
    Refusal,
}

impl Tone {
    fn mark(self) -> &'static str {
        match self {
            Tone::Chat => "",
            Tone::News => "* ",
            Tone::Refusal => "! ",
        }
    }

    /// Select Graphic Rendition (ECMA-48, 8.3.117) around the whole line. What is said stays as the terminal shows text;
    /// what the server says steps back, what it refuses stands out. The marks say the same without colour.
    fn color(self) -> &'static str {
        match self {
            Tone::Chat => "",
            Tone::News => "\x1b[2m",
            Tone::Refusal => "\x1b[33m",
        }
    }
}

/// Where a person is, as far as his prompt tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// No prompt: not greeted yet, or on the way out.
    Nowhere,
    /// Asked for his name.
    AskingName,
    /// Asked for a room, on the quick listener.
    AskingRoom,
    /// Asked for his name, on the quick listener.
    AskingQuickName,
    /// Asked for a password.
    AskingPassword,
    /// In the palette, with or without a current room.
    Palette(Option<RoomName>),
    /// In the chat view of a room.
    ChatView(RoomName),
}

impl Place {
    /// The prompt, exactly.
    pub fn prompt(&self) -> Arc<str> {
        match self {
            Place::Nowhere => "".into(),
            Place::AskingName => "Username: ".into(),
            Place::AskingRoom => "Enter room name: ".into(),
            Place::AskingQuickName => "Enter username: ".into(),
            Place::AskingPassword => "Password: ".into(),
            Place::Palette(None) => "> ".into(),
            Place::Palette(Some(room)) => format!("[{room}]> ").into(),
            Place::ChatView(room) => format!("{room} | ").into(),
        }
    }
}

/// Appends one line with its tone's mark, wrapped where the width is known, ended CR LF.
pub fn render_line(tone: Tone, line: &str, look: Look, out: &mut Vec<u8>) {
    let color = if look.color { tone.color() } else { "" };
    out.extend_from_slice(color.as_bytes());
    let mark = tone.mark();
    match look.columns {
        Some(columns) if mark.len() + line.len() > usize::from(columns) => {
            let whole = [mark, line].concat();
            let mut rows = text::wrap(&whole, usize::from(columns), INDENT).into_iter();
            out.extend_from_slice(rows.next().unwrap_or("").as_bytes());
            for row in rows {
                out.extend_from_slice(b"\r\n");
                out.resize(out.len() + INDENT, b' ');
                out.extend_from_slice(row.as_bytes());
            }
        }
        _ => {
            out.extend_from_slice(mark.as_bytes());
            out.extend_from_slice(line.as_bytes());
        }
    }
    if !color.is_empty() {
        out.extend_from_slice(b"\x1b[0m");
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a room event as its viewers see it.
pub fn render_event(event: &Event, clock: &mut Clock, look: Look, out: &mut Vec<u8>) {
    match event {
        Event::Said(message) => render_message(message, clock, look, out),
        Event::Happened { news, .. } => render_line(Tone::News, news, look, out),
    }
}

/// Appends `[HH:MM] #ID name: text`.
pub fn render_message(message: &Message, clock: &mut Clock, look: Look, out: &mut Vec<u8>) {
    let start = out.len();
    out.push(b'[');
    out.extend_from_slice(&clock.minute(message.at));
    out.extend_from_slice(b"] #");
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{} {}: ", message.id.0, message.author);
    out.extend_from_slice(message.text.as_bytes());
    match look.columns {
        Some(columns) if out.len() - start > usize::from(columns) => {
            let line = String::from_utf8_lossy(&out[start..]).into_owned();
            out.truncate(start);
            render_line(Tone::Chat, &line, look, out);
        }
        _ => out.extend_from_slice(b"\r\n"),
    }
}

/// Turns moments into the minute shown on a message. Remembers the last minute: a batch of messages asks for one and the
/// same, and a time zone look-up costs more than the rest of the line.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: TimeZone,
    /// Seconds of the Unix time at which the remembered minute starts, and how it is shown.
    remembered: Option<(i64, [u8; 5])>,
}

impl Clock {
    /// A clock of a time zone.
    pub fn new(zone: TimeZone) -> Clock {
        Clock { zone, remembered: None }
    }

    /// `HH:MM`.
    pub fn minute(&mut self, at: Timestamp) -> [u8; 5] {
        let second = at.as_second();
        if let Some((start, shown)) = self.remembered
            && (start..start + 60).contains(&second)
        {
            return shown;
        }
        let time = self.zone.to_datetime(at).time();
        let digits = |n: i8| [b'0' + n.unsigned_abs() / 10, b'0' + n.unsigned_abs() % 10];
        let ([h1, h2], [m1, m2]) = (digits(time.hour()), digits(time.minute()));
        let shown = [h1, h2, b':', m1, m2];
        self.remembered = Some((second - i64::from(time.second()), shown));
        shown
    }

    /// The zone the clock shows.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }
}
