//! An offered file, and a transfer.
//!
//! *Owns* the state of both. *Knows nothing of* the rest of the model.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::intent::Moment;

/// How long the rest of a file that broke off is accepted without a question: as long as the server can resume it.
const TAKEN_AGAIN: Duration = Duration::from_secs(600);

/// How long a client with nothing else to do waits for the rest of a file that broke off.
const RESUMED_WITHIN: Duration = Duration::from_secs(10);

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
    /// When it broke off.
    pub(super) broke: Option<Instant>,
    /// It broke off, and the rest may follow.
    pub(super) may_resume: bool,
    /// The hash of the local part, and the server's hash of what has passed.
    pub(super) own_hash: Option<String>,
    pub(super) told_hash: Option<String>,
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
    /// Whether bytes are passing, or soon may.
    pub(crate) fn is_running(&self) -> bool {
        self.stage != TransferStage::Over
    }

    /// Notes that it broke off.
    pub(super) fn break_off(&mut self, now: Moment) {
        self.stage = TransferStage::Over;
        self.may_resume = !self.is_declined && (self.may_resume || self.broke.is_none());
        self.broke = self.broke.or(Some(now.instant).filter(|_| !self.is_declined));
    }

    /// Whether this is another attempt at the same file.
    pub(super) fn is_the_file_of(&self, other: &FileTransfer) -> bool {
        self.sends == other.sends && self.peer == other.peer && self.name == other.name
    }

    /// Until when the client waits for the rest, if it does.
    pub(super) fn resumed_by(&self) -> Option<Instant> {
        self.broke.filter(|_| self.may_resume).map(|broke| broke + RESUMED_WITHIN)
    }

    /// Whether the user accepted this file and it broke off a moment ago, so that they need not be asked again.
    pub(super) fn may_go_on(&self, now: Moment) -> bool {
        let is_fresh = |broke| now.instant.saturating_duration_since(broke) < TAKEN_AGAIN;
        !self.sends && !self.is_carried && !self.is_declined && self.path.is_some() && self.broke.is_some_and(is_fresh)
    }
}
