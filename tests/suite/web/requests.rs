//! Requests over sockets: time limits, size limits, and admission.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use super::{address, server, server_with};
use crate::support::machine::{Logged, argument, file};
use crate::support::web::{ask, handshake};
use crate::support::{Client, PATIENCE, Program, Server};

fn get(target: &str, host: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[test]
fn the_page_is_there_and_nothing_else_is() {
    let server = server();
    let page = ask(address(&server), &get("/", "localhost"));
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("<!doctype html>"), "{page}");
    let nothing = ask(address(&server), &get("/robots.txt", "localhost"));
    assert!(nothing.starts_with("HTTP/1.1 404 Not Found\r\n"), "{nothing}");
    assert_eq!(body(&nothing), "There is nothing here. The chat is at /\r\n");
    let old = ask(address(&server), b"GET / HTTP/1.0\r\n\r\n");
    assert!(old.starts_with("HTTP/1.1 200 OK\r\n"), "{old}");
}

#[test]
fn a_request_that_breaks_off_is_answered_and_silence_is_not() {
    let server = server();
    let end = |sent: &[u8]| {
        let mut client = Client::connect(address(&server));
        client.send_raw(sent);
        client.finish();
        client.expect_end()
    };
    let answer = end(b"GET / HTTP/1.1\r\nHost: local");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(body(&answer), "That request cannot be read: it is incomplete.\r\n");
    assert_eq!(end(b""), "");
}

#[test]
fn every_listener_is_in_the_startup_lines() {
    let path = file("chatsock.toml", "listen = [\"127.0.0.1:0\"]\n[web]\nlisten = [\"127.0.0.1:0\"]\n");
    let mut program = Program::start(&["--config", argument(&path)]);
    let lines = [program.line(), program.line(), program.line()];
    assert!(lines[1].ends_with(" (telnet, nc)") && lines[2].ends_with(" (web)"), "{lines:?}");
}

#[test]
fn the_machines_name_and_the_configured_hosts_are_known_and_a_reload_replaces_the_hosts() {
    let server = server_with("hosts = [\"chat.example\"]");
    let status = |host: &str| ask(address(&server), &get("/", host))[9..12].to_owned();
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a name");
    let name = name.trim().split('.').next().expect("a name");
    for host in
        ["chat.example", "CHAT.example.:8080", "localhost", "192.0.2.1", "[::1]:9", name, &format!("{name}.local")]
    {
        assert_eq!(status(host), "200", "{host}");
    }
    let refused = ask(address(&server), &get("/", "other.example"));
    assert!(refused.starts_with("HTTP/1.1 421 "), "{refused}");
    assert_eq!(
        body(&refused),
        "This server is not known as other.example. The admin can add the name to hosts in [web].\r\n"
    );
    server.reconfigure("shutdown_delay = 0\n[web]\nhosts = [\"other.example\"]");
    assert_eq!((status("other.example").as_str(), status("chat.example").as_str()), ("200", "421"));
}

#[test]
fn a_page_from_elsewhere_is_told_that_it_may_not_connect() {
    let server = server();
    let host = address(&server).to_string();
    let foreign = ask(address(&server), handshake(&host, "Origin: http://evil.example\r\n").as_bytes());
    assert!(foreign.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{foreign}");
    assert_eq!(body(&foreign), "This page may not connect here.\r\n");
    let own = format!("Origin: http://{host}\r\n");
    let mut stream = TcpStream::connect(address(&server)).expect("a connection");
    stream.write_all(handshake(&host, &own).as_bytes()).expect("sent");
    let mut start = [0; 13];
    stream.read_exact(&mut start).expect("an answer");
    assert_eq!(&start, b"HTTP/1.1 101 ");
}

#[test]
fn a_head_is_refused_as_soon_as_it_is_too_long() {
    let server = server();
    for (before, filler) in [("GET / HTTP/1.1\r\nX: ", "x"), ("GET / HTTP/1.1\r\n", "X: y\r\n"), ("", "\r\n")] {
        let mut stream = TcpStream::connect(address(&server)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        // At most one byte over the limit: a header of 20 MB is refused before the rest of it arrives.
        let mut head = before.to_owned();
        while head.len() < 8193 {
            head.push_str(filler);
        }
        stream.write_all(&head.as_bytes()[..8193]).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer and the end");
        assert!(answer.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{filler:?}: {answer}");
        assert_eq!(body(&answer), "That request is too long: its head may have at most 8,192 bytes in 64 lines.\r\n");
    }
}

/// Users who type https, or connect with telnet or ssh, would otherwise wait for the deadline and learn nothing.
#[test]
fn clients_of_other_protocols_are_answered_at_their_first_line() {
    let server = server();
    let hello = [&[22, 3, 1, 2, 0, 1, 0, 1, 252][..], &[0; 32]].concat();
    let not_http = b"HTTP/1.1 400 Bad Request\r\n".as_slice();
    for (sent, answer) in [
        (hello.as_slice(), [21, 3, 1, 0, 2, 2, 40].as_slice()),
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"This is a chat server for telnet and nc, not SSH.\r\n"),
        (b"bob\r\n", not_http),
        (b":join general\n", not_http),
        (b"GET / HTTP/2.0\r\n", not_http),
    ] {
        let mut stream = TcpStream::connect(address(&server)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream.write_all(sent).expect("sent");
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).expect("an end");
        assert!(heard.starts_with(answer), "{}: {}", sent.escape_ascii(), heard.escape_ascii());
    }
}

#[test]
fn a_head_that_is_not_whole_after_ten_seconds_is_too_slow() {
    let server = server();
    let began = Instant::now();
    let mut silent = TcpStream::connect(address(&server)).expect("a connection");
    let mut slow = TcpStream::connect(address(&server)).expect("a connection");
    slow.write_all(b"GET / HTTP/1.1\r\nHost: loc").expect("sent");
    for (stream, expected) in [(&mut slow, "HTTP/1.1 408 Request Timeout\r\n"), (&mut silent, "")] {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the end");
        assert!(answer.starts_with(expected) && answer.is_empty() == expected.is_empty(), "{answer}");
        let took = began.elapsed();
        assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(30), "{took:?}");
    }
}

#[test]
fn a_request_at_the_telnet_port_is_told_where_the_page_is() {
    let server = server();
    let port = address(&server).port();
    for (host, named) in [
        ("localhost:5555", format!("http://localhost:{port}/")),
        ("192.0.2.1", format!("http://192.0.2.1:{port}/")),
        // An unknown name: the answer has the address that was connected to.
        ("evil.example", format!("http://127.0.0.1:{port}/")),
    ] {
        let answer = ask(server.address(), &get("/", host));
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        let text = "This is a chat server for telnet and nc, not a web server.\r\n";
        assert_eq!(body(&answer), format!("{text}The page is at {named}\r\n"));
    }
    let alone = Server::start();
    assert!(!ask(alone.address(), &get("/", "localhost")).contains("The page is at"));
}

#[test]
fn connections_over_a_limit_and_during_the_stop_are_unavailable() {
    let server = server_with("[limits]\nexempt = []\nconnections_per_ip = 1\nconnections_per_ip_per_minute = 0");
    let first = crate::support::web::program(address(&server));
    let mut second = Client::connect(address(&server));
    let answer = second.expect_end();
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert_eq!(body(&answer), "Too many connections from your address: at most 1 at once.\r\n");
    // Another address still has space.
    let mut other = Client::connect_from(Ipv4Addr::new(127, 0, 0, 2), address(&server));
    other.send_bytes(&get("/", "localhost"));
    other.expect("HTTP/1.1 200 OK");
    drop(first);
    let full = server_with("[limits]\nmax_connections = 1");
    let _first = crate::support::web::program(address(&full));
    let answer = Client::connect(address(&full)).expect_end();
    assert_eq!(body(&answer), "The server is full. Please try again later.\r\n");
    let text = "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 3600\n[web]\nlisten = [\"127.0.0.1:0\"]\n";
    let mut stopping = Logged::start(Program::command(&["--config", argument(&file("chatsock.toml", text))]));
    let telnet = stopping.address();
    let web = stopping.address();
    let mut witness = Client::connect(telnet);
    witness.expect("Username: ");
    stopping.signal("TERM");
    witness.expect("* Server is shutting down in 3600 seconds.\r\n");
    let answer = Client::connect(web).expect_end();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(body(&answer), "The server is shutting down. Please try again later.\r\n");
}

#[test]
fn behind_a_trusted_proxy_limits_hold_for_the_address_it_names() {
    let server = server_with(
        "trusted_proxies = [\"127.0.0.1\"]\n[limits]\nexempt = []\nconnections_per_ip = 1\nconnections_per_ip_per_minute = 0",
    );
    let from = |last: u8| {
        let extra = format!("X-Forwarded-For: 10.9.9.9, 192.0.2.{last}\r\n");
        let mut client = Client::connect(address(&server));
        client.send_bytes(handshake("localhost", &extra).as_bytes());
        client
    };
    let mut clients: Vec<_> = (1..5).map(from).collect();
    for client in &mut clients {
        client.expect("HTTP/1.1 101 ");
    }
    let answer = from(1).expect_end();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("at most 1 at once."), "{answer}");
    // Its own requests count as its own, and an untrusted one speaks only for itself.
    let mut stranger = Client::connect_from(Ipv4Addr::new(127, 0, 0, 2), address(&server));
    stranger.send_bytes(handshake("localhost", "X-Forwarded-For: 192.0.2.1\r\n").as_bytes());
    stranger.expect("HTTP/1.1 101 ");
    drop(clients);
    crate::support::machine::eventually("an address that has left may come again", || {
        let mut client = from(1);
        client.expect(" ");
        client.expect(" ") == "101"
    });
}

/// The benchmark `benches/doors.rs` measures a chat beside five thousand of them.
#[test]
fn hundreds_of_slow_heads_keep_nobody_from_talking() {
    let server = server_with("[limits]\nmessages_per_second = 0\n");
    let mut heads: Vec<_> = (0..300).map(|_| TcpStream::connect(address(&server)).expect("a connection")).collect();
    let (mut alice, mut bob) = (server.chat("alice", "general"), server.chat("bob", "general"));
    for (round, byte) in b"GET / HTTP/1.1\r\n".iter().enumerate() {
        for head in &mut heads {
            head.write_all(&[*byte]).expect("the head has time");
        }
        alice.send(&format!("round {round}."));
        bob.expect(&format!("alice: round {round}.\r\n"));
        // A request for the page is answered in the meantime.
        assert!(ask(address(&server), &get("/", "localhost")).starts_with("HTTP/1.1 200 OK\r\n"));
    }
    // None of them was answered, and none delays the stop.
    drop(heads);
}
