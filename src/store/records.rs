//! The values that are kept over restarts.
//!
//! *Owns* their shapes, and that no hashed password shows itself. *Knows nothing of* SQL and files.
//! *Called by* everybody who records or reads.

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::access::network::Network;
use crate::chat::action::ReadBack;
use crate::chat::duration;
use crate::chat::identity::AccountId;
use crate::chat::message::{MessageId, Quoted};
use crate::chat::moderation::ModerationLists;
use crate::chat::names::{RoomName, UserName};
use crate::chat::room::Creation;

use crate::chat::secret::Hashed;

/// Direct messages that wait for one person. Someone who comes back after a week can still read that many; an author of
/// one more is refused, and told.
pub const MAX_OFFLINE_MESSAGES: usize = 100;

/// Of these, how many one account may have written, or all guests of one address together. A name costs nothing: without
/// this, one guest could fill the box under many names, and nobody else could leave a message.
pub const MAX_OFFLINE_MESSAGES_PER_SENDER: usize = 20;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The database. Never from a user: from the configuration alone.
    pub path: PathBuf,
    /// Whether messages are kept. If not, none is ever handed to SQLite.
    pub history: bool,
    /// Messages older than that are erased; `None`: never.
    pub retention: Option<Duration>,
    /// Messages per room in [`StoredState::histories`].
    pub history_max: usize,
}

/// What a store holds when it is opened.
#[derive(Clone, Debug)]
pub struct StoredState {
    /// Rooms, made ones and the lists of the configuration's.
    pub rooms: Vec<RoomRecord>,
    /// Addresses kept out of the server.
    pub address_bans: Vec<AddressBanRecord>,
    /// Every number above this one is free; all up to it may have been used.
    pub last_message: MessageId,
    /// The last messages of every room that has any, oldest first. Empty without `history`.
    pub histories: Vec<(RoomName, Vec<MessageRecord>)>,
}

/// What somebody has set for himself. The words are opaque here: whoever set them reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Colour on or off, if he said so.
    pub color: Option<bool>,
    /// What the bell rings for.
    pub bell: Option<Box<str>>,
    /// In which zone he reads times.
    pub time_zone: Option<Box<str>>,
    /// Whether the view shows times, if they said so.
    pub timestamps: Option<bool>,
    /// Whether it shows message ids, if they said so.
    pub ids: Option<bool>,
    /// Whether it leaves out who joins, leaves or is renamed, if they said so.
    pub quiet: Option<bool>,
    /// Whom he does not want to read.
    pub ignored: Vec<UserName>,
}

/// A name that belongs to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// Its number.
    pub id: AccountId,
    /// The name, as it was typed when the account was made.
    pub name: UserName,
    /// What a password is compared with.
    pub hash: Hashed,
    /// When it was made.
    pub created: Timestamp,
    /// What its owner has set.
    pub settings: Settings,
}

/// Who gets into a room that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessRecord {
    /// Everybody.
    Open,
    /// Whoever gives the password of which this is the hash.
    Password(Hashed),
    /// Nobody but who is invited.
    Closed,
}

/// A room that outlasts the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRecord {
    /// Its name.
    pub name: RoomName,
    /// Who made it. `None`: it is one of the configuration's, and only its bans, mutes and invitations count.
    pub made: Option<Creation>,
    /// Whether it is shown to everybody.
    pub public: bool,
    /// One line about it; may be empty.
    pub description: Box<str>,
    /// People in it at once.
    pub limit: Option<usize>,
    /// Who gets in.
    pub entry: AccessRecord,
    /// Between two messages of one person. To the millisecond.
    pub slow: Duration,
    /// From when its users may read back.
    pub read_back: ReadBack,
    /// Since when accounts are its members. Read with the room, and written one by one.
    pub members: Vec<MemberRecord>,
    /// Admins, bans, mutes and invitations. Nobody in them is on a connection.
    pub lists: ModerationLists,
}

/// Since when an account is a member of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// Which account.
    pub account: AccountId,
    /// The last message that was said anywhere before it first came in or was invited.
    pub since: MessageId,
}

/// A message of a room. Times are kept to the millisecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    /// Its number.
    pub id: MessageId,
    /// When the server took it.
    pub at: Timestamp,
    /// Who said it, as shown.
    pub author: UserName,
    /// His account, if he was logged in.
    pub account: Option<AccountId>,
    /// Sanitised. Lines are parted by U+000A.
    pub text: Box<str>,
    /// Told as something the author does.
    pub action: bool,
    /// The text is not the one first said.
    pub edited: bool,
    /// What it answers. The start of that text is not stored a second time: it is taken from the message itself when this
    /// one is read, and is `None` when that one is gone or was never kept.
    pub reply: Option<Quoted>,
}

/// A direct message kept for an account whose owner is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfflineMessageRecord {
    /// Its number.
    pub id: MessageId,
    /// When the server took it.
    pub at: Timestamp,
    /// Who wrote it, as shown.
    pub from: UserName,
    /// His account, if he was logged in.
    pub account: Option<AccountId>,
    /// Otherwise the address it came from, as [`network_key`](crate::access::address::network_key) counts addresses. `None` if an
    /// older version kept it.
    pub address: Option<IpAddr>,
    /// Sanitised. Lines are parted by U+000A.
    pub text: Box<str>,
    /// Told as something the author does.
    pub action: bool,
    /// The text is not the one first said.
    pub edited: bool,
    /// What it answers.
    pub reply: Option<Quoted>,
}

impl OfflineMessageRecord {
    /// Whether both take from one share: they are of one account, or of guests from one address, whatever their names.
    #[must_use]
    pub fn shares_with(&self, other: &OfflineMessageRecord) -> bool {
        match (self.account, other.account) {
            (Some(own), Some(others)) => own == others,
            (None, None) => self.address.is_some() && self.address == other.address,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

/// Addresses kept out of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressBanRecord {
    /// Which.
    pub network: Network,
    /// Who banned them.
    pub by: UserName,
    /// Why; may be empty.
    pub reason: Box<str>,
    /// Since when.
    pub at: Timestamp,
    /// The end of it, if there is one.
    pub until: Option<Timestamp>,
}

impl AddressBanRecord {
    /// The line that a client at a banned address reads.
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
            write!(out, " for {}", duration::told(Duration::from_secs(left.as_secs())))?;
        }
        match &*self.ban.reason {
            "" => out.write_str("."),
            reason => write!(out, " ({reason})."),
        }
    }
}

/// One deed of somebody who keeps order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: UserName,
    /// What he did, in words; never what was said.
    pub what: Box<str>,
}

/// How far somebody has read in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Which room.
    pub room: RoomName,
    /// The last message he saw there.
    pub last: MessageId,
}

/// A room that an account is in, or was in when it was last here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRoomRecord {
    /// Which room.
    pub room: RoomName,
    /// Whether somebody has made it. Then it is only noted if the room itself is on the disk: it may have been taken off it a
    /// moment ago, and leaves no trace then.
    pub made: bool,
    /// What kept others out of it then, in words that say whether it has changed since: `open`, `closed`, or the hash of the
    /// room's password. Empty if whoever was in it had not come in like anybody else.
    pub door: Box<str>,
}

/// Some messages of a room, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The messages.
    pub messages: Vec<MessageRecord>,
    /// The time given was over first: there may be older ones before the last of these.
    pub cut: bool,
}
