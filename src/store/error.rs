//! What goes wrong with the store, in sentences.
//!
//! *Owns* the causes, their words and remedies, and whose fault it is that a store does not open.
//! *Knows nothing of* SQLite's numbers: `opening` and `writer` translate them.
//! *Called by* whoever opens, asks or is told.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

/// Why the disk did not do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreFailure {
    /// No space is left.
    DiskFull,
    /// Another program holds the database.
    Locked,
    /// The file or its file system cannot be written.
    ReadOnly,
    /// More waits to be written than can be held in memory.
    QueueFull,
    /// No answer within the time that is waited for one. It is not done, and will not be.
    TimedOut,
    /// The same, but it has been begun: it may be done yet.
    OutcomeUnknown,
    /// The files were deleted, or others are in their place.
    FileReplaced,
    /// The store is closed or being closed.
    Closed,
    /// Messages are not kept on this server.
    HistoryOff,
    /// What the database says.
    Other(Box<str>),
}

impl fmt::Display for StoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreFailure::DiskFull => f.write_str("the disk is full"),
            StoreFailure::Locked => f.write_str("another program holds the database"),
            StoreFailure::ReadOnly => f.write_str("the database cannot be written to"),
            StoreFailure::QueueFull => f.write_str("the disk is too slow"),
            StoreFailure::TimedOut | StoreFailure::OutcomeUnknown => f.write_str("the disk does not answer"),
            StoreFailure::FileReplaced => f.write_str("the database was deleted or replaced"),
            StoreFailure::Closed => f.write_str("the server is stopping"),
            StoreFailure::HistoryOff => f.write_str("this server keeps no messages"),
            StoreFailure::Other(words) => write!(f, "the database says: {words}"),
        }
    }
}

/// What was to be saved is not. With [`StoreFailure::OutcomeUnknown`] it may still be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaveError(pub StoreFailure);

impl SaveError {
    /// Without what to do.
    pub fn short(&self) -> String {
        match &self.0 {
            StoreFailure::OutcomeUnknown => format!("It may not be saved: {}.", self.0),
            reason => format!("Not saved: {reason}."),
        }
    }
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = if self.0 == StoreFailure::OutcomeUnknown { "Look again later" } else { "Try again later" };
        write!(f, "{} {remedy}, or tell an operator.", self.short())
    }
}

impl Error for SaveError {}

/// What was to be read could not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(pub StoreFailure);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The database cannot be read: {}. Try again later, or tell an operator.", self.0)
    }
}

impl Error for ReadError {}

/// Why an account was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateAccountError {
    /// There is one of that name.
    Exists,
    /// The disk refuses.
    NotSaved(SaveError),
}

impl fmt::Display for CreateAccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CreateAccountError::Exists => f.write_str("There is an account of that name already: choose another name."),
            CreateAccountError::NotSaved(error) => error.fmt(f),
        }
    }
}

impl Error for CreateAccountError {}

/// Why a direct message does not wait for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfflineMessageError {
    /// As many wait for that person as can.
    MailboxFull,
    /// As many wait for that person as may be the same author's.
    SenderShare,
    /// As many of the same author's wait for all people together as can.
    SenderTotal,
    /// There is no such account any more.
    NoAccount,
    /// The disk refuses.
    NotSaved(SaveError),
}

impl fmt::Display for OfflineMessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OfflineMessageError::MailboxFull => {
                f.write_str("Too many messages wait for that person already: try again later.")
            }
            OfflineMessageError::SenderShare => {
                f.write_str("Too many messages of yours wait for that person already: try again later.")
            }
            OfflineMessageError::SenderTotal => {
                f.write_str("Too many messages of yours wait for others already: try again later.")
            }
            OfflineMessageError::NoAccount => f.write_str("There is no such account any more."),
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
    /// A newer chatsock made it.
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version this binary writes.
        known: i64,
    },
    /// It is no database, or one of another program.
    Foreign(PathBuf),
    /// It, or its lock, is no regular file but this.
    Irregular(PathBuf, &'static str),
    /// The directory it is to stand in does not exist.
    NoDirectory(PathBuf),
    /// It may not be read or written.
    Denied(PathBuf),
    /// It is damaged.
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What the database says.
        words: Box<str>,
    },
    /// It could not be brought to this binary's version.
    NotMigrated {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: StoreFailure,
    },
    /// Something else.
    Failed {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: StoreFailure,
    },
    /// No thread for writing.
    Thread(Box<str>),
    /// The feature is not in this build.
    NotBuilt,
}

impl OpenError {
    /// Whether the user can mend it: exit status 2, otherwise 1.
    pub fn is_users(&self) -> bool {
        match self {
            OpenError::InUse(_)
            | OpenError::OlderInUse(_)
            | OpenError::Newer { .. }
            | OpenError::Foreign(_)
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
                "{} is used by another server; stop that one, or give this one another file in [storage] path",
                path.display()
            ),
            OpenError::OlderInUse(path) => write!(
                f,
                "{} is used by a server of an older version; start that server anew with this version first",
                path.display()
            ),
            OpenError::Newer { path, found, known } => write!(
                f,
                "{} was written by a newer chatsock (version {found} of the tables, this one knows {known}); use that one, or put a back-up in its place",
                path.display()
            ),
            OpenError::Foreign(path) => write!(
                f,
                "{} is not a database of chatsock; give another file in [storage] path, or move this one away",
                path.display()
            ),
            OpenError::Irregular(path, kind) => write!(
                f,
                "{} is not a file of chatsock's but {kind}; give another file in [storage] path, or move this one away",
                path.display()
            ),
            OpenError::NoDirectory(path) => {
                write!(f, "the directory {} does not exist; make it, or give another file in [storage] path", path.display())
            }
            OpenError::Denied(path) => write!(
                f,
                "{} may not be read and written by this user; change its owner or mode, or give another file in [storage] path",
                path.display()
            ),
            OpenError::Damaged { path, words } => write!(
                f,
                "{} is damaged ({words}); move it and the files named like it away, and put a back-up in its place",
                path.display()
            ),
            OpenError::NotMigrated { path, reason } => write!(
                f,
                "{} could not be brought to this version, and is unchanged: {reason}; see to that and start again",
                path.display()
            ),
            OpenError::Failed { path, reason } => {
                write!(f, "{} cannot be opened: {reason}; see to that and start again", path.display())
            }
            OpenError::Thread(words) => write!(f, "cannot start the thread that writes the database: {words}"),
            OpenError::NotBuilt => f.write_str(
                "this chatsock keeps nothing on disk; build it with `cargo build --release --features storage`, or leave [storage] out",
            ),
        }
    }
}

impl Error for OpenError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_can_mend_names_the_file_and_a_remedy() {
        let path = PathBuf::from("/srv/chatsock.db");
        for error in [OpenError::InUse(path.clone()), OpenError::Foreign(path.clone()), OpenError::Denied(path.clone())]
        {
            assert!(error.is_users() && error.to_string().starts_with("/srv/chatsock.db "), "{error}");
        }
        assert!(!OpenError::Damaged { path, words: "x".into() }.is_users());
    }
}
