//! The section `[proxy]`: listeners behind proxies, and which proxies are trusted.
//!
//! *Knows nothing of* the header in which a proxy names its client.

use std::net::SocketAddr;

use super::address::parse_address;
use super::conflict::{TakenAddress, refuse_clash};
use super::keys::{PROXY_KEYS, TLS_BUILT, lacking, unknown_keys};
use super::syntax::Tree;
use super::value::{Section, ValueReader};
use crate::access::network::Network;

/// The section `[proxy]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyConfig {
    /// Addresses where proxies connect for users with telnet and nc.
    pub listen: Vec<SocketAddr>,
    /// The same for users with TLS, with the certificate of `[tls]`.
    pub tls_listen: Vec<SocketAddr>,
    /// The proxies that are trusted to name the client they connect for; not empty if there is a listener.
    pub trusted: Vec<Network>,
}

/// Reads the section `[proxy]`. `taken` are the addresses of the other listeners.
pub(super) fn read_proxy(
    reader: &mut ValueReader<'_>,
    section: Section<'_, '_>,
    taken: &mut Vec<TakenAddress>,
    state: Tree,
) -> ProxyConfig {
    let mut proxy = ProxyConfig::default();
    unknown_keys(reader, section, PROXY_KEYS);
    for (key, name, example, target) in [
        ("listen", "proxy.listen", "127.0.0.1:5565", &mut proxy.listen),
        ("tls_listen", "proxy.tls_listen", "0.0.0.0:5566", &mut proxy.tls_listen),
    ] {
        for (address, line) in reader.read_list(section, key, example, parse_address).unwrap_or_default() {
            refuse_clash(reader, name, address, line, taken);
            taken.push((address, name));
            target.push(address);
        }
    }
    if !TLS_BUILT && !proxy.tls_listen.is_empty() {
        reader.mistake(reader.line_of(section, "tls_listen"), format!("proxy.tls_listen {}", lacking("tls")));
    }
    let trusted = reader.read_list(section, "trusted", "127.0.0.1", Network::parse).unwrap_or_default();
    proxy.trusted = trusted.into_iter().map(|(network, _)| network).collect();
    refuse_trusting_nobody(reader, section, &proxy, state);
    proxy
}

/// Reports listeners that nobody could use. If an entry of the list is wrong, that is reported already.
fn refuse_trusting_nobody(reader: &mut ValueReader<'_>, section: Section<'_, '_>, proxy: &ProxyConfig, state: Tree) {
    let (key, name) =
        if proxy.listen.is_empty() { ("tls_listen", "proxy.tls_listen") } else { ("listen", "proxy.listen") };
    if state != Tree::Whole || section.get(key).is_none() || !proxy.trusted.is_empty() {
        return;
    }
    let listens = !proxy.listen.is_empty() || !proxy.tls_listen.is_empty();
    let line = reader.line_of(section, "trusted").or_else(|| reader.line_of(section, key));
    let reported = reader.line_of(section, "trusted").is_some_and(|line| reader.has_mistake_on(line));
    if listens && !reported {
        let text = format!(
            "proxy.trusted is empty, so {name} would refuse everybody; list the addresses of the proxies, as in trusted = [\"127.0.0.1\"]"
        );
        reader.mistake(line, text);
    }
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
    fn listeners_and_trusted_proxies_are_read() {
        let config = read("[proxy]\nlisten = [\"127.0.0.1:5565\"]\ntrusted = [\"127.0.0.1\", \"10.0.0.0/8\"]\n");
        assert_eq!(config.proxy.listen, ["127.0.0.1:5565".parse().unwrap()]);
        assert!(config.proxy.trusted.iter().any(|network| network.contains([10, 9, 8, 7].into())));
        assert_eq!(read("[proxy]\n").proxy, super::ProxyConfig::default());
        assert_eq!(
            read("[proxy]\ntrusted = [\"::1\"]\n").proxy.trusted.len(),
            1,
            "without a listener it has no effect"
        );
    }

    #[test]
    fn a_listener_that_trusts_nobody_is_a_mistake() {
        let expected = "proxy.trusted is empty, so proxy.listen would refuse everybody";
        for trusted in ["", "trusted = []\n"] {
            let said = mistakes(&format!("[proxy]\nlisten = [\"127.0.0.1:0\"]\n{trusted}"));
            assert!(said.len() == 1 && said[0].starts_with(expected), "{said:?}");
        }
        let said = mistakes("[proxy]\nlisten = [\"127.0.0.1:0\"]\ntrusted = [\"everybody\"]\n");
        assert!(said.len() == 1 && said[0].starts_with("proxy.trusted contains"), "{said:?}");
    }

    #[test]
    fn an_address_of_another_listener_is_a_mistake() {
        let said = mistakes("[proxy]\nlisten = [\"127.0.0.1:5555\"]\ntrusted = [\"127.0.0.1\"]\n");
        assert!(said[0].contains("but listen already contains 0.0.0.0:5555"), "{said:?}");
    }

    #[test]
    fn a_server_may_listen_for_proxies_only() {
        let config = read("listen = []\n[proxy]\nlisten = [\"127.0.0.1:0\"]\ntrusted = [\"127.0.0.1\"]\n");
        assert!(config.listen.is_empty() && config.proxy.listen.len() == 1);
    }

    #[test]
    fn plain_off_leaves_no_unencrypted_listener_behind_proxies() {
        let said = mistakes("plain = \"off\"\n[proxy]\nlisten = [\"127.0.0.1:0\"]\ntrusted = [\"127.0.0.1\"]\n");
        assert!(said.iter().any(|said| said.contains("allows no addresses in proxy.listen")), "{said:?}");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn plain_off_with_an_encrypted_listener_behind_proxies_is_fine() {
        let config = read("plain = \"off\"\n[proxy]\ntls_listen = [\"127.0.0.1:0\"]\ntrusted = [\"127.0.0.1\"]\n");
        assert!(config.listen.is_empty() && config.proxy.tls_listen.len() == 1);
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn an_encrypted_listener_needs_the_feature() {
        let said = mistakes("[proxy]\ntls_listen = [\"127.0.0.1:0\"]\ntrusted = [\"127.0.0.1\"]\n");
        assert!(said.len() == 1 && said[0].starts_with("proxy.tls_listen needs the feature tls"), "{said:?}");
    }
}
