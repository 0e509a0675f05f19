//! A backup: copies the database as it is at one moment into a new file, while a server may be writing.
//!
//! The copy grows as `FILE.part` and gets its own name when it is complete and on disk.
//!
//! *Owns* where the copy may go, that only its owner can read it from the first byte, and that no partial copy stays behind.
//! *Knows nothing of* what is in the tables: a database of an older version is copied as it is.

use std::error::Error;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode};

use super::database::connection;
use super::database::files::{self, MODE};
use super::database::schema::DatabaseKind;
use super::database::sqlite_errors;
use super::error::{OpenError, StoreError};
use super::open::Store;

/// How long the copy waits for a server that is starting or emptying its log.
const BUSY: Duration = Duration::from_secs(5);

/// Steps of SQLite's virtual machine between two looks at the stop flag: some tens of microseconds.
const STEPS: i32 = 2000;

/// Why there is no backup. One sentence each, without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupError {
    /// The database cannot be opened.
    Open(OpenError),
    /// There is no database.
    NoDatabase(PathBuf),
    /// The database is empty.
    Empty(PathBuf),
    /// The target exists, or is a link.
    Exists(PathBuf),
    /// The target is a directory.
    Directory(PathBuf),
    /// An earlier backup left a partial copy, or another one is running.
    Unfinished(PathBuf),
    /// SQLite or a server would take the target for a part of its database.
    Beside(PathBuf),
    /// The target's directory does not exist.
    NoDirectory(PathBuf),
    /// The target may not be created.
    Denied(PathBuf),
    /// A signal came.
    Stopped,
    /// Anything else.
    Failed {
        /// The target.
        path: PathBuf,
        /// Why it failed.
        reason: StoreError,
    },
}

impl BackupError {
    /// Whether the user can fix it: exit status 2, otherwise 1.
    #[must_use]
    pub fn is_users(&self) -> bool {
        match self {
            BackupError::Open(error) => error.is_users(),
            BackupError::NoDatabase(_)
            | BackupError::Empty(_)
            | BackupError::Exists(_)
            | BackupError::Directory(_)
            | BackupError::Unfinished(_)
            | BackupError::Beside(_)
            | BackupError::NoDirectory(_)
            | BackupError::Denied(_) => true,
            BackupError::Stopped | BackupError::Failed { .. } => false,
        }
    }
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupError::Open(error) => error.fmt(f),
            BackupError::NoDatabase(path) => write!(
                f,
                "{} does not exist, so there is nothing to back up; run this in the server's directory, or name its \
                 config with --config",
                path.display()
            ),
            BackupError::Empty(path) => write!(
                f,
                "{} is empty, so there is nothing to back up; start the server once, or run this in the server's \
                 directory",
                path.display()
            ),
            BackupError::Exists(path) => {
                write!(f, "{} already exists and is left as it is; name a new file", path.display())
            }
            BackupError::Directory(path) => {
                write!(f, "{} is a directory; name a new file in it", path.display())
            }
            BackupError::Unfinished(path) => write!(
                f,
                "{} exists: another backup is writing it, or one that was killed left it behind; remove it if none is \
                 running, or name another file",
                path.display()
            ),
            BackupError::Beside(path) => {
                write!(f, "{} would be taken for a part of the database; name another file", path.display())
            }
            BackupError::NoDirectory(path) => {
                write!(f, "the directory {} does not exist; create it, or name a file elsewhere", path.display())
            }
            BackupError::Denied(path) => write!(
                f,
                "{} cannot be created by this user; name a file in a directory that this user may write to",
                path.display()
            ),
            BackupError::Stopped => f.write_str("the backup was stopped by a signal; nothing of it is left"),
            BackupError::Failed { path, reason } => {
                write!(f, "{} cannot be written: {reason}; nothing of it is left", path.display())
            }
        }
    }
}

impl Error for BackupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BackupError::Open(error) => Some(error),
            BackupError::NoDatabase(_)
            | BackupError::Empty(_)
            | BackupError::Exists(_)
            | BackupError::Directory(_)
            | BackupError::Unfinished(_)
            | BackupError::Beside(_)
            | BackupError::NoDirectory(_)
            | BackupError::Denied(_)
            | BackupError::Stopped
            | BackupError::Failed { .. } => None,
        }
    }
}

impl From<OpenError> for BackupError {
    fn from(error: OpenError) -> Self {
        BackupError::Open(error)
    }
}

impl Store {
    /// Copies a database into a file that must not exist yet. A server may have the database open and go on writing; the copy
    /// holds what it had committed when the copy began. Setting `stop` ends it. Not for the server's own process: see `files`.
    ///
    /// # Errors
    ///
    /// One sentence; nothing of the copy is left then.
    pub fn back_up(database: &Path, to: &Path, stop: &Arc<AtomicBool>) -> Result<(), BackupError> {
        let source = files::resolve(database)?;
        let target = target_path(to, &source)?;
        let mut connection = open(&source, database)?;
        // Until it is finished, the copy has a name that nobody takes for a backup.
        let part = PartialCopy::create(files::sibling(&target, ".part"), to)?;
        part.fill(&mut connection, stop)?;
        drop(connection);
        part.finish(&target, to)
    }
}

/// Connects to a database that is not empty.
fn open(path: &Path, named: &Path) -> Result<Connection, BackupError> {
    let absent = || BackupError::NoDatabase(std::path::absolute(named).unwrap_or_else(|_| named.to_owned()));
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Err(absent()),
        Err(error) => return Err(files::failed(path, &error).into()),
    }
    files::refuse_foreign_file(path)?;
    let (connection, kind) = connection::open(path)?;
    if kind == DatabaseKind::Empty {
        return Err(BackupError::Empty(path.to_owned()));
    }
    connection.busy_timeout(BUSY).map_err(|error| connection::open_error(path, &error))?;
    Ok(connection)
}

/// The target's path, with its directory resolved.
fn target_path(to: &Path, source: &Path) -> Result<PathBuf, BackupError> {
    let failed = |error: &io::Error| failed(to, error);
    match fs::symlink_metadata(to) {
        Ok(found) if found.is_dir() => return Err(BackupError::Directory(to.to_owned())),
        // Links too, dangling or not: the copy would end up somewhere else.
        Ok(_) => return Err(BackupError::Exists(to.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(&error)),
    }
    let whole = std::path::absolute(to).map_err(|error| failed(&error))?;
    let (Some(directory), Some(name)) = (whole.parent(), whole.file_name()) else {
        return Err(BackupError::Directory(to.to_owned()));
    };
    if to.as_os_str().as_bytes().ends_with(b"/") {
        return Err(BackupError::NoDirectory(to.to_owned()));
    }
    let directory = directory.canonicalize().map_err(|error| match error.kind() == ErrorKind::NotFound {
        true => BackupError::NoDirectory(directory.to_owned()),
        false => failed(&error),
    })?;
    let target = directory.join(name);
    let is_part = |ending: &&str| files::sibling(source, ending) == target;
    if ["-wal", "-shm", "-journal", ".lock"].iter().any(is_part) {
        return Err(BackupError::Beside(to.to_owned()));
    }
    Ok(target)
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the enum is not ours, and grows")]
fn failed(path: &Path, error: &io::Error) -> BackupError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => {
            BackupError::Denied(path)
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            BackupError::Failed { path, reason: StoreError::DiskFull }
        }
        _ => BackupError::Failed { path, reason: StoreError::Other(error.to_string().into()) },
    }
}

/// The partial copy, removed when dropped.
struct PartialCopy {
    path: PathBuf,
    /// The target as the user named it.
    named: PathBuf,
}

impl PartialCopy {
    /// Creates an empty file with our mode: `VACUUM INTO` accepts one, and would otherwise create its own with the umask's.
    fn create(path: PathBuf, named: &Path) -> Result<PartialCopy, BackupError> {
        match OpenOptions::new().write(true).create_new(true).mode(MODE).open(&path) {
            Ok(_) => Ok(PartialCopy { path, named: named.to_owned() }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(BackupError::Unfinished(path)),
            Err(error) => Err(failed(named, &error)),
        }
    }

    fn failed(&self, reason: StoreError) -> BackupError {
        BackupError::Failed { path: self.named.clone(), reason }
    }

    /// Copies everything, as one reader that sees one state. In WAL mode, no one waits for it.
    fn fill(&self, connection: &mut Connection, stop: &Arc<AtomicBool>) -> Result<(), BackupError> {
        let refused = |error: &rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => BackupError::Stopped,
            _ => self.failed(sqlite_errors::failure(error)),
        };
        let asked = Arc::clone(stop);
        let watched = connection.progress_handler(STEPS, Some(move || asked.load(Ordering::Relaxed)));
        watched.map_err(|error| refused(&error))?;
        // As bytes: a path need not be UTF-8, and SQLite accepts any.
        let target = ToSqlOutput::Borrowed(ValueRef::Text(self.path.as_os_str().as_bytes()));
        connection.execute("VACUUM INTO ?1", [target]).map_err(|error| refused(&error))?;
        Ok(())
    }

    /// Gives the copy its final name, durably, unless another file has taken it meanwhile.
    #[allow(clippy::wildcard_enum_match_arm, reason = "the enum is not ours, and grows")]
    fn finish(self, target: &Path, named: &Path) -> Result<(), BackupError> {
        let failed = |error: io::Error| match error.kind() {
            ErrorKind::AlreadyExists => BackupError::Exists(named.to_owned()),
            _ => failed(named, &error),
        };
        File::open(&self.path).and_then(|file| file.sync_all()).map_err(failed)?;
        match fs::hard_link(&self.path, target) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(failed(error)),
            // A file system without hard links (FAT, some shares): renaming would replace an existing file, so check first.
            Err(_) if fs::symlink_metadata(target).is_ok() => return Err(BackupError::Exists(named.to_owned())),
            Err(_) => fs::rename(&self.path, target).map_err(failed)?,
        }
        drop(self);
        // A new file's name is in its directory, which a power failure could otherwise roll back.
        files::sync_directory(target).map_err(failed)
    }
}

impl Drop for PartialCopy {
    fn drop(&mut self) {
        // After a failure the partial copy takes space on a disk that may be full; after a success it is a second name of the
        // backup. If it is gone already, so much the better.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(files::sibling(&self.path, "-journal"));
    }
}
