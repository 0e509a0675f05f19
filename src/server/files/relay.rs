//! Passes a file on from the sender's end to the receiver's, on the sender's thread.
//!
//! One buffer, no disk: the sender is read no faster than the receiver accepts.
//!
//! *Owns* the pace, the count and the hash. *Knows nothing of* who sends what, or how either end learns of the result.

use std::io;
use std::time::{Duration, Instant};

use crate::chat::transfer::Claim;
use crate::hub::transfers::{CHUNK, Hasher, Meet, TransferEnd, Transfers};
use crate::protocol::transfer::{CONTINUE, Voice};

/// Pieces per second if the rate is limited: enough for a smooth transfer.
const PIECES_PER_SECOND: usize = 10;

/// The file, and the part of it that the sender sends.
pub(super) struct Whole {
    /// The position in the file of the sender's first byte.
    pub(super) base: u64,
    /// How many bytes the sender has announced.
    pub(super) size: u64,
    /// The size of the whole file.
    pub(super) total: u64,
    /// The sender waits for `100 Continue`.
    pub(super) expects_continue: bool,
}

/// The result.
pub(super) enum Passed {
    /// All of it has been handed to the receiver's socket.
    All {
        /// The hash of the file, if all of it could be hashed.
        hash: Option<String>,
        /// The sender has sent more than was announced.
        is_longer: bool,
    },
    /// An end disconnected, or the transfer was stopped.
    Part {
        /// How much of the file was passed on.
        at: u64,
        /// The hash state after that part, if it is known.
        hasher: Option<Hasher>,
    },
}

/// Passes on everything from the first byte that the receiver asks for.
pub(super) fn pass_on(
    sender: &mut TransferEnd,
    meet: &mut Meet,
    whole: &Whole,
    claim: &Claim,
    rate: Option<usize>,
    transfers: &Transfers,
) -> Passed {
    let is_whole = whole.base == 0;
    // A file that is sent from its start can always be hashed; a resumed one only if the part before it was.
    let is_next = whole.base == claim.from;
    let mut hasher = if is_whole { Some(Hasher::new()) } else { meet.memory.take().filter(|_| is_next) };
    let mut at = whole.base;
    meet.progress.note(meet.wanted);
    match copy(sender, meet, whole, claim, rate, transfers, &mut hasher, &mut at) {
        Ok(is_longer) => Passed::All { hash: hasher.and_then(Hasher::finish), is_longer },
        Err(error) => {
            log::debug!("transfer {}: {error}", claim.number);
            // The receiver already has the part before `wanted`.
            Passed::Part { at: at.max(meet.wanted), hasher: hasher.filter(|_| at >= meet.wanted) }
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the state of one loop")]
fn copy(
    sender: &mut TransferEnd,
    meet: &mut Meet,
    whole: &Whole,
    claim: &Claim,
    rate: Option<usize>,
    transfers: &Transfers,
    hasher: &mut Option<Hasher>,
    at: &mut u64,
) -> io::Result<bool> {
    let patience = transfers.patience();
    let Meet { receiver, wanted, progress, .. } = meet;
    let is_stopped = || progress.is_stopped();
    if whole.expects_continue {
        sender.write(CONTINUE, patience, is_stopped)?;
    }
    let head = receiver.voice.download(claim.name.reduced(), claim.name.shown(), *wanted, Some(whole.total));
    receiver.write(&head, patience, is_stopped)?;
    let piece = rate.map_or(CHUNK, |rate| (rate / PIECES_PER_SECOND).clamp(1, CHUNK));
    let mut buffer = vec![0; piece];
    let began = Instant::now();
    let mut left = whole.size;
    let mut is_longer = false;
    while left > 0 {
        // `read` and `write` check this only when they have to wait, which they never do between two fast ends.
        if is_stopped() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let count = sender.read(&mut buffer, patience, is_stopped)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        transfers.traffic.received.add(count as u64);
        let own = count.min(usize::try_from(left).unwrap_or(usize::MAX));
        is_longer = own < count;
        let part = &buffer[..own];
        let left_out = usize::try_from(wanted.saturating_sub(*at)).unwrap_or(usize::MAX).min(own);
        receiver.write(&part[left_out..], patience, is_stopped)?;
        transfers.traffic.sent.add((own - left_out) as u64);
        if let Some(hasher) = hasher {
            hasher.update(part);
        }
        *at += own as u64;
        left -= own as u64;
        progress.note((*at).max(*wanted));
        if let Some(rate) = rate {
            let sent = whole.size - left;
            transfers.wait_until(began + Duration::from_secs_f64(sent as f64 / rate as f64), progress);
        }
    }
    // After an HTTP body another request may follow, which is not answered. In the line protocol nothing may follow the
    // file.
    Ok(sender.voice == Voice::Line && (is_longer || sender.has_more()))
}
