//! A back-up: the database as it is at one moment, copied into a new file while a server may write.
//!
//! The copy grows under another name, `FILE.part`, and gets its own when it is whole and on the disk.
//!
//! *Owns* where the copy may stand, that it is its owner's alone from the first byte, and that nothing of half a copy stays.
//! *Knows nothing of* what is in the tables: a database of an older version is copied as it is.
//! *Called by* `chatsock backup`.

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

use super::database::connection::{connect, refused};
use super::database::files::{self, MODE};
use super::database::schema::Kind;
use super::database::sqlite_errors;
use super::error::{OpenError, StoreFailure};
use super::open::Store;

/// How long the copy waits for a server that empties its log or is starting.
const BUSY: Duration = Duration::from_secs(5);

/// Steps of SQLite's machine between two looks whether to stop: some tens of microseconds.
const STEPS: i32 = 2000;

/// Why there is no back-up. One sentence each, without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupError {
    /// The database cannot be opened.
    Open(OpenError),
    /// There is no database.
    NoDatabase(PathBuf),
    /// Nothing is in it.
    Empty(PathBuf),
    /// The file is there already, or a link of that name.
    Exists(PathBuf),
    /// It is a directory.
    Directory(PathBuf),
    /// What an earlier back-up left, or another one makes now.
    Unfinished(PathBuf),
    /// SQLite or a server would take the file for a part of its database.
    Beside(PathBuf),
    /// The directory it is to stand in does not exist.
    NoDirectory(PathBuf),
    /// It may not be made.
    Denied(PathBuf),
    /// A signal came.
    Stopped,
    /// Something else.
    Failed {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: StoreFailure,
    },
}

impl BackupError {
    /// Whether the user can mend it: exit status 2, otherwise 1.
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
                "there is no {}, so there is nothing to back up; run this in the directory that the server runs in, or \
                 name its config with --config",
                path.display()
            ),
            BackupError::Empty(path) => write!(
                f,
                "{} is empty, so there is nothing to back up; start the server once, or run this in the directory that \
                 it runs in",
                path.display()
            ),
            BackupError::Exists(path) => {
                write!(f, "{} is there already and is left as it is; name a file that is not there", path.display())
            }
            BackupError::Directory(path) => {
                write!(f, "{} is a directory; name a file in it that is not there", path.display())
            }
            BackupError::Unfinished(path) => write!(
                f,
                "{} is there, which another back-up is making or one that was killed has left; remove it if none is \
                 running, or name another file",
                path.display()
            ),
            BackupError::Beside(path) => {
                write!(f, "{} would be taken for a part of the database itself; name another file", path.display())
            }
            BackupError::NoDirectory(path) => {
                write!(f, "the directory {} does not exist; make it, or name a file elsewhere", path.display())
            }
            BackupError::Denied(path) => write!(
                f,
                "{} may not be made by this user; name a file in a directory that this user may write to",
                path.display()
            ),
            BackupError::Stopped => f.write_str("the back-up was stopped by a signal; nothing of it is left"),
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
    /// Copies a database into a file that must not be there. A server may have it open, and goes on writing: what it has
    /// committed when the copy begins is in the copy. `stop` ends it. Not for the process of that server: see `file`.
    ///
    /// # Errors
    ///
    /// One sentence; then nothing of the copy is left.
    pub fn back_up(database: &Path, to: &Path, stop: &Arc<AtomicBool>) -> Result<(), BackupError> {
        let source = files::resolve(database)?;
        let place = place_for(to, &source)?;
        let mut connection = open(&source, database)?;
        // From here on until the last moment the copy has a name under which nobody looks for one.
        let part = Part::create(files::beside(&place, ".part"), to)?;
        part.fill(&mut connection, stop)?;
        drop(connection);
        part.finish(&place, to)
    }
}

/// A connection to a database with something in it.
fn open(path: &Path, named: &Path) -> Result<Connection, BackupError> {
    let absent = || BackupError::NoDatabase(std::path::absolute(named).unwrap_or_else(|_| named.to_owned()));
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Err(absent()),
        Err(error) => return Err(files::failed(path, &error).into()),
    }
    files::refuse_others(path)?;
    let (connection, kind) = connect(path)?;
    if kind == Kind::Empty {
        return Err(BackupError::Empty(path.to_owned()));
    }
    connection.busy_timeout(BUSY).map_err(|error| refused(path, &error))?;
    Ok(connection)
}

/// Where the copy is to stand, by the one name its directory has.
fn place_for(to: &Path, source: &Path) -> Result<PathBuf, BackupError> {
    let failed = |error: &io::Error| failed(to, error);
    match fs::symlink_metadata(to) {
        Ok(found) if found.is_dir() => return Err(BackupError::Directory(to.to_owned())),
        // A link, too, wherever it leads: what is written through it would stand somewhere else.
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
    let directory = directory.canonicalize().map_err(|error| match error.kind() {
        ErrorKind::NotFound => BackupError::NoDirectory(directory.to_owned()),
        _ => failed(&error),
    })?;
    let place = directory.join(name);
    let is_part = |ending: &&str| files::beside(source, ending) == place;
    if ["-wal", "-shm", "-journal", ".lock"].iter().any(is_part) {
        return Err(BackupError::Beside(to.to_owned()));
    }
    Ok(place)
}

fn failed(path: &Path, error: &io::Error) -> BackupError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => {
            BackupError::Denied(path)
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            BackupError::Failed { path, reason: StoreFailure::DiskFull }
        }
        _ => BackupError::Failed { path, reason: StoreFailure::Other(error.to_string().into()) },
    }
}

/// The copy while it is made; removed when it is dropped unfinished.
struct Part {
    path: PathBuf,
    /// What the user called the file.
    named: PathBuf,
}

impl Part {
    /// An empty file of our mode: `VACUUM INTO` takes one, and would make its own with whatever the umask leaves.
    fn create(path: PathBuf, named: &Path) -> Result<Part, BackupError> {
        match OpenOptions::new().write(true).create_new(true).mode(MODE).open(&path) {
            Ok(_) => Ok(Part { path, named: named.to_owned() }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(BackupError::Unfinished(path)),
            Err(error) => Err(failed(named, &error)),
        }
    }

    fn failed(&self, reason: StoreFailure) -> BackupError {
        BackupError::Failed { path: self.named.clone(), reason }
    }

    /// Copies everything, as one reader that sees one state. In the journal mode of a server nobody waits for it.
    fn fill(&self, connection: &mut Connection, stop: &Arc<AtomicBool>) -> Result<(), BackupError> {
        let refused = |error: &rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => BackupError::Stopped,
            _ => self.failed(sqlite_errors::reason(error)),
        };
        let asked = Arc::clone(stop);
        let watched = connection.progress_handler(STEPS, Some(move || asked.load(Ordering::Relaxed)));
        watched.map_err(|error| refused(&error))?;
        // As bytes: a path need not be UTF-8, and SQLite takes any.
        let target = ToSqlOutput::Borrowed(ValueRef::Text(self.path.as_os_str().as_bytes()));
        connection.execute("VACUUM INTO ?1", [target]).map_err(|error| refused(&error))?;
        Ok(())
    }

    /// Gives the copy its name, on the disk, unless somebody else has taken that meanwhile.
    fn finish(self, place: &Path, named: &Path) -> Result<(), BackupError> {
        let failed = |error: io::Error| match error.kind() {
            ErrorKind::AlreadyExists => BackupError::Exists(named.to_owned()),
            _ => failed(named, &error),
        };
        File::open(&self.path).and_then(|file| file.sync_all()).map_err(failed)?;
        match fs::hard_link(&self.path, place) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(failed(error)),
            // A file system without links (FAT, some shares): renaming would replace what is there, so it is looked at first.
            Err(_) if fs::symlink_metadata(place).is_ok() => return Err(BackupError::Exists(named.to_owned())),
            Err(_) => fs::rename(&self.path, place).map_err(failed)?,
        }
        drop(self);
        // The name of a new file is in its directory, which a power failure would otherwise leave as it was.
        files::sync_directory(place).map_err(failed)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After a failure it takes room on a disk that may be full; after a success its other name is the back-up. That it
        // is not there is as well.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(files::beside(&self.path, "-journal"));
    }
}
