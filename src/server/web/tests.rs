//! The page and other answers to a browser, and its deadlines.

use std::io::Write as _;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::access::network::Network;
use crate::chat::names::UserName;
use crate::config::Config;
use crate::server::loopback;
use crate::store::AddressBanRecord;
use crate::ui::screen::Clock;

/// Long enough for any machine; ends a test that would otherwise hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection whose first request is being received.
struct ReceivedRequest {
    client: TcpStream,
    outbox: Arc<Outbox>,
    thread: JoinHandle<(Result<Door, DisconnectReason>, Vec<IpAddr>)>,
}

/// A hub whose `chat.example` is one of its names.
fn hub() -> Arc<Hub> {
    let mut config = Config::default();
    config.web.hosts = vec!["chat.example".to_owned()];
    Arc::new(Hub::new(config, Clock::new(TimeZone::UTC), None, mpsc::channel().0, None))
}

/// The refusal of a banned address.
fn banned(address: IpAddr) -> TurnedAway {
    let ban = AddressBanRecord {
        network: Network::parse(&address.to_string()).unwrap(),
        by: UserName::parse("alice", 3, 12).unwrap(),
        reason: Box::default(),
        at: Timestamp::UNIX_EPOCH,
        until: None,
    };
    TurnedAway::Banned(Box::new(ban), Timestamp::UNIX_EPOCH)
}

impl ReceivedRequest {
    fn new(within: Duration, is_proxy: bool) -> ReceivedRequest {
        let hub = hub();
        let listener = TcpListener::bind(loopback()).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let (stream, peer) = listener.accept().unwrap();
        let outbox = Outbox::new(hub.next_client(), stream, Arc::clone(&hub.slow_readers));
        outbox.await_request();
        let share = Arc::clone(&outbox);
        let thread = thread::spawn(move || {
            let deadline = Instant::now() + within;
            let visit = BrowserConnection { hub: &hub, outbox: &share, is_secure: false, peer, is_proxy, deadline };
            let mut admitted = Vec::new();
            let received = receive(&visit, &mut |address| {
                admitted.push(address);
                if address.to_string() == "192.0.2.66" { Err(banned(address)) } else { Ok(()) }
            });
            (received, admitted)
        });
        ReceivedRequest { client, outbox, thread }
    }

    /// Sends all of this; returns what comes back, how it ended, and who was admitted.
    fn answer(mut self, request: &str) -> (String, Result<Door, DisconnectReason>, Vec<IpAddr>) {
        self.client.write_all(request.as_bytes()).unwrap();
        self.client.shutdown(Shutdown::Write).unwrap();
        let (received, admitted) = self.thread.join().unwrap();
        drop(self.outbox);
        let mut answer = Vec::new();
        self.client.read_to_end(&mut answer).unwrap();
        (String::from_utf8_lossy(&answer).into_owned(), received, admitted)
    }
}

fn answer(request: &str) -> (String, Result<Door, DisconnectReason>) {
    let (answer, received, _) = ReceivedRequest::new(PATIENCE, false).answer(request);
    (answer, received)
}

#[test]
fn the_page_is_one_document_with_script_and_style_inside() {
    let (text, ended) = answer("GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n");
    assert_eq!(ended, Err(DisconnectReason::Answered(200)));
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let nonce = head.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(nonce.len(), 32);
    assert_eq!(body, page::page(nonce));
    assert_eq!(body.matches(&format!(" nonce=\"{nonce}\">")).count(), 2);
    assert!(body.trim_end().ends_with("</html>"));
    for line in [
        "HTTP/1.1 200 OK",
        "Connection: close",
        "Content-Type: text/html; charset=utf-8",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
        "Cross-Origin-Opener-Policy: same-origin",
        "Cross-Origin-Resource-Policy: same-origin",
        "Cache-Control: no-store",
        &format!("Content-Length: {}", body.len()),
    ] {
        assert!(head.lines().any(|known| known == line), "{line}: {head}");
    }
    assert!(head.contains(" ws://chat.example wss://chat.example; "), "{head}");
    let (again, _) = answer("GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n");
    assert!(!again.contains(nonce), "a nonce serves once");
    let (short, ended) = answer("HEAD / HTTP/1.1\r\nHost: chat.example\r\n\r\n");
    assert_eq!(ended, Err(DisconnectReason::Answered(200)));
    assert!(short.ends_with("\r\n\r\n") && short.contains(&format!("Content-Length: {}\r\n", body.len())));
}

#[test]
fn other_targets_have_short_answers() {
    for (request, status, body) in [
        ("GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n", 204, ""),
        ("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, "There is nothing here. The chat is at /\r\n"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, "Only GET and HEAD are answered here.\r\n"),
        (
            "GET / HTTP/1.1\r\nHost: evil.example:80\r\n\r\n",
            421,
            "This server is not known as evil.example. The admin can add the name to hosts in [web].\r\n",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            400,
            "That request cannot be read: it has two Host lines.\r\n",
        ),
    ] {
        let (text, ended) = answer(request);
        assert_eq!(ended, Err(DisconnectReason::Answered(status)), "{request:?}");
        assert!(
            text.starts_with(&format!("HTTP/1.1 {status} ")) && text.ends_with(&format!("\r\n\r\n{body}")),
            "{text}"
        );
    }
}

#[test]
fn a_slow_head_ends_at_the_deadline_however_many_bytes_come() {
    let mut received = ReceivedRequest::new(Duration::from_millis(200), false);
    received.client.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let began = Instant::now();
    let mut heard = Vec::new();
    for byte in b"GET / HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'x')) {
        if received.client.write_all(&[*byte]).is_err() {
            break;
        }
        let mut buffer = [0; 2048];
        match received.client.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => heard.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    drop(received.client);
    assert_eq!(received.thread.join().unwrap().0, Err(DisconnectReason::RequestTimeout));
    assert!(String::from_utf8_lossy(&heard).starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    assert!(began.elapsed() < PATIENCE / 2);
}

#[test]
fn a_client_that_says_nothing_hears_nothing() {
    let mut received = ReceivedRequest::new(Duration::from_millis(50), false);
    let mut heard = Vec::new();
    received.client.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"");
    drop(received.client);
    assert_eq!(received.thread.join().unwrap().0, Err(DisconnectReason::RequestTimeout));
}

#[test]
fn announcements_do_not_get_into_an_http_answer() {
    use crate::ui::screen::LineKind;
    let received = ReceivedRequest::new(PATIENCE, false);
    received.outbox.announce(LineKind::News, "Server is shutting down in 5 seconds.");
    received.outbox.farewell(Some((LineKind::News, "Goodbye.")));
    let (text, ended, _) = received.answer("GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(ended, Err(DisconnectReason::Answered(204)));
    assert!(text.starts_with("HTTP/1.1 204 No Content\r\n") && !text.contains("Server is"), "{text}");
}

#[test]
fn a_proxy_is_believed_about_its_clients() {
    let ask = |line: &str| {
        ReceivedRequest::new(PATIENCE, true).answer(&format!("GET /x HTTP/1.1\r\nHost: localhost\r\n{line}\r\n"))
    };
    let (_, ended, admitted) = ask("X-Forwarded-For: 10.0.0.1, 192.0.2.7\r\n");
    assert_eq!((ended, admitted), (Err(DisconnectReason::Answered(404)), vec!["192.0.2.7".parse().unwrap()]));
    let (text, ended, _) = ask("X-Forwarded-For: 192.0.2.66\r\n");
    assert_eq!(ended, Err(DisconnectReason::Answered(403)));
    assert!(text.ends_with("\r\n\r\nYour address is banned.\r\n"), "{text}");
    let (_, ended, admitted) = ask("X-Forwarded-For: nobody\r\n");
    assert_eq!((ended, admitted), (Err(DisconnectReason::Answered(400)), vec![]));
    let (_, _, admitted) = ask("");
    assert_eq!(admitted, ["127.0.0.1".parse::<IpAddr>().unwrap()], "a proxy that asks for itself");
    // The header of a peer that is not a trusted proxy is ignored.
    let request = "GET /x HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.66\r\n\r\n";
    let (_, ended, admitted) = ReceivedRequest::new(PATIENCE, false).answer(request);
    assert_eq!((ended, admitted), (Err(DisconnectReason::Answered(404)), vec![]));
}

#[test]
fn a_proxy_elsewhere_makes_nobody_one_of_the_machine_s_own_clients() {
    let (here, there): (IpAddr, IpAddr) = ("::1".parse().unwrap(), "192.0.2.1".parse().unwrap());
    for (text, from_here, from_there) in [
        ("192.0.2.7", Some("192.0.2.7"), Some("192.0.2.7")),
        ("192.0.2.7:4242", Some("192.0.2.7"), Some("192.0.2.7")),
        ("2001:db8::7", Some("2001:db8::7"), Some("2001:db8::7")),
        ("[2001:db8::7]", Some("2001:db8::7"), Some("2001:db8::7")),
        ("[2001:db8::7]:4242", Some("2001:db8::7"), Some("2001:db8::7")),
        ("::ffff:192.0.2.7", Some("192.0.2.7"), Some("192.0.2.7")),
        ("127.0.0.1", Some("127.0.0.1"), None),
        ("::ffff:127.0.0.1", Some("127.0.0.1"), None),
        ("::1", Some("::1"), None),
        ("0.0.0.0", None, None),
        ("224.0.0.1", None, None),
        ("unknown", None, None),
        ("", None, None),
    ] {
        let of = |proxy| forwarded(text, proxy).map(|address| address.to_string());
        assert_eq!((of(here).as_deref(), of(there).as_deref()), (from_here, from_there), "{text}");
    }
}

#[test]
fn a_handshake_leads_to_the_door_of_its_sub_protocol_and_loses_nothing_behind_it() {
    for (protocol, form, door) in [
        ("chatsock.v1", Form::Lines, Door::Json),
        ("unknown", Form::Lines, Door::Json),
        ("terminal.mudstandards.org", Form::Terminal, Door::Plain),
        ("telnet.mudstandards.org", Form::Telnet, Door::Plain),
    ] {
        let mut received = ReceivedRequest::new(PATIENCE, false);
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
        );
        // A text message "hi", with a mask of zeros, in the same packet.
        let bytes = [request.as_bytes(), &[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']].concat();
        received.client.write_all(&bytes).unwrap();
        assert_eq!(received.thread.join().unwrap().0, Ok(door));
        assert_eq!(received.outbox.form(), Some(form));
        let mut plain = Vec::new();
        received.outbox.decode(&[], &mut plain).unwrap();
        assert_eq!(plain, if form == Form::Lines { b"hi\n".as_slice() } else { b"hi" });
        received.outbox.write_protocol(b"{}\n");
        received.outbox.flush();
        received.outbox.lingering_close(&DisconnectReason::Stopping);
        let mut heard = Vec::new();
        received.client.read_to_end(&mut heard).unwrap();
        let end = heard.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8_lossy(&heard[..end]).into_owned();
        assert!(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
        let first = if form == Form::Lines { 0x81 } else { 0x82 };
        let close = [&[0x88, 25, 3, 0xE9], b"The server is stopping.".as_slice()].concat();
        assert_eq!(heard[end..], [[first, 3].as_slice(), b"{}\n", &close].concat());
    }
}
