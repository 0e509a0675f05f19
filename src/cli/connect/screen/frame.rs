//! The parts of the screen, and where they are.
//!
//! ```text
//! room line
//! rooms | messages
//! ------- hint ----
//! > input, up to five rows
//! status
//! ```
//!
//! A small screen loses the room line first, then the hint, the messages and the status; the input stays.
//!
//! *Owns* the division of the screen, the bars and the list of rooms. *Knows nothing of* keys and scrolling.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::bubble::shortened;
use super::help::KEYS;
use super::look::Look;
use crate::cli::connect::model::{Channel, ChannelKey, ClientModel};
use crate::text::{self, width};

/// The least columns of a terminal that shows the list of rooms at the side, and the width of that list.
const ROOMS_FROM: u16 = 90;
const ROOMS_WIDTH: u16 = 22;

/// Columns that a hint leaves to the rule that it is in.
pub(super) const AROUND_A_HINT: usize = 6;

/// The areas of the screen. A part that does not fit has no rows or no columns.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Areas {
    pub(super) top: Rect,
    pub(super) rooms: Rect,
    pub(super) messages: Rect,
    pub(super) hint: Rect,
    pub(super) input: Rect,
    pub(super) status: Rect,
}

/// Divides a screen whose input takes `input_rows` rows.
pub(super) fn divide(screen: Rect, input_rows: u16) -> Areas {
    let input = input_rows.clamp(1, screen.height.max(1)).min(screen.height);
    let mut left = screen.height - input;
    let mut take = |wanted: u16, at_least: u16| {
        let taken = if left >= at_least { wanted.min(left) } else { 0 };
        left -= taken;
        taken
    };
    let status = take(1, 1);
    let hint = take(1, 3);
    let top = take(1, 4);
    let messages = left;
    let rooms = if screen.width >= ROOMS_FROM { ROOMS_WIDTH } else { 0 };
    let row = |y: u16, height: u16| Rect::new(screen.x, screen.y + y, screen.width, height);
    let middle = row(top, messages);
    Areas {
        top: row(0, top),
        rooms: Rect { width: rooms, ..middle },
        messages: Rect { x: middle.x + rooms, width: middle.width - rooms, ..middle },
        hint: row(top + messages, hint),
        input: row(top + messages + hint, input),
        status: row(top + messages + hint + input, status),
    }
}

/// Draws rows of text from the top of an area.
pub(super) fn rows(area: Rect, rows: &[Line<'_>], buffer: &mut Buffer) {
    for (y, row) in (area.y..area.bottom()).zip(rows) {
        buffer.set_line(area.x, y, row, area.width);
        if row.style != Style::default() {
            buffer.set_style(Rect { y, height: 1, ..area }, row.style);
        }
    }
}

/// `general`, `@bob`, `palette`
pub(super) fn name_of(channel: &Channel) -> String {
    if channel.is_palette() {
        "palette".to_owned()
    } else if channel.is_room() {
        channel.name().to_owned()
    } else {
        channel.shown()
    }
}

/// The room line.
pub(super) fn room_line(area: Rect, model: &ClientModel, look: Look, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let glyphs = look.glyphs();
    let columns = usize::from(area.width);
    let channel = model.current();
    let mut line = format!(" {}", name_of(channel));
    let about = if channel.is_palette() { "commands, and what the server says" } else { channel.description() };
    if !about.is_empty() {
        line.push_str(glyphs.separator);
        line.push_str(about);
    }
    let keys = "F1 keys ";
    let wide = columns.saturating_sub(keys.len() + 2);
    let line = if columns >= 40 {
        format!("{}  {keys}", text::pad(&shortened(&line, wide, glyphs.ellipsis), wide))
    } else {
        text::pad(&shortened(&line, columns, glyphs.ellipsis), columns)
    };
    buffer.set_stringn(area.x, area.y, line, columns, look.bar());
}

/// `general 5 people 2 unread in games connected, TLS 1.3`, or as much of it as fits.
pub(super) fn status_line(area: Rect, model: &ClientModel, connection: &str, look: Look, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let columns = usize::from(area.width);
    let channel = model.current();
    let name = name_of(channel);
    let people = if channel.is_room() && channel.people() > 0 { text::people(channel.people()) } else { String::new() };
    let unread = unread(model);
    let count = match model.unread_elsewhere() {
        0 => String::new(),
        count => format!("{count} unread"),
    };
    let fits = |parts: &[&str]| {
        let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
        Some(parts.join("  ")).filter(|line| width(line) <= columns)
    };
    let status = fits(&[&name, &people, &unread, connection])
        .or_else(|| fits(&[&name, &unread, connection]))
        .or_else(|| fits(&[&name, &count, connection]))
        .or_else(|| fits(&[&unread, connection]))
        .or_else(|| fits(&[&count, connection]))
        .or_else(|| fits(&[connection]))
        .unwrap_or_else(|| shortened(connection, columns, look.glyphs().ellipsis));
    buffer.set_stringn(area.x, area.y, text::pad(&status, columns), columns, look.bar());
}

/// `2 unread in games`, `5 unread in games and 1 other`: the channel with most mentions first.
fn unread(model: &ClientModel) -> String {
    let current = model.current().key();
    let mut elsewhere: Vec<&Channel> =
        model.channels().iter().filter(|channel| channel.key() != current && channel.unread() > 0).collect();
    elsewhere.sort_by_key(|channel| std::cmp::Reverse(channel.mentions()));
    let Some(first) = elsewhere.first() else { return String::new() };
    let more = match elsewhere.len() - 1 {
        0 => String::new(),
        1 => " and 1 other".to_owned(),
        more => format!(" and {more} others"),
    };
    format!("{} unread in {}{more}", model.unread_elsewhere(), name_of(first))
}

/// The rule above the input, with a hint in it.
pub(super) fn hint_line(area: Rect, hint: &str, style: Style, look: Look, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let columns = usize::from(area.width);
    let glyphs = look.glyphs();
    buffer.set_stringn(area.x, area.y, glyphs.across.repeat(columns), columns, look.muted());
    if !hint.is_empty() && columns > AROUND_A_HINT {
        let hint = format!(" {} ", shortened(hint, columns - AROUND_A_HINT, glyphs.ellipsis));
        buffer.set_stringn(area.x + 2, area.y, hint, columns - 4, style);
    }
}

/// One row of the list of rooms: `general 2`, with `@` if the user is mentioned there.
pub(super) fn room_row(channel: &Channel, is_current: bool, columns: usize, look: Look) -> Line<'static> {
    let count = match (channel.unread(), channel.mentions()) {
        (0, _) => String::new(),
        (unread, 0) => unread.to_string(),
        (unread, _) => format!("@ {unread}"),
    };
    let wide = columns.saturating_sub(width(&count) + 2);
    let name = text::pad(&shortened(&name_of(channel), wide, look.glyphs().ellipsis), wide);
    let style = match (is_current, channel.mentions() > 0, channel.unread() > 0) {
        (true, _, _) => look.bar(),
        (false, true, _) => look.accent(),
        (false, false, true) => Style::new().add_modifier(Modifier::BOLD),
        (false, false, false) => Style::new(),
    };
    Line::from(vec![Span::styled(format!(" {name}{count} "), style)])
}

/// The list of rooms at the side.
pub(super) fn room_list(area: Rect, model: &ClientModel, look: Look, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let height = usize::from(area.height);
    let channels = model.channels();
    let current = channels.iter().position(|channel| channel.key() == model.current().key()).unwrap_or(0);
    let top = top_of(current, channels.len(), height);
    let columns = usize::from(area.width) - 1;
    let list: Vec<Line<'_>> = channels
        .iter()
        .enumerate()
        .skip(top)
        .take(height)
        .map(|(at, channel)| room_row(channel, at == current, columns, look))
        .collect();
    rows(Rect { width: area.width - 1, ..area }, &list, buffer);
    for y in area.y..area.bottom() {
        buffer.set_stringn(area.right() - 1, y, look.glyphs().down, 1, look.muted());
    }
}

/// The first of `count` rows to show in a window of `height` rows, so that the chosen row is visible.
pub(super) fn top_of(chosen: usize, count: usize, height: usize) -> usize {
    chosen.saturating_sub(height / 2).min(count.saturating_sub(height))
}

/// The list of rooms as a box, with the chosen room marked.
pub(super) fn room_box(model: &ClientModel, chosen: ChannelKey, area: Rect, look: Look, buffer: &mut Buffer) {
    let columns = usize::from(area.width.min(40).saturating_sub(4));
    let channels = model.channels();
    let at = channels.iter().position(|channel| channel.key() == chosen).unwrap_or(0);
    let height = usize::from(area.height.saturating_sub(2));
    let list: Vec<Line<'static>> = channels
        .iter()
        .enumerate()
        .skip(top_of(at, channels.len(), height))
        .take(height)
        .map(|(place, channel)| room_row(channel, place == at, columns, look))
        .collect();
    boxed("Rooms: arrows, Enter", list, area, look, buffer);
}

/// The keys as a box, from row `top` on.
pub(super) fn key_box(top: usize, area: Rect, look: Look, buffer: &mut Buffer) {
    let columns = usize::from(area.width.saturating_sub(4));
    let mut list = Vec::new();
    for (key, does) in KEYS {
        if key.is_empty() {
            list.push(Line::styled(*does, Style::new().add_modifier(Modifier::BOLD)));
            continue;
        }
        let indent = 19.min(columns / 2);
        for (row, part) in text::wrap(does, columns.saturating_sub(indent), 0).into_iter().enumerate() {
            let key = if row == 0 { shortened(key, indent.saturating_sub(1), "") } else { String::new() };
            list.push(Line::from(vec![Span::styled(text::pad(&key, indent), look.news()), Span::raw(part.to_owned())]));
        }
    }
    let height = usize::from(area.height.saturating_sub(2));
    let top = top.min(list.len().saturating_sub(height));
    list.drain(..top);
    boxed("Keys: arrows scroll, Esc closes", list, area, look, buffer);
}

/// A frame just large enough for the rows, drawn over the screen.
pub(super) fn boxed(title: &str, list: Vec<Line<'static>>, area: Rect, look: Look, buffer: &mut Buffer) {
    if area.width < 6 || area.height < 3 {
        return;
    }
    let glyphs = look.glyphs();
    let widest = list.iter().map(Line::width).max().unwrap_or(0).max(width(title) + 2);
    let inner = widest.min(usize::from(area.width) - 4);
    let height = list.len().min(usize::from(area.height) - 2);
    let (columns, tall) = (u16::try_from(inner).unwrap_or(0) + 4, u16::try_from(height).unwrap_or(0) + 2);
    let place = Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.y + (area.height - tall) / 2,
        width: columns,
        height: tall,
    };
    let title = shortened(&format!(" {title} "), inner + 1, glyphs.ellipsis);
    let rest = glyphs.across.repeat(inner + 1 - width(&title).min(inner + 1));
    let edge = |y: u16, row: String, buffer: &mut Buffer| {
        buffer.set_stringn(place.x, y, row, usize::from(columns), look.muted());
    };
    for y in place.y..place.bottom() {
        for x in place.x..place.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
            }
        }
    }
    edge(place.y, format!("{}{}{title}{rest}{}", glyphs.top_left, glyphs.across, glyphs.top_right), buffer);
    let bottom = glyphs.across.repeat(inner + 2);
    edge(place.bottom() - 1, format!("{}{bottom}{}", glyphs.bottom_left, glyphs.bottom_right), buffer);
    for (y, row) in (place.y + 1..place.bottom() - 1).zip(&list) {
        edge(y, glyphs.down.to_owned(), buffer);
        buffer.set_line(place.x + 2, y, row, columns - 4);
        buffer.set_stringn(place.right() - 1, y, glyphs.down, 1, look.muted());
    }
}
