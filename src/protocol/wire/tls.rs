//! TLS as a transformer of bytes. It owns no socket and never blocks, so it can be used under a lock.
//!
//! *Owns* one connection's keys and its incomplete records.
//! *Knows nothing of* sockets, certificate files and deadlines.

use std::io::{self, BufRead as _, Write as _};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, Connection, Error, IoState, ProtocolVersion, ServerConfig, ServerConnection,
};

use super::progress::{Progress, TlsError};

#[cfg(test)]
mod tests;

/// Plain text that the library takes before its output has to be fetched, in bytes. Four full records; more would only
/// hold a second copy of what is waiting.
const AT_A_TIME: usize = 64 * 1024;

/// A fatal alert in the clear, decode_error (RFC 8446, section 6), for bytes that the library rejects without an alert of
/// its own.
const DECODE_ERROR: [u8; 7] = [21, 3, 3, 0, 2, 2, 50];

/// One side of one connection.
#[derive(Debug)]
pub struct Tls {
    connection: Connection,
    /// The connection was closed or abandoned: nothing more is encrypted.
    closed: bool,
}

impl Tls {
    /// The server's side of a connection, before its handshake.
    ///
    /// # Errors
    ///
    /// The library rejects the settings.
    pub fn new(config: Arc<ServerConfig>) -> Result<Tls, TlsError> {
        Ok(Tls::over(ServerConnection::new(config).map_err(in_words)?))
    }

    /// The client's side, and the first bytes to send.
    ///
    /// # Errors
    ///
    /// The library rejects the settings.
    pub(crate) fn connect(config: Arc<ClientConfig>, server: ServerName<'static>) -> Result<(Tls, Vec<u8>), TlsError> {
        let mut tls = Tls::over(ClientConnection::new(config, server).map_err(in_words)?);
        let mut hello = Vec::new();
        tls.emit(&mut hello);
        Ok((tls, hello))
    }

    fn over(connection: impl Into<Connection>) -> Tls {
        let mut connection = connection.into();
        connection.set_buffer_limit(Some(AT_A_TIME));
        Tls { connection, closed: false }
    }

    /// The version that both sides have agreed on.
    pub fn version(&self) -> &'static str {
        match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS",
        }
    }

    /// As [`super::Codec::shake_hands`].
    pub(crate) fn shake_hands(&mut self, mut input: &[u8], answer: &mut Vec<u8>) -> Result<Progress, TlsError> {
        let absorbed = self.absorb(&mut input, None);
        self.emit(answer);
        if absorbed.is_err() && !self.closed {
            if self.connection.is_handshaking() && answer.is_empty() {
                answer.extend_from_slice(&DECODE_ERROR);
            }
            self.closed = true;
        }
        absorbed.map(|state| self.progress(&state))
    }

    /// As [`super::Codec::feed`].
    pub fn feed(&mut self, mut input: &[u8], plain: &mut Vec<u8>, answer: &mut Vec<u8>) -> Result<Progress, TlsError> {
        let absorbed = self.absorb(&mut input, Some(plain));
        self.emit(answer);
        if absorbed.is_err() {
            // The library has no alert for some errors; at least the peer sees a deliberate end.
            answer.extend(self.close());
        }
        absorbed.map(|state| self.progress(&state))
    }

    /// Encrypts `plain` and appends the result to `encrypted`; appends nothing after [`Tls::close`].
    pub fn encrypt(&mut self, mut plain: &[u8], encrypted: &mut Vec<u8>) {
        while !self.closed && !plain.is_empty() {
            // Nothing is taken once the library's buffer is full during the handshake: a client that takes so long loses
            // what the server announces to everybody. Writing into memory cannot fail in any other way.
            let taken = self.connection.writer().write(plain).unwrap_or(0);
            self.emit(encrypted);
            if taken == 0 {
                return;
            }
            plain = &plain[taken..];
        }
    }

    /// The same, handed to `sink` as far as that takes it; what is left is appended to `rest`. The bytes go from the library's
    /// own buffer to the socket: the copy, and the memory for it, would cost every delivery.
    pub(crate) fn encrypt_to(&mut self, mut plain: &[u8], sink: &mut dyn io::Write, rest: &mut Vec<u8>) {
        while !self.closed && !plain.is_empty() {
            let taken = self.connection.writer().write(plain).unwrap_or(0);
            plain = &plain[taken..];
            // A full sink takes nothing, or fails.
            while self.connection.wants_write() && self.connection.write_tls(sink).is_ok_and(|count| count > 0) {}
            if self.connection.wants_write() {
                self.emit(rest);
                return self.encrypt(plain, rest);
            }
            if taken == 0 {
                return;
            }
        }
    }

    /// The message that tells the peer that nothing more comes (close_notify). Empty on a second call.
    pub fn close(&mut self) -> Vec<u8> {
        let mut encrypted = Vec::new();
        if !self.closed {
            self.connection.send_close_notify();
            self.emit(&mut encrypted);
            self.closed = true;
        }
        encrypted
    }

    /// As [`super::Codec::abandon`].
    pub(crate) fn abandon(&mut self) {
        self.closed = true;
    }

    /// Feeds all of the input to the library, which takes some kilobytes at a time.
    fn absorb(&mut self, input: &mut &[u8], mut plain: Option<&mut Vec<u8>>) -> Result<IoState, TlsError> {
        loop {
            let left = input.len();
            if left > 0 {
                // Reading from memory fails only when a message is longer than the library allows.
                self.connection.read_tls(input).map_err(|error| TlsError(error.to_string()))?;
            }
            let processed = self.connection.process_new_packets();
            if let Some(plain) = plain.as_deref_mut() {
                self.fetch(plain);
            }
            let state = processed.map_err(in_words)?;
            // What follows a close_notify is ignored (RFC 8446, section 6.1).
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
        // Ends with WouldBlock, or with an empty chunk after a close_notify.
        while let Ok(chunk) = reader.fill_buf()
            && !chunk.is_empty()
        {
            let count = chunk.len();
            plain.extend_from_slice(chunk);
            reader.consume(count);
        }
    }

    fn emit(&mut self, encrypted: &mut Vec<u8>) {
        if self.closed {
            return;
        }
        while self.connection.wants_write() {
            // Writing into memory cannot fail.
            if self.connection.write_tls(encrypted).is_err() {
                return;
            }
        }
    }

    fn progress(&self, state: &IoState) -> Progress {
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

/// Whether the first byte on a TLS port is text in ASCII or UTF-8, or telnet's IAC, so that a person is typing. Every TLS
/// client begins with 22, and SSL 2 clients with 128, which is not text either.
pub(crate) fn is_text_byte(first: u8) -> bool {
    matches!(first, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0xC2..=0xF4 | 0xFF)
}
