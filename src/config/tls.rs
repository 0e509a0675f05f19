//! Encryption in the config file: the section `[tls]`, what may still come in without it, and where its certificate is
//! kept.
//!
//! *Owns* what these may say, and that a way in is left. *Knows nothing of* certificates: whether the files are there and
//! fit is looked at when the server starts. *Called by* `read`.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::DeValue;

use super::address::parse_address;
use super::keys::{TLS_KEYS, unknown_keys};
use super::read::{TakenAddress, read_telnet, refuse_clash};
use super::syntax::Tree;
use super::value::{Section, ValueReader};
use super::{Config, Plain, Telnet, TlsConfig};

#[cfg(test)]
mod tests;

/// Where TLS is spoken if the section says nothing else.
const DEFAULT_PORT: u16 = 5556;

/// The section `[tls]`; `taken` are the addresses of the other listeners, `line` is where the section begins, `telnet`
/// is what the listeners do about telnet unless the section says something else.
pub(super) fn read_tls(
    reader: &mut ValueReader<'_>,
    section: Section<'_, '_>,
    line: Option<usize>,
    mut taken: Vec<TakenAddress>,
    state: Tree,
    telnet: Telnet,
) -> TlsConfig {
    let mut tls = TlsConfig { telnet, ..TlsConfig::default() };
    unknown_keys(reader, section, TLS_KEYS);
    let default = (Ipv4Addr::UNSPECIFIED, DEFAULT_PORT).into();
    let listen = reader.read_list(section, "listen", "0.0.0.0:5556", parse_address);
    for (address, line) in listen.unwrap_or_else(|| vec![(default, line.unwrap_or(1))]) {
        refuse_clash(reader, "tls.listen", address, line, &taken);
        taken.push((address, "tls.listen"));
        tls.listen.push(address);
    }
    read_telnet(reader, section, &mut tls.telnet);
    reader.read_path(section, "certificate", &mut tls.certificate);
    reader.read_path(section, "key", &mut tls.key);
    let (given, missing) = match (&tls.certificate, &tls.key) {
        (Some(_), None) => ("certificate", "key"),
        (None, Some(_)) => ("key", "certificate"),
        _ => return tls,
    };
    // Said already, if the other one is there and wrong.
    let said = reader.line_of(section, missing).is_some_and(|line| reader.has_mistake_on(line));
    if state == Tree::Whole && !said {
        let text = format!(
            "tls.{given} is given without tls.{missing}; name both files, or neither for a self-signed certificate"
        );
        reader.mistake(reader.line_of(section, given), text);
    }
    tls
}

/// The key `plain`, once all listeners are read. Where it is off there are no plain ones.
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
    for key in ["listen", "quick_listen"] {
        if top.get(key).is_some() && !is_emptied(top, key) {
            let text = format!(
                "plain is \"off\", so that nothing may be opened by {key}; take {key} out, or set plain to \"loopback\" or \"anywhere\""
            );
            reader.mistake(reader.line_of(top, key), text);
        }
    }
    let remedy = if cfg!(feature = "tls") {
        "add a section [tls]"
    } else {
        "TLS needs the feature tls, which is not in this build; build with: cargo run --release --features tls"
    };
    if top.get("tls").is_none() {
        reader.mistake(
            reader.line_of(top, "plain"),
            format!("plain is \"off\" and there is no TLS, so that nobody could come in; {remedy}"),
        );
    }
}

/// A mistake if nobody could come in. Looked up in the file and not in what was read, since a list whose every entry is
/// wrong is not empty.
pub(super) fn refuse_nowhere(
    reader: &mut ValueReader<'_>,
    top: Section<'_, '_>,
    tls: Option<Section<'_, '_>>,
    config: &Config,
) {
    let no_tls = tls.is_none_or(|tls| is_emptied(tls, "listen"));
    if config.plain == Plain::Off {
        if let Some(tls) = tls.filter(|_| no_tls) {
            let text = "tls.listen is empty and plain is \"off\", so that nobody could come in; put an address into it";
            reader.mistake(reader.line_of(tls, "listen"), text);
        }
    } else if is_emptied(top, "listen")
        && (is_emptied(top, "quick_listen") || top.get("quick_listen").is_none())
        && no_tls
    {
        reader.mistake(
            reader.line_of(top, "listen"),
            "listen and quick_listen are both empty, so that nobody could come in; put an address into one, as in listen = [\"0.0.0.0:5555\"]",
        );
    }
}

fn is_emptied(section: Section<'_, '_>, key: &str) -> bool {
    matches!(section.get(key).map(Spanned::get_ref), Some(DeValue::Array(list)) if list.is_empty())
}

/// The key `state_dir`.
pub(super) fn read_state_dir(reader: &mut ValueReader<'_>, top: Section<'_, '_>, target: &mut PathBuf) {
    let mut path = Some(target.clone());
    reader.read_path(top, "state_dir", &mut path);
    match path {
        Some(path) => *target = path,
        None => reader.mistake(
            reader.line_of(top, "state_dir"),
            "state_dir must name a directory; \".\" is the one the server is started in",
        ),
    }
}
