//! The header of the PROXY protocol, version 2: which client a proxy connects for.
//!
//! *The PROXY protocol, versions 1 & 2* (haproxy.org/download/3.0/doc/proxy-protocol.txt), section 2.2: twelve fixed bytes, one
//! of version and command, one of family and transport, two of length, then source and destination address and port, then
//! optional fields (TLVs), of which none is needed here.
//!
//! Written by hand, not with a crate: this is all of it.
//!
//! *Owns* the bytes of the header.
//! *Knows nothing of* who may send one, or which addresses are trusted.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

#[cfg(test)]
mod tests;

/// What every header begins with. No line of text, TLS or telnet begins like this.
pub const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes up to and including the length field.
const FIXED: usize = 16;

/// Longest header after the length field, in bytes. Addresses take 36; the longest optional fields in use, a
/// certificate's names among them, take some hundred.
pub(crate) const MAX_LENGTH: usize = 512;

/// Bytes of addresses and ports, by family.
const TCP4_LENGTH: usize = 12;
const TCP6_LENGTH: usize = 36;

/// Version 2, and the commands.
const VERSION: u8 = 0x20;
const LOCAL: u8 = 0x0;
const PROXY: u8 = 0x1;

/// Families and transports.
const UNSPECIFIED: u8 = 0x00;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;
const UNIX_STREAM: u8 = 0x31;
const UNIX_DATAGRAM: u8 = 0x32;

/// Whose connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The proxy's own, for example a health check, or that of a client whose address it does not know.
    Proxy,
    /// A client's at this address. An IPv4 address is never written as IPv6.
    Client(SocketAddr),
}

/// What the first bytes of a connection show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderVerdict {
    /// They may become a header; at least this many more bytes are needed, and all of them belong to it.
    Undecided(usize),
    /// A header of this many bytes; everything else follows it.
    Header(Source, usize),
    /// They can no longer become a header.
    Invalid(HeaderError),
}

/// Why bytes are not a header that is accepted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Another protocol.
    NoHeader,
    /// Version 1 of this one, a line of text.
    Text,
    /// A version other than 2, or an unknown command; holds the byte.
    Version(u8),
    /// A UNIX socket on the proxy's machine, which has no IP address.
    Unix,
    /// A family or transport that is not TCP over IPv4 or IPv6; holds the byte.
    Family(u8),
    /// Longer than [`MAX_LENGTH`], in bytes.
    TooLong(u16),
    /// Too short for its addresses, in bytes.
    TooShort(u16),
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderError::NoHeader => f.write_str("no PROXY header, version 2"),
            HeaderError::Text => {
                f.write_str("a PROXY header of version 1 (text); only version 2 (binary) is taken here")
            }
            HeaderError::Version(byte) => write!(f, "a PROXY header with version and command 0x{byte:02x}"),
            HeaderError::Unix => f.write_str("a PROXY header for a UNIX socket"),
            HeaderError::Family(byte) => {
                write!(f, "a PROXY header with family and transport 0x{byte:02x}, which is not TCP")
            }
            HeaderError::TooLong(length) => {
                write!(f, "a PROXY header of {length} bytes; at most {MAX_LENGTH} are taken")
            }
            HeaderError::TooShort(length) => {
                write!(f, "a PROXY header of {length} bytes, too short for its addresses")
            }
        }
    }
}

impl std::error::Error for HeaderError {}

/// Judges the first bytes of a connection. The verdict is reached with the first byte that decides it.
pub fn parse(bytes: &[u8]) -> HeaderVerdict {
    let beginning = bytes.len().min(SIGNATURE.len());
    if bytes[..beginning] != SIGNATURE[..beginning] {
        // The name is for the log: the first byte has already shown that it is not version 2.
        let text = b"PROXY ";
        let is_text = bytes.starts_with(text) || text.starts_with(bytes);
        return HeaderVerdict::Invalid(if is_text { HeaderError::Text } else { HeaderError::NoHeader });
    }
    let Some(&command) = bytes.get(12) else { return HeaderVerdict::Undecided(FIXED - bytes.len()) };
    if command != VERSION | LOCAL && command != VERSION | PROXY {
        return HeaderVerdict::Invalid(HeaderError::Version(command));
    }
    let is_local = command == VERSION | LOCAL;
    let Some(&family) = bytes.get(13) else { return HeaderVerdict::Undecided(FIXED - bytes.len()) };
    let addresses = match family {
        // With LOCAL the family is ignored (section 2.2).
        _ if is_local => 0,
        UNSPECIFIED => 0,
        TCP4 => TCP4_LENGTH,
        TCP6 => TCP6_LENGTH,
        UNIX_STREAM | UNIX_DATAGRAM => return HeaderVerdict::Invalid(HeaderError::Unix),
        other => return HeaderVerdict::Invalid(HeaderError::Family(other)),
    };
    let Some(&high) = bytes.get(14) else { return HeaderVerdict::Undecided(FIXED - bytes.len()) };
    let most = u16::from_be_bytes([high, 0]);
    if usize::from(most) > MAX_LENGTH {
        return HeaderVerdict::Invalid(HeaderError::TooLong(
            bytes.get(15).map_or(most, |&low| u16::from_be_bytes([high, low])),
        ));
    }
    let Some(&low) = bytes.get(15) else { return HeaderVerdict::Undecided(FIXED - bytes.len()) };
    let length = u16::from_be_bytes([high, low]);
    if usize::from(length) > MAX_LENGTH {
        return HeaderVerdict::Invalid(HeaderError::TooLong(length));
    }
    if usize::from(length) < addresses {
        return HeaderVerdict::Invalid(HeaderError::TooShort(length));
    }
    let end = FIXED + usize::from(length);
    if bytes.len() < end {
        return HeaderVerdict::Undecided(end - bytes.len());
    }
    let body = &bytes[FIXED..end];
    let source = match family {
        _ if is_local => Source::Proxy,
        TCP4 => client::<4>(body),
        TCP6 => client::<16>(body),
        _ => Source::Proxy,
    };
    HeaderVerdict::Header(source, end)
}

/// The source in a body of source address, destination address, source port, destination port.
fn client<const N: usize>(body: &[u8]) -> Source
where
    IpAddr: From<[u8; N]>,
{
    let (Some(address), Some(port)) =
        (body.first_chunk::<N>(), body.get(2 * N..).and_then(|ports| ports.first_chunk()))
    else {
        // `parse` has checked the length.
        return Source::Proxy;
    };
    Source::Client(SocketAddr::new(IpAddr::from(*address).to_canonical(), u16::from_be_bytes(*port)))
}

/// The header for a client at `source` that has connected to `destination`.
pub fn write(source: Source, destination: SocketAddr) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    let Source::Client(source) = source else {
        header.extend([VERSION | LOCAL, UNSPECIFIED, 0, 0]);
        return header;
    };
    header.push(VERSION | PROXY);
    match (source.ip().to_canonical(), destination.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => write_addresses(&mut header, TCP4, from.octets(), to.octets()),
        (from, to) => write_addresses(&mut header, TCP6, mapped(from).octets(), mapped(to).octets()),
    }
    header.extend(source.port().to_be_bytes());
    header.extend(destination.port().to_be_bytes());
    header
}

fn write_addresses<const N: usize>(header: &mut Vec<u8>, family: u8, source: [u8; N], destination: [u8; N]) {
    let length = if family == TCP4 { TCP4_LENGTH } else { TCP6_LENGTH };
    header.extend([family, 0, length as u8]);
    header.extend(source);
    header.extend(destination);
}

/// Both addresses of a header are of one family.
fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::to_ipv6_mapped(&address),
        IpAddr::V6(address) => address,
    }
}
