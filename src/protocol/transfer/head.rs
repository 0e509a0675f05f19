//! Reads the head of an HTTP request for a file.
//!
//! Whatever could be read in two ways is refused (RFC 9112, section 11.2).
//!
//! *Owns* the header lines that matter. *Knows nothing of* answers.

use super::request::{MOST_LINES, RequestError, TransferWish, read_number};

/// The path of a file, before its token.
const PATH: &str = "/f/";

/// Reads a whole head, which ends with an empty line.
pub(super) fn read_head(head: &[u8]) -> Result<TransferWish, RequestError> {
    let text = std::str::from_utf8(head).map_err(|_| RequestError::Bad("The request is not UTF-8."))?;
    let mut lines = text.lines();
    let mut words = lines.next().unwrap_or("").split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(RequestError::Bad("The request line does not have three parts."));
    };
    if !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        return Err(RequestError::Bad("The request is not HTTP/1.0 or 1.1."));
    }
    let mut headers = Vec::new();
    for line in lines.take_while(|line| !line.is_empty()).take(MOST_LINES) {
        let (name, value) = line.split_once(':').ok_or(RequestError::Bad("A header line has no colon."))?;
        if name.is_empty() || !name.bytes().all(is_name_byte) {
            // This includes a line continued on the next one (RFC 9112, section 5.2).
            return Err(RequestError::Bad("The name of a header is invalid."));
        }
        headers.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t'])));
    }
    let find = |wanted: &str| {
        let mut found = headers.iter().filter(|(name, _)| name == wanted).map(|(_, value)| *value);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(RequestError::Bad("A header appears twice.")),
            (value, None) => Ok(value),
        }
    };
    let token = target.strip_prefix(PATH).map(|token| token.split('?').next().unwrap_or("").to_owned());
    let coding = find("transfer-encoding")?;
    let length = find("content-length")?;
    match (method, token) {
        ("PUT" | "GET" | "HEAD", None) => Err(RequestError::NotFound),
        ("PUT", Some(token)) => {
            if coding.is_some() {
                return Err(RequestError::LengthRequired);
            }
            let size = read_number(length.ok_or(RequestError::LengthRequired)?);
            let size = size.ok_or(RequestError::Bad("The Content-Length is not a number."))?;
            let part = find("content-range")?.map(|range| read_part(range, size)).transpose()?;
            let expects = find("expect")?.is_some_and(|what| what.eq_ignore_ascii_case("100-continue"));
            Ok(TransferWish::Put { token, size, part, expects_continue: expects && version == "HTTP/1.1" })
        }
        ("GET" | "HEAD", Some(_)) if coding.is_some() || length.is_some_and(|length| length != "0") => {
            Err(RequestError::Bad("This request must not have a body."))
        }
        ("GET", Some(token)) => Ok(TransferWish::Get { token, from: find("range")?.and_then(read_range) }),
        ("HEAD", Some(token)) => Ok(TransferWish::Look { token }),
        _ => Err(RequestError::Method),
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `bytes 1000-4999/5000`, as `curl -C 1000 -T` sends it: the first byte, and the size of the whole file.
fn read_part(range: &str, size: u64) -> Result<(u64, u64), RequestError> {
    let read = || {
        let (part, whole) = range.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = part.split_once('-')?;
        let (first, last, whole) = (read_number(first)?, read_number(last)?, read_number(whole)?);
        (last.checked_sub(first)?.checked_add(1) == Some(size) && last.checked_add(1) == Some(whole))
            .then_some((first, whole))
    };
    read().ok_or(RequestError::Bad("The Content-Range is not the rest of a file."))
}

/// `bytes=1000-`, as `curl -C -` sends it. Every other range is ignored, as a server may (RFC 9110, section 14.2).
fn read_range(range: &str) -> Option<u64> {
    read_number(range.strip_prefix("bytes=")?.strip_suffix('-')?)
}
