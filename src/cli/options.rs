//! Reads options and their values, for all commands.
//!
//! *Owns* the sentences about missing values, options given twice, and options of other commands. *Knows nothing of*
//! the options of a particular command.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use super::{Invocation, UsageError};
use crate::chat::names::nearest;

/// The server's own options.
pub(super) const LONG_OPTIONS: &[&str] = &["config", "listen", "check-config", "avahi-service", "help", "version"];

pub(super) fn config_file(parser: &mut Parser, config: &mut Option<PathBuf>) -> Result<(), UsageError> {
    let file = value(parser, "--config needs a file, as in --config chatsock.toml")?;
    once("--config", config, file.into())
}

/// The value of the option just read. It must not look like an option: in `--config --check-config` the file is missing.
pub(super) fn value(parser: &mut Parser, needed: &str) -> Result<OsString, UsageError> {
    match parser.value() {
        Ok(value) if !value.is_empty() && !value.as_encoded_bytes().starts_with(b"-") => Ok(value),
        _ => Err(UsageError(needed.to_owned())),
    }
}

/// Takes the value of an option that may be given once.
pub(super) fn once<T>(option: &str, target: &mut Option<T>, value: T) -> Result<(), UsageError> {
    match target.replace(value) {
        None => Ok(()),
        Some(_) => Err(UsageError(format!("{option} is given twice; keep one of the two"))),
    }
}

/// Handles the options that every command has, and refuses all others. `options` are the command's own, for hints.
pub(super) fn common(arg: &Arg<'_>, command: &str, options: &[&str]) -> Result<Invocation, UsageError> {
    match arg {
        Arg::Short('h') | Arg::Long("help") => Ok(Invocation::Help),
        Arg::Short('V') | Arg::Long("version") => Ok(Invocation::Version),
        Arg::Short(letter @ ('v' | 'q')) => Err(no_servers_option(&format!("-{letter}"), command)),
        Arg::Long(name) if LONG_OPTIONS.contains(name) => Err(no_servers_option(&format!("--{name}"), command)),
        Arg::Long(name) => Err(nearest_option(name, options)),
        Arg::Short(letter) => Err(unknown_letter(*letter, options)),
        Arg::Value(word) => {
            Err(UsageError(format!("chatsock {command} takes no {}; leave it out", text_of(word).escape_debug())))
        }
    }
}

/// The error for an unknown one-letter option, with the option that may be meant.
pub(super) fn unknown_letter(letter: char, options: &[&str]) -> UsageError {
    let unknown = format!("unknown option -{}", letter.escape_debug());
    UsageError(match options.iter().find(|long| long.starts_with(letter)) {
        Some(long) => format!("{unknown}; did you mean --{long}?"),
        None => format!("{unknown}; see chatsock --help"),
    })
}

/// The error for an option of the server that another command does not have.
pub(super) fn no_servers_option(option: &str, command: &str) -> UsageError {
    UsageError(format!("{option} is not an option of chatsock {command}; leave it out"))
}

/// The error for an unknown option, with the option that was probably meant.
pub(super) fn nearest_option(name: &str, options: &[&str]) -> UsageError {
    let unknown = format!("unknown option --{}", name.escape_debug());
    UsageError(match nearest(name, options.iter().copied()) {
        Some(near) => format!("{unknown}; did you mean --{near}?"),
        None => format!("{unknown}; see chatsock --help"),
    })
}

/// An argument as text. The replacement characters for invalid UTF-8 make it invalid for every parser.
pub(super) fn text_of(argument: &OsStr) -> String {
    argument.to_string_lossy().into_owned()
}

pub(super) fn in_words(error: &lexopt::Error) -> UsageError {
    UsageError(match error {
        lexopt::Error::UnexpectedValue { option, .. } => {
            format!("{option} takes no value; write {option} alone")
        }
        other => other.to_string(),
    })
}
