//! The section `[discovery]`: where questions of `chatsock find` are answered, and whether the server announces itself.
//!
//! *Knows nothing of* questions, answers and multicast DNS.

use std::net::SocketAddr;

use super::address::{clash, parse_address};
use super::keys::{DISCOVERY_KEYS, unknown_keys};
use super::value::{Section, ValueReader};

/// The section `[discovery]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiscoveryConfig {
    /// UDP addresses where questions are answered.
    pub listen: Vec<SocketAddr>,
    /// Whether the server announces itself by multicast DNS.
    pub announce: bool,
    /// The server's name for people. Empty: `chatsock on` the machine's name.
    pub name: String,
}

impl DiscoveryConfig {
    /// Longest name, in bytes. Multicast DNS takes 63 (RFC 6763, section 4.1.1); this leaves room for the ` (2)` of a second
    /// server, and keeps an answer shorter than its question.
    pub(crate) const MAX_NAME: usize = 48;
}

/// Reads the section `[discovery]`. Its addresses are for UDP, so they clash only with each other.
pub(super) fn read_discovery(reader: &mut ValueReader<'_>, section: Section<'_, '_>) -> DiscoveryConfig {
    let mut discovery = DiscoveryConfig::default();
    unknown_keys(reader, section, DISCOVERY_KEYS);
    for (address, line) in reader.read_list(section, "listen", "0.0.0.0:5555", parse_address).unwrap_or_default() {
        if let Some(other) = discovery.listen.iter().find(|other| clash(**other, address)) {
            let text =
                format!("discovery.listen contains {address}, but also {other}, which includes it; remove one of them");
            reader.mistake(Some(line), text);
        }
        discovery.listen.push(address);
    }
    reader.read_bool(section, "announce", &mut discovery.announce);
    reader.read_line(section, "name", &mut discovery.name);
    if discovery.name.len() > DiscoveryConfig::MAX_NAME {
        let text = format!(
            "discovery.name has {} bytes; shorten it to {} or fewer",
            discovery.name.len(),
            DiscoveryConfig::MAX_NAME
        );
        reader.mistake(reader.line_of(section, "name"), text);
    }
    discovery
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn read(text: &str) -> DiscoveryConfig {
        parse(&format!("[discovery]\n{text}"), "a.toml").unwrap_or_else(|mistakes| panic!("{mistakes}")).discovery
    }

    fn mistakes(text: &str) -> Vec<(Option<usize>, String)> {
        let mistakes = parse(&format!("[discovery]\n{text}"), "a.toml").unwrap_err();
        mistakes.iter().map(|mistake| (mistake.line, mistake.text.clone())).collect()
    }

    #[test]
    fn without_the_section_or_with_an_empty_one_nothing_answers_and_nothing_is_announced() {
        assert_eq!(parse("", "a.toml").unwrap().discovery, DiscoveryConfig::default());
        assert_eq!(read(""), DiscoveryConfig { listen: Vec::new(), announce: false, name: String::new() });
    }

    #[test]
    fn every_key_is_read() {
        let expected = DiscoveryConfig {
            listen: vec!["0.0.0.0:5555".parse().unwrap(), "[::]:5555".parse().unwrap()],
            announce: true,
            name: "Büro".to_owned(),
        };
        assert_eq!(read("listen = [\"0.0.0.0:5555\", \"[::]:5555\"]\nannounce = true\nname = \"Büro\""), expected);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, expected) in [
            ("listen = [\"5555\"]", "discovery.listen contains \"5555\""),
            (
                "listen = [\"0.0.0.0:5555\", \"127.0.0.1:5555\"]",
                "discovery.listen contains 127.0.0.1:5555, but also 0.0.0.0:5555",
            ),
            ("announce = \"yes\"", "discovery.announce must be true or false"),
            ("anounce = true", "unknown key discovery.anounce; did you mean announce?"),
            ("name = \"a\\nb\"", "discovery.name must"),
            (
                "name = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
                "discovery.name has 49 bytes; shorten it to 48",
            ),
        ] {
            let said = mistakes(text);
            assert!(said.len() == 1 && said[0].0 == Some(2) && said[0].1.starts_with(expected), "{text}: {said:?}");
        }
    }

    #[test]
    fn an_address_of_a_listener_for_connections_is_free_for_questions() {
        assert_eq!(read("listen = [\"0.0.0.0:5555\"]").listen.len(), 1);
    }
}
