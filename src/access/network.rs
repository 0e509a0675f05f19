//! A block of addresses, as `limits.exempt` names them: `127.0.0.0/8`, `::1`.
//!
//! *Owns* the notation and which addresses lie inside a block. *Knows nothing of* sockets, nor of what a block is used for.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// One address or a block of addresses with a common prefix.
///
/// Addresses are taken in their canonical form on both sides: `::ffff:10.1.2.3` is `10.1.2.3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Canonical, with every bit after the prefix zero.
    base: IpAddr,
    /// Leading bits that must agree: 0 to 32 for IPv4, 0 to 128 for IPv6.
    prefix: u8,
}

impl Network {
    /// Reads `ADDRESS` or `ADDRESS/PREFIX`. Bits after the prefix are ignored, so `10.1.2.3/8` is `10.0.0.0/8`.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, and how to write it.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Address)?;
        let whole = bits(address);
        let prefix = match prefix {
            None => whole,
            // `u8::from_str` would take a sign too.
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().filter(|bits| *bits <= whole).ok_or(NetworkError::Prefix(whole))?
            }
            Some(_) => return Err(NetworkError::Prefix(whole)),
        };
        let base = masked(address, prefix);
        // A block inside ::ffff:0:0/96 holds IPv4 addresses only (RFC 4291, section 2.5.5.2).
        let canonical = base.to_canonical();
        if base.is_ipv6() && canonical.is_ipv4() && prefix >= 96 {
            Ok(Self { base: canonical, prefix: prefix - 96 })
        } else {
            Ok(Self { base, prefix })
        }
    }

    /// The block of all addresses that share the first `prefix` bits of `address`.
    pub(crate) fn block(address: IpAddr, prefix: u8) -> Self {
        Self { base: masked(address, prefix), prefix }
    }

    /// The block that counts as one user: for a single IPv6 address its /64, since a household gets all of it and can
    /// use any address in it.
    #[must_use]
    pub(crate) fn counted(self) -> Self {
        if self.base.is_ipv6() && self.prefix > 64 { Self::block(self.base, 64) } else { self }
    }

    /// Whether every address in it is a loopback address.
    #[must_use]
    pub(crate) fn is_loopback(&self) -> bool {
        let prefix = if self.base.is_ipv4() { 8 } else { 128 };
        self.base.is_loopback() && self.prefix >= prefix
    }

    /// Whether it is too large for a ban: more than a /8 of IPv4, which is a 256th of all addresses, or more than a /16 of
    /// IPv6, which holds whole continents.
    #[must_use]
    pub(crate) fn is_wide(&self) -> bool {
        self.prefix < if self.base.is_ipv4() { 8 } else { 16 }
    }

    /// Whether `address` lies in this block.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.base.is_ipv4() && masked(address, self.prefix) == self.base
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == bits(self.base) {
            write!(f, "{}", self.base)
        } else {
            write!(f, "{}/{}", self.base, self.prefix)
        }
    }
}

/// Why a text is not a block of addresses. Displayed as part of a sentence, without a full stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkError {
    /// The part before the slash is not an address.
    Address,
    /// The part after the slash is not a number from 0 to this many bits.
    Prefix(u8),
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str(r#"write an address or a block, as in "192.0.2.7", "10.0.0.0/8" or "::1""#),
            Self::Prefix(most) => {
                write!(f, "the number after the slash counts leading bits and is 0 to {most} for this kind of address")
            }
        }
    }
}

impl std::error::Error for NetworkError {}

fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// `address` with all bits after the first `prefix` set to zero.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            // Prefix 0 shifts by the whole width, which a plain `<<` does not allow.
            let mask = u32::MAX.checked_shl(u32::from(32 - prefix.min(32))).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(u32::from(128 - prefix.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        Network::parse(network).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_block_holds_what_shares_its_prefix() {
        assert!(contains("127.0.0.0/8", "127.255.0.1"));
        assert!(!contains("127.0.0.0/8", "128.0.0.1"));
        assert!(contains("10.16.0.0/12", "10.31.255.255"));
        assert!(!contains("10.16.0.0/12", "10.32.0.0"));
        assert!(contains("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!contains("2001:db8::/32", "2001:db9::1"));
    }

    #[test]
    fn a_single_address_holds_itself_only() {
        assert!(contains("10.1.2.3", "10.1.2.3"));
        assert!(!contains("10.1.2.3", "10.1.2.4"));
        assert!(contains("::1", "::1"));
        assert!(!contains("::1", "::2"));
    }

    #[test]
    fn a_single_ipv6_address_counts_as_its_household() {
        let counted = |text: &str| Network::parse(text).unwrap().counted().to_string();
        assert_eq!(counted("2001:db8::7"), "2001:db8::/64");
        assert_eq!(counted("2001:db8::/32"), "2001:db8::/32");
        assert_eq!(counted("192.0.2.7"), "192.0.2.7");
        assert_eq!(counted("::ffff:192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn mapped_addresses_count_as_ipv4_on_both_sides() {
        assert!(contains("127.0.0.0/8", "::ffff:127.0.0.1"));
        assert!(contains("::ffff:10.0.0.0/104", "10.9.9.9"));
        assert!(contains("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!contains("::ffff:10.0.0.1", "10.0.0.2"));
    }

    #[test]
    fn prefix_zero_holds_the_whole_family_and_not_the_other() {
        assert!(contains("0.0.0.0/0", "203.0.113.9"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("::/0", "2001:db8::1"));
        assert!(!contains("::/0", "203.0.113.9"));
    }

    #[test]
    fn bits_after_the_prefix_are_ignored() {
        let network = Network::parse("10.1.2.3/8").unwrap();
        assert_eq!(network, Network::parse("10.0.0.0/8").unwrap());
        assert_eq!(network.to_string(), "10.0.0.0/8");
        assert_eq!(Network::parse("::1/128").unwrap().to_string(), "::1");
    }

    #[test]
    fn wrong_notations_are_refused() {
        for text in ["", "localhost", "10.0.0", "10.0.0.0.0/8", "/8", " ::1"] {
            assert_eq!(Network::parse(text), Err(NetworkError::Address), "{text:?}");
        }
        for text in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/255.0.0.0"] {
            assert_eq!(Network::parse(text), Err(NetworkError::Prefix(32)), "{text:?}");
        }
        assert_eq!(Network::parse("::/129"), Err(NetworkError::Prefix(128)));
    }
}
