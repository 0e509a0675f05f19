//! `chatsock backup`: copies the database into a new file.
//!
//! *Owns* its output and errors. *Knows nothing of* how the copy is made.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::config::Config;
use crate::store::{BackupError, Store};

/// Why the backup failed. One sentence without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupCommandError {
    /// The configuration has no section `[storage]`. Holds its file, if there is one.
    NoStorage(Option<PathBuf>),
    /// The store could not copy it.
    Store(BackupError),
}

impl BackupCommandError {
    /// Whether the user can fix it: exit status 2, otherwise 1.
    #[must_use]
    pub fn is_users(&self) -> bool {
        match self {
            BackupCommandError::NoStorage(_) => true,
            BackupCommandError::Store(error) => error.is_users(),
        }
    }
}

impl fmt::Display for BackupCommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupCommandError::NoStorage(Some(file)) => write!(
                f,
                "{} has no section [storage], so there is no database to back up; name the server's config with --config",
                file.display()
            ),
            BackupCommandError::NoStorage(None) => f.write_str(
                "no chatsock.toml here, whose section [storage] names the database; name the file with --config",
            ),
            BackupCommandError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BackupCommandError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BackupCommandError::NoStorage(_) => None,
            BackupCommandError::Store(error) => Some(error),
        }
    }
}

/// Copies the configured database into a file that must not exist. Returns the output, without the last newline.
/// `config_file` is the file that `config` was read from, if there is one; setting `stop` ends the copying.
///
/// # Errors
///
/// Why there is no backup. Nothing of it is left behind.
pub fn run(
    config: &Config,
    config_file: Option<&Path>,
    to: &Path,
    stop: &Arc<AtomicBool>,
) -> Result<String, BackupCommandError> {
    let Some(storage) = &config.storage else {
        return Err(BackupCommandError::NoStorage(config_file.map(Path::to_owned)));
    };
    Store::back_up(&storage.path, to, stop).map_err(BackupCommandError::Store)?;
    Ok(format!("{} is backed up to {}.", storage.path.display(), to.display()))
}
