//! Bytes through `chatsock proxy` between two plain sockets.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use chatsock::cli::Protection;

use crate::support::proxy::{Running, header_for};
use crate::support::{PATIENCE, Server};

/// How long the end of one side may take to reach the other.
const SOON: Duration = Duration::from_secs(1);

/// A proxy, its client, and the other end of the client's connection.
fn through() -> (Running, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let proxy = Running::plain(listener.local_addr().expect("an address"));
    let client = TcpStream::connect(proxy.address()).expect("connected");
    let (server, _) = listener.accept().expect("accepted");
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    }
    (proxy, client, server)
}

/// All bytes up to the end. A reset counts as an end.
fn rest(mut stream: &TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    all
}

/// Every byte value, in an order that reveals omissions and repetitions.
fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at as u32).wrapping_mul(2_654_435_761).to_be_bytes()[at % 3]).collect()
}

#[test]
fn bytes_pass_untouched_in_both_directions_at_once() {
    let (_proxy, client, server) = through();
    let sent = pattern(5_000_003);
    let writers: Vec<_> = [&client, &server]
        .map(|stream| {
            let (mut stream, sent) = (stream.try_clone().expect("a clone"), sent.clone());
            thread::spawn(move || {
                stream.write_all(&sent).expect("sent");
                stream.shutdown(Shutdown::Write).expect("half-closed");
            })
        })
        .into_iter()
        .collect();
    let other = server.try_clone().expect("a clone");
    let there = thread::spawn(move || rest(&other));
    assert!(rest(&client) == sent, "from the server");
    assert!(there.join().expect("read") == sent, "from the client");
    writers.into_iter().for_each(|writer| writer.join().expect("written"));
}

#[test]
fn a_half_close_is_passed_on_and_the_other_direction_goes_on() {
    let (_proxy, mut client, mut server) = through();
    client.write_all(b"question").expect("sent");
    client.shutdown(Shutdown::Write).expect("half-closed");
    assert_eq!(rest(&server), b"question");
    server.write_all(b"a long answer").expect("sent");
    server.shutdown(Shutdown::Write).expect("half-closed");
    assert_eq!(rest(&client), b"a long answer");
    let (_proxy, mut client, mut server) = through();
    server.write_all(b"bye").expect("sent");
    server.shutdown(Shutdown::Write).expect("half-closed");
    assert_eq!(rest(&client), b"bye");
    client.write_all(b"one more thing").expect("sent");
    client.shutdown(Shutdown::Write).expect("half-closed");
    assert_eq!(rest(&server), b"one more thing");
}

#[test]
fn when_one_end_is_gone_the_other_ends_soon_and_has_every_byte() {
    let sent = pattern(100_000);
    for client_goes in [true, false] {
        for reset in [false, true] {
            let (_proxy, client, server) = through();
            let (mut going, staying) = if client_goes { (client, server) } else { (server, client) };
            if reset {
                // Bytes that nobody reads turn the end into a reset.
                let mut staying = &staying;
                staying.write_all(b"unread").expect("sent");
                let mut byte = [0];
                assert!(going.peek(&mut byte).is_ok_and(|count| count == 1), "they have come");
            }
            let reader = thread::spawn(move || (rest(&staying), Instant::now(), staying));
            going.write_all(&sent).expect("sent");
            let gone = Instant::now();
            drop(going);
            let (all, ended, _staying) = reader.join().expect("read");
            assert!(ended.saturating_duration_since(gone) < SOON, "client goes: {client_goes}, reset: {reset}");
            // When a socket is reset, the system drops its unsent bytes.
            assert!(
                all == sent || (reset && sent.starts_with(&all)),
                "client goes: {client_goes}, {reset}: {}",
                all.len()
            );
        }
    }
}

#[test]
fn a_client_that_stays_after_the_server_has_ended_is_disconnected() {
    let (proxy, client, server) = through();
    drop(server);
    assert_eq!(rest(&client), b"");
    // The client sends data that nobody reads, until its own connection is closed, too.
    let deadline = Instant::now() + PATIENCE;
    let mut stream = &client;
    while stream.write_all(b"anybody there?\n").is_ok() {
        assert!(Instant::now() < deadline, "the connection never ends");
        thread::yield_now();
    }
    proxy.stop();
}

#[test]
fn many_clients_at_once_each_get_their_own_bytes() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let proxy = Running::start(listener.local_addr().expect("an address"), Protection::Plain, false, 1_000);
    let echo = thread::spawn(move || {
        for _ in 0..300 {
            let (mut stream, _) = listener.accept().expect("accepted");
            thread::spawn(move || {
                let mut copy = stream.try_clone().expect("a clone");
                std::io::copy(&mut stream, &mut copy).expect("copied");
            });
        }
    });
    let clients: Vec<_> = (0..300).map(|_| TcpStream::connect(proxy.address()).expect("connected")).collect();
    for (number, mut client) in clients.iter().enumerate() {
        client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        client.write_all(format!("client {number}\n").as_bytes()).expect("sent");
    }
    for (number, client) in clients.iter().enumerate() {
        client.shutdown(Shutdown::Write).expect("half-closed");
        assert_eq!(rest(client), format!("client {number}\n").as_bytes());
    }
    echo.join().expect("all of them");
}

#[test]
fn clients_over_the_limit_and_clients_of_an_unreachable_server_are_told_why() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let to = listener.local_addr().expect("an address");
    let proxy = Running::start(to, Protection::Plain, false, 1);
    let first = TcpStream::connect(proxy.address()).expect("connected");
    let (server, _) = listener.accept().expect("accepted");
    let second = TcpStream::connect(proxy.address()).expect("connected");
    assert_eq!(rest(&second), b"! This proxy is full. Please try again later.\r\n");
    drop((first, server, listener));
    // The first one's place is free once its end has been noticed.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut next = TcpStream::connect(proxy.address()).expect("connected");
        // Data that the client has already sent does not destroy the answer.
        next.write_all(b"alice\r\n").expect("sent");
        let told = String::from_utf8(rest(&next)).expect("text");
        if told == format!("! {to} cannot be reached: connection refused.\r\n") {
            return;
        }
        assert!(told.contains("full") && Instant::now() < deadline, "{told:?}");
    }
}

#[test]
fn a_stop_looks_to_the_server_as_if_all_clients_had_left() {
    let server = Server::start();
    let proxy = Running::plain(server.address());
    let mut bob = server.chat("bob", "general");
    let mut alice = crate::support::Client::chat(proxy.address(), "alice", "general");
    bob.expect("* alice joined\r\n");
    proxy.stop();
    assert!(alice.expect_end().contains("* Goodbye.\r\n"));
    bob.expect("* alice left\r\n");
}

#[test]
fn the_header_goes_first_and_names_the_client() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let proxy = Running::start(listener.local_addr().expect("an address"), Protection::Plain, true, 64);
    let mut client = TcpStream::connect(proxy.address()).expect("connected");
    client.write_all(b"alice\r\n").expect("sent");
    client.shutdown(Shutdown::Write).expect("half-closed");
    let (server, _) = listener.accept().expect("accepted");
    server.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut expected = header_for("127.0.0.1", b"");
    expected[20..24].copy_from_slice(&[127, 0, 0, 1]);
    expected[24..26].copy_from_slice(&client.local_addr().expect("an address").port().to_be_bytes());
    expected[26..28].copy_from_slice(&proxy.address().port().to_be_bytes());
    expected.extend(b"alice\r\n");
    assert_eq!(rest(&server), expected);
}
