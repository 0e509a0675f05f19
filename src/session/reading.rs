//! Reading: waiting for bytes, and opening them where the connection is encrypted.
//!
//! *Owns* the wait, and the difference between an end that the peer has said and one that only the network shows.
//! *Knows nothing of* the encryption, whose state is the outbox's, and of what the bytes say.
//! *Called by* `session`.

use std::io::{self, Read as _};
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::Session;
use crate::outbox::Ended;
use crate::text::escape_for_log;
use crate::wire::Fed;

impl Session {
    /// Waits for bytes, at most until the deadline.
    #[inline(never)]
    pub(super) fn read(&mut self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        // A timeout of zero would mean none.
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)));
        let fits = match (self.read_timeout, left) {
            (None, None) => true,
            // Waking early is harmless, the deadlines are looked at then; a system call per read is not.
            (Some(set), Some(left)) => set <= left && left < set * 2,
            _ => false,
        };
        if !fits {
            self.outbox.stream().set_read_timeout(left)?;
            self.read_timeout = left;
        }
        self.outbox.stream().read(buffer)
    }

    /// Takes what one read brought. Not inlined, and nothing after the calls: so it is a jump and takes no stack.
    #[inline(never)]
    pub(super) fn take_read(&mut self, chunk: &[u8]) {
        if self.encrypted { self.take_sealed(chunk) } else { self.take(chunk) }
    }

    /// Opens what one read brought, and takes what it says. Not inlined: a plain connection's stack does not pay for it.
    #[inline(never)]
    fn take_sealed(&mut self, chunk: &[u8]) {
        let mut plain = Vec::new();
        let fed = self.outbox.unseal(chunk, &mut plain);
        if !plain.is_empty() {
            self.take(&plain);
        }
        match fed {
            Ok(Fed::ShakingHands | Fed::Open) => {}
            Ok(Fed::Closed) => self.input_ended(),
            Err(error) => {
                log::info!(
                    "client {} from {}: TLS: {}",
                    self.outbox.id(),
                    self.peer,
                    escape_for_log(&error.to_string())
                );
                self.ended.get_or_insert(Ended::Tls);
            }
        }
    }

    /// Nothing more can be read. Where an encrypted connection ends without a close_notify, anybody between the two sides
    /// may have cut it (RFC 8446, section 6.1): what was said is run, but not half a line, which cut in the right place
    /// might say something else.
    #[inline(never)]
    pub(super) fn stream_ended(&mut self) {
        if self.encrypted {
            self.assembler.clear();
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
