//! Draws the screen.
//!
//! *Owns* which part of the screen shows what. *Knows nothing of* keys and of the terminal behind the buffer.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::bubble::shortened;
use super::find::{Find, FindStage};
use super::frame;
use super::input::{InputLayout, MOST_ROWS};
use super::rows::Paper;
use super::spans::{Marks, spans};
use super::state::{Screen, ScreenOverlay};
use super::viewport::{LaidOut, LayoutInputs, Scroll, Viewport, Visible};
use crate::chat::names::fold;
use crate::cli::connect::model::{
    Channel, ClientModel, FileTransfer, Item, ItemContent, LinkStatus, Moment, Older, OutgoingState, readable,
};
use crate::text;

/// The least columns for the text of a hit, if the screen is wide enough to show more than the text.
const LEAST_OF_A_HIT: usize = 16;

/// What the caller has to do after a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FrameNeeds {
    /// Where the terminal's cursor goes.
    pub(crate) cursor: Option<Position>,
    /// When the next countdown on the screen changes.
    pub(crate) due: Option<Instant>,
}

impl Screen {
    /// Whether anything has changed here since the last frame.
    pub(crate) fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// Draws everything.
    pub(crate) fn draw(&mut self, model: &ClientModel, now: Moment, area: Rect, buffer: &mut Buffer) -> FrameNeeds {
        self.is_dirty = false;
        let mut drawn = FrameNeeds::default();
        if area.is_empty() {
            return drawn;
        }
        let columns = usize::from(area.width);
        let most = MOST_ROWS.min(usize::from(area.height));
        let layout = self.input_rows(columns, most);
        let areas = frame::divide(area, u16::try_from(layout.rows.len()).unwrap_or(1));
        let color = self.look.color;
        self.look.color = color && model.settings().color;
        self.height = usize::from(areas.messages.height);
        self.columns = usize::from(areas.messages.width);
        self.bubbles = self.look.has_bubbles(areas.messages.width);
        let look = self.look;
        frame::room_line(areas.top, model, look, buffer);
        frame::room_list(areas.rooms, model, look, buffer);
        drawn.due = match &self.find {
            Some(find) if matches!(find.stage, FindStage::Server { .. }) => {
                self.draw_results(find, model, now, areas.messages, buffer);
                None
            }
            Some(_) | None => self.draw_messages(model, now, areas.messages, buffer),
        };
        let (hint, style) = self.hint_of(model, columns.saturating_sub(frame::AROUND_A_HINT));
        frame::hint_line(areas.hint, &hint, style, look, buffer);
        for (y, row) in (areas.input.y..areas.input.bottom()).zip(&layout.rows) {
            // A line break in a recalled line is shown as one.
            buffer.set_stringn(areas.input.x, y, row, columns, Style::new());
        }
        frame::status_line(areas.status, model, &model.status_sentence(now.instant), look, buffer);
        if let LinkStatus::Waiting { until, .. } = model.status() {
            let left = until.saturating_duration_since(now.instant);
            let next = now.instant + Duration::from_millis(u64::from(left.subsec_millis()) + 1);
            drawn.due = Some(drawn.due.map_or(next, |due| due.min(next)));
        }
        let over = Rect { height: area.height - areas.status.height, ..area };
        match &self.overlay {
            Some(ScreenOverlay::Keys(top)) => frame::key_box(*top, over, look, buffer),
            Some(ScreenOverlay::Rooms(chosen)) => frame::room_box(model, *chosen, over, look, buffer),
            None => {
                let (row, column) = layout.cursor;
                let x = areas.input.x + u16::try_from(column).unwrap_or(0).min(area.width - 1);
                let y = areas.input.y + u16::try_from(row).unwrap_or(0).min(areas.input.height.saturating_sub(1));
                drawn.cursor = Some(Position { x, y });
            }
        }
        self.look.color = color;
        drawn
    }

    /// The rows of the prompt and the line, with the cursor.
    fn input_rows(&self, columns: usize, most: usize) -> InputLayout {
        if let Some(find) = &self.find {
            return find.input.layout("Find: ", columns, most);
        }
        let (prompt, is_question) = self.prompt();
        if !is_question || text::width(prompt) <= columns / 2 {
            return self.input.layout(prompt, columns, most);
        }
        // A long question gets its own rows.
        let asked = text::wrap(prompt.trim_end(), columns, 0);
        let kept = asked.len().min(most.saturating_sub(1));
        let mut layout = self.input.layout("> ", columns, most - kept);
        layout.rows.splice(0..0, asked.into_iter().take(kept).map(str::to_owned));
        layout.cursor.0 += kept;
        layout
    }

    /// Draws the messages. Returns when a countdown among them changes.
    fn draw_messages(&self, model: &ClientModel, now: Moment, area: Rect, buffer: &mut Buffer) -> Option<Instant> {
        let channel = model.current();
        let visible = self.visible(model, now);
        // A few rows do not fill the area: they are at the bottom, near the input.
        let free = usize::from(area.height).saturating_sub(visible.rows.len());
        let free = u16::try_from(free).unwrap_or(0);
        frame::rows(Rect { y: area.y + free, height: area.height - free, ..area }, &visible.rows, buffer);
        // It may be that only waiting lines are visible.
        let end = (visible.last + 1).min(channel.items().len());
        let shown = channel.items().range(visible.first.min(end)..end);
        let ends = shown.filter_map(|item| {
            let message = item.said().filter(|message| message.gone.is_none())?;
            Some(message.temporary?.ends)
        });
        let next_second = |ends: Timestamp| {
            let left = ends.duration_since(now.time).as_millis().max(0);
            now.instant + Duration::from_millis(u64::try_from(left % 1000).unwrap_or(0) + 1)
        };
        ends.filter(|ends| *ends > now.time).map(next_second).min()
    }

    /// The rows of the messages. They are not laid out again for a key that only changes the line being typed.
    fn visible(&self, model: &ClientModel, now: Moment) -> Rc<Visible> {
        let inputs = LayoutInputs {
            revision: model.revision(),
            channel: model.current().key(),
            scroll: self.scroll,
            height: self.height,
            columns: self.columns,
            bubbles: self.bubbles,
            look: self.look,
            today: now.time.to_zoned(self.zone.clone()).date(),
        };
        let known = self
            .laid_out
            .borrow()
            .as_ref()
            .filter(|known| known.inputs == inputs)
            .map(|known| Rc::clone(&known.visible));
        if let Some(visible) = known.filter(|_| self.find.is_none()) {
            return visible;
        }
        let visible = Rc::new(self.with_viewport(model, now, |view, scroll| view.visible(scroll)));
        // Countdowns and search hits change by themselves.
        let end = (visible.last + 1).min(model.current().items().len());
        let range = visible.first.min(end)..end;
        let changes = |item: &Item| item.said().is_some_and(|message| message.temporary.is_some());
        let is_still = self.find.is_none() && !model.current().items().range(range).any(changes);
        *self.laid_out.borrow_mut() = is_still.then(|| LaidOut { inputs, visible: Rc::clone(&visible) });
        visible
    }

    /// Runs `work` with the current channel's viewport.
    pub(super) fn with_viewport<T>(
        &self,
        model: &ClientModel,
        now: Moment,
        work: impl FnOnce(&Viewport<'_>, Scroll) -> T,
    ) -> T {
        let channel = model.current();
        let me = fold(model.me());
        let find = self.find.as_ref();
        let widths = RefCell::default();
        let paper = Paper {
            look: self.look,
            bubbles: self.bubbles,
            columns: self.columns,
            zone: &self.zone,
            now: now.time,
            marks: Marks { me: &me, wanted: find.and_then(Find::pattern) },
            hit: find.and_then(Find::hit),
            marker: channel.marker(),
            settings: model.settings(),
            widths: &widths,
        };
        let waiting: Vec<(String, String)> =
            model.outgoing(channel.key()).map(|line| (line.text().to_owned(), state_of(line.state()))).collect();
        work(&Viewport::new(&paper, channel, &waiting, self.height), self.scroll)
    }

    /// The text in the rule above the input, and its style.
    fn hint_of(&self, model: &ClientModel, columns: usize) -> (String, Style) {
        let look = self.look;
        if let Some(hint) = &self.hint {
            return (hint.clone(), look.news());
        }
        if let Some(find) = &self.find {
            return (
                search_hint(find, model, columns),
                if find.mistake().is_some() { look.error() } else { look.news() },
            );
        }
        let channel = model.current();
        if self.is_jumping() || channel.older() == Older::Loading {
            return ("loading older messages".to_owned() + look.glyphs().ellipsis, look.muted());
        }
        if self.scroll != Scroll::End {
            let below = look.glyphs().more_below;
            return match new_messages(channel, self.seen) {
                0 => (format!("{below}Esc goes to the newest message"), look.muted()),
                1 => (format!("{below}1 new message"), look.accent()),
                count => (format!("{below}{count} new messages"), look.accent()),
            };
        }
        let running = model.transfers().iter().filter(|transfer| transfer.is_running());
        (running.map(progress).collect::<Vec<_>>().join("  "), look.news())
    }

    /// The hits that the server has sent, newest first.
    fn draw_results(&self, find: &Find, model: &ClientModel, now: Moment, area: Rect, buffer: &mut Buffer) {
        let look = self.look;
        let FindStage::Server { chosen } = find.stage else { return };
        let Some(search) = model.search() else { return };
        let columns = usize::from(area.width);
        let today = now.time.to_zoned(self.zone.clone()).date();
        let mut list: Vec<Line<'static>> = search
            .remarks
            .iter()
            .flat_map(|remark| text::wrap_lines(remark, columns.saturating_sub(2).max(1), 0))
            .map(|row| Line::styled(format!("* {row}"), look.news()))
            .collect();
        let height = usize::from(area.height).saturating_sub(list.len());
        let top = frame::top_of(chosen, search.hits.len(), height);
        for (place, hit) in search.hits.iter().enumerate().skip(top).take(height) {
            let at = hit.at.to_zoned(self.zone.clone());
            let pattern = if at.date() == today { "%H:%M" } else { "%Y-%m-%d %H:%M" };
            let number = hit.message.number.map_or_else(String::new, |number| format!(" #{number}"));
            let author = format!("{}: ", hit.message.author);
            let time = at.strftime(pattern).to_string();
            let stamp = hit_stamp(&time, &number, &hit.place, columns.saturating_sub(text::width(&author)));
            let left = columns.saturating_sub(text::width(&stamp) + text::width(&author));
            let said = shortened(&around(&hit.message.text, hit.start, left), left, look.glyphs().ellipsis);
            let mut row =
                vec![Span::styled(stamp, look.muted()), Span::styled(author, look.person(&hit.message.author))];
            row.extend(spans(&said, Style::new(), look, Marks { me: "", wanted: find.pattern() }));
            let line = Line::from(row);
            list.push(if place == chosen { line.style(look.accent()) } else { line });
        }
        frame::rows(area, &list, buffer);
        if let (Some(y), true) = (u16::try_from(chosen.saturating_sub(top)).ok(), !search.hits.is_empty()) {
            let y = area.y + u16::try_from(search.remarks.len()).unwrap_or(0) + y;
            if y < area.bottom() {
                buffer.set_style(Rect { y, height: 1, ..area }, look.marked());
            }
        }
    }
}

/// `14:02 #12 #general `: as much of it as fits beside the text.
fn hit_stamp(time: &str, number: &str, place: &str, columns: usize) -> String {
    let forms = [format!("{time}{number} {place} "), format!("{time}{number} "), format!("{} ", number.trim_start())];
    let fits = |form: &&String| text::width(form) + LEAST_OF_A_HIT <= columns;
    forms.iter().find(fits).cloned().unwrap_or_default()
}

/// A text as one line, starting a little before the character `at`.
fn around(said: &str, at: usize, columns: usize) -> String {
    let line: String = said.chars().map(|c| if c == '\n' { ' ' } else { c }).collect();
    if at + 10 < columns {
        return line;
    }
    let clusters: Vec<&str> = text::graphemes(&line).collect();
    let mut passed = 0;
    let start = clusters.iter().position(|cluster| {
        passed += cluster.chars().count();
        passed + 10 > at
    });
    ["... ", &clusters.get(start.unwrap_or(0)..).unwrap_or(&[]).concat()].concat()
}

/// `report.pdf to bob 45 %`
fn progress(transfer: &FileTransfer) -> String {
    let way = if transfer.sends { "to" } else { "from" };
    let far = match transfer.size {
        Some(size) if size > 0 => format!("{} %", u128::from(transfer.done) * 100 / u128::from(size)),
        Some(_) | None => readable(transfer.done),
    };
    format!("{} {way} {} {far}", transfer.name, transfer.peer)
}

/// What can be done in the search, in as many words as there is room for.
fn search_hint(find: &Find, model: &ClientModel, columns: usize) -> String {
    if let Some(mistake) = find.mistake() {
        return mistake.to_string();
    }
    let forms = match find.stage {
        FindStage::Server { .. } => match model.search() {
            Some(search) if !search.complete => vec!["searching the server".to_owned()],
            Some(search) if search.hits.is_empty() => vec!["nothing on the server; Esc goes back".to_owned()],
            Some(search) => {
                let count = search.hits.len();
                vec![
                    format!("{count} found on the server: arrows, Enter goes there, Esc back"),
                    format!("{count} found: arrows, Enter, Esc back"),
                ]
            }
            None => Vec::new(),
        },
        FindStage::Loaded { has_moved } => match find.count() {
            _ if find.pattern().is_none() => vec![
                "a word or a regular expression; Esc goes back".to_owned(),
                "a word or a regex; Esc goes back".to_owned(),
            ],
            (_, 0) if find.is_at_work() => vec!["searching".to_owned()],
            (_, 0) => vec![
                "nothing in what is loaded; Enter asks the server".to_owned(),
                "nothing here; Enter asks on".to_owned(),
            ],
            (at, count) if has_moved => vec![
                format!("{at} of {count}: arrows move, Enter stays here, Esc goes back"),
                format!("{at} of {count}: Enter stays, Esc back"),
            ],
            (at, count) => vec![
                format!("{at} of {count} loaded: arrows move, Enter asks the server, Esc goes back"),
                format!("{at} of {count}: arrows, Enter asks on"),
            ],
        },
    };
    let fits = forms.iter().position(|form| text::width(form) <= columns);
    fits.or(forms.len().checked_sub(1)).and_then(|at| forms.into_iter().nth(at)).unwrap_or_default()
}

fn state_of(state: OutgoingState) -> String {
    match state {
        OutgoingState::Waiting => "waiting to be sent",
        OutgoingState::Sent => "sending",
        OutgoingState::Unsure => "waiting to see whether it arrived",
    }
    .to_owned()
}

/// Counts the messages of other users after an item.
fn new_messages(channel: &Channel, seen: i64) -> usize {
    let after = channel.items().iter().rev().take_while(|item| item.key > seen);
    after
        .filter(|item| match &item.content {
            ItemContent::Message(message) | ItemContent::Copy(message) => !message.own,
            ItemContent::News(_)
            | ItemContent::Error(_)
            | ItemContent::Refused { .. }
            | ItemContent::Presence(_)
            | ItemContent::Rule(_) => false,
        })
        .count()
}
