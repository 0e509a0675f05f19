//! Why a connection is not admitted.
//!
//! *Owns* the sentence for each reason, and which of them would still hold later.
//! *Knows nothing of* how a refusal is sent.

use std::fmt;

use jiff::Timestamp;

use crate::access::admission::AdmissionError;
use crate::hub::shutdown::Shutdown;
use crate::metrics::RefusalKind;
#[cfg(feature = "web")]
use crate::protocol::http::HttpRefusal;
use crate::store::AddressBanRecord;
use crate::text::seconds;

/// Why a connection is not admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TurnedAway {
    /// The server has reached its limit of connections, or a proxy its limit of connections that have named no client
    /// yet.
    Full,
    /// The server is stopping.
    Stopping,
    /// The server is about to restart, and others take its users.
    Restarting,
    /// The address has too many connections, or opens them too fast.
    NotAdmitted(AdmissionError),
    /// The address is banned. The timestamp is when the ban was found.
    Banned(Box<AddressBanRecord>, Timestamp),
    /// The address has to use TLS, on this port if there is one.
    NeedsTls(Option<u16>),
    /// A listener for proxies accepts no other clients, whatever they send.
    NotAProxy,
    /// The header is of version 1.
    ProxyVersion1,
    /// The header is for a socket without an address.
    NoAddress,
    /// The header has an address that no client can have, such as a multicast address.
    NotAClient,
}

impl TurnedAway {
    /// The refusal, if the server is about to stop.
    pub(super) fn by_stop(shutdown: &Shutdown) -> Option<TurnedAway> {
        match (shutdown.is_draining(), shutdown.is_announced()) {
            (true, _) => Some(TurnedAway::Restarting),
            (false, true) => Some(TurnedAway::Stopping),
            (false, false) => None,
        }
    }

    /// The label under which the metrics count it.
    pub(super) fn counts_as(&self) -> RefusalKind {
        match self {
            TurnedAway::Full => RefusalKind::Full,
            TurnedAway::Stopping | TurnedAway::Restarting => RefusalKind::Stopping,
            TurnedAway::NotAdmitted(AdmissionError::TooManyOpen(_)) => RefusalKind::PerAddress,
            TurnedAway::NotAdmitted(AdmissionError::TooManyNew(_)) => RefusalKind::Rate,
            TurnedAway::Banned(..) => RefusalKind::Banned,
            TurnedAway::NeedsTls(_) => RefusalKind::Plain,
            TurnedAway::NotAProxy | TurnedAway::ProxyVersion1 | TurnedAway::NoAddress | TurnedAway::NotAClient => {
                RefusalKind::Proxy
            }
        }
    }

    /// Whether it would still hold later.
    #[cfg(any(feature = "json", feature = "web"))]
    pub(super) fn is_for_good(&self) -> bool {
        match self {
            TurnedAway::Full | TurnedAway::Stopping | TurnedAway::Restarting | TurnedAway::NotAdmitted(_) => false,
            TurnedAway::Banned(..)
            | TurnedAway::NeedsTls(_)
            | TurnedAway::NotAProxy
            | TurnedAway::ProxyVersion1
            | TurnedAway::NoAddress
            | TurnedAway::NotAClient => true,
        }
    }
}

#[cfg(feature = "web")]
impl From<&TurnedAway> for HttpRefusal {
    fn from(why: &TurnedAway) -> HttpRefusal {
        let line = why.to_string();
        if why.is_for_good() { HttpRefusal::Forbidden(line) } else { HttpRefusal::Full(line) }
    }
}

impl fmt::Display for TurnedAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TurnedAway::Full => f.write_str("The server is full. Please try again later."),
            TurnedAway::Stopping => f.write_str("The server is shutting down. Please try again later."),
            TurnedAway::Restarting => {
                f.write_str("This server restarts. Come in again now: another one of the same chat lets you in.")
            }
            TurnedAway::NotAdmitted(AdmissionError::TooManyOpen(limit)) => {
                write!(f, "Too many connections from your address: at most {limit} at once.")
            }
            TurnedAway::NotAdmitted(AdmissionError::TooManyNew(wait)) => {
                write!(f, "Too many new connections from your address: try again in {}.", seconds(*wait))
            }
            TurnedAway::Banned(ban, found) => ban.notice(*found).fmt(f),
            TurnedAway::NeedsTls(None) => {
                f.write_str("This server takes no unencrypted connections from your address.")
            }
            TurnedAway::NeedsTls(Some(port)) => {
                write!(f, "This server takes no unencrypted connections from your address: use TLS on port {port}.")
            }
            TurnedAway::NotAProxy => f.write_str("This port is for proxies."),
            TurnedAway::ProxyVersion1 => f.write_str("This port takes PROXY headers of version 2, not of version 1."),
            TurnedAway::NoAddress => f.write_str("This port takes connections over TCP only, not over a UNIX socket."),
            TurnedAway::NotAClient => f.write_str("The PROXY header has an address that no client can have here."),
        }
    }
}
