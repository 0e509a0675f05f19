//! Messages in frames: other users' on the left, the user's own on the right.
//!
//! ```text
//! ╭─ bob ──────────────────╮
//! │ Good morning! #11 14:01│
//! │ Who is in?    #12 14:02│
//! ╰────────────────────────╯
//!                          ╭─────────────────╮
//!                          │ I am. #13 14:03 │
//!                          ╰─────────────────╯
//! ```
//!
//! Messages of one person within a few minutes share a frame.
//!
//! *Owns* the frames, and which messages share one. *Knows nothing of* the height of the screen.

use std::collections::VecDeque;

use jiff::SignedDuration;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::rows::{Paper, body, lines};
use super::spans::spans;
use crate::cli::connect::model::{ChatMessage, Item, ItemContent};
use crate::text;

/// Widest frame, in columns. Longer rows are tiring to read.
const WIDEST: usize = 60;

/// Columns of the terminal that a frame leaves free, so that left and right can be told apart.
const FREE: usize = 8;

/// Longest pause between two messages in one frame.
const PAUSE: SignedDuration = SignedDuration::from_mins(5);

/// Most messages in one frame. Drawing any part of a frame takes all of its messages.
const MOST_TOGETHER: i64 = 32;

/// The most columns inside a frame.
fn inside(columns: usize) -> usize {
    WIDEST.min(columns.saturating_sub(FREE)).saturating_sub(4).max(8)
}

/// A message laid out for a frame: its rows and its width in columns.
struct Content {
    rows: Vec<Vec<Span<'static>>>,
    width: usize,
}

/// Whether two successive items share a frame.
pub(super) fn share_a_frame(paper: &Paper<'_>, first: &Item, second: &Item) -> bool {
    let (Some(a), Some(b)) = (framed(first), framed(second)) else { return false };
    a.author == b.author
        && a.own == b.own
        && a.private == b.private
        && a.to == b.to
        && second.at.duration_since(first.at) <= PAUSE
        && second.key.rem_euclid(MOST_TOGETHER) != 0
        && paper.marker != Some(second.key)
        && paper.date(first.at) == paper.date(second.at)
}

/// The message of the item, if it has a frame. Actions have none.
fn framed(item: &Item) -> Option<&ChatMessage> {
    item.said().filter(|message| !message.action)
}

/// The rows of an item. Its neighbours determine whether a frame begins or ends here.
pub(super) fn bubble(paper: &Paper<'_>, items: &VecDeque<Item>, at: usize) -> Vec<Line<'static>> {
    let Some(item) = items.get(at) else { return Vec::new() };
    if let ItemContent::Refused { text, why } = &item.content {
        return refused(paper, text, why);
    }
    let Some(message) = framed(item) else { return lines(paper, item) };
    let joined = |first: usize| match (items.get(first), items.get(first + 1)) {
        (Some(a), Some(b)) => share_a_frame(paper, a, b),
        _ => false,
    };
    let begins = at.checked_sub(1).is_none_or(|before| !joined(before));
    let ends = !joined(at);
    let own = content(paper, item, message);
    let head = head(message);
    // The frame is as wide as the widest message in it.
    let mut width = own.width.max(text::width(&head) + 2);
    let mut first = at;
    while let Some(before) = first.checked_sub(1).filter(|before| joined(*before)) {
        first = before;
        width = width.max(width_of(paper, items.get(first)));
    }
    let mut last = at;
    while joined(last) {
        last += 1;
        width = width.max(width_of(paper, items.get(last)));
    }
    let width = width.min(inside(paper.columns));
    frame(paper, message, &head, own, width, begins, ends)
}

fn width_of(paper: &Paper<'_>, item: Option<&Item>) -> usize {
    let Some((item, message)) = item.and_then(|item| Some((item, framed(item)?))) else { return 0 };
    if let Some(known) = paper.widths.borrow().get(&item.key) {
        return *known;
    }
    let width = content(paper, item, message).width;
    paper.widths.borrow_mut().insert(item.key, width);
    width
}

/// The upper edge's text: ` bob `, ` bob (Private) `, ` to bob (Private) `; empty for the user's own messages in a room.
fn head(message: &ChatMessage) -> String {
    match (message.own, message.private) {
        (false, false) => format!(" {} ", message.author),
        (false, true) => format!(" {} (Private) ", message.author),
        (true, true) => format!(" to {} (Private) ", message.to.join(", ")),
        (true, false) => String::new(),
    }
}

fn content(paper: &Paper<'_>, item: &Item, message: &ChatMessage) -> Content {
    let look = paper.look;
    let most = inside(paper.columns);
    let mut rows = Vec::new();
    let mut width = 0;
    if let Some(quoted) = &message.quoted {
        let whole = format!("{} {}", look.glyphs().quote, quoted.described());
        let shown = shortened(&whole, most, look.glyphs().ellipsis);
        width = text::width(&shown);
        rows.push(vec![Span::styled(shown, look.muted())]);
    }
    let (said, style) = body(paper, message);
    let wrapped = text::wrap_lines(&said, most, 0);
    let mut last = 0;
    for row in wrapped {
        last = text::width(row);
        width = width.max(last);
        rows.push(spans(row, style, look, paper.marks));
    }
    let stamp = paper.stamp(item, message);
    let stamp_width = text::width(&stamp);
    if last + 2 + stamp_width > most && stamp_width > 0 {
        rows.push(Vec::new());
        last = 0;
    }
    width = width.max(last + if last > 0 { 2 } else { 0 } + stamp_width).min(most);
    if let Some(row) = rows.last_mut() {
        // To the right edge, wherever that will be: `frame` fills the gap before the last piece.
        row.push(Span::styled(text::truncate(&stamp, most).to_owned(), look.muted()));
    }
    Content { rows, width }
}

fn frame(
    paper: &Paper<'_>,
    message: &ChatMessage,
    head: &str,
    own: Content,
    width: usize,
    begins: bool,
    ends: bool,
) -> Vec<Line<'static>> {
    let (look, glyphs) = (paper.look, paper.look.glyphs());
    let edge = match (message.mention, message.own) {
        (true, _) => look.accent(),
        (false, true) => look.own_frame(),
        (false, false) => look.muted(),
    };
    let margin = if message.own { paper.columns.saturating_sub(width + 5) } else { 1.min(paper.columns) };
    let margin = || Span::raw(" ".repeat(margin));
    let mut built = Vec::with_capacity(own.rows.len() + 2);
    if begins {
        let name = shortened(head, width, glyphs.ellipsis);
        let rest = width + 1 - if name.is_empty() { 0 } else { text::width(&name) };
        let name_style = if message.own { look.muted() } else { look.person(&message.author) };
        let (name, private) = match name.strip_suffix("(Private) ") {
            Some(name) => (name.to_owned(), "(Private) "),
            None => (name, ""),
        };
        built.push(Line::from(vec![
            margin(),
            Span::styled([glyphs.top_left, glyphs.across].concat(), edge),
            Span::styled(name, name_style),
            Span::styled(private, look.muted()),
            Span::styled([&glyphs.across.repeat(rest), glyphs.top_right].concat(), edge),
        ]));
    }
    let count = own.rows.len();
    for (at, mut row) in own.rows.into_iter().enumerate() {
        let used: usize = row.iter().map(|span| text::width(&span.content)).sum();
        let gap = Span::raw(" ".repeat(width.saturating_sub(used)));
        let place = if at + 1 == count { row.len().saturating_sub(1) } else { row.len() };
        row.insert(place, gap);
        let mut line = vec![margin(), Span::styled(glyphs.down, edge), Span::raw(" ")];
        line.append(&mut row);
        line.extend([Span::raw(" "), Span::styled(glyphs.down, edge)]);
        built.push(Line::from(line));
    }
    if ends {
        let across = glyphs.across.repeat(width + 2);
        built.push(Line::from(vec![
            margin(),
            Span::styled([glyphs.bottom_left, &across, glyphs.bottom_right].concat(), edge),
        ]));
    }
    built
}

/// A refused line, on the right, with the reason below it.
fn refused(paper: &Paper<'_>, said: &str, why: &str) -> Vec<Line<'static>> {
    let (look, most) = (paper.look, inside(paper.columns));
    let mut rows = plain_rows(said, most, look.muted());
    rows.extend(plain_rows(&format!("! {why}"), most, look.error()));
    own_frame(paper, rows)
}

/// A waiting line, on the right. Its state is where the number and the time will be, so that nothing moves when the
/// message arrives.
pub(super) fn waiting(paper: &Paper<'_>, said: &str, state: &str) -> Vec<Line<'static>> {
    let (look, most) = (paper.look, inside(paper.columns));
    let mut rows = plain_rows(said, most, look.muted());
    let last = rows.last().map_or(0, Line::width);
    if last + 2 + text::width(state) <= most
        && let Some(row) = rows.last_mut()
    {
        row.push_span(Span::raw(format!("  {state}")));
    } else {
        rows.extend(plain_rows(state, most, look.muted()));
    }
    own_frame(paper, rows)
}

fn plain_rows(said: &str, most: usize, style: Style) -> Vec<Line<'static>> {
    text::wrap_lines(said, most, 0).into_iter().map(|row| Line::styled(row.to_owned(), style)).collect()
}

fn own_frame(paper: &Paper<'_>, rows: Vec<Line<'static>>) -> Vec<Line<'static>> {
    let (look, glyphs) = (paper.look, paper.look.glyphs());
    let width = rows.iter().map(Line::width).max().unwrap_or(0).min(inside(paper.columns));
    let margin = " ".repeat(paper.columns.saturating_sub(width + 5));
    let edge = |left: &str, right: &str| {
        let across = glyphs.across.repeat(width + 2);
        Line::from(vec![Span::raw(margin.clone()), Span::styled([left, &across, right].concat(), look.muted())])
    };
    let mut built = vec![edge(glyphs.top_left, glyphs.top_right)];
    for row in rows {
        let gap = " ".repeat(width.saturating_sub(row.width()));
        let mut pieces = vec![Span::raw(margin.clone()), Span::styled(format!("{} ", glyphs.down), look.muted())];
        let style = row.style;
        pieces.extend(row.spans.into_iter().map(|span| Span::styled(span.content, style)));
        pieces.push(Span::styled(format!("{gap} {}", glyphs.down), look.muted()));
        built.push(Line::from(pieces));
    }
    built.push(edge(glyphs.bottom_left, glyphs.bottom_right));
    built
}

/// The text, or its start with an ellipsis.
pub(super) fn shortened(whole: &str, columns: usize, ellipsis: &str) -> String {
    if text::width(whole) <= columns {
        return whole.to_owned();
    }
    let kept = text::truncate(whole, columns.saturating_sub(text::width(ellipsis)));
    text::truncate(&[kept, ellipsis].concat(), columns).to_owned()
}
