//! Items of a channel as rows of text.
//!
//! | item | row |
//! | --- | --- |
//! | message | `14:02 #12 bob: text`, as an action `14:02 #16 * bob waves`, for a while `14:02 #18 bob (10 s left): text`; or a bubble, see [`super::bubble`] |
//! | line of the server | `* text` |
//! | refusal | `! text` |
//!
//! *Owns* these forms, the rules between items, and the wrapping of rows. *Knows nothing of* the height of the screen.

use std::cell::RefCell;
use std::collections::HashMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::look::Look;
use super::spans::{Marks, spans};
use crate::cli::connect::model::{ChatMessage, Item, ItemContent, ViewSettings};
use crate::text;

/// What all rows depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paper<'a> {
    pub(super) look: Look,
    /// Messages have frames.
    pub(super) bubbles: bool,
    pub(super) columns: usize,
    pub(super) zone: &'a TimeZone,
    pub(super) now: Timestamp,
    pub(super) marks: Marks<'a>,
    /// The key of the current search hit.
    pub(super) hit: Option<i64>,
    /// The key of the first unread item: the marker is above it.
    pub(super) marker: Option<i64>,
    pub(super) settings: ViewSettings,
    /// The widths of framed messages, by key. Each is needed several times per frame.
    pub(super) widths: &'a RefCell<HashMap<i64, usize>>,
}

impl Paper<'_> {
    fn local(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    pub(super) fn date(&self, at: Timestamp) -> Date {
        self.local(at).date()
    }

    /// `14:02`
    pub(super) fn time(&self, at: Timestamp) -> String {
        let local = self.local(at);
        format!("{:02}:{:02}", local.hour(), local.minute())
    }

    /// The number and the time in a frame: `#12 14:02`.
    pub(super) fn stamp(&self, item: &Item, message: &ChatMessage) -> String {
        let mut stamp = String::new();
        if let Some(left) = self.seconds_left(message) {
            stamp.push_str(&format!("{left} s left "));
        }
        if let Some(number) = message.number.filter(|_| self.settings.ids) {
            stamp.push_str(&format!("#{number} "));
        }
        if self.settings.timestamps {
            stamp.push_str(&self.time(item.at));
        }
        stamp.truncate(stamp.trim_end().len());
        stamp
    }

    /// Seconds until a message disappears.
    pub(super) fn seconds_left(&self, message: &ChatMessage) -> Option<i64> {
        let temporary = message.temporary.filter(|_| message.gone.is_none())?;
        let left = temporary.ends.duration_since(self.now).as_millis();
        i64::try_from(left.max(0)).ok().map(|left| left.div_euclid(1000) + i64::from(left % 1000 > 0))
    }
}

/// The rules between an item and the one before it: a new day, and the marker of unread messages.
pub(super) fn rules(paper: &Paper<'_>, before: Option<&Item>, item: &Item) -> Vec<Line<'static>> {
    let mut rules = Vec::new();
    let date = paper.date(item.at);
    let is_news = before.map_or(paper.date(paper.now) != date, |before| paper.date(before.at) != date);
    if is_news {
        rules.push(rule(paper, &date.strftime("%A, %-d %B %Y").to_string(), paper.look.muted()));
    }
    if paper.marker == Some(item.key) {
        rules.push(rule(paper, "new", paper.look.accent()));
    }
    rules
}

/// `───── word ─────`
fn rule(paper: &Paper<'_>, word: &str, style: Style) -> Line<'static> {
    let word = text::truncate(word, paper.columns.saturating_sub(4));
    let rest = paper.columns.saturating_sub(text::width(word) + 2);
    let across = paper.look.glyphs().across;
    let row = format!("{} {word} {}", across.repeat(rest / 2), across.repeat(rest - rest / 2));
    Line::styled(row, style)
}

/// An item as rows without frames.
pub(super) fn lines(paper: &Paper<'_>, item: &Item) -> Vec<Line<'static>> {
    let look = paper.look;
    match &item.content {
        ItemContent::Message(message) | ItemContent::Copy(message) => message_lines(paper, item, message),
        ItemContent::News(said) => wrapped(paper, "* ", look.news(), said, Style::new()),
        ItemContent::Error(said) => wrapped(paper, "! ", look.error(), said, look.error()),
        ItemContent::Refused { text, why } => {
            let mut rows = wrapped(paper, "> ", look.muted(), text, look.muted());
            rows.extend(wrapped(paper, "! ", look.error(), why, look.error()));
            rows
        }
        ItemContent::Presence(presence) => wrapped(paper, "* ", look.muted(), &presence.sentence(), look.muted()),
        ItemContent::Rule(word) => vec![rule(paper, word, look.muted())],
    }
}

/// Text with a mark before its first row; the other rows are indented.
pub(super) fn wrapped(
    paper: &Paper<'_>,
    mark: &'static str,
    mark_style: Style,
    said: &str,
    style: Style,
) -> Vec<Line<'static>> {
    let columns = paper.columns.saturating_sub(mark.len()).max(1);
    let rows = text::wrap_lines(said, columns, 0);
    let first = |at: usize| if at == 0 { Span::styled(mark, mark_style) } else { Span::raw(" ".repeat(mark.len())) };
    let row = |(at, row): (usize, &str)| {
        let mut pieces = vec![first(at)];
        pieces.extend(spans(row, style, paper.look, paper.marks));
        Line::from(pieces)
    };
    rows.into_iter().enumerate().map(row).collect()
}

fn message_lines(paper: &Paper<'_>, item: &Item, message: &ChatMessage) -> Vec<Line<'static>> {
    let look = paper.look;
    let mut stamp = String::new();
    if paper.settings.timestamps {
        stamp.push_str(&paper.time(item.at));
        stamp.push(' ');
    }
    if let Some(number) = message.number.filter(|_| paper.settings.ids) {
        stamp.push_str(&format!("#{number} "));
    }
    let mut head = vec![Span::styled(stamp, look.muted())];
    if message.mention {
        head.push(Span::styled("@ ", look.accent()));
    }
    if message.action {
        head.push(Span::raw("* "));
    }
    head.push(Span::styled(message.author.clone(), look.person(&message.author)));
    if message.private {
        let to = if message.own { format!(" to {}", message.to.join(", ")) } else { String::new() };
        head.push(Span::styled(format!("{to} (Private)"), look.muted()));
    }
    if let Some(quoted) = &message.quoted {
        head.push(Span::styled(format!(" (to {})", quoted.described()), look.muted()));
    }
    if let Some(left) = paper.seconds_left(message) {
        head.push(Span::styled(format!(" ({left} s left)"), look.muted()));
    }
    head.push(Span::raw(if message.action { " " } else { ": " }));
    // The head is wrapped with the text, so that a long quotation fits too.
    let plain: String = head.iter().map(|span| &*span.content).collect();
    let indent = if paper.columns >= 30 { 6 } else { 2 };
    let (said, style) = body(paper, message);
    let rows = text::wrap_lines(&said, usize::MAX, 0);
    let mut built = Vec::new();
    for (at, row) in rows.into_iter().enumerate() {
        if at == 0 {
            built.extend(hanging(paper, &plain, std::mem::take(&mut head), row, style, indent));
        } else {
            let wide = paper.columns.saturating_sub(indent).max(1);
            built.extend(text::wrap(row, wide, 0).into_iter().map(|row| indented(paper, row, style, indent)));
        }
    }
    built
}

/// Wraps the head of a message and the first line of its text together.
fn hanging(
    paper: &Paper<'_>,
    head: &str,
    pieces: Vec<Span<'static>>,
    said: &str,
    style: Style,
    indent: usize,
) -> Vec<Line<'static>> {
    let whole = [head, said].concat();
    let rows = text::wrap(&whole, paper.columns.max(1), indent.min(paper.columns.saturating_sub(1)));
    let mut built = Vec::with_capacity(rows.len());
    let start_of = |row: &str| row.as_ptr() as usize - whole.as_ptr() as usize;
    for row in rows {
        let (start, end) = (start_of(row), start_of(row) + row.len());
        let mut line = Vec::new();
        if start > 0 {
            line.push(Span::raw(" ".repeat(indent.min(paper.columns.saturating_sub(1)))));
        }
        let mut at = 0;
        for piece in &pieces {
            let (from, to) = (at.max(start), (at + piece.content.len()).min(end));
            if from < to {
                line.push(Span::styled(whole[from..to].to_owned(), piece.style));
            }
            at += piece.content.len();
        }
        if end > head.len() {
            line.extend(spans(&whole[start.max(head.len())..end], style, paper.look, paper.marks));
        }
        built.push(Line::from(line));
    }
    built
}

fn indented(paper: &Paper<'_>, row: &str, style: Style, indent: usize) -> Line<'static> {
    let mut line = vec![Span::raw(" ".repeat(indent))];
    line.extend(spans(row, style, paper.look, paper.marks));
    Line::from(line)
}

/// The text of a message, or the notice that replaces it, and its style.
pub(super) fn body(paper: &Paper<'_>, message: &ChatMessage) -> (String, Style) {
    if let Some(gone) = message.gone {
        return (format!("({})", gone.sentence()), paper.look.muted().add_modifier(Modifier::ITALIC));
    }
    let style = if message.action { Style::new().add_modifier(Modifier::ITALIC) } else { Style::new() };
    let edited = if message.edited { " (edited)" } else { "" };
    (format!("{}{edited}", message.text), style)
}

/// Whether two lines of the server belong together, such as those of `:help`. Only the first then has a mark.
pub(super) fn continues(before: &Item, item: &Item) -> bool {
    let is_news = |item: &Item| matches!(item.content, ItemContent::News(_));
    is_news(before) && is_news(item) && item.at.duration_since(before.at).as_millis() < 100
}

/// Removes the mark from the first row.
pub(super) fn unmark(rows: &mut [Line<'static>]) {
    if let Some(mark) = rows.iter_mut().flat_map(|row| row.spans.first_mut()).find(|span| span.content == "* ") {
        mark.content = "  ".into();
    }
}

/// A waiting line, with its state.
pub(super) fn waiting(paper: &Paper<'_>, said: &str, state: &str) -> Vec<Line<'static>> {
    let look = paper.look;
    wrapped(paper, "> ", look.muted(), &format!("{said} ({state})"), look.muted())
}

/// Highlights the rows of the current search hit.
pub(super) fn point_out(paper: &Paper<'_>, rows: &mut [Line<'static>]) {
    for row in rows {
        row.style = row.style.patch(paper.look.accent());
    }
}
