//! Reading: waiting for bytes, and opening them where the connection is encrypted.
//!
//! *Owns* the wait, the moment in which a peer may speak before it is greeted, and the difference between an end that the
//! peer has said and one that only the network shows.
//! *Knows nothing of* the encryption, whose state is the outbox's, and of what the bytes say.
//! *Called by* `session`.

use std::io::{self, Read as _};
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::Session;
use crate::outbox::DisconnectReason;
use crate::protocol::wire::{Progress, Verdict};
use crate::text::escape_for_log;

/// How long the greeting waits for first bytes.
///
/// A client of HTTP, TLS or SSH speaks as soon as it is connected: its first bytes are here one packet after the last of
/// TCP's handshake. Anything said before the answer would be junk to it. Users do not notice 20 ms.
const FIRST_BYTES: Duration = Duration::from_millis(20);

/// Bytes read before the greeting at most: no request line that is sent at once is longer. Of a longer one the greeting
/// comes before the answer.
const MOST_FIRST_BYTES: usize = 16 * 1024;

/// How far an encrypted connection has come with a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opened {
    /// More may come.
    More,
    /// The peer has said that nothing more comes.
    Closed,
    /// Nothing more can be read.
    Broken,
}

impl Session {
    /// Waits a moment for what the peer says first, and greets it unless that is another protocol.
    #[inline(never)]
    pub(super) fn open(&mut self, buffer: &mut [u8]) {
        let deadline = self.tick() + FIRST_BYTES;
        let mut heard = Vec::new();
        let mut opened = Opened::More;
        if self.input.is_encrypted() {
            // What was said behind the last of the handshake.
            opened = self.decrypt(&[], &mut heard);
        }
        let mut verdict = self.input.first_bytes.feed(&heard);
        while verdict == Verdict::Undecided
            && opened == Opened::More
            && heard.len() < MOST_FIRST_BYTES
            && !self.is_over()
        {
            let before = heard.len();
            match self.read(buffer, deadline) {
                Ok(0) => {
                    verdict = self.input.first_bytes.finish();
                    break;
                }
                Ok(count) if self.input.is_encrypted() => opened = self.decrypt(&buffer[..count], &mut heard),
                Ok(count) => {
                    heard.extend_from_slice(&buffer[..count]);
                    self.input.more_waits = count == buffer.len() && more_waits(self.outbox.stream());
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {}
                    kind => self.disconnect = Some(DisconnectReason::Reset(kind)),
                },
            }
            verdict = self.input.first_bytes.feed(&heard[before..]);
            if self.tick() >= deadline {
                break;
            }
        }
        if opened == Opened::Closed {
            verdict = self.input.first_bytes.finish();
        }
        if let Verdict::OtherProtocol(protocol) = verdict {
            return self.turn_away(protocol);
        }
        self.greet();
        if heard.is_empty() && opened == Opened::More {
            return;
        }
        // The first question is put before it is answered.
        let more_waits = std::mem::take(&mut self.input.more_waits);
        if self.complete_turn() {
            self.input.more_waits = more_waits;
            self.take_typed(&heard);
            self.finish_opened(opened);
        }
    }

    /// Waits for bytes, at most until the deadline.
    #[inline(never)]
    pub(super) fn read(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        let left = deadline.saturating_duration_since(self.tick());
        if let Some(timeout) = self.input.timeout_to_set(left) {
            self.outbox.stream().set_read_timeout(Some(timeout))?;
        }
        let count = self.outbox.stream().read(buffer);
        self.tick();
        count
    }

    /// Takes what one read brought. Not inlined, and nothing after the calls: so it is a jump and takes no stack.
    #[inline(never)]
    pub(super) fn take_read(&mut self, chunk: &[u8]) {
        if self.input.is_encrypted() { self.take_sealed(chunk) } else { self.take(chunk) }
    }

    /// Opens what one read brought, and takes what it says. Not inlined: a plain connection's stack does not pay for it.
    #[inline(never)]
    fn take_sealed(&mut self, chunk: &[u8]) {
        let mut plain = Vec::new();
        let opened = self.decrypt(chunk, &mut plain);
        if !plain.is_empty() {
            self.take(&plain);
        }
        self.finish_opened(opened);
    }

    /// What was said has been run.
    fn finish_opened(&mut self, opened: Opened) {
        match opened {
            Opened::More => {}
            Opened::Closed => self.input_ended(),
            Opened::Broken => drop(self.disconnect.get_or_insert(DisconnectReason::Tls)),
        }
    }

    /// Opens what one read brought.
    #[inline(never)]
    fn decrypt(&mut self, chunk: &[u8], plain: &mut Vec<u8>) -> Opened {
        match self.outbox.decrypt(chunk, plain) {
            Ok(Progress::ShakingHands | Progress::Open) => Opened::More,
            Ok(Progress::Closed) => Opened::Closed,
            Err(error) => {
                log::info!(
                    "client {} from {}: TLS: {}",
                    self.outbox.id(),
                    self.peer,
                    escape_for_log(&error.to_string())
                );
                Opened::Broken
            }
        }
    }

    /// Nothing more can be read. Where an encrypted connection ends without a close_notify, anybody between the two sides
    /// may have cut it (RFC 8446, section 6.1): what was said is run, but not half a line, which cut in the right place
    /// might say something else.
    #[inline(never)]
    pub(super) fn stream_ended(&mut self) {
        if self.input.is_encrypted() {
            self.input.assembler.clear();
        }
        self.input_ended();
    }
}

/// Whether there is something to be read at once. A prompt in the middle of what was typed ahead would stand before the
/// answers to the rest of it.
#[inline(never)]
pub(super) fn more_waits(stream: &TcpStream) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    SockRef::from(stream).recv_with_flags(&mut byte, libc::MSG_DONTWAIT | libc::MSG_PEEK).is_ok_and(|count| count > 0)
}
