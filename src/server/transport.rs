//! The transport of a listener, plain or TLS, and the refusal for clients on the wrong listener.
//!
//! It exists in every build, so that the rest of the server does not depend on the feature `tls`.
//!
//! *Owns* making a connection ready for its session; the texts for a client on the wrong listener.
//! *Knows nothing of* the session, and of HTTP beyond that it comes first on some listeners.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

#[cfg(feature = "tls")]
use super::certificate::Certificate;
use super::error::{PLAIN, StartError};
#[cfg(feature = "tls")]
use super::handshake;
use super::ports::Ports;
use super::turned_away::TurnedAway;
use crate::config::Config;
use crate::hub::Hub;
use crate::metrics::ListenerKind;
use crate::outbox::{DisconnectReason, Outbox};
#[cfg(feature = "web")]
use crate::protocol::http;
#[cfg(feature = "json")]
use crate::protocol::json::{Object, Value};
use crate::protocol::wire::Codec;
#[cfg(feature = "tls")]
use crate::protocol::wire::{OtherProtocol, Tls};
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

/// What a listener's clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// What the session of this door expects, from the first byte.
    Session(Door),
    /// The same as for [`Door::Plain`], after the header of a proxy.
    Proxied,
    /// Files between users, in lines or as HTTP.
    Files,
    /// HTTP, with which a WebSocket begins too.
    #[cfg(feature = "web")]
    Web,
}

impl Service {
    /// Whether a client of this service can use a listener of the other one.
    pub(super) fn is_alike(self, other: Service) -> bool {
        match self {
            #[cfg(feature = "json")]
            Service::Session(Door::Json) => other == self,
            Service::Session(Door::Plain | Door::Quick) | Service::Proxied => {
                matches!(other, Service::Session(Door::Plain | Door::Quick))
            }
            Service::Files => other == Service::Files,
            #[cfg(feature = "web")]
            Service::Web => other == Service::Web,
        }
    }
}

/// The listener that a connection came in through. Shared with the connections' threads, to save room on their stacks.
pub(super) struct Entrance {
    pub(super) service: Service,
    pub(super) transport: Transport,
    pub(super) ports: Ports,
}

/// Lists the configured listeners with their transports. Reads the certificate, or makes it.
pub(super) fn plan(config: &Config) -> Result<Vec<(Service, Transport, SocketAddr)>, StartError> {
    let services = [
        (Service::Session(Door::Plain), &config.listen),
        (Service::Session(Door::Quick), &config.quick_listen),
        #[cfg(feature = "web")]
        (Service::Web, &config.web.listen),
        #[cfg(feature = "json")]
        (Service::Session(Door::Json), &config.json.listen),
        (Service::Proxied, &config.proxy.listen),
        (Service::Files, &config.files.listen),
    ];
    let all = services.into_iter().flat_map(|(service, list)| list.iter().map(move |address| (service, *address)));
    #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "only the feature adds listeners"))]
    let mut all: Vec<_> = all.map(|(service, address)| (service, Transport::Plain, address)).collect();
    #[cfg(feature = "tls")]
    if needs_certificate(config) {
        let certificate = Arc::new(Certificate::open(config).map_err(StartError::Certificate)?);
        let services = [
            (Service::Session(Door::Plain), &config.tls.listen),
            #[cfg(feature = "web")]
            (Service::Web, &config.web.tls_listen),
            #[cfg(feature = "json")]
            (Service::Session(Door::Json), &config.json.tls_listen),
            (Service::Proxied, &config.proxy.tls_listen),
            (Service::Files, &config.files.tls_listen),
        ];
        for (service, list) in services {
            all.extend(list.iter().map(|address| (service, Transport::Tls(Arc::clone(&certificate)), *address)));
        }
    }
    Ok(all)
}

/// Whether there are listeners with TLS.
#[cfg(feature = "tls")]
pub(super) fn needs_certificate(config: &Config) -> bool {
    #[cfg(feature = "json")]
    if !config.json.tls_listen.is_empty() {
        return true;
    }
    #[cfg(feature = "web")]
    if !config.web.tls_listen.is_empty() {
        return true;
    }
    [&config.tls.listen, &config.proxy.tls_listen, &config.files.tls_listen].iter().any(|list| !list.is_empty())
}

/// SHA-256 of the certificate that the server of this configuration would show, if it exists already.
#[cfg(feature = "discovery")]
#[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "there is no certificate"))]
pub(super) fn existing_fingerprint(config: &Config) -> Option<String> {
    #[cfg(feature = "tls")]
    if needs_certificate(config) {
        return Certificate::existing_fingerprint(config);
    }
    None
}

impl Transport {
    /// Whether the connection is unencrypted.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Transport::Plain)
    }

    /// The name of the listener, printed at the start.
    pub(super) fn name(&self, service: Service) -> &'static str {
        match (self, service) {
            #[cfg(all(feature = "tls", feature = "json"))]
            (Transport::Tls(_), Service::Session(Door::Json)) => "json, tls",
            #[cfg(all(feature = "tls", feature = "web"))]
            (Transport::Tls(_), Service::Web) => "web, tls",
            #[cfg(feature = "tls")]
            (Transport::Tls(_), Service::Session(Door::Plain | Door::Quick)) => "tls",
            #[cfg(feature = "tls")]
            (Transport::Tls(_), Service::Proxied) => "proxy, tls",
            (Transport::Plain, Service::Proxied) => "proxy",
            (Transport::Plain, Service::Session(Door::Plain)) => PLAIN,
            (Transport::Plain, Service::Session(Door::Quick)) => "quick",
            #[cfg(feature = "json")]
            (Transport::Plain, Service::Session(Door::Json)) => "json",
            #[cfg(feature = "web")]
            (Transport::Plain, Service::Web) => "web",
            (Transport::Plain, Service::Files) => "files",
            #[cfg(feature = "tls")]
            (Transport::Tls(_), Service::Files) => "files, tls",
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

    /// SHA-256 of the server's public key in base 64, by which curl can verify the server.
    pub(super) fn pin(&self) -> Option<String> {
        match self {
            Transport::Plain => None,
            #[cfg(feature = "tls")]
            Transport::Tls(certificate) => certificate.pin(),
        }
    }

    /// The codec of a new connection without an outbox. `None` if TLS cannot be set up, which is logged.
    pub(super) fn codec(&self) -> Option<Codec> {
        match self {
            Transport::Plain => Some(Codec::default()),
            #[cfg(feature = "tls")]
            Transport::Tls(certificate) => match Tls::new(certificate.settings()) {
                Ok(tls) => Some(Codec::over_tls(tls)),
                Err(error) => {
                    log::error!("TLS: {error}");
                    None
                }
            },
        }
    }

    /// Warnings for the admin about the certificate: one sentence each, without a full stop.
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

    /// Sets the codec of a new outbox.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "an outbox begins plain"))]
    pub(super) fn prepare(&self, outbox: &Outbox) {
        match self {
            Transport::Plain => {}
            #[cfg(feature = "tls")]
            Transport::Tls(certificate) => encrypt(outbox, certificate),
        }
    }
}

/// A refusal to a program that expects JSON.
#[cfg(feature = "json")]
fn refusal_of_json(why: &TurnedAway) -> Cow<'static, [u8]> {
    let mut answer = Vec::new();
    let mut object = Object { content: why.to_string().into(), ..Object::new("bye", Timestamp::now()) };
    object.optional.push(("again", Value::Flag(!why.is_for_good())));
    object.write(&mut answer);
    answer.into()
}

/// A refusal to a client that expects HTTP.
#[cfg(feature = "web")]
fn refusal_of_web(why: &TurnedAway) -> Cow<'static, [u8]> {
    let mut answer = Vec::new();
    http::write_refusal(&http::HttpRefusal::from(why), http::Method::Get, &mut answer);
    answer.into()
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
    /// The name of the listener, printed at the start.
    pub(super) fn name(&self) -> &'static str {
        self.transport.name(self.service)
    }

    /// The label under which the metrics count its connections.
    pub(super) fn kind(&self) -> ListenerKind {
        match self.service {
            #[cfg(feature = "json")]
            Service::Session(Door::Json) => ListenerKind::Json,
            Service::Session(Door::Plain | Door::Quick) if !self.transport.is_plain() => ListenerKind::Tls,
            Service::Session(Door::Plain) => ListenerKind::Telnet,
            Service::Session(Door::Quick) => ListenerKind::Quick,
            Service::Proxied => ListenerKind::Proxy,
            Service::Files => ListenerKind::Files,
            #[cfg(feature = "web")]
            Service::Web => ListenerKind::Web,
        }
    }

    /// The bytes that refuse a connection at once. Without a handshake, TLS can only send an alert.
    pub(super) fn refusal(&self, why: &TurnedAway) -> Cow<'static, [u8]> {
        let in_text = || format!("! {why}\r\n").into_bytes().into();
        match &self.transport {
            Transport::Plain => match self.service {
                #[cfg(feature = "json")]
                Service::Session(Door::Json) => refusal_of_json(why),
                Service::Session(Door::Plain | Door::Quick) | Service::Proxied | Service::Files => in_text(),
                #[cfg(feature = "web")]
                Service::Web => refusal_of_web(why),
            },
            #[cfg(feature = "tls")]
            // TLS begins after the header of a proxy, and there was none.
            Transport::Tls(_) if *why == TurnedAway::NotAProxy => in_text(),
            #[cfg(feature = "tls")]
            Transport::Tls(_) => OtherProtocol::Tls.answer(None),
        }
    }

    /// Performs the TLS handshake, if the listener has TLS.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "a plain connection is ready at once"))]
    pub(super) fn shake_hands(
        &self,
        outbox: &Outbox,
        hub: &Hub,
        address: IpAddr,
        deadline: Instant,
    ) -> Result<(), DisconnectReason> {
        match self.transport {
            Transport::Plain => Ok(()),
            #[cfg(feature = "tls")]
            Transport::Tls(_) => {
                let ports = self.ports.open_to(&hub.config(), address);
                let page = |heard: &[u8]| hub.page_address(heard, outbox.stream().local_addr().ok());
                handshake::shake_hands(outbox, ports, &page, deadline)
            }
        }
    }

    /// The refusal, if a client at this address may not connect here without encryption.
    pub(super) fn refuses_plain(&self, config: &Config, address: IpAddr) -> Option<TurnedAway> {
        if !self.transport.is_plain() || config.takes_plain(address) {
            return None;
        }
        Some(TurnedAway::NeedsTls(self.ports.tls))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Plain;

    fn refused(plain: Plain, ports: Ports, address: &str) -> Option<String> {
        let entrance = Entrance { service: Service::Session(Door::Plain), transport: Transport::Plain, ports };
        let config = Config { plain, ..Config::default() };
        entrance.refuses_plain(&config, address.parse().unwrap()).map(|why| why.to_string())
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
