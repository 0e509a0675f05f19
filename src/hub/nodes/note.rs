//! The format of notes between servers about anything except names and rooms, and of the values stored with them.
//!
//! *Owns* that format. *Knows nothing of* what a note does. Any content may come from a faulty server.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::safe::one_line;
use crate::access::network::Network;
use crate::chat::names::UserName;
use crate::store::{AddressBanRecord, AuditEntry};

/// One note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Note {
    /// How long users have been idle, in seconds, by connection and name. The only note that is sent periodically.
    Idle(Vec<(u64, String, u64)>),
    /// A line for everyone except its author, who is on this connection.
    Broadcast { line: String, by: u64 },
    /// A user on this connection banned a network.
    Banned { ban: BanText, by: u64 },
    /// A ban was lifted.
    Lifted { network: String },
    /// An operator's action.
    Audit(AuditText),
    /// A user's place is kept, because their server is about to stop.
    Place(PlaceText),
    /// It is no longer kept.
    PlaceTaken { name: String },
    /// The new shared part of the configuration.
    Config(SharedConfig),
    /// A file to or from a user of another server.
    File(FileNote),
    /// All servers stop.
    Stop,
}

/// A ban of a network. Times are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BanText {
    pub(super) network: String,
    pub(super) by: String,
    pub(super) reason: String,
    pub(super) at: i64,
    pub(super) until: Option<i64>,
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AuditText {
    pub(super) at: i64,
    pub(super) who: String,
    pub(super) what: String,
}

/// A kept place, as servers share it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PlaceText {
    pub(super) name: String,
    pub(super) client: u64,
    pub(super) address: IpAddr,
    /// The account that the user is logged in to, and its password hash.
    pub(super) account: Option<(u64, String)>,
    pub(super) code: String,
    pub(super) open: Vec<OpenText>,
    pub(super) in_view: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OpenText {
    Room(String),
    Direct(u64, String),
}

/// The shared part of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SharedConfig {
    pub(super) history_max: usize,
    /// By name, as spelled.
    pub(super) rooms: BTreeMap<String, SharedRoom>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SharedRoom {
    pub(super) public: bool,
    pub(super) description: String,
    pub(super) limit: Option<usize>,
    /// The hash of the password.
    pub(super) password: Option<String>,
}

/// A note about a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FileNote {
    /// A file is offered to this user.
    Offered { to: u64, about: FileInQuestion, size: Option<u64> },
    /// This user accepts it. `from`: the byte to start at, if not the first missing one. `node` is the sender's server.
    Accept { node: String, number: u64, client: u64, from: Option<u64>, request: u64 },
    /// The answer; `None` if there is nothing left to accept.
    Answer { client: u64, request: u64, answer: Option<AnswerText> },
    /// This user declines it or cancels the transfer.
    Decline { node: String, number: u64, client: u64 },
    /// Something happened to it.
    News { to: u64, about: FileInQuestion, event: EventText, rows: Vec<(RowKind, String)> },
}

/// Which file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileInQuestion {
    /// Its number on the sender's server.
    pub(super) number: u64,
    pub(super) from_client: u64,
    pub(super) sender: String,
    pub(super) receiver: String,
    pub(super) name: String,
}

/// What the receiver needs in order to fetch it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AnswerText {
    pub(super) token: String,
    pub(super) from: u64,
    pub(super) host: String,
    pub(super) plain: Option<u16>,
    pub(super) tls: Option<(u16, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EventText {
    Accepted { url: Option<String>, token: String, from: u64 },
    Declined,
    Ended,
    Done { size: u64, hash: Option<String> },
    Broken { at: u64, size: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RowKind {
    News,
    Refusal,
    Command,
}

impl BanText {
    pub(super) fn new(ban: &AddressBanRecord) -> BanText {
        BanText {
            network: ban.network.to_string(),
            by: ban.by.to_string(),
            reason: ban.reason.to_string(),
            at: ban.at.as_millisecond(),
            until: ban.until.map(Timestamp::as_millisecond),
        }
    }

    /// The ban. `None` if it makes no sense; a faulty server may have written it.
    pub(super) fn read(&self) -> Option<AddressBanRecord> {
        let moment = |at| Timestamp::from_millisecond(at).ok();
        Some(AddressBanRecord {
            network: Network::parse(&self.network).ok()?,
            by: UserName::written(&self.by).ok()?,
            reason: one_line(&self.reason).into(),
            at: moment(self.at)?,
            until: match self.until {
                Some(until) => Some(moment(until)?),
                None => None,
            },
        })
    }
}

impl AuditText {
    pub(super) fn new(entry: &AuditEntry) -> AuditText {
        AuditText { at: entry.at.as_millisecond(), who: entry.who.to_string(), what: entry.what.to_string() }
    }

    pub(super) fn read(&self) -> Option<AuditEntry> {
        let at = Timestamp::from_millisecond(self.at).ok()?;
        Some(AuditEntry { at, who: UserName::written(&self.who).ok()?, what: one_line(&self.what).into() })
    }
}

/// Plain values as JSON: this cannot fail.
pub(super) fn text(value: &impl Serialize) -> Box<str> {
    serde_json::to_string(value).unwrap_or_default().into()
}
