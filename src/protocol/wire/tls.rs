//! TLS as a transformer of bytes: it owns no socket, blocks on nothing and can be locked for as long as it computes.
//!
//! *Owns* one connection's keys and the records not complete yet.
//! *Knows nothing of* sockets, certificates' files and deadlines.
//! *Called by* `wire::Codec`; `server` gives it its settings.

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;

use rustls::{Error, IoState, ProtocolVersion, ServerConfig, ServerConnection};

use super::progress::{Progress, TlsError};

#[cfg(test)]
mod tests;

/// Plain text the library takes at a time before what it has made of it has to be fetched, in bytes. Four full records:
/// more would only be a second copy of what is waiting.
const AT_A_TIME: usize = 64 * 1024;

/// A fatal alert in the clear, decode_error (RFC 8446, section 6), for bytes in which the library has found nothing that it
/// would answer.
const DECODE_ERROR: [u8; 7] = [21, 3, 3, 0, 2, 2, 50];

/// The server's side of one connection.
#[derive(Debug)]
pub struct Tls {
    connection: ServerConnection,
    /// The last word was said, or there is none: nothing is sealed any more.
    closed: bool,
}

impl Tls {
    /// A connection that has heard nothing yet.
    ///
    /// # Errors
    ///
    /// The settings are impossible.
    pub fn new(config: Arc<ServerConfig>) -> Result<Tls, TlsError> {
        let mut connection = ServerConnection::new(config).map_err(in_words)?;
        connection.set_buffer_limit(Some(AT_A_TIME));
        Ok(Tls { connection, closed: false })
    }

    /// The version the two sides have agreed on.
    pub fn version(&self) -> &'static str {
        match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS",
        }
    }

    /// As [`super::Codec::shake_hands`].
    pub fn shake_hands(&mut self, mut input: &[u8], answer: &mut Vec<u8>) -> Result<Progress, TlsError> {
        let absorbed = self.absorb(&mut input, None);
        self.emit(answer);
        if absorbed.is_err() && !self.closed {
            if self.connection.is_handshaking() && answer.is_empty() {
                answer.extend_from_slice(&DECODE_ERROR);
            }
            self.closed = true;
        }
        absorbed.map(|state| self.fed(&state))
    }

    /// As [`super::Codec::feed`].
    pub fn feed(&mut self, mut input: &[u8], plain: &mut Vec<u8>, answer: &mut Vec<u8>) -> Result<Progress, TlsError> {
        let absorbed = self.absorb(&mut input, Some(plain));
        self.emit(answer);
        if absorbed.is_err() {
            // Of some errors the library makes no alert; the peer sees an end that was meant, at least.
            answer.extend(self.close());
        }
        absorbed.map(|state| self.fed(&state))
    }

    /// As [`super::Codec::seal`].
    pub fn seal(&mut self, mut plain: &[u8], sealed: &mut Vec<u8>) {
        while !self.closed && !plain.is_empty() {
            // Nothing is taken when as much as can be waits for the end of the handshake: what the server says to all is
            // lost on whoever takes so long. Writing into memory fails in no other way.
            let taken = self.connection.writer().write(plain).unwrap_or(0);
            self.emit(sealed);
            if taken == 0 {
                return;
            }
            plain = &plain[taken..];
        }
    }

    /// As [`super::Codec::close`].
    pub fn close(&mut self) -> Vec<u8> {
        let mut sealed = Vec::new();
        if !self.closed {
            self.connection.send_close_notify();
            self.emit(&mut sealed);
            self.closed = true;
        }
        sealed
    }

    /// As [`super::Codec::abandon`].
    pub fn abandon(&mut self) {
        self.closed = true;
    }

    /// Gives the library all of the input; it takes some kilobytes at a time.
    fn absorb(&mut self, input: &mut &[u8], mut plain: Option<&mut Vec<u8>>) -> Result<IoState, TlsError> {
        loop {
            let left = input.len();
            if left > 0 {
                // Reading from memory fails only where the library has no room, for a message longer than it allows.
                self.connection.read_tls(input).map_err(|error| TlsError(error.to_string()))?;
            }
            let processed = self.connection.process_new_packets();
            if let Some(plain) = plain.as_deref_mut() {
                self.fetch(plain);
            }
            let state = processed.map_err(in_words)?;
            // What follows a close_notify is not taken, and is nothing (RFC 8446, section 6.1).
            if input.is_empty() || state.peer_has_closed() {
                return Ok(state);
            }
            if input.len() == left {
                return Err(TlsError("a record of an impossible length".to_owned()));
            }
        }
    }

    fn fetch(&mut self, plain: &mut Vec<u8>) {
        let mut reader = self.connection.reader();
        // Ends with WouldBlock, or with nothing after a close_notify.
        while let Ok(chunk) = reader.fill_buf()
            && !chunk.is_empty()
        {
            let count = chunk.len();
            plain.extend_from_slice(chunk);
            reader.consume(count);
        }
    }

    fn emit(&mut self, sealed: &mut Vec<u8>) {
        if self.closed {
            return;
        }
        while self.connection.wants_write() {
            // Writing into memory cannot fail.
            if self.connection.write_tls(sealed).is_err() {
                return;
            }
        }
    }

    fn fed(&self, state: &IoState) -> Progress {
        if state.peer_has_closed() {
            Progress::Closed
        } else if self.connection.is_handshaking() {
            Progress::ShakingHands
        } else {
            Progress::Open
        }
    }
}

fn in_words(error: Error) -> TlsError {
    TlsError(error.to_string())
}

/// Whether somebody types, by the first byte of a connection to a TLS port: text in ASCII or UTF-8, or telnet's IAC. Every
/// TLS client begins with 22; 128 begins what clients of long ago say, and is no text either.
pub fn is_typed(first: u8) -> bool {
    matches!(first, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0xC2..=0xF4 | 0xFF)
}
