//! Settles the certificate required of the server, before anybody connects.
//!
//! *Owns* the question on the first start, and the message about a known server with another certificate. *Knows
//! nothing of* the check of a certificate.

use std::io;
use std::path::Path;

use jiff::Zoned;

use super::upstream::{ConnectError, Preface, Upstream};
use super::{Asks, ProxyError};
use crate::cli::trust::{Authorities, Expected, Finding, KnownServer, KnownServers};
use crate::cli::{Protection, ProxyOptions, ServerAddress};

/// The certificate required of the server; `None` without TLS.
pub(super) fn settle(options: &ProxyOptions, asks: &mut dyn Asks) -> Result<Option<Expected>, ProxyError> {
    match &options.protection {
        Protection::Plain => Ok(None),
        Protection::Fingerprint(fingerprint) => Ok(Some(Expected::Fingerprint(*fingerprint))),
        Protection::Authority(file) => read_authorities(file).map(Some),
        Protection::Known => settle_known(options, asks).map(Some),
    }
}

/// Accepts a certificate that one of the authorities in this file vouches for.
pub(in crate::cli) fn read_authorities(file: &Path) -> Result<Expected, ProxyError> {
    let read = Authorities::read(file);
    read.map(Expected::Vouched).map_err(|error| ProxyError::NotTrusted(format!("--ca {} {error}", file.display())))
}

/// The file of known servers.
pub(in crate::cli) fn known_servers() -> Result<KnownServers, ProxyError> {
    let no_place = || {
        let text = "neither XDG_STATE_HOME nor HOME says where known servers are kept; give --fingerprint";
        ProxyError::NotTrusted(text.to_owned())
    };
    KnownServers::find().ok_or_else(no_place)
}

/// Looks up the known certificate of a server.
pub(in crate::cli) fn look_up(known: &KnownServers, to: &ServerAddress) -> Result<Option<KnownServer>, ProxyError> {
    known.look_up(&to.to_string()).map_err(|error| unusable(known, error))
}

fn unusable(known: &KnownServers, error: io::Error) -> ProxyError {
    ProxyError::KnownServers(known.path().display().to_string(), error)
}

/// The message to the user if a known server shows another certificate.
pub(in crate::cli) fn changed(
    to: &ServerAddress,
    known: &KnownServer,
    finding: &Finding,
    file: &KnownServers,
) -> String {
    format!(
        "! The certificate of {to} has changed.\n! Known since {}: {}  Now: {}\n! Nothing was sent. If you know why, remove the line from {} or give --fingerprint.",
        known.since,
        known.fingerprint,
        finding.fingerprint,
        file.path().display()
    )
}

/// Makes an unknown server known, if an authority vouches for it or the user trusts it.
pub(in crate::cli) fn learn(
    to: &ServerAddress,
    finding: &Finding,
    known: &KnownServers,
    asks: &mut dyn Asks,
) -> Result<Expected, ProxyError> {
    let server = to.to_string();
    if !finding.vouched {
        ask(&server, finding, asks)?;
    }
    known.add(&server, finding.fingerprint, Zoned::now().date()).map_err(|error| unusable(known, error))?;
    let file = known.path().display();
    asks.tell(&format!("* {server} is a known server from now on, listed in {file}."));
    Ok(Expected::Fingerprint(finding.fingerprint))
}

fn settle_known(options: &ProxyOptions, asks: &mut dyn Asks) -> Result<Expected, ProxyError> {
    let to = &options.to;
    let preface = if options.send_header { Preface::Own } else { Preface::Nothing };
    let known_servers = known_servers()?;
    if let Some(known) = look_up(&known_servers, to)? {
        return match look(to, preface, None) {
            Ok(finding) if finding.fingerprint != known.fingerprint => {
                Err(ProxyError::NotTrusted(changed(to, &known, &finding, &known_servers)))
            }
            Ok(_) => Ok(Expected::Fingerprint(known.fingerprint)),
            // The server may be up by the time somebody connects.
            Err(why) => {
                log::warn!("{why}");
                Ok(Expected::Fingerprint(known.fingerprint))
            }
        };
    }
    let unseen = |why| format!("{why} Its certificate is not known yet; start it first, or give --fingerprint");
    let finding = look(to, preface, Authorities::of_the_system()).map_err(|why| ProxyError::NotTrusted(unseen(why)))?;
    learn(to, &finding, &known_servers, asks)
}

fn ask(server: &str, finding: &Finding, asks: &mut dyn Asks) -> Result<(), ProxyError> {
    let fingerprint = finding.fingerprint;
    if !asks.is_there() {
        return Err(ProxyError::NotTrusted(format!(
            "{server} is not known yet, and nobody is at a terminal to be asked; --fingerprint is required. \
             It shows {fingerprint}; compare that with what the server prints at start"
        )));
    }
    let question = format!("* {server} shows certificate SHA-256 {fingerprint}\nTrust it from now on? (yes/no) ");
    match asks.ask(&question) {
        Ok(true) => Ok(()),
        Ok(false) => Err(ProxyError::NotTrusted(format!("{server} is not trusted; nothing was sent"))),
        Err(error) => Err(ProxyError::NotTrusted(format!("the terminal cannot be read: {error}"))),
    }
}

/// Fetches the server's certificate, sending nothing but the beginning of a handshake. The error is a sentence.
fn look(to: &ServerAddress, preface: Preface, authorities: Option<Authorities>) -> Result<Finding, String> {
    let upstream = Upstream { to: to.clone(), expected: Some(Expected::Nothing(authorities)) };
    match upstream.connect(preface) {
        Err(ConnectError::Certificate(finding)) => Ok(finding),
        Err(error @ ConnectError::Unreachable(_)) => Err(error.sentence(to)),
        // The handshake cannot succeed without a certificate.
        Ok(_) => Err(format!("{to} has shown no certificate.")),
    }
}
