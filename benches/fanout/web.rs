//! The client's side of a WebSocket (RFC 6455), in memory.
//!
//! *Owns* the opening, and one connection's frames. *Knows nothing of* sockets, or of what they contain.
//!
//! It masks with a key of zeros, which is allowed and changes nothing: a client that masks properly would be the
//! bottleneck.

use crate::failure::Failure;

/// The first byte of a whole text message, of a binary one, of a pong, and the operations of a server (RFC 6455, section
/// 5.2).
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const PONG: u8 = 0x8A;
const PING: u8 = 0x09;
const CLOSE: u8 = 0x08;

/// What the messages of a connection contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Objects, in text messages.
    Objects,
    /// What a terminal reads and writes, in binary messages.
    Terminal,
}

impl Form {
    /// The first byte of a whole message.
    fn opening(self) -> u8 {
        match self {
            Form::Objects => TEXT,
            Form::Terminal => BINARY,
        }
    }

    /// The line of the request that asks for it.
    fn header(self) -> &'static str {
        match self {
            Form::Objects => "",
            Form::Terminal => "Sec-WebSocket-Protocol: terminal.mudstandards.org\r\n",
        }
    }
}

/// One connection.
pub struct Client {
    form: Form,
    state: State,
    /// Not sent yet: the opening, or pongs.
    pending: Vec<u8>,
    /// The bytes encoded last; the buffer is reused.
    encoded: Vec<u8>,
    /// The header or control frame that a read has cut.
    cut: Vec<u8>,
}

enum State {
    /// Waits for the end of the server's answer.
    Opening,
    /// In a message of which this many bytes are still to come.
    Text(usize),
}

impl Client {
    /// A connection with its request still to send.
    pub fn new(port: u16, form: Form) -> Client {
        let header = form.header();
        let pending = format!(
            "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{header}\r\n"
        );
        Client { form, state: State::Opening, pending: pending.into_bytes(), encoded: Vec::new(), cut: Vec::new() }
    }

    /// The bytes to send for this text, after pending ones.
    pub fn encode(&mut self, text: &[u8]) -> &[u8] {
        self.encoded.clear();
        self.encoded.append(&mut self.pending);
        if !text.is_empty() {
            // An object is a message of its own; a line needs its end.
            let payload = match self.form {
                Form::Objects => text.strip_suffix(b"\n").unwrap_or(text),
                Form::Terminal => text,
            };
            frame(self.form.opening(), payload, &mut self.encoded);
        }
        &self.encoded
    }

    /// Whether the opening or a pong is to be sent.
    pub fn wants_write(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Appends the text that these bytes contain.
    pub fn decode(&mut self, bytes: &[u8], text: &mut Vec<u8>) -> Result<(), Failure> {
        let owned;
        let mut bytes = bytes;
        if !self.cut.is_empty() {
            self.cut.extend_from_slice(bytes);
            owned = std::mem::take(&mut self.cut);
            bytes = &owned;
        }
        while !bytes.is_empty() {
            match self.state {
                State::Opening => {
                    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
                        self.cut = bytes.to_vec();
                        return Ok(());
                    };
                    if !bytes.starts_with(b"HTTP/1.1 101 ") {
                        return Err(Failure::new(format!("no WebSocket: {}", String::from_utf8_lossy(bytes))));
                    }
                    bytes = &bytes[end + 4..];
                    self.state = State::Text(0);
                }
                State::Text(0) => match self.header(bytes)? {
                    Some(length) => bytes = &bytes[length..],
                    None => {
                        self.cut = bytes.to_vec();
                        return Ok(());
                    }
                },
                State::Text(left) => {
                    let here = left.min(bytes.len());
                    text.extend_from_slice(&bytes[..here]);
                    bytes = &bytes[here..];
                    self.state = State::Text(left - here);
                }
            }
        }
        Ok(())
    }

    /// Reads a header, or a whole control frame; how long it was, or `None` if more has to come.
    fn header(&mut self, bytes: &[u8]) -> Result<Option<usize>, Failure> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let (length, used) = match (second, rest) {
            (126, [high, low, ..]) => (usize::from(u16::from_be_bytes([*high, *low])), 4),
            (127, [a, b, c, d, e, f, g, h, ..]) => {
                (usize::try_from(u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))?, 10)
            }
            (126 | 127, _) => return Ok(None),
            (short, _) => (usize::from(*short), 2),
        };
        if *first == self.form.opening() {
            self.state = State::Text(length);
            return Ok(Some(used));
        }
        let Some(payload) = bytes.get(used..used + length) else { return Ok(None) };
        match first & 0x0F {
            PING => frame(PONG, payload, &mut self.pending),
            // The end of the connection follows.
            CLOSE => {}
            _ => return Err(Failure::new(format!("a frame that begins with {first:#x}"))),
        }
        Ok(Some(used + length))
    }
}

/// Appends one masked frame (RFC 6455, section 5.2).
fn frame(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => out.push(0x80 | length),
        // No text that is sent is longer than 64 KB.
        _ => {
            out.push(0x80 | 126);
            out.extend_from_slice(&u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}
