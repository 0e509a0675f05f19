//! The text of a log entry about a room or about two users.
//!
//! *Owns* the formats of entries.
//! *Knows nothing of* what an entry does. A faulty server may have written it, so it is parsed as untrusted input.

use std::fmt::Write as _;

use crate::chat::message::ClientId;
use crate::chat::room::Change;

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PlaceEntry {
    /// A change to a room.
    Change(Box<Change>),
    /// Several messages in a room, in order.
    Said(Vec<Change>),
    /// A room was created, as `RoomState::core_line` writes it. Servers that already have it ignore this.
    Made(Box<str>),
    /// A room was closed for good. Its members see the line, if any.
    Closed(String),
    /// A message between users was posted, edited or deleted. Names the one of the two who did not do it.
    Direct(ClientId, Box<Change>),
}

impl PlaceEntry {
    /// The entry as text.
    pub(crate) fn text(&self) -> String {
        match self {
            PlaceEntry::Change(change) => format!("change {change}"),
            PlaceEntry::Said(changes) => {
                let mut text = "said ".to_owned();
                for (index, change) in changes.iter().enumerate() {
                    // Writing to a string cannot fail.
                    let _ = write!(text, "{}{change}", if index > 0 { "\n" } else { "" });
                }
                text
            }
            PlaceEntry::Made(core) => format!("made {core}"),
            PlaceEntry::Closed(line) => format!("closed {line}"),
            PlaceEntry::Direct(to, change) => format!("direct {to} {change}"),
        }
    }

    /// Parses an entry. `None` if this version does not know it.
    pub(crate) fn parse(text: &str) -> Option<PlaceEntry> {
        let (kind, rest) = text.split_once(' ')?;
        Some(match kind {
            "change" => PlaceEntry::Change(Box::new(rest.parse().ok()?)),
            "said" => {
                let changes: Option<Vec<Change>> = rest.split('\n').map(|line| line.parse().ok()).collect();
                PlaceEntry::Said(changes.filter(|changes| changes.iter().all(Change::is_said))?)
            }
            "made" => PlaceEntry::Made(rest.into()),
            "closed" => PlaceEntry::Closed(crate::text::sanitize_lines(rest).replace('\n', " ")),
            "direct" => {
                let (to, change) = rest.split_once(' ')?;
                PlaceEntry::Direct(ClientId(to.parse().ok()?), Box::new(change.parse().ok()?))
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::chat::message::{Draft, Message, MessageId};
    use crate::chat::names::UserName;
    use crate::chat::room::ChangeKind;

    fn said(text: &str) -> Change {
        let name = UserName::parse("alice", 1, 32).expect("a name");
        let (id, at) = (MessageId::UNNUMBERED, Timestamp::UNIX_EPOCH);
        let message = Message::new(id, at, name, ClientId(7), Draft::said(text), Box::default());
        Change { at, kind: ChangeKind::Said(message) }
    }

    #[test]
    fn entries_survive_the_format_unchanged() {
        let change = Box::new(Change { at: Timestamp::UNIX_EPOCH, kind: ChangeKind::GraceEnded });
        for entry in [
            PlaceEntry::Change(change.clone()),
            PlaceEntry::Said(vec![said("one\ntwo"), said("three")]),
            PlaceEntry::Made("1 yes".into()),
            PlaceEntry::Closed("alice closed the room.".to_owned()),
            PlaceEntry::Closed(String::new()),
            PlaceEntry::Direct(ClientId(7), change),
        ] {
            assert_eq!(PlaceEntry::parse(&entry.text()), Some(entry));
        }
    }

    #[test]
    fn a_faulty_servers_text_is_no_entry_or_a_harmless_one() {
        for text in [
            "",
            "change",
            "change x",
            "change 1 2 3",
            "said",
            "said x",
            "said 1 0 grace-ended",
            "direct x",
            "direct 1 x",
            "other 1 2",
            "{}",
        ] {
            assert_eq!(PlaceEntry::parse(text), None, "{text}");
        }
        let Some(PlaceEntry::Closed(line)) = PlaceEntry::parse("closed a\u{1b}[2Jb\nc") else { panic!() };
        assert!(!line.contains(['\u{1b}', '\n']), "{line:?}");
    }
}
