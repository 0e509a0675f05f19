//! Automatic input of terminals and clients: names, modes, and replies that nobody typed.

use std::time::{Duration, Instant};

use chatsock::protocol::telnet::{DO, IAC, SB, SE, WILL};

use crate::support::{Client, PATIENCE, Server};

const ECHO: u8 = 1;
const SGA: u8 = 3;
const TTYPE: u8 = 24;
const TIMING_MARK: u8 = 6;
const OFFER: [u8; 6] = [IAC, WILL, ECHO, IAC, WILL, SGA];
const SEND: [u8; 6] = [IAC, SB, TTYPE, 1, IAC, SE];

/// Replies that a terminal may send without a key press, in one packet or split anywhere.
const REPLIES: [&[u8]; 8] = [
    b"\x1b]11;rgb:1e1e/1e1e/1e1e\x07",
    b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\",
    b"\x1bP1+r544e=787465726d\x1b\\",
    b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b^private\x1b\\",
    b"\x1bXstart of string\x1b\\",
    b"\x1b[M !!",
    b"\x1b[?1;2c",
];

/// A client that gives these terminal names, and repeats the last one to end the list (RFC 1091). Also returns the
/// bytes received before the last.
fn named(server: &Server, names: &[&str]) -> (Client, Vec<u8>) {
    let mut client = server.connect();
    let mut seen = client.expect_bytes(b"Username: ");
    client.send_bytes(&[IAC, WILL, TTYPE]);
    for name in names.iter().chain(names.last()) {
        seen.extend(client.expect_bytes(&SEND));
        client.send_bytes(&[&[IAC, SB, TTYPE, 0], name.as_bytes(), &[IAC, SE]].concat());
    }
    (client, seen)
}

/// Waits until the server has read all earlier input, by a timing mark (RFC 860).
fn read_so_far(client: &mut Client) {
    client.send_bytes(&[IAC, DO, TIMING_MARK]);
    client.expect_bytes(&[IAC, WILL, TIMING_MARK]);
}

/// A client in character mode, in the view of a room.
fn edited(server: &Server, name: &str) -> Client {
    let (mut client, _) = named(server, &["XTERM"]);
    client.expect_bytes(&OFFER);
    client.send_bytes(&[IAC, DO, ECHO, IAC, DO, SGA]);
    client.expect("\x1b[?2004h");
    client.send_bytes(format!("{name}\r").as_bytes());
    client.expect("> ");
    client.send_bytes(b":join general\r:chat\r");
    client.expect("general | ");
    client
}

#[test]
fn terminal_replies_are_not_posted_in_either_mode() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let mut alice = edited(&server, "alice");
    let mut carol = server.chat("carol", "general");
    bob.expect("* carol joined\r\n");
    for reply in REPLIES {
        alice.send_bytes(&[b"he", reply, b"llo\r"].concat());
        bob.expect("alice: hello\r\n");
        carol.send_bytes(&[b"he", reply, b"llo\n"].concat());
        bob.expect("carol: hello\r\n");
        for cut in 1..reply.len() {
            alice.send_bytes(&[b"a", &reply[..cut]].concat());
            // The server has read the first half before the second is sent.
            read_so_far(&mut alice);
            alice.send_bytes(&[&reply[cut..], b"b\r"].concat());
            bob.expect("alice: ab\r\n");
        }
    }
}

#[test]
fn screen_readers_get_no_character_mode_no_prompt_in_the_view_and_no_bare_cr() {
    for names in [&["VTERM", "XTERM", "MTTS 77"][..], &["XTERM", "MTTS 64"]] {
        let server = Server::start();
        let mut bob = server.chat("bob", "general");
        let (mut alice, mut seen) = named(&server, names);
        alice.send("alice");
        seen.extend(alice.expect_bytes(b":help explains.\r\n"));
        // From here on, the terminal is known completely.
        let mut told = alice.expect_bytes(b"> ");
        alice.send(":rooms");
        bob.send("@alice over the prompt");
        told.extend(alice.expect_bytes(b"over the prompt\r\n"));
        alice.send(":join general");
        told.extend(alice.expect_bytes(b"to leave.\r\n"));
        alice.send(":chat");
        told.extend(alice.expect_bytes(b"goes back.\r\n"));
        // The rows below the header.
        alice.send("/time");
        told.extend(alice.expect_bytes(b"* It is "));
        alice.expect("\r\n");
        let mut view = Vec::new();
        for text in ["one", "two", "three"] {
            bob.send(text);
            let before = alice.expect_bytes(format!("bob: {text}\r\n").as_bytes());
            view.extend(before);
            alice.send(&format!("{text} to you"));
            bob.expect(&format!("alice: {text} to you\r\n"));
        }
        alice.send("/time");
        view.extend(alice.expect_bytes(b"* It is "));
        alice.expect("\r\n");
        assert_eq!(String::from_utf8_lossy(&view), "", "neither prompts nor times nor ids");
        told.extend(view);
        let bare = told.windows(2).position(|pair| pair[0] == b'\r' && pair[1] != b'\n');
        assert_eq!(bare, None, "{:?}", String::from_utf8_lossy(&told));
        seen.extend(told);
        for option in [ECHO, SGA] {
            assert!(!seen.windows(3).any(|bytes| bytes == [IAC, WILL, option]), "{:?}", String::from_utf8_lossy(&seen));
        }
        // On request, times and ids are shown.
        alice.send("/timestamps on");
        alice.expect("Timestamps are on.");
        alice.send("/ids on");
        alice.expect("Ids are on.");
        bob.send("with all of it");
        let line = alice.expect(" bob: with all of it\r\n");
        assert!(line.contains('[') && line.contains('#'), "{line:?}");
        alice.send("/quit");
        alice.expect_end();
    }
}

#[test]
fn telnet_exe_with_its_two_names_is_in_character_mode_after_a_second() {
    let server = Server::start();
    for names in [&["ANSI", "VT100"][..], &["xterm"]] {
        let mut client = server.connect();
        client.expect("Username: ");
        client.send_bytes(&[IAC, WILL, TTYPE]);
        for name in names {
            client.expect_bytes(&SEND);
            client.send_bytes(&[&[IAC, SB, TTYPE, 0], name.as_bytes(), &[IAC, SE]].concat());
        }
        let stalled = Instant::now();
        let before = client.expect_bytes(&OFFER);
        let waited = stalled.elapsed();
        assert!(waited > Duration::from_millis(700) && waited < PATIENCE, "{waited:?}, {before:?}");
        client.send_bytes(&[IAC, DO, ECHO, IAC, DO, SGA]);
        client.expect("\x1b[?2004h");
    }
}

#[test]
fn users_can_type_while_their_terminal_still_gives_names() {
    let server = Server::start();
    let mut client = server.connect();
    client.expect("Username: ");
    client.send_bytes(&[IAC, WILL, TTYPE]);
    client.expect_bytes(&SEND);
    client.send_bytes(b"\xff\xfa\x18\0ANSI\xff\xf0");
    client.send("alice");
    client.expect("* Hello alice.");
    client.expect_bytes(&OFFER);
}

#[test]
fn where_enter_is_a_bare_cr_every_line_is_one_line() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let mut alice = edited(&server, "alice");
    let mut carol = server.connect();
    carol.expect("Username: ");
    // Both ways in BINARY (RFC 856).
    carol.send_bytes(&[IAC, WILL, 0, IAC, DO, 0]);
    carol.send_bytes(b"carol\r");
    carol.expect("* Hello carol.");
    carol.send_bytes(b":join general\r:chat\r");
    carol.expect("general | ");
    bob.expect("* carol joined\r\n");
    for end in [&b"\r"[..], b"\r\n", b"\r\0", b"\n"] {
        for (client, name) in [(&mut alice, "alice"), (&mut carol, "carol")] {
            let lines = [b"one", end, b"two", end].concat();
            for cut in 0..=lines.len() {
                client.send_bytes(&lines[..cut]);
                if cut > 0 && cut < lines.len() {
                    // The server reads the first part before the rest is sent.
                    read_so_far(client);
                }
                client.send_bytes(&lines[cut..]);
                bob.expect(&format!("{name}: one\r\n"));
                let between = bob.expect(&format!("{name}: two\r\n"));
                assert_eq!(between.matches(name).count(), 0, "{between:?}");
            }
        }
    }
    // No line was empty either: in the palette each would bring a prompt.
    carol.send_bytes(b"/q\r");
    carol.expect("[general]> ");
    carol.send_bytes(b":echo a\r\n:echo b\r");
    carol.send_bytes(b"\n:echo c\r\0");
    let seen = carol.expect("* c\r\n");
    assert!(seen.matches("[general]> ").count() <= 2, "{seen:?}");
}
