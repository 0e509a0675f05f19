//! Lines whose authors were told that it is not known yet whether they were said.
//!
//! Each of them ends in one more line to its author, or in the message itself.
//!
//! *Owns* which lines these are, and what their authors read later. *Knows nothing of* why the outcome was not known.

#[cfg(feature = "json")]
use std::sync::Arc;
use std::sync::Weak;

#[cfg(feature = "json")]
use jiff::Timestamp;

use super::Nodes;
use crate::chat::message::MessageId;
use crate::cluster::{Outcome, Ticket};
use crate::outbox::Outbox;
#[cfg(feature = "json")]
use crate::protocol::json::{Object, Value};
use crate::ui::screen::LineKind;

/// What asked for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AskedBy {
    /// A line of a terminal.
    Terminal,
    /// A program's request that has not been answered yet.
    #[cfg(feature = "json")]
    OpenRequest,
    /// A program's request that was answered, with the program's own id for it.
    #[cfg(feature = "json")]
    Request(Option<Arc<str>>),
}

impl AskedBy {
    /// Who asks through this outbox.
    pub(super) fn of(author: &Outbox) -> AskedBy {
        #[cfg(feature = "json")]
        if author.is_program() {
            return AskedBy::OpenRequest;
        }
        let _ = author;
        AskedBy::Terminal
    }

    fn is_same_request(&self, other: &AskedBy) -> bool {
        match self {
            #[cfg(feature = "json")]
            AskedBy::Request(Some(_)) => self == other,
            _ => false,
        }
    }

    fn is_open(&self) -> bool {
        match self {
            AskedBy::Terminal => false,
            #[cfg(feature = "json")]
            AskedBy::OpenRequest => true,
            #[cfg(feature = "json")]
            AskedBy::Request(_) => false,
        }
    }
}

/// One of them.
pub(super) struct UnknownLine {
    pub(super) ticket: Ticket,
    pub(super) author: Weak<Outbox>,
    pub(super) asked_by: AskedBy,
    /// Its place among the messages of its command. `None`: it posts none.
    pub(super) said: Option<u64>,
}

/// What became of one.
struct KnownLine {
    author: Weak<Outbox>,
    asked_by: AskedBy,
    /// Whether it is a message.
    said: bool,
    /// Whether it was said or done, with its number.
    done: Option<Option<MessageId>>,
}

impl KnownLine {
    fn is_of_request(&self, other: &KnownLine) -> bool {
        self.author.ptr_eq(&other.author) && self.asked_by.is_same_request(&other.asked_by)
    }
}

impl UnknownLine {
    /// Whether both belong to one request.
    fn is_of_request(&self, other: &UnknownLine) -> bool {
        self.author.ptr_eq(&other.author) && self.asked_by.is_same_request(&other.asked_by)
    }

    fn known(self, outcome: &Outcome) -> KnownLine {
        let UnknownLine { author, asked_by, said, .. } = self;
        let done = match outcome {
            Outcome::Applied { id, .. } => Some(id.zip(said).map(|(first, index)| MessageId(first + index))),
            Outcome::Stale | Outcome::Full | Outcome::Taken | Outcome::NotSaid | Outcome::Refused => None,
        };
        KnownLine { author, asked_by, said: said.is_some(), done }
    }
}

impl Nodes {
    /// A program's request is about to be answered with the program's own id for it. It gets to know what becomes of what
    /// it asked for: of the first line without an answer, or of all of them. False if everything is known.
    #[cfg(feature = "json")]
    pub(crate) fn tell_request_later(&self, author: &Outbox, id: Option<&Arc<str>>, most: usize) -> bool {
        let mut pending = self.pending();
        let is_own = |line: &&mut UnknownLine| std::ptr::eq(line.author.as_ptr(), author) && line.asked_by.is_open();
        let lines = pending.unknown.iter_mut().filter(is_own).take(most);
        let named = lines.map(|line| line.asked_by = AskedBy::Request(id.cloned())).count();
        named > 0
    }

    /// Tells authors what has become known.
    pub(super) fn tell_outcomes(&self) {
        let mut pending = self.pending();
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for line in std::mem::take(&mut pending.unknown) {
            match line.ticket.outcome().filter(|_| !line.asked_by.is_open()) {
                _ if line.author.strong_count() == 0 => {}
                Some(outcome) => known.push((line, outcome)),
                None => unknown.push(line),
            }
        }
        // A message to several users is one request, and is answered as a whole.
        let (early, known): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|(line, _)| unknown.iter().any(|other| other.is_of_request(line)));
        unknown.extend(early.into_iter().map(|(line, _)| line));
        pending.unknown = unknown;
        drop(pending);
        let mut told: Vec<KnownLine> = Vec::new();
        for (line, outcome) in known {
            let line = line.known(&outcome);
            match told.iter_mut().find(|earlier| earlier.is_of_request(&line)) {
                Some(earlier) => earlier.done = earlier.done.or(line.done),
                None => told.push(line),
            }
        }
        told.iter().for_each(tell_outcome);
    }
}

fn tell_outcome(line: &KnownLine) {
    let Some(author) = line.author.upgrade() else { return };
    #[cfg(feature = "json")]
    if let AskedBy::Request(id) = &line.asked_by {
        return author.announce_object(&outcome_object(line, id.as_deref()));
    }
    // On a terminal, the message itself is the answer.
    if line.done.is_none() {
        author.show_no_own_lines(1);
        author.announce(LineKind::Refusal, if line.said { "It was not said." } else { "It was not done." });
    }
}

#[cfg(feature = "json")]
fn outcome_object<'a>(line: &KnownLine, request: Option<&'a str>) -> Object<'a> {
    let (action, content) = match (line.done.is_some(), line.said) {
        (true, true) => ("news", "It was said."),
        (true, false) => ("news", "It was done."),
        (false, true) => ("error", "It was not said."),
        (false, false) => ("error", "It was not done."),
    };
    let mut object = Object::new(action, Timestamp::now());
    object.content = content.into();
    if line.done.is_none() {
        object.optional.push(("code", Value::Text("refused".into())));
    }
    object.optional.extend(request.map(|request| ("request", Value::Text(request.into()))));
    object.optional.extend(line.done.flatten().map(|id| ("message", Value::Number(id.0))));
    object
}
