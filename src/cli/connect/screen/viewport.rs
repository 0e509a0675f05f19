//! The rows of a channel that are on the screen.
//!
//! Only the visible part is laid out, from the bottom row upwards. So the cost does not depend on the length of the
//! channel, and nothing about its items has to be kept between frames.
//!
//! *Owns* scrolling: the position of the view, which does not move when messages arrive. *Knows nothing of* the look of
//! rows.

use std::collections::VecDeque;
use std::rc::Rc;

use jiff::civil::Date;
use ratatui::style::Modifier;
use ratatui::text::Line;

use super::bubble;
use super::look::Look;
use super::rows::{self, Paper};
use crate::cli::connect::model::{Channel, ChannelKey, Item};

/// The position of the view in a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Scroll {
    /// At the end, following new messages.
    #[default]
    End,
    /// The bottom row is row `row` of the item with this key.
    At { key: i64, row: usize },
}

/// A row in the channel: the position of the entry, and the row in it.
type RowPlace = (usize, usize);

/// Everything that the rows of a frame depend on, apart from the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LayoutInputs {
    /// The model's revision.
    pub(super) revision: u64,
    pub(super) channel: ChannelKey,
    pub(super) scroll: Scroll,
    pub(super) height: usize,
    pub(super) columns: usize,
    pub(super) bubbles: bool,
    pub(super) look: Look,
    /// Dates are not shown for today.
    pub(super) today: Date,
}

/// The rows of a frame, kept while the user types.
#[derive(Debug)]
pub(super) struct LaidOut {
    pub(super) inputs: LayoutInputs,
    pub(super) visible: Rc<Visible>,
}

/// Rows for the screen.
#[derive(Debug)]
pub(super) struct Visible {
    /// From top to bottom, at most the height of the area.
    pub(super) rows: Vec<Line<'static>>,
    /// The positions of the first and the last item that are at least partly visible.
    pub(super) first: usize,
    pub(super) last: usize,
}

/// A channel laid out in rows, with the waiting lines below its items.
pub(super) struct Viewport<'a> {
    paper: &'a Paper<'a>,
    channel: &'a Channel,
    /// The waiting lines, each with its state in words.
    waiting: &'a [(String, String)],
    height: usize,
}

impl<'a> Viewport<'a> {
    pub(super) fn new(
        paper: &'a Paper<'a>,
        channel: &'a Channel,
        waiting: &'a [(String, String)],
        height: usize,
    ) -> Viewport<'a> {
        Viewport { paper, channel, waiting, height }
    }

    fn items(&self) -> &'a VecDeque<Item> {
        self.channel.items()
    }

    fn len(&self) -> usize {
        self.items().len() + self.waiting.len()
    }

    /// The rows of an entry: at least one.
    fn rows(&self, at: usize) -> Vec<Line<'static>> {
        let items = self.items();
        let Some(item) = items.get(at) else {
            let Some((text, state)) = self.waiting.get(at - items.len()) else { return vec![Line::default()] };
            return match self.paper.bubbles {
                true => bubble::waiting(self.paper, text, state),
                false => rows::waiting(self.paper, text, state),
            };
        };
        let before = at.checked_sub(1).and_then(|before| items.get(before));
        let mut all = rows::rules(self.paper, before, item);
        all.extend(match self.paper.bubbles {
            true => bubble::bubble(self.paper, items, at),
            false => rows::lines(self.paper, item),
        });
        if before.is_some_and(|before| rows::continues(before, item)) {
            rows::unmark(&mut all);
        }
        if self.paper.hit == Some(item.key) {
            rows::point_out(self.paper, &mut all);
        }
        if all.is_empty() {
            all.push(Line::default());
        }
        all
    }

    /// The last row.
    fn end(&self) -> Option<RowPlace> {
        let last = self.len().checked_sub(1)?;
        Some((last, self.rows(last).len() - 1))
    }

    /// The bottom row of the view.
    fn bottom(&self, scroll: Scroll) -> Option<RowPlace> {
        match scroll {
            Scroll::End => self.end(),
            Scroll::At { key, row } => {
                // An item that is no longer in the channel was older than all that are.
                let at = self.channel.position(key).unwrap_or(0);
                (at < self.len()).then(|| (at, row.min(self.rows(at).len() - 1)))
            }
        }
    }

    /// Goes up from a row. Returns the row reached, and by how many rows the top was missed.
    fn up(&self, (mut at, mut row): RowPlace, mut by: usize) -> (RowPlace, usize) {
        loop {
            if by <= row {
                return ((at, row - by), 0);
            }
            let Some(before) = at.checked_sub(1) else { return ((0, 0), by - row) };
            by -= row + 1;
            at = before;
            row = self.rows(at).len() - 1;
        }
    }

    fn down(&self, (mut at, mut row): RowPlace, mut by: usize) -> RowPlace {
        loop {
            let last = self.rows(at).len() - 1;
            if row + by <= last {
                return (at, row + by);
            }
            if at + 1 >= self.len() {
                return (at, last);
            }
            by -= last - row + 1;
            at += 1;
            row = 0;
        }
    }

    /// The position with this row at the bottom, if the screen is full above it; otherwise the topmost position.
    fn settle(&self, place: RowPlace) -> Scroll {
        let (_, missing) = self.up(place, self.height.saturating_sub(1));
        let place = self.down(place, missing);
        match self.items().get(place.0) {
            Some(item) if Some(place) != self.end() => Scroll::At { key: item.key, row: place.1 },
            _ => Scroll::End,
        }
    }

    /// Scrolls up. The second value says whether the top was reached.
    pub(super) fn scroll_up(&self, scroll: Scroll, by: usize) -> (Scroll, bool) {
        let Some(bottom) = self.bottom(scroll) else { return (Scroll::End, true) };
        let (place, _) = self.up(bottom, by);
        let (_, missing) = self.up(place, self.height.saturating_sub(1));
        (self.settle(place), missing > 0)
    }

    pub(super) fn scroll_down(&self, scroll: Scroll, by: usize) -> Scroll {
        self.bottom(scroll).map_or(Scroll::End, |bottom| self.settle(self.down(bottom, by)))
    }

    /// The position with an item in the middle of the screen. If it is longer than the screen, that is the row with the first hit; if none
    /// is marked, `start` says where in the text the hit is, and how long the text is.
    pub(super) fn scroll_to(&self, key: i64, start: Option<(usize, usize)>) -> Option<Scroll> {
        let at = self.channel.position(key)?;
        let rows = self.rows(at);
        let last = rows.len().saturating_sub(1);
        let is_marked =
            |row: &Line<'_>| row.spans.iter().any(|span| span.style.add_modifier.contains(Modifier::REVERSED));
        let row = match (rows.iter().position(is_marked), start) {
            _ if rows.len() <= self.height / 2 => last,
            (Some(marked), _) => marked,
            (None, Some((start, length))) => last * start / length.max(1),
            (None, None) => last,
        };
        Some(self.settle(self.down((at, row.min(last)), self.height / 2)))
    }

    /// The number of rows of an item.
    pub(super) fn rows_of(&self, key: i64) -> usize {
        self.channel.position(key).map_or(0, |at| self.rows(at).len())
    }

    /// The visible rows.
    pub(super) fn visible(&self, scroll: Scroll) -> Visible {
        let mut rows: VecDeque<Line<'static>> = VecDeque::with_capacity(self.height + 8);
        let Some((bottom, row)) = self.bottom(scroll).filter(|_| self.height > 0) else {
            return Visible { rows: Vec::new(), first: 0, last: 0 };
        };
        let mut first = bottom;
        let mut fresh = self.rows(bottom);
        let below = fresh.split_off(row + 1);
        loop {
            while let Some(row) = fresh.pop()
                && rows.len() < self.height
            {
                rows.push_front(row);
            }
            if rows.len() >= self.height || first == 0 {
                break;
            }
            first -= 1;
            fresh = self.rows(first);
        }
        // Rows below the bottom row, if the channel is shorter than the screen.
        let mut last = bottom;
        let mut fresh = below;
        while rows.len() < self.height {
            if fresh.is_empty() {
                last += 1;
                if last >= self.len() {
                    break;
                }
                fresh = self.rows(last);
            }
            rows.push_back(fresh.remove(0));
        }
        let newest = self.len().saturating_sub(1);
        Visible { rows: rows.into(), first, last: last.min(newest) }
    }
}
