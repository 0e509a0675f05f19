//! The command line of `chatsock proxy`.
//!
//! *Owns* its options, and the errors about them. *Knows nothing of* connections and certificates.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use super::options::{common, in_words, once, text_of, value};
use super::trust::Fingerprint;
use super::{Invocation, UsageError, Verbosity};
use crate::config::{lacking, parse_address};

/// The command word.
pub(super) const WORD: &str = "proxy";

/// Its options, for hints.
const OPTIONS: &[&str] = &["listen", "to", "plain", "fingerprint", "ca", "send-proxy", "max", "help", "version"];

/// The default of `--max`.
const DEFAULT_MAX: usize = 64;

/// The largest `--max`. Each client takes two threads and two descriptors.
const MOST: usize = 10_000;

/// How to run the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyOptions {
    /// The address that clients connect to.
    pub listen: SocketAddr,
    /// The server.
    pub to: ServerAddress,
    /// The protection of the connection to the server.
    pub protection: Protection,
    /// Whether a PROXY header tells the server the client's address.
    pub send_header: bool,
    /// Most clients at once.
    pub most: usize,
    /// How much to log.
    pub verbosity: Verbosity,
}

/// A server, as the user wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// A name or an address, in lower case and without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl ServerAddress {
    /// Reads `HOST:PORT`; an IPv6 address is in brackets.
    #[must_use]
    pub fn parse(text: &str) -> Option<ServerAddress> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.bytes().all(|digit| digit.is_ascii_digit()).then(|| port.parse().ok()).flatten()?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inside) => return (port != 0).then_some(ServerAddress { host: numeric(inside)?, port }),
            None => host.to_ascii_lowercase(),
        };
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        let fits = !host.is_empty() && host.len() <= 253 && host.chars().all(|c| is_name(c) || c == ':');
        let is_right = fits && (!host.contains(':') || host.parse::<Ipv6Addr>().is_ok()) && port != 0;
        (is_right && !text.starts_with(':')).then_some(ServerAddress { host, port })
    }
}

/// An IPv6 address, perhaps with a zone: `fe80::1%eth0` (RFC 4007, section 11).
fn numeric(text: &str) -> Option<String> {
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    let address: Ipv6Addr = address.parse().ok()?;
    let is_zone = |zone: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | ':');
        // The system's limit for names of interfaces.
        (1..16).contains(&zone.len()) && zone.chars().all(is_part) && address.is_unicast_link_local()
    };
    match zone {
        None => Some(address.to_string()),
        Some(zone) => is_zone(zone).then(|| format!("{address}%{zone}")),
    }
}

/// The protection of the connection to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// None (`--plain`).
    Plain,
    /// TLS, with the known certificate or the one that the user accepts at the start.
    Known,
    /// TLS, with the certificate that has this fingerprint.
    Fingerprint(Fingerprint),
    /// TLS, with a certificate that an authority in this file vouches for.
    Authority(PathBuf),
}

/// Parses the arguments after the word `proxy`.
pub(super) fn parse(parser: &mut Parser) -> Result<Invocation, UsageError> {
    let (mut listen, mut to, mut most) = (None, None, None);
    let (mut plain, mut send_header, mut fingerprint, mut authority) = (false, false, None, None);
    let mut verbosity = Verbosity::Normal;
    while let Some(arg) = parser.next().map_err(|error| in_words(&error))? {
        match arg {
            Arg::Short('v') if verbosity == Verbosity::Normal => verbosity = Verbosity::Verbose,
            Arg::Short('v') => verbosity = Verbosity::Trace,
            Arg::Short('q') => verbosity = Verbosity::Quiet,
            Arg::Long("plain") => plain = true,
            Arg::Long("send-proxy") => send_header = true,
            Arg::Long("listen") => {
                let text = text_of(&value(parser, "--listen needs an address, as in --listen 127.0.0.1:2323")?);
                let address = parse_address(&text)
                    .map_err(|error| UsageError(format!("--listen {}: {error}", text.escape_debug())))?;
                once("--listen", &mut listen, address)?;
            }
            Arg::Long("to") => {
                let needed = "--to needs a host and a port, as in --to chat.example.org:5556";
                let text = text_of(&value(parser, needed)?);
                let address = ServerAddress::parse(&text)
                    .ok_or_else(|| UsageError(format!("--to {}: {}", text.escape_debug(), &needed[5..])))?;
                once("--to", &mut to, address)?;
            }
            Arg::Long("max") => {
                let needed = format!("--max needs a number from 1 to {MOST}, as in --max {DEFAULT_MAX}");
                let number = text_of(&value(parser, &needed)?).parse().ok();
                let number = number.filter(|number| (1..=MOST).contains(number)).ok_or(UsageError(needed))?;
                once("--max", &mut most, number)?;
            }
            Arg::Long("fingerprint") => {
                let needed = "--fingerprint needs the SHA-256 that the server prints at start, as in --fingerprint AB:CD:..., 32 pairs";
                let text = text_of(&value(parser, needed)?);
                let read = Fingerprint::parse(&text).ok_or_else(|| UsageError(needed.to_owned()))?;
                once("--fingerprint", &mut fingerprint, read)?;
            }
            Arg::Long("ca") => {
                let file = value(parser, "--ca needs a PEM file, as in --ca /etc/ssl/certs/ca-certificates.crt")?;
                once("--ca", &mut authority, PathBuf::from(file))?;
            }
            Arg::Value(word) => {
                let word = text_of(&word);
                return Err(UsageError(format!(
                    "chatsock proxy takes options only, not {}; as in chatsock proxy --listen 127.0.0.1:2323 --to chat.example.org:5556",
                    word.escape_debug()
                )));
            }
            other => return common(&other, WORD, OPTIONS),
        }
    }
    let example = "as in chatsock proxy --listen 127.0.0.1:2323 --to chat.example.org:5556";
    let missing = |option: &str| UsageError(format!("chatsock proxy needs {option}; {example}"));
    let listen = listen.ok_or_else(|| missing("--listen"))?;
    let to = to.ok_or_else(|| missing("--to"))?;
    let protection = match (plain, fingerprint, authority) {
        (true, None, None) => Protection::Plain,
        (false, None, None) => Protection::Known,
        (false, Some(fingerprint), None) => Protection::Fingerprint(fingerprint),
        (false, None, Some(authority)) => Protection::Authority(authority),
        (true, _, _) => {
            return Err(UsageError(
                "--plain uses no certificate; leave out --plain, or --fingerprint and --ca".to_owned(),
            ));
        }
        (false, Some(_), Some(_)) => {
            return Err(UsageError(
                "--fingerprint and --ca are two ways to trust a server; keep one of the two".to_owned(),
            ));
        }
    };
    if protection != Protection::Plain && !cfg!(feature = "tls") {
        return Err(UsageError(format!("chatsock proxy without --plain {}", lacking("tls"))));
    }
    let most = most.unwrap_or(DEFAULT_MAX);
    Ok(Invocation::Proxy(ProxyOptions { listen, to, protection, send_header, most, verbosity }))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn call(line: &str) -> Result<Invocation, UsageError> {
        super::super::parse(line.split_whitespace().map(OsString::from))
    }

    fn options(line: &str) -> ProxyOptions {
        match call(line) {
            Ok(Invocation::Proxy(options)) => options,
            other => panic!("{line:?} gave {other:?}"),
        }
    }

    fn refusal(line: &str) -> String {
        call(line).unwrap_err().to_string()
    }

    #[test]
    fn every_option_is_taken() {
        let options = options("proxy --listen 127.0.0.1:2323 --to Box:5555 --plain --send-proxy --max 5 -v");
        assert_eq!(
            options,
            ProxyOptions {
                listen: "127.0.0.1:2323".parse().unwrap(),
                to: ServerAddress { host: "box".to_owned(), port: 5555 },
                protection: Protection::Plain,
                send_header: true,
                most: 5,
                verbosity: Verbosity::Verbose,
            }
        );
    }

    #[cfg(feature = "tls")]
    #[test]
    fn without_plain_it_is_tls_trusted_in_one_of_three_ways() {
        let base = "proxy --listen 127.0.0.1:0 --to [::1]:5556";
        assert_eq!((options(base).protection, options(base).most), (Protection::Known, 64));
        let fingerprint = "ab".repeat(32);
        let expected = Protection::Fingerprint(Fingerprint::parse(&fingerprint).unwrap());
        assert_eq!(options(&format!("{base} --fingerprint {fingerprint}")).protection, expected);
        assert_eq!(options(&format!("{base} --ca a.pem")).protection, Protection::Authority("a.pem".into()));
        assert!(refusal(&format!("{base} --ca a.pem --fingerprint {fingerprint}")).contains("keep one"));
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn without_the_feature_it_says_how_to_build_it_and_plain_works() {
        let base = "proxy --listen 127.0.0.1:0 --to box:5556";
        assert!(refusal(base).starts_with("chatsock proxy without --plain needs the feature tls"));
        assert_eq!(options(&format!("{base} --plain")).protection, Protection::Plain);
    }

    #[test]
    fn a_wrong_call_is_answered_with_what_was_meant() {
        for (line, said) in [
            (
                "proxy",
                "chatsock proxy needs --listen; as in chatsock proxy --listen 127.0.0.1:2323 --to chat.example.org:5556",
            ),
            (
                "proxy --listen 127.0.0.1:0",
                "chatsock proxy needs --to; as in chatsock proxy --listen 127.0.0.1:2323 --to chat.example.org:5556",
            ),
            ("proxy --to box", "--to box: needs a host and a port, as in --to chat.example.org:5556"),
            ("proxy --to", "--to needs a host and a port, as in --to chat.example.org:5556"),
            (
                "proxy --listen 2323",
                "--listen 2323: the address is missing; write 0.0.0.0:2323 for every IPv4 address or 127.0.0.1:2323 for this machine only",
            ),
            ("proxy --max 0", "--max needs a number from 1 to 10000, as in --max 64"),
            ("proxy --max -1", "--max needs a number from 1 to 10000, as in --max 64"),
            ("proxy --max 5 --max 6", "--max is given twice; keep one of the two"),
            ("proxy --config a.toml", "--config is not an option of chatsock proxy; leave it out"),
            ("proxy --send", "unknown option --send; see chatsock --help"),
            ("proxy --fingerprin x", "unknown option --fingerprin; did you mean --fingerprint?"),
            ("proxy --check-config", "--check-config is not an option of chatsock proxy; leave it out"),
            ("--check-config proxy", "--check-config is not an option of chatsock proxy; leave it out"),
            ("--config a.toml proxy", "--config is not an option of chatsock proxy; leave it out"),
            ("serve proxy", "serve and proxy are two commands; use one of them"),
            ("prxy", "unknown command prxy; did you mean proxy?"),
        ] {
            assert_eq!(refusal(line), said, "{line}");
        }
        assert!(refusal("proxy box:5556").starts_with("chatsock proxy takes options only, not box:5556"));
        assert!(
            refusal("proxy --listen 127.0.0.1:0 --to box:1 --plain --ca x").contains("--plain uses no certificate")
        );
        assert!(refusal("proxy --fingerprint AB:CD").contains("32 pairs"));
        assert_eq!(call("proxy --help"), Ok(Invocation::Help));
    }

    #[test]
    fn a_server_is_a_name_or_an_address_with_a_port() {
        for (text, shown) in [
            ("box:5556", "box:5556"),
            ("Chat.Example.ORG:1", "chat.example.org:1"),
            ("192.0.2.7:65535", "192.0.2.7:65535"),
            ("[::1]:5556", "[::1]:5556"),
            ("[2001:DB8:0::1]:5556", "[2001:db8::1]:5556"),
            ("[FE80::1%eth0]:5556", "[fe80::1%eth0]:5556"),
        ] {
            assert_eq!(ServerAddress::parse(text).expect(text).to_string(), shown);
        }
        for text in [
            "",
            "box",
            ":5556",
            "box:",
            "box:0",
            "box:65536",
            "box:+1",
            "::1",
            "::1:5556",
            "[::1]",
            "[box]:1",
            "[fe80::1%]:1",
            "[fe80::1%a b]:1",
            "[2001:db8::1%eth0]:1",
            "a b:1",
            "a/b:1",
            "box:1:2",
        ] {
            assert_eq!(ServerAddress::parse(text), None, "{text}");
        }
    }
}
