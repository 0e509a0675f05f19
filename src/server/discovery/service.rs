//! What is announced, by the server itself or by avahi: services of DNS-SD (RFC 6763).
//!
//! *Owns* their types and texts, and the file that lists them for avahi. Names of rooms and people are never among them.
//! *Knows nothing of* multicast DNS.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::doors::{Doors, Way};
use super::server_name;
use crate::config::{Config, Plain};

/// The version of the texts, which is the first of them (RFC 6763, section 6.7).
const TEXT_VERSION: (&str, &str) = ("txtvers", "1");

/// One service: its type, its port and its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NetworkService {
    /// As in `_chatsock._tcp`.
    pub(super) kind: &'static str,
    pub(super) port: u16,
    /// Keys of at most nine characters (RFC 6763, section 6.4), with their values.
    pub(super) texts: Vec<(&'static str, String)>,
}

/// Everything that is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NetworkServices {
    /// The server's name for people.
    pub(super) name: String,
    /// The addresses that the listeners are bound to. Empty if one of them is bound to all of the machine's addresses.
    pub(super) addresses: Vec<IpAddr>,
    pub(super) has_ipv4: bool,
    pub(super) has_ipv6: bool,
    pub(super) list: Vec<NetworkService>,
}

/// The services to announce: listeners that are open to others. `None` if there are none.
pub(super) fn services(config: &Config, doors: &Doors, machine: &str) -> Option<NetworkServices> {
    let plain = |way| doors.open_to_others(way).filter(|_| config.plain == Plain::Anywhere);
    let (text, web) = (plain(Way::Plain), plain(Way::Web));
    let (tls, web_tls) = (doors.open_to_others(Way::Tls), doors.open_to_others(Way::WebTls));
    let mut list = Vec::new();
    if let Some(address) = text.or(tls) {
        let mut texts = vec![(TEXT_VERSION.0, TEXT_VERSION.1.to_owned())];
        let ports = [("tls", tls), ("web", web), ("webtls", web_tls)];
        texts.extend(ports.into_iter().filter_map(|(key, door)| Some((key, door?.port().to_string()))));
        if tls.is_some() || web_tls.is_some() {
            texts.extend(doors.fingerprint().map(|fingerprint| ("sha256", fingerprint)));
        }
        list.push(NetworkService { kind: "_chatsock._tcp", port: address.port(), texts });
    }
    if let Some(address) = text {
        list.push(NetworkService { kind: "_telnet._tcp", port: address.port(), texts: Vec::new() });
    }
    if let Some(address) = web {
        let texts = vec![("path", "/".to_owned())];
        list.push(NetworkService { kind: "_http._tcp", port: address.port(), texts });
    }
    let open: Vec<SocketAddr> = [text, tls, web].into_iter().flatten().collect();
    let are_all_bound = open.iter().all(|address| !address.ip().is_unspecified());
    let mut addresses: Vec<IpAddr> = open.iter().filter(|_| are_all_bound).map(SocketAddr::ip).collect();
    addresses.sort_unstable();
    addresses.dedup();
    // `[::]` accepts IPv4 too.
    let has_ipv4 = open.iter().any(|address| address.is_ipv4() || address.ip().is_unspecified());
    let has_ipv6 = open.iter().any(SocketAddr::is_ipv6);
    let name = server_name(&config.discovery, machine);
    (!list.is_empty()).then_some(NetworkServices { name, addresses, has_ipv4, has_ipv6, list })
}

/// Why there is no file for avahi.
#[derive(Debug, PartialEq, Eq)]
pub enum AvahiError {
    /// Nobody else could connect.
    NothingOpen,
    /// A port is picked at each start.
    NoPort,
}

impl fmt::Display for AvahiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AvahiError::NothingOpen => {
                "no listener in the configuration is open to others in the network, so there is nothing to announce"
            }
            AvahiError::NoPort => {
                "a listener in the configuration has port 0, which is another one at each start; give it a port"
            }
        })
    }
}

impl std::error::Error for AvahiError {}

/// The service file by which avahi announces the server of this configuration (avahi.service(5)). `fingerprint` is that of its
/// certificate, if there is one already.
///
/// # Errors
///
/// There is nothing to announce, or a port is not known.
pub(super) fn avahi_service(config: &Config, fingerprint: Option<String>) -> Result<String, AvahiError> {
    let doors = Doors::planned(config, fingerprint);
    // Avahi knows the machine's name, even after it changes.
    let services = services(config, &doors, "%h").ok_or(AvahiError::NothingOpen)?;
    if services.list.iter().any(|service| service.port == 0 || service.texts.iter().any(|(_, text)| text == "0")) {
        return Err(AvahiError::NoPort);
    }
    let protocol = match (services.has_ipv4, services.has_ipv6) {
        (true, false) => " protocol=\"ipv4\"",
        (false, true) => " protocol=\"ipv6\"",
        (true, true) | (false, false) => "",
    };
    let wildcards = if config.discovery.name.is_empty() { " replace-wildcards=\"yes\"" } else { "" };
    let mut file = format!(
        "<?xml version=\"1.0\" standalone='no'?>\n<!DOCTYPE service-group SYSTEM \"avahi-service.dtd\">\n\
         <service-group>\n  <name{wildcards}>{}</name>\n",
        in_xml(&services.name)
    );
    for NetworkService { kind, port, texts } in services.list {
        file += &format!("  <service{protocol}>\n    <type>{kind}</type>\n    <port>{port}</port>\n");
        for (key, text) in texts {
            file += &format!("    <txt-record>{key}={}</txt-record>\n", in_xml(&text));
        }
        file += "  </service>\n";
    }
    Ok(file + "</service-group>")
}

fn in_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn config(text: &str) -> Config {
        parse(text, "a.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    fn announced(text: &str) -> Option<NetworkServices> {
        let config = config(text);
        services(&config, &Doors::planned(&config, Some("AB:CD".to_owned())), "box")
    }

    #[test]
    fn a_plain_server_is_announced_for_itself_and_for_telnet() {
        let services = announced("").unwrap();
        assert_eq!(services.name, "chatsock on box");
        assert!(services.addresses.is_empty() && services.has_ipv4 && !services.has_ipv6);
        let kinds: Vec<_> = services.list.iter().map(|service| (service.kind, service.port)).collect();
        assert_eq!(kinds, [("_chatsock._tcp", 5555), ("_telnet._tcp", 5555)]);
        assert_eq!(services.list[0].texts, [("txtvers", "1".to_owned())]);
    }

    #[test]
    fn nothing_is_announced_that_others_cannot_reach() {
        assert_eq!(announced("listen = [\"127.0.0.1:5555\"]"), None);
        assert_eq!(announced("plain = \"loopback\""), None);
        let bound = announced("listen = [\"127.0.0.1:1\", \"192.168.1.5:5555\"]").unwrap();
        assert_eq!((bound.addresses, bound.list[0].port), (vec!["192.168.1.5".parse().unwrap()], 5555));
        let both = announced("listen = [\"[::]:5555\"]").unwrap();
        assert!(both.has_ipv4 && both.has_ipv6);
    }

    #[cfg(feature = "tls")]
    #[test]
    fn a_server_that_speaks_tls_only_is_announced_with_its_certificate_and_not_for_telnet() {
        let services = announced("plain = \"loopback\"\n[tls]\nlisten = [\"0.0.0.0:5556\"]").unwrap();
        assert_eq!(services.list.len(), 1);
        assert_eq!((services.list[0].kind, services.list[0].port), ("_chatsock._tcp", 5556));
        let texts: Vec<_> = services.list[0].texts.iter().map(|(key, text)| format!("{key}={text}")).collect();
        assert_eq!(texts, ["txtvers=1", "tls=5556", "sha256=AB:CD"]);
    }

    #[cfg(feature = "web")]
    #[test]
    fn the_page_is_announced_where_it_is() {
        let services = announced("[web]\nlisten = [\"0.0.0.0:8080\"]").unwrap();
        let last = services.list.last().unwrap();
        assert_eq!((last.kind, last.port, last.texts[0].1.as_str()), ("_http._tcp", 8080, "/"));
        assert!(services.list[0].texts.contains(&("web", "8080".to_owned())));
    }

    #[test]
    fn the_file_for_avahi_has_the_same_services_and_escapes_the_name() {
        let file = avahi_service(&config("[discovery]\nname = \"R&D <chat>\""), None).unwrap();
        assert!(file.contains("<name>R&amp;D &lt;chat&gt;</name>"), "{file}");
        let file = avahi_service(&config(""), None).unwrap();
        assert_eq!(
            file.lines().skip(2).collect::<Vec<_>>(),
            [
                "<service-group>",
                "  <name replace-wildcards=\"yes\">chatsock on %h</name>",
                "  <service protocol=\"ipv4\">",
                "    <type>_chatsock._tcp</type>",
                "    <port>5555</port>",
                "    <txt-record>txtvers=1</txt-record>",
                "  </service>",
                "  <service protocol=\"ipv4\">",
                "    <type>_telnet._tcp</type>",
                "    <port>5555</port>",
                "  </service>",
                "</service-group>",
            ]
        );
        assert_eq!(avahi_service(&config("listen = [\"0.0.0.0:0\"]"), None), Err(AvahiError::NoPort));
        assert_eq!(avahi_service(&config("listen = [\"127.0.0.1:5555\"]"), None), Err(AvahiError::NothingOpen));
    }
}
