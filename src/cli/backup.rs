//! `chatsock backup`: the database copied into a new file, on the command line.
//!
//! *Owns* what it says. *Knows nothing of* how the copy is made, and of how arguments are written.
//! *Called by* `main`, in builds with the feature `storage`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::config::Config;
use crate::store::{BackupError, Store};

/// Why there is no back-up. One sentence without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The configuration keeps nothing on disk. Its file, if there is one.
    NoStorage(Option<PathBuf>),
    /// The store says why.
    Store(BackupError),
}

impl Failure {
    /// Whether the user can mend it: exit status 2, otherwise 1.
    #[must_use]
    pub fn is_users(&self) -> bool {
        match self {
            Failure::NoStorage(_) => true,
            Failure::Store(error) => error.is_users(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NoStorage(Some(file)) => write!(
                f,
                "{} has no section [storage], so there is no database to back up; name the config of the server with --config",
                file.display()
            ),
            Failure::NoStorage(None) => f.write_str(
                "there is no chatsock.toml here, with the section [storage] for the database; name the file with --config",
            ),
            Failure::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Failure::NoStorage(_) => None,
            Failure::Store(error) => Some(error),
        }
    }
}

/// Copies the database of a configuration into a file that must not be there; what to print then, without the last newline.
/// `config_file` is the file that `config` was read from, if there is one; `stop` ends it.
///
/// # Errors
///
/// Why there is no back-up. Nothing of it is left then.
pub fn run(config: &Config, config_file: Option<&Path>, to: &Path, stop: &Arc<AtomicBool>) -> Result<String, Failure> {
    let Some(storage) = &config.storage else {
        return Err(Failure::NoStorage(config_file.map(Path::to_owned)));
    };
    Store::back_up(&storage.path, to, stop).map_err(Failure::Store)?;
    Ok(format!("{} is backed up in {}.", storage.path.display(), to.display()))
}
