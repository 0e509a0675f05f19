//! Both forms of requests, whole, byte by byte and cut everywhere; the answers.

use std::time::Duration;

use super::*;

type ReadResult = Result<(TransferRequest, Vec<u8>), (RequestError, Voice)>;

const HTTP: Voice = Voice::Http { head_only: false };

/// Feeds the chunks. Returns the request, and the bytes after it.
fn read(chunks: &[&[u8]]) -> Option<ReadResult> {
    let mut reader = RequestReader::default();
    for (index, chunk) in chunks.iter().enumerate() {
        match reader.feed(chunk) {
            Ok(None) => {}
            Ok(Some((request, taken))) => {
                let rest = [&chunk[taken..], &chunks[index + 1..].concat()].concat();
                return Some(Ok((request, rest)));
            }
            Err(error) => return Some(Err(error)),
        }
    }
    None
}

/// The result of the whole input, which must be the same for any split.
fn check(input: &[u8]) -> Option<ReadResult> {
    let whole = read(&[input]);
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(read(&bytes), whole, "byte by byte: {:?}", String::from_utf8_lossy(input));
    for at in 0..=input.len() {
        let (before, behind) = input.split_at(at);
        assert_eq!(read(&[before, behind]), whole, "cut at {at}: {:?}", String::from_utf8_lossy(input));
    }
    whole
}

fn wish(input: &str) -> TransferWish {
    match check(input.as_bytes()) {
        Some(Ok((request, _))) => request.wish,
        other => panic!("{input:?}: {other:?}"),
    }
}

fn error(input: &str) -> RequestError {
    match check(input.as_bytes()) {
        Some(Err((error, _))) => error,
        other => panic!("{input:?}: {other:?}"),
    }
}

fn put(size: u64) -> TransferWish {
    TransferWish::Put { token: "AB-CD".to_owned(), size, part: None, expects_continue: false }
}

fn get(from: Option<u64>) -> TransferWish {
    TransferWish::Get { token: "AB-CD".to_owned(), from }
}

fn http(first: &str, headers: &str) -> String {
    format!("{first} HTTP/1.1\r\nHost: box:5558\r\n{headers}\r\n")
}

#[test]
fn a_line_of_nc_says_what_is_wanted_and_the_file_follows() {
    for (line, wanted) in [
        ("put AB-CD 5\n", put(5)),
        ("put AB-CD 0\r\n", put(0)),
        ("PUT AB-CD       18446744073709551615\n", put(u64::MAX)),
        ("get AB-CD\n", get(None)),
        ("Get AB-CD 1000\n", get(Some(1000))),
        ("\r\n\nget AB-CD\n", get(None)),
        ("  get\tAB-CD  \n", get(None)),
    ] {
        assert_eq!(wish(line), wanted, "{line:?}");
    }
    let Some(Ok((request, rest))) = check(b"put AB-CD 5\nhello\n\x00\xff") else { panic!("a request") };
    assert_eq!((request.voice, rest.as_slice()), (Voice::Line, &b"hello\n\x00\xff"[..]));
}

#[test]
fn any_other_line_is_refused_at_its_end_and_an_endless_one_before() {
    for line in [
        "hello\n",
        "put\n",
        "put AB-CD\n",
        "put AB-CD x\n",
        "put AB-CD -1\n",
        "put AB-CD +1\n",
        "put AB-CD 5 6\n",
        "put AB-CD 18446744073709551616\n",
        "get\n",
        "get AB-CD x\n",
        "get AB-CD 1 2\n",
    ] {
        let refused = error(line);
        assert!(matches!(refused, RequestError::Unreadable | RequestError::Bad(_)), "{line:?}: {refused:?}");
    }
    assert_eq!(error(&"x".repeat(200)), RequestError::TooLong);
    assert_eq!(error(&format!("put {}", "x".repeat(200))), RequestError::TooLong);
    assert_eq!(read(&[b"\x16\x03\x01"]), Some(Err((RequestError::Unreadable, Voice::Line))), "TLS");
    assert_eq!(check(b"put AB-CD 5"), None, "no end yet");
}

#[test]
fn http_puts_gets_and_looks() {
    for (head, wanted) in [
        (http("GET /f/AB-CD", ""), get(None)),
        (http("GET /f/AB-CD?x=1", "Range: bytes=1000-\r\n"), get(Some(1000))),
        (http("GET /f/AB-CD", "Range: bytes=0-99\r\n"), get(None)),
        (http("HEAD /f/AB-CD", ""), TransferWish::Look { token: "AB-CD".to_owned() }),
        (http("PUT /f/AB-CD", "content-length: 5\r\n"), put(5)),
        (
            http("PUT /f/AB-CD", "Content-Length:\t5 \r\nExpect: 100-Continue\r\n"),
            TransferWish::Put { token: "AB-CD".to_owned(), size: 5, part: None, expects_continue: true },
        ),
        (
            http("PUT /f/AB-CD", "Content-Range: bytes 1000-1004/1005\r\nContent-Length: 5\r\n"),
            TransferWish::Put { token: "AB-CD".to_owned(), size: 5, part: Some((1000, 1005)), expects_continue: false },
        ),
        ("GET /f/AB-CD HTTP/1.0\n\n".to_owned(), get(None)),
    ] {
        assert_eq!(wish(&head), wanted, "{head:?}");
    }
    let Some(Ok((request, rest))) = check(b"PUT /f/A HTTP/1.1\r\nContent-Length: 2\r\n\r\n\r\n") else {
        panic!("a request")
    };
    assert_eq!((request.voice, rest.as_slice()), (HTTP, &b"\r\n"[..]));
}

#[test]
fn broken_ambiguous_or_unrelated_http_is_refused() {
    for (head, refused) in [
        (http("PUT /f/AB-CD", ""), RequestError::LengthRequired),
        (http("PUT /f/AB-CD", "Transfer-Encoding: chunked\r\n"), RequestError::LengthRequired),
        (http("PUT /f/AB-CD", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), RequestError::LengthRequired),
        (http("POST /f/AB-CD", "Content-Length: 5\r\n"), RequestError::Method),
        (http("GET /", ""), RequestError::NotFound),
        (http("PUT /x", "Content-Length: 5\r\n"), RequestError::NotFound),
        (http("GET http://x/f/AB-CD", ""), RequestError::NotFound),
    ] {
        assert_eq!(error(&head), refused, "{head:?}");
    }
    for head in [
        http("PUT /f/AB-CD", "Content-Length: 5\r\nContent-Length: 5\r\n"),
        http("PUT /f/AB-CD", "Content-Length: +5\r\n"),
        http("PUT /f/AB-CD", "Content-Length: 5, 5\r\n"),
        http("PUT /f/AB-CD", "Content-Length : 5\r\n"),
        http("PUT /f/AB-CD", "Content-Length: 5\r\nX: 1\r\n 2\r\n"),
        http("PUT /f/AB-CD", "Content-Length: 5\r\nContent-Range: bytes 5-0/9\r\n"),
        http("PUT /f/AB-CD", "Content-Length: 5\r\nContent-Range: bytes 0-4/9\r\n"),
        http("PUT /f/AB-CD", "nonsense\r\n"),
        http("GET /f/AB-CD", "Content-Length: 5\r\n"),
        "GET /f/AB-CD HTTP/2.0\r\n\r\n".to_owned(),
        "GET /f/AB-CD\r\n\r\n".to_owned(),
        "GET  /f/AB-CD HTTP/1.1\r\n\r\n".to_owned(),
    ] {
        let refused = error(&head);
        assert!(matches!(refused, RequestError::Bad(_) | RequestError::Unreadable), "{head:?}: {refused:?}");
    }
}

#[test]
fn a_head_without_end_is_refused_at_eight_kilobytes_or_sixty_four_lines() {
    let long = http("GET /f/A", &format!("X: {}\r\n", "x".repeat(20_000)));
    let many = http("GET /f/A", &"X: 1\r\n".repeat(100));
    for head in [long, many] {
        let mut reader = RequestReader::default();
        assert_eq!(reader.feed(head.as_bytes()), Err((RequestError::TooLong, HTTP)));
    }
}

#[test]
fn any_bytes_are_read_without_a_panic_and_the_same_in_pieces() {
    proptest::proptest!(crate::proptest_config(), |(
        input in "(put|get|GET|PUT|HEAD) [A-Z/f-]{0,10} ?[0-9]{0,22}( HTTP/1.1)?\r?\n(Content-Length: ?[0-9a]{0,5}\r\n){0,2}\r?\n?.{0,20}",
        cut in 0_usize..60
    )| {
        let bytes = input.as_bytes();
        let (before, behind) = bytes.split_at(cut.min(bytes.len()));
        proptest::prop_assert_eq!(read(&[bytes]), read(&[before, behind]));
    });
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn in_lines_a_receiver_gets_nothing_but_the_file_and_a_sender_one_line() {
    assert!(Voice::Line.download("a", "a", 0, Some(5)).is_empty());
    assert!(Voice::Append.download("a", "a", 3, Some(5)).is_empty());
    assert!(Voice::Append.refuse(&Refused::NoTransfer).is_empty(), "it would be appended to the file");
    assert_eq!(text(Voice::Line.done("a: 5 bytes")), "* a: 5 bytes\n");
    assert_eq!(text(Voice::Line.refuse(&Refused::NoTransfer)), "! No such transfer.\n");
    let wait = Refused::Wait(Duration::from_millis(9_500));
    assert_eq!(text(Voice::Line.refuse(&wait)), "! Too many wrong tokens: try again in 10 seconds.\n");
}

#[test]
fn a_browser_can_do_nothing_with_a_file_but_save_it() {
    let head = text(HTTP.download("r_sum.pdf", ".résumé\"; x.pdf", 0, Some(5)));
    assert!(head.starts_with("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"), "{head}");
    for line in [
        "Content-Type: application/octet-stream",
        "Content-Disposition: attachment; filename=\"r_sum.pdf\"; filename*=UTF-8''r%C3%A9sum%C3%A9%22%3B%20x.pdf",
        "X-Content-Type-Options: nosniff",
        "Content-Security-Policy: sandbox",
        "Connection: close",
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line} in {head}");
    }
    assert!(head.ends_with("\r\n\r\n"));
    let rest = text(HTTP.download("a", "a", 1000, Some(5000)));
    assert!(rest.starts_with(
        "HTTP/1.1 206 Partial Content\r\nContent-Length: 4000\r\nContent-Range: bytes 1000-4999/5000\r\n"
    ));
}

#[test]
fn http_refusals_have_their_status_and_the_sentence_for_people() {
    for (refused, status) in [
        (Refused::NoTransfer, "404 Not Found"),
        (Refused::Request(RequestError::LengthRequired), "411 Length Required"),
        (Refused::Request(RequestError::Method), "405 Method Not Allowed"),
        (Refused::TooBig("Too big.".to_owned()), "413 Content Too Large"),
        (Refused::Wait(Duration::from_secs(9)), "429 Too Many Requests"),
        (Refused::Over("It broke off.".to_owned()), "409 Conflict"),
    ] {
        let answer = text(HTTP.refuse(&refused));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n! {}\n", refused.sentence())), "{answer}");
        let head = text(Voice::Http { head_only: true }.refuse(&refused));
        assert!(head.ends_with("\r\n\r\n"));
    }
}
