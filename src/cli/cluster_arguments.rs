//! The command line of `chatsock cluster`.
//!
//! *Owns* its words, and the errors about them. *Knows nothing of* Redis and of the database.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use super::options::{LONG_OPTIONS, common, config_file, in_words};
use super::{Invocation, UsageError};

/// As the user writes it.
pub(super) const WORD: &str = "cluster";

/// The only subcommand.
const IMPORT: &str = "import";

/// Which database to read, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterImportOptions {
    /// The file named with `--config`.
    pub config: Option<PathBuf>,
    /// The database.
    pub file: PathBuf,
}

/// Parses what follows the word `cluster`; `config` is the file if it was named before that.
pub(super) fn parse(parser: &mut Parser, mut config: Option<PathBuf>) -> Result<Invocation, UsageError> {
    let (mut imports, mut file): (bool, Option<OsString>) = (false, None);
    while let Some(arg) = parser.next().map_err(|error| in_words(&error))? {
        match arg {
            Arg::Long("config") => config_file(parser, &mut config)?,
            Arg::Value(word) if !imports && word == IMPORT => imports = true,
            Arg::Value(word) if !imports => {
                let word = word.to_string_lossy();
                let word = word.escape_debug();
                return Err(UsageError(format!(
                    "unknown command cluster {word}; there is chatsock cluster import FILE"
                )));
            }
            Arg::Value(word) if file.is_none() => file = Some(word),
            Arg::Value(_) => {
                return Err(UsageError("chatsock cluster import takes one file; leave out the rest".to_owned()));
            }
            other => return common(&other, WORD, LONG_OPTIONS),
        }
    }
    match file.filter(|file| !file.is_empty()) {
        Some(file) => Ok(Invocation::ClusterImport(ClusterImportOptions { config, file: file.into() })),
        None => Err(UsageError(
            "chatsock cluster import needs a database, as in chatsock cluster import chatsock.db".to_owned(),
        )),
    }
}
