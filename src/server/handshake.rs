//! The beginning of a TLS connection: agreeing on the encryption, in the connection's own thread and within a deadline.
//!
//! *Owns* the deadline, and what is told to a peer that does not speak TLS.
//! *Knows nothing of* how the two sides agree: the outbox's codec does.
//! *Called by* `server::transport`.

use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use super::ports::Ports;
use crate::outbox::{DisconnectReason, Outbox};
use crate::protocol::wire::{Codec, FirstBytes, Progress, TlsError, Verdict, is_typed};
use crate::text::escape_for_log;

#[cfg(test)]
mod tests;

/// What a handshake may take in all. It needs two round trips at most; a slow line with lost packets is done in three
/// seconds, and who opens connections only to hold them has his thread for no longer than this.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Bytes read at a time. A client's hello has 200 to 1,800.
const READ: usize = 2048;

/// When a handshake that begins now has to be done.
pub(super) fn deadline() -> Instant {
    Instant::now() + HANDSHAKE
}

/// Agrees on the encryption with a peer of which nothing was read yet. Whoever is turned away has been told, and the
/// socket is finished with.
///
/// Not inlined: the buffers and what the library needs are off the stack again when the session begins.
#[inline(never)]
pub(super) fn shake_hands(outbox: &Outbox, ports: Ports, deadline: Instant) -> Result<(), DisconnectReason> {
    let ended = match exchange(outbox, deadline) {
        Ok(()) => return Ok(()),
        Err(ended) => outbox.disconnect_reason().unwrap_or(ended),
    };
    match &ended {
        DisconnectReason::PlainText => turn_away(outbox, hint(outbox, ports).as_bytes()),
        DisconnectReason::OtherProtocol(protocol) => turn_away(outbox, protocol.answer()),
        _ => {}
    }
    outbox.lingering_close();
    Err(ended)
}

fn exchange(outbox: &Outbox, deadline: Instant) -> Result<(), DisconnectReason> {
    let lost = |error: io::Error| DisconnectReason::Reset(error.kind());
    let mut stream = outbox.stream();
    let mut buffer = vec![0; READ];
    // None: nothing has come yet.
    let mut typed: Option<Option<FirstBytes>> = None;
    loop {
        if let Some(ended) = outbox.disconnect_reason() {
            return Err(ended);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(if matches!(typed, Some(Some(_))) {
                DisconnectReason::PlainText
            } else {
                DisconnectReason::HandshakeTimeout
            });
        }
        stream.set_read_timeout(Some(left)).map_err(lost)?;
        let chunk = match stream.read(&mut buffer) {
            Ok(0) => {
                let unfinished = typed.flatten().map(|mut first| first.finish());
                return Err(unfinished.map_or(DisconnectReason::PeerClosed, knocked));
            }
            Ok(count) => &buffer[..count],
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => continue,
                _ => return Err(lost(error)),
            },
        };
        match typed.get_or_insert_with(|| is_typed(chunk[0]).then(FirstBytes::new)) {
            Some(first) => match first.feed(chunk) {
                Verdict::Undecided => {}
                verdict => return Err(knocked(verdict)),
            },
            None => match outbox.shake_hands(chunk).map_err(|error| refused(outbox, &error))? {
                Progress::ShakingHands => {}
                // One that closes at once is told goodbye by its session.
                Progress::Open | Progress::Closed => return stream.set_read_timeout(None).map_err(lost),
            },
        }
    }
}

fn refused(outbox: &Outbox, error: &TlsError) -> DisconnectReason {
    log::info!("client {}: TLS: {}", outbox.id(), escape_for_log(&error.to_string()));
    DisconnectReason::Tls
}

fn knocked(verdict: Verdict) -> DisconnectReason {
    match verdict {
        Verdict::OtherProtocol(protocol) => DisconnectReason::OtherProtocol(protocol),
        Verdict::Person | Verdict::Undecided => DisconnectReason::PlainText,
    }
}

/// What somebody reads who came with telnet or nc.
fn hint(outbox: &Outbox, ports: Ports) -> String {
    let port = outbox.stream().local_addr().map_or_else(|_| "PORT".to_owned(), |address| address.port().to_string());
    let plain = ports.plain.map_or_else(String::new, |plain| format!(", or telnet to port {plain}"));
    format!("! This port speaks TLS: try openssl s_client -quiet -connect HOST:{port}{plain}.\r\n")
}

fn turn_away(outbox: &Outbox, answer: &[u8]) {
    outbox.set_codec(Codec::Plain);
    outbox.answer_raw(answer);
    outbox.flush();
}
