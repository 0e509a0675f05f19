//! The items that a channel shows.
//!
//! *Owns* the parts of a message as a user sees them.
//! *Knows nothing of* rows and columns, and of how a message came.

use jiff::Timestamp;

/// One entry of a channel, in the order in which they are shown.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Identifies the item in its channel as long as it exists. Keys increase from item to item; older items loaded later
    /// get smaller keys, which may be negative.
    pub(crate) key: i64,
    /// Increases with each change of the content, so that a layout can be cached until then.
    pub(crate) revision: u32,
    /// When it happened.
    pub(crate) at: Timestamp,
    /// What it is.
    pub(crate) content: ItemContent,
}

/// What an item is. All text is sanitised.
#[derive(Clone, Debug)]
pub(crate) enum ItemContent {
    /// Something said.
    Message(Box<ChatMessage>),
    /// A direct message that came, or was written, while this channel was on the screen. It belongs to its conversation, and is
    /// shown here so that it can be read and answered without going there.
    Copy(Box<ChatMessage>),
    /// A line of the server, without its mark `* `.
    News(String),
    /// A refusal, without its mark `! `.
    Error(String),
    /// A line of the user's that was refused: the line, and the server's sentence.
    Refused {
        /// As typed.
        text: String,
        /// Why.
        why: String,
    },
    /// Users who came or left.
    Presence(Presence),
    /// A line across the screen with a text in it, for example after a restart of the server.
    Rule(String),
}

/// A message.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChatMessage {
    /// Its number, for `:reply` and `:edit`; none once the server has started again and numbers others with it.
    pub(crate) number: Option<u64>,
    /// Who said it.
    pub(crate) author: String,
    /// What: one line or several.
    pub(crate) text: String,
    /// This user said it.
    pub(crate) own: bool,
    /// It is a direct message; `to` has its receivers.
    pub(crate) private: bool,
    /// The receivers of a direct message.
    pub(crate) to: Vec<String>,
    /// It names this user.
    pub(crate) mention: bool,
    /// `:me`: the author does what the text says.
    pub(crate) action: bool,
    /// The text was changed.
    pub(crate) edited: bool,
    /// What is shown instead of the text, once the message is gone.
    pub(crate) gone: Option<Gone>,
    /// It disappears by itself.
    pub(crate) temporary: Option<MessageLifetime>,
    /// The message that it answers.
    pub(crate) quoted: Option<QuotedMessage>,
    /// It was said before this user looked.
    pub(crate) history: bool,
}

impl ChatMessage {
    /// Its text is gone.
    pub(super) fn erase(&mut self, gone: Gone) {
        self.gone = Some(gone);
        self.text.clear();
    }
}

/// Why a message is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// Somebody has deleted it.
    Deleted,
    /// Its time is over.
    Expired,
    /// The server was stopped before it had saved it.
    Lost,
}

impl Gone {
    /// The sentence shown instead of it.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Gone::Deleted => "message deleted",
            Gone::Expired => "message expired",
            Gone::Lost => "lost by the server, sent again",
        }
    }
}

/// How long a message lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageLifetime {
    /// The whole time, in seconds.
    pub(crate) seconds: u64,
    /// When it is over.
    pub(crate) ends: Timestamp,
}

/// The start of a message that another one answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct QuotedMessage {
    /// Its number.
    pub(crate) number: u64,
    /// Its author.
    pub(crate) author: String,
    /// The start of its text; empty if that is gone.
    pub(crate) start: String,
}

impl QuotedMessage {
    /// As servers show it to terminals.
    pub(crate) fn described(&self) -> String {
        let QuotedMessage { number, author, start } = self;
        if start.is_empty() { format!("#{number} {author}, gone") } else { format!("#{number} {author}: \"{start}\"") }
    }
}

/// Users who joined or left in a row, with nothing in between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Presence {
    /// They came; otherwise they left.
    pub(crate) joined: bool,
    /// The first of them, each once.
    pub(crate) names: Vec<String>,
    /// How many more.
    pub(crate) more: u64,
}

/// Names kept of users who join or leave; the rest are counted.
pub(super) const MOST_NAMED: usize = 3;

impl Presence {
    /// `bob, carol and 2 others joined`.
    pub(crate) fn sentence(&self) -> String {
        let verb = if self.joined { "joined" } else { "left" };
        let names = self.names.join(", ");
        match self.more {
            1 if names.is_empty() => format!("1 other {verb}"),
            more if names.is_empty() => format!("{more} others {verb}"),
            0 => format!("{names} {verb}"),
            1 => format!("{names} and 1 other {verb}"),
            more => format!("{names} and {more} others {verb}"),
        }
    }
}

impl Item {
    /// The message, if it is one of this channel.
    pub(crate) fn message(&self) -> Option<&ChatMessage> {
        self.said().filter(|_| matches!(self.content, ItemContent::Message(_)))
    }

    /// The message that is shown, if it is one, also of another channel.
    pub(crate) fn said(&self) -> Option<&ChatMessage> {
        match &self.content {
            ItemContent::Message(message) | ItemContent::Copy(message) => Some(message),
            ItemContent::News(_)
            | ItemContent::Error(_)
            | ItemContent::Refused { .. }
            | ItemContent::Presence(_)
            | ItemContent::Rule(_) => None,
        }
    }

    /// The same, to change it.
    pub(super) fn said_mut(&mut self) -> Option<&mut ChatMessage> {
        match &mut self.content {
            ItemContent::Message(message) | ItemContent::Copy(message) => Some(message),
            ItemContent::News(_)
            | ItemContent::Error(_)
            | ItemContent::Refused { .. }
            | ItemContent::Presence(_)
            | ItemContent::Rule(_) => None,
        }
    }
}
