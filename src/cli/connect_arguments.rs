//! The command line of `chatsock connect`.
//!
//! *Owns* its options, and the errors about them. *Knows nothing of* connections and screens.

use std::path::PathBuf;

use lexopt::{Arg, Parser};

use super::options::{common, in_words, once, text_of, value};
use super::trust::Fingerprint;
use super::{Invocation, ServerAddress, UsageError};

/// The command word.
pub(super) const WORD: &str = "connect";

/// Its options, for hints.
const OPTIONS: &[&str] =
    &["plain", "tls", "fingerprint", "ca", "room", "bubbles", "lines", "download", "help", "version"];

/// How to run the client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The user's name.
    pub name: Option<String>,
    /// The server's host, in lower case and without brackets. `None`: look for a server in the network.
    pub host: Option<String>,
    /// The server's port.
    pub port: Option<u16>,
    /// `--plain`: do not use TLS.
    pub plain: bool,
    /// `--tls`: use TLS only.
    pub tls: bool,
    /// The server must have this certificate.
    pub fingerprint: Option<Fingerprint>,
    /// One of the authorities in this file must vouch for the server.
    pub authority: Option<PathBuf>,
    /// The room to enter.
    pub room: Option<String>,
    /// The look of messages.
    pub look: ConnectLook,
    /// Where received files are saved.
    pub download: Option<PathBuf>,
}

/// The look of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ConnectLook {
    /// Bubbles or lines, depending on the terminal.
    #[default]
    Fitting,
    /// In bubbles.
    Bubbles,
    /// In lines without frames.
    Lines,
}

/// The port for TLS, if none is given.
#[cfg(feature = "client")]
pub(crate) const TLS_PORT: u16 = 5556;
/// The port for plain text, if none is given.
#[cfg(feature = "client")]
pub(crate) const PLAIN_PORT: u16 = 5555;

const EXAMPLE: &str = "as in chatsock connect alice@chat.example.org";

/// Parses the arguments after the word `connect`.
pub(super) fn parse(parser: &mut Parser) -> Result<Invocation, UsageError> {
    let mut options = ConnectOptions::default();
    let (mut bubbles, mut lines, mut target) = (false, false, None);
    while let Some(arg) = parser.next().map_err(|error| in_words(&error))? {
        match arg {
            Arg::Long("plain") => options.plain = true,
            Arg::Long("tls") => options.tls = true,
            Arg::Long("bubbles") => bubbles = true,
            Arg::Long("lines") => lines = true,
            Arg::Long("fingerprint") => {
                let needed = "--fingerprint needs the SHA-256 that the server prints at start, as in --fingerprint AB:CD:..., 32 pairs";
                let read = Fingerprint::parse(&text_of(&value(parser, needed)?));
                once("--fingerprint", &mut options.fingerprint, read.ok_or_else(|| UsageError(needed.to_owned()))?)?;
            }
            Arg::Long("ca") => {
                let file = value(parser, "--ca needs a PEM file, as in --ca /etc/ssl/certs/ca-certificates.crt")?;
                once("--ca", &mut options.authority, PathBuf::from(file))?;
            }
            Arg::Long("room") => {
                let room = text_of(&value(parser, "--room needs a room, as in --room general")?);
                once("--room", &mut options.room, room)?;
            }
            Arg::Long("download") => {
                let directory = value(parser, "--download needs a directory, as in --download ~/Downloads")?;
                once("--download", &mut options.download, PathBuf::from(directory))?;
            }
            Arg::Value(word) => {
                let word = text_of(&word);
                if target.is_some() {
                    let shown = word.escape_debug();
                    return Err(UsageError(format!("chatsock connect takes one host; leave out {shown}, {EXAMPLE}")));
                }
                read_target(&word, &mut options)?;
                target = Some(());
            }
            other => return common(&other, WORD, OPTIONS),
        }
    }
    options.look = match (bubbles, lines) {
        (false, false) => ConnectLook::Fitting,
        (true, false) => ConnectLook::Bubbles,
        (false, true) => ConnectLook::Lines,
        (true, true) => {
            return Err(UsageError("--bubbles and --lines contradict each other; keep one of the two".to_owned()));
        }
    };
    check(&options)?;
    Ok(Invocation::Connect(options))
}

fn check(options: &ConnectOptions) -> Result<(), UsageError> {
    let refused = |why: &str| Err(UsageError(why.to_owned()));
    match options {
        ConnectOptions { plain: true, tls: true, .. } => {
            refused("--plain and --tls contradict each other; keep one of the two")
        }
        ConnectOptions { plain: true, fingerprint: Some(_), .. }
        | ConnectOptions { plain: true, authority: Some(_), .. } => {
            refused("--plain uses no certificate; leave out --plain, or --fingerprint and --ca")
        }
        ConnectOptions { fingerprint: Some(_), authority: Some(_), .. } => {
            refused("--fingerprint and --ca are two ways to trust a server; keep one of the two")
        }
        ConnectOptions { room: Some(room), .. } if room.trim_start_matches('#').is_empty() => {
            refused("--room needs a room, as in --room general")
        }
        _ => Ok(()),
    }
}

/// Reads `[NAME@]HOST[:PORT]`, or `NAME@` alone.
fn read_target(text: &str, options: &mut ConnectOptions) -> Result<(), UsageError> {
    let wrong = || UsageError(format!("{} is no host, {EXAMPLE} or alice@[2001:db8::1]:5556", text.escape_debug()));
    let (name, place) = match text.rsplit_once('@') {
        // Without a host, the server is looked for in the network.
        Some((name, "")) if !name.is_empty() => {
            options.name = Some(name.to_owned());
            return Ok(());
        }
        Some(("", _)) => return Err(UsageError(format!("the name before the @ is missing, {EXAMPLE}"))),
        Some((name, place)) => (Some(name.to_owned()), place),
        None => (None, text),
    };
    let bare = format!("[{place}]:1");
    let (address, port) = if let Some(address) = ServerAddress::parse(&bare) {
        (address, None)
    } else if let Some(address) = ServerAddress::parse(place) {
        let port = address.port;
        (address, Some(port))
    } else {
        // The text after the colon is a bad port, not part of the host.
        let is_host_alone = place.starts_with('[') || !place.contains(':');
        let address = ServerAddress::parse(&format!("{place}:1")).filter(|_| is_host_alone);
        (address.ok_or_else(wrong)?, None)
    };
    (options.name, options.host, options.port) = (name, Some(address.host), port);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn call(line: &str) -> Result<Invocation, UsageError> {
        super::super::parse(line.split_whitespace().map(OsString::from))
    }

    fn options(line: &str) -> ConnectOptions {
        match call(line) {
            Ok(Invocation::Connect(options)) => options,
            other => panic!("{line:?} gave {other:?}"),
        }
    }

    fn refusal(line: &str) -> String {
        call(line).unwrap_err().to_string()
    }

    #[test]
    fn every_option_is_taken() {
        let fingerprint = "ab".repeat(32);
        let line = format!(
            "connect alice@Box:6666 --tls --fingerprint {fingerprint} --room general --lines --download /tmp/x"
        );
        assert_eq!(
            options(&line),
            ConnectOptions {
                name: Some("alice".to_owned()),
                host: Some("box".to_owned()),
                port: Some(6666),
                plain: false,
                tls: true,
                fingerprint: Fingerprint::parse(&fingerprint),
                authority: None,
                room: Some("general".to_owned()),
                look: ConnectLook::Lines,
                download: Some("/tmp/x".into()),
            }
        );
        assert_eq!(options("connect"), ConnectOptions::default());
        assert_eq!(options("connect alice@"), ConnectOptions { name: Some("alice".to_owned()), ..Default::default() });
        assert_eq!(options("connect --bubbles box --plain").look, ConnectLook::Bubbles);
    }

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for (text, host, port) in [
            ("box", "box", None),
            ("box:1", "box", Some(1)),
            ("192.0.2.7", "192.0.2.7", None),
            ("[::1]", "::1", None),
            ("::1", "::1", None),
            ("[2001:DB8::1]:5556", "2001:db8::1", Some(5556)),
        ] {
            let read = options(&format!("connect bob@{text}"));
            assert_eq!((read.host.as_deref(), read.port), (Some(host), port), "{text}");
            assert_eq!(read.name.as_deref(), Some("bob"));
        }
    }

    #[test]
    fn a_wrong_call_is_answered_with_what_was_meant() {
        let example = "as in chatsock connect alice@chat.example.org";
        for (line, said) in [
            ("connect @box", format!("the name before the @ is missing, {example}")),
            ("connect box:", format!("box: is no host, {example} or alice@[2001:db8::1]:5556")),
            ("connect box:0", format!("box:0 is no host, {example} or alice@[2001:db8::1]:5556")),
            ("connect a b", format!("chatsock connect takes one host; leave out b, {example}")),
            ("connect box --plain --tls", "--plain and --tls contradict each other; keep one of the two".to_owned()),
            ("connect box --room", "--room needs a room, as in --room general".to_owned()),
            ("connect box --room a --room b", "--room is given twice; keep one of the two".to_owned()),
            ("connect box --rom a", "unknown option --rom; did you mean --room?".to_owned()),
            ("connect box --config a", "--config is not an option of chatsock connect; leave it out".to_owned()),
            ("--config a connect box", "--config is not an option of chatsock connect; leave it out".to_owned()),
            ("connect -v", "-v is not an option of chatsock connect; leave it out".to_owned()),
            ("serve connect", "serve and connect are two commands; use one of them".to_owned()),
            ("conect box", "unknown command conect; did you mean connect?".to_owned()),
        ] {
            assert_eq!(refusal(line), said, "{line}");
        }
        assert!(refusal("connect box --plain --ca x").contains("--plain uses no certificate"));
        assert!(refusal("connect box --bubbles --lines").contains("keep one"));
        assert_eq!(call("connect --help"), Ok(Invocation::Help));
    }
}
