//! The command line of `chatsock backup`.
//!
//! *Owns* its words, and the errors about them. *Knows nothing of* the database.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use super::options::{LONG_OPTIONS, common, config_file, in_words};
use super::{Invocation, UsageError};

/// As the user writes it.
pub(super) const WORD: &str = "backup";

/// Which database to copy, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupOptions {
    /// The file named with `--config`.
    pub config: Option<PathBuf>,
    /// The file to create.
    pub file: PathBuf,
}

/// Parses what follows the word `backup`; `config` is the file if it was named before that.
pub(super) fn parse(parser: &mut Parser, mut config: Option<PathBuf>) -> Result<Invocation, UsageError> {
    let mut file: Option<OsString> = None;
    while let Some(arg) = parser.next().map_err(|error| in_words(&error))? {
        match arg {
            Arg::Long("config") => config_file(parser, &mut config)?,
            Arg::Value(word) if file.is_none() => file = Some(word),
            Arg::Value(_) => {
                return Err(UsageError("chatsock backup takes one file; leave out the rest".to_owned()));
            }
            other => return common(&other, WORD, LONG_OPTIONS),
        }
    }
    match file.filter(|file| !file.is_empty()) {
        Some(file) => Ok(Invocation::Backup(BackupOptions { config, file: file.into() })),
        None => {
            Err(UsageError("chatsock backup needs the name of a new file, as in chatsock backup copy.db".to_owned()))
        }
    }
}
