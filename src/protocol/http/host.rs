//! Names in requests: what the server is called, and which page asks. Who may connect depends on them.
//!
//! Any page that a browser shows can open a WebSocket to any server, and the browser says only which page it was. So
//! the page must be this server's own, or one that the admin has listed. That alone is not enough: a stranger can point
//! a name of theirs at this server's address (DNS rebinding), and then the browser takes their page for the server's
//! own. So the server must be called by a name that is known to be its own. An address belongs to nobody else and
//! cannot be pointed elsewhere.
//!
//! *Owns* how both are written, and when they match.
//! *Knows nothing of* which names are configured.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest name of a host (RFC 1035, section 2.3.4).
const LONGEST_NAME: usize = 255;

/// What the server is called in a request: the value of `Host` (RFC 9112, section 3.2), or a host and port elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    name: HostName,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostName {
    Address(IpAddr),
    /// In lower case, without a dot at its end.
    Dns(String),
}

impl Host {
    /// Reads `name`, `name:port`, `192.0.2.1:port` or `[2001:db8::1]:port`. Letter case and a dot at the end of a name do not
    /// matter.
    pub fn parse(text: &str) -> Option<Host> {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            let port = match rest.strip_prefix(':') {
                Some(port) => Some(parse_port(port)?),
                None if rest.is_empty() => None,
                None => return None,
            };
            return Some(Host { name: HostName::Address(address.into()), port });
        }
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(parse_port(port)?)),
            None => (text, None),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if name.is_empty() || name.len() > LONGEST_NAME || name.starts_with('.') || !name.bytes().all(is_name) {
            return None;
        }
        let name = match name.parse::<Ipv4Addr>() {
            Ok(address) => HostName::Address(address.into()),
            Err(_) => HostName::Dns(name.to_ascii_lowercase()),
        };
        Some(Host { name, port })
    }

    /// The same host on another port.
    pub(crate) fn with_port(self, port: u16) -> Host {
        Host { port: Some(port), ..self }
    }

    /// An address and a port.
    pub fn at(address: IpAddr, port: u16) -> Host {
        Host { name: HostName::Address(address.to_canonical()), port: Some(port) }
    }

    /// Whether this is an address.
    pub(crate) fn is_address(&self) -> bool {
        matches!(self.name, HostName::Address(_))
    }

    /// Whether this is an IPv6 address, which cannot be written in a Content-Security-Policy.
    pub(super) fn is_ipv6(&self) -> bool {
        matches!(self.name, HostName::Address(IpAddr::V6(_)))
    }

    /// Whether a server with these names may be called this. `names` are in lower case, without a dot at the end.
    pub(crate) fn is_known<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> bool {
        match &self.name {
            HostName::Address(_) => true,
            HostName::Dns(name) => name == "localhost" || names.into_iter().any(|known| known == name),
        }
    }

    /// The name without the port.
    pub fn name(&self) -> String {
        self.name.to_string()
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostName::Address(IpAddr::V4(address)) => address.fmt(f),
            HostName::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            HostName::Dns(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn parse_port(text: &str) -> Option<u16> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) { None } else { text.parse().ok() }
}

/// The origin of the page that asks, as a browser sends it (RFC 6454, section 6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    is_secure: bool,
    name: HostName,
    port: u16,
}

/// Why a text is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginError;

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write the beginning of the page's address, as in https://chat.example.org")
    }
}

impl std::error::Error for OriginError {}

impl Origin {
    /// Reads `https://name` or `http://name:port`.
    ///
    /// # Errors
    ///
    /// The text is anything else; `null`, which a browser sends for a page without an origin, is never allowed.
    pub fn parse(text: &str) -> Result<Origin, OriginError> {
        let (scheme, host) = text.split_once("://").ok_or(OriginError)?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(OriginError),
        };
        Ok(Origin::of(Host::parse(host).ok_or(OriginError)?, is_secure))
    }

    /// The origin of the page that this host serves.
    pub fn of(host: Host, is_secure: bool) -> Origin {
        Origin { is_secure, port: host.port.unwrap_or(if is_secure { 443 } else { 80 }), name: host.name }
    }
}
