//! An offered file, and a transfer.
//!
//! *Owns* the state of both. *Knows nothing of* the rest of the model.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::intent::Moment;

/// How long the rest of a file that broke off is accepted without a question: as long as the server can resume it.
pub(super) const TAKEN_AGAIN: Duration = Duration::from_secs(600);

/// How long a client with nothing else to do waits for the rest of a file that broke off.
const RESUMED_WITHIN: Duration = Duration::from_secs(10);

/// The same once it is back on a server that it had lost: the other one may take half a minute longer to find the way back.
const RESUMED_AFTER_RETURN: Duration = Duration::from_secs(60);

/// A file that someone offers.
#[derive(Clone, Debug)]
pub(crate) struct OfferedFile {
    /// The number of the offer.
    pub(crate) number: u64,
    /// The user who offers it.
    pub(crate) sender: String,
    /// Its name.
    pub(crate) name: String,
    /// Its size in bytes, if known.
    pub(crate) size: Option<u64>,
}

impl OfferedFile {
    pub(super) fn question(&self) -> String {
        let OfferedFile { sender, name, size, .. } = self;
        let size = size.map(|size| format!(", {}", readable(size))).unwrap_or_default();
        format!("{sender} offers {name}{size}. Take it? (y/n) ")
    }
}

/// A size in readable form: `1.2 MB`.
pub(crate) fn readable(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes == 1 {
        return "1 byte".to_owned();
    }
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    // In tenths, rounded.
    let mut tenths = bytes.saturating_add(50) / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths = (tenths + 500) / 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// A transfer.
#[derive(Clone, Debug)]
pub(crate) struct FileTransfer {
    /// Identifies it in this client. The numbers of a server that has started again are given once more.
    pub(super) key: u64,
    /// The number of the offer.
    pub(crate) number: u64,
    /// The user at the other end.
    pub(crate) peer: String,
    /// Its name.
    pub(crate) name: String,
    /// Whether this user sends it.
    pub(crate) sends: bool,
    /// Its path, or where it will be saved.
    pub(super) path: Option<PathBuf>,
    /// Bytes passed so far.
    pub(crate) done: u64,
    /// The total size, once known.
    pub(crate) size: Option<u64>,
    pub(super) stage: TransferStage,
    /// A thread is receiving it.
    pub(super) is_carried: bool,
    /// One of the two users has cancelled it.
    pub(super) is_declined: bool,
    /// The connection it was agreed on is gone: the server tells nothing more of it.
    pub(super) is_orphan: bool,
    /// The server has told how it ended.
    pub(super) is_told: bool,
    /// When it broke off.
    pub(super) broke: Option<Instant>,
    /// Until when an otherwise idle client waits for the rest.
    pub(super) resumed_by: Option<Instant>,
    /// The rest is to be offered again.
    pub(super) retry: Option<OfferRetry>,
    /// It is the rest of a file that broke off.
    pub(super) is_rest: bool,
    /// The hash of the local part, and the server's hash of what has passed.
    pub(super) own_hash: Option<String>,
    pub(super) told_hash: Option<String>,
}

/// When the rest of a file is offered again.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfferRetry {
    /// The next attempt.
    pub(super) at: Instant,
    /// No attempt is made after this.
    pub(super) until: Instant,
    /// The user knows that the other one is away.
    pub(super) has_told: bool,
}

/// The progress of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransferStage {
    /// Offered, without an answer yet.
    Offered,
    /// Bytes are passing.
    Running,
    /// Over, complete or not.
    Over,
}

impl FileTransfer {
    /// A transfer to a user.
    pub(super) fn sending(number: u64, peer: &str, name: String, path: PathBuf, size: Option<u64>) -> FileTransfer {
        let offer = OfferedFile { number, sender: peer.to_owned(), name, size };
        FileTransfer { sends: true, path: Some(path), ..FileTransfer::receiving(&offer) }
    }

    /// A transfer from a user.
    pub(super) fn receiving(offer: &OfferedFile) -> FileTransfer {
        FileTransfer {
            key: 0,
            number: offer.number,
            peer: offer.sender.clone(),
            name: offer.name.clone(),
            sends: false,
            path: None,
            done: 0,
            size: offer.size,
            stage: TransferStage::Offered,
            is_carried: false,
            is_declined: false,
            is_orphan: false,
            is_told: false,
            broke: None,
            resumed_by: None,
            retry: None,
            is_rest: false,
            own_hash: None,
            told_hash: None,
        }
    }

    /// Whether bytes are passing, or soon may.
    pub(crate) fn is_running(&self) -> bool {
        self.stage != TransferStage::Over
    }

    /// Notes that it broke off.
    pub(super) fn break_off(&mut self, now: Moment) {
        self.stage = TransferStage::Over;
        if self.is_declined {
            self.resumed_by = None;
        } else if self.broke.is_none() {
            self.broke = Some(now.instant);
            let within = if self.is_orphan { RESUMED_AFTER_RETURN } else { RESUMED_WITHIN };
            self.resumed_by = Some(now.instant + within);
        }
    }

    /// The server is there again: the other one may take longer.
    pub(super) fn wait_after_return(&mut self, now: Moment) {
        if self.is_orphan && (self.resumed_by.is_some() || self.retry.is_some()) {
            self.resumed_by = Some(now.instant + RESUMED_AFTER_RETURN);
        }
    }

    /// Whether this is another attempt at the same file.
    pub(super) fn is_the_file_of(&self, other: &FileTransfer) -> bool {
        self.sends == other.sends && self.peer == other.peer && self.name == other.name
    }

    /// Whether an offer is of the file that this transfer has begun with, as far as name and size tell.
    pub(super) fn may_be_of(&self, offer: &OfferedFile) -> bool {
        let is_as_long = self.size.zip(offer.size).is_none_or(|(known, offered)| known == offered);
        !self.sends && self.peer == offer.sender && self.name == offer.name && is_as_long
    }

    /// Whether it broke off so short a time ago that the rest can follow.
    pub(super) fn is_fresh(&self, now: Moment) -> bool {
        self.broke.is_some_and(|broke| now.instant.saturating_duration_since(broke) < TAKEN_AGAIN)
    }

    /// Whether the user accepted this file and it broke off a moment ago, so that they need not be asked again.
    pub(super) fn may_go_on(&self, now: Moment) -> bool {
        !self.sends && !self.is_carried && !self.is_declined && self.path.is_some() && self.is_fresh(now)
    }
}
