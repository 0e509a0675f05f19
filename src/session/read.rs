//! Reading: waiting for bytes, and decoding them where the connection is TLS or a WebSocket.
//!
//! *Owns* the wait, the short time in which a peer may speak before it is greeted, and the difference between an end
//! that the peer has announced and one that only the network reports. *Knows nothing of* the encoding, whose state is
//! the outbox's, and of what the bytes say.

use std::io::{self, Read as _};
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::Session;
use crate::outbox::DisconnectReason;
use crate::protocol::wire::{CodecError, Progress, Verdict};
use crate::text::escape_for_log;
use crate::ui::screen::passing_buffer;

/// How long the greeting waits for first bytes.
///
/// A client of HTTP, TLS or SSH speaks as soon as it is connected: its first bytes are here one packet after the last
/// of TCP's handshake. Anything said before the answer would be junk to it. Users do not notice 20 ms.
const FIRST_BYTES: Duration = Duration::from_millis(20);

/// Most bytes read before the greeting: no request line that is sent at once is longer. For a longer one, the greeting
/// comes before the answer.
const MOST_FIRST_BYTES: usize = 16 * 1024;

/// The state of an encoded connection after a read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ReadState {
    /// More may come.
    More,
    /// The peer has announced that nothing more comes.
    Closed,
    /// Nothing more can be read.
    Broken(DisconnectReason),
}

/// What was read before the greeting.
struct Opening {
    heard: Vec<u8>,
    state: ReadState,
}

impl Session {
    /// Greets the peer, and takes what it has said before that. A program's first requests run here.
    pub(super) fn open(&mut self, buffer: &mut [u8]) {
        #[cfg(feature = "json")]
        if self.is_program() {
            return self.open_program();
        }
        if let Some(opening) = self.hear_and_greet(buffer) {
            self.take_typed(&opening.heard);
            self.finish_read(opening.state);
        }
    }

    /// Waits a moment for the peer's first bytes, and greets it unless they are of another protocol. Not inlined, and its result
    /// boxed, so that it is off the stack when they are taken.
    #[inline(never)]
    fn hear_and_greet(&mut self, buffer: &mut [u8]) -> Option<Box<Opening>> {
        let deadline = self.tick() + FIRST_BYTES;
        let mut heard = Vec::new();
        let mut state = ReadState::More;
        if self.input.is_encoded() {
            // Bytes that came right after the handshake.
            state = self.decode(&[], &mut heard);
        }
        let mut verdict = self.input.first_bytes.feed(&heard);
        while verdict == Verdict::Undecided
            && state == ReadState::More
            && heard.len() < MOST_FIRST_BYTES
            && !self.is_over()
        {
            let before = heard.len();
            match self.read(buffer, deadline) {
                Ok(0) => {
                    verdict = self.input.first_bytes.finish();
                    break;
                }
                Ok(count) if self.input.is_encoded() => state = self.decode(&buffer[..count], &mut heard),
                Ok(count) => {
                    heard.extend_from_slice(&buffer[..count]);
                    self.input.more_waits = count == buffer.len() && more_waits(self.outbox.stream());
                }
                Err(error) => self.note_read_error(error.kind()),
            }
            verdict = self.input.first_bytes.feed(&heard[before..]);
            if self.tick() >= deadline {
                break;
            }
        }
        if state == ReadState::Closed {
            verdict = self.input.first_bytes.finish();
        }
        if let Verdict::OtherProtocol(protocol) = verdict {
            self.turn_away(protocol, &heard);
            return None;
        }
        #[cfg(feature = "json")]
        let is_program = self.opens_as_program(&heard);
        #[cfg(not(feature = "json"))]
        let is_program = false;
        if !is_program {
            self.greet();
        }
        if heard.is_empty() && state == ReadState::More {
            return None;
        }
        // The first prompt is shown before it is answered.
        let more_waits = std::mem::take(&mut self.input.more_waits);
        if !self.complete_turn() {
            return None;
        }
        self.input.more_waits = more_waits;
        Some(Box::new(Opening { heard, state }))
    }

    /// Takes what came right after a handshake. A program is not greeted, and nothing it sends is another protocol: it
    /// gets an answer to every line.
    #[cfg(feature = "json")]
    fn open_program(&mut self) {
        if self.input.is_encoded() && self.complete_turn() {
            self.take_encoded(&[]);
        }
    }

    /// Waits for bytes, at most until the deadline.
    pub(super) fn read(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        let left = deadline.saturating_duration_since(self.tick());
        if let Some(timeout) = self.input.timeout_to_set(left) {
            self.outbox.stream().set_read_timeout(Some(timeout))?;
        }
        let read = self.outbox.stream().read(buffer);
        self.outbox.note_received(*read.as_ref().unwrap_or(&0));
        read
    }

    /// Takes what one read brought. Not inlined, and nothing follows the calls, so the compiler makes them tail calls
    /// that take no stack.
    #[inline(never)]
    pub(super) fn take_read(&mut self, chunk: &[u8]) {
        if self.input.is_encoded() { self.take_encoded(chunk) } else { self.take(chunk) }
    }

    /// Decodes what one read brought, and takes it. Not inlined: a plain connection's stack does not pay for it.
    #[inline(never)]
    fn take_encoded(&mut self, chunk: &[u8]) {
        let mut plain = passing_buffer(chunk.len());
        let state = self.decode(chunk, &mut plain);
        if !plain.is_empty() {
            self.take(&plain);
        }
        self.finish_read(state);
    }

    /// Acts on the connection's state, after what it said has been run.
    fn finish_read(&mut self, state: ReadState) {
        match state {
            ReadState::More => {}
            ReadState::Closed => self.input_ended(),
            ReadState::Broken(why) => drop(self.disconnect.get_or_insert(why)),
        }
    }

    /// Decodes what one read brought.
    fn decode(&mut self, chunk: &[u8], plain: &mut Vec<u8>) -> ReadState {
        #[cfg(feature = "web")]
        self.heard();
        match self.outbox.decode(chunk, plain) {
            Ok(Progress::ShakingHands | Progress::Open) => ReadState::More,
            Ok(Progress::Closed) => ReadState::Closed,
            Err(error) => {
                log::info!("client {} from {}: {}", self.outbox.id(), self.peer, escape_for_log(&error.to_string()));
                ReadState::Broken(match error {
                    CodecError::Tls(_) => DisconnectReason::Tls,
                    #[cfg(feature = "web")]
                    CodecError::WebSocket(_) => DisconnectReason::WebSocket,
                })
            }
        }
    }

    /// Nothing more can be read. If an encoded connection ends without its closing message, anybody between the two sides
    /// may have cut it (RFC 8446, section 6.1): complete lines are run, but not half a line, which cut in the right
    /// place might say something else.
    pub(super) fn stream_ended(&mut self) {
        if self.input.is_encoded() {
            self.input.assembler.clear();
            #[cfg(feature = "json")]
            self.forget_half_a_request();
        }
        self.input_ended();
    }
}

/// Whether more can be read at once. A prompt in the middle of what was typed ahead would stand before the answers to
/// the rest of it.
pub(super) fn more_waits(stream: &TcpStream) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    SockRef::from(stream).recv_with_flags(&mut byte, libc::MSG_DONTWAIT | libc::MSG_PEEK).is_ok_and(|count| count > 0)
}
