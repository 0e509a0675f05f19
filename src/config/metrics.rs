//! The section `[metrics]`: the address where a monitoring system reads the metrics.
//!
//! *Knows nothing of* what is counted.

use std::net::{IpAddr, SocketAddr};

use toml::de::DeValue;

use super::address::parse_address;
use super::conflict::{TakenAddress, refuse_clash};
use super::keys::{METRICS_KEYS, unknown_keys};
use super::value::{Section, ValueReader, quoted};

/// The section `[metrics]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetricsConfig {
    /// The address; `None` if there is no listener.
    pub listen: Option<SocketAddr>,
}

impl MetricsConfig {
    /// A warning for the admin about the address: one sentence, without a full stop.
    #[must_use]
    pub(crate) fn warning(&self) -> Option<String> {
        let address = self.listen.filter(|address| is_public(address.ip().to_canonical()))?;
        Some(format!(
            "metrics.listen is {address}, so anybody who can reach this machine can read the metrics; use 127.0.0.1 or an \
             address of a private network"
        ))
    }
}

/// Whether strangers may be able to reach an address: it is not loopback, private (RFC 1918, RFC 4193) or link-local.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !(address.is_loopback() || address.is_private() || address.is_link_local()),
        IpAddr::V6(address) => !(address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()),
    }
}

/// Reads the section `[metrics]`. `taken` are the addresses of the other listeners.
pub(super) fn read_metrics(
    reader: &mut ValueReader<'_>,
    section: Section<'_, '_>,
    taken: &mut Vec<TakenAddress>,
) -> MetricsConfig {
    unknown_keys(reader, section, METRICS_KEYS);
    let mut metrics = MetricsConfig::default();
    let Some(value) = section.get("listen") else { return metrics };
    let line = reader.line(value);
    match value.get_ref() {
        DeValue::String(text) if text.is_empty() => {}
        DeValue::String(text) => match parse_address(text) {
            Ok(address) => {
                refuse_clash(reader, "metrics.listen", address, line, taken);
                taken.push((address, "metrics.listen"));
                metrics.listen = Some(address);
            }
            Err(error) => reader.mistake(Some(line), format!("metrics.listen is {}: {error}", quoted(text))),
        },
        other => reader.wrong_value(
            section,
            "listen",
            other,
            line,
            "one address in quotes, as in listen = \"127.0.0.1:9464\"",
        ),
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn read(text: &str) -> Option<SocketAddr> {
        parse(text, "a.toml").unwrap_or_else(|mistakes| panic!("{mistakes}")).metrics.listen
    }

    fn mistake(text: &str) -> String {
        parse(text, "a.toml").unwrap_err().to_string()
    }

    #[test]
    fn only_an_address_switches_the_listener_on() {
        assert_eq!((read(""), read("[metrics]"), read("[metrics]\nlisten = \"\"")), (None, None, None));
        assert_eq!(read("[metrics]\nlisten = \"127.0.0.1:9464\""), Some("127.0.0.1:9464".parse().unwrap()));
        assert_eq!(read("[metrics]\nlisten = \"[::1]:0\""), Some("[::1]:0".parse().unwrap()));
    }

    #[test]
    fn mistakes_are_named_with_their_line_and_remedy() {
        for (text, expected) in [
            ("[metrics]\nlisten = \"9464\"", "a.toml:2: metrics.listen is \"9464\": "),
            (
                "[metrics]\nlisten = [\"127.0.0.1:9464\"]",
                "a.toml:2: metrics.listen must be one address in quotes, as in listen = \"127.0.0.1:9464\", not a list",
            ),
            ("[metrics]\nlisten = 9464", "a.toml:2: metrics.listen must be one address in quotes, as in"),
            (
                "[metrics]\nlisten = \"127.0.0.1:5555\"",
                "a.toml:2: metrics.listen contains 127.0.0.1:5555, but listen already contains 0.0.0.0:5555",
            ),
            ("[metrics]\nlissten = \"\"", "a.toml:2: unknown key metrics.lissten; did you mean listen?"),
        ] {
            assert!(mistake(text).starts_with(expected), "{text:?} gave {}", mistake(text));
        }
    }

    #[test]
    fn an_address_that_strangers_may_reach_gets_a_warning() {
        for (address, public) in [
            ("127.0.0.1:1", false),
            ("[::1]:1", false),
            ("[::ffff:127.0.0.1]:1", false),
            ("10.1.2.3:1", false),
            ("192.168.0.1:1", false),
            ("[fd00::1]:1", false),
            ("[fe80::1]:1", false),
            ("0.0.0.0:1", true),
            ("[::]:1", true),
            ("203.0.113.1:1", true),
            ("[2001:db8::1]:1", true),
        ] {
            let config = MetricsConfig { listen: Some(address.parse().unwrap()) };
            assert_eq!(config.warning().is_some(), public, "{address}");
        }
        assert_eq!(MetricsConfig::default().warning(), None);
    }
}
