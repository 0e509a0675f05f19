//! Why a server cannot start, or has not ended as it should.
//!
//! *Owns* the causes, their sentences and whose fault they are.
//! *Knows nothing of* exit statuses' use: `main` maps them.
//! *Called by* `server`, `main`.

use std::fmt;
use std::io;
use std::net::SocketAddr;

#[cfg(feature = "tls")]
use super::certificate::CertificateError;
use crate::store::{OpenError, SaveError};

/// Why a server cannot start, or has not ended as it should.
#[derive(Debug)]
pub enum StartError {
    /// What is kept on disk cannot be opened.
    Store(OpenError),
    /// The address cannot be listened on.
    Listen {
        /// Which one.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// No thread for the server itself.
    Thread(io::Error),
    /// The signals cannot be received.
    Signals(io::Error),
    /// No certificate for the TLS listeners.
    #[cfg(feature = "tls")]
    Certificate(CertificateError),
    /// No exit code: the system's random generator gives nothing.
    ExitCode(getrandom::Error),
    /// It has run, and what was to be written at the end is lost.
    NotWritten(SaveError),
}

impl StartError {
    /// Whether the user can mend it: exit status 2, otherwise 1.
    pub fn is_users(&self) -> bool {
        match self {
            StartError::Listen { .. } => true,
            StartError::Store(error) => error.is_users(),
            #[cfg(feature = "tls")]
            StartError::Certificate(error) => error.is_users(),
            StartError::Thread(_) | StartError::Signals(_) | StartError::ExitCode(_) | StartError::NotWritten(_) => {
                false
            }
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Listen { address, error } => match error.kind() {
                io::ErrorKind::AddrInUse => write!(
                    f,
                    "cannot listen on {address}: the port is taken by another program; stop that one or choose another port with --listen"
                ),
                io::ErrorKind::PermissionDenied => write!(
                    f,
                    "cannot listen on {address}: ports below 1024 are for root; choose a higher one with --listen"
                ),
                io::ErrorKind::AddrNotAvailable => {
                    write!(f, "cannot listen on {address}: this machine does not have that address")
                }
                _ => write!(f, "cannot listen on {address}: {error}"),
            },
            StartError::Store(error) => error.fmt(f),
            StartError::Thread(error) => write!(f, "cannot start a thread: {error}"),
            StartError::Signals(error) => write!(f, "cannot receive signals: {error}"),
            #[cfg(feature = "tls")]
            StartError::Certificate(error) => error.fmt(f),
            StartError::ExitCode(error) => write!(
                f,
                "no exit code, as the system gives no random numbers ({error}); exit_code = false starts without one"
            ),
            StartError::NotWritten(SaveError(reason)) => write!(f, "not everything was written at the end: {reason}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::Listen { error, .. } | StartError::Thread(error) | StartError::Signals(error) => Some(error),
            #[cfg(feature = "tls")]
            StartError::Certificate(error) => error.source(),
            StartError::ExitCode(error) => Some(error),
            StartError::Store(error) => Some(error),
            StartError::NotWritten(error) => Some(error),
        }
    }
}
