//! The WebSocket reader and writer as an echo server, for external test suites such as Autobahn.
//!
//! ```text
//! CHATSOCK_ECHO_PORT=9001 cargo test --features web --test suite websocket_echo -- --ignored
//! ```
//!
//! It serves at `/` until its input ends. Text comes back as text and binary as binary, messages may be up to 16 MB long,
//! and each ping is answered.

#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use chatsock::protocol::http::HeadReader;
use chatsock::protocol::websocket::{FrameEvent, FrameReader, MessageKind, write_close, write_header};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::support::PATIENCE;
use crate::support::web::{KEY, frame, take_frame};

/// Longest message.
const LONGEST: usize = 16 << 20;

/// The value of a header line, whatever the case of its name.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Serves one connection to its end. An error means that the client has gone.
fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut heads = HeadReader::new();
    let (head, mut unread) = loop {
        let count = stream.read(&mut buffer)?;
        match heads.feed(&buffer[..count]) {
            Ok(Some((head, used))) => break (head, buffer[used..count].to_vec()),
            Ok(None) if count > 0 => {}
            Ok(None) | Err(_) => return Ok(()),
        }
    };
    let head = String::from_utf8_lossy(&head);
    let Some(key) = header(&head, "sec-websocket-key").filter(|_| head.starts_with("GET / ")) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let accept = derive_accept_key(key.as_bytes());
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )?;
    let mut reader = FrameReader::new(LONGEST);
    let mut message = Vec::new();
    loop {
        let mut input = unread.as_slice();
        let mut out = Vec::new();
        let over = loop {
            match reader.next(&mut input, &mut message) {
                Ok(None) => break false,
                Ok(Some(FrameEvent::Began(_) | FrameEvent::Pong)) => {}
                Ok(Some(FrameEvent::Ended(kind))) => {
                    let opcode = match kind {
                        MessageKind::Text => Data::Text,
                        MessageKind::Binary => Data::Binary,
                    };
                    write_header(OpCode::Data(opcode), message.len(), &mut out);
                    out.append(&mut message);
                }
                Ok(Some(FrameEvent::Ping(payload))) => {
                    write_header(OpCode::Control(Control::Pong), payload.len(), &mut out);
                    out.extend_from_slice(&payload);
                }
                Ok(Some(FrameEvent::Closed(code))) => {
                    write_close(code, "", &mut out);
                    break true;
                }
                Err(violation) => {
                    write_close(Some(violation.close_code()), &violation.to_string(), &mut out);
                    break true;
                }
            }
        };
        stream.write_all(&out)?;
        if over {
            stream.shutdown(std::net::Shutdown::Write)?;
            // Data behind the client's own close frame is read but ignored, or closing would cause a reset.
            while stream.read(&mut buffer)? > 0 {}
            return Ok(());
        }
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        unread.clear();
        unread.extend_from_slice(&buffer[..count]);
    }
}

/// Serves each connection on its own thread as long as the process runs.
fn serve(listener: TcpListener) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client may break off at any time.
            thread::spawn(move || drop(echo(stream)));
        }
    });
}

#[test]
#[ignore = "serves until its input ends"]
fn echo_until_the_input_ends() {
    let port = std::env::var("CHATSOCK_ECHO_PORT").expect("CHATSOCK_ECHO_PORT names the port");
    let port: u16 = port.parse().expect("a port");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    println!("serving on {}", listener.local_addr().expect("an address"));
    serve(listener);
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).expect("the input ends");
}

/// A client of the echo server.
struct Echo {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Echo {
    fn connect() -> Echo {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        serve(listener);
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("nodelay");
        write!(stream, "GET / HTTP/1.1\r\nHost: localhost\r\nSec-WebSocket-Key: {KEY}\r\n\r\n").expect("sent");
        let mut echo = Echo { stream, unread: Vec::new() };
        while !echo.unread.ends_with(b"\r\n\r\n") {
            echo.read();
        }
        assert!(String::from_utf8_lossy(&echo.unread).contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        echo.unread.clear();
        echo
    }

    fn read(&mut self) -> usize {
        let mut buffer = vec![0; 64 * 1024];
        let count = self.stream.read(&mut buffer).expect("read");
        self.unread.extend_from_slice(&buffer[..count]);
        count
    }

    fn next(&mut self) -> (u8, Vec<u8>) {
        loop {
            if let Some((first, payload, rest)) = take_frame(&self.unread) {
                let (found, left) = ((first, payload.to_vec()), rest.len());
                self.unread.drain(..self.unread.len() - left);
                return found;
            }
            assert!(self.read() > 0, "the end, and {} bytes", self.unread.len());
        }
    }

    /// Returns the code of the server's close frame, and checks that the connection ends.
    fn closed(mut self) -> Option<u16> {
        loop {
            let (first, payload) = self.next();
            if first == 0x88 {
                while self.read() > 0 {}
                assert!(self.unread.is_empty(), "nothing follows a close");
                return payload.first_chunk().map(|code| u16::from_be_bytes(*code));
            }
        }
    }
}

#[test]
fn messages_of_every_length_and_kind_come_back_whatever_pieces_they_come_in() {
    let mut echo = Echo::connect();
    for len in [0, 1, 125, 126, 127, 128, 65_535, 65_536, 1 << 20] {
        for (first, byte) in [(0x81, b'*'), (0x82, 0xFE)] {
            let payload = vec![byte; len];
            let bytes = frame(first, &payload);
            // In pieces of 997 bytes, and in fragments with a ping between them.
            for piece in bytes.chunks(997) {
                echo.stream.write_all(piece).expect("sent");
            }
            assert_eq!(echo.next(), (first, payload.clone()), "{len}");
            let (begin, end) = payload.split_at(len / 3);
            let parts = [frame(first & 0x0F, begin), frame(0x89, b"?"), frame(0x00, b""), frame(0x80, end)].concat();
            echo.stream.write_all(&parts).expect("sent");
            assert_eq!(echo.next(), (0x8A, b"?".to_vec()));
            assert_eq!(echo.next(), (first, payload), "{len} in fragments");
        }
    }
}

#[test]
fn a_message_of_sixteen_megabytes_comes_back_and_a_larger_one_does_not() {
    let mut echo = Echo::connect();
    let bytes = frame(0x82, &vec![7; LONGEST]);
    let mut writer = echo.stream.try_clone().expect("a second handle");
    let writing = thread::spawn(move || writer.write_all(&bytes).expect("sent"));
    let (first, payload) = echo.next();
    assert_eq!((first, payload.len()), (0x82, LONGEST));
    writing.join().expect("written");
    let over = [&[0x82, 0xFF][..], &(LONGEST as u64 + 1).to_be_bytes(), &[0; 4]].concat();
    echo.stream.write_all(&over).expect("sent");
    assert_eq!(echo.closed(), Some(1009));
}

#[test]
fn ten_pings_in_one_packet_have_ten_answers_here() {
    let mut echo = Echo::connect();
    let pings: Vec<u8> = (0..10u8).flat_map(|n| frame(0x89, &[n])).collect();
    echo.stream.write_all(&pings).expect("sent");
    for n in 0..10 {
        assert_eq!(echo.next(), (0x8A, vec![n]));
    }
}

#[test]
fn protocol_violations_are_answered_with_their_close_code() {
    let cases: [(Vec<u8>, u16); 14] = [
        (frame(0xC1, b"a"), 1002),
        (frame(0x83, b"a"), 1002),
        (frame(0x8B, b""), 1002),
        (frame(0x89, &[0; 126]), 1002),
        (frame(0x09, b""), 1002),
        (frame(0x80, b"a"), 1002),
        ([frame(0x01, b"a"), frame(0x01, b"b")].concat(), 1002),
        (vec![0x81, 1, b'a'], 1002),
        (frame(0x81, b"\xce\xba\xed\xa0\x80edited"), 1007),
        (frame(0x81, b"\xf4\x90\x80\x80"), 1007),
        // Incomplete, but already invalid: closed before the rest comes.
        (frame(0x81, &[b"\xce\xba\xf4\x90".as_slice(), &[b'x'; 90]].concat())[..6 + 4].to_vec(), 1007),
        (frame(0x88, b"\x03"), 1002),
        (frame(0x88, &1005u16.to_be_bytes()), 1002),
        (frame(0x88, b"\x03\xe8\xff"), 1007),
    ];
    for (bytes, code) in cases {
        let mut echo = Echo::connect();
        echo.stream.write_all(&bytes).expect("sent");
        assert_eq!(echo.closed(), Some(code), "{}", bytes.escape_ascii());
    }
    for (payload, code) in
        [(vec![], None), (1000u16.to_be_bytes().to_vec(), Some(1000)), (b"\x0b\xb8bye".to_vec(), Some(3000))]
    {
        let mut echo = Echo::connect();
        echo.stream
            .write_all(&[frame(0x88, &payload), frame(0x81, b"late"), frame(0x89, b"late")].concat())
            .expect("sent");
        assert_eq!(echo.closed(), code);
    }
}
