//! The transport of a listener, plain or TLS, and the refusal for clients on the wrong listener.
//!
//! It exists in every build, so that the rest of the server does not depend on the feature `tls`.
//!
//! *Owns* making a connection ready for its session; the texts for a client on the wrong listener.
//! *Knows nothing of* the session.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
#[cfg(feature = "tls")]
use std::sync::Arc;

use jiff::Timestamp;

#[cfg(feature = "tls")]
use super::certificate::Certificate;
use super::error::StartError;
#[cfg(feature = "tls")]
use super::handshake;
use super::ports::{Ports, takes_plain};
use crate::config::Config;
use crate::outbox::{DisconnectReason, Outbox};
#[cfg(feature = "tls")]
use crate::protocol::wire::{Codec, OtherProtocol, Tls};
use crate::ui::palette::Door;

/// How a listener's connections are encrypted.
#[derive(Clone)]
pub(super) enum Transport {
    /// Not at all.
    Plain,
    /// TLS, with the current certificate.
    #[cfg(feature = "tls")]
    Tls(Arc<Certificate>),
}

/// The listener that a connection came in by. Shared with the connections' threads, to save room on their stacks.
pub(super) struct Entrance {
    pub(super) door: Door,
    pub(super) transport: Transport,
    pub(super) ports: Ports,
}

/// Lists the configured listeners with their transports. Reads the certificate, or makes it.
pub(super) fn plan(config: &Config) -> Result<Vec<(Door, Transport, SocketAddr)>, StartError> {
    let doors = [(Door::Plain, &config.listen), (Door::Quick, &config.quick_listen)];
    let all = doors.into_iter().flat_map(|(door, list)| list.iter().map(move |address| (door, *address)));
    #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "only the feature adds listeners"))]
    let mut all: Vec<_> = all.map(|(door, address)| (door, Transport::Plain, address)).collect();
    #[cfg(feature = "tls")]
    if !config.tls.listen.is_empty() {
        let certificate = Arc::new(Certificate::open(config).map_err(StartError::Certificate)?);
        let tls = || Transport::Tls(Arc::clone(&certificate));
        all.extend(config.tls.listen.iter().map(|address| (Door::Plain, tls(), *address)));
    }
    Ok(all)
}

impl Transport {
    /// Whether the connection is unencrypted.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Transport::Plain)
    }

    /// The name of the listener, printed at the start.
    pub(super) fn name(&self, door: Door) -> &'static str {
        match (self, door) {
            #[cfg(all(feature = "tls", feature = "json"))]
            (Transport::Tls(_), Door::Json) => "json, tls",
            #[cfg(feature = "tls")]
            (Transport::Tls(_), Door::Plain | Door::Quick) => "tls",
            (Transport::Plain, Door::Plain) => "telnet, nc",
            (Transport::Plain, Door::Quick) => "quick",
            #[cfg(feature = "json")]
            (Transport::Plain, Door::Json) => "json",
        }
    }

    /// The fingerprint by which clients can verify the server, printed at the start.
    pub(super) fn fingerprint(&self) -> Option<String> {
        match self {
            Transport::Plain => None,
            #[cfg(feature = "tls")]
            Transport::Tls(certificate) => Some(certificate.fingerprint()),
        }
    }

    /// What the admin has to know about the certificate: one sentence each, without a full stop.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "there is no certificate"))]
    pub(super) fn warnings(&self, now: Timestamp) -> Vec<String> {
        match self {
            Transport::Plain => Vec::new(),
            #[cfg(feature = "tls")]
            Transport::Tls(certificate) => certificate.warnings(now),
        }
    }

    /// Loads the certificate of a new configuration, for new connections. If it cannot be used, the old one stays, and `new`
    /// is set to it.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "there is no certificate"))]
    pub(super) fn reload(&self, old: &Config, new: &mut Config) {
        match self {
            Transport::Plain => {}
            #[cfg(feature = "tls")]
            Transport::Tls(certificate) => match certificate.reload(new) {
                Ok(()) => {
                    log::info!("certificate SHA-256 {}", certificate.fingerprint());
                }
                Err(error) => {
                    log::error!("keeping the old certificate: {error}");
                    new.tls.certificate.clone_from(&old.tls.certificate);
                    new.tls.key.clone_from(&old.tls.key);
                }
            },
        }
    }

    /// The bytes that refuse a connection at once. Without a handshake, TLS can only send an alert.
    pub(super) fn refusal(&self, line: &str) -> Cow<'static, [u8]> {
        match self {
            Transport::Plain => format!("! {line}\r\n").into_bytes().into(),
            #[cfg(feature = "tls")]
            Transport::Tls(_) => OtherProtocol::Tls.answer().into(),
        }
    }

    /// Prepares a new outbox.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "an outbox begins plain"))]
    pub(super) fn prepare(&self, outbox: &Outbox) {
        match self {
            Transport::Plain => {}
            #[cfg(feature = "tls")]
            Transport::Tls(certificate) => encrypt(outbox, certificate),
        }
    }
}

/// Not inlined: the TLS state is on the stack before it is boxed, over three kilobytes. Inlined, it would cost every plain
/// connection a page for as long as it lasts.
#[cfg(feature = "tls")]
#[inline(never)]
fn encrypt(outbox: &Outbox, certificate: &Certificate) {
    match Tls::new(certificate.settings()) {
        Ok(tls) => outbox.set_codec(Codec::over_tls(tls)),
        Err(error) => {
            log::error!("client {}: TLS: {error}", outbox.id());
            outbox.disconnect(DisconnectReason::Tls);
        }
    }
}

impl Entrance {
    /// Makes the connection ready for its session.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "a plain connection is ready at once"))]
    pub(super) fn shake_hands(
        &self,
        outbox: &Outbox,
        config: &Config,
        address: IpAddr,
    ) -> Result<(), DisconnectReason> {
        match self.transport {
            Transport::Plain => Ok(()),
            #[cfg(feature = "tls")]
            Transport::Tls(_) => {
                handshake::shake_hands(outbox, self.ports.open_to(config, address), handshake::deadline())
            }
        }
    }

    /// The refusal, if a client at this address may not connect here without encryption.
    pub(super) fn refuses_plain(&self, config: &Config, address: IpAddr) -> Option<String> {
        if !self.transport.is_plain() || takes_plain(config, address) {
            return None;
        }
        let remedy = self.ports.tls.map_or_else(String::new, |port| format!(": use TLS on port {port}"));
        Some(format!("This server takes no unencrypted connections from your address{remedy}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Plain;

    fn refused(plain: Plain, ports: Ports, address: &str) -> Option<String> {
        let entrance = Entrance { door: Door::Plain, transport: Transport::Plain, ports };
        let config = Config { plain, ..Config::default() };
        entrance.refuses_plain(&config, address.parse().unwrap())
    }

    #[test]
    fn with_loopback_only_this_machine_connects_unencrypted_and_others_are_told_the_port() {
        let ports = Ports { plain: Some(5555), tls: Some(5556) };
        for address in ["127.0.0.1", "127.8.9.10", "::1"] {
            assert_eq!(refused(Plain::Loopback, ports, address), None, "{address}");
        }
        for address in ["192.0.2.1", "2001:db8::1"] {
            assert_eq!(refused(Plain::Anywhere, ports, address), None, "{address}");
            assert_eq!(
                refused(Plain::Loopback, ports, address).as_deref(),
                Some("This server takes no unencrypted connections from your address: use TLS on port 5556.")
            );
        }
        assert_eq!(
            refused(Plain::Loopback, Ports::default(), "192.0.2.1").as_deref(),
            Some("This server takes no unencrypted connections from your address.")
        );
        assert!(refused(Plain::Off, ports, "127.0.0.1").is_some());
    }
}
