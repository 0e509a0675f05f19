//! The forms of what people say, as lines on a terminal.
//!
//! | said | line |
//! | --- | --- |
//! | in a room | `[14:03] #12 bob: text` |
//! | as an action | `[14:03] #16 * bob waves` |
//! | to a user | `[14:03] #15 bob -> you: text`, on the author's side `[14:03] #15 you -> bob: text` |
//! | as an answer | `[14:03] #17 carol: (to #12 bob: "morning") text`; `(to #12, ignored)` for those who ignore bob |
//! | for a while | `[14:03] #18 bob (temporary, 10 s): text` |
//! | and edited | `[14:03] #12 bob: text (edited)` |
//! | on another day | `[2026-11-24 12:54] #12 bob: text` |
//! | where times and ids are off | `bob: text`, and as an action `** bob waves` |
//! | found | `[14:03] #12 general bob: text`, the hit between `>` and `<` where there is no colour |
//!
//! *Owns* these forms, wrapping with indented continuation rows, and what stands out in a line.
//! *Knows nothing of* who may see what.

use std::io::Write as _;
use std::ops::Range;

use super::{Clock, LineKind, Style};
use crate::chat::message::{ClientId, Event, Extra, Message};
use crate::chat::names::{UserName, fold, is_name_character};
use crate::text;

/// The indent of continuation rows of a wrapped line, and of every line of a message after its first, in columns: no user
/// text starts a screen line.
const INDENT: usize = 2;

/// Who reads a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipient<'a> {
    /// Their connection: tells the two sides of a direct message apart.
    pub client: ClientId,
    /// Their screen.
    pub look: Style,
    /// Their name, if it is to be highlighted where it is mentioned.
    pub name: Option<&'a UserName>,
    /// The event quotes a user they ignore.
    pub(crate) hides_quote: bool,
}

impl Recipient<'_> {
    /// Any member of a room with this style, for what looks the same to all of them.
    pub(crate) fn anybody(look: Style) -> Recipient<'static> {
        Recipient { client: ClientId(0), look, name: None, hides_quote: false }
    }
}

/// Appends one line with the mark of its kind, wrapped where the width is known, ended CR LF.
pub(crate) fn render_line(kind: LineKind, line: &str, look: Style, out: &mut Vec<u8>) {
    let color = if look.color { kind.color() } else { "" };
    out.extend_from_slice(color.as_bytes());
    let mark = kind.mark();
    if kind == LineKind::Command || (fits(mark.len() + line.len(), look) && !line.contains('\n')) {
        out.extend_from_slice(mark.as_bytes());
        out.extend_from_slice(line.as_bytes());
    } else {
        let line = [mark, line].concat();
        render_rows(&line, text::wrap_notice(&line, columns(look), INDENT), &[], out);
    }
    if !color.is_empty() {
        out.extend_from_slice(b"\x1b[0m");
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether a line with this number of bytes, and so at most as many columns, surely needs no wrapping.
fn fits(bytes: usize, look: Style) -> bool {
    look.columns.is_none_or(|columns| bytes <= usize::from(columns))
}

/// Appends an event as its viewers see it.
pub(crate) fn render_event(event: &Event, reader: Recipient<'_>, clock: &mut Clock, out: &mut Vec<u8>) {
    match event {
        Event::Said(message) => render_message(message, reader, clock, out),
        Event::Edited { message, .. } => render_event(message, reader, clock, out),
        Event::Happened { kind, .. } if reader.look.quiet && kind.is_presence() => {}
        Event::Happened { news, .. } | Event::Erased { news, .. } => {
            render_line(LineKind::News, news, reader.look, out)
        }
    }
}

/// Appends a message in its form.
pub(crate) fn render_message(message: &Message, reader: Recipient<'_>, clock: &mut Clock, out: &mut Vec<u8>) {
    let start = out.len();
    stamp(message, reader.look, clock, out);
    if out.len() == start && begins_like_news(message) {
        out.push(b'*');
    }
    head(message, &reader, out);
    let said = out.len();
    out.extend_from_slice(message.text.as_bytes());
    if message.extra.as_ref().is_some_and(|extra| extra.edited) {
        out.extend_from_slice(b" (edited)");
    }
    let stands_out =
        |name: &&UserName| reader.look.color && message.from != reader.client && mentioned(&message.text, name);
    let name = reader.name.filter(stands_out);
    if name.is_some() || !fits(out.len() - start, reader.look) || message.text.contains('\n') {
        render_again(start, said..said + message.text.len(), name, reader.look, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Removes the line that begins at `start` and renders it again in rows, with the name highlighted in its text.
#[inline(never)]
fn render_again(start: usize, text: Range<usize>, name: Option<&UserName>, look: Style, out: &mut Vec<u8>) {
    let line = String::from_utf8_lossy(&out[start..]).into_owned();
    out.truncate(start);
    let (offset, end) = (text.start - start, text.end - start);
    let marks = name.map_or_else(Vec::new, |name| mentions(&line[offset..end], name, offset));
    render_rows(&line, text::wrap_lines(&line, columns(look), INDENT), &marks, out);
}

/// Appends a message that a search found: where it was said, and the match in its text.
pub(crate) fn render_hit(
    message: &Message,
    place: &str,
    hit: Range<usize>,
    look: Style,
    clock: &mut Clock,
    out: &mut Vec<u8>,
) {
    let mut line = Vec::with_capacity(message.text.len() + 64);
    stamp(message, look.stamped(), clock, &mut line);
    // Writing to a Vec cannot fail.
    let _ = write!(line, "{place} {}: ", message.author);
    let before = message.text.get(..hit.start).unwrap_or("");
    let found = message.text.get(hit.clone()).unwrap_or("");
    let after = message.text.get(hit.end..).unwrap_or("");
    line.extend_from_slice(before.as_bytes());
    let start = line.len();
    if look.color {
        line.extend_from_slice(found.as_bytes());
    } else {
        line.extend_from_slice(&[b">", found.as_bytes(), b"<"].concat());
    }
    let end = line.len();
    line.extend_from_slice(after.as_bytes());
    let mark = look.color.then_some(start..end);
    let line = String::from_utf8_lossy(&line);
    render_rows(&line, text::wrap_lines(&line, columns(look), INDENT), mark.as_slice(), out);
    out.extend_from_slice(b"\r\n");
}

/// `[14:03] #12 `, or as much of it as the look has; `[2026-11-24 12:54] #12 ` where the message is not from today.
fn stamp(message: &Message, look: Style, clock: &mut Clock, out: &mut Vec<u8>) {
    if look.times {
        out.push(b'[');
        clock.stamp(message.at, out);
        out.extend_from_slice(b"] ");
    }
    if look.ids {
        out.push(b'#');
        decimal(message.id.0, out);
        out.push(b' ');
    }
}

/// Whether a message with neither time nor id would begin with `* `, as only the server's own lines do. It begins with
/// `** ` then: `** bob waves`.
fn begins_like_news(message: &Message) -> bool {
    message.extra.as_ref().is_some_and(|extra| extra.action && extra.to.is_empty())
}

/// A number's digits. Not `write!`: for most connections this is the deepest call, and it would cost each of them
/// another page of stack.
fn decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Everything between the number and the text.
fn head(message: &Message, reader: &Recipient<'_>, out: &mut Vec<u8>) {
    match &message.extra {
        Some(extra) => head_with(extra, message, reader, out),
        None => {
            out.extend_from_slice(message.author.as_str().as_bytes());
            out.extend_from_slice(b": ");
        }
    }
}

/// The same for a message with extra fields.
#[inline(never)]
fn head_with(extra: &Extra, message: &Message, reader: &Recipient<'_>, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail, here and below.
    let direct = !extra.to.is_empty();
    let temporary = |out: &mut Vec<u8>| {
        if let Some(lasts) = extra.lasts {
            let _ = write!(out, " (temporary, {} s)", lasts.as_secs());
        }
    };
    if direct && message.from == reader.client {
        out.extend_from_slice(b"you -> ");
        for (index, person) in extra.to.iter().enumerate() {
            let _ = write!(out, "{}{}", if index > 0 { ", " } else { "" }, person.name);
        }
        temporary(out);
        out.extend_from_slice(b": ");
    } else if direct {
        let _ = write!(out, "{} -> you", message.author);
        temporary(out);
        out.extend_from_slice(b": ");
    }
    if extra.action {
        let _ = write!(out, "* {}", message.author);
        if !direct {
            temporary(out);
        }
        out.push(b' ');
    } else if !direct {
        let _ = write!(out, "{}", message.author);
        temporary(out);
        out.extend_from_slice(b": ");
    }
    if let Some(reply) = &extra.reply {
        match &reply.start {
            _ if reader.hides_quote => {
                let _ = write!(out, "(to {}, ignored) ", reply.id);
            }
            Some(start) => {
                let _ = write!(out, "(to {} {}: \"{start}\") ", reply.id, reply.author);
            }
            None => {
                let _ = write!(out, "(to {} {}, gone) ", reply.id, reply.author);
            }
        }
    }
}

/// The width of the terminal, if it is known.
fn columns(look: Style) -> usize {
    look.columns.map_or(usize::MAX, usize::from)
}

/// Appends the rows of a line, without its end, with parts of it highlighted.
fn render_rows(line: &str, rows: Vec<&str>, marks: &[Range<usize>], out: &mut Vec<u8>) {
    let mut first = true;
    let mut emit = |row: &str, at: usize, out: &mut Vec<u8>| {
        if !std::mem::take(&mut first) {
            out.extend_from_slice(b"\r\n");
            out.resize(out.len() + INDENT, b' ');
        }
        render_row(row, at, marks, out);
    };
    for row in rows {
        // Rows are slices of the line.
        emit(row, row.as_ptr().addr() - line.as_ptr().addr(), out);
    }
}

/// One row that begins at byte `at` of its line.
fn render_row(row: &str, at: usize, marks: &[Range<usize>], out: &mut Vec<u8>) {
    let mut done = 0;
    for mark in marks {
        let start = mark.start.max(at + done).min(at + row.len()) - at;
        let end = mark.end.clamp(at + start, at + row.len()) - at;
        if start < end {
            out.extend_from_slice(&row.as_bytes()[done..start]);
            // Bold and not bold (ECMA-48, 8.3.117).
            out.extend_from_slice(b"\x1b[1m");
            out.extend_from_slice(&row.as_bytes()[start..end]);
            out.extend_from_slice(b"\x1b[22m");
            done = end;
        }
    }
    out.extend_from_slice(&row.as_bytes()[done..]);
}

/// Whether a text mentions a name: as a word of its own, in any case.
pub fn mentioned(said: &str, name: &UserName) -> bool {
    words(said).any(|(_, word)| is_name(word, name))
}

/// Where a text mentions a name, counted from `offset`.
fn mentions(said: &str, name: &UserName, offset: usize) -> Vec<Range<usize>> {
    let found = words(said).filter(|(_, word)| is_name(word, name));
    found.map(|(at, word)| offset + at..offset + at + word.len()).collect()
}

/// Whether a word is a name, in any case.
fn is_name(word: &str, name: &UserName) -> bool {
    word.eq_ignore_ascii_case(name.as_str()) || (!word.is_ascii() && fold(word) == name.folded())
}

/// The words of a text that could be names, and where they begin.
pub fn words(said: &str) -> impl Iterator<Item = (usize, &str)> {
    let no_name = |c: char| !is_name_character(c);
    let mut at = 0;
    said.split(no_name).map(move |word| {
        let start = at;
        // The separator may be longer than a byte, so take the start of the next word.
        at = start + word.len();
        at += said[at..].chars().next().map_or(0, char::len_utf8);
        (start, word)
    })
}
