//! Why a request is refused.
//!
//! *Owns* the status and the sentence for each reason. *Knows nothing of* how they are found.

use std::fmt;

/// Why a request gets no page and no WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not HTTP/1.x, or a head that could be read in two ways; what is wrong with it.
    Bad(&'static str),
    /// This page may not open a WebSocket here.
    ForeignOrigin,
    /// The address may not connect; the sentence says why.
    Forbidden(String),
    /// There is nothing at this target.
    NotFound,
    /// A method other than GET and HEAD.
    Method,
    /// The head did not come in time.
    TooSlow,
    /// The server goes by other names.
    UnknownHost(String),
    /// This target is only for WebSockets, of version 13.
    UpgradeRequired,
    /// The head is too long.
    HeadTooLong,
    /// There is no room; the sentence says why.
    Full(String),
}

impl Refusal {
    /// The status (RFC 9110, section 15; RFC 6585, section 5).
    pub fn status(&self) -> u16 {
        match self {
            Refusal::Bad(_) => 400,
            Refusal::ForeignOrigin | Refusal::Forbidden(_) => 403,
            Refusal::NotFound => 404,
            Refusal::Method => 405,
            Refusal::TooSlow => 408,
            Refusal::UnknownHost(_) => 421,
            Refusal::UpgradeRequired => 426,
            Refusal::HeadTooLong => 431,
            Refusal::Full(_) => 503,
        }
    }

    /// The header lines that this status needs.
    pub(super) fn extra_lines(&self) -> &'static str {
        match self {
            Refusal::Method => "Allow: GET, HEAD\r\n",
            Refusal::UpgradeRequired => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            Refusal::Bad(_)
            | Refusal::ForeignOrigin
            | Refusal::Forbidden(_)
            | Refusal::NotFound
            | Refusal::TooSlow
            | Refusal::UnknownHost(_)
            | Refusal::HeadTooLong
            | Refusal::Full(_) => "",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Bad(what) => write!(f, "That request cannot be read: {what}."),
            Refusal::ForeignOrigin => f.write_str("This page may not connect here."),
            Refusal::NotFound => f.write_str("There is nothing here. The chat is at /"),
            Refusal::Method => f.write_str("Only GET and HEAD are answered here."),
            Refusal::TooSlow => f.write_str("The request did not come in time."),
            Refusal::UnknownHost(name) => {
                write!(f, "This server is not known as {name}. The admin can add the name to hosts in [web].")
            }
            Refusal::UpgradeRequired => f.write_str("This is for WebSocket clients, version 13. The chat is at /"),
            Refusal::HeadTooLong => f.write_str("That request is too long: its head may have 8,192 bytes in 64 lines."),
            Refusal::Forbidden(sentence) | Refusal::Full(sentence) => f.write_str(sentence),
        }
    }
}

impl std::error::Error for Refusal {}
