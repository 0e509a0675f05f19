//! Why a request is refused.
//!
//! *Owns* the status and the sentence for each reason. *Knows nothing of* how they are found.

use std::fmt;

/// Why a request gets neither the page nor a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpRefusal {
    /// Not HTTP/1.x, or a head that could be read in two ways; the text says what is wrong with it.
    Bad(&'static str),
    /// This page may not open a WebSocket here.
    ForeignOrigin,
    /// The address may not connect; the sentence says why.
    Forbidden(String),
    /// There is nothing at this target.
    NotFound,
    /// A method other than GET and HEAD.
    Method,
    /// The head did not arrive in time.
    TooSlow,
    /// The server is not known by this name.
    UnknownHost(String),
    /// This target is only for WebSockets, of version 13.
    UpgradeRequired,
    /// The head is too long.
    HeadTooLong,
    /// There is no room; the sentence says why.
    Full(String),
}

impl HttpRefusal {
    /// The status (RFC 9110, section 15; RFC 6585, section 5).
    pub fn status(&self) -> u16 {
        match self {
            HttpRefusal::Bad(_) => 400,
            HttpRefusal::ForeignOrigin | HttpRefusal::Forbidden(_) => 403,
            HttpRefusal::NotFound => 404,
            HttpRefusal::Method => 405,
            HttpRefusal::TooSlow => 408,
            HttpRefusal::UnknownHost(_) => 421,
            HttpRefusal::UpgradeRequired => 426,
            HttpRefusal::HeadTooLong => 431,
            HttpRefusal::Full(_) => 503,
        }
    }

    /// The header lines that this status needs.
    pub(super) fn extra_lines(&self) -> &'static str {
        match self {
            HttpRefusal::Method => "Allow: GET, HEAD\r\n",
            HttpRefusal::UpgradeRequired => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            HttpRefusal::Bad(_)
            | HttpRefusal::ForeignOrigin
            | HttpRefusal::Forbidden(_)
            | HttpRefusal::NotFound
            | HttpRefusal::TooSlow
            | HttpRefusal::UnknownHost(_)
            | HttpRefusal::HeadTooLong
            | HttpRefusal::Full(_) => "",
        }
    }
}

impl fmt::Display for HttpRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpRefusal::Bad(what) => write!(f, "That request cannot be read: {what}."),
            HttpRefusal::ForeignOrigin => f.write_str("This page may not connect here."),
            HttpRefusal::NotFound => f.write_str("There is nothing here. The chat is at /"),
            HttpRefusal::Method => f.write_str("Only GET and HEAD are answered here."),
            HttpRefusal::TooSlow => f.write_str("The request did not arrive in time."),
            HttpRefusal::UnknownHost(name) => {
                write!(f, "This server is not known as {name}. The admin can add the name to hosts in [web].")
            }
            HttpRefusal::UpgradeRequired => f.write_str("This is for WebSocket clients, version 13. The chat is at /"),
            HttpRefusal::HeadTooLong => {
                f.write_str("That request is too long: its head may have at most 8,192 bytes in 64 lines.")
            }
            HttpRefusal::Forbidden(sentence) | HttpRefusal::Full(sentence) => f.write_str(sentence),
        }
    }
}

impl std::error::Error for HttpRefusal {}
