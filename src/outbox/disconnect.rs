//! Why a connection is over.
//!
//! *Owns* the reasons and their words for the log and, where they can still be sent, for the user.
//! *Knows nothing of* who decides them.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::metrics::DropKind;
use crate::protocol::wire::OtherProtocol;

/// Why a connection is over. Leaving normally is one of the reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The user left.
    Quit,
    /// The peer closed its side, and everything it had sent was run.
    PeerClosed,
    /// The connection broke.
    Reset(io::ErrorKind),
    /// No login within `login_seconds`.
    LoginTimeout,
    /// Nothing typed within `idle_timeout`.
    Idle,
    /// The backlog exceeded `outbox_bytes`; its size in bytes.
    TooSlow(usize),
    /// The socket accepted nothing for `outbox_stall_seconds`.
    Stalled(Duration),
    /// All backlogs together exceeded `outbox_total_bytes`, and this was the largest; its size in bytes.
    MemoryShort(usize),
    /// Three lines over `line_bytes`.
    LongLines,
    /// Three lines of a program that were not requests.
    NoRequests,
    /// Three wrong exit codes.
    WrongCodes,
    /// A user with the account's password ended it from another connection (`:ghost`).
    Ghosted,
    /// The account was removed from outside (`chatsock user`).
    AccountRemoved,
    /// The account's password was changed from outside.
    PasswordChanged,
    /// An operator banned the address.
    AddressBanned,
    /// The peer speaks another protocol.
    OtherProtocol(OtherProtocol),
    /// Plain text on a TLS port.
    PlainText,
    /// The handshake failed, or a record was damaged. A log line has said which: a text here would cost every plain connection
    /// stack space.
    Tls,
    /// The peer broke the rules of WebSocket. A log line has said which.
    WebSocket,
    /// The client of a WebSocket has answered nothing, not even a ping.
    Unresponsive,
    /// An HTTP request was answered, with this status.
    Answered(u16),
    /// The connection carried a file between users; the text says how that ended.
    Transfer(&'static str),
    /// On a listener for proxies, the header was missing or unusable.
    ProxyHeader,
    /// Not admitted. A log line has said why.
    Refused,
    /// No handshake in time.
    HandshakeTimeout,
    /// No whole HTTP request in time.
    RequestTimeout,
    /// The server is stopping.
    Stopping,
    /// A bug in the server, confined to this connection.
    Panicked,
}

impl DisconnectReason {
    /// The code that tells the client of a WebSocket (RFC 6455, section 7.4.1). After 1008 it should not come back by itself: it
    /// was sent away, or would be again.
    pub(crate) fn close_code(&self) -> u16 {
        match self {
            DisconnectReason::Quit | DisconnectReason::PeerClosed => 1000,
            DisconnectReason::Stopping => 1001,
            DisconnectReason::WebSocket => 1002,
            DisconnectReason::LoginTimeout
            | DisconnectReason::Idle
            | DisconnectReason::TooSlow(_)
            | DisconnectReason::Stalled(_)
            | DisconnectReason::LongLines
            | DisconnectReason::NoRequests
            | DisconnectReason::WrongCodes
            | DisconnectReason::Ghosted
            | DisconnectReason::AccountRemoved
            | DisconnectReason::PasswordChanged
            | DisconnectReason::AddressBanned => 1008,
            DisconnectReason::MemoryShort(_) => 1013,
            DisconnectReason::Reset(_)
            | DisconnectReason::OtherProtocol(_)
            | DisconnectReason::PlainText
            | DisconnectReason::Tls
            | DisconnectReason::Unresponsive
            | DisconnectReason::Answered(_)
            | DisconnectReason::Transfer(_)
            | DisconnectReason::ProxyHeader
            | DisconnectReason::Refused
            | DisconnectReason::HandshakeTimeout
            | DisconnectReason::RequestTimeout
            | DisconnectReason::Panicked => 1011,
        }
    }

    /// The metric that counts it, if the server dropped the client for what it did or failed to do.
    pub(crate) fn counts_as(&self) -> Option<DropKind> {
        match self {
            DisconnectReason::TooSlow(_) | DisconnectReason::MemoryShort(_) => Some(DropKind::Slow),
            DisconnectReason::Stalled(_) | DisconnectReason::Unresponsive => Some(DropKind::Stalled),
            DisconnectReason::Idle => Some(DropKind::Idle),
            DisconnectReason::LoginTimeout | DisconnectReason::HandshakeTimeout | DisconnectReason::RequestTimeout => {
                Some(DropKind::Login)
            }
            DisconnectReason::LongLines | DisconnectReason::NoRequests => Some(DropKind::Line),
            DisconnectReason::Panicked => Some(DropKind::Panic),
            DisconnectReason::Quit
            | DisconnectReason::PeerClosed
            | DisconnectReason::Reset(_)
            | DisconnectReason::WrongCodes
            | DisconnectReason::Ghosted
            | DisconnectReason::AccountRemoved
            | DisconnectReason::PasswordChanged
            | DisconnectReason::AddressBanned
            | DisconnectReason::OtherProtocol(_)
            | DisconnectReason::PlainText
            | DisconnectReason::Tls
            | DisconnectReason::WebSocket
            | DisconnectReason::Answered(_)
            | DisconnectReason::ProxyHeader
            | DisconnectReason::Refused
            | DisconnectReason::Transfer(_)
            | DisconnectReason::Stopping => None,
        }
    }

    /// The sentence sent with the close code. Empty if the client has been told already, or needs no reason.
    pub(crate) fn close_reason(&self) -> String {
        match self {
            DisconnectReason::Quit | DisconnectReason::PeerClosed => String::new(),
            DisconnectReason::Stopping => "The server is stopping.".to_owned(),
            DisconnectReason::LoginTimeout
            | DisconnectReason::Idle
            | DisconnectReason::TooSlow(_)
            | DisconnectReason::Stalled(_)
            | DisconnectReason::MemoryShort(_)
            | DisconnectReason::LongLines
            | DisconnectReason::NoRequests
            | DisconnectReason::WrongCodes
            | DisconnectReason::Unresponsive
            | DisconnectReason::Panicked => format!("{self}."),
            // These are said before the connection ends, or there is nobody to say them to.
            DisconnectReason::Ghosted
            | DisconnectReason::AccountRemoved
            | DisconnectReason::PasswordChanged
            | DisconnectReason::AddressBanned
            | DisconnectReason::WebSocket
            | DisconnectReason::Reset(_)
            | DisconnectReason::OtherProtocol(_)
            | DisconnectReason::PlainText
            | DisconnectReason::Tls
            | DisconnectReason::Answered(_)
            | DisconnectReason::Transfer(_)
            | DisconnectReason::ProxyHeader
            | DisconnectReason::Refused
            | DisconnectReason::HandshakeTimeout
            | DisconnectReason::RequestTimeout => String::new(),
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DisconnectReason::Quit => f.write_str("left"),
            DisconnectReason::PeerClosed => f.write_str("closed by the peer"),
            DisconnectReason::Reset(kind) => write!(f, "connection lost ({kind})"),
            DisconnectReason::LoginTimeout => f.write_str("Login timed out"),
            DisconnectReason::Idle => f.write_str("You were idle for too long"),
            DisconnectReason::TooSlow(bytes) => write!(f, "You read too slowly: {bytes} bytes were waiting for you"),
            DisconnectReason::Stalled(for_time) => {
                write!(f, "Your client accepted nothing for {} seconds", for_time.as_secs())
            }
            DisconnectReason::MemoryShort(bytes) => {
                write!(f, "The server is low on memory, and your backlog was the largest: {bytes} bytes")
            }
            DisconnectReason::LongLines => f.write_str("Too many lines were too long"),
            DisconnectReason::NoRequests => f.write_str("Too many lines were not requests"),
            DisconnectReason::Ghosted => f.write_str("disconnected from another connection of the account"),
            DisconnectReason::AccountRemoved => f.write_str("the account was removed"),
            DisconnectReason::PasswordChanged => f.write_str("the password was changed from outside"),
            DisconnectReason::AddressBanned => f.write_str("the address was banned"),
            DisconnectReason::WrongCodes => f.write_str("Too many wrong exit codes"),
            DisconnectReason::OtherProtocol(protocol) => write!(f, "speaks {protocol}, not telnet or plain text"),
            DisconnectReason::PlainText => f.write_str("spoke plain text on a TLS port"),
            DisconnectReason::Tls => f.write_str("TLS failed"),
            DisconnectReason::WebSocket => f.write_str("broke the rules of WebSocket"),
            DisconnectReason::Unresponsive => f.write_str("Your client answered nothing for too long"),
            DisconnectReason::Transfer(how) => write!(f, "file {how}"),
            DisconnectReason::Answered(status) => write!(f, "HTTP request answered with {status}"),
            DisconnectReason::ProxyHeader => f.write_str("sent no usable PROXY header"),
            DisconnectReason::Refused => f.write_str("refused"),
            DisconnectReason::HandshakeTimeout => f.write_str("no TLS handshake in time"),
            DisconnectReason::RequestTimeout => f.write_str("no HTTP request in time"),
            DisconnectReason::Stopping => f.write_str("the server is stopping"),
            DisconnectReason::Panicked => f.write_str("An internal error ended your connection"),
        }
    }
}
