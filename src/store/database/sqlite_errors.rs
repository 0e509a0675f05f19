//! Translates SQLite's errors into ours.
//!
//! *Owns* which errors concern the disk and which a single write. *Knows nothing of* how they are handled.

use rusqlite::{Error, ErrorCode, ffi};

use crate::store::error::StoreError;

#[allow(clippy::wildcard_enum_match_arm, reason = "the enum is not ours, and grows")]
pub(crate) fn failure(error: &Error) -> StoreError {
    if let Error::SqliteFailure(failure, _) = error
        && failure.extended_code == ffi::SQLITE_READONLY_DBMOVED
    {
        return StoreError::FileReplaced;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::DiskFull,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => StoreError::ReadOnly,
        Some(ErrorCode::OperationInterrupted) => StoreError::TimedOut,
        // SQLite's own message is about files and tables. rusqlite's would show the statement.
        _ => StoreError::Other(match error {
            Error::SqliteFailure(failure, message) => {
                message.clone().unwrap_or_else(|| failure.to_string()).as_str().into()
            }
            other => other.to_string().into(),
        }),
    }
}

/// The error that SQLite has for files that were moved ("Result and Error Codes", 1032).
pub(crate) fn files_replaced() -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY_DBMOVED), None)
}

/// Whether only one write is at fault and the others can still be written. Any other error concerns the disk or the file.
pub(crate) fn concerns_one_write(error: &Error) -> bool {
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
        // A value that cannot be converted, or a missing row.
        None => true,
    }
}
