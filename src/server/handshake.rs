//! The TLS handshake, on the connection's own thread and with a deadline.
//!
//! *Owns* the deadline, and the answer to a peer that does not speak TLS.
//! *Knows nothing of* the handshake itself, which is the codec's.

use std::io::{self, Read as _};
use std::time::Instant;

use super::ports::Ports;
use crate::outbox::{DisconnectReason, Outbox};
use crate::protocol::wire::{Codec, FirstBytes, Progress, TlsError, Verdict, is_text_byte};
use crate::text::escape_for_log;

#[cfg(test)]
mod tests;

/// Bytes read at a time. A client hello has 200 to 1,800.
const READ: usize = 2048;

/// Performs the handshake, before anything else is read. On an error the peer has been answered and the socket closed.
/// `page` returns the address of the web page to name to a browser that has sent these bytes.
///
/// Not inlined, so that the buffers and the library's frames are off the stack when the session begins.
#[inline(never)]
pub(super) fn shake_hands(
    outbox: &Outbox,
    ports: Ports,
    page: &dyn Fn(&[u8]) -> Option<String>,
    deadline: Instant,
) -> Result<(), DisconnectReason> {
    let mut heard = Vec::new();
    let ended = match exchange(outbox, deadline, &mut heard) {
        Ok(()) => return Ok(()),
        Err(ended) => outbox.disconnect_reason().unwrap_or(ended),
    };
    if ended == DisconnectReason::PlainText {
        turn_away(outbox, hint(outbox, ports).as_bytes());
    } else if let DisconnectReason::OtherProtocol(protocol) = &ended {
        turn_away(outbox, &protocol.answer(page(&heard).as_deref()));
    }
    outbox.lingering_close(&ended);
    Err(ended)
}

/// Puts the bytes that show another protocol into `heard`.
fn exchange(outbox: &Outbox, deadline: Instant, heard: &mut Vec<u8>) -> Result<(), DisconnectReason> {
    let lost = |error: io::Error| DisconnectReason::Reset(error.kind());
    let mut stream = outbox.stream();
    let mut buffer = vec![0; READ];
    let mut peer = Peer::Silent;
    loop {
        if let Some(ended) = outbox.disconnect_reason() {
            return Err(ended);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(match peer {
                Peer::Plain(_) => DisconnectReason::PlainText,
                Peer::Silent | Peer::Tls => DisconnectReason::HandshakeTimeout,
            });
        }
        stream.set_read_timeout(Some(left)).map_err(lost)?;
        let read = stream.read(&mut buffer);
        outbox.note_received(*read.as_ref().unwrap_or(&0));
        let chunk = match read {
            Ok(0) => {
                return Err(match peer {
                    Peer::Plain(mut first) => not_tls(first.finish()),
                    Peer::Silent | Peer::Tls => DisconnectReason::PeerClosed,
                });
            }
            Ok(count) => &buffer[..count],
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => continue,
                _ => return Err(lost(error)),
            },
        };
        if matches!(peer, Peer::Silent) {
            peer = if is_text_byte(chunk[0]) { Peer::Plain(FirstBytes::new()) } else { Peer::Tls };
        }
        match &mut peer {
            Peer::Plain(first) => match first.feed(chunk) {
                Verdict::Undecided => {}
                verdict @ (Verdict::Person | Verdict::OtherProtocol(_)) => {
                    heard.extend_from_slice(chunk);
                    return Err(not_tls(verdict));
                }
            },
            Peer::Silent | Peer::Tls => match outbox.shake_hands(chunk).map_err(|error| refused(outbox, &error))? {
                Progress::ShakingHands => {}
                // The session says goodbye to a peer that closes at once.
                Progress::Open | Progress::Closed => return stream.set_read_timeout(None).map_err(lost),
            },
        }
    }
}

/// What the peer's first bytes have shown.
enum Peer {
    /// Nothing has arrived yet.
    Silent,
    /// It has sent text, which another protocol may begin with as well.
    Plain(FirstBytes),
    /// It has sent something that only TLS can begin with.
    Tls,
}

fn refused(outbox: &Outbox, error: &TlsError) -> DisconnectReason {
    log::info!("client {}: TLS: {}", outbox.id(), escape_for_log(&error.to_string()));
    DisconnectReason::Tls
}

fn not_tls(verdict: Verdict) -> DisconnectReason {
    match verdict {
        Verdict::OtherProtocol(protocol) => DisconnectReason::OtherProtocol(protocol),
        Verdict::Person | Verdict::Undecided => DisconnectReason::PlainText,
    }
}

/// The hint for a user who connects with telnet or nc.
fn hint(outbox: &Outbox, ports: Ports) -> String {
    let port = outbox.stream().local_addr().map_or_else(|_| "PORT".to_owned(), |address| address.port().to_string());
    let plain = ports.plain.map_or_else(String::new, |plain| format!(", or telnet to port {plain}"));
    format!("! This port speaks TLS: try openssl s_client -quiet -connect HOST:{port}{plain}.\r\n")
}

fn turn_away(outbox: &Outbox, answer: &[u8]) {
    outbox.set_codec(Codec::default());
    outbox.answer_raw(answer);
    outbox.flush();
}
