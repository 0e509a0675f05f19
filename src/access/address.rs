//! Which addresses count as one.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// A client's address in its canonical form. An IPv4 client of an IPv6 listener has a mapped address (RFC 4291, section
/// 2.5.5.2), which becomes plain IPv4 again, so that the log, the limits and the bans use one name for it.
pub(crate) fn canonical(peer: SocketAddr) -> SocketAddr {
    match peer.ip().to_canonical() {
        v4 @ IpAddr::V4(_) => SocketAddr::new(v4, peer.port()),
        // Unchanged, with its scope id.
        IpAddr::V6(_) => peer,
    }
}

/// The address that limits count by: IPv4 whole, IPv6 by its /64, which is what one household gets. IPv4-mapped
/// addresses are IPv4.
pub(crate) fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The network of one customer: IPv4 whole, IPv6 by its /56. Many customers get a /56 (RFC 6177 mentions it), so
/// counting by /64 would give each of them 256 of everything. Coarser than [`address_key`], for limits that must not be
/// multiplied.
pub(crate) fn network_key(address: IpAddr) -> IpAddr {
    match address_key(address) {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d & 0xff00, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_becomes_ipv4_and_the_rest_stays() {
        for (came, shown) in [
            ("[::ffff:192.0.2.1]:7", "192.0.2.1:7"),
            ("192.0.2.1:7", "192.0.2.1:7"),
            ("[fe80::1%3]:7", "[fe80::1%3]:7"),
        ] {
            assert_eq!(canonical(came.parse().expect("an address")).to_string(), shown);
        }
    }

    #[test]
    fn ipv6_counts_by_64_and_mapped_ipv4_as_ipv4() {
        let key = |text: &str| address_key(text.parse().expect("an address"));
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), key("2001:db8:1:2::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        let network = |text: &str| network_key(text.parse().expect("an address"));
        assert_eq!(network("2001:db8:1:200::1"), network("2001:db8:1:2ff::1"));
        assert_ne!(network("2001:db8:1:200::1"), network("2001:db8:1:300::1"));
        assert_eq!(network("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }
}
