//! What is said and what happens in rooms, as values.
//!
//! *Owns* message numbers, messages and room events.
//! *Knows nothing of* terminals, sockets, threads and locks.
//! *Called by* `screen`, `outbox`, `room` and `session`.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::names::UserName;

/// Number of one connection, counted from 1 since the server started; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of one message: counts up over all rooms and never repeats. Shown as `#12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u64);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// One thing somebody said in a room. Never changed once made.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its number.
    pub id: MessageId,
    /// When the server took it.
    pub at: Timestamp,
    /// Who said it, as shown.
    pub author: UserName,
    /// The connection it came from: this one has the line on its screen already in line mode.
    pub from: ClientId,
    /// Sanitised, one line.
    pub text: Box<str>,
}

/// What the people who look at a room are shown.
#[derive(Clone, Debug)]
pub enum Event {
    /// Somebody said something.
    Said(Message),
    /// Something happened; the text goes behind `* `.
    Happened {
        /// One sanitised sentence.
        news: Box<str>,
        /// Whose doing it was: that connection was answered directly and is not told twice.
        by: Option<ClientId>,
    },
}

impl Event {
    /// What the event costs a delivery queue, in bytes: its text and about what the line around it takes.
    pub fn weight(&self) -> usize {
        match self {
            Event::Said(message) => message.text.len() + message.author.as_str().len() + 24,
            Event::Happened { news, .. } => news.len() + 4,
        }
    }
}

/// An event and its place in its room: every room counts its events from 1.
#[derive(Clone, Debug)]
pub struct Sequenced {
    /// The place, without gaps, in the order in which everybody sees the events.
    pub sequence: u64,
    /// The event.
    pub event: Arc<Event>,
}
