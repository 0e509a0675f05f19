//! Recognises clients of other protocols on a plain socket by their first bytes.
//!
//! *Owns* what those protocols begin with, and what to answer.
//! *Knows nothing of* what happens to the connection afterwards.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

use crate::protocol::proxy;

/// A protocol that this server does not speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherProtocol {
    /// TLS: a client hello.
    Tls,
    /// SSH: a version line.
    Ssh,
    /// HTTP: a request line.
    Http,
    /// The header of a proxy, on a listener that trusts none.
    Proxy,
}

impl OtherProtocol {
    /// The one answer that such a peer understands. `page`: the address of the page in the browser, if there is one.
    pub fn answer(self, page: Option<&str>) -> Cow<'static, [u8]> {
        let answer: &'static [u8] = match self {
            // A fatal alert (RFC 8446, section 6): record type 21, version 3.1 as in every first record, two bytes,
            // fatal, handshake_failure. The peer reports it as a refusal by the server, not as garbage.
            OtherProtocol::Tls => &[21, 3, 1, 0, 2, 2, 40],
            OtherProtocol::Ssh => b"This is a chat server for telnet and nc, not SSH.\r\n",
            OtherProtocol::Proxy => b"! Only the listeners in [proxy] take PROXY headers.\r\n",
            OtherProtocol::Http => {
                let page = page.map_or_else(String::new, |page| format!("The page is at {page}\r\n"));
                let text = format!("This is a chat server for telnet and nc, not a web server.\r\n{page}");
                let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length:";
                return format!("{head} {}\r\nConnection: close\r\n\r\n{text}", text.len()).into_bytes().into();
            }
        };
        answer.into()
    }
}

impl fmt::Display for OtherProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OtherProtocol::Tls => "TLS",
            OtherProtocol::Ssh => "SSH",
            OtherProtocol::Http => "HTTP",
            OtherProtocol::Proxy => "the PROXY protocol",
        })
    }
}

/// What the first bytes of a connection show about the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not enough has arrived to tell.
    Undecided,
    /// A person, or a script that writes lines.
    Person,
    /// Another protocol. Nothing that has arrived may be run.
    OtherProtocol(OtherProtocol),
}

/// Judges a connection by its first bytes.
///
/// It holds nothing back: the reader shows it each chunk first and passes the chunk on unless the verdict is another
/// protocol. So a name typed letter by letter is echoed letter by letter. No line of another protocol is ever run,
/// because the verdict comes with the end of the first line at the latest, before that chunk is passed on; with the header of
/// a proxy, which begins with empty lines, it comes with the end of the first line that is not empty.
///
/// It looks at raw bytes. That is enough: a client that speaks telnet before the first line begins with IAC, which none of
/// these protocols does.
#[derive(Debug)]
pub struct FirstBytes {
    verdict: Verdict,
    /// The first line so far; only the beginning and the end of a long one. Freed with the verdict.
    line: Vec<u8>,
}

/// Bytes kept of the first line's beginning and, at least, of its end; every method and version is shorter. What lies
/// between may have any length: otherwise a web page could make its visitors' browsers post commands here, after a
/// request line too long to be recognised.
const KEPT_OF_LINE: usize = 64;

impl FirstBytes {
    /// For the beginning of a connection.
    pub fn new() -> FirstBytes {
        FirstBytes { verdict: Verdict::Undecided, line: Vec::new() }
    }

    /// Takes the next chunk. A verdict, once reached, is final.
    pub fn feed(&mut self, chunk: &[u8]) -> Verdict {
        let mut bytes = chunk.iter();
        while self.verdict == Verdict::Undecided
            && let Some(&byte) = bytes.next()
        {
            if self.line.len() == 3 * KEPT_OF_LINE {
                self.line.drain(KEPT_OF_LINE..2 * KEPT_OF_LINE);
            }
            self.line.push(byte);
            self.verdict = judge(&self.line);
        }
        if self.verdict != Verdict::Undecided {
            self.line = Vec::new();
        }
        self.verdict
    }

    /// The peer sends no more, which ends its first line.
    pub fn finish(&mut self) -> Verdict {
        self.feed(b"\n")
    }
}

impl Default for FirstBytes {
    fn default() -> Self {
        FirstBytes::new()
    }
}

/// Judges the part of the first line that has come. Called after each byte.
fn judge(line: &[u8]) -> Verdict {
    match line {
        [b'\r', ..] if proxy::SIGNATURE.starts_with(line) => {
            let whole = line.len() == proxy::SIGNATURE.len();
            if whole { Verdict::OtherProtocol(OtherProtocol::Proxy) } else { Verdict::Undecided }
        }
        // A TLS record with a handshake (RFC 8446, section 5.1): type 22, version 3.0 to 3.4. Nobody types 22.
        [22] | [22, 3] => Verdict::Undecided,
        [22, 3, 0..=4, ..] => Verdict::OtherProtocol(OtherProtocol::Tls),
        [before @ .., b'\r' | b'\n'] => {
            // Lossy, because the cut in a long line may split a character.
            let http = is_http_request_line(&String::from_utf8_lossy(before));
            if http { Verdict::OtherProtocol(OtherProtocol::Http) } else { Verdict::Person }
        }
        [b'S', ..] if line.len() == SSH_BANNER && std::str::from_utf8(line).is_ok_and(is_ssh_banner) => {
            Verdict::OtherProtocol(OtherProtocol::Ssh)
        }
        [b'A'..=b'Z', ..] => Verdict::Undecided,
        _ => Verdict::Person,
    }
}

/// Bytes needed to recognise an SSH client.
const SSH_BANNER: usize = "SSH-2.".len();

/// Whether a line is or begins like an SSH version line (RFC 4253, section 4.2).
fn is_ssh_banner(line: &str) -> bool {
    line.starts_with("SSH-1.") || line.starts_with("SSH-2.")
}

/// Whether a line is a request line, `METHOD target HTTP/1.x` (RFC 9112, section 3), or the preface of HTTP/2 (RFC 9113,
/// section 3.4).
fn is_http_request_line(line: &str) -> bool {
    // The pattern is compiled only for such lines, since compiling costs more than reading the line.
    line.contains(" HTTP/") && REQUEST_LINE.as_ref().is_some_and(|request| request.is_match(line))
}

/// Never `None`: the pattern is a constant, and tested.
static REQUEST_LINE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[A-Z][A-Z-]{2,} \S.* HTTP/[0-9.]+\s*$").ok());

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges whole, byte by byte and cut at every place.
    fn check(input: &[u8], expected: Verdict) {
        let shown = input.escape_ascii();
        assert_eq!(FirstBytes::new().feed(input), expected, "{shown}");
        let mut single = FirstBytes::new();
        for byte in input {
            single.feed(std::slice::from_ref(byte));
        }
        assert_eq!(single.feed(b""), expected, "{shown}, byte by byte");
        for place in 0..input.len() {
            let mut cut = FirstBytes::new();
            cut.feed(&input[..place]);
            assert_eq!(cut.feed(&input[place..]), expected, "{shown}, cut at {place}");
        }
    }

    #[test]
    fn http_requests_are_told_from_what_people_type() {
        for line in [
            "GET / HTTP/1.1",
            "POST /x?y HTTP/1.0",
            "OPTIONS * HTTP/1.1",
            "PRI * HTTP/2.0",
            "GET http://a/ HTTP/1.1",
            "BASELINE-CONTROL /a HTTP/1.1",
            "CONNECT a:1 HTTP/1.1 ",
        ] {
            for end in ["\r\n", "\n", "\r", "\r\nHost: a\r\n\r\nalice\r\n:join general\r\n"] {
                check(format!("{line}{end}").as_bytes(), Verdict::OtherProtocol(OtherProtocol::Http));
            }
        }
        for line in ["alice", "GET", "GET up", "I like HTTP/1.1", "get / HTTP/1.1", "GET / HTTP/x", "SSH", "SSH-2", ""]
        {
            // The end of an empty line may be the beginning of a proxy's header, but not with other bytes after it.
            check(format!("{line}\r\n ").as_bytes(), Verdict::Person);
            check(format!("{line}\nGET / HTTP/1.1\r\n").as_bytes(), Verdict::Person);
        }
    }

    #[test]
    fn a_request_line_is_known_however_long_it_is() {
        for length in (0..300).chain([8_190, 8_192, 100_000]) {
            for filler in ["a", "é"] {
                let line = format!("POST /{} HTTP/1.1\r\n", filler.repeat(length));
                assert_eq!(
                    FirstBytes::new().feed(line.as_bytes()),
                    Verdict::OtherProtocol(OtherProtocol::Http),
                    "{length}"
                );
            }
        }
    }

    #[test]
    fn a_line_without_end_takes_no_more_memory_than_a_short_one() {
        let mut first = FirstBytes::new();
        assert_eq!(first.feed(&[b'A'; 1 << 20]), Verdict::Undecided);
        assert!(first.line.capacity() <= 4 * KEPT_OF_LINE, "{}", first.line.capacity());
        assert_eq!(first.feed(b"\n"), Verdict::Person);
        assert_eq!(first.line.capacity(), 0);
    }

    #[test]
    fn a_name_in_lower_case_and_telnet_are_decided_by_their_first_byte() {
        for first in [b"a", b"\xff", b"\x1b", b":", b"\n", b"\0", b"1"] {
            check(first, Verdict::Person);
        }
        check(b"AL", Verdict::Undecided);
        check(b"AL\r", Verdict::Person);
    }

    #[test]
    fn the_header_of_a_proxy_is_known_at_the_end_of_its_fixed_bytes_and_enter_comes_from_a_person() {
        let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0calice\r\n";
        check(header, Verdict::OtherProtocol(OtherProtocol::Proxy));
        check(&header[..12], Verdict::OtherProtocol(OtherProtocol::Proxy));
        check(&header[..11], Verdict::Undecided);
        for typed in [&b"\r\0"[..], b"\r\nalice\r\n", b"\r\n\r\n\r\n", b"\r\n\r\nQUIT\r\n", b"\r\r"] {
            check(typed, Verdict::Person);
        }
        assert_eq!(
            {
                let mut enter = FirstBytes::new();
                enter.feed(b"\r\n");
                enter.finish()
            },
            Verdict::Person
        );
    }

    #[test]
    fn an_ssh_client_is_known_before_its_line_ends() {
        check(b"SSH-", Verdict::Undecided);
        check(b"SSH-2.0-OpenSSH_9.2\r\n", Verdict::OtherProtocol(OtherProtocol::Ssh));
        check(b"SSH-1.99", Verdict::OtherProtocol(OtherProtocol::Ssh));
        check(b"SSH-fan\r\n", Verdict::Person);
    }

    #[test]
    fn a_tls_hello_is_known_by_its_first_three_bytes() {
        check(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3], Verdict::OtherProtocol(OtherProtocol::Tls));
        check(&[22, 3, 3], Verdict::OtherProtocol(OtherProtocol::Tls));
        check(&[22, 3], Verdict::Undecided);
        check(&[22, 3, 9], Verdict::Person);
        check(&[22, b'a'], Verdict::Person);
    }

    #[test]
    fn a_request_without_the_end_of_its_line_is_known_at_the_end_of_the_input() {
        let mut first = FirstBytes::new();
        assert_eq!(first.feed(b"GET / HTTP/1.0"), Verdict::Undecided);
        assert_eq!(first.finish(), Verdict::OtherProtocol(OtherProtocol::Http));
        let mut person = FirstBytes::new();
        person.feed(b"alice\n");
        assert_eq!(person.finish(), Verdict::Person);
    }

    #[test]
    fn the_answer_to_tls_is_a_fatal_alert_of_its_true_length() {
        let answer = OtherProtocol::Tls.answer(None);
        assert_eq!(answer[0], 21);
        assert_eq!(usize::from(u16::from_be_bytes([answer[3], answer[4]])), answer[5..].len());
        assert_eq!(answer[5..], [2, 40]);
    }

    #[test]
    fn the_answer_to_http_says_its_true_length_and_where_the_page_is() {
        for page in [None, Some("http://box:8080/")] {
            let answer = String::from_utf8(OtherProtocol::Http.answer(page).into_owned()).expect("text");
            let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
            let named = body.strip_prefix("This is a chat server for telnet and nc, not a web server.\r\n");
            assert_eq!(named, Some(if page.is_some() { "The page is at http://box:8080/\r\n" } else { "" }));
        }
    }
}
