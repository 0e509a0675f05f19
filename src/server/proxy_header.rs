//! The first bytes on a listener for proxies: the header that says which client the connection is for.
//!
//! *Owns* the deadline of the header, and which addresses in it are trusted.
//! *Knows nothing of* the header's form, which is pure, and of limits and bans.

use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::transport::Entrance;
use super::turned_away::TurnedAway;
use crate::metrics::SessionMetrics;
use crate::outbox::{DisconnectReason, Outbox};
use crate::protocol::proxy::{HeaderError, HeaderVerdict, Source, parse};

/// How long the header may take. A proxy sends it with the connection's first packet.
const HEADER: Duration = Duration::from_secs(5);

/// Why no session begins.
enum ProxyHeaderError {
    /// The client gets this refusal.
    Refused(TurnedAway),
    /// The connection is over, without an answer.
    Over(DisconnectReason),
}

/// Receives the header, and nothing after it. `admit` admits the client that it names.
///
/// Not inlined, so that its buffer is off the stack when the session begins.
///
/// # Errors
///
/// The client has been told why where it can be, and the socket is closed.
#[inline(never)]
pub(super) fn receive(
    outbox: &Outbox,
    entrance: &Entrance,
    proxy: SocketAddr,
    began: Instant,
    metrics: &SessionMetrics,
    admit: &mut dyn FnMut(SocketAddr) -> Result<(), TurnedAway>,
) -> Result<(), DisconnectReason> {
    let named = read_header(outbox, proxy, began + HEADER).and_then(|source| client(source, proxy));
    let ended = match named.and_then(|client| admit(client).map_err(ProxyHeaderError::Refused)) {
        Ok(()) => return Ok(()),
        Err(ProxyHeaderError::Refused(why)) => {
            log::info!("client {} from {proxy}: refused: {why}", outbox.id());
            metrics.refused.of(why.counts_as()).add(1);
            outbox.turn_away(&entrance.refusal(&why), DisconnectReason::Refused);
            DisconnectReason::Refused
        }
        Err(ProxyHeaderError::Over(ended)) => ended,
    };
    outbox.lingering_close(&ended);
    Err(outbox.disconnect_reason().unwrap_or(ended))
}

fn read_header(outbox: &Outbox, proxy: SocketAddr, deadline: Instant) -> Result<Source, ProxyHeaderError> {
    let lost = |error: io::Error| ProxyHeaderError::Over(DisconnectReason::Reset(error.kind()));
    let mut stream = outbox.stream();
    let mut header = Vec::new();
    loop {
        let needed = match parse(&header) {
            HeaderVerdict::Undecided(needed) => needed,
            HeaderVerdict::Header(source, _) => {
                stream.set_read_timeout(None).map_err(lost)?;
                return Ok(source);
            }
            HeaderVerdict::Invalid(error) => return Err(invalid(outbox, proxy, error)),
        };
        if let Some(ended) = outbox.disconnect_reason() {
            return Err(ProxyHeaderError::Over(ended));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            log::warn!("client {} from {proxy}: no PROXY header in time", outbox.id());
            return Err(ProxyHeaderError::Over(DisconnectReason::ProxyHeader));
        }
        stream.set_read_timeout(Some(left)).map_err(lost)?;
        let had = header.len();
        header.resize(had + needed, 0);
        let read = stream.read(&mut header[had..]);
        header.truncate(had + *read.as_ref().unwrap_or(&0));
        outbox.note_received(*read.as_ref().unwrap_or(&0));
        match read {
            // This is also how a health check that only connects ends.
            Ok(0) => return Err(ProxyHeaderError::Over(DisconnectReason::PeerClosed)),
            Ok(_) => {}
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {}
                _ => return Err(lost(error)),
            },
        }
    }
}

fn invalid(outbox: &Outbox, proxy: SocketAddr, error: HeaderError) -> ProxyHeaderError {
    log::warn!("client {} from {proxy}: {error}", outbox.id());
    match error {
        HeaderError::Text => ProxyHeaderError::Refused(TurnedAway::ProxyVersion1),
        HeaderError::Unix => ProxyHeaderError::Refused(TurnedAway::NoAddress),
        HeaderError::NoHeader
        | HeaderError::Version(_)
        | HeaderError::Family(_)
        | HeaderError::TooLong(_)
        | HeaderError::TooShort(_) => ProxyHeaderError::Over(DisconnectReason::ProxyHeader),
    }
}

/// The client's address, if it is trusted.
fn client(source: Source, proxy: SocketAddr) -> Result<SocketAddr, ProxyHeaderError> {
    match source {
        Source::Proxy => Ok(proxy),
        Source::Client(client) if is_believed(client.ip(), proxy.ip().to_canonical()) => Ok(client),
        Source::Client(client) => {
            log::warn!("from {proxy}: a PROXY header with the address {}", client.ip());
            Err(ProxyHeaderError::Refused(TurnedAway::NotAClient))
        }
    }
}

/// No client has an unspecified or multicast address. A loopback address is trusted only from a proxy on this machine:
/// such clients are exempt from limits, and may connect without encryption.
fn is_believed(client: IpAddr, proxy: IpAddr) -> bool {
    let is_one = !client.is_unspecified() && !client.is_multicast() && client != IpAddr::V4(Ipv4Addr::BROADCAST);
    is_one && (!client.is_loopback() || proxy.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_is_believed_only_from_this_machine() {
        let is_believed = |client: &str, proxy: &str| is_believed(client.parse().unwrap(), proxy.parse().unwrap());
        for client in ["203.0.113.7", "2001:db8::7", "10.0.0.1", "fe80::1"] {
            assert!(is_believed(client, "192.0.2.1") && is_believed(client, "::1"), "{client}");
        }
        for client in ["127.0.0.1", "127.8.9.10", "::1"] {
            assert!(!is_believed(client, "192.0.2.1"), "{client}");
            assert!(is_believed(client, "127.0.0.1"), "{client}");
        }
        for client in ["0.0.0.0", "::", "224.0.0.1", "239.1.2.3", "ff02::1", "255.255.255.255"] {
            assert!(!is_believed(client, "192.0.2.1") && !is_believed(client, "127.0.0.1"), "{client}");
        }
    }
}
