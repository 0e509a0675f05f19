//! The search view (Ctrl-F): first in the loaded messages, then on the server.
//!
//! ```text
//! Ctrl-F -> Loaded --Enter--> Server --Enter--> at the message
//!             ^ |--arrows, Enter--> at the message
//!             | '--Esc--> where the user was
//!             '----Esc---- Server
//! ```
//!
//! A pattern has the limits of the server's `search`. Loaded messages are searched a few at a time, newest first, so
//! that a slow pattern does not block typing.
//!
//! *Owns* the typed pattern, and the hits among loaded items. *Knows nothing of* keys, rows and requests.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::input::InputLine;
use super::viewport::Scroll;
use crate::chat::pattern::{self, Pattern, PatternError};
use crate::cli::connect::model::{ChannelKey, Item, ItemContent};

/// How long the search runs before it checks for keys again. Two such periods are still too short to notice.
const AT_ONCE: Duration = Duration::from_millis(2);

/// Most hits that are kept: more than anybody steps through, and the server finds the rest.
const MOST_HITS: usize = 1000;

/// Where the search is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FindStage {
    /// In the loaded messages. If the user has moved between hits, Enter stays at the current one.
    Loaded { has_moved: bool },
    /// In the server's hits, with the position of the chosen one.
    Server { chosen: usize },
}

/// A search under way.
#[derive(Debug)]
pub(super) struct Find {
    /// The typed pattern.
    pub(super) input: InputLine,
    pub(super) stage: FindStage,
    /// The searched channel, and the scroll position before the search.
    pub(super) channel: ChannelKey,
    pub(super) before: Scroll,
    compiled: Result<Pattern, PatternError>,
    typed: String,
    /// Keys of the items that match, newest first.
    hits: Vec<i64>,
    /// The position of the current hit in `hits`.
    at: usize,
    /// The search has reached the item with this key. `None` at the start.
    searched: Option<i64>,
    is_complete: bool,
}

impl Find {
    pub(super) fn new(channel: ChannelKey, before: Scroll) -> Find {
        Find {
            input: InputLine::new(),
            stage: FindStage::Loaded { has_moved: false },
            channel,
            before,
            compiled: Err(PatternError::Empty),
            typed: String::new(),
            hits: Vec::new(),
            at: 0,
            searched: None,
            is_complete: true,
        }
    }

    /// The pattern, if there is one.
    pub(super) fn pattern(&self) -> Option<&Pattern> {
        self.compiled.as_ref().ok()
    }

    /// The mistake in the typed pattern.
    pub(super) fn mistake(&self) -> Option<PatternError> {
        self.compiled.as_ref().err().copied().filter(|error| *error != PatternError::Empty)
    }

    /// Starts the search again if the typed pattern has changed.
    pub(super) fn follow_input(&mut self) {
        if self.input.line() == self.typed {
            return;
        }
        self.typed = self.input.line().to_owned();
        self.compiled = pattern::compile(&self.typed);
        self.stage = FindStage::Loaded { has_moved: false };
        (self.hits, self.at, self.searched) = (Vec::new(), 0, None);
        self.is_complete = self.compiled.is_err();
    }

    /// Whether some loaded items are still to be searched.
    pub(super) fn is_at_work(&self) -> bool {
        !self.is_complete
    }

    /// Continues the search for a moment.
    pub(super) fn step(&mut self, items: &VecDeque<Item>) {
        let (Ok(pattern), Some(front)) = (&self.compiled, items.front()) else {
            self.is_complete = true;
            return;
        };
        let until = Instant::now() + AT_ONCE;
        let next = match self.searched {
            Some(key) => usize::try_from(key - front.key).unwrap_or(0),
            None => items.len(),
        };
        for (count, item) in items.range(..next.min(items.len())).rev().enumerate() {
            if text_of(item).is_some_and(|text| pattern.find(text).is_some()) {
                self.hits.push(item.key);
            }
            self.searched = Some(item.key);
            if self.hits.len() >= MOST_HITS {
                break;
            }
            if count % 16 == 15 && Instant::now() >= until {
                return;
            }
        }
        self.is_complete = true;
    }

    /// The key of the current hit's item.
    pub(super) fn hit(&self) -> Option<i64> {
        self.hits.get(self.at).copied()
    }

    /// Moves to the next older hit, or the next newer one.
    pub(super) fn go(&mut self, older: bool) {
        let last = self.hits.len().saturating_sub(1);
        self.at = if older { (self.at + 1).min(last) } else { self.at.saturating_sub(1) };
        self.stage = FindStage::Loaded { has_moved: !self.hits.is_empty() };
    }

    /// The current hit, counted from 1, and the number of hits so far.
    pub(super) fn count(&self) -> (usize, usize) {
        (if self.hits.is_empty() { 0 } else { self.at + 1 }, self.hits.len())
    }
}

/// The text of an item that is searched.
fn text_of(item: &Item) -> Option<&str> {
    match &item.content {
        ItemContent::Message(message) | ItemContent::Copy(message) => {
            message.gone.is_none().then_some(message.text.as_str())
        }
        ItemContent::News(text) | ItemContent::Error(text) | ItemContent::Refused { text, .. } => Some(text),
        ItemContent::Presence(_) | ItemContent::Rule(_) => None,
    }
}
