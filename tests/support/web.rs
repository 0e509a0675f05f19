//! WebSocket clients. Frames are built and parsed here, not by the library that the server uses.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use crate::support::{Client, Layer, PATIENCE};

/// The key of RFC 6455, section 1.3.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The request that opens a WebSocket. `extra`: more header lines, each with its line end.
pub fn handshake(host: &str, extra: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {KEY}\r\n{extra}\r\n"
    )
}

/// A client's frame: its first byte, and its payload, masked.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x9A, 0x0B, 0x3C, 0xE1];
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | u8::try_from(len).expect("short")),
        len @ 126..=0xFFFF => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(len).expect("short").to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Splits off a server's frame: its first byte, its payload, and the rest. `None` while it is incomplete.
pub fn take_frame(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    assert_eq!(second & 0x80, 0, "a server does not mask its frames");
    let (length, rest) = match second {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::try_from(u64::from_be_bytes(*length)).expect("a length"), rest)
        }
        length => (usize::from(length), rest),
    };
    let (payload, rest) = rest.split_at_checked(length)?;
    Some((first, payload, rest))
}

/// What a client has received besides text.
#[derive(Debug, Default)]
struct Heard {
    /// Bytes of an incomplete frame.
    rest: Vec<u8>,
    /// The first byte and length of each frame.
    frames: Vec<(u8, usize)>,
    pings: usize,
    pongs: Vec<Vec<u8>>,
    close: Option<(Option<u16>, String)>,
}

/// The client's side of one WebSocket, shared with the test.
#[derive(Clone, Default)]
pub struct Socket {
    heard: Arc<Mutex<Heard>>,
    /// The layer inside an encrypted one.
    inner: Option<Arc<Mutex<Box<dyn Layer>>>>,
    /// Sends content as text frames instead of binary ones.
    says_text: bool,
    /// Does not answer pings.
    is_silent: bool,
}

impl Socket {
    fn with<R>(&self, work: impl FnOnce(&mut Heard) -> R) -> R {
        work(&mut self.heard.lock().expect("not poisoned"))
    }

    /// The first byte and length of each frame so far.
    pub fn frames(&self) -> Vec<(u8, usize)> {
        self.with(|heard| heard.frames.clone())
    }

    /// How often the server has pinged.
    pub fn pings(&self) -> usize {
        self.with(|heard| heard.pings)
    }

    /// The answers to pings so far.
    pub fn pongs(&self) -> Vec<Vec<u8>> {
        self.with(|heard| heard.pongs.clone())
    }

    /// The code and reason of the server's close.
    pub fn close(&self) -> Option<(Option<u16>, String)> {
        self.with(|heard| heard.close.clone())
    }
}

impl Layer for Socket {
    fn open(&mut self, read: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (read, mut answer) = match &self.inner {
            Some(inner) => inner.lock().expect("not poisoned").open(read),
            None => (read.to_vec(), Vec::new()),
        };
        let mut replies = Vec::new();
        let is_silent = self.is_silent;
        let text = self.with(|heard| {
            heard.rest.extend_from_slice(&read);
            let (mut text, mut at) = (Vec::new(), 0);
            while let Some((first, payload, rest)) = take_frame(&heard.rest[at..]) {
                heard.frames.push((first, payload.len()));
                match first {
                    0x81 | 0x82 => text.extend_from_slice(payload),
                    0x88 => {
                        let (code, reason) = payload.split_at_checked(2).unwrap_or_default();
                        let code = code.try_into().ok().map(u16::from_be_bytes);
                        heard.close = Some((code, String::from_utf8_lossy(reason).into_owned()));
                    }
                    0x89 => {
                        heard.pings += 1;
                        if !is_silent {
                            replies.extend(frame(0x8A, payload));
                        }
                    }
                    0x8A => heard.pongs.push(payload.to_vec()),
                    other => panic!("a frame that begins with {other:#x}"),
                }
                at = heard.rest.len() - rest.len();
            }
            heard.rest.drain(..at);
            text
        });
        if !replies.is_empty() {
            answer.extend(self.wrap(&replies));
        }
        (text, answer)
    }

    fn seal(&mut self, said: &[u8]) -> Vec<u8> {
        let frame = frame(if self.says_text { 0x81 } else { 0x82 }, said);
        self.wrap(&frame)
    }

    fn goodbye(&mut self) -> Vec<u8> {
        let frame = frame(0x88, &1000u16.to_be_bytes());
        self.wrap(&frame)
    }

    fn has_heard_goodbye(&self) -> bool {
        self.close().is_some()
    }
}

impl Socket {
    /// Encodes bytes that are already frames for sending.
    pub fn wrap(&self, frames: &[u8]) -> Vec<u8> {
        match &self.inner {
            Some(inner) => inner.lock().expect("not poisoned").seal(frames),
            None => frames.to_vec(),
        }
    }
}

/// How to connect.
#[derive(Clone, Copy, Default)]
pub struct Asks<'a> {
    /// More header lines, each with its end.
    pub extra: &'a str,
    /// Does not answer pings.
    pub is_silent: bool,
}

/// A client that uses JSON, after its handshake.
pub fn program(address: SocketAddr) -> (Client, Socket) {
    program_that(address, Asks::default())
}

/// The same with these options.
pub fn program_that(address: SocketAddr, asks: Asks<'_>) -> (Client, Socket) {
    connect(address, asks, true)
}

/// A client of the text door, by the name of its sub-protocol.
pub fn terminal(address: SocketAddr, protocol: &str) -> (Client, Socket) {
    let extra = format!("Sec-WebSocket-Protocol: {protocol}\r\n");
    connect(address, Asks { extra: &extra, is_silent: false }, false)
}

fn connect(address: SocketAddr, asks: Asks<'_>, says_text: bool) -> (Client, Socket) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("nodelay");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(handshake(&address.to_string(), asks.extra).as_bytes()).expect("sent");
    // Byte by byte, because what follows belongs to the client.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).expect("read"), 1, "{}", String::from_utf8_lossy(&head));
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    let socket = Socket { says_text, is_silent: asks.is_silent, ..Socket::default() };
    (Client::over(stream, Box::new(socket.clone())), socket)
}

/// The same through TLS: `layer` has completed its handshake on `stream`.
pub fn program_inside(mut stream: TcpStream, mut layer: Box<dyn Layer>, host: &str) -> (Client, Socket) {
    stream.write_all(&layer.seal(handshake(host, "").as_bytes())).expect("sent");
    let mut head = Vec::new();
    let end = loop {
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).expect("read");
        assert!(count > 0, "{}", String::from_utf8_lossy(&head));
        let (text, answer) = layer.open(&buffer[..count]);
        stream.write_all(&answer).expect("sent");
        head.extend(text);
    };
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    let socket = Socket { says_text: true, inner: Some(Arc::new(Mutex::new(layer))), ..Socket::default() };
    socket.with(|heard| heard.rest = head.split_off(end));
    (Client::over(stream, Box::new(socket.clone())), socket)
}

/// The complete response to a request.
pub fn ask(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(request).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer and the end");
    String::from_utf8_lossy(&answer).into_owned()
}
