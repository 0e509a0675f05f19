//! What SQLite complains about, as our reasons.
//!
//! *Owns* which complaint is about the disk and which about one record. *Knows nothing of* what is done about it.
//! *Called by* every file here that talks to SQLite.

use rusqlite::{Error, ErrorCode, ffi};

use crate::store::error::StoreFailure;

/// The complaint in our words.
pub fn reason(error: &Error) -> StoreFailure {
    if let Error::SqliteFailure(failure, _) = error
        && failure.extended_code == ffi::SQLITE_READONLY_DBMOVED
    {
        return StoreFailure::FileReplaced;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreFailure::DiskFull,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreFailure::Locked,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => StoreFailure::ReadOnly,
        Some(ErrorCode::OperationInterrupted) => StoreFailure::TimedOut,
        // SQLite's own words are about files and tables. Those around them would show the statement.
        _ => StoreFailure::Other(match error {
            Error::SqliteFailure(failure, words) => {
                words.clone().unwrap_or_else(|| failure.to_string()).as_str().into()
            }
            other => other.to_string().into(),
        }),
    }
}

/// The files are not where they were, in SQLite's words ("Result and Error Codes", 1032).
pub fn replaced() -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY_DBMOVED), None)
}

/// Whether one record or order alone is refused: the others can be written all the same. Everything else is trouble with
/// the disk or the file.
pub fn is_of_one_record(error: &Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => {
            matches!(
                code,
                ErrorCode::ConstraintViolation
                    | ErrorCode::TypeMismatch
                    | ErrorCode::TooBig
                    | ErrorCode::ParameterOutOfRange
            )
        }
        // A value that cannot be converted, a row that is not there.
        None => true,
    }
}
