//! What happens in rooms and direct chats, as the users there see it.
//!
//! *Owns* the kinds of event, and which parts of them a user may read. *Knows nothing of* how they are shown.

use std::sync::Arc;

use super::{Addressee, ClientId, Message, MessageId};

/// What viewers of a room are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A user said something.
    Said(Message),
    /// A message was edited.
    Edited {
        /// The message as it is now, an [`Event::Said`].
        message: Arc<Event>,
        /// Replies to it, as they are now.
        requoted: Box<[Arc<Event>]>,
        /// Screens that can be are redrawn.
        redraw: bool,
    },
    /// A message was erased.
    Erased {
        /// Its number.
        id: MessageId,
        /// What erased it.
        cause: ErasureCause,
        /// The sentence for viewers, shown after `* `.
        news: Box<str>,
        /// Its author, and the user who deleted it. Viewers who ignore one of them do not see the sentence.
        people: People,
        /// Replies to it, as they are now.
        requoted: Box<[Arc<Event>]>,
        /// Screens that can be are redrawn.
        redraw: bool,
    },
    /// Something else happened.
    Happened {
        /// One sanitised sentence, shown after `* `.
        news: Box<str>,
        /// The connection that caused it. It has its own answer and does not see the sentence.
        by: Option<ClientId>,
        /// The kind of news.
        kind: EventKind,
        /// Everybody the sentence names. Viewers who ignore one of them do not see it.
        people: People,
        /// Users that the sentence only counts. Few sentences have any.
        crowd: Option<Box<Crowd>>,
    },
}

/// Users named in a sentence, each by connection and by every name that is in it.
pub type People = Box<[Addressee]>;

/// The users that a sentence counts without naming them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crowd {
    /// Those that programs get one by one.
    pub people: Vec<Addressee>,
    /// How many more there were.
    pub more: usize,
}

/// What erased a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureCause {
    /// A user deleted it: the last one that its event names.
    Deleted,
    /// It expired.
    Expired,
}

/// The kind of news: for viewers who do not want all of it, and for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The users named have joined.
    Joined,
    /// The users named have left.
    Left,
    /// The first user named has changed their name to the second.
    Renamed,
    /// The first user named has removed the second from the room.
    Kicked,
    /// The first user named has banned the second, who may have been in the room.
    Banned,
    /// The user named last has a new role: admin, member, or muted.
    Role,
    /// The user named has changed a setting of the room.
    Setting,
    /// Anything else.
    Other,
}

impl EventKind {
    /// Whether a user has joined, left or changed their name.
    pub(crate) fn is_presence(self) -> bool {
        match self {
            EventKind::Joined | EventKind::Left | EventKind::Renamed => true,
            EventKind::Kicked | EventKind::Banned | EventKind::Role | EventKind::Setting | EventKind::Other => false,
        }
    }
}

impl Event {
    /// What the event costs a delivery queue, in bytes: its text, and roughly the line around it.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Event::Said(message) => message.text.len() + message.author.as_str().len() + 24,
            Event::Edited { message, .. } => message.weight() + 12,
            Event::Erased { news, .. } | Event::Happened { news, .. } => news.len() + 4,
        }
    }

    /// The message said, if one was.
    pub fn message(&self) -> Option<&Message> {
        match self {
            Event::Said(message) => Some(message),
            Event::Edited { message, .. } => message.message(),
            Event::Erased { .. } | Event::Happened { .. } => None,
        }
    }

    /// Whether it says who has joined or left.
    #[cfg(feature = "json")]
    pub(crate) fn is_join_or_leave(&self) -> bool {
        matches!(self, Event::Happened { kind: EventKind::Joined | EventKind::Left, .. })
    }

    /// Everybody named in the sentence, if the event is a sentence.
    pub(crate) fn people(&self) -> &[Addressee] {
        match self {
            Event::Said(_) | Event::Edited { .. } => &[],
            Event::Erased { people, .. } | Event::Happened { people, .. } => people,
        }
    }

    /// The oldest message whose text the event shows besides what was just said: an edited one, or one that a reply
    /// quotes.
    pub(crate) fn oldest_shown(&self) -> Option<MessageId> {
        match self {
            Event::Said(message) => message.quoted(),
            Event::Edited { message, .. } => {
                let edited = message.message()?;
                edited.quoted().into_iter().chain([edited.id]).min()
            }
            Event::Erased { .. } | Event::Happened { .. } => None,
        }
    }

    /// A message without its quote of a message up to a number; `None` if it has no such quote.
    pub(crate) fn without_quotes_up_to(&self, number: MessageId) -> Option<Arc<Event>> {
        let Event::Said(message) = self else { return None };
        let id = message.quoted().filter(|id| *id <= number)?;
        message.requoted(id, None).map(|message| Arc::new(Event::Said(message)))
    }

    /// The event for a user who may read nothing up to a message; `None` if it is about an earlier one.
    pub(crate) fn after(self: &Arc<Event>, number: MessageId) -> Option<Arc<Event>> {
        match &**self {
            Event::Said(_) => Some(self.without_quotes_up_to(number).unwrap_or_else(|| Arc::clone(self))),
            Event::Edited { message, .. } if message.message().is_some_and(|edited| edited.id <= number) => None,
            Event::Edited { message, requoted, redraw } => {
                let bare = |event: &Arc<Event>| event.without_quotes_up_to(number).unwrap_or_else(|| Arc::clone(event));
                let requoted = requoted.iter().map(bare).collect();
                Some(Arc::new(Event::Edited { message: bare(message), requoted, redraw: *redraw }))
            }
            Event::Erased { .. } | Event::Happened { .. } => Some(Arc::clone(self)),
        }
    }

    /// The event without redrawing screens: the line alone shows it.
    pub(crate) fn without_redraw(mut self: Arc<Event>) -> Arc<Event> {
        match Arc::make_mut(&mut self) {
            Event::Edited { redraw, .. } | Event::Erased { redraw, .. } => *redraw = false,
            Event::Said(_) | Event::Happened { .. } => {}
        }
        self
    }

    /// Whether screens that show an earlier state have to be redrawn.
    pub(crate) fn redraws(&self) -> bool {
        matches!(self, Event::Edited { redraw: true, .. } | Event::Erased { redraw: true, .. })
    }
}

/// An event and its place in its room: every room counts its events from 1.
#[derive(Clone, Debug)]
pub struct Sequenced {
    /// Its place, without gaps, in the order in which everybody sees the events.
    pub sequence: u64,
    /// The event.
    pub event: Arc<Event>,
}
