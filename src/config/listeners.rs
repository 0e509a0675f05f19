//! The listeners and who may use them: `listen`, `quick_listen`, `plain` and `telnet`.
//!
//! *Owns* the values of these keys, and the check that somebody can connect at all. *Knows nothing of* sockets.

use toml::Spanned;
use toml::de::DeValue;

use super::address::parse_address;
use super::conflict::{TakenAddress, refuse_clash};
use super::syntax::Tree;
use super::value::{Section, ValueReader};
use super::{Config, Plain, Telnet};

/// Reads the key `telnet`, which `[tls]` has too.
pub(super) fn read_telnet(reader: &mut ValueReader<'_>, section: Section<'_, '_>, target: &mut Telnet) {
    let words = [("auto", Telnet::Auto), ("never", Telnet::Never), ("always", Telnet::Always)];
    reader.read_word(section, "telnet", &words, target);
}

/// Reads the plain listeners; returns their addresses with the keys that contain them.
pub(super) fn read_listeners(
    reader: &mut ValueReader<'_>,
    top: Section<'_, '_>,
    config: &mut Config,
) -> Vec<TakenAddress> {
    let mut taken: Vec<TakenAddress> = Vec::new();
    for (key, example) in [("listen", "0.0.0.0:5555"), ("quick_listen", "0.0.0.0:2323")] {
        let target = if key == "listen" { &mut config.listen } else { &mut config.quick_listen };
        if let Some(found) = reader.read_list(top, key, example, parse_address) {
            target.clear();
            for (address, line) in found {
                refuse_clash(reader, key, address, line, &taken);
                taken.push((address, key));
                target.push(address);
            }
        } else {
            taken.extend(target.iter().map(|address| (*address, key)));
        }
    }
    taken
}

/// Reads the key `plain`, after all listeners. With "off" there are no plain ones.
pub(super) fn read_plain(reader: &mut ValueReader<'_>, top: Section<'_, '_>, state: Tree, config: &mut Config) {
    let words = [("off", Plain::Off), ("loopback", Plain::Loopback), ("anywhere", Plain::Anywhere)];
    reader.read_word(top, "plain", &words, &mut config.plain);
    if config.plain != Plain::Off {
        return;
    }
    config.listen.clear();
    config.quick_listen.clear();
    if state != Tree::Whole {
        return;
    }
    refuse_other_plain(reader, top, config);
    for key in ["listen", "quick_listen"] {
        if top.get(key).is_some() && !is_emptied(top, key) {
            let text = format!(
                "plain is \"off\", which allows no addresses in {key}; remove {key}, or set plain to \"loopback\" or \"anywhere\""
            );
            reader.mistake(reader.line_of(top, key), text);
        }
    }
    let remedy = if cfg!(feature = "tls") {
        "add a section [tls]"
    } else {
        "TLS needs the feature tls, which is not in this build; build with: cargo run --release --features tls"
    };
    if top.get("tls").is_none() && !has_other_listeners(config) {
        reader.mistake(
            reader.line_of(top, "plain"),
            format!("plain is \"off\" and there is no TLS, so nobody could connect; {remedy}"),
        );
    }
}

/// Reports a config with which nobody could connect. Looks at the file itself, because a list whose entries are all
/// invalid was not meant to be empty.
pub(super) fn refuse_nowhere(
    reader: &mut ValueReader<'_>,
    top: Section<'_, '_>,
    tls: Option<Section<'_, '_>>,
    config: &Config,
) {
    let no_tls = tls.is_none_or(|tls| is_emptied(tls, "listen"));
    if config.plain == Plain::Off {
        if let Some(tls) = tls.filter(|_| no_tls && !has_other_listeners(config)) {
            let text = "tls.listen is empty and plain is \"off\", so nobody could connect; add an address";
            reader.mistake(reader.line_of(tls, "listen"), text);
        }
    } else if is_emptied(top, "listen")
        && (is_emptied(top, "quick_listen") || top.get("quick_listen").is_none())
        && no_tls
        && !has_other_listeners(config)
    {
        reader.mistake(
            reader.line_of(top, "listen"),
            "listen and quick_listen are both empty, so nobody could connect; add an address, as in listen = [\"0.0.0.0:5555\"]",
        );
    }
}

impl Config {
    /// Keeps the listeners of `old`, because a running server cannot change them. Returns whether they differ.
    pub(crate) fn keep_listeners(&mut self, old: &Config) -> bool {
        let asked = self.clone();
        self.listen.clone_from(&old.listen);
        self.quick_listen.clone_from(&old.quick_listen);
        if self.tls.listen.is_empty() && !old.tls.listen.is_empty() {
            // The section is gone, and with it the file names. The listeners stay and keep their certificate.
            self.tls.clone_from(&old.tls);
        }
        self.tls.listen.clone_from(&old.tls.listen);
        #[cfg(feature = "web")]
        {
            self.web.listen.clone_from(&old.web.listen);
            self.web.tls_listen.clone_from(&old.web.tls_listen);
        }
        #[cfg(feature = "json")]
        self.json.clone_from(&old.json);
        #[cfg(feature = "metrics")]
        self.metrics.clone_from(&old.metrics);
        let had_proxies = !old.proxy.listen.is_empty() || !old.proxy.tls_listen.is_empty();
        if self.proxy.trusted.is_empty() && had_proxies {
            // The section is gone, but the listeners stay. With nobody to trust they would refuse everybody.
            self.proxy.trusted.clone_from(&old.proxy.trusted);
        }
        self.proxy.listen.clone_from(&old.proxy.listen);
        self.proxy.tls_listen.clone_from(&old.proxy.tls_listen);
        *self != asked
    }
}

/// Whether there are listeners besides those at the top and in `[tls]`.
fn has_other_listeners(config: &Config) -> bool {
    #[cfg(feature = "json")]
    if !config.json.listen.is_empty() || !config.json.tls_listen.is_empty() {
        return true;
    }
    #[cfg(feature = "web")]
    if !config.web.listen.is_empty() || !config.web.tls_listen.is_empty() {
        return true;
    }
    !config.proxy.listen.is_empty() || !config.proxy.tls_listen.is_empty()
}

/// Reports unencrypted listeners of `[files]`, `[proxy]`, `[json]` and `[web]` if none are allowed.
fn refuse_other_plain(reader: &mut ValueReader<'_>, top: Section<'_, '_>, config: &mut Config) {
    let others = [
        ("files", &mut config.files.listen),
        ("proxy", &mut config.proxy.listen),
        #[cfg(feature = "json")]
        ("json", &mut config.json.listen),
        #[cfg(feature = "web")]
        ("web", &mut config.web.listen),
    ];
    for (name, listen) in others {
        if !std::mem::take(listen).is_empty() {
            let text = format!(
                "plain is \"off\", which allows no addresses in {name}.listen; use {name}.tls_listen, or set plain to \"loopback\" or \"anywhere\""
            );
            reader.mistake(reader.line_of(top, name), text);
        }
    }
}

fn is_emptied(section: Section<'_, '_>, key: &str) -> bool {
    matches!(section.get(key).map(Spanned::get_ref), Some(DeValue::Array(list)) if list.is_empty())
}
