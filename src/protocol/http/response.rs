//! The bytes of answers.
//!
//! *Owns* the header lines that every answer has, and the rules for what the page may do.
//! *Knows nothing of* what the page contains.

use super::host::Host;
use super::refusal::HttpRefusal;
use super::request::Method;

/// What follows the head of an answer.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Nothing, not even of length zero (status 204).
    None,
    /// Text for a person.
    Text(&'a str),
    /// A page.
    Html(&'a [u8]),
}

/// The header lines of every answer: clients cache nothing, no other page may embed it, no content type is guessed, and
/// no referrer is sent.
const COMMON: &str = "Connection: close\r\n\
                      Cache-Control: no-store\r\n\
                      X-Content-Type-Options: nosniff\r\n\
                      Referrer-Policy: no-referrer\r\n\
                      Cross-Origin-Opener-Policy: same-origin\r\n\
                      Cross-Origin-Resource-Policy: same-origin\r\n";

/// The extra header line of the page: what it may load, run and connect to (Content Security Policy Level 3). `nonce`
/// marks the page's own script and style. `host` is the server's name, needed by browsers in which `'self'` covers only
/// HTTP (Safari before 15.4); an IPv6 address cannot be written there.
pub(crate) fn page_head(nonce: &str, host: Option<&Host>) -> String {
    let sockets =
        host.filter(|host| !host.is_ipv6()).map_or_else(String::new, |host| format!(" ws://{host} wss://{host}"));
    format!(
        "Content-Security-Policy: default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         connect-src 'self'{sockets}; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'\r\n"
    )
}

/// Appends an answer. `extra` are more header lines. A HEAD request gets only the head.
pub(crate) fn write_response(status: u16, extra: &str, body: Body<'_>, method: Method, out: &mut Vec<u8>) {
    let (kind, body) = match body {
        Body::None => (None, &[][..]),
        Body::Text(text) => (Some("text/plain"), text.as_bytes()),
        Body::Html(html) => (Some("text/html"), html),
    };
    out.extend_from_slice(format!("HTTP/1.1 {status} {}\r\n{COMMON}{extra}", phrase(status)).as_bytes());
    if let Some(kind) = kind {
        let length = body.len();
        out.extend_from_slice(
            format!("Content-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\n").as_bytes(),
        );
    }
    out.extend_from_slice(b"\r\n");
    if method != Method::Head {
        out.extend_from_slice(body);
    }
}

/// Appends a refusal with its sentence.
pub(crate) fn write_refusal(refusal: &HttpRefusal, method: Method, out: &mut Vec<u8>) {
    let sentence = format!("{refusal}\r\n");
    write_response(refusal.status(), refusal.extra_lines(), Body::Text(&sentence), method, out);
}

/// The name of a status (RFC 9110, section 15; RFC 6585, section 5).
fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "",
    }
}
