//! One end of a transfer: a socket, and what encrypts it, if anything.
//!
//! It blocks the thread that uses it, but wakes up several times a second: a transfer can be stopped from elsewhere,
//! and one that makes no progress ends.
//!
//! *Owns* the socket's timeouts and how it is closed, in order or by reset. *Knows nothing of* transfers.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::protocol::transfer::Voice;
use crate::protocol::wire::{Codec, Progress};

/// Bytes read from a socket and written to one at a time.
pub(crate) const CHUNK: usize = 64 * 1024;

/// How often a blocked call wakes up.
const LOOK: Duration = Duration::from_millis(250);

/// How long to read on after the last byte. A close with unread input is a reset, which destroys what the peer has not read yet.
const LINGER: Duration = Duration::from_secs(1);

/// One end.
pub(crate) struct TransferEnd {
    stream: TcpStream,
    codec: Codec,
    /// How to talk to the peer.
    pub(crate) voice: Voice,
    /// Bytes read and decrypted; those from `taken` on have not been used yet.
    plain: Vec<u8>,
    taken: usize,
    /// Encrypted bytes, on their way in or out.
    encrypted: Vec<u8>,
}

impl TransferEnd {
    /// Takes over a connection. `plain` has been read from it already.
    ///
    /// # Errors
    ///
    /// The socket is dead.
    pub(crate) fn new(stream: TcpStream, codec: Codec, voice: Voice, plain: Vec<u8>) -> io::Result<TransferEnd> {
        stream.set_read_timeout(Some(LOOK))?;
        stream.set_write_timeout(Some(LOOK))?;
        Ok(TransferEnd { stream, codec, voice, plain, taken: 0, encrypted: Vec::new() })
    }

    /// Reads up to a buffer of bytes. 0 at the end.
    ///
    /// # Errors
    ///
    /// The connection is lost, nothing came for `patience`, or `is_stopped`.
    pub(crate) fn read(
        &mut self,
        buffer: &mut [u8],
        patience: Duration,
        is_stopped: impl Fn() -> bool,
    ) -> io::Result<usize> {
        if self.taken < self.plain.len() {
            return Ok(self.take_plain(buffer));
        }
        let began = Instant::now();
        loop {
            if self.codec.is_plain() {
                match self.stream.read(buffer) {
                    Err(error) => look_up(error, began, patience, &is_stopped)?,
                    read => return read,
                }
                continue;
            }
            let mut encrypted = std::mem::take(&mut self.encrypted);
            encrypted.resize(CHUNK, 0);
            let read = self.stream.read(&mut encrypted);
            let fed = match read {
                Ok(count) => self.decrypt(&encrypted[..count]).map(|open| open && count > 0),
                Err(error) => look_up(error, began, patience, &is_stopped).map(|()| true),
            };
            self.encrypted = encrypted;
            let is_open = fed?;
            if !self.plain.is_empty() {
                return Ok(self.take_plain(buffer));
            }
            if !is_open {
                return Ok(0);
            }
        }
    }

    fn take_plain(&mut self, buffer: &mut [u8]) -> usize {
        let left = &self.plain[self.taken..];
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        if self.taken == self.plain.len() {
            self.plain.clear();
            self.taken = 0;
        }
        count
    }

    /// False once the peer has said that nothing more comes.
    fn decrypt(&mut self, encrypted: &[u8]) -> io::Result<bool> {
        let mut answer = Vec::new();
        let fed = self.codec.feed(encrypted, &mut self.plain, &mut answer);
        if !answer.is_empty() {
            // TLS's own bytes, few and rare.
            self.stream.write_all(&answer)?;
        }
        match fed {
            Ok(Progress::Open | Progress::ShakingHands) => Ok(true),
            Ok(Progress::Closed) => Ok(false),
            Err(error) => Err(io::Error::new(ErrorKind::InvalidData, error)),
        }
    }

    /// Whether there is unread input, as far as can be seen without waiting.
    pub(crate) fn has_more(&self) -> bool {
        if self.taken < self.plain.len() {
            return true;
        }
        // What is left of an encrypted connection may be its end.
        let mut byte = [std::mem::MaybeUninit::uninit()];
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        self.codec.is_plain()
            && SockRef::from(&self.stream).recv_with_flags(&mut byte, flags).is_ok_and(|count| count > 0)
    }

    /// Writes all of it.
    ///
    /// # Errors
    ///
    /// The connection is lost, nothing was taken for `patience`, or `is_stopped`.
    pub(crate) fn write(&mut self, plain: &[u8], patience: Duration, is_stopped: impl Fn() -> bool) -> io::Result<()> {
        if self.codec.is_plain() {
            return write_all(&self.stream, plain, patience, is_stopped);
        }
        let mut encrypted = std::mem::take(&mut self.encrypted);
        encrypted.clear();
        self.codec.encode(plain, &mut encrypted);
        let written = write_all(&self.stream, &encrypted, patience, is_stopped);
        self.encrypted = encrypted;
        written
    }

    /// Frees the buffers, because the end only waits from now on.
    pub(crate) fn rest(&mut self) {
        self.encrypted = Vec::new();
    }

    /// Tells the peer that nothing more follows.
    pub(crate) fn end(&mut self) {
        let last = self.codec.close(0, "");
        // It does not matter if the peer is gone.
        let _ = write_all(&self.stream, &last, LINGER, || false);
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes in order, so that the peer can read the last bytes.
    pub(crate) fn close(mut self) {
        self.end();
        let deadline = Instant::now() + LINGER;
        let mut rest = [0; 4096];
        while Instant::now() < deadline {
            match self.stream.read(&mut rest) {
                Ok(count) if count > 0 => {}
                Err(error) if is_pause(&error) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Waits a moment for the written bytes to be sent, then closes so that the peer's program fails, because its file
    /// is incomplete. Bytes that the socket has not sent are lost.
    pub(crate) fn reset(self, wait: Duration) {
        let deadline = Instant::now() + wait;
        let mut rest = [0; 512];
        while Instant::now() < deadline {
            match (&self.stream).read(&mut rest) {
                // A receiver's input may end early: nc sends nothing more after its line.
                Ok(0) => {
                    std::thread::park_timeout(deadline.saturating_duration_since(Instant::now()));
                }
                Ok(_) => {}
                Err(error) if is_pause(&error) => {}
                Err(_) => break,
            }
        }
        // On a dead socket it makes no difference.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Whether to go on waiting after a call has come back with nothing.
fn look_up(error: io::Error, began: Instant, patience: Duration, is_stopped: impl Fn() -> bool) -> io::Result<()> {
    if !is_pause(&error) {
        return Err(error);
    }
    if is_stopped() {
        return Err(ErrorKind::ConnectionAborted.into());
    }
    if began.elapsed() >= patience { Err(ErrorKind::TimedOut.into()) } else { Ok(()) }
}

fn write_all(
    mut stream: &TcpStream,
    mut bytes: &[u8],
    patience: Duration,
    is_stopped: impl Fn() -> bool,
) -> io::Result<()> {
    let mut began = Instant::now();
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                began = Instant::now();
                // What has been written counts as progress.
                if !bytes.is_empty() && is_stopped() {
                    return Err(ErrorKind::ConnectionAborted.into());
                }
            }
            Err(error) => look_up(error, began, patience, &is_stopped)?,
        }
    }
    Ok(())
}
