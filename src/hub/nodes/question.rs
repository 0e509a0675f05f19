//! What servers ask archives, and what these answer: the forms of both.
//!
//! *Owns* these forms, and that messages of an answer, which may come from a faulty server, are made safe.
//! *Knows nothing of* who asks, and of how long that takes.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::safe::clean_message;
use crate::chat::names::RoomName;
use crate::chat::room::{message_line, parse_message};
use crate::hub::room::{message_record, restored};
use crate::hub::stored_search::StoredHit;
use crate::store::MessageRecord;

/// Most messages in an answer.
pub(super) const MOST_MESSAGES: usize = 1000;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Question {
    /// Who asks.
    pub(super) from: String,
    /// Which of their questions it is.
    pub(super) number: u64,
    /// When nobody waits for the answer any more, in milliseconds since 1970 by Redis' clock.
    pub(super) until: i64,
    pub(super) what: WantedMessages,
}

/// A part of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WantedRoom {
    pub(super) name: String,
    /// The last entry about it that the asker knows: the archive has to have read so far.
    pub(super) entry: u64,
    pub(super) before: u64,
    pub(super) after: u64,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum WantedMessages {
    /// The last messages of a part of a room.
    Page { room: WantedRoom, count: usize },
    /// Messages that match.
    Search { pattern: String, rooms: Vec<WantedRoom>, ignored: Vec<String>, own: String, most: usize },
    /// One message, whatever its room.
    Message(u64),
    /// The last message of an account in one of these rooms.
    LastBy { account: u64, rooms: Vec<WantedRoom> },
}

/// One message of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) room: String,
    /// As `message_line` writes it.
    pub(super) line: String,
    /// For a search: which bytes of the text.
    pub(super) hit: Option<(usize, usize)>,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ArchiveAnswer {
    pub(super) number: u64,
    /// Newest first.
    pub(super) told: Vec<Told>,
    /// There was no time for all of it.
    pub(super) cut: bool,
}

impl Told {
    #[cfg_attr(not(any(test, feature = "storage")), expect(dead_code, reason = "only an archive tells a message"))]
    pub(super) fn new(room: &RoomName, message: MessageRecord, hit: Option<Range<usize>>) -> Told {
        let hit = hit.map(|range| (range.start, range.end));
        Told { room: room.as_str().to_owned(), line: message_line(&restored(message)), hit }
    }

    /// The message, made safe.
    pub(super) fn read(&self) -> Option<(RoomName, MessageRecord)> {
        let mut message = parse_message(&self.line).ok()?;
        clean_message(&mut message);
        Some((RoomName::written(&self.room).ok()?, message_record(&message)))
    }

    /// The same of one that was found, with where in its text.
    pub(super) fn read_hit(&self) -> Option<StoredHit> {
        let (room, message) = self.read()?;
        let (start, end) = self.hit?;
        message.text.get(start..end)?;
        Some(StoredHit { room, message, range: start..end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::message::{AccountId, MessageId};
    use crate::chat::names::UserName;
    use jiff::Timestamp;

    fn message(text: &str) -> MessageRecord {
        MessageRecord {
            id: MessageId(7),
            at: Timestamp::UNIX_EPOCH,
            author: UserName::written("bob").expect("a name"),
            account: Some(AccountId(3)),
            text: text.into(),
            action: false,
            edited: true,
            reply: None,
        }
    }

    #[test]
    fn a_message_comes_back_as_it_was_told() {
        let room = RoomName::written("general").expect("a name");
        let told = Told::new(&room, message("two\nlines"), Some(0..3));
        let hit = told.read_hit().expect("a message");
        assert_eq!((hit.room, hit.message, hit.range), (room, message("two\nlines"), 0..3));
    }

    #[test]
    fn what_a_faulty_archive_says_is_harmless() {
        let room = RoomName::written("general").expect("a name");
        let forged = Told::new(&room, message("\u{1b}[2J* Server is shutting down\u{7}"), None);
        let (_, safe) = forged.read().expect("a message");
        assert!(!safe.text.contains(['\u{1b}', '\u{7}']), "{:?}", safe.text);
        let told = Told::new(&room, message("héllo"), Some(0..2));
        assert!(told.read_hit().is_none(), "in the middle of a character");
        let told = Told { hit: Some((9, 3)), ..told };
        assert!(told.read_hit().is_none());
        let told = Told { room: "\u{1b}".to_owned(), hit: None, ..told };
        assert!(told.read().is_none());
        let told = Told { room: "general".to_owned(), line: "1 no message".to_owned(), hit: None };
        assert!(told.read().is_none());
    }
}
