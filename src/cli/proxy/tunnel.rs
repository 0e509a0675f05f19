//! One client's bytes in both directions, on two blocking threads.
//!
//! ```text
//! client -> up -> [TLS] -> server        the client's end: a half-close, or close_notify and a half-close
//! client <- [TLS] <- down <- server      the server's end: a half-close
//! ```
//!
//! Only the thread `up` writes to the server, because TLS records must be sent in the order in which they were
//! encrypted. TLS's own answers after the handshake (key updates) are sent with the client's next bytes, as RFC 8446,
//! section 4.6.3, allows.
//!
//! *Owns* both sockets until both directions have ended. *Knows nothing of* the meaning of the bytes.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::upstream::UpstreamConnection;
use crate::protocol::wire::{Codec, Progress};
use crate::text::escape_for_log;

/// Bytes read at a time from a side that sends little: enough for a line, and small because a proxy may have many idle
/// clients.
const SMALL_READ: usize = 512;

/// Bytes read at a time from a side that has just filled the small buffer.
const LARGE_READ: usize = 64 * 1024;

/// How long a silent client stays connected after the server has closed its side. A chat server then accepts nothing
/// more, so this is only time for the client to notice.
const AFTER_THE_END: Duration = Duration::from_secs(5);

/// The two sockets of a client, and the state shared by both threads.
pub(super) struct Tunnel {
    client: Arc<TcpStream>,
    server: TcpStream,
    /// Without TLS, bytes pass without taking the lock.
    is_plain: bool,
    /// A leaf lock: nothing is read or written under it.
    tunnel_codec: Mutex<TunnelCodec>,
    /// The number of the client's bytes that were sent to the server.
    taken: AtomicU64,
    /// Whether `up` has ended. A leaf lock.
    ended: Mutex<bool>,
    changed: Condvar,
}

struct TunnelCodec {
    codec: Codec,
    /// Bytes of TLS itself, to be sent to the server before the next record.
    answers: Vec<u8>,
}

/// A read buffer that is large only while a side sends much. The small buffer is on the thread's stack, in a page that
/// is used anyway. It is borrowed, because an unoptimised build would copy it on the stack.
struct ReadBuffer<'a> {
    small: &'a mut [u8; SMALL_READ],
    /// Empty while the small buffer is used.
    large: Vec<u8>,
}

impl ReadBuffer<'_> {
    /// Reads once; empty at the end of input.
    fn read(&mut self, mut stream: &TcpStream) -> io::Result<&[u8]> {
        let buffer = if self.large.is_empty() { &mut self.small[..] } else { &mut self.large[..] };
        loop {
            match stream.read(buffer) {
                Ok(count) => return Ok(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Adapts the size to the last read.
    fn fit(&mut self, count: usize) {
        if self.large.is_empty() && count == SMALL_READ {
            self.large = vec![0; LARGE_READ];
        } else if count < SMALL_READ && !self.large.is_empty() {
            self.large = Vec::new();
        }
    }
}

/// Clears a buffer, and frees its memory if little of it was used.
fn reuse(buffer: &mut Vec<u8>) {
    if buffer.len() < SMALL_READ && buffer.capacity() > 8 * SMALL_READ {
        *buffer = Vec::new();
    }
    buffer.clear();
}

impl Tunnel {
    pub(super) fn new(client: Arc<TcpStream>, link: UpstreamConnection) -> Arc<Tunnel> {
        let UpstreamConnection { stream, codec } = link;
        Arc::new(Tunnel {
            client,
            server: stream,
            is_plain: codec.is_plain(),
            tunnel_codec: Mutex::new(TunnelCodec { codec, answers: Vec::new() }),
            taken: AtomicU64::new(0),
            ended: Mutex::new(false),
            changed: Condvar::new(),
        })
    }

    fn tunnel_codec(&self) -> MutexGuard<'_, TunnelCodec> {
        self.tunnel_codec.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends both connections at once.
    pub(super) fn end(&self) {
        // Errors mean that they are closed already.
        let _ = self.server.shutdown(Shutdown::Both);
        let _ = self.client.shutdown(Shutdown::Both);
    }

    /// Copies from the client to the server, until the client ends.
    pub(super) fn up(&self) {
        self.carry_up();
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn carry_up(&self) {
        let mut small = [0; SMALL_READ];
        let mut buffer = ReadBuffer { small: &mut small, large: Vec::new() };
        let mut encoded = Vec::new();
        // When the server accepts nothing more, the client's input is still read: closing a socket with unread input
        // would discard output that the client has not read yet.
        let mut is_taken = true;
        loop {
            let chunk = match buffer.read(&self.client) {
                Ok(chunk) => chunk,
                Err(_) => {
                    // The client's connection was reset. Its earlier bytes were passed on; TLS is not closed in an
                    // orderly way.
                    let _ = self.server.shutdown(Shutdown::Both);
                    return;
                }
            };
            let count = chunk.len();
            let mut server = &self.server;
            if is_taken && self.is_plain {
                is_taken = server.write_all(chunk).is_ok();
            } else if is_taken {
                self.encode(chunk, &mut encoded);
                is_taken = server.write_all(&encoded).is_ok();
                reuse(&mut encoded);
            }
            if count == 0 {
                // An error means that the server is gone.
                let _ = self.server.shutdown(Shutdown::Write);
                return;
            }
            if is_taken {
                self.taken.fetch_add(count as u64, Ordering::Relaxed);
            }
            buffer.fit(count);
        }
    }

    /// Encrypts a chunk. An empty chunk ends the connection.
    fn encode(&self, chunk: &[u8], encoded: &mut Vec<u8>) {
        let mut tunnel_codec = self.tunnel_codec();
        let TunnelCodec { codec, answers } = &mut *tunnel_codec;
        encoded.append(answers);
        if chunk.is_empty() {
            encoded.extend(codec.close(0, ""));
        } else {
            codec.encode(chunk, encoded);
        }
    }

    /// Copies from the server to the client until the server ends, and then waits for `up`.
    pub(super) fn down(&self) {
        if self.carry_down() {
            // An error means that the client is gone.
            let _ = self.client.shutdown(Shutdown::Write);
            self.wait_for_the_client();
        }
        self.end();
    }

    /// Returns false if the client is gone.
    fn carry_down(&self) -> bool {
        let mut small = [0; SMALL_READ];
        let mut buffer = ReadBuffer { small: &mut small, large: Vec::new() };
        let mut plain = Vec::new();
        if !self.is_plain {
            // Bytes may have arrived with the end of the handshake.
            let more = self.open(&[], &mut plain);
            let passed = self.pass(&plain);
            plain.clear();
            if !more || !passed {
                return passed;
            }
        }
        loop {
            // A reset is the same as an end here: everything sent before it was read.
            let chunk = buffer.read(&self.server).unwrap_or_default();
            let count = chunk.len();
            let (more, passed) = if self.is_plain {
                (count > 0, self.pass(chunk))
            } else {
                let more = count > 0 && self.open(chunk, &mut plain);
                let passed = self.pass(&plain);
                reuse(&mut plain);
                (more, passed)
            };
            if !more || !passed {
                return passed;
            }
            buffer.fit(count);
        }
    }

    /// Decrypts a chunk. Returns false if nothing more follows.
    fn open(&self, chunk: &[u8], plain: &mut Vec<u8>) -> bool {
        let mut tunnel_codec = self.tunnel_codec();
        let TunnelCodec { codec, answers } = &mut *tunnel_codec;
        let progress = codec.feed(chunk, plain, answers);
        drop(tunnel_codec);
        match progress {
            Ok(Progress::Open | Progress::ShakingHands) => true,
            Ok(Progress::Closed) => false,
            Err(error) => {
                log::warn!("the server's encryption has failed: {}", escape_for_log(&error.to_string()));
                false
            }
        }
    }

    fn pass(&self, bytes: &[u8]) -> bool {
        let mut client = &*self.client;
        client.write_all(bytes).is_ok()
    }

    /// Waits until the client has ended, too, or has sent nothing for a while.
    fn wait_for_the_client(&self) {
        let mut taken = self.taken.load(Ordering::Relaxed);
        let mut deadline = Instant::now() + AFTER_THE_END;
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        while !*ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let now = self.taken.load(Ordering::Relaxed);
                if now == taken {
                    return;
                }
                (taken, deadline) = (now, Instant::now() + AFTER_THE_END);
                continue;
            }
            ended = self.changed.wait_timeout(ended, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
