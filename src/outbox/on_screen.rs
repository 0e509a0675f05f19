//! What stands in the view of a terminal that can be drawn anew, so that a deleted text really goes from the screen.
//!
//! *Owns* which events are on the screen, at most one per row of it, and when it was last drawn anew.
//! *Knows nothing of* how they are drawn.
//! *Called by* `outbox`, under its lock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chat::message::{Event, EventKind, Message, MessageId};

/// A view is drawn anew at most once in this time: whoever deletes a hundred lines costs each viewer one screen, not a
/// hundred.
pub(super) const REDRAW_EVERY: Duration = Duration::from_secs(1);

/// Rows of a screen whose height is not known.
const DEFAULT_ROWS: usize = 24;
/// Most rows believed: each is a share in a message.
const MOST_ROWS: usize = 100;

#[derive(Debug)]
pub(super) struct OnScreen {
    events: VecDeque<Arc<Event>>,
    rows: usize,
    drawn: Option<Instant>,
    /// Something has changed since.
    due: bool,
}

impl OnScreen {
    /// A view just opened on a screen of so many rows.
    pub(super) fn new(rows: Option<u16>) -> OnScreen {
        OnScreen { events: VecDeque::new(), rows: OnScreen::believed(rows), drawn: None, due: false }
    }

    /// The screen's rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The window has another height.
    pub(super) fn set_rows(&mut self, rows: Option<u16>) {
        self.rows = OnScreen::believed(rows);
        while self.events.len() > self.rows {
            self.events.pop_front();
        }
    }

    fn believed(rows: Option<u16>) -> usize {
        rows.map_or(DEFAULT_ROWS, usize::from).clamp(1, MOST_ROWS)
    }

    /// Notes what is written below. True if something above is not what it was.
    pub(super) fn note(&mut self, event: &Arc<Event>) -> bool {
        match &**event {
            Event::Said(_) | Event::Happened { .. } => {
                self.add(Arc::clone(event));
                false
            }
            Event::Edited { message, requoted, redraw } => {
                let replaced = self.replace(message) | self.replace_all(requoted);
                let changed = replaced && *redraw;
                if !changed {
                    self.add(Arc::clone(message));
                }
                changed
            }
            Event::Erased { id, news, people, requoted, redraw } => {
                let changed = self.remove(*id) | self.replace_all(requoted) | self.forget_quotes(*id);
                let (news, people) = (news.clone(), people.clone());
                self.add(Arc::new(Event::Happened { news, by: None, kind: EventKind::Other, people }));
                changed && *redraw
            }
        }
    }

    fn add(&mut self, event: Arc<Event>) {
        if self.events.len() >= self.rows {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn number(event: &Event) -> Option<MessageId> {
        event.message().map(|message| message.id)
    }

    fn remove(&mut self, id: MessageId) -> bool {
        let before = self.events.len();
        self.events.retain(|event| OnScreen::number(event) != Some(id));
        self.events.len() < before
    }

    /// Takes messages out, and their texts out of quotes; what is on the screen now stays there.
    pub(super) fn forget(&mut self, gone: &[MessageId]) {
        for id in gone {
            self.remove(*id);
            self.forget_quotes(*id);
        }
    }

    fn replace(&mut self, new: &Arc<Event>) -> bool {
        let Some(id) = OnScreen::number(new) else { return false };
        let mut found = false;
        for event in self.events.iter_mut().filter(|event| OnScreen::number(event) == Some(id)) {
            *event = Arc::clone(new);
            found = true;
        }
        found
    }

    /// Takes the text of a message out of quotes of it that nobody has replaced: of a conversation that is over.
    fn forget_quotes(&mut self, id: MessageId) -> bool {
        let mut found = false;
        for event in &mut self.events {
            let quotes = |message: &Message| {
                let reply = message.extra.as_ref().and_then(|extra| extra.reply.as_ref());
                reply.is_some_and(|reply| reply.id == id && reply.start.is_some())
            };
            if let Some(message) = event.message().filter(|message| quotes(message)).and_then(|m| m.requoted(id, None))
            {
                *event = Arc::new(Event::Said(message));
                found = true;
            }
        }
        found
    }

    fn replace_all(&mut self, all: &[Arc<Event>]) -> bool {
        // Not `any`: every one has to be replaced.
        all.iter().fold(false, |found, event| self.replace(event) | found)
    }

    /// Something has changed: whether the view may be drawn anew now. If not, it is due later.
    pub(super) fn may_draw(&mut self, now: Instant) -> bool {
        let may = self.drawn.is_none_or(|drawn| now.saturating_duration_since(drawn) >= REDRAW_EVERY);
        self.due = !may;
        if may {
            self.drawn = Some(now);
        }
        may
    }

    /// Whether a change waits for its drawing.
    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    /// What is on the screen, from top to bottom.
    pub(super) fn events(&self) -> impl DoubleEndedIterator<Item = &Arc<Event>> {
        self.events.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::message::{ClientId, Draft, Message};
    use crate::chat::names::UserName;
    use jiff::Timestamp;

    fn said(id: u64, text: &str) -> Arc<Event> {
        let author = UserName::parse("bob", 1, 12).expect("a name");
        let draft = Draft::said(text);
        let message = Message::new(MessageId(id), Timestamp::UNIX_EPOCH, author, ClientId(1), draft, Box::default());
        Arc::new(Event::Said(message))
    }

    fn erased(id: u64) -> Arc<Event> {
        let news = format!("#{id} was deleted by bob").into();
        Arc::new(Event::Erased {
            id: MessageId(id),
            news,
            people: Box::default(),
            requoted: Box::default(),
            redraw: true,
        })
    }

    fn texts(shown: &OnScreen) -> Vec<String> {
        let text = |event: &Arc<Event>| match &**event {
            Event::Said(message) => message.text.to_string(),
            Event::Happened { news, .. } => format!("* {news}"),
            _ => "?".to_owned(),
        };
        shown.events().map(text).collect()
    }

    #[test]
    fn an_erased_text_goes_and_what_was_never_there_changes_nothing() {
        let mut shown = OnScreen::new(None);
        assert!(!shown.note(&said(1, "one")) && !shown.note(&said(2, "two")));
        assert!(shown.note(&erased(1)));
        assert_eq!(texts(&shown), ["two", "* #1 was deleted by bob"]);
        assert!(!shown.note(&erased(7)));
    }

    #[test]
    fn what_is_too_old_is_not_drawn_again() {
        let mut shown = OnScreen::new(None);
        for (id, text) in [(1, "one"), (2, "two")] {
            shown.note(&said(id, text));
        }
        shown.forget(&[MessageId(1), MessageId(7)]);
        assert_eq!(texts(&shown), ["two"]);
        assert!(!shown.is_due(), "nobody is shown that something went");
    }

    #[test]
    fn an_edited_text_takes_its_place_or_comes_anew() {
        let mut shown = OnScreen::new(None);
        shown.note(&said(1, "one"));
        let edited = |id| Arc::new(Event::Edited { message: said(id, "new"), requoted: Box::default(), redraw: true });
        assert!(shown.note(&edited(1)));
        assert!(!shown.note(&edited(2)));
        assert_eq!(texts(&shown), ["new", "new"]);
    }

    #[test]
    fn what_has_scrolled_off_is_forgotten() {
        let mut shown = OnScreen::new(Some(3));
        for id in 1..=5 {
            shown.note(&said(id, &id.to_string()));
        }
        assert_eq!(texts(&shown), ["3", "4", "5"]);
        assert!(!shown.note(&erased(1)));
    }

    #[test]
    fn a_view_is_drawn_anew_at_most_once_a_second() {
        let now = Instant::now();
        let mut shown = OnScreen::new(None);
        assert!(shown.may_draw(now) && !shown.is_due());
        assert!(!shown.may_draw(now + REDRAW_EVERY / 2) && shown.is_due());
        assert!(shown.may_draw(now + REDRAW_EVERY) && !shown.is_due());
    }
}
