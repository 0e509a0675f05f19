//! The database's files: their real paths, their modes, and the lock against a second server.
//!
//! The database itself is never closed here while SQLite has it open: that would drop SQLite's locks, which belong to the
//! process and not to the descriptor (POSIX fcntl).
//!
//! *Owns* paths, modes and `NAME.lock`, and whether the files are still where they were.
//! *Knows nothing of* what is in the files.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use log::warn;

use super::schema::APPLICATION;
use crate::store::error::{OpenError, StoreError};

/// For the owner alone: the files hold private conversations and password hashes.
pub(crate) const MODE: u32 = 0o600;

/// Whether flock(2), which locks files here, and fcntl(2), with which SQLite locks parts of its database, ignore each
/// other. On the BSDs they do not, and SQLite would find its own file locked: there, only `NAME.lock` is locked.
const FLOCK_IS_APART: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// The start of every SQLite database ("The SQLite Database File Format", section 1.3).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Size of the database header, in bytes.
const HEADER: usize = 100;

/// Identifies a file. While it is open, no other file has these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    fn of(metadata: &Metadata) -> FileIdentity {
        FileIdentity { device: metadata.dev(), inode: metadata.ino() }
    }

    /// The file that has this name now.
    fn at(path: &Path) -> Option<FileIdentity> {
        fs::symlink_metadata(path).ok().map(|metadata| FileIdentity::of(&metadata))
    }
}

/// This server's lock on the database, held while the value lives. It covers two files: `NAME.lock`, which servers of
/// older versions look at too, and the database itself, which may have other names (links) and stays locked when
/// someone removes `NAME.lock`.
///
/// `NAME.lock` is never removed: two servers could each remove the other's and both believe they had it.
///
/// The database stays open here until the last connection is closed: see above.
#[derive(Debug)]
pub(crate) struct Lock {
    /// The files that have to stay where they are.
    known: Vec<(PathBuf, FileIdentity)>,
    /// Closing them releases the locks.
    _files: [File; 2],
}

impl Lock {
    /// From now on, the files that SQLite keeps beside the database have to stay in place too.
    pub(crate) fn watch_log_files(&mut self, path: &Path) {
        let siblings = ["-wal", "-shm"].map(|ending| sibling(path, ending));
        self.known.extend(siblings.into_iter().filter_map(|path| FileIdentity::at(&path).map(|found| (path, found))));
    }

    /// A file that was deleted or replaced. Anything written now is lost when the server stops.
    pub(crate) fn displaced(&self) -> Option<&Path> {
        let is_other = |(path, known): &&(PathBuf, FileIdentity)| FileIdentity::at(path) != Some(*known);
        self.known.iter().find(is_other).map(|(path, _)| path.as_path())
    }
}

/// The file beside the database with this ending.
pub(crate) fn sibling(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Turns an I/O error into the reason why the store does not open.
#[allow(clippy::wildcard_enum_match_arm, reason = "the enum is not ours, and grows")]
pub(crate) fn failed(path: &Path, error: &io::Error) -> OpenError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => OpenError::Denied(path),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => OpenError::Failed { path, reason: StoreError::DiskFull },
        _ => OpenError::Failed { path, reason: StoreError::Other(error.to_string().into()) },
    }
}

/// The one path of a database, however it was named: two names of one file must not be two locks.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    let whole = std::path::absolute(path).map_err(|error| failed(path, &error))?;
    match whole.canonicalize() {
        Ok(real) => {
            let found = fs::metadata(&real).map_err(|error| failed(path, &error))?;
            return if found.is_file() { Ok(real) } else { Err(irregular(path, &found)) };
        }
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

/// The kind of a file that is not a regular one.
fn kind(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    match () {
        () if kind.is_dir() => "a directory",
        () if kind.is_symlink() => "a link",
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }
}

fn irregular(path: &Path, metadata: &Metadata) -> OpenError {
    // Directories have always been reported this way.
    if metadata.is_dir() {
        OpenError::Foreign(path.to_owned())
    } else {
        OpenError::Irregular(path.to_owned(), kind(metadata))
    }
}

/// Opens a file to lock it and to read its header. Only a regular file, and without blocking: a FIFO would wait for its
/// other end.
fn open(path: &Path, creates: bool) -> Result<File, OpenError> {
    let failed = |error: &io::Error| failed(path, error);
    if let Ok(found) = fs::symlink_metadata(path)
        && !found.is_file()
    {
        return Err(irregular(path, &found));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(creates).truncate(false).mode(MODE);
    // Checked again: the file may have been replaced in between.
    let file = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path).map_err(|error| failed(&error))?;
    let found = file.metadata().map_err(|error| failed(&error))?;
    if found.is_file() { Ok(file) } else { Err(irregular(path, &found)) }
}

/// Refuses a file that certainly belongs to another program, by its header. SQLite is not asked, since it would create
/// files beside it.
fn refuse_foreign(file: &File, path: &Path) -> Result<(), OpenError> {
    let mut header = [0; HEADER];
    let length = file.metadata().map_err(|error| failed(path, &error))?.len();
    if length == 0 {
        return Ok(());
    }
    let integer = |header: &[u8; HEADER], at: usize| {
        header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, i32::from_be_bytes)
    };
    let is_read = file.read_exact_at(&mut header, 0).is_ok();
    // Our mark may still be in the log. Then the database has no table yet, which its schema cookie shows.
    let (application, cookie) = (integer(&header, 68), integer(&header, 40));
    let may_be_ours = application == APPLICATION || (application == 0 && cookie == 0);
    if is_read && header.starts_with(MAGIC) && may_be_ours { Ok(()) } else { Err(OpenError::Foreign(path.to_owned())) }
}

/// The same by path, before anything has the file open: closing it drops this process's locks on it.
pub(crate) fn refuse_foreign_file(path: &Path) -> Result<(), OpenError> {
    refuse_foreign(&open(path, false)?, path)
}

/// Takes the lock on a file, or reports that someone holds it. Never waits.
fn try_lock(file: &File, path: &Path, database: &Path) -> Result<FileIdentity, OpenError> {
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(database.to_owned())),
        Err(TryLockError::Error(error)) => return Err(failed(path, &error)),
    }
    let found = FileIdentity::of(&file.metadata().map_err(|error| failed(path, &error))?);
    // Another process replaced the file in between, and may hold the new one.
    if FileIdentity::at(path) == Some(found) { Ok(found) } else { Err(OpenError::InUse(database.to_owned())) }
}

/// Whether a file is on another machine, where flock(2) is emulated with fcntl(2) locks and SQLite would find its own
/// database locked (flock(2), "NFS details"). Looks up its device in mountinfo (proc(5)); if it is not listed, it is local.
fn is_remote(file: &File) -> bool {
    let Ok(found) = file.metadata() else { return false };
    let device = format!("{}:{}", libc::major(found.dev()), libc::minor(found.dev()));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    is_remote_among(&mounts, &device)
}

fn is_remote_among(mounts: &str, device: &str) -> bool {
    let of_device = |line: &&str| line.split(' ').nth(2) == Some(device);
    let kind = |line: &str| line.split_once(" - ").and_then(|(_, rest)| rest.split(' ').next()).map(str::to_owned);
    let remote = |kind: String| ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs"].contains(&kind.as_str());
    mounts.lines().filter(of_device).filter_map(kind).any(remote)
}

/// Locks the database for this server, or reports that another one has it. Creates it if it does not exist. A file that
/// is not ours stays as it is, and nothing is left beside it.
pub(crate) fn lock(path: &Path) -> Result<Lock, OpenError> {
    let lock_path = sibling(path, ".lock");
    let is_new = !lock_path.try_exists().map_err(|error| failed(&lock_path, &error))?;
    if is_new && path.exists() {
        refuse_foreign(&open(path, false)?, path)?;
    }
    let file = open(&lock_path, true)?;
    let known = try_lock(&file, &lock_path, path)?;
    create(path)?;
    let database = open(path, false)?;
    refuse_foreign(&database, path)?;
    let own = if FLOCK_IS_APART && !is_remote(&database) {
        try_lock(&database, path, path)?
    } else {
        FileIdentity::of(&database.metadata().map_err(|error| failed(path, &error))?)
    };
    restrict_mode(&lock_path)?;
    Ok(Lock { known: vec![(path.to_owned(), own), (lock_path, known)], _files: [file, database] })
}

/// Locks an existing database and creates nothing beside it, or reports that a server has it.
#[cfg(feature = "cluster")]
pub(crate) fn lock_existing(path: &Path) -> Result<Lock, OpenError> {
    let lock_path = sibling(path, ".lock");
    let database = open(path, false)?;
    refuse_foreign(&database, path)?;
    let other = if lock_path.exists() { open(&lock_path, false)? } else { open(path, false)? };
    if lock_path.exists() {
        try_lock(&other, &lock_path, path)?;
    }
    if FLOCK_IS_APART && !is_remote(&database) {
        try_lock(&database, path, path)?;
    }
    Ok(Lock { known: Vec::new(), _files: [other, database] })
}

/// Creates an empty file unless there is one. SQLite gives the files beside it the same mode.
pub(crate) fn create(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().write(true).create_new(true).mode(MODE).open(path) {
        // A new file's name is in its directory, which a power failure could otherwise roll back.
        Ok(_) => sync_directory(path).map_err(|error| failed(path, &error)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(path, &error)),
    }
}

/// Makes a file's name durable by syncing its directory.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// Removes everyone else's access to a file, if it exists. Only for a regular file with no other name: anyone who may
/// write to the directory could have linked someone else's file.
fn restrict_mode(path: &Path) -> Result<(), OpenError> {
    let mode = match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() || found.nlink() > 1 => return Ok(()),
        Ok(found) => found.permissions().mode() & 0o777,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(path, &error)),
    };
    if mode & !MODE != 0 {
        fs::set_permissions(path, Permissions::from_mode(MODE)).map_err(|error| failed(path, &error))?;
        warn!("others could read {} (mode {mode:o}); it is now restricted to its owner ({MODE:o})", path.display());
    }
    Ok(())
}

/// The same for the database and the files beside it.
pub(crate) fn restrict_modes(path: &Path) -> Result<(), OpenError> {
    restrict_mode(path)?;
    ["-wal", "-shm"].into_iter().try_for_each(|ending| restrict_mode(&sibling(path, ending)))
}

/// Moves a finished file to its final path, durably. SQLite may have neither of them open.
pub(crate) fn rename_durably(finished: &Path, path: &Path) -> io::Result<()> {
    File::open(finished)?.sync_all()?;
    fs::rename(finished, path)?;
    sync_directory(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_on_another_machine_is_recognised_by_its_mount() {
        let mounts = "36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/sda1 rw
40 35 0:52 / /home rw,relatime shared:2 - nfs4 box:/home rw,vers=4.2
41 35 0:53 /a\\040- /srv rw - tmpfs tmpfs rw
";
        assert!(is_remote_among(mounts, "0:52"));
        assert!(
            !is_remote_among(mounts, "98:0") && !is_remote_among(mounts, "0:53") && !is_remote_among(mounts, "0:5")
        );
    }
}
