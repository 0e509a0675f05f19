//! Settles the server, the port and the protection once, before the first login.
//!
//! | | with TLS on | then without, on |
//! | --- | --- | --- |
//! | no port | 5556 | 5555, on this machine or with `--plain` |
//! | a port | it | it, on this machine or with `--plain` |
//! | `--plain` | - | 5555, or the port |
//! | `--tls` | 5556, or the port | never |
//!
//! A server that is known with TLS is connected to without it only with `--plain`.
//!
//! *Owns* this order, and the questions about a certificate. *Knows nothing of* the bytes on the connection.

use std::fmt;
use std::net::{IpAddr, ToSocketAddrs as _};

use crate::cli::ServerAddress;
use crate::cli::connect_arguments::{ConnectOptions, PLAIN_PORT, TLS_PORT};
use crate::cli::proxy::start::{changed, known_servers, learn, look_up, read_authorities};
use crate::cli::proxy::upstream::{ConnectError, Preface, Upstream, UpstreamConnection};
use crate::cli::proxy::{Asks, ProxyError};
use crate::cli::trust::{Authorities, Expected};

/// Why the client cannot start.
#[derive(Debug)]
pub enum ConnectFailure {
    /// The user can fix it: a server that is not the known one, or is not trusted, or a wrong command line.
    Users(String),
    /// Any other reason.
    Other(String),
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectFailure::Users(why) | ConnectFailure::Other(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ConnectFailure {}

impl From<ProxyError> for ConnectFailure {
    fn from(error: ProxyError) -> ConnectFailure {
        let why = error.to_string();
        if error.is_users() { ConnectFailure::Users(why) } else { ConnectFailure::Other(why) }
    }
}

/// The settled target. Later connections are made in the same way, without questions.
#[derive(Clone, Debug)]
pub(crate) struct ConnectTarget(pub(super) Upstream);

impl ConnectTarget {
    /// The server's host and port.
    pub(crate) fn address(&self) -> &ServerAddress {
        &self.0.to
    }

    /// The certificate that is required of the server; `None` without TLS.
    pub(crate) fn expected(&self) -> Option<Expected> {
        self.0.expected.clone()
    }

    /// Connects, to the avoided address only if no other answers. The error is a sentence, and whether the server has
    /// shown another certificate.
    pub(crate) fn connect(&self, avoided: Option<IpAddr>) -> Result<UpstreamConnection, (String, bool)> {
        self.0.connect_avoiding(avoided, Preface::Nothing).map_err(|error| match &error {
            ConnectError::Unreachable(_) => (error.sentence(self.address()), false),
            ConnectError::Certificate(finding) => (self.mismatch(finding), true),
        })
    }

    fn mismatch(&self, finding: &crate::cli::trust::Finding) -> String {
        let to = self.address();
        let known = known_servers().ok();
        match (&self.0.expected, known) {
            (Some(Expected::Fingerprint(expected)), Some(file)) => match look_up(&file, to) {
                Ok(Some(known)) if known.fingerprint == *expected => changed(to, &known, finding, &file),
                _ => format!(
                    "! {to} shows certificate SHA-256 {}, and not the given one.\n! Nothing was sent.",
                    finding.fingerprint
                ),
            },
            _ => format!(
                "! No authority vouches for {to}, which shows certificate SHA-256 {}.\n! Nothing was sent.",
                finding.fingerprint
            ),
        }
    }
}

/// Settles how to reach the server, and connects.
///
/// # Errors
///
/// The server cannot be reached, or is not trusted. Nothing was sent to it.
pub(crate) fn settle(
    options: &ConnectOptions,
    host: &str,
    asks: &mut dyn Asks,
) -> Result<(ConnectTarget, UpstreamConnection), ConnectFailure> {
    let at = |port| ServerAddress { host: host.to_owned(), port };
    let secure = at(options.port.unwrap_or(TLS_PORT));
    let plain = at(options.port.unwrap_or(PLAIN_PORT));
    if options.plain {
        return without_tls(plain);
    }
    let why = match with_tls(options, &secure, asks)? {
        Ok(connected) => return Ok(connected),
        Err(why) => why,
    };
    let may_be_plain = !options.tls && options.fingerprint.is_none() && options.authority.is_none();
    if !may_be_plain || !is_local(host) {
        let hint = if options.tls { "" } else { " Use --plain to connect without TLS." };
        return Err(ConnectFailure::Other(format!("{why}{hint}")));
    }
    let is_known = known_servers().ok().and_then(|file| look_up(&file, &secure).ok().flatten()).is_some();
    if is_known {
        return Err(ConnectFailure::Users(format!("{why} It is known with TLS; use --plain to connect without it.")));
    }
    let connected = without_tls(plain).map_err(|_| ConnectFailure::Other(why))?;
    // The name may have resolved to another address this time.
    match connected.1.stream.peer_addr() {
        Ok(address) if address.ip().to_canonical().is_loopback() => Ok(connected),
        Ok(_) | Err(_) => {
            Err(ConnectFailure::Other(format!("{host} is not this machine; use --plain to connect without TLS.")))
        }
    }
}

/// Whether all addresses of a host are loopback addresses.
fn is_local(host: &str) -> bool {
    let loopback = |address: IpAddr| address.to_canonical().is_loopback();
    match host.parse::<IpAddr>() {
        Ok(address) => loopback(address),
        Err(_) => (host, 0).to_socket_addrs().is_ok_and(|mut found| found.all(|address| loopback(address.ip()))),
    }
}

fn without_tls(to: ServerAddress) -> Result<(ConnectTarget, UpstreamConnection), ConnectFailure> {
    let target = ConnectTarget(Upstream { to, expected: None });
    let connection = target.connect(None).map_err(|(why, _)| ConnectFailure::Other(why))?;
    Ok((target, connection))
}

type TlsAttempt = Result<(ConnectTarget, UpstreamConnection), String>;

/// Connects with TLS. The inner error means that the server has no TLS.
fn with_tls(options: &ConnectOptions, to: &ServerAddress, asks: &mut dyn Asks) -> Result<TlsAttempt, ConnectFailure> {
    let expected = match (&options.fingerprint, &options.authority) {
        (Some(fingerprint), _) => Expected::Fingerprint(*fingerprint),
        (None, Some(file)) => read_authorities(file)?,
        (None, None) => {
            let file = known_servers()?;
            match look_up(&file, to)? {
                Some(known) => Expected::Fingerprint(known.fingerprint),
                None => {
                    let unknown =
                        Upstream { to: to.clone(), expected: Some(Expected::Nothing(Authorities::of_the_system())) };
                    match unknown.connect(Preface::Nothing) {
                        Err(ConnectError::Certificate(finding)) => learn(to, &finding, &file, asks)?,
                        Err(error @ ConnectError::Unreachable(_)) => return Ok(Err(error.sentence(to))),
                        // The handshake cannot succeed without a certificate.
                        Ok(_) => return Ok(Err(format!("{to} has shown no certificate."))),
                    }
                }
            }
        }
    };
    let target = ConnectTarget(Upstream { to: to.clone(), expected: Some(expected) });
    match target.connect(None) {
        Ok(connection) => Ok(Ok((target, connection))),
        Err((why, false)) => Ok(Err(why)),
        Err((why, true)) => Err(ConnectFailure::Users(why)),
    }
}
