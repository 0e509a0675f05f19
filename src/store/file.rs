//! The database's files: where they really are, whose they are to read, and the lock against a second server.
//!
//! The database itself is never opened here while SQLite has it: closing it would drop SQLite's locks, which belong to the
//! process and not to the descriptor (POSIX fcntl).
//!
//! *Owns* paths, modes and `NAME.lock`. *Knows nothing of* what is in the files.
//! *Called by* `opening`, `migration`, `administration`.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use log::warn;

use super::news::{OpenError, Reason};

/// For the owner alone: the files hold what people say to each other, and hashes of their passwords.
const MODE: u32 = 0o600;

/// `NAME.lock` beside the database, held as long as this value lives.
///
/// The file stays when nobody holds it: two servers could each remove the other's and both believe they had it.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock ends with the file")] File);

/// The file beside the database whose name ends so.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// What the system says about a path, as a reason to not open the store.
pub fn failed(path: &Path, error: &io::Error) -> OpenError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => OpenError::Denied(path),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => OpenError::Failed { path, reason: Reason::Full },
        _ => OpenError::Failed { path, reason: Reason::Other(error.to_string().into()) },
    }
}

/// The one path by which a database is known, however it was named: two names of one file must not be two locks.
pub fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    let whole = std::path::absolute(path).map_err(|error| failed(path, &error))?;
    match whole.canonicalize() {
        Ok(real) if real.is_dir() => return Err(OpenError::Foreign(path.to_owned())),
        Ok(real) => return Ok(real),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(path, &error)),
    }
    let (Some(directory), Some(name)) = (whole.parent(), whole.file_name()) else {
        return Err(OpenError::Foreign(path.to_owned()));
    };
    match directory.canonicalize() {
        Ok(directory) => Ok(directory.join(name)),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(OpenError::NoDirectory(directory.to_owned())),
        Err(error) => Err(failed(directory, &error)),
    }
}

/// Takes the lock, or says who has it: nobody waits for it.
pub fn lock(path: &Path) -> Result<Lock, OpenError> {
    let lock = beside(path, ".lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(&lock);
    let file = file.map_err(|error| failed(&lock, &error))?;
    tighten(&lock)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(&lock, &error)),
    }
}

/// Makes an empty file, unless there is one. SQLite gives the files beside it the same mode.
pub fn create(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().write(true).create_new(true).mode(MODE).open(path) {
        // The name of a new file is in its directory, which a power failure would otherwise leave as it was.
        Ok(_) => sync_directory(path).map_err(|error| failed(path, &error)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(path, &error)),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// Takes everybody else's rights to a file away, if it is there.
pub fn tighten(path: &Path) -> Result<(), OpenError> {
    let mode = match fs::metadata(path) {
        Ok(found) => found.permissions().mode() & 0o777,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(path, &error)),
    };
    if mode & !MODE != 0 {
        warn!("{} could be read by others (mode {mode:o}); it is for its owner alone now ({MODE:o})", path.display());
        fs::set_permissions(path, Permissions::from_mode(MODE)).map_err(|error| failed(path, &error))?;
    }
    Ok(())
}

/// The same for the database and all files beside it.
pub fn tighten_all(path: &Path) -> Result<(), OpenError> {
    tighten(path)?;
    ["-wal", "-shm"].into_iter().try_for_each(|ending| tighten(&beside(path, ending)))
}

/// Puts a finished file in its place, durably. Neither may be open in SQLite.
pub fn put(made: &Path, place: &Path) -> io::Result<()> {
    File::open(made)?.sync_all()?;
    fs::rename(made, place)?;
    sync_directory(place)
}
