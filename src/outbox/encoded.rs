//! Connections with TLS or WebSocket: every byte passes the codec, in both directions.
//!
//! The reading thread blocks in `read` holding nothing, and locks only to decode. Encoded bytes are sent, or join the
//! backlog, under the same lock; nothing is encoded twice.
//!
//! *Owns* that bytes are sent in the order of their encoding, and that nothing follows the goodbye.
//! *Knows nothing of* how bytes are encoded.

use std::io;
#[cfg(feature = "tls")]
use std::io::IoSlice;
use std::net::Shutdown;
#[cfg(any(feature = "tls", feature = "web"))]
use std::net::TcpStream;
use std::sync::Arc;

use super::transmit::send_now;
#[cfg(feature = "tls")]
use super::transmit::send_records;
use super::{CausedBy, DisconnectReason, MAX_IDLE_BUFFER, Outbox, OutboxState};
#[cfg(feature = "web")]
use crate::protocol::websocket::{Form, WebSocket};
#[cfg(any(feature = "tls", feature = "web"))]
use crate::protocol::wire::Codec;
#[cfg(feature = "tls")]
use crate::protocol::wire::TlsError;
use crate::protocol::wire::{CodecError, Progress};
use crate::ui::screen::passing_buffer;

/// A socket that takes what it can without waiting.
#[cfg(feature = "tls")]
struct Sink<'a> {
    stream: &'a TcpStream,
    /// There is no backlog, and the socket has not been full yet.
    accepts: bool,
    error: Option<io::ErrorKind>,
    /// Bytes it has taken.
    taken: usize,
}

#[cfg(feature = "tls")]
impl Sink<'_> {
    fn note(&mut self, sent: io::Result<usize>, offered: usize) -> io::Result<usize> {
        self.accepts = sent.as_ref().is_ok_and(|taken| *taken == offered);
        self.error = sent.as_ref().err().map(io::Error::kind);
        self.taken += sent.as_ref().unwrap_or(&0);
        sent
    }
}

#[cfg(feature = "tls")]
impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.accepts { self.note(send_now(self.stream, bytes), bytes.len()) } else { Ok(0) }
    }

    fn write_vectored(&mut self, records: &[IoSlice<'_>]) -> io::Result<usize> {
        match records {
            // A delivery of up to 16 KB is one record.
            [record] => self.write(record),
            _ if self.accepts => {
                self.note(send_records(self.stream, records), records.iter().map(|record| record.len()).sum())
            }
            _ => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Outbox {
    /// Sets the codec for every byte from now on. Called before anything is written, or to answer in plain text a peer that
    /// understands nothing else.
    #[cfg(feature = "tls")]
    pub(crate) fn set_codec(&self, codec: Codec) {
        self.lock().codec = codec;
    }

    /// Sends nothing but answers to HTTP requests until the connection is a WebSocket.
    #[cfg(feature = "web")]
    pub(crate) fn await_request(&self) {
        self.lock().codec.await_request();
    }

    /// Sends the end of the WebSocket handshake, and puts everything after it into messages.
    #[cfg(feature = "web")]
    pub fn open_web(&self, accepted: &[u8], socket: WebSocket) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.disconnect.is_none() {
            state.unsent.extend_from_slice(accepted);
            self.transmit_unsent(state, CausedBy::Client);
            state.codec.open_web(socket);
        }
    }

    /// Gives the connection to a transfer of a file. The outbox sends nothing more; it keeps the socket only to close
    /// it.
    ///
    /// # Errors
    ///
    /// There is no descriptor left.
    #[cfg(feature = "web")]
    pub(crate) fn hand_over(&self) -> io::Result<(TcpStream, Codec)> {
        let stream = self.stream.try_clone()?;
        let mut guard = self.lock();
        let codec = std::mem::take(&mut guard.codec);
        guard.codec.await_request();
        Ok((stream, codec))
    }

    /// What the messages of a WebSocket contain; `None` on any other connection.
    #[cfg(feature = "web")]
    pub(crate) fn form(&self) -> Option<Form> {
        self.lock().codec.form()
    }

    /// Whether the client sends and gets files at the address of the page: it speaks JSON in a WebSocket.
    pub(crate) fn is_page(&self) -> bool {
        #[cfg(feature = "web")]
        return self.form() == Some(Form::Lines);
        #[cfg(not(feature = "web"))]
        false
    }

    /// Asks the client of a WebSocket whether it is still there.
    #[cfg(feature = "web")]
    pub(crate) fn ping(&self) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut ping = Vec::new();
        state.codec.ping(&mut ping);
        self.transmit_encoded(state, ping, CausedBy::Client);
    }

    /// Whether what is read has to be decoded.
    pub(crate) fn is_encoded(&self) -> bool {
        !self.lock().codec.is_plain()
    }

    /// The name of the connection's encryption, if any.
    pub fn encryption(&self) -> Option<&'static str> {
        self.lock().codec.encryption()
    }

    /// Feeds the handshake what one read brought, and sends the answer.
    ///
    /// # Errors
    ///
    /// The handshake failed. The peer was sent an alert.
    #[cfg(feature = "tls")]
    pub(crate) fn shake_hands(&self, encrypted: &[u8]) -> Result<Progress, TlsError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut answer = Vec::new();
        let fed = state.codec.shake_hands(encrypted, &mut answer);
        self.transmit_encoded(state, answer, CausedBy::Client);
        fed
    }

    /// Decodes what one read brought, appends it to `plain`, and sends what the protocol has to answer.
    ///
    /// # Errors
    ///
    /// Nothing more can be read. The peer was told why.
    pub fn decode(&self, encoded: &[u8], plain: &mut Vec<u8>) -> Result<Progress, CodecError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut answer = Vec::new();
        let fed = state.codec.feed(encoded, plain, &mut answer);
        self.transmit_encoded(state, answer, CausedBy::Client);
        fed
    }

    /// Closes the writing side, after the goodbye of the encryption or the WebSocket. A peer with a backlog does not get that
    /// goodbye.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub(crate) fn close_writing(&self, reason: &DisconnectReason) -> io::Result<()> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.backlog.is_empty() {
            let last = state.codec.close(reason.close_code(), &reason.close_reason());
            if !last.is_empty() {
                // If the socket does not accept it now, it has accepted nothing for a while.
                let taken = send_now(&self.stream, &last)?;
                self.note_sent(state, taken);
            }
        }
        self.stream.shutdown(Shutdown::Write)
    }

    /// Not inlined: encoding needs more stack than anything a plain connection does here.
    #[inline(never)]
    pub(super) fn encode_unsent(&self, state: &mut OutboxState, cause: CausedBy) {
        let mut unsent = std::mem::take(&mut state.unsent);
        self.encode(state, &unsent, cause);
        if state.disconnect.is_none() && unsent.capacity() <= MAX_IDLE_BUFFER {
            unsent.clear();
            state.unsent = unsent;
        }
    }

    /// Encodes for this client what others get too.
    pub(super) fn encode_shared(&self, state: &mut OutboxState, frame: &[u8]) {
        self.encode(state, frame, CausedBy::Others);
    }

    fn encode(&self, state: &mut OutboxState, bytes: &[u8], cause: CausedBy) {
        #[cfg(feature = "tls")]
        if state.codec.is_encrypted() {
            return self.encrypt(state, bytes, cause);
        }
        let mut encoded = passing_buffer(bytes.len());
        state.codec.encode(bytes, &mut encoded);
        self.transmit_encoded(state, encoded, cause);
    }

    /// The same for a connection with TLS: from the buffer of the library to the socket.
    #[cfg(feature = "tls")]
    fn encrypt(&self, state: &mut OutboxState, bytes: &[u8], cause: CausedBy) {
        if state.disconnect.is_some() {
            return state.codec.abandon();
        }
        let mut sink = Sink { stream: &self.stream, accepts: state.backlog.is_empty(), error: None, taken: 0 };
        let mut rest = Vec::new();
        state.codec.encode_to(bytes, &mut sink, &mut rest);
        let Sink { error, taken, .. } = sink;
        self.note_sent(state, taken);
        match error {
            Some(kind) => self.disconnect_locked(state, DisconnectReason::Reset(kind)),
            None if rest.is_empty() => {}
            None => self.append_to_backlog(state, &Arc::from(rest), 0, cause),
        }
    }

    fn transmit_encoded(&self, state: &mut OutboxState, encoded: Vec<u8>, cause: CausedBy) {
        if encoded.is_empty() {
            return;
        }
        if state.disconnect.is_some() {
            return state.codec.abandon();
        }
        let sent = if state.backlog.is_empty() { send_now(&self.stream, &encoded) } else { Ok(0) };
        self.note_sent(state, *sent.as_ref().unwrap_or(&0));
        match sent {
            Ok(taken) if taken == encoded.len() => {}
            Ok(taken) => self.append_to_backlog(state, &Arc::from(encoded), taken, cause),
            Err(error) => self.disconnect_locked(state, DisconnectReason::Reset(error.kind())),
        }
    }
}
