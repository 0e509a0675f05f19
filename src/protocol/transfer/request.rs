//! What an end of a transfer can ask for, and the form in which it is answered.
//!
//! *Owns* these values. *Knows nothing of* how they are written.

use std::fmt;

/// Most lines of an HTTP head. curl sends six.
pub(super) const MOST_LINES: usize = 64;

/// The form in which an end is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// In lines.
    Line,
    /// A receiver that has named the first byte it wants. Its shell appends what comes to the part that is there, so it gets bytes of
    /// the file or none: a sentence would spoil that part.
    Append,
    /// As HTTP.
    Http {
        /// A HEAD request: it wants no body.
        head_only: bool,
    },
}

/// What an end wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferWish {
    /// To send a file.
    Put {
        /// As typed.
        token: String,
        /// How many bytes follow.
        size: u64,
        /// The place in the file of the first of them, and the size of the whole file, if the end says so.
        part: Option<(u64, u64)>,
        /// It waits for `100 Continue` before it sends (RFC 9110, section 10.1.1).
        expects_continue: bool,
    },
    /// To get a file.
    Get {
        /// As typed.
        token: String,
        /// The first byte wanted, if one was named.
        from: Option<u64>,
    },
    /// To ask about a file.
    Look {
        /// As typed.
        token: String,
    },
}

/// A request that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferRequest {
    /// What is wanted.
    pub wish: TransferWish,
    /// How to answer.
    pub voice: Voice,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// It has neither of the two forms.
    Unreadable,
    /// A line or a head is too long.
    TooLong,
    /// It is malformed HTTP.
    Bad(&'static str),
    /// HTTP, and there is nothing at this path.
    NotFound,
    /// HTTP, with a method that is not for files.
    Method,
    /// HTTP, without the size.
    LengthRequired,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RequestError::Unreadable => "This port carries files: put TOKEN SIZE or get TOKEN, as :accept prints it.",
            RequestError::TooLong => "That is too long for a request.",
            RequestError::Bad(why) => why,
            RequestError::NotFound => "No such transfer.",
            RequestError::Method => "Files are sent with PUT and fetched with GET.",
            RequestError::LengthRequired => "The size of the file is missing (Content-Length).",
        })
    }
}

impl std::error::Error for RequestError {}

/// A number in digits only: `parse` would take a `+` too.
pub(super) fn read_number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}
