//! What the server says to an end of a transfer.
//!
//! *Owns* the forms of answers, as lines and as HTTP. *Knows nothing of* when they are given.

use std::fmt::Write as _;
use std::time::Duration;

use super::request::{RequestError, Voice};
use crate::text::seconds;

/// Asks a sender that waits for it to go on (RFC 9110, section 15.2.1).
pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Why an end's request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It was not understood.
    Request(RequestError),
    /// There is no such token.
    NoTransfer,
    /// Too many wrong tokens have come from its address.
    Wait(Duration),
    /// The file is larger than the server allows.
    TooBig(String),
    /// The transfer is over. One sentence.
    Over(String),
}

impl Refused {
    fn status(&self) -> &'static str {
        match self {
            Refused::Request(error) => match error {
                RequestError::Unreadable | RequestError::Bad(_) => "400 Bad Request",
                RequestError::TooLong => "431 Request Header Fields Too Large",
                RequestError::NotFound => "404 Not Found",
                RequestError::Method => "405 Method Not Allowed",
                RequestError::LengthRequired => "411 Length Required",
            },
            Refused::NoTransfer => "404 Not Found",
            Refused::Wait(_) => "429 Too Many Requests",
            Refused::TooBig(_) => "413 Content Too Large",
            Refused::Over(_) => "409 Conflict",
        }
    }

    /// The sentence for the user.
    pub fn sentence(&self) -> String {
        match self {
            Refused::Request(error) => error.to_string(),
            Refused::NoTransfer => "No such transfer.".to_owned(),
            Refused::Wait(left) => format!("Too many wrong tokens: try again in {}.", seconds(*left)),
            Refused::TooBig(sentence) | Refused::Over(sentence) => sentence.clone(),
        }
    }
}

impl Voice {
    /// The whole answer to an end whose request is refused; empty if a reset is the answer.
    pub fn refuse(self, refused: &Refused) -> Vec<u8> {
        let line = format!("! {}\n", refused.sentence());
        let more = match refused {
            Refused::Wait(left) => format!("Retry-After: {}\r\n", left.as_secs() + 1),
            Refused::Request(RequestError::Method) => "Allow: GET, HEAD, PUT\r\n".to_owned(),
            Refused::Request(_) | Refused::NoTransfer | Refused::TooBig(_) | Refused::Over(_) => String::new(),
        };
        self.whole(refused.status(), &more, &line)
    }

    /// The answer to a sender whose file has arrived.
    pub fn done(self, line: &str) -> Vec<u8> {
        self.whole("201 Created", "", &format!("* {line}\n"))
    }

    fn whole(self, status: &str, more: &str, body: &str) -> Vec<u8> {
        let head_only = match self {
            Voice::Line => return body.as_bytes().to_vec(),
            Voice::Append => return Vec::new(),
            Voice::Http { head_only } => head_only,
        };
        let length = body.len();
        let mut answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n{more}{GUARDS}\r\n"
        );
        if !head_only {
            answer.push_str(body);
        }
        answer.into_bytes()
    }

    /// What goes before the bytes of a file: nothing in lines. `size` is that of the whole file, if it is known.
    pub fn download(self, reduced: &str, shown: &str, from: u64, size: Option<u64>) -> Vec<u8> {
        if matches!(self, Voice::Line | Voice::Append) {
            return Vec::new();
        }
        let mut answer = String::new();
        match size {
            Some(size) if from > 0 => {
                let (left, last) = (size.saturating_sub(from), size.saturating_sub(1));
                // Writing to a String cannot fail.
                let _ = write!(
                    answer,
                    "HTTP/1.1 206 Partial Content\r\nContent-Length: {left}\r\nContent-Range: bytes {from}-{last}/{size}\r\n"
                );
            }
            Some(size) => _ = write!(answer, "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n"),
            None => answer.push_str("HTTP/1.1 200 OK\r\n"),
        }
        let shown = percent_encoded(shown.trim_start_matches('.'));
        let _ = write!(
            answer,
            "Content-Type: application/octet-stream\r\n\
             Content-Disposition: attachment; filename=\"{reduced}\"; filename*=UTF-8''{shown}\r\n{GUARDS}\r\n"
        );
        answer.into_bytes()
    }
}

/// Whatever the file is, a browser only saves it.
const GUARDS: &str = "X-Content-Type-Options: nosniff\r\nContent-Security-Policy: sandbox\r\nReferrer-Policy: no-referrer\r\n\
                      Cache-Control: no-store\r\nConnection: close\r\n";

/// The value of an extended parameter (RFC 8187, section 3.2.1).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
