//! The bytes that a socket has not accepted yet.
//!
//! *Owns* the queue of pieces and its size in bytes. *Knows nothing of* limits and of what the bytes mean.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Instant;

use socket2::SockRef;

use super::CausedBy;

/// Never wait, never raise SIGPIPE.
pub(super) const NO_WAIT: i32 = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// Most bytes handed to the socket under the outbox's lock, which a delivering thread may be waiting for. The kernel needs
/// about 20 us to copy this much.
const ONE_SEND: usize = 64 * 1024;

/// Most pieces in one system call. Linux accepts 1,024 (`IOV_MAX`), but more than these rarely fit in `ONE_SEND`.
const ONE_SEND_PIECES: usize = 64;

struct Piece {
    bytes: Arc<[u8]>,
    cause: CausedBy,
}

/// The queue. The pieces of a delivery share one rendering: a thousand slow readers of a busy room cost a thousand pointers,
/// not a thousand copies.
pub(super) struct Backlog {
    pieces: VecDeque<Piece>,
    /// Bytes of the first piece that were sent.
    offset: usize,
    bytes: usize,
    others_bytes: usize,
    last_progress: Instant,
}

impl Backlog {
    pub(super) fn new() -> Backlog {
        Backlog { pieces: VecDeque::new(), offset: 0, bytes: 0, others_bytes: 0, last_progress: Instant::now() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether what the socket has accepted so far ends with a whole line.
    #[cfg(feature = "json")]
    pub(super) fn is_between_lines(&self) -> bool {
        let last = self.offset.checked_sub(1);
        last.is_none_or(|last| self.pieces.front().is_some_and(|piece| piece.bytes.get(last) == Some(&b'\n')))
    }

    /// Bytes of it that others caused.
    pub(super) fn others_bytes(&self) -> usize {
        self.others_bytes
    }

    /// What is left of the first piece, if part of it was sent.
    #[cfg(feature = "web")]
    pub(super) fn begun(&self) -> &[u8] {
        self.pieces.front().filter(|_| self.offset > 0).map_or(&[], |piece| &piece.bytes[self.offset..])
    }

    /// When the socket last accepted something, or when the backlog began.
    pub(super) fn last_progress(&self) -> Instant {
        self.last_progress
    }

    /// Appends a piece whose first `from` bytes were sent. `from` can be above 0 only while the backlog is empty.
    pub(super) fn append(&mut self, bytes: Arc<[u8]>, from: usize, cause: CausedBy, now: Instant) {
        if self.pieces.is_empty() {
            self.offset = from;
            self.last_progress = now;
        }
        let added = bytes.len() - from;
        self.bytes += added;
        if cause == CausedBy::Others {
            self.others_bytes += added;
        }
        self.pieces.push_back(Piece { bytes, cause });
    }

    /// Hands the socket what it accepts, up to [`ONE_SEND`].
    pub(super) fn send(&mut self, socket: &SockRef<'_>, now: Instant) -> io::Result<()> {
        let mut slices = Vec::with_capacity(self.pieces.len().min(ONE_SEND_PIECES));
        let mut offered = 0;
        for (index, piece) in self.pieces.iter().take(ONE_SEND_PIECES).enumerate() {
            let bytes = if index == 0 { &piece.bytes[self.offset..] } else { &piece.bytes };
            let bytes = &bytes[..bytes.len().min(ONE_SEND - offered)];
            offered += bytes.len();
            slices.push(IoSlice::new(bytes));
            if offered == ONE_SEND {
                break;
            }
        }
        match socket.send_vectored_with_flags(&slices, NO_WAIT) {
            Ok(taken) => {
                if taken > 0 {
                    self.last_progress = now;
                }
                self.advance(taken);
                Ok(())
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn advance(&mut self, mut taken: usize) {
        while taken > 0 {
            let Some(first) = self.pieces.front() else { return };
            let step = taken.min(first.bytes.len() - self.offset);
            taken -= step;
            self.bytes -= step;
            if first.cause == CausedBy::Others {
                self.others_bytes -= step;
            }
            self.offset += step;
            if self.offset == first.bytes.len() {
                self.pieces.pop_front();
                self.offset = 0;
            }
        }
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new();
        }
    }

    pub(super) fn clear(&mut self) {
        self.pieces = VecDeque::new();
        (self.offset, self.bytes, self.others_bytes) = (0, 0, 0);
    }
}
