//! Why a connection is over.
//!
//! *Owns* the reasons and their words for the log and, where it still can be told, for the person.
//! *Knows nothing of* who decides them.
//! *Called by* `outbox`, `session` and `server`.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::protocol::wire::OtherProtocol;

/// Why a connection is over. Leaving normally is one of the reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The person left.
    Quit,
    /// The peer closed its side, all it had sent was run.
    PeerClosed,
    /// The connection broke.
    Reset(io::ErrorKind),
    /// No name within `login_seconds`.
    LoginTimeout,
    /// Nothing typed within `idle_timeout`.
    Idle,
    /// The backlog grew over `outbox_bytes`: so many bytes.
    TooSlow(usize),
    /// Nothing was taken for `outbox_stall_seconds`.
    Stalled(Duration),
    /// All backlogs together were over `outbox_total_bytes`, and this was the largest: so many bytes.
    MemoryShort(usize),
    /// Three lines over `line_bytes`.
    LongLines,
    /// Three wrong exit codes.
    WrongCodes,
    /// Somebody who knows the account's password has ended it from another connection.
    Ghosted,
    /// The account was removed by whoever has the machine.
    AccountRemoved,
    /// The account got another password from whoever has the machine.
    PasswordChanged,
    /// An operator has banned the address.
    AddressBanned,
    /// It speaks another protocol.
    OtherProtocol(OtherProtocol),
    /// Somebody typed on a port for TLS.
    PlainText,
    /// What came was no TLS, none that can be agreed on, or damaged. Which of them, a line in the log has said before: here
    /// it would be a text, and every plain connection's stack would pay for it.
    Tls,
    /// The two sides had not agreed on the encryption in time.
    HandshakeTimeout,
    /// The server stops.
    Stopping,
    /// A defect of ours, confined to this connection.
    Panicked,
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
            DisconnectReason::Stalled(for_time) => write!(f, "You read nothing for {} seconds", for_time.as_secs()),
            DisconnectReason::MemoryShort(bytes) => {
                write!(f, "The server is short of memory and you had the most waiting: {bytes} bytes")
            }
            DisconnectReason::LongLines => f.write_str("Too many lines were too long"),
            DisconnectReason::Ghosted => f.write_str("ended from another connection of the account"),
            DisconnectReason::AccountRemoved => f.write_str("the account was removed"),
            DisconnectReason::PasswordChanged => f.write_str("the account was given another password"),
            DisconnectReason::AddressBanned => f.write_str("the address was banned"),
            DisconnectReason::WrongCodes => f.write_str("Too many wrong exit codes"),
            DisconnectReason::OtherProtocol(protocol) => write!(f, "speaks {protocol}, not telnet or plain text"),
            DisconnectReason::PlainText => f.write_str("spoke plain text on a port for TLS"),
            DisconnectReason::Tls => f.write_str("TLS failed"),
            DisconnectReason::HandshakeTimeout => f.write_str("no TLS handshake in time"),
            DisconnectReason::Stopping => f.write_str("the server stops"),
            DisconnectReason::Panicked => f.write_str("An error of the server's ended your connection"),
        }
    }
}
