//! A plain socket, and the protocols that knock on it by mistake.
//!
//! *Owns* what they begin with and what they are told.
//! *Knows nothing of* what is done with the connection then.
//! *Called by* `session::input`.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

/// A protocol that is not spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A TLS client's hello.
    Tls,
    /// An SSH client's version line.
    Ssh,
    /// A browser, or a script made to look like one.
    Http,
}

impl Foreign {
    /// The one answer that such a peer understands.
    pub fn answer(self) -> &'static [u8] {
        match self {
            // A fatal alert (RFC 8446, section 6): record type 21, version 3.1 as in every first record, two bytes,
            // fatal, handshake_failure. The peer reports it as the server's refusal, not as noise.
            Foreign::Tls => &[21, 3, 1, 0, 2, 2, 40],
            Foreign::Ssh => b"This is a chat server for telnet and nc, not SSH.\r\n",
            Foreign::Http => {
                b"HTTP/1.1 400 Bad Request\r\n\
                  Content-Type: text/plain; charset=utf-8\r\n\
                  Content-Length: 60\r\n\
                  Connection: close\r\n\
                  \r\n\
                  This is a chat server for telnet and nc, not a web server.\r\n"
            }
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Foreign::Tls => "TLS",
            Foreign::Ssh => "SSH",
            Foreign::Http => "HTTP",
        })
    }
}

/// Whether a connection's first bytes are a TLS record of a handshake (RFC 8446, section 5.1): nobody types 0x16, a
/// version of 3 behind it makes it sure, and one byte alone is taken for it too.
pub fn is_tls_hello(first: &[u8]) -> bool {
    first.first() == Some(&22) && first.get(1).is_none_or(|major| *major == 3)
}

/// The protocol of which this is the first line, if it is not a person's.
pub fn foreign_line(line: &str) -> Option<Foreign> {
    if line.starts_with("SSH-") {
        return Some(Foreign::Ssh);
    }
    // The expression is compiled only for lines that look the part: it costs more than the line.
    (line.contains(" HTTP/") && REQUEST_LINE.as_ref().is_some_and(|request| request.is_match(line)))
        .then_some(Foreign::Http)
}

/// `METHOD target HTTP/1.x` (RFC 9112, section 3); 2.0 is the preface of HTTP/2 (RFC 9113, section 3.4).
static REQUEST_LINE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[A-Z]{3,} \S.* HTTP/[0-9.]+\s*$").ok());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_browsers_are_told_from_what_people_type() {
        for line in
            ["GET / HTTP/1.1", "POST /x?y HTTP/1.0", "OPTIONS * HTTP/1.1", "PRI * HTTP/2.0", "GET http://a/ HTTP/1.1\r"]
        {
            assert_eq!(foreign_line(line), Some(Foreign::Http), "{line}");
        }
        for line in ["alice", "GET up", "I like HTTP/1.1", "get / HTTP/1.1", "GET / HTTP/x", ""] {
            assert_eq!(foreign_line(line), None, "{line}");
        }
        assert_eq!(foreign_line("SSH-2.0-OpenSSH_9.2"), Some(Foreign::Ssh));
    }

    #[test]
    fn a_tls_hello_is_known_by_its_first_bytes_at_every_split() {
        assert!(is_tls_hello(&[0x16, 3, 1, 2, 0]));
        assert!(is_tls_hello(&[0x16]));
        assert!(!is_tls_hello(&[0x16, b'a']));
        assert!(!is_tls_hello(b"alice"));
        assert!(!is_tls_hello(b""));
    }

    #[test]
    fn the_answer_to_http_says_its_true_length() {
        let answer = std::str::from_utf8(Foreign::Http.answer()).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
