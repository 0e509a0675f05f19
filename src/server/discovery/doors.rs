//! The listeners that discovery makes known.

use std::net::{IpAddr, SocketAddr};

use crate::config::Config;
use crate::server::transport::{Service, Transport};
use crate::ui::palette::Door;

/// A kind of listener that discovery makes known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Telnet and nc.
    Plain,
    /// The same through TLS.
    Tls,
    /// The page.
    Web,
    /// The page through TLS.
    WebTls,
}

/// Where the server listens, for what, and how it proves its identity.
pub(in crate::server) struct Doors {
    open: Vec<(Way, SocketAddr)>,
    certificate: DoorCertificate,
}

/// The certificate that the doors with TLS show.
enum DoorCertificate {
    /// The one that this transport uses now, which a reload may change.
    InUse(Transport),
    /// The one with this fingerprint.
    Known(String),
    /// There is none, or it is not known.
    Unknown,
}

impl Doors {
    /// The doors among these listeners. Listeners for proxies, programs and files do not count, nor does the quick one.
    pub(in crate::server) fn new<'a>(listeners: impl Iterator<Item = (Service, &'a Transport, SocketAddr)>) -> Doors {
        let mut doors = Doors { open: Vec::new(), certificate: DoorCertificate::Unknown };
        for (service, transport, address) in listeners {
            if !transport.is_plain() {
                // All listeners with TLS share one.
                doors.certificate = DoorCertificate::InUse(transport.clone());
            }
            if let Some(way) = way(service, transport.is_plain()) {
                doors.open.push((way, address));
            }
        }
        doors
    }

    /// The doors of a server that is not running, whose certificate has this fingerprint.
    pub(super) fn planned(config: &Config, fingerprint: Option<String>) -> Doors {
        let lists = [
            (Way::Plain, &config.listen),
            (Way::Tls, &config.tls.listen),
            #[cfg(feature = "web")]
            (Way::Web, &config.web.listen),
            #[cfg(feature = "web")]
            (Way::WebTls, &config.web.tls_listen),
        ];
        let open = lists.into_iter().flat_map(|(way, list)| list.iter().map(move |address| (way, *address)));
        let certificate = fingerprint.map_or(DoorCertificate::Unknown, DoorCertificate::Known);
        Doors { open: open.collect(), certificate }
    }

    /// The port of the first door of this kind that is open at the server's address `at`.
    pub(super) fn port(&self, way: Way, at: IpAddr) -> Option<u16> {
        let mut open = self.open.iter().filter(|(other, _)| *other == way);
        open.find(|(_, address)| reaches(*address, at)).map(|(_, address)| address.port())
    }

    /// The first door of this kind that is open to more than this machine.
    pub(super) fn open_to_others(&self, way: Way) -> Option<SocketAddr> {
        let mut open = self.open.iter().filter(|(other, address)| *other == way && !address.ip().is_loopback());
        open.next().map(|(_, address)| *address)
    }

    /// SHA-256 of the certificate in use.
    pub(super) fn fingerprint(&self) -> Option<String> {
        match &self.certificate {
            DoorCertificate::InUse(transport) => transport.fingerprint(),
            DoorCertificate::Known(fingerprint) => Some(fingerprint.clone()),
            DoorCertificate::Unknown => None,
        }
    }
}

/// The kind of door that a listener is.
fn way(service: Service, is_plain: bool) -> Option<Way> {
    match service {
        Service::Session(Door::Plain) => Some(if is_plain { Way::Plain } else { Way::Tls }),
        #[cfg(feature = "web")]
        Service::Web => Some(if is_plain { Way::Web } else { Way::WebTls }),
        Service::Session(_) | Service::Proxied | Service::Files => None,
    }
}

/// Whether a connection to the server's address `at` ends at this listener. `[::]` accepts IPv4 too, unless IPv4 has a
/// listener of its own at that port.
fn reaches(listener: SocketAddr, at: IpAddr) -> bool {
    let (own, at) = (listener.ip().to_canonical(), at.to_canonical());
    own == at || (own.is_unspecified() && (own.is_ipv6() || at.is_ipv4()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doors(open: &[(Way, &str)]) -> Doors {
        let open = open.iter().map(|(way, address)| (*way, address.parse().unwrap())).collect();
        Doors { open, certificate: DoorCertificate::Unknown }
    }

    #[test]
    fn a_door_is_made_known_only_where_it_is_open() {
        let doors = doors(&[
            (Way::Plain, "127.0.0.1:1"),
            (Way::Plain, "192.168.1.5:2"),
            (Way::Tls, "0.0.0.0:3"),
            (Way::Web, "[::]:4"),
        ]);
        for (way, at, expected) in [
            (Way::Plain, "127.0.0.1", Some(1)),
            (Way::Plain, "192.168.1.5", Some(2)),
            (Way::Plain, "10.0.0.1", None),
            (Way::Plain, "fe80::1", None),
            (Way::Tls, "10.0.0.1", Some(3)),
            (Way::Tls, "fe80::1", None),
            (Way::Web, "10.0.0.1", Some(4)),
            (Way::Web, "fe80::1", Some(4)),
            (Way::WebTls, "10.0.0.1", None),
        ] {
            assert_eq!(doors.port(way, at.parse().unwrap()), expected, "{way:?} at {at}");
        }
        assert_eq!(doors.open_to_others(Way::Plain), Some("192.168.1.5:2".parse().unwrap()));
        assert_eq!(doors.open_to_others(Way::WebTls), None);
    }

    #[test]
    fn listeners_for_proxies_and_files_are_no_doors() {
        let all = [Service::Proxied, Service::Files, Service::Session(Door::Quick), Service::Session(Door::Plain)];
        let address = "0.0.0.0:5555".parse().unwrap();
        let doors = Doors::new(all.iter().map(|service| (*service, &Transport::Plain, address)));
        assert_eq!(doors.open, [(Way::Plain, address)]);
    }
}
