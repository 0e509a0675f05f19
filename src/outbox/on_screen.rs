//! What a redrawable terminal shows of the view, so that a deleted text really disappears from the screen.
//!
//! *Owns* which events are on the screen, at most one per row, and when it was last redrawn.
//! *Knows nothing of* how they are rendered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chat::message::{Event, EventKind, Message, MessageId};

/// A view is redrawn at most this often: deleting a hundred lines costs each viewer one redraw, not a hundred.
pub(super) const REDRAW_EVERY: Duration = Duration::from_secs(1);

/// Rows of a screen of unknown height.
const DEFAULT_ROWS: usize = 24;
/// Upper limit for a reported height: each row keeps a message in memory.
const MOST_ROWS: usize = 100;

#[derive(Debug)]
pub(super) struct OnScreen {
    events: VecDeque<Arc<Event>>,
    rows: usize,
    drawn: Option<Instant>,
    /// A change waits to be drawn.
    due: bool,
}

impl OnScreen {
    /// A view just opened on a screen with this many rows.
    pub(super) fn new(rows: Option<u16>) -> OnScreen {
        OnScreen { events: VecDeque::new(), rows: OnScreen::bounded_rows(rows), drawn: None, due: false }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Sets the terminal's height after it has changed.
    pub(super) fn set_rows(&mut self, rows: Option<u16>) {
        self.rows = OnScreen::bounded_rows(rows);
        while self.events.len() > self.rows {
            self.events.pop_front();
        }
    }

    fn bounded_rows(rows: Option<u16>) -> usize {
        rows.map_or(DEFAULT_ROWS, usize::from).clamp(1, MOST_ROWS)
    }

    /// Notes an event written below the others. True if it changes something above.
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
            Event::Erased { id, cause: _, news, people, requoted, redraw } => {
                let changed = self.remove(*id) | self.replace_all(requoted) | self.forget_quotes(*id);
                let (news, people) = (news.clone(), people.clone());
                self.add(Arc::new(Event::Happened { news, by: None, kind: EventKind::Other, people, crowd: None }));
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

    fn id_of(event: &Event) -> Option<MessageId> {
        event.message().map(|message| message.id)
    }

    fn remove(&mut self, id: MessageId) -> bool {
        let before = self.events.len();
        self.events.retain(|event| OnScreen::id_of(event) != Some(id));
        self.events.len() < before
    }

    /// Drops messages and their quotes, without a redraw: what is on the screen stays there for now.
    pub(super) fn forget(&mut self, gone: &[MessageId]) {
        for id in gone {
            self.remove(*id);
            self.forget_quotes(*id);
        }
    }

    fn replace(&mut self, new: &Arc<Event>) -> bool {
        let Some(id) = OnScreen::id_of(new) else { return false };
        let mut found = false;
        for event in self.events.iter_mut().filter(|event| OnScreen::id_of(event) == Some(id)) {
            *event = Arc::clone(new);
            found = true;
        }
        found
    }

    /// Removes the text of a message from quotes that no event has replaced, as in a conversation that is over.
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

    /// Something has changed. Returns whether the view may be redrawn now; if not, it is due later.
    pub(super) fn may_redraw(&mut self, now: Instant) -> bool {
        let may = self.drawn.is_none_or(|drawn| now.saturating_duration_since(drawn) >= REDRAW_EVERY);
        self.due = !may;
        if may {
            self.drawn = Some(now);
        }
        may
    }

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
    use crate::chat::message::{ClientId, Draft, ErasureCause, Message};
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
            cause: ErasureCause::Deleted,
            news,
            people: Box::default(),
            requoted: Box::default(),
            redraw: true,
        })
    }

    fn texts(on_screen: &OnScreen) -> Vec<String> {
        let text = |event: &Arc<Event>| match &**event {
            Event::Said(message) => message.text.to_string(),
            Event::Happened { news, .. } => format!("* {news}"),
            _ => "?".to_owned(),
        };
        on_screen.events().map(text).collect()
    }

    #[test]
    fn an_erased_text_goes_and_what_was_never_there_changes_nothing() {
        let mut on_screen = OnScreen::new(None);
        assert!(!on_screen.note(&said(1, "one")) && !on_screen.note(&said(2, "two")));
        assert!(on_screen.note(&erased(1)));
        assert_eq!(texts(&on_screen), ["two", "* #1 was deleted by bob"]);
        assert!(!on_screen.note(&erased(7)));
    }

    #[test]
    fn old_messages_are_not_drawn_again() {
        let mut on_screen = OnScreen::new(None);
        for (id, text) in [(1, "one"), (2, "two")] {
            on_screen.note(&said(id, text));
        }
        on_screen.forget(&[MessageId(1), MessageId(7)]);
        assert_eq!(texts(&on_screen), ["two"]);
        assert!(!on_screen.is_due(), "no one sees that something went");
    }

    #[test]
    fn an_edited_text_takes_its_place_or_comes_again() {
        let mut on_screen = OnScreen::new(None);
        on_screen.note(&said(1, "one"));
        let edited = |id| Arc::new(Event::Edited { message: said(id, "new"), requoted: Box::default(), redraw: true });
        assert!(on_screen.note(&edited(1)));
        assert!(!on_screen.note(&edited(2)));
        assert_eq!(texts(&on_screen), ["new", "new"]);
    }

    #[test]
    fn messages_that_scrolled_off_are_forgotten() {
        let mut on_screen = OnScreen::new(Some(3));
        for id in 1..=5 {
            on_screen.note(&said(id, &id.to_string()));
        }
        assert_eq!(texts(&on_screen), ["3", "4", "5"]);
        assert!(!on_screen.note(&erased(1)));
    }

    #[test]
    fn a_view_is_redrawn_at_most_once_a_second() {
        let now = Instant::now();
        let mut on_screen = OnScreen::new(None);
        assert!(on_screen.may_redraw(now) && !on_screen.is_due());
        assert!(!on_screen.may_redraw(now + REDRAW_EVERY / 2) && on_screen.is_due());
        assert!(on_screen.may_redraw(now + REDRAW_EVERY) && !on_screen.is_due());
    }
}
