//! Data attached to an account besides its record: waiting messages, how far its user has read, and the rooms they are
//! in. Also failed attempts at passwords and exit codes, counted per account or address.
//!
//! *Owns* the text form of these in Redis. It is parsed as untrusted input: what cannot be read is logged and skipped.
//! *Knows nothing of* screens.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::accounts::{SharedAccounts, not_read, not_saved, odd};
use super::connections::NoAnswer;
use super::engine::{AccountCall, AccountReply, Call, Reply, SharedCount};
use super::values::{NumberKind, Place};
use crate::access::attempts::{AttemptCount, AttemptStep, CountKind, Schedule, SharedAnswer, SharedAttempts};
use crate::chat::message::{AccountId, MessageId, Quoted};
use crate::chat::names::{RoomName, UserName};
use crate::store::{OfflineMessageError, OfflineMessageRecord, ReadError, SaveError, StoreError};

/// How long a password comparison may be pending. It takes about 50 ms on an idle machine; if a server dies during one,
/// nobody is held up for longer than this.
const UNDER_WAY: Duration = Duration::from_secs(10);

/// A waiting message as stored, without its number and sender, which come before it.
#[derive(Serialize, Deserialize)]
struct StoredMessage {
    /// Milliseconds since 1970.
    at: i64,
    from: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    text: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    action: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    edited: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply: Option<StoredQuote>,
}

#[derive(Serialize, Deserialize)]
struct StoredQuote {
    id: u64,
    author: String,
    start: Option<String>,
}

/// A room that an account is in, as all servers store it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRoomText {
    /// Its name.
    pub room: String,
    /// When it was created, in milliseconds since 1970; 0 for a configured room. A later room of the same name is another
    /// room.
    pub made: i64,
    /// See [`OpenRoomRecord`](crate::store::OpenRoomRecord).
    pub door: String,
}

/// How far a user has read in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedVisit {
    /// The room.
    pub room: RoomName,
    /// As in [`OpenRoomText`].
    pub made: i64,
    /// The last message they saw there.
    pub last: MessageId,
}

/// Who shares one message quota: an account, or the guests of an address.
fn sender(message: &OfflineMessageRecord) -> String {
    match (message.account, message.address) {
        (Some(account), _) => format!("a{}", account.0),
        (None, Some(address)) => format!("g{address}"),
        (None, None) => "g".to_owned(),
    }
}

fn body(message: &OfflineMessageRecord) -> String {
    let OfflineMessageRecord { id: _, at, from, account, address, text, action, edited, reply } = message;
    let quote = |quoted: &Quoted| StoredQuote {
        id: quoted.id.0,
        author: quoted.author.to_string(),
        start: quoted.start.as_deref().map(str::to_owned),
    };
    let stored = StoredMessage {
        at: at.as_millisecond(),
        from: from.to_string(),
        account: account.map(|account| account.0),
        address: *address,
        text: text.to_string(),
        action: *action,
        edited: *edited,
        reply: reply.as_ref().map(quote),
    };
    // Plain values: this cannot fail.
    serde_json::to_string(&stored).unwrap_or_default()
}

fn line(message: &OfflineMessageRecord) -> Box<str> {
    format!("{} {} {}", message.id.0, sender(message), body(message)).into()
}

fn parse(line: &str) -> Option<OfflineMessageRecord> {
    let mut words = line.splitn(3, ' ');
    let id = MessageId(words.next()?.parse().ok()?);
    let (_, body) = (words.next()?, words.next()?);
    let stored: StoredMessage = serde_json::from_str(body).ok()?;
    let one_line = |text: &str| crate::text::sanitize(&text.replace('\n', " ")).into_owned();
    let reply = match stored.reply {
        None => None,
        Some(StoredQuote { id, author, start }) => Some(Quoted {
            id: MessageId(id),
            author: UserName::written(&author).ok()?,
            start: start.map(|start| one_line(&start).into()),
        }),
    };
    Some(OfflineMessageRecord {
        id,
        at: Timestamp::from_millisecond(stored.at).ok()?,
        from: UserName::written(&stored.from).ok()?,
        account: stored.account.map(AccountId),
        address: stored.address,
        text: crate::text::sanitize_lines(&stored.text).into(),
        action: stored.action,
        edited: stored.edited,
        reply,
    })
}

/// A waiting message as stored and as parsed; `None` if it cannot be read.
type WaitingLine = (Box<str>, Option<OfflineMessageRecord>);

impl SharedAccounts {
    /// Reserves a number for a message that goes to no room.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub fn message_id(&self) -> Result<MessageId, ReadError> {
        let replies = self.connections.ask(&[Call::Block { kind: NumberKind::Message, count: 1 }]).map_err(not_read)?;
        match replies.first() {
            Some(Reply::Block { first, .. }) => Ok(MessageId(*first)),
            Some(Reply::Nothing) | None => Err(ReadError(StoreError::NotReplicated)),
            Some(other) => Err(ReadError(odd(other))),
        }
    }

    /// Stores a message for an offline user.
    ///
    /// # Errors
    ///
    /// The mailbox is full, the sender has used up their share of it, there is no such account, or the message may not
    /// have been stored.
    pub fn save_offline_message(
        &self,
        to: AccountId,
        message: &OfflineMessageRecord,
    ) -> Result<(), OfflineMessageError> {
        let (sender, text) = (sender(message).into(), body(message).into());
        let put = AccountCall::PutMessage { to, id: message.id, sender, text };
        match self.ask(put).map_err(|why| OfflineMessageError::NotSaved(not_saved(why)))? {
            Reply::Account(AccountReply::Done) => Ok(()),
            Reply::Account(AccountReply::No) => Err(OfflineMessageError::NoAccount),
            Reply::Account(AccountReply::Full) => Err(OfflineMessageError::MailboxFull),
            Reply::Account(AccountReply::SenderShare) => Err(OfflineMessageError::SenderShare),
            other => Err(OfflineMessageError::NotSaved(SaveError(odd(&other)))),
        }
    }

    fn inbox(&self, account: AccountId) -> Result<Vec<WaitingLine>, ReadError> {
        let reply = self.ask(AccountCall::Messages(account)).map_err(not_read)?;
        let Reply::Account(AccountReply::Texts(lines)) = reply else { return Err(ReadError(odd(&reply))) };
        Ok(lines.into_iter().map(|line| (line.clone(), parse(&line))).collect())
    }

    /// The messages that wait for a user, oldest first. Unreadable ones are logged and deleted.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub fn offline_messages(&self, account: AccountId) -> Result<Vec<OfflineMessageRecord>, ReadError> {
        let (mut messages, mut unreadable) = (Vec::new(), Vec::new());
        for (line, message) in self.inbox(account)? {
            match message {
                Some(message) => messages.push(message),
                None => unreadable.push(change(account, line, None)),
            }
        }
        if !unreadable.is_empty() {
            log::error!("cluster: {} messages for an offline user cannot be read and are gone", unreadable.len());
            self.note_all(&unreadable);
        }
        Ok(messages)
    }

    fn note_all(&self, calls: &[Call]) {
        if !calls.is_empty()
            && let Err(NoAnswer::NotSent(why) | NoAnswer::Lost(why)) = self.connections.ask(calls)
        {
            log::warn!("cluster: messages for an offline user may come again: {why}");
        }
    }

    /// The user has seen these messages: erases them, except those edited in the meantime.
    pub fn offline_messages_shown(&self, account: AccountId, shown: &[OfflineMessageRecord]) {
        let Ok(waiting) = self.inbox(account) else { return };
        let is_shown = |message: &OfflineMessageRecord| {
            shown.iter().any(|seen| seen.id == message.id && seen.text == message.text)
        };
        let gone = waiting.into_iter().filter(|(_, message)| message.as_ref().is_some_and(is_shown));
        self.note_all(&gone.map(|(line, _)| change(account, line, None)).collect::<Vec<_>>());
    }

    /// Edits a message that waits for an account, or deletes it (`None`). Waiting replies to it lose their quotes. False
    /// if it no longer waits.
    ///
    /// # Errors
    ///
    /// The change may not have been made.
    pub fn change_offline_message(
        &self,
        account: AccountId,
        id: MessageId,
        text: Option<&str>,
    ) -> Result<bool, SaveError> {
        let waiting = self.inbox(account).map_err(|ReadError(reason)| SaveError(reason))?;
        let (mut changed, mut quotes) = (None, Vec::new());
        for (before, message) in waiting {
            let Some(mut message) = message else { continue };
            if message.id == id {
                let now = text.map(|text| {
                    (message.text, message.edited) = (text.into(), true);
                    line(&message)
                });
                changed = Some((before, now));
            } else if let Some(quoted) =
                message.reply.as_mut().filter(|quoted| quoted.id == id && quoted.start.is_some())
            {
                quoted.start = None;
                quotes.push(change(account, before, Some(line(&message))));
            }
        }
        let Some((before, now)) = changed else { return Ok(false) };
        let changed = match self.ask(AccountCall::ChangeMessage { to: account, before, now }).map_err(not_saved)? {
            Reply::Account(AccountReply::Done) => true,
            Reply::Account(AccountReply::No) => false,
            other => return Err(SaveError(odd(&other))),
        };
        self.note_all(&quotes);
        Ok(changed)
    }

    /// Records how far a user has read in a room. False if it cannot be recorded now.
    pub fn record_visit(&self, account: AccountId, visit: &SharedVisit) -> bool {
        let SharedVisit { room, made, last } = visit;
        let partition = self.partitions.of_place(&Place::Room(room.clone()));
        let (room, instance, last) = (room.clone(), made.unsigned_abs(), *last);
        match self.ask(AccountCall::Visit { partition, account, room, instance, last }) {
            Ok(Reply::Account(_)) => true,
            // Retrying would change nothing.
            Ok(other) => {
                odd(&other);
                true
            }
            Err(_) => false,
        }
    }

    /// How far a user has read, room by room.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub fn visits(&self, account: AccountId) -> Result<Vec<SharedVisit>, ReadError> {
        let calls: Vec<_> =
            self.partitions.logs().skip(1).map(|log| Call::Account(AccountCall::Visits(log, account))).collect();
        let mut visits = Vec::new();
        for reply in self.connections.ask(&calls).map_err(not_read)? {
            let Reply::Account(AccountReply::Texts(texts)) = reply else { return Err(ReadError(odd(&reply))) };
            visits.extend(texts.chunks_exact(2).filter_map(|pair| {
                let [room, text] = pair else { return None };
                let (made, last) = text.split_once(' ')?;
                let last = MessageId(last.parse().ok()?);
                Some(SharedVisit { room: RoomName::written(room).ok()?, made: made.parse().ok()?, last })
            }));
        }
        Ok(visits)
    }

    /// Records the rooms that an account is in, the current one last. False if they cannot be recorded now.
    pub fn record_open_rooms(&self, account: AccountId, rooms: &[OpenRoomText]) -> bool {
        // Plain values: this cannot fail.
        let text = serde_json::to_string(rooms).unwrap_or_default().into();
        self.ask(AccountCall::PutOpen(account, text)).is_ok()
    }

    /// The rooms that an account is in, or was in when its user was last online.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub fn open_rooms(&self, account: AccountId) -> Result<Vec<OpenRoomText>, ReadError> {
        match self.ask(AccountCall::Open(account)).map_err(not_read)? {
            Reply::Account(AccountReply::Text(None)) => Ok(Vec::new()),
            Reply::Account(AccountReply::Text(Some(text))) => Ok(serde_json::from_str(&text).unwrap_or_else(|error| {
                log::error!("cluster: the rooms that an account was in cannot be read: {error}");
                Vec::new()
            })),
            other => Err(ReadError(odd(&other))),
        }
    }
}

fn change(to: AccountId, before: Box<str>, now: Option<Box<str>>) -> Call {
    Call::Account(AccountCall::ChangeMessage { to, before, now })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl From<&AttemptCount> for SharedCount {
    fn from(count: &AttemptCount) -> SharedCount {
        let kind = match count.kind {
            CountKind::User => "user",
            CountKind::Address => "address",
            CountKind::Everyone => "everyone",
        };
        let (first_ms, patience, late_ms) = match count.backoff.schedule {
            Schedule::Doubling { first } => (millis(first), 0, 0),
            Schedule::Paced { early, patience, late } => (millis(early), patience.max(1), millis(late)),
        };
        SharedCount { kind, key: count.key.clone(), free: count.backoff.attempts, first_ms, patience, late_ms }
    }
}

impl SharedAttempts for SharedAccounts {
    fn step(&self, step: AttemptStep, counts: &[AttemptCount], forgotten_after: Duration) -> Option<SharedAnswer> {
        let (hold_ms, memory_ms) = (millis(UNDER_WAY), millis(forgotten_after));
        let counts = counts.iter().map(SharedCount::from).collect();
        match self.ask(AccountCall::Attempt { step, hold_ms, memory_ms, counts }) {
            Ok(Reply::Account(AccountReply::Counted { blocked })) => Some(SharedAnswer::Counted { blocked }),
            Ok(Reply::Account(AccountReply::Wait { left_ms })) => {
                Some(SharedAnswer::Waiting(Duration::from_millis(left_ms)))
            }
            Ok(Reply::Account(AccountReply::Undecided)) => Some(SharedAnswer::Undecided),
            Ok(other) => {
                odd(&other);
                None
            }
            Err(NoAnswer::NotSent(why) | NoAnswer::Lost(why)) => {
                log::warn!("cluster: an attempt was counted on this server only: {why}");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> OfflineMessageRecord {
        OfflineMessageRecord {
            id: MessageId(7),
            at: Timestamp::from_millisecond(1_700_000_000_123).expect("a time"),
            from: UserName::parse("alice", 1, 12).expect("a name"),
            account: None,
            address: Some([192, 0, 2, 1].into()),
            text: text.into(),
            action: true,
            edited: false,
            reply: Some(Quoted {
                id: MessageId(3),
                author: UserName::parse("bob", 1, 12).expect("a name"),
                start: Some("well".into()),
            }),
        }
    }

    #[test]
    fn a_message_that_waits_is_read_as_it_was_written() {
        let message = message("two\nrows \u{1f980}");
        assert_eq!(parse(&line(&message)), Some(message.clone()));
        let account = OfflineMessageRecord { account: Some(AccountId(4)), address: None, reply: None, ..message };
        assert!(line(&account).starts_with("7 a4 {"), "{}", line(&account));
        assert_eq!(parse(&line(&account)), Some(account));
    }

    #[test]
    fn a_forged_message_is_made_safe_or_left_out() {
        let forged = line(&message("\u{1b}[2Jred")).replace("well", "a\\nb\\u001b[2J");
        let read = parse(&forged).expect("a message");
        assert!(!read.text.contains('\u{1b}'), "{:?}", read.text);
        let start = read.reply.and_then(|reply| reply.start).expect("a quote");
        assert!(!start.contains(['\n', '\u{1b}']), "{start:?}");
        for text in ["", "7", "7 a1", "x a1 {}", "7 a1 {}", "7 a1 {\"at\":1,\"from\":\"a b\",\"text\":\"x\"}"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
