//! The values that the table of transfers takes and returns.
//!
//! *Owns* these values. *Knows nothing of* how they are produced.

use std::time::{Duration, Instant};

use super::Party;
use crate::chat::file_name::FileName;
use crate::chat::names::UserName;

/// What the configuration allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferLimits {
    /// Transfers that run at the same time.
    pub at_once: usize,
    /// How long an offer waits for an answer.
    pub offer: Duration,
    /// How long both ends may take to connect once it is accepted.
    pub start: Duration,
}

/// One end of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The file comes from here.
    Sender,
    /// The file goes here.
    Receiver,
}

/// The stage of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It waits for an answer.
    Offered,
    /// It waits for both ends.
    Accepted,
    /// The file is on its way, and has this many bytes.
    Running(u64),
}

/// Why an offer was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferError {
    /// The sender has this many waiting.
    TooMany(usize),
    /// The receiver has too many waiting, or the server has.
    TakesNone,
}

/// An offer that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered {
    /// Its number.
    pub number: u64,
    /// When it ends.
    pub ends: Instant,
    /// How much of the file has passed already, if it can be resumed.
    pub from: u64,
}

/// Why there is nothing to accept or decline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PickError {
    /// There is none, or none with that number.
    None,
    /// There are several, and no number was given. This is the first one.
    Several(u64),
}

/// A transfer that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its number.
    pub number: u64,
    /// Who sends.
    pub sender: Party,
    /// Who receives.
    pub receiver: Party,
    /// What.
    pub name: FileName,
    /// The first byte that is sent.
    pub from: u64,
    /// When both ends must have connected.
    pub ends: Instant,
}

/// A transfer that one of the two has declined or stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// Its number.
    pub number: u64,
    /// The side that declines.
    pub by: Side,
    /// The other user; `None` if they were never told about it.
    pub other: Option<Party>,
    /// What.
    pub name: FileName,
    /// It was running, and still is until its bytes stop.
    pub was_running: bool,
}

/// Why a transfer ended before it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndCause {
    /// Its time is over.
    Time,
    /// It cannot begin.
    Cancelled,
    /// One of the two has left.
    Left,
    /// The server that the other one is on is gone.
    ServerGone,
    /// The servers of the two had lost contact, and each considered the other gone.
    ServersApart,
}

/// A transfer that ended before it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedTransfer {
    /// Its number.
    pub number: u64,
    /// Who would have sent.
    pub sender: Party,
    /// Who would have received; `None` if they were never told about it.
    pub receiver: Option<Party>,
    /// The receiver's name.
    pub asked: UserName,
    /// What.
    pub name: FileName,
    /// It had been accepted.
    pub was_accepted: bool,
}

/// What a token opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The transfer.
    pub number: u64,
    /// Which end.
    pub side: Side,
    /// The file.
    pub name: FileName,
    /// The first byte that is sent.
    pub from: u64,
    /// The size of the whole file when its first part was sent, if this is the rest.
    pub size_before: Option<u64>,
    /// When both ends must have connected.
    pub ends: Instant,
}

/// A transfer as it is listed for one of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its number.
    pub number: u64,
    /// Which end is theirs.
    pub side: Side,
    /// The user at the other end.
    pub other: UserName,
    /// What.
    pub name: FileName,
    /// How far it is.
    pub stage: Stage,
}

/// What is remembered of a transfer that broke off.
pub(super) struct Broken<M> {
    pub(super) sender: Party,
    pub(super) receiver: Party,
    pub(super) name: FileName,
    /// How many bytes have passed.
    pub(super) at: u64,
    /// How many it has.
    pub(super) size: u64,
    pub(super) memory: M,
    pub(super) since: Instant,
}
