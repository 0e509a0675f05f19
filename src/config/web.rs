//! The section `[web]`: listeners for the page, and the names it is known under.
//!
//! *Knows nothing of* HTTP beyond the notation of hosts and origins.

use std::fmt;
use std::net::SocketAddr;

use super::address::parse_address;
use super::conflict::{TakenAddress, refuse_clash};
use super::keys::{TLS_BUILT, WEB_KEYS, lacking, unknown_keys};
use super::value::{Section, ValueReader};
use crate::access::network::Network;
use crate::protocol::http::{Host, Origin};

#[cfg(test)]
mod tests;

/// The section `[web]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebConfig {
    /// Addresses for HTTP.
    pub listen: Vec<SocketAddr>,
    /// Addresses for HTTPS, with the certificate of `[tls]`.
    pub tls_listen: Vec<SocketAddr>,
    /// Names of the server, in lower case, besides its addresses and the machine's own name.
    pub hosts: Vec<String>,
    /// Other pages that may connect.
    pub origins: Vec<Origin>,
    /// Proxies that are trusted to name the addresses of their clients.
    pub trusted_proxies: Vec<Network>,
}

/// Reads the section `[web]`. `taken` are the addresses of the other listeners.
pub(super) fn read_web(
    reader: &mut ValueReader<'_>,
    section: Section<'_, '_>,
    taken: &mut Vec<TakenAddress>,
) -> WebConfig {
    let mut web = WebConfig::default();
    unknown_keys(reader, section, WEB_KEYS);
    for (key, name, example, target) in [
        ("listen", "web.listen", "0.0.0.0:8080", &mut web.listen),
        ("tls_listen", "web.tls_listen", "0.0.0.0:8443", &mut web.tls_listen),
    ] {
        for (address, line) in reader.read_list(section, key, example, parse_address).unwrap_or_default() {
            refuse_clash(reader, name, address, line, taken);
            taken.push((address, name));
            target.push(address);
        }
    }
    if !TLS_BUILT && !web.tls_listen.is_empty() {
        reader.mistake(reader.line_of(section, "tls_listen"), format!("web.tls_listen {}", lacking("tls")));
    }
    let names = reader.read_list(section, "hosts", "chat.example.org", parse_name).unwrap_or_default();
    web.hosts = names.into_iter().map(|(name, _)| name).collect();
    let origins = reader.read_list(section, "origins", "https://chat.example.org", Origin::parse).unwrap_or_default();
    web.origins = origins.into_iter().map(|(origin, _)| origin).collect();
    let proxies = reader.read_list(section, "trusted_proxies", "127.0.0.1", Network::parse).unwrap_or_default();
    web.trusted_proxies = proxies.into_iter().map(|(network, _)| network).collect();
    web
}

/// The text is not a name of a server.
struct HostNameError;

impl fmt::Display for HostNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write a name without a port, as in chat.example.org; addresses need not be listed")
    }
}

fn parse_name(text: &str) -> Result<String, HostNameError> {
    let host = Host::parse(text).filter(|host| !host.is_address() && !text.contains(':')).ok_or(HostNameError)?;
    Ok(host.name())
}
