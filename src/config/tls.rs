//! The section `[tls]`, and the key `state_dir`, where its self-signed certificate is kept.
//!
//! *Knows nothing of* certificates: the server checks the files when it starts.

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

/// The port for TLS unless the section sets another.
const DEFAULT_PORT: u16 = 5556;

/// Reads the section `[tls]`. `taken` are the addresses of the other listeners, `line` is where the section begins, and
/// `telnet` is the default for its key of that name.
pub(super) fn read_tls(
    reader: &mut ValueReader<'_>,
    section: Section<'_, '_>,
    line: Option<usize>,
    taken: &mut Vec<TakenAddress>,
    state: Tree,
    telnet: Telnet,
) -> TlsConfig {
    let mut tls = TlsConfig { telnet, ..TlsConfig::default() };
    unknown_keys(reader, section, TLS_KEYS);
    let default = (Ipv4Addr::UNSPECIFIED, DEFAULT_PORT).into();
    let listen = reader.read_list(section, "listen", "0.0.0.0:5556", parse_address);
    for (address, line) in listen.unwrap_or_else(|| vec![(default, line.unwrap_or(1))]) {
        refuse_clash(reader, "tls.listen", address, line, taken);
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
    // If the other one is set and invalid, that is reported already.
    let reported = reader.line_of(section, missing).is_some_and(|line| reader.has_mistake_on(line));
    if state == Tree::Whole && !reported {
        let text =
            format!("tls.{given} is set without tls.{missing}; set both, or neither for a self-signed certificate");
        reader.mistake(reader.line_of(section, given), text);
    }
    tls
}

/// Reads the key `state_dir`.
pub(super) fn read_state_dir(reader: &mut ValueReader<'_>, top: Section<'_, '_>, target: &mut PathBuf) {
    let mut path = Some(target.clone());
    reader.read_path(top, "state_dir", &mut path);
    match path {
        Some(path) => *target = path,
        None => reader.mistake(
            reader.line_of(top, "state_dir"),
            "state_dir must name a directory; \".\" is the directory the server is started in",
        ),
    }
}
