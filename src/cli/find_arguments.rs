//! The command line of `chatsock find`.
//!
//! *Owns* its options, and the errors about them. *Knows nothing of* the network.

use std::time::Duration;

use jiff::SignedDuration;
use lexopt::{Arg, Parser};

use super::options::{common, in_words, once, text_of, value};
use super::{Invocation, UsageError};

/// The command word.
pub(super) const WORD: &str = "find";

const OPTIONS: &[&str] = &["wait", "port", "json", "help", "version"];

/// The shortest and the longest wait for answers. A network answers within milliseconds; after a minute no server will.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(60);

/// How to look for servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindOptions {
    /// How long to wait for answers.
    pub wait: Duration,
    /// The UDP port that the question is sent to.
    pub port: u16,
    /// Whether the answers are printed as JSON, one object per line.
    pub json: bool,
}

impl Default for FindOptions {
    fn default() -> FindOptions {
        FindOptions { wait: Duration::from_secs(1), port: 5555, json: false }
    }
}

/// Parses the arguments after the word `find`.
pub(super) fn parse(parser: &mut Parser) -> Result<Invocation, UsageError> {
    let (mut options, mut wait, mut port) = (FindOptions::default(), None, None);
    while let Some(arg) = parser.next().map_err(|error| in_words(&error))? {
        match arg {
            Arg::Long("json") => options.json = true,
            Arg::Long("wait") => {
                let needed = "--wait needs a time from 100ms to 60s, as in --wait 1s";
                let read = read_wait(&text_of(&value(parser, needed)?));
                once("--wait", &mut wait, read.ok_or_else(|| UsageError(needed.to_owned()))?)?;
            }
            Arg::Long("port") => {
                let needed = "--port needs the UDP port where the servers answer, as in --port 5555";
                let read = text_of(&value(parser, needed)?).parse().ok().filter(|port| *port != 0);
                once("--port", &mut port, read.ok_or_else(|| UsageError(needed.to_owned()))?)?;
            }
            Arg::Value(word) => {
                let word = text_of(&word);
                return Err(UsageError(format!(
                    "chatsock find takes options only, not {}; it asks the whole network",
                    word.escape_debug()
                )));
            }
            other => return common(&other, WORD, OPTIONS),
        }
    }
    options.wait = wait.unwrap_or(options.wait);
    options.port = port.unwrap_or(options.port);
    Ok(Invocation::Find(options))
}

/// Reads `500ms`, `1s`, `1.5s`; a number alone is seconds.
fn read_wait(text: &str) -> Option<Duration> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let wait = seconds.or_else(|| Duration::try_from(text.parse::<SignedDuration>().ok()?).ok())?;
    (SHORTEST..=LONGEST).contains(&wait).then_some(wait)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn call(line: &str) -> Result<Invocation, UsageError> {
        super::super::parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn every_option_is_taken() {
        assert_eq!(call("find"), Ok(Invocation::Find(FindOptions::default())));
        let options = FindOptions { wait: Duration::from_millis(1500), port: 6000, json: true };
        assert_eq!(call("find --wait 1.5s --json --port 6000"), Ok(Invocation::Find(options)));
        assert_eq!(call("find --help"), Ok(Invocation::Help));
    }

    #[test]
    fn a_time_to_wait_is_read_as_people_write_it() {
        for (text, milliseconds) in
            [("1s", 1000), ("500ms", 500), ("2", 2000), ("0.5", 500), ("100ms", 100), ("1m", 60_000)]
        {
            assert_eq!(read_wait(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "0", "99ms", "61s", "-1s", "soon", "NaN", "inf", "1e30", "1d"] {
            assert_eq!(read_wait(text), None, "{text}");
        }
    }

    #[test]
    fn a_wrong_call_is_answered_with_what_was_meant() {
        for (line, said) in [
            ("find --wait", "--wait needs a time from 100ms to 60s, as in --wait 1s"),
            ("find --wait 0s", "--wait needs a time from 100ms to 60s, as in --wait 1s"),
            ("find --wait 1s --wait 2s", "--wait is given twice; keep one of the two"),
            ("find --port 0", "--port needs the UDP port where the servers answer, as in --port 5555"),
            ("find --jsn", "unknown option --jsn; did you mean --json?"),
            ("find box", "chatsock find takes options only, not box; it asks the whole network"),
            ("find -q", "-q is not an option of chatsock find; leave it out"),
            ("find --config a", "--config is not an option of chatsock find; leave it out"),
            ("--config a find", "--config is not an option of chatsock find; leave it out"),
            ("-v find", "-v is not an option of chatsock find; leave it out"),
            ("serve find", "serve and find are two commands; use one of them"),
            ("fnd", "unknown command fnd; did you mean find?"),
        ] {
            assert_eq!(call(line).unwrap_err().to_string(), said, "{line}");
        }
    }
}
