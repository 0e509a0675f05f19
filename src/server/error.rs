//! Errors that keep the server from starting, or from stopping properly.
//!
//! *Owns* the causes, their texts, and which of them the user can fix.
//! *Knows nothing of* exit statuses, which are up to `main`.

use std::fmt;
use std::io;
use std::net::SocketAddr;

#[cfg(feature = "tls")]
use super::certificate::CertificateError;
#[cfg(feature = "cluster")]
use crate::cluster::ClusterError;
use crate::store::{OpenError, SaveError};

/// The name of the listeners that `--listen` replaces.
pub const PLAIN: &str = "telnet, nc";

/// Why a server could not start, or did not stop properly.
#[derive(Debug)]
pub enum StartError {
    /// The database cannot be opened.
    Store(OpenError),
    /// An address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What it is for, as printed at the start.
        name: &'static str,
        /// The system's reason.
        error: io::Error,
    },
    /// Questions of `chatsock find` cannot be received at an address.
    #[cfg(feature = "discovery")]
    Discovery {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        error: io::Error,
    },
    /// One of the server's own threads cannot be started.
    Thread(io::Error),
    /// Signals cannot be received.
    Signals(io::Error),
    /// The certificate for the TLS listeners cannot be used.
    #[cfg(feature = "tls")]
    Certificate(CertificateError),
    /// This server cannot join the others.
    #[cfg(feature = "cluster")]
    Cluster(ClusterError),
    /// The system's random generator failed, so there is no exit code.
    ExitCode(getrandom::Error),
    /// The server has run, but could not write everything at the end.
    NotWritten(SaveError),
}

impl StartError {
    /// Whether the user can fix it: exit status 2, otherwise 1.
    pub fn is_users(&self) -> bool {
        match self {
            StartError::Listen { .. } => true,
            #[cfg(feature = "discovery")]
            StartError::Discovery { .. } => true,
            StartError::Store(error) => error.is_users(),
            #[cfg(feature = "tls")]
            StartError::Certificate(error) => error.is_users(),
            #[cfg(feature = "cluster")]
            StartError::Cluster(error) => error.is_users(),
            StartError::Thread(_) | StartError::Signals(_) | StartError::ExitCode(_) | StartError::NotWritten(_) => {
                false
            }
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Listen { address, name, error } => match error.kind() {
                io::ErrorKind::AddrInUse => write!(
                    f,
                    "cannot listen on {address}: the port is in use by another program; stop that program or choose another port {}",
                    ListenerSetting(name)
                ),
                io::ErrorKind::PermissionDenied => write!(
                    f,
                    "cannot listen on {address}: ports below 1024 are reserved for root; choose a higher one {}",
                    ListenerSetting(name)
                ),
                io::ErrorKind::AddrNotAvailable => {
                    write!(f, "cannot listen on {address}: this machine does not have that address")
                }
                _ => write!(f, "cannot listen on {address}: {error}"),
            },
            #[cfg(feature = "discovery")]
            StartError::Discovery { address, error } => {
                let reason = match error.kind() {
                    io::ErrorKind::AddrInUse => "another program has it",
                    io::ErrorKind::PermissionDenied => "ports below 1024 are reserved for root",
                    io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
                    _ => {
                        return write!(
                            f,
                            "cannot receive questions on {address} (UDP): {error}; see listen in [discovery]"
                        );
                    }
                };
                write!(
                    f,
                    "cannot receive questions on {address} (UDP): {reason}; choose another address in listen of [discovery]"
                )
            }
            StartError::Store(error) => error.fmt(f),
            StartError::Thread(error) => write!(f, "cannot start a thread: {error}"),
            StartError::Signals(error) => write!(f, "cannot receive signals: {error}"),
            #[cfg(feature = "tls")]
            StartError::Certificate(error) => error.fmt(f),
            #[cfg(feature = "cluster")]
            StartError::Cluster(error) => error.fmt(f),
            StartError::ExitCode(error) => write!(
                f,
                "cannot make an exit code, because the system returns no random numbers ({error}); set exit_code = false to start without one"
            ),
            StartError::NotWritten(SaveError(reason)) => {
                write!(f, "not everything could be written at the end: {reason}")
            }
        }
    }
}

/// Names the setting that has the address of a listener.
struct ListenerSetting<'a>(&'a str);

impl fmt::Display for ListenerSetting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            PLAIN => f.write_str("with --listen"),
            name => write!(f, "for the listener ({name}) in the config"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::Listen { error, .. } | StartError::Thread(error) | StartError::Signals(error) => Some(error),
            #[cfg(feature = "discovery")]
            StartError::Discovery { error, .. } => Some(error),
            #[cfg(feature = "tls")]
            StartError::Certificate(error) => error.source(),
            #[cfg(feature = "cluster")]
            StartError::Cluster(error) => error.source(),
            StartError::ExitCode(error) => Some(error),
            StartError::Store(error) => Some(error),
            StartError::NotWritten(error) => Some(error),
        }
    }
}
