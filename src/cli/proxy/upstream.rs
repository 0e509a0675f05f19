//! The connection to the server: TCP, the PROXY header, and the TLS handshake.
//!
//! *Owns* the deadline for all of them, and the sentence for each failure. *Knows nothing of* clients beyond their
//! addresses.

#[cfg(feature = "tls")]
use std::io::Read as _;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

#[cfg(feature = "tls")]
use rustls::pki_types::ServerName;

use crate::cli::ServerAddress;
#[cfg(feature = "tls")]
use crate::cli::trust::{Expected, Finding, Verifier};
use crate::protocol::proxy::{self, Source};
use crate::protocol::wire::Codec;
#[cfg(feature = "tls")]
use crate::protocol::wire::{Progress, Tls, TlsError, is_text_byte};
use crate::server::set_options;
#[cfg(feature = "tls")]
use crate::text::escape_for_log;

/// How long connecting may take, including the TLS handshake. A user waits for it in front of an empty screen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes read at a time during the handshake. A server's flight has one to four thousand.
#[cfg(feature = "tls")]
const READ: usize = 4096;

/// The server, and the check of its identity.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Upstream {
    pub(in crate::cli) to: ServerAddress,
    /// `None`: no TLS.
    #[cfg(feature = "tls")]
    pub(in crate::cli) expected: Option<Expected>,
}

/// The PROXY header to send first, if any.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) enum Preface {
    Nothing,
    /// A PROXY header without a client (LOCAL).
    #[cfg(feature = "tls")]
    Own,
    /// A PROXY header for a client: its address, and the address that it has connected to.
    For(SocketAddr, SocketAddr),
}

/// An open connection to the server, before the first of the client's bytes.
pub(in crate::cli) struct UpstreamConnection {
    pub(in crate::cli) stream: TcpStream,
    pub(in crate::cli) codec: Codec,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum ConnectError {
    /// The server cannot be reached: the reason, as a clause.
    Unreachable(String),
    /// The server has shown another certificate than the accepted one.
    #[cfg(feature = "tls")]
    Certificate(Finding),
}

impl ConnectError {
    /// The sentence for the client.
    pub(in crate::cli) fn sentence(&self, to: &ServerAddress) -> String {
        match self {
            ConnectError::Unreachable(why) => format!("{to} cannot be reached: {why}."),
            #[cfg(feature = "tls")]
            ConnectError::Certificate(_) => {
                format!("{to} has shown another certificate than the one known. You were not connected.")
            }
        }
    }
}

impl From<io::Error> for ConnectError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "the enum is not ours, and grows")]
    fn from(error: io::Error) -> ConnectError {
        ConnectError::Unreachable(match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer in time".to_owned(),
            io::ErrorKind::Other => error.to_string(),
            // The system's text, without the error number.
            kind => kind.to_string(),
        })
    }
}

/// The addresses in the system's order, with the avoided address last.
fn in_turn(found: impl Iterator<Item = SocketAddr>, avoided: Option<IpAddr>) -> Vec<SocketAddr> {
    let mut addresses: Vec<_> = found.collect();
    // The sort is stable: the others stay in order.
    addresses.sort_by_key(|address| Some(address.ip()) == avoided);
    addresses
}

impl Upstream {
    /// Connects to the server. The preface is sent before TLS.
    pub(in crate::cli) fn connect(&self, preface: Preface) -> Result<UpstreamConnection, ConnectError> {
        self.connect_avoiding(None, preface)
    }

    /// The same, but tries the avoided one of the host's addresses last.
    pub(in crate::cli) fn connect_avoiding(
        &self,
        avoided: Option<IpAddr>,
        preface: Preface,
    ) -> Result<UpstreamConnection, ConnectError> {
        let deadline = Instant::now() + PATIENCE;
        let stream = self.reach(avoided, deadline)?;
        set_options(&stream);
        let header = header(preface, stream.peer_addr()?);
        stream.set_write_timeout(Some(PATIENCE))?;
        #[cfg(feature = "tls")]
        let codec = match &self.expected {
            Some(expected) => self.shake_hands(&stream, expected, header, deadline)?,
            None => plain(&stream, &header)?,
        };
        #[cfg(not(feature = "tls"))]
        let codec = plain(&stream, &header)?;
        stream.set_read_timeout(None)?;
        stream.set_write_timeout(None)?;
        Ok(UpstreamConnection { stream, codec })
    }

    /// Tries the server's addresses in turn. Each gets an equal share of the remaining time.
    fn reach(&self, avoided: Option<IpAddr>, deadline: Instant) -> Result<TcpStream, ConnectError> {
        let unknown = || ConnectError::Unreachable("its name is not known here".to_owned());
        let found = (self.to.host.as_str(), self.to.port).to_socket_addrs().map_err(|_| unknown())?;
        let addresses = in_turn(found, avoided);
        let mut last = unknown();
        for (address, left_to_try) in addresses.iter().zip((1..=addresses.len()).rev()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            match TcpStream::connect_timeout(address, left / u32::try_from(left_to_try).unwrap_or(u32::MAX)) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }

    #[cfg(feature = "tls")]
    fn shake_hands(
        &self,
        mut stream: &TcpStream,
        expected: &Expected,
        mut header: Vec<u8>,
        deadline: Instant,
    ) -> Result<Codec, ConnectError> {
        let verifier = Verifier::new(expected.clone());
        let in_words = |error: &dyn std::fmt::Display| ConnectError::Unreachable(format!("TLS: {error}"));
        let name = ServerName::try_from(self.to.host.clone()).map_err(|error| in_words(&error))?;
        let settings = verifier.settings().map_err(|error| in_words(&error))?;
        let (mut tls, hello) = Tls::connect(settings, name).map_err(|error| in_words(&error))?;
        // The header goes before TLS, in the same write.
        header.extend(hello);
        stream.write_all(&header)?;
        let mut buffer = vec![0; READ];
        let mut heard = false;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::from(io::ErrorKind::TimedOut).into());
            }
            stream.set_read_timeout(Some(left))?;
            let chunk = match stream.read(&mut buffer) {
                Ok(0) => return Err(ConnectError::Unreachable("it has closed the connection".to_owned())),
                Ok(count) => &buffer[..count],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if !std::mem::replace(&mut heard, true) && is_text_byte(chunk[0]) {
                return Err(ConnectError::Unreachable(no_tls(chunk)));
            }
            let mut answer = Vec::new();
            let progress = tls.shake_hands(chunk, &mut answer);
            let written = stream.write_all(&answer);
            match progress {
                Ok(Progress::ShakingHands) => written?,
                Ok(Progress::Open | Progress::Closed) => {
                    written?;
                    return Ok(Codec::over_tls(tls));
                }
                Err(error) => return Err(refused(&verifier, &error)),
            }
        }
    }
}

/// Why the handshake failed: because of the certificate, or for another reason.
#[cfg(feature = "tls")]
fn refused(verifier: &Verifier, error: &TlsError) -> ConnectError {
    match verifier.finding().filter(|finding| !finding.accepted) {
        Some(finding) => ConnectError::Certificate(finding),
        None => ConnectError::Unreachable(format!("TLS: {}", escape_for_log(&error.to_string()))),
    }
}

/// Describes what a server has sent instead of TLS. A chatsock server sends the reason for refusing a connection.
#[cfg(feature = "tls")]
fn no_tls(chunk: &[u8]) -> String {
    let line = chunk.split(|byte| *byte == b'\r' || *byte == b'\n').next().and_then(|line| line.strip_prefix(b"! "));
    match line {
        Some(line) => format!("it says \"{}\"", escape_for_log(&String::from_utf8_lossy(line))),
        None => "it does not speak TLS".to_owned(),
    }
}

fn plain(mut stream: &TcpStream, header: &[u8]) -> io::Result<Codec> {
    stream.write_all(header)?;
    Ok(Codec::default())
}

/// The PROXY header for a client.
///
/// A server on another machine would refuse a loopback address, which means nothing there. A client with such an
/// address is on this machine, and the connection itself has this machine's address.
fn header(preface: Preface, server: SocketAddr) -> Vec<u8> {
    match preface {
        Preface::Nothing => Vec::new(),
        #[cfg(feature = "tls")]
        Preface::Own => proxy::write(Source::Proxy, server),
        Preface::For(client, came_to) => {
            let is_local = client.ip().to_canonical().is_loopback() && !server.ip().to_canonical().is_loopback();
            proxy::write(if is_local { Source::Proxy } else { Source::Client(client) }, came_to)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::proxy::{HeaderVerdict, parse};

    fn announced(client: &str, server: &str) -> Source {
        let header =
            header(Preface::For(client.parse().unwrap(), "127.0.0.1:2323".parse().unwrap()), server.parse().unwrap());
        match parse(&header) {
            HeaderVerdict::Header(source, length) if length == header.len() => source,
            verdict => panic!("{verdict:?}"),
        }
    }

    #[test]
    fn the_avoided_address_is_tried_last() {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let found = addresses(&["[2001:db8::1]:5555", "192.0.2.1:5555", "192.0.2.2:5555"]);
        let tried = |avoided: Option<&str>| in_turn(found.iter().copied(), avoided.map(|text| text.parse().unwrap()));
        assert_eq!(tried(None), found);
        let others_first = addresses(&["192.0.2.1:5555", "192.0.2.2:5555", "[2001:db8::1]:5555"]);
        assert_eq!(tried(Some("2001:db8::1")), others_first);
        assert_eq!(tried(Some("198.51.100.1")), found);
    }

    #[test]
    fn a_client_on_this_machine_is_announced_by_its_address_only_to_a_server_on_this_machine() {
        let client = |text: &str| Source::Client(text.parse().unwrap());
        assert_eq!(announced("127.0.0.1:4242", "127.0.0.1:5565"), client("127.0.0.1:4242"));
        assert_eq!(announced("127.0.0.1:4242", "[::1]:5565"), client("127.0.0.1:4242"));
        assert_eq!(announced("127.0.0.1:4242", "192.0.2.1:5565"), Source::Proxy);
        assert_eq!(announced("[::ffff:127.0.0.1]:4242", "192.0.2.1:5565"), Source::Proxy);
        assert_eq!(announced("198.51.100.7:4242", "192.0.2.1:5565"), client("198.51.100.7:4242"));
    }
}
