//! Listen addresses, as written in the config file and after `--listen`.
//!
//! *Owns* their notation, and whether two of them conflict.
//! *Knows nothing of* sockets. Host names are never looked up, so that reading a config never waits for the network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Reads `ADDRESS:PORT`, as in `0.0.0.0:5555` or `[::]:5555`; `localhost` is 127.0.0.1. Port 0 picks a free port.
///
/// # Errors
///
/// What is wrong with the text, and how to write it.
pub(crate) fn parse_address(text: &str) -> Result<SocketAddr, AddressError> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return check(address);
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(AddressError::Unbracketed(text.to_owned()));
    }
    if text.parse::<IpAddr>().is_ok() || text.eq_ignore_ascii_case("localhost") {
        return Err(AddressError::NoPort(text.to_owned()));
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
        && inner.parse::<Ipv6Addr>().is_ok()
    {
        return Err(AddressError::NoPort(text.to_owned()));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddressError::Unreadable);
    }
    let Ok(port) = port.parse::<u16>() else {
        return Err(AddressError::PortTooLarge);
    };
    match host {
        "" | "*" => Err(AddressError::NoHost(port)),
        _ if host.eq_ignore_ascii_case("localhost") => Ok((Ipv4Addr::LOCALHOST, port).into()),
        _ if is_link_local(host) => Err(AddressError::NoInterface),
        _ if host.contains(':') => Err(AddressError::Unreadable),
        _ => Err(AddressError::Name(port)),
    }
}

/// Whether a host is a link-local address with the name of an interface. The name is not looked up.
fn is_link_local(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|rest| rest.split_once('%'));
    address.is_some_and(|(address, _)| address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_unicast_link_local()))
}

/// Refuses addresses that no client can connect to.
fn check(address: SocketAddr) -> Result<SocketAddr, AddressError> {
    match address {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0 => Err(AddressError::NoInterface),
        _ if address.ip().is_multicast() || address.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) => {
            Err(AddressError::ManyMachines(address.port()))
        }
        _ => Ok(address),
    }
}

/// Why a text is not a listen address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AddressError {
    /// An address without a port; holds the text.
    NoPort(String),
    /// An IPv6 address without brackets, where a port could not be told apart; holds the text.
    Unbracketed(String),
    /// A port without an address.
    NoHost(u16),
    /// A link-local IPv6 address (RFC 4007, section 6) without the interface it belongs to.
    NoInterface,
    /// A multicast or broadcast address, before this port.
    ManyMachines(u16),
    /// A port over 65535.
    PortTooLarge,
    /// A host name, or a mistyped IPv4 address, before this port.
    Name(u16),
    /// Anything else.
    Unreadable,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPort(text) => write!(f, "the port is missing; write {text}:5555"),
            Self::Unbracketed(text) => {
                write!(f, "an IPv6 address needs brackets and a port; write [{text}]:5555")
            }
            Self::NoHost(port) => write!(
                f,
                "the address is missing; write 0.0.0.0:{port} for every IPv4 address or 127.0.0.1:{port} for this machine only"
            ),
            Self::NoInterface => f.write_str(
                "a link-local address needs the number of its interface, which `ip link` shows; write [fe80::1%2]:5555",
            ),
            Self::ManyMachines(port) => write!(
                f,
                "nobody can connect to a multicast or broadcast address; write 0.0.0.0:{port} for every IPv4 address"
            ),
            Self::PortTooLarge => f.write_str("a port must be 0 to 65535"),
            Self::Name(port) => write!(
                f,
                "write a numeric address; 0.0.0.0:{port} is every IPv4 address of this machine, [::]:{port} every IPv6 one"
            ),
            Self::Unreadable => f.write_str("write an address and a port, as in 0.0.0.0:5555 or [::]:5555"),
        }
    }
}

impl std::error::Error for AddressError {}

/// Whether one machine cannot listen on both: they have the same port, and the same address or one of them all
/// addresses of the family.
///
/// Port 0 never clashes, since each use picks another free port. Nor do two families: whether `[::]` includes IPv4 depends
/// on the system.
#[must_use]
pub(crate) fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let overlap = one.ip() == other.ip()
        || (one.is_ipv4() == other.is_ipv4() && (one.ip().is_unspecified() || other.ip().is_unspecified()));
    one.port() != 0 && one.port() == other.port() && overlap
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_a_port_are_read() {
        for text in ["0.0.0.0:5555", "127.0.0.1:0", "[::]:5555", "[::1]:2323", "[fe80::1%2]:5555"] {
            assert_eq!(parse_address(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn localhost_is_the_loopback_address_without_a_lookup() {
        assert_eq!(parse_address("localhost:5555").unwrap().to_string(), "127.0.0.1:5555");
        assert_eq!(parse_address("LocalHost:0").unwrap().to_string(), "127.0.0.1:0");
    }

    #[test]
    fn every_mistake_names_the_remedy() {
        for (text, remedy) in [
            ("5555", "write 0.0.0.0:5555"),
            (":5555", "write 0.0.0.0:5555"),
            ("*:5555", "write 0.0.0.0:5555"),
            ("0.0.0.0", "write 0.0.0.0:5555"),
            ("224.0.0.1:80", "write 0.0.0.0:80"),
            ("255.255.255.255:80", "write 0.0.0.0:80"),
            ("[ff02::1]:80", "write 0.0.0.0:80"),
            ("[fe80::1]:80", "write [fe80::1%2]:5555"),
            ("[fe80::1%eth0]:80", "write [fe80::1%2]:5555"),
            ("localhost", "write localhost:5555"),
            ("::1", "write [::1]:5555"),
            ("[::1]", "write [::1]:5555"),
            ("::", "write [::]:5555"),
            ("0.0.0.0:65536", "0 to 65535"),
            ("70000", "0 to 65535"),
            ("chat.example.org:5555", "0.0.0.0:5555 is every"),
            ("0.0.0:5555", "0.0.0.0:5555 is every"),
            ("", "as in 0.0.0.0:5555"),
            ("0.0.0.0:", "as in 0.0.0.0:5555"),
            ("0.0.0.0:telnet", "as in 0.0.0.0:5555"),
            ("http://0.0.0.0:80", "as in 0.0.0.0:5555"),
            ("[::1:5555", "as in 0.0.0.0:5555"),
        ] {
            let said = parse_address(text).unwrap_err().to_string();
            assert!(said.contains(remedy), "{text:?} said {said:?}");
        }
    }

    #[test]
    fn only_addresses_that_cannot_both_be_listened_on_clash() {
        let clash = |one: &str, other: &str| {
            let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(clash(one, other), clash(other, one));
            clash(one, other)
        };
        assert!(clash("127.0.0.1:5555", "127.0.0.1:5555"));
        assert!(clash("0.0.0.0:5555", "127.0.0.1:5555"));
        assert!(clash("[::]:5555", "[::1]:5555"));
        assert!(!clash("127.0.0.1:0", "127.0.0.1:0"));
        assert!(!clash("127.0.0.1:5555", "127.0.0.2:5555"));
        assert!(!clash("0.0.0.0:5555", "0.0.0.0:2323"));
        assert!(!clash("0.0.0.0:5555", "[::]:5555"));
    }
}
