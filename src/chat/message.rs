//! Messages and events of rooms and direct chats, as values.
//!
//! *Owns* message numbers, messages and drafts. Its module `event` has the events of rooms. *Knows nothing of*
//! terminals, sockets, threads and locks.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::chat::names::UserName;
use crate::text;

mod event;

pub use event::{Crowd, ErasureCause, Event, EventKind, People, Sequenced};

/// Number of one connection, counted up since the server started and never reused. The default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

impl ClientId {
    /// No connection: for messages and users from before the server started.
    pub(crate) const NONE: ClientId = ClientId(0);

    /// Whether both are the same connection. Two users without one are not the same.
    pub(crate) fn is(self, other: ClientId) -> bool {
        self == other && self != ClientId::NONE
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of an account, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u64);

/// Number of one message: counts up over all rooms and never repeats. Shown as `#12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u64);

impl MessageId {
    /// For a message that has no number yet.
    pub(crate) const UNNUMBERED: MessageId = MessageId(0);
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// What a user wants to say: a message without number, author and time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Sanitised. Lines end with U+000A.
    pub text: String,
    /// An action of the author (`:me`).
    pub action: bool,
    /// Erased after this time.
    pub lasts: Option<Duration>,
    /// What it answers.
    pub reply: Option<Quoted>,
}

impl Draft {
    /// A plain text.
    pub fn said(text: impl Into<String>) -> Draft {
        Draft { text: text.into(), ..Draft::default() }
    }
}

/// The message that another one answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Its number.
    pub id: MessageId,
    /// The author's name at that time.
    pub author: UserName,
    /// The start of its text; `None` once that was deleted or has expired.
    pub start: Option<Box<str>>,
}

/// Longest start of a text that a reply quotes, in columns: half a row of a terminal of 80, so that the answer still
/// begins in the first row.
const QUOTED_COLUMNS: usize = 40;

impl Quoted {
    /// The quote of a message.
    pub fn of(message: &Message) -> Quoted {
        Quoted { id: message.id, author: message.author.clone(), start: Some(start(&message.text)) }
    }
}

/// What a quote shows of a text: as much of its first line as fits, with three dots if something is missing.
pub(crate) fn start(whole: &str) -> Box<str> {
    let line = whole.lines().next().unwrap_or("");
    let cut = text::truncate(line, QUOTED_COLUMNS);
    if cut.len() == whole.len() { cut.into() } else { [cut.trim_end(), "..."].concat().into() }
}

/// A user by connection and name: somebody who received a direct message, or is named in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// Their connection.
    pub client: ClientId,
    /// Their name at that time.
    pub name: UserName,
}

/// Fields that only few messages need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// An action of the author (`:me`).
    pub action: bool,
    /// The text was edited.
    pub edited: bool,
    /// Erased after this time.
    pub lasts: Option<Duration>,
    /// What it answers.
    pub reply: Option<Quoted>,
    /// The connection that sent the message it answers, if known.
    pub answers: ClientId,
    /// Who received a direct message; empty for a message in a room.
    pub to: Box<[Addressee]>,
}

/// One message. Never changed: editing replaces it with a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number.
    pub id: MessageId,
    /// When the server took it.
    pub at: Timestamp,
    /// The author, as shown.
    pub author: UserName,
    /// The connection it came from. In line mode, that one has the line on its screen already.
    pub from: ClientId,
    /// The account it came from: the message stays its author's on another connection.
    pub account: Option<AccountId>,
    /// Sanitised. Lines end with U+000A.
    pub text: Box<str>,
    /// Boxed, because hardly any message has one.
    pub extra: Option<Box<Extra>>,
}

impl Message {
    /// Makes a message from a draft, sent to these users, or to a room if there are none.
    pub(crate) fn new(
        id: MessageId,
        at: Timestamp,
        author: UserName,
        from: ClientId,
        draft: Draft,
        to: Box<[Addressee]>,
    ) -> Message {
        let Draft { text, action, lasts, reply } = draft;
        let plain = !action && lasts.is_none() && reply.is_none() && to.is_empty();
        let extra =
            (!plain).then(|| Box::new(Extra { action, edited: false, lasts, reply, answers: ClientId::NONE, to }));
        Message { id, at, author, from, account: None, text: text.into(), extra }
    }

    /// The message with another text.
    pub(crate) fn edited(&self, text: &str) -> Message {
        let mut extra = self.extra.clone().unwrap_or_default();
        extra.edited = true;
        Message { text: text.into(), extra: Some(extra), ..self.clone() }
    }

    /// The message with its quote updated, if it answers this message. A text of `None` means that the quoted one is
    /// gone.
    pub(crate) fn requoted(&self, id: MessageId, text: Option<&str>) -> Option<Message> {
        let reply = self.extra.as_ref()?.reply.as_ref()?;
        if reply.id != id {
            return None;
        }
        let mut message = self.clone();
        if let Some(reply) = message.extra.as_mut().and_then(|extra| extra.reply.as_mut()) {
            reply.start = text.map(start);
        }
        Some(message)
    }

    /// The message whose text it quotes, if it quotes any.
    fn quoted(&self) -> Option<MessageId> {
        let reply = self.extra.as_ref()?.reply.as_ref()?;
        reply.start.as_ref().map(|_| reply.id)
    }

    /// Notes that it answers a message from this connection.
    pub(crate) fn answers(&mut self, client: ClientId) {
        if let Some(extra) = self.extra.as_mut().filter(|extra| extra.reply.is_some()) {
            extra.answers = client;
        }
    }

    /// The author, by connection and name.
    pub(crate) fn addressee(&self) -> Addressee {
        Addressee { client: self.from, name: self.author.clone() }
    }

    /// The message marked as coming from an account, if it did.
    #[must_use]
    pub(crate) fn of_account(self, account: Option<AccountId>) -> Message {
        Message { account, ..self }
    }

    /// Whether it is from a connection, or from the account that is logged in there. An account's message never belongs
    /// to another account, even on the same connection.
    pub(crate) fn is_by(&self, client: ClientId, account: Option<AccountId>) -> bool {
        match (self.account, account) {
            (Some(own), Some(others)) => own == others,
            _ => self.from == client && self.from != ClientId::NONE,
        }
    }

    /// Whether it disappears after a while.
    pub(crate) fn is_temporary(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.lasts.is_some())
    }

    /// Who received it; nobody if it was said in a room.
    pub(crate) fn to(&self) -> &[Addressee] {
        self.extra.as_ref().map_or(&[], |extra| &extra.to)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn message(text: &str, reply: Option<Quoted>) -> Message {
        let draft = Draft { reply, ..Draft::said(text) };
        let name = UserName::parse("bob", 1, 12).expect("a name");
        Message::new(MessageId(12), Timestamp::UNIX_EPOCH, name, ClientId(1), draft, Box::default())
    }

    #[test]
    fn a_plain_message_carries_nothing_extra() {
        assert!(message("morning", None).extra.is_none());
        assert!(message("morning", None).edited("evening").extra.is_some_and(|extra| extra.edited));
    }

    #[test]
    fn a_message_belongs_to_its_author_on_any_connection_of_the_account() {
        let guests = message("morning", None);
        assert!(guests.is_by(ClientId(1), None) && !guests.is_by(ClientId(2), None));
        let accounts = message("morning", None).of_account(Some(AccountId(7)));
        assert!(accounts.is_by(ClientId(2), Some(AccountId(7))) && !accounts.is_by(ClientId(2), Some(AccountId(8))));
        assert!(!accounts.is_by(ClientId(1), Some(AccountId(8))), "another account on the same connection");
        let earlier = Message { from: ClientId::NONE, ..message("morning", None) };
        assert!(!earlier.is_by(ClientId::NONE, None));
    }

    #[test]
    fn a_quote_is_the_start_of_the_first_line() {
        let quote = |text: &str| Quoted::of(&message(text, None)).start.map(String::from);
        assert_eq!(quote("morning").as_deref(), Some("morning"));
        assert_eq!(quote("one\ntwo").as_deref(), Some("one..."));
        let long = "word ".repeat(20);
        let cut = quote(long.trim()).expect("a start");
        assert!(cut.starts_with("word word") && cut.ends_with("word...") && cut.len() <= QUOTED_COLUMNS + 3, "{cut}");
    }

    #[test]
    fn an_answer_follows_what_it_quotes() {
        let answer = message("yes", Some(Quoted::of(&message("morning", None))));
        let start = |message: Option<Message>| {
            message.and_then(|message| message.extra?.reply).map(|reply| reply.start.map(String::from))
        };
        assert_eq!(start(answer.requoted(MessageId(12), Some("evening"))), Some(Some("evening".to_owned())));
        assert_eq!(start(answer.requoted(MessageId(12), None)), Some(None));
        assert!(answer.requoted(MessageId(13), None).is_none());
    }

    #[test]
    fn a_user_who_may_not_read_a_message_sees_neither_its_quotes_nor_its_edits() {
        let shown = |event: &Arc<Event>, number| event.after(MessageId(number)).map(|event| format!("{event:?}"));
        let quote = Quoted { id: MessageId(5), ..Quoted::of(&message("secret", None)) };
        let answer = Arc::new(Event::Said(message("yes", Some(quote))));
        assert_eq!(answer.oldest_shown(), Some(MessageId(5)));
        assert!(shown(&answer, 4).is_some_and(|seen| seen.contains("secret")));
        assert!(shown(&answer, 5).is_some_and(|seen| !seen.contains("secret") && seen.contains("yes")));
        let secret = Arc::new(Event::Said(message("secret", None).edited("another secret")));
        let requoted = [Arc::clone(&answer)].into();
        let edited = Arc::new(Event::Edited { message: secret, requoted, redraw: true });
        assert_eq!(edited.oldest_shown(), Some(MessageId(12)));
        assert!(shown(&edited, 11).is_some_and(|seen| seen.contains("another secret") && !seen.contains("\"secret")));
        assert_eq!(shown(&edited, 12), None);
        let plain = Arc::new(Event::Said(message("morning", None)));
        assert_eq!(plain.oldest_shown(), None);
    }
}
