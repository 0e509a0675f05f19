//! The section `[json]`: listeners for programs.
//!
//! *Knows nothing of* JSON.

use std::net::{Ipv4Addr, SocketAddr};

use super::address::parse_address;
use super::conflict::{TakenAddress, refuse_clash};
use super::keys::{JSON_KEYS, TLS_BUILT, lacking, unknown_keys};
use super::value::{Section, ValueReader};

/// The port of a section that names no address.
const DEFAULT_PORT: u16 = 5557;

/// The section `[json]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonConfig {
    /// Addresses for JSON.
    pub listen: Vec<SocketAddr>,
    /// The same through TLS, with the certificate of `[tls]`.
    pub tls_listen: Vec<SocketAddr>,
}

/// Reads the section `[json]`, which begins on `line`. `taken` are the addresses of the other listeners; `plain` is
/// whether unencrypted ones are allowed.
pub(super) fn read_json(
    reader: &mut ValueReader<'_>,
    section: Section<'_, '_>,
    line: Option<usize>,
    taken: &mut Vec<TakenAddress>,
    plain: bool,
) -> JsonConfig {
    let mut json = JsonConfig::default();
    unknown_keys(reader, section, JSON_KEYS);
    let is_silent = section.get("listen").is_none() && section.get("tls_listen").is_none();
    let default = (is_silent && plain).then(|| ((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT).into(), line.unwrap_or(1)));
    for (key, name, example, target) in [
        ("listen", "json.listen", "0.0.0.0:5557", &mut json.listen),
        ("tls_listen", "json.tls_listen", "0.0.0.0:5558", &mut json.tls_listen),
    ] {
        let default = default.filter(|_| key == "listen").into_iter().collect();
        for (address, line) in reader.read_list(section, key, example, parse_address).unwrap_or(default) {
            refuse_clash(reader, name, address, line, taken);
            taken.push((address, name));
            target.push(address);
        }
    }
    if !TLS_BUILT && !json.tls_listen.is_empty() {
        reader.mistake(reader.line_of(section, "tls_listen"), format!("json.tls_listen {}", lacking("tls")));
    }
    json
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, parse};

    fn mistakes(text: &str) -> Vec<String> {
        parse(text, "a.toml").unwrap_err().iter().map(|mistake| mistake.text.clone()).collect()
    }

    fn read(text: &str) -> Config {
        parse(text, "a.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    #[test]
    fn the_section_alone_opens_the_usual_port_and_without_it_there_is_none() {
        assert_eq!(read("").json, super::JsonConfig::default());
        assert_eq!(read("[json]\n").json.listen, ["0.0.0.0:5557".parse().unwrap()]);
        assert_eq!(read("[json]\nlisten = []\n").json, super::JsonConfig::default());
        let two = read("[json]\nlisten = [\"127.0.0.1:1\", \"[::1]:1\"]\n").json;
        assert_eq!((two.listen.len(), two.tls_listen.len()), (2, 0));
    }

    #[test]
    fn a_server_may_listen_for_programs_only() {
        let config = read("listen = []\n[json]\n");
        assert_eq!((config.listen.len(), config.json.listen.len()), (0, 1));
    }

    #[test]
    fn mistakes_are_named() {
        let said = mistakes("[json]\nlisten = [\"0.0.0.0:5555\"]\n");
        assert!(said[0].contains("json.listen contains 0.0.0.0:5555, but listen already contains"), "{said:?}");
        let said = mistakes("[json]\nlistn = []\n");
        assert_eq!(said, ["unknown key json.listn; did you mean listen?"]);
        let said = mistakes("plain = \"off\"\n[json]\nlisten = [\"127.0.0.1:0\"]\n");
        assert!(said.iter().any(|said| said.contains("allows no addresses in json.listen")), "{said:?}");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn a_listener_with_tls_needs_no_section_tls() {
        let config = read("plain = \"off\"\n[json]\ntls_listen = [\"0.0.0.0:5558\"]\n");
        assert_eq!((config.json.listen.len(), config.json.tls_listen.len(), config.tls.listen.len()), (0, 1, 0));
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn a_listener_with_tls_needs_the_feature() {
        let said = mistakes("[json]\ntls_listen = [\"127.0.0.1:0\"]\n");
        assert!(said.len() == 1 && said[0].starts_with("json.tls_listen needs the feature tls"), "{said:?}");
    }
}
