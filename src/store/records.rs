//! The values that are stored.
//!
//! *Owns* their shape. *Knows nothing of* SQL and files.

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::access::network::Network;
use crate::chat::action::ReadBack;
use crate::chat::duration;
use crate::chat::message::{AccountId, MessageId, Quoted};
use crate::chat::moderation::ModerationLists;
use crate::chat::names::{RoomName, UserName};
use crate::chat::room::Creation;
use crate::chat::secret::Hashed;

/// Most direct messages that wait for one user. A user who is back after a week can still read that many; the sender of one
/// more is refused.
pub(crate) const MAX_OFFLINE_MESSAGES: usize = 100;

/// How many of these may come from one account, or from all guests of one address together. Names are free: without this, one
/// guest could fill the mailbox under many names, and no one else could leave a message.
pub(crate) const MAX_OFFLINE_MESSAGES_PER_SENDER: usize = 20;

/// Options for opening a store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Path of the database. It comes from the configuration only, never from a user.
    pub path: PathBuf,
    /// Whether messages are stored. If not, none ever reaches SQLite.
    pub history: bool,
    /// Messages older than this are erased; `None`: never.
    pub retention: Option<Duration>,
    /// Messages per room in [`StoredState::histories`].
    pub history_max: usize,
}

/// What a store holds when it is opened.
#[derive(Clone, Debug)]
pub struct StoredState {
    /// User-made rooms, and the lists of configured ones.
    pub rooms: Vec<RoomRecord>,
    /// Banned addresses.
    pub address_bans: Vec<AddressBanRecord>,
    /// Ids above this one are free; ids up to it may have been used.
    pub last_message: MessageId,
    /// The last run ended before everything was written: the newest messages of a room may be missing.
    pub broke_off: bool,
    /// The last messages of every room that has any, oldest first. Empty when history is off.
    pub histories: Vec<(RoomName, Vec<MessageRecord>)>,
}

/// A user's settings. Their values are opaque here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Colour on or off, if they chose.
    pub color: Option<bool>,
    /// What the bell rings for.
    pub bell: Option<Box<str>>,
    /// The time zone of the times they see.
    pub time_zone: Option<Box<str>>,
    /// Whether the view shows times, if they chose.
    pub timestamps: Option<bool>,
    /// Whether it shows message ids, if they chose.
    pub ids: Option<bool>,
    /// Whether it leaves out who joins, leaves or is renamed, if they chose.
    pub quiet: Option<bool>,
    /// Users they ignore.
    pub ignored: Vec<UserName>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// Its id.
    pub id: AccountId,
    /// The name as it was typed at registration.
    pub name: UserName,
    /// Hash of its password.
    pub hash: Hashed,
    /// When it was registered.
    pub created: Timestamp,
    /// Its settings.
    pub settings: Settings,
}

/// Who may join a stored room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessRecord {
    /// Everyone.
    Open,
    /// Users who know the password with this hash.
    Password(Hashed),
    /// Invited users only.
    Closed,
}

/// A stored room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRecord {
    /// Its name.
    pub name: RoomName,
    /// How it was created. `None`: it is a configured room, and only its bans, mutes and invitations count.
    pub made: Option<Creation>,
    /// Whether it is listed.
    pub public: bool,
    /// One line about it; may be empty.
    pub description: Box<str>,
    /// Most users at a time.
    pub limit: Option<usize>,
    /// Who may join.
    pub entry: AccessRecord,
    /// Slow mode: time between two messages of one user, to the millisecond.
    pub slow: Duration,
    /// From when on its users may read back.
    pub read_back: ReadBack,
    /// Its members. Read with the room, and written one by one.
    pub members: Vec<MemberRecord>,
    /// Its admins, bans, mutes and invitations. None of these users is connected.
    pub lists: ModerationLists,
}

/// An account's membership of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// The account.
    pub account: AccountId,
    /// The last message sent anywhere before it first joined or was invited.
    pub since: MessageId,
}

/// A message in a room. Times are stored to the millisecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    /// Its id.
    pub id: MessageId,
    /// When the server received it.
    pub at: Timestamp,
    /// The author's name, as shown.
    pub author: UserName,
    /// The author's account, if they were logged in.
    pub account: Option<AccountId>,
    /// Sanitised. Lines are separated by U+000A.
    pub text: Box<str>,
    /// Whether it is an action (`:me`).
    pub action: bool,
    /// Whether it was edited.
    pub edited: bool,
    /// What it replies to. The quoted text is not stored a second time: it is read from the quoted message, and is `None` if that
    /// is gone or was never stored.
    pub reply: Option<Quoted>,
}

/// A direct message stored for an offline user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfflineMessageRecord {
    /// Its id.
    pub id: MessageId,
    /// When the server received it.
    pub at: Timestamp,
    /// The sender's name, as shown.
    pub from: UserName,
    /// The sender's account, if they were logged in.
    pub account: Option<AccountId>,
    /// Otherwise the sender's address, as [`network_key`](crate::access::address::network_key) counts addresses. `None` if an
    /// older version stored the message.
    pub address: Option<IpAddr>,
    /// Sanitised. Lines are separated by U+000A.
    pub text: Box<str>,
    /// Whether it is an action (`:me`).
    pub action: bool,
    /// Whether it was edited.
    pub edited: bool,
    /// What it replies to.
    pub reply: Option<Quoted>,
}

impl OfflineMessageRecord {
    /// Whether both count towards one sender's share: same account, or guests from the same address, whatever their names.
    #[must_use]
    pub(crate) fn shares_with(&self, other: &OfflineMessageRecord) -> bool {
        match (self.account, other.account) {
            (Some(own), Some(others)) => own == others,
            (None, None) => self.address.is_some() && self.address == other.address,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

/// A banned network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressBanRecord {
    /// The network.
    pub network: Network,
    /// Who banned it.
    pub by: UserName,
    /// Why; may be empty.
    pub reason: Box<str>,
    /// Since when.
    pub at: Timestamp,
    /// When it ends, if ever.
    pub until: Option<Timestamp>,
}

impl AddressBanRecord {
    /// The line shown to a client at a banned address.
    pub(crate) fn notice(&self, now: Timestamp) -> impl Display {
        AddressBanNotice { ban: self, now }
    }
}

/// An address ban as a sentence.
struct AddressBanNotice<'a> {
    ban: &'a AddressBanRecord,
    now: Timestamp,
}

impl Display for AddressBanNotice<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str("Your address is banned")?;
        if let Some(until) = self.ban.until {
            let left = until.duration_since(self.now).unsigned_abs();
            write!(out, " for {}", duration::in_words(Duration::from_secs(left.as_secs())))?;
        }
        match &*self.ban.reason {
            "" => out.write_str("."),
            reason => write!(out, " ({reason})."),
        }
    }
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: UserName,
    /// What they did, never what was said.
    pub what: Box<str>,
}

/// How far a user has read in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The room.
    pub room: RoomName,
    /// The last message they saw there.
    pub last: MessageId,
}

/// A room an account is in, or was in when last connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRoomRecord {
    /// The room.
    pub room: RoomName,
    /// Whether it is user-made. Then it is only stored if the room itself is: the room may have been deleted a moment ago and must
    /// not come back.
    pub made: bool,
    /// How entry was restricted at that time, to see whether that has changed since: `open`, `closed`, or the hash of
    /// the room's password. Empty if the user did not join the usual way.
    pub door: Box<str>,
}

/// Some messages of a room, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// The messages.
    pub messages: Vec<MessageRecord>,
    /// The query ran out of time: there may be older ones after the last of these.
    pub cut: bool,
}

/// How far a log of several servers was read into their archive.
#[cfg(all(feature = "storage", feature = "cluster"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArchivePlace {
    /// The log's name.
    pub(crate) log: Box<str>,
    /// The term of the last entry that was read; another Redis begins another term.
    pub(crate) term: u64,
    /// The number of that entry.
    pub(crate) number: u64,
}
