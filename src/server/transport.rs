//! What a listener's connections are wrapped in, and what is told to those who come in by the wrong one.
//!
//! It exists in every build, so that the rest of the server asks one question only.
//!
//! *Owns* the way from a connection just accepted to one on which something can be said; the words for the wrong door.
//! *Knows nothing of* what is said then.
//! *Called by* `server` and `server::accept`.

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

/// What the bytes of a listener's connections are wrapped in.
#[derive(Clone)]
pub(super) enum Transport {
    /// Nothing.
    Plain,
    /// TLS, with the certificate in force at the moment.
    #[cfg(feature = "tls")]
    Tls(Arc<Certificate>),
}

/// Where a connection comes in. Shared with the connections' threads, on whose stacks it would take room.
pub(super) struct Entrance {
    pub(super) door: Door,
    pub(super) transport: Transport,
    pub(super) ports: Ports,
}

/// Every listener there is to be, with what its connections are wrapped in. The certificate is read, or made, here.
pub(super) fn plan(config: &Config) -> Result<Vec<(Door, Transport, SocketAddr)>, StartError> {
    let doors = [(Door::Plain, &config.listen), (Door::Quick, &config.quick_listen)];
    let all = doors.into_iter().flat_map(|(door, list)| list.iter().map(move |address| (door, *address)));
    #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "no more listeners without the feature"))]
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
    /// Whether everybody on the way can read what is said.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Transport::Plain)
    }

    /// How the listener is called where it has no other name.
    pub(super) fn name(&self, door: Door) -> &'static str {
        match (self, door) {
            #[cfg(feature = "tls")]
            (Transport::Tls(_), _) => "tls",
            (Transport::Plain, Door::Plain) => "telnet, nc",
            (Transport::Plain, Door::Quick) => "quick",
        }
    }

    /// By what a client can know the server, printed at start.
    pub(super) fn fingerprint(&self) -> Option<String> {
        match self {
            Transport::Plain => None,
            #[cfg(feature = "tls")]
            Transport::Tls(certificate) => Some(certificate.fingerprint()),
        }
    }

    /// Says in the log what an admin has to know of the certificate at a time.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "there is no certificate"))]
    pub(super) fn warn(&self, now: Timestamp) {
        match self {
            Transport::Plain => {}
            #[cfg(feature = "tls")]
            Transport::Tls(certificate) => certificate.warnings(now).iter().for_each(|warning| log::warn!("{warning}")),
        }
    }

    /// Takes the certificate of another configuration for the connections to come. One that cannot be used leaves the old
    /// one in force, in the configuration too.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "there is no certificate"))]
    pub(super) fn reload(&self, old: &Config, new: &mut Config) {
        match self {
            Transport::Plain => {}
            #[cfg(feature = "tls")]
            Transport::Tls(certificate) => match certificate.reload(new) {
                Ok(()) => {
                    log::info!("certificate SHA-256 {}", certificate.fingerprint());
                    self.warn(Timestamp::now());
                }
                Err(error) => {
                    log::error!("the certificate stays as it was: {error}");
                    new.tls.certificate.clone_from(&old.tls.certificate);
                    new.tls.key.clone_from(&old.tls.key);
                }
            },
        }
    }

    /// A line for somebody who is not let in, as it can be said at once: without a handshake TLS knows only alerts.
    pub(super) fn refusal(&self, line: &str) -> Cow<'static, [u8]> {
        match self {
            Transport::Plain => format!("! {line}\r\n").into_bytes().into(),
            #[cfg(feature = "tls")]
            Transport::Tls(_) => OtherProtocol::Tls.answer().into(),
        }
    }

    /// Prepares an outbox to which nothing was written yet.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "plain is what an outbox begins with"))]
    pub(super) fn prepare(&self, outbox: &Outbox) {
        match self {
            Transport::Plain => {}
            #[cfg(feature = "tls")]
            Transport::Tls(certificate) => encrypt(outbox, certificate),
        }
    }
}

/// Not inlined: what it makes stands on the stack before it is boxed, three kilobytes and more, which would be a page for
/// every plain connection, for ever.
#[cfg(feature = "tls")]
#[inline(never)]
fn encrypt(outbox: &Outbox, certificate: &Certificate) {
    match Tls::new(certificate.settings()) {
        Ok(tls) => outbox.set_codec(Codec::Tls(Box::new(tls))),
        Err(error) => {
            log::error!("client {}: TLS: {error}", outbox.id());
            outbox.disconnect(DisconnectReason::Tls);
        }
    }
}

impl Entrance {
    /// Makes the connection one on which something can be said, or says why it will never be.
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

    /// Why somebody may not come in here without encryption, if he may not.
    pub(super) fn refuses_plain(&self, config: &Config, address: IpAddr) -> Option<String> {
        if !self.transport.is_plain() || takes_plain(config, address) {
            return None;
        }
        let remedy = self.ports.tls.map_or_else(String::new, |port| format!(": use TLS on port {port}"));
        Some(format!("This server takes no unencrypted connection from your address{remedy}."))
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
    fn with_loopback_only_this_machine_comes_in_unencrypted_and_others_are_told_the_way() {
        let ports = Ports { plain: Some(5555), tls: Some(5556) };
        for address in ["127.0.0.1", "127.8.9.10", "::1"] {
            assert_eq!(refused(Plain::Loopback, ports, address), None, "{address}");
        }
        for address in ["192.0.2.1", "2001:db8::1"] {
            assert_eq!(refused(Plain::Anywhere, ports, address), None, "{address}");
            assert_eq!(
                refused(Plain::Loopback, ports, address).as_deref(),
                Some("This server takes no unencrypted connection from your address: use TLS on port 5556.")
            );
        }
        assert_eq!(
            refused(Plain::Loopback, Ports::default(), "192.0.2.1").as_deref(),
            Some("This server takes no unencrypted connection from your address.")
        );
        assert!(refused(Plain::Off, ports, "127.0.0.1").is_some());
    }
}
