//! The errors of the store.
//!
//! *Owns* their words and remedies, and who has to fix a store that does not open.
//! *Knows nothing of* SQLite's error codes.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

/// Why the store could not read or write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// No space is left.
    DiskFull,
    /// Another program holds the database.
    Locked,
    /// The file or its file system is read-only.
    ReadOnly,
    /// The queue has no room for another write.
    QueueFull,
    /// No answer in time. The write did not happen and will not.
    TimedOut,
    /// No answer in time, but the write has begun: it may still happen.
    OutcomeUnknown,
    /// The files were deleted or replaced.
    FileReplaced,
    /// The store is closed or closing.
    Closed,
    /// Messages are not stored on this server.
    HistoryOff,
    /// The other servers of the cluster cannot be reached: nothing was changed.
    Unreachable,
    /// The other servers of the cluster have not answered: the write may have happened.
    AnswerLost,
    /// Fewer Redis replicas have the write than the configuration asks for, so it was undone.
    NotReplicated,
    /// Too few replicas have the write, but it was not undone: a failure of the Redis server that has it may undo it.
    Unconfirmed,
    /// The stored data is of another version, or damaged.
    Unreadable,
    /// SQLite's own message.
    Other(Box<str>),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::DiskFull => f.write_str("the disk is full"),
            StoreError::Locked => f.write_str("another program holds the database"),
            StoreError::ReadOnly => f.write_str("the database cannot be written to"),
            StoreError::QueueFull => f.write_str("the disk is too slow"),
            StoreError::TimedOut | StoreError::OutcomeUnknown => f.write_str("the disk does not answer"),
            StoreError::FileReplaced => f.write_str("the database was deleted or replaced"),
            StoreError::Closed => f.write_str("the server is stopping"),
            StoreError::HistoryOff => f.write_str("this server does not store messages"),
            StoreError::Unreachable => f.write_str("this server cannot reach the others right now"),
            StoreError::AnswerLost => f.write_str("the other servers do not answer"),
            StoreError::NotReplicated | StoreError::Unconfirmed => f.write_str("there are too few copies of it"),
            StoreError::Unreadable => f.write_str("the stored data cannot be read"),
            StoreError::Other(message) => write!(f, "the database says: {message}"),
        }
    }
}

impl StoreError {
    /// Whether the write may have happened, or may still happen.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, StoreError::OutcomeUnknown | StoreError::AnswerLost | StoreError::Unconfirmed)
    }
}

/// A write failed. If the failure [is unknown](StoreError::is_unknown), it may still succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaveError(pub StoreError);

impl SaveError {
    /// The sentence without the remedy.
    pub(crate) fn short(&self) -> String {
        let reason = &self.0;
        match reason.is_unknown() {
            true => format!("It may not be saved: {reason}."),
            false => format!("Not saved: {reason}."),
        }
    }
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = if self.0.is_unknown() { "Look again later" } else { "Try again later" };
        write!(f, "{} {remedy}, or tell an operator.", self.short())
    }
}

impl Error for SaveError {}

/// A read failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(pub StoreError);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = &self.0;
        if *reason == StoreError::Unreachable {
            return write!(f, "Accounts cannot be read: {reason}. Try again in a minute.");
        }
        write!(f, "The database cannot be read: {reason}. Try again later, or tell an operator.")
    }
}

impl Error for ReadError {}

/// Why an account was not created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateAccountError {
    /// The name is taken.
    Exists,
    /// The disk failed.
    NotSaved(SaveError),
}

impl fmt::Display for CreateAccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CreateAccountError::Exists => f.write_str("That name is already registered: choose another one."),
            CreateAccountError::NotSaved(error) => error.fmt(f),
        }
    }
}

impl Error for CreateAccountError {}

/// Why a direct message was not stored for an offline user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfflineMessageError {
    /// As many messages wait for the recipient as may.
    MailboxFull,
    /// As many of this sender's messages wait for the recipient as one sender may have waiting.
    SenderShare,
    /// As many of this sender's messages wait, for all recipients together, as one sender may have waiting.
    SenderTotal,
    /// The recipient's account is gone.
    NoAccount,
    /// The disk failed.
    NotSaved(SaveError),
}

impl fmt::Display for OfflineMessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OfflineMessageError::MailboxFull => {
                f.write_str("Too many messages are waiting for that user already: try again later.")
            }
            OfflineMessageError::SenderShare => {
                f.write_str("Too many of your messages are waiting for that user already: try again later.")
            }
            OfflineMessageError::SenderTotal => {
                f.write_str("Too many of your messages are waiting for other users already: try again later.")
            }
            OfflineMessageError::NoAccount => f.write_str("That account no longer exists."),
            OfflineMessageError::NotSaved(error) => error.fmt(f),
        }
    }
}

impl Error for OfflineMessageError {}

/// Why a store does not open. One sentence each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// Another server has it.
    InUse(PathBuf),
    /// It is of an older version, and a running server of that version has it.
    OlderInUse(PathBuf),
    /// A newer chatsock wrote it.
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The latest version this binary knows.
        known: i64,
    },
    /// It is not a database, or another program's.
    Foreign(PathBuf),
    /// There is no such file.
    Missing(PathBuf),
    /// It holds the data of a single server, and is not the archive of a cluster.
    NotAnArchive(PathBuf),
    /// It, or its lock, is not a regular file; the text says what it is.
    Irregular(PathBuf, &'static str),
    /// Its directory does not exist.
    NoDirectory(PathBuf),
    /// It may not be read or written.
    Denied(PathBuf),
    /// It is damaged.
    Damaged {
        /// The database.
        path: PathBuf,
        /// SQLite's message.
        message: Box<str>,
    },
    /// Migrating it failed.
    NotMigrated {
        /// The database.
        path: PathBuf,
        /// Why.
        reason: StoreError,
    },
    /// Anything else.
    Failed {
        /// The database.
        path: PathBuf,
        /// Why.
        reason: StoreError,
    },
    /// The writer thread could not be started.
    Thread(Box<str>),
    /// The feature is not in this build.
    NotBuilt,
}

impl OpenError {
    /// Whether the user can fix it: exit status 2, otherwise 1.
    pub fn is_users(&self) -> bool {
        match self {
            OpenError::InUse(_)
            | OpenError::OlderInUse(_)
            | OpenError::Newer { .. }
            | OpenError::Foreign(_)
            | OpenError::NotAnArchive(_)
            | OpenError::Missing(_)
            | OpenError::Irregular(..)
            | OpenError::NoDirectory(_)
            | OpenError::Denied(_)
            | OpenError::NotBuilt => true,
            OpenError::Damaged { .. }
            | OpenError::NotMigrated { .. }
            | OpenError::Failed { .. }
            | OpenError::Thread(_) => false,
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::InUse(path) => write!(
                f,
                "{} is used by another server; stop that server, or set another file in [storage] path",
                path.display()
            ),
            OpenError::OlderInUse(path) => write!(
                f,
                "{} is used by a server of an older version; restart that server with this version first",
                path.display()
            ),
            OpenError::Newer { path, found, known } => write!(
                f,
                "{} was written by a newer chatsock (schema version {found}; this one knows versions up to {known}); use that one, or restore a backup",
                path.display()
            ),
            OpenError::Foreign(path) => write!(
                f,
                "{} is not a chatsock database; set another file in [storage] path, or move this one away",
                path.display()
            ),
            OpenError::Missing(path) => write!(f, "{} does not exist; name a database", path.display()),
            OpenError::NotAnArchive(path) => write!(
                f,
                "{0} holds what a server stored by itself, and these servers know nothing of it; bring it in with `chatsock cluster import {0}` while none of them runs, or set another file in [storage] path",
                path.display()
            ),
            OpenError::Irregular(path, kind) => write!(
                f,
                "{} is not a chatsock file but {kind}; set another file in [storage] path, or move this one away",
                path.display()
            ),
            OpenError::NoDirectory(path) => {
                write!(f, "the directory {} does not exist; create it, or set another file in [storage] path", path.display())
            }
            OpenError::Denied(path) => write!(
                f,
                "{} cannot be read and written by this user; change its owner or mode, or set another file in [storage] path",
                path.display()
            ),
            OpenError::Damaged { path, message } => write!(
                f,
                "{} is damaged ({message}); move it and the files beside it away, and restore a backup",
                path.display()
            ),
            OpenError::NotMigrated { path, reason } => write!(
                f,
                "{} could not be migrated to this version and is unchanged: {reason}; fix that and start again",
                path.display()
            ),
            OpenError::Failed { path, reason } => {
                write!(f, "{} cannot be opened: {reason}; fix that and start again", path.display())
            }
            OpenError::Thread(message) => write!(f, "cannot start the writer thread: {message}"),
            OpenError::NotBuilt => f.write_str(
                "this chatsock has no storage; build it with `cargo build --release --features storage`, or remove [storage]",
            ),
        }
    }
}

impl Error for OpenError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_the_user_can_fix_name_the_file_and_a_remedy() {
        let path = PathBuf::from("/srv/chatsock.db");
        for error in [OpenError::InUse(path.clone()), OpenError::Foreign(path.clone()), OpenError::Denied(path.clone())]
        {
            assert!(error.is_users() && error.to_string().starts_with("/srv/chatsock.db "), "{error}");
        }
        assert!(!OpenError::Damaged { path, message: "x".into() }.is_users());
    }
}
