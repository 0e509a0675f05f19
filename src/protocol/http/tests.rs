//! Heads of requests, whole and cut, what is refused in them, and how each target is answered.

use proptest::prelude::*;

use super::*;

/// The head that the reader finds, fed whole.
fn head(text: &str) -> Result<Option<Vec<u8>>, HttpRefusal> {
    Ok(HeadReader::new().feed(text.as_bytes())?.map(|(head, _)| head))
}

fn request(text: &str) -> Result<HttpRequest, HttpRefusal> {
    HttpRequest::parse(&head(text).expect("short enough").expect("a whole head"))
}

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn upgrade_with(lines: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: localhost:8080\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{lines}\r\n"
    )
}

fn site<'a>(names: &'a [String], origins: &'a [Origin]) -> Site<'a> {
    Site { names, origins, is_secure: false }
}

fn answer(text: &str) -> Result<Route, HttpRefusal> {
    site(&[], &[]).answer(&request(text)?)
}

fn status(text: &str) -> u16 {
    answer(text).map_or_else(|refusal| refusal.status(), |_| 200)
}

#[test]
fn a_head_ends_with_its_empty_line_however_it_is_cut() {
    let text = "\r\nGET / HTTP/1.1\r\nHost: a\r\nX: \u{e9}\r\n\r\nrest\r\n\r\n";
    let bytes = text.as_bytes();
    let whole = bytes.len() - "rest\r\n\r\n".len();
    for cut in 0..=bytes.len() {
        let mut reader = HeadReader::new();
        let (found, before) = match reader.feed(&bytes[..cut]).unwrap() {
            Some(found) => (Some(found), 0),
            None => (reader.feed(&bytes[cut..]).unwrap(), cut),
        };
        let (head, used) = found.expect("a head");
        assert_eq!((head.as_slice(), before + used), (&bytes[..whole], whole), "cut at {cut}");
    }
    let mut reader = HeadReader::new();
    let found = bytes.iter().filter_map(|byte| reader.feed(std::slice::from_ref(byte)).unwrap()).next();
    assert_eq!(found.expect("a head").0, &bytes[..whole]);
    assert_eq!(head("GET / HTTP/1.1\nHost: a\n\n").unwrap().unwrap().len(), 24, "without CR");
}

#[test]
fn a_head_over_eight_kibibytes_or_64_lines_is_refused_as_soon_as_that_is_known() {
    let of_length = |length: usize| format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(length - 23));
    assert_eq!(of_length(8192).len(), 8192);
    assert!(head(&of_length(8192)).unwrap().is_some());
    assert_eq!(head(&of_length(8193)), Err(HttpRefusal::HeadTooLong));
    let of_lines = |lines: usize| format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(lines - 2));
    assert!(head(&of_lines(64)).unwrap().is_some());
    assert_eq!(status(&of_lines(64)), 200);
    assert_eq!(head(&of_lines(65)), Err(HttpRefusal::HeadTooLong));
    assert_eq!(HttpRefusal::HeadTooLong.status(), 431);
    // A line without an end, and empty lines before the first one.
    for endless in ["a", "\r\n", "\r", "\0"] {
        let mut reader = HeadReader::new();
        let mut fed = 0;
        while reader.feed(endless.as_bytes()).is_ok() {
            fed += endless.len();
        }
        assert_eq!(fed, 8192, "{endless:?}");
    }
}

#[test]
fn ambiguous_requests_are_refused() {
    for bad in [
        "GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET localhost HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a@localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost:99999\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: localhost\r\nhost: other\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
        "HEAD / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 7\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
        "GET /\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: localhost\r\n\r\n",
        "hello\r\n\r\n",
    ] {
        let refusal = answer(bad).unwrap_err();
        assert!(matches!(refusal, HttpRefusal::Bad(_)) && refusal.status() == 400, "{bad:?}: {refusal:?}");
    }
    assert_eq!(status("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"), 200);
}

#[test]
fn other_bytes_than_ascii_are_harmless_where_nothing_depends_on_them() {
    let parse = |line: &[u8]| HttpRequest::parse(&[b"GET /ws HTTP/1.1\r\n", line, b"\r\n\r\n"].concat());
    assert!(parse(b"Host: localhost\r\nUser-Agent: caf\xe9\r\nX: \xff\xfe").is_ok());
    assert_eq!(parse(b"Host: localh\xf6st").map_err(|refusal| refusal.status()), Err(400));
    let origin = upgrade_with("").replace("\r\n\r\n", "\r\nOrigin: http://local");
    let origin = HttpRequest::parse(&[origin.as_bytes(), b"\xffhost\r\n\r\n"].concat()).unwrap();
    assert_eq!(site(&[], &[]).answer(&origin).map_err(|refusal| refusal.status()), Err(403));
}

#[test]
fn each_target_has_its_answer() {
    for (line, expected) in [
        ("GET / HTTP/1.1", 200),
        ("HEAD / HTTP/1.1", 200),
        ("GET / HTTP/1.0", 200),
        ("GET /?from=mail HTTP/1.1", 200),
        ("GET /favicon.ico HTTP/1.1", 200),
        ("GET /index.html HTTP/1.1", 404),
        ("GET // HTTP/1.1", 404),
        ("GET /%2e%2e/etc/passwd HTTP/1.1", 404),
        ("GET /ws/ HTTP/1.1", 404),
        ("GET /ws HTTP/1.1", 426),
        ("POST / HTTP/1.1", 405),
        ("PUT /f/x HTTP/1.1", 200),
        ("PUT /f HTTP/1.1", 405),
        ("OPTIONS * HTTP/1.1", 405),
        ("CONNECT localhost:80 HTTP/1.1", 405),
        ("DELETE /nothing HTTP/1.1", 405),
    ] {
        assert_eq!(status(&format!("{line}\r\nHost: localhost\r\n\r\n")), expected, "{line}");
    }
    assert_eq!(status("GET / HTTP/1.0\r\n\r\n"), 200, "HTTP/1.0 has no Host");
    assert_eq!(status("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"), 405);
    assert_eq!(HttpRefusal::NotFound.to_string(), "There is nothing here. The chat is at /");
}

/// (what a request says in Host and Origin, the status of the page, the status of the upgrade), for a server called `chat.example`
/// and `box.local` that also lets https://other.example connect.
const HOSTS_AND_ORIGINS: [(&str, &str, u16, u16); 24] = [
    ("chat.example:8080", "", 200, 101),
    ("chat.example:8080", "http://chat.example:8080", 200, 101),
    ("chat.example", "http://chat.example", 200, 101),
    ("chat.example", "http://chat.example:80", 200, 101),
    ("chat.example:8080", "http://chat.example", 200, 403),
    ("chat.example:8080", "http://chat.example:8081", 200, 403),
    ("chat.example:8080", "https://chat.example:8080", 200, 403),
    ("chat.example:8080", "null", 200, 403),
    ("chat.example:8080", "http://evil.example", 200, 403),
    ("chat.example:8080", "http://chat.example:8080.evil.example", 200, 403),
    ("chat.example:8080", "http://chat.example:8080/", 200, 403),
    ("chat.example:8080", "file://", 200, 403),
    ("chat.example:8080", "https://other.example", 200, 101),
    ("chat.example:8080", "HTTPS://Other.Example:443", 200, 101),
    ("chat.example:8080", "http://other.example", 200, 403),
    ("chat.example.:8080", "http://chat.example:8080", 200, 101),
    ("CHAT.Example:8080", "http://chat.example:8080", 200, 101),
    ("box.local:8080", "http://box.local:8080", 200, 101),
    ("localhost:8080", "http://localhost:8080", 200, 101),
    ("192.0.2.1:8080", "http://192.0.2.1:8080", 200, 101),
    ("[2001:db8::1]:8080", "http://[2001:db8::1]:8080", 200, 101),
    // A stranger's name that points to this server: to the browser, page and server are the same.
    ("evil.example:8080", "http://evil.example:8080", 421, 421),
    ("192.0.2.1.evil.example", "http://192.0.2.1.evil.example", 421, 421),
    ("chat.example.evil.example:8080", "", 421, 421),
];

#[test]
fn the_page_is_for_everybody_and_the_upgrade_for_this_page_those_listed_and_programs() {
    let names = ["chat.example".to_owned(), "box.local".to_owned()];
    let origins = [Origin::parse("https://other.example").unwrap()];
    for (host, origin, page, upgrade) in HOSTS_AND_ORIGINS {
        let origin = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
        let asks = |text: &str| match site(&names, &origins).answer(&request(text).unwrap()) {
            Ok(Route::Page | Route::File) => 200,
            Ok(Route::Upgrade(_)) => 101,
            Ok(Route::NoIcon) => 204,
            Err(refusal) => refusal.status(),
        };
        assert_eq!(asks(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n{origin}\r\n")), page, "page {host} {origin:?}");
        let text = upgrade_with(&origin).replace("localhost:8080", host);
        assert_eq!(asks(&text), upgrade, "upgrade {host} {origin:?}");
        // A file goes where a WebSocket may.
        for method in ["GET", "PUT"] {
            let text = format!("{method} /f/TOKEN HTTP/1.1\r\nHost: {host}\r\n{origin}Content-Length: 0\r\n\r\n");
            assert_eq!(asks(&text), if upgrade == 101 { 200 } else { upgrade }, "{method} a file {host} {origin:?}");
        }
    }
    // Through TLS the page's own address begins with https.
    let secure = Site { is_secure: true, ..site(&names, &[]) };
    for (origin, allowed) in
        [("https://chat.example:8080", true), ("http://chat.example:8080", false), ("https://chat.example", false)]
    {
        let text = upgrade_with(&format!("Origin: {origin}\r\n")).replace("localhost:8080", "chat.example:8080");
        assert_eq!(secure.answer(&request(&text).unwrap()).is_ok(), allowed, "{origin}");
    }
    let two = upgrade_with("Origin: http://localhost:8080\r\nOrigin: http://localhost:8080\r\n");
    assert_eq!(status(&two), 400);
    assert_eq!(
        HttpRefusal::UnknownHost("evil.example".to_owned()).to_string(),
        "This server is not known as evil.example. The admin can add the name to hosts in [web]."
    );
    assert_eq!(HttpRefusal::ForeignOrigin.to_string(), "This page may not connect here.");
}

#[test]
fn hosts_are_read_as_their_documents_write_them_and_in_no_other_way() {
    for text in ["a", "a:1", "a-b.c_d:65535", "127.0.0.1", "[::1]", "[::1]:80", "xn--bcher-kva.example"] {
        assert_eq!(Host::parse(text).expect(text).to_string(), text);
    }
    assert_eq!(Host::parse("A.B.:80").unwrap().to_string(), "a.b:80");
    let long = "a".repeat(256);
    for text in
        ["", ":80", "a:", "a:x", "a:+1", "a:1:2", "::1", "[::1", "[::1]x", "[a]", "a/b", "é", "a b", ".", ".a", &long]
    {
        assert_eq!(Host::parse(text), None, "{text}");
    }
    // Some programs read these as addresses. Here only the fourth is one, and the others are names.
    for text in ["127.1", "0x7f.0.0.1", "2130706433", "127.0.0.1.", "0177.0.0.1"] {
        let is_address = text == "127.0.0.1.";
        assert_eq!(Host::parse(text).unwrap().is_address(), is_address, "{text}");
        assert_eq!(Host::parse(text).unwrap().is_known([]), is_address, "{text}");
    }
}

#[test]
fn a_handshake_is_answered_with_the_accept_key_and_the_first_known_sub_protocol() {
    for (asked, given) in [
        ("", ""),
        ("Sec-WebSocket-Protocol: chatsock.v1\r\n", "Sec-WebSocket-Protocol: chatsock.v1\r\n"),
        ("Sec-WebSocket-Protocol: a, chatsock.v1\r\n", "Sec-WebSocket-Protocol: chatsock.v1\r\n"),
        (
            "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: terminal.mudstandards.org,chatsock.v1\r\n",
            "Sec-WebSocket-Protocol: terminal.mudstandards.org\r\n",
        ),
        ("Sec-WebSocket-Protocol: telnet.mudstandards.org\r\n", "Sec-WebSocket-Protocol: telnet.mudstandards.org\r\n"),
        ("Sec-WebSocket-Protocol: a, b\r\n", ""),
        // Extensions are not offered.
        ("Sec-WebSocket-Extensions: permessage-deflate\r\n", ""),
    ] {
        let Ok(Route::Upgrade(upgrade)) = answer(&upgrade_with(asked)) else { panic!("{asked}") };
        let mut out = Vec::new();
        write_accepted(&upgrade, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{given}\r\n"
            )
        );
    }
}

#[test]
fn an_incomplete_handshake_is_told_what_is_missing() {
    let whole = upgrade_with("");
    for (from, to, expected) in [
        ("Upgrade: websocket\r\n", "", 426),
        ("Upgrade: websocket", "Upgrade: h2c", 426),
        ("Upgrade: websocket", "upgrade: h2c, WebSocket", 101),
        ("Version: 13", "Version: 8", 426),
        ("Sec-WebSocket-Version: 13\r\n", "", 426),
        ("keep-alive, Upgrade", "keep-alive", 400),
        (KEY, "", 400),
        (KEY, "dGhlIHNhbXBsZSBub25jZQ=", 400),
        (KEY, "dGhlIHNhbXBsZSBub25jZSE=", 400),
        (KEY, "dGhlIHNhbXBsZSBub25j?Q==", 400),
        ("GET /ws HTTP/1.1", "GET /ws HTTP/1.0", 426),
        ("GET /ws", "HEAD /ws", 426),
        ("GET /ws", "POST /ws", 405),
    ] {
        let text = whole.replace(from, to);
        assert_ne!(text, whole);
        let found = answer(&text).map_or_else(|refusal| refusal.status(), |_| 101);
        assert_eq!(found, expected, "{from} -> {to}");
    }
    let mut out = Vec::new();
    write_refusal(&HttpRefusal::UpgradeRequired, Method::Get, &mut out);
    assert!(String::from_utf8(out).unwrap().contains("\r\nSec-WebSocket-Version: 13\r\n"));
}

#[test]
fn a_proxy_is_believed_about_the_last_address_in_its_list() {
    let of = |lines: &str| {
        let request = request(&format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")).unwrap();
        request.forwarded_for().map(str::to_owned)
    };
    assert_eq!(of(""), None);
    assert_eq!(of("X-Forwarded-For: 192.0.2.1\r\n").as_deref(), Some("192.0.2.1"));
    assert_eq!(
        of("X-Forwarded-For: 10.0.0.1, 192.0.2.1\r\nx-forwarded-for: 192.0.2.2\r\n").as_deref(),
        Some("192.0.2.2")
    );
}

#[test]
fn every_answer_says_its_true_length_and_closes() {
    let refusals = [HttpRefusal::NotFound, HttpRefusal::Method, HttpRefusal::Full("The server is full.".to_owned())];
    for refusal in refusals {
        let (mut whole, mut short) = (Vec::new(), Vec::new());
        write_refusal(&refusal, Method::Get, &mut whole);
        write_refusal(&refusal, Method::Head, &mut short);
        let text = String::from_utf8(whole).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, format!("{refusal}\r\n"));
        assert!(head.contains(&format!("\r\nContent-Length: {}", body.len())), "{head}");
        assert!(head.contains("\r\nConnection: close\r\n"));
        assert_eq!(String::from_utf8(short).unwrap(), format!("{head}\r\n\r\n"));
    }
    let mut none = Vec::new();
    write_response(204, "", Body::None, Method::Get, &mut none);
    let none = String::from_utf8(none).unwrap();
    assert!(
        none.starts_with("HTTP/1.1 204 No Content\r\n")
            && none.ends_with("\r\n\r\n")
            && !none.contains("Content-Length")
    );
}

#[test]
fn the_page_may_run_its_own_script_and_connect_back() {
    let policy = |host: &str| page_head("abc", Host::parse(host).as_ref());
    assert_eq!(
        policy("Chat.example:8080"),
        "Content-Security-Policy: default-src 'none'; script-src 'nonce-abc'; style-src 'nonce-abc'; connect-src 'self' \
         ws://chat.example:8080 wss://chat.example:8080; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'\r\n"
    );
    assert!(policy("[::1]:8080").contains("connect-src 'self'; "));
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn any_bytes_have_an_answer_or_a_refusal(
        pieces in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![
                    "GET ", "/", "ws", " HTTP/1.1", "\r\n", "\n", "Host: ", "localhost", "Upgrade: websocket", ":", " ", "Origin: http://",
                ]).prop_map(|text| text.as_bytes().to_vec()),
                prop::collection::vec(any::<u8>(), 0..20),
            ],
            0..30,
        ),
        cut in any::<prop::sample::Index>(),
    ) {
        let input = pieces.concat();
        let cut = cut.index(input.len() + 1);
        let whole = HeadReader::new().feed(&input);
        let mut reader = HeadReader::new();
        let parts = match reader.feed(&input[..cut]) {
            Ok(None) => reader.feed(&input[cut..]),
            ended => ended,
        };
        let head = |found: Result<Option<(Vec<u8>, usize)>, HttpRefusal>| found.map(|found| found.map(|(head, _)| head));
        let (whole, parts) = (head(whole), head(parts));
        prop_assert_eq!(&whole, &parts);
        if let Ok(Some(head)) = whole {
            let _ = HttpRequest::parse(&head).and_then(|request| site(&[], &[]).answer(&request));
        }
    }
}
