//! What servers tell each other beside names and rooms: the forms of their notes, and of the values that are kept with them.
//!
//! *Owns* these forms. *Knows nothing of* what a note does: everything in one may come from a faulty server.

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
    /// How long users have typed nothing, in seconds, by connection and name: the one thing that servers tell each other now and
    /// then.
    Idle(Vec<(u64, String, u64)>),
    /// A line for everybody but its author, who is on this connection.
    Broadcast { line: String, by: u64 },
    /// A network is banned, by the user on this connection.
    Banned { ban: BanText, by: u64 },
    /// A ban is lifted.
    Lifted { network: String },
    /// What an operator did.
    Audit(AuditText),
    /// The place of a user is kept, since their server is about to stop.
    Place(PlaceText),
    /// It is not kept any more.
    PlaceTaken { name: String },
    /// What all servers have of the configuration is this now.
    Config(SharedConfig),
    /// Something about a file to a user of another server.
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

/// A place, as servers tell each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PlaceText {
    pub(super) name: String,
    pub(super) client: u64,
    pub(super) address: IpAddr,
    /// The account that the user is logged in to, and the hash of its password.
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

/// What all servers have of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SharedConfig {
    pub(super) history_max: usize,
    /// By name as it is written.
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

/// What servers tell each other about a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FileNote {
    /// A file is offered to this user.
    Offered { to: u64, about: FileInQuestion, size: Option<u64> },
    /// This user accepts it, from this byte on if they want more than what is missing. The server is that of the sender.
    Accept { node: String, number: u64, client: u64, from: Option<u64>, request: u64 },
    /// The answer; `None`: there is nothing to accept any more.
    Answer { client: u64, request: u64, answer: Option<AnswerText> },
    /// This user declines it, or ends the transfer.
    Decline { node: String, number: u64, client: u64 },
    /// Something has happened to it.
    News { to: u64, about: FileInQuestion, event: EventText, rows: Vec<(RowKind, String)> },
}

/// Which file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileInQuestion {
    /// The number that its sender's server has given it.
    pub(super) number: u64,
    pub(super) from_client: u64,
    pub(super) sender: String,
    pub(super) receiver: String,
    pub(super) name: String,
}

/// What the receiver needs to fetch it.
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

    /// The ban. `None` if a faulty server has written it.
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

/// Plain values as text: this cannot fail.
pub(super) fn text(value: &impl Serialize) -> Box<str> {
    serde_json::to_string(value).unwrap_or_default().into()
}
