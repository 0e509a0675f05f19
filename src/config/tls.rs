//! Encryption in the config file: the section `[tls]`, what may still come in without it, and where its certificate is
//! kept.
//!
//! *Owns* what these may say, and that a way in is left. *Knows nothing of* certificates: whether the files are there and
//! fit is looked at when the server starts. *Called by* `read`.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use super::address::parse_address;
use super::conflict::{TakenAddress, refuse_clash};
use super::keys::{TLS_KEYS, unknown_keys};
use super::listeners::read_telnet;
use super::syntax::Tree;
use super::value::{Section, ValueReader};
use super::{Telnet, TlsConfig};

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
