//! What a peer can do wrong.
//!
//! *Owns* the close code and the words for each. *Knows nothing of* how they are found.

use std::fmt;

/// Why a peer's bytes are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Bits that only extensions use (RFC 6455, section 5.2).
    ReservedBits,
    /// An unknown opcode.
    Opcode,
    /// A frame from a client that is not masked (section 5.1).
    NotMasked,
    /// A length in more bytes than needed (section 5.2).
    LongLength,
    /// A control frame in several parts, or of over 125 bytes (section 5.5).
    ControlFrame,
    /// A continuation of nothing, or a new message inside another (section 5.4).
    Fragment,
    /// A close frame with one byte, or with a code that may not be sent (section 7.4).
    CloseCode,
    /// A binary message where only text is accepted.
    Binary,
    /// Text that is not UTF-8 (section 8.1).
    NotUtf8,
    /// A message longer than this limit, in bytes.
    TooBig(usize),
}

impl Violation {
    /// The code that tells the peer (section 7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            Violation::ReservedBits
            | Violation::Opcode
            | Violation::NotMasked
            | Violation::LongLength
            | Violation::ControlFrame
            | Violation::Fragment
            | Violation::CloseCode => 1002,
            Violation::Binary => 1003,
            Violation::NotUtf8 => 1007,
            Violation::TooBig(_) => 1009,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Violation::ReservedBits => "A reserved bit is set",
            Violation::Opcode => "The frame has an unknown opcode",
            Violation::NotMasked => "A client must mask its frames",
            Violation::LongLength => "A length takes more bytes than it needs",
            Violation::ControlFrame => "A control frame is too long or fragmented",
            Violation::Fragment => "The parts of a message are out of order",
            Violation::CloseCode => "That close code may not be sent",
            Violation::Binary => "Only text messages are read here",
            Violation::NotUtf8 => "The text is not UTF-8",
            Violation::TooBig(limit) => return write!(f, "A message may have at most {limit} bytes"),
        })
    }
}

impl std::error::Error for Violation {}
