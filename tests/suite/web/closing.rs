//! The end of a WebSocket: the close code and the sentence that the client gets.

use std::time::{Duration, Instant};

use socket2::SockRef;

use super::{address, in_general, server, server_with};
use crate::support::web::{Asks, frame, program, program_that};

#[test]
fn the_stop_closes_with_going_away() {
    let server = server();
    let (mut client, socket) = in_general(&server, "alice");
    server.ask_to_stop();
    let last = client.expect_end();
    assert!(last.contains("\"action\":\"bye\""), "{last}");
    assert_eq!(socket.close(), Some((Some(1001), "The server is stopping.".to_owned())));
    server.join();
}

#[test]
fn a_program_that_quits_is_closed_normally() {
    let server = server();
    let (mut client, socket) = in_general(&server, "alice");
    client.send_bytes(b"{\"id\":\"q\",\"action\":\"quit\"}");
    client.expect("{\"id\":\"q\",\"action\":\"ok\"");
    client.expect_end();
    assert_eq!(socket.close(), Some((Some(1000), String::new())));
}

#[test]
fn a_program_that_closes_is_answered_and_has_left() {
    let server = server();
    let mut bob = server.chat("bob", "general");
    let (mut client, socket) = in_general(&server, "alice");
    bob.expect("* alice joined\r\n");
    client.send_raw(&frame(0x88, &3000u16.to_be_bytes()));
    client.expect_end();
    assert_eq!(socket.close(), Some((Some(3000), String::new())));
    bob.expect("* alice left\r\n");
}

#[test]
fn a_connection_that_breaks_off_has_left_too() {
    let server = server();
    let mut bob = server.chat("bob", "general");
    let (client, _) = in_general(&server, "alice");
    bob.expect("* alice joined\r\n");
    client.reset();
    bob.expect("* alice left");
}

#[test]
fn a_missing_login_closes_with_policy_violation() {
    let server = server_with("[limits]\nlogin_seconds = 1");
    let (mut client, socket) = program(address(&server));
    client.expect_end();
    assert_eq!(socket.close(), Some((Some(1008), "Login timed out.".to_owned())));
}

#[test]
fn a_client_that_reads_too_slowly_gets_whole_messages_and_then_the_reason() {
    // Other users' text for one reader is limited, so a few hundred lines are too many once its socket is full.
    let server = server_with("[limits]\nmessages_per_second = 0\nmessage_burst = 0\noutbox_bytes = 4096");
    let (mut client, socket) = in_general(&server, "reader");
    SockRef::from(client.stream()).set_recv_buffer_size(4096).expect("a small buffer");
    let mut speaker = server.chat("speaker", "general");
    let text = "x".repeat(140);
    let deadline = Instant::now() + crate::support::PATIENCE;
    while server.hub().roster.count() > 1 {
        assert!(Instant::now() < deadline, "the reader is never too slow");
        speaker.send_bytes(format!("{text}\r\n").repeat(200).as_bytes());
        speaker.settle();
    }
    // The client continues reading only now. Each frame is complete, and the close frame comes last.
    SockRef::from(client.stream()).set_recv_buffer_size(1 << 20).expect("a large buffer");
    client.expect_end();
    let (code, reason) = socket.close().expect("a close");
    assert_eq!(code, Some(1008));
    assert!(
        reason.starts_with("You read too slowly: ") && reason.ends_with(" bytes were waiting for you."),
        "{reason}"
    );
    assert_eq!(socket.frames().last().map(|(first, _)| *first), Some(0x88));
}

#[test]
fn a_silent_client_is_pinged_and_an_answer_keeps_it_connected() {
    let server = server();
    let began = Instant::now();
    let (client, socket) = in_general(&server, "alice");
    let (mut client, asked) = (client, socket);
    // Nothing is expected, so this reads until the ping arrives.
    let deadline = began + Duration::from_secs(90);
    while asked.pings() == 0 {
        assert!(Instant::now() < deadline, "no ping came");
        client.read_once(deadline);
    }
    assert!(began.elapsed() >= Duration::from_secs(30), "{:?}", began.elapsed());
    super::ask(&mut client, "{\"action\":\"ping\"}");
    assert_eq!(asked.close(), None);
}

#[test]
#[ignore = "takes 75 seconds; a unit test checks the deadline without waiting"]
fn a_client_that_answers_no_ping_is_dropped_after_75_seconds() {
    let server = server();
    let began = Instant::now();
    let (mut client, socket) = program_that(address(&server), Asks { is_silent: true, ..Asks::default() });
    super::ask(&mut client, "{\"action\":\"login\",\"content\":\"alice\"}");
    let deadline = began + Duration::from_secs(120);
    while socket.close().is_none() {
        assert!(Instant::now() < deadline, "the client was not dropped");
        client.read_once(deadline);
    }
    assert!(began.elapsed() >= Duration::from_secs(75), "{:?}", began.elapsed());
    assert_eq!(socket.pings(), 1);
    assert_eq!(socket.close(), Some((Some(1011), "Your client answered nothing for too long.".to_owned())));
}

#[cfg(feature = "storage")]
#[test]
fn a_banned_address_is_disconnected_with_the_reason_and_refused() {
    use crate::support::Client;
    use crate::support::web::{ask as request, handshake};
    let directory = crate::support::scratch();
    let server = crate::support::Server::with(&format!(
        "operators = [\"olga\"]\n[storage]\npath = \"{}\"\n[web]\nlisten = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.1\"]",
        directory.join("chatsock.db").display()
    ));
    let extra = "X-Forwarded-For: 192.0.2.7\r\n";
    let (mut client, socket) = program_that(address(&server), Asks { extra, is_silent: false });
    super::ask(&mut client, "{\"action\":\"login\",\"content\":\"mallory\"}");
    let mut waiting = Client::connect(address(&server));
    let mut olga = server.login("olga");
    olga.send(":register");
    olga.expect("Password: ");
    olga.send("long enough to be one");
    olga.expect("* Once more, to be sure.\r\nPassword: ");
    olga.send("long enough to be one");
    olga.expect("> ");
    olga.send(":whois mallory");
    olga.expect(" from 192.0.2.7, ");
    let reason = "spam ".repeat(30);
    olga.send(&format!(":banip 192.0.2.0/24 {reason}"));
    olga.expect("1 person disconnected.");
    client.expect_end();
    let (code, sentence) = socket.close().expect("a close");
    assert_eq!(code, Some(1008));
    assert!(sentence.starts_with("Your address is banned (spam spam") && sentence.len() <= 123, "{sentence}");
    let again = request(address(&server), handshake("localhost", extra).as_bytes());
    assert!(again.starts_with("HTTP/1.1 403 Forbidden\r\n") && again.contains("Your address is banned"), "{again}");
    // The proxy itself is not banned, nor is anybody else behind it.
    waiting.send_bytes(handshake("localhost", "X-Forwarded-For: 198.51.100.1\r\n").as_bytes());
    waiting.expect("HTTP/1.1 101 ");
}
