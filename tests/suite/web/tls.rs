//! The page and WebSocket through TLS.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::tls::Trust;
use crate::support::web::{ask, frame, program_inside};
use crate::support::{Client, Layer, Server, scratch};

struct Encrypted {
    server: Server,
    trust: Trust,
}

fn encrypted() -> Encrypted {
    let directory = scratch();
    let server = Server::with(&format!(
        "state_dir = \"{}\"\n[web]\nlisten = [\"127.0.0.1:0\"]\ntls_listen = [\"127.0.0.1:0\"]",
        directory.display()
    ));
    let trust = Trust::in_file(&directory.join("chatsock-certificate.pem"));
    Encrypted { server, trust }
}

impl Encrypted {
    /// The socket and the TLS layer of a client whose handshake is complete.
    fn connect(&self) -> (TcpStream, Box<dyn Layer>) {
        let (client, session) = self.trust.try_connect(self.server.listener("web, tls")).expect("a handshake");
        (client.into_stream(), Box::new(session))
    }

    fn program(&self) -> (Client, crate::support::web::Socket) {
        let (stream, layer) = self.connect();
        program_inside(stream, layer, "localhost")
    }
}

#[test]
fn the_page_comes_through_tls() {
    let encrypted = encrypted();
    let mut client = self::client(&encrypted);
    client.send_bytes(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.expect("HTTP/1.1 200 OK\r\n");
    let rest = client.expect_end();
    assert!(rest.contains("<!doctype html>") && rest.trim_end().ends_with("</html>"));
}

fn client(encrypted: &Encrypted) -> Client {
    encrypted.trust.connect(encrypted.server.listener("web, tls"))
}

#[test]
fn with_tls_the_address_of_the_page_begins_with_https() {
    let encrypted = encrypted();
    for (origin, status) in [("https://localhost", "101"), ("http://localhost", "403"), ("null", "403")] {
        let mut client = self::client(&encrypted);
        let line = format!("Origin: {origin}\r\n");
        client.send_bytes(crate::support::web::handshake("localhost", &line).as_bytes());
        client.expect("HTTP/1.1 ");
        assert_eq!(client.expect(" "), status, "{origin}");
    }
}

#[test]
fn programs_talk_through_tls_and_are_closed_with_both_goodbyes() {
    let encrypted = encrypted();
    let (mut alice, heard) = encrypted.program();
    super::ask(&mut alice, "{\"action\":\"login\",\"content\":\"alice\"}");
    alice.send_bytes(b"{\"id\":\"j\",\"action\":\"join\",\"receiver\":\"general\"}");
    alice.expect("{\"id\":\"j\",\"action\":\"ok\"");
    let mut bob = encrypted.server.chat("bob", "general");
    alice.expect("\"action\":\"joined\",\"sender\":\"bob\"");
    bob.send("hello");
    alice.expect("\"content\":\"hello\"");
    alice.send_bytes(b"{\"action\":\"say\",\"receiver\":\"general\",\"content\":\"good morning\"}");
    bob.expect("alice: good morning\r\n");
    alice.expect("\"content\":\"good morning\"");
    alice.expect("\n");
    let ping = heard.wrap(&frame(0x89, b"?"));
    alice.send_raw(&ping);
    super::ask(&mut alice, "{\"id\":\"p\",\"action\":\"ping\"}");
    assert!(heard.pongs().contains(&b"?".to_vec()));
    let unmasked = heard.wrap(&[0x81, 2, b'{', b'}']);
    alice.send_raw(&unmasked);
    alice.expect_end();
    assert_eq!(heard.close().map(|(code, _)| code), Some(Some(1002)));
    encrypted.server.ask_to_stop();
    encrypted.server.join();
}

#[test]
fn a_request_without_tls_is_told_the_page_s_address() {
    let encrypted = encrypted();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answer = ask(encrypted.server.listener("web, tls"), request);
    let port = encrypted.server.listener("web").port();
    assert!(answer.ends_with(&format!("The page is at http://localhost:{port}/\r\n")), "{answer}");
}

#[test]
fn the_handshake_and_the_request_together_have_ten_seconds() {
    let encrypted = encrypted();
    let began = std::time::Instant::now();
    let (mut stream, mut layer) = encrypted.connect();
    stream.write_all(&layer.seal(b"GET / HT")).expect("sent");
    let mut read = Vec::new();
    stream.read_to_end(&mut read).expect("the end");
    let (text, _) = layer.open(&read);
    assert!(text.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&text));
    let took = began.elapsed().as_secs_f64();
    assert!((9.9..30.0).contains(&took), "{took}");
}
