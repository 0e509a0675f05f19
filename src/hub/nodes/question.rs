//! The format of questions to archives, and of their answers.
//!
//! *Owns* that format, and sanitises the messages in an answer, which may come from a faulty server.
//! *Knows nothing of* who asks, or of how long an answer takes.

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
    /// The server that asks.
    pub(super) from: String,
    /// Its number, unique per server.
    pub(super) number: u64,
    /// After this, nobody waits for the answer: milliseconds since 1970 by Redis' clock.
    pub(super) until: i64,
    pub(super) what: WantedMessages,
}

/// A part of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WantedRoom {
    pub(super) name: String,
    /// The last entry about it that the asking server knows. The archive must have read at least that far.
    pub(super) entry: u64,
    pub(super) before: u64,
    pub(super) after: u64,
}

/// What the question asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum WantedMessages {
    /// The latest messages of a part of a room.
    Page { room: WantedRoom, count: usize },
    /// Messages that match a pattern.
    Search { pattern: String, rooms: Vec<WantedRoom>, ignored: Vec<String>, own: String, most: usize },
    /// One message, which may be in any of these rooms.
    Message { id: u64, rooms: Vec<WantedRoom> },
    /// An account's latest message in any of these rooms.
    LastBy { account: u64, rooms: Vec<WantedRoom> },
}

/// One message of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) room: String,
    /// As `message_line` writes it.
    pub(super) line: String,
    /// For a search: the byte range of the hit in the text.
    pub(super) hit: Option<(usize, usize)>,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ArchiveAnswer {
    pub(super) number: u64,
    /// Newest first.
    pub(super) told: Vec<Told>,
    /// Whether time ran out before everything was read.
    pub(super) cut: bool,
}

impl Told {
    #[cfg_attr(not(any(test, feature = "storage")), expect(dead_code, reason = "only an archive tells a message"))]
    pub(super) fn new(room: &RoomName, message: MessageRecord, hit: Option<Range<usize>>) -> Told {
        let hit = hit.map(|range| (range.start, range.end));
        Told { room: room.as_str().to_owned(), line: message_line(&restored(message)), hit }
    }

    /// The message, sanitised.
    pub(super) fn read(&self) -> Option<(RoomName, MessageRecord)> {
        let mut message = parse_message(&self.line).ok()?;
        clean_message(&mut message);
        Some((RoomName::written(&self.room).ok()?, message_record(&message)))
    }

    /// The same for a search hit, with its position in the text.
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
    fn a_message_survives_the_format_unchanged() {
        let room = RoomName::written("general").expect("a name");
        let told = Told::new(&room, message("two\nlines"), Some(0..3));
        let hit = told.read_hit().expect("a message");
        assert_eq!((hit.room, hit.message, hit.range), (room, message("two\nlines"), 0..3));
    }

    #[test]
    fn a_faulty_archives_answer_is_harmless() {
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
