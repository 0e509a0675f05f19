//! Letters beyond ASCII: terminals that write Latin-1, and clients that agree on a charset.

use chatsock::protocol::telnet::{DO, DONT, IAC, SB, SE, WILL, WONT};

use crate::support::{Client, Server};

const BINARY: u8 = 0;
const ECHO: u8 = 1;
const SGA: u8 = 3;
const TTYPE: u8 = 24;
const CHARSET: u8 = 42;

const TOLD: &str =
    "* Part of that line is not UTF-8 and cannot be read. If your terminal writes Latin-1: /charset latin1\r\n";

/// A client in character mode, in the palette.
fn edited(server: &Server, name: &str) -> Client {
    let mut client = server.connect();
    client.expect("Username: ");
    client.send_bytes(&[IAC, WILL, TTYPE]);
    for _ in 0..2 {
        client.expect_bytes(&[IAC, SB, TTYPE, 1, IAC, SE]);
        client.send_bytes(b"\xff\xfa\x18\0XTERM\xff\xf0");
    }
    client.expect_bytes(&[IAC, WILL, ECHO, IAC, WILL, SGA]);
    client.send_bytes(&[IAC, DO, ECHO, IAC, DO, SGA]);
    client.expect("\x1b[?2004h");
    client.send_bytes(format!("{name}\r").as_bytes());
    client.expect("> ");
    client
}

#[test]
fn a_line_that_is_not_utf_8_is_reported_once_and_only_to_its_sender() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let mut alice = server.chat("alice", "general");
    bob.expect("* alice joined\r\n");
    alice.send_bytes(b"gr\xfc\xdfe\r\n");
    alice.expect(TOLD);
    assert!(!alice.settle().contains("UTF-8"));
    bob.expect("alice: gr\u{fffd}\u{fffd}e\r\n");
    alice.send_bytes(b"gr\xfc\xdfe\r\n");
    // The replacement character, typed as itself, is accepted.
    alice.send("\u{fffd}");
    bob.expect("alice: gr\u{fffd}\u{fffd}e\r\n");
    bob.expect("alice: \u{fffd}\r\n");
    assert!(!alice.settle().contains("UTF-8"), "once");
    assert!(!bob.settle().contains("UTF-8"), "alone");
    // The same on other listeners and in other states.
    let mut quick = Client::connect(server.quick_address());
    quick.expect("Enter room name: ");
    quick.send_bytes(b"g\xe9n\xe9ral\r\n");
    quick.expect(TOLD);
    let mut carol = server.login("carol");
    carol.send_bytes(b":echo gr\xfc\xdfe\r\n");
    carol.expect(TOLD);
    carol.expect("* gr\u{fffd}\u{fffd}e\r\n");
}

#[test]
fn in_character_mode_too_a_line_that_is_not_utf_8_is_reported_once() {
    let server = Server::start();
    let mut alice = edited(&server, "alice");
    alice.send_bytes(b":echo gr\xfc\xdfe\r");
    alice.expect(TOLD.trim_end());
    alice.expect("* gr\u{fffd}\u{fffd}e");
    alice.send_bytes(b":echo \xfc.\r");
    let before = alice.expect("* \u{fffd}.");
    assert!(!before.contains("UTF-8"), "{before}");
}

#[test]
fn a_terminal_in_latin_1_reads_and_writes_everything_converted() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let mut alice = server.login("alice");
    // The charset learnt from the first line applies to the second.
    alice.send_bytes(b":charset latin1\r\n:echo gr\xfc\xdfe\r\n");
    alice.expect("* Your text is read and written as latin1.\r\n");
    alice.expect_bytes(b"* gr\xfc\xdfe\r\n");
    alice.send(":join general");
    alice.send(":chat");
    alice.expect("general | ");
    bob.expect("* alice joined\r\n");
    alice.send_bytes(b"na\xefve \xff caf\xe9\r\n");
    bob.expect("alice: na\u{ef}ve \u{ff} caf\u{e9}\r\n");
    bob.send("\u{201c}Gr\u{fc}\u{df}e\u{201d} \u{2013} \u{674e} \u{43d}\u{435}\u{442} \u{ff}!");
    // Not telnet: 255 is sent as it is.
    alice.expect_bytes(b"bob: \"Gr\xfc\xdfe\" - ?? ??? \xff!\r\ngeneral | ");
    alice.send("/charset");
    alice.expect("* Your text is read and written as latin1.\r\n");
    alice.send("/charset utf-8");
    alice.expect("* Your text is read and written as utf-8.\r\n");
    bob.send("\u{674e}");
    alice.expect("bob: \u{674e}\r\n");
    alice.send("/charset koi8-r");
    alice.expect("! ");
    alice.send_bytes(b"\xfc\r\n");
    alice.expect(TOLD);
}

#[test]
fn a_latin_1_terminal_in_character_mode_sees_what_it_types() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let mut alice = edited(&server, "alice");
    alice.send_bytes(b":charset latin1\r");
    alice.expect("written as latin1.");
    alice.send_bytes(b":join general\r:chat\r");
    alice.expect("general | ");
    bob.expect("* alice joined\r\n");
    // In telnet the byte of ÿ is doubled, both ways.
    alice.send_bytes(b"\xfc\xff\xff");
    alice.expect_bytes(b"\xfc");
    alice.expect_bytes(b"\xff\xff");
    alice.send_bytes(b"\x7f\xe9\r");
    bob.expect("alice: \u{fc}\u{e9}\r\n");
    bob.send("\u{ff}\u{674e}");
    alice.expect_bytes(b"bob: \xff\xff??\r\n");
    // The charset stays after a change to line mode and back.
    alice.send_bytes(b"/mode line\r");
    alice.expect_bytes(&[IAC, WONT, ECHO, IAC, WONT, SGA]);
    alice.send_bytes(&[IAC, DONT, ECHO, IAC, DONT, SGA]);
    alice.send_bytes(b"\xfcber\n");
    bob.expect("alice: \u{fc}ber\r\n");
}

#[test]
fn a_password_typed_in_latin_1_is_the_one_typed_in_utf_8() {
    let server = Server::with("[rooms.general]\n[rooms.staff]\npublic = false\npassword = \"Gr\u{fc}\u{df}e\"\n");
    let mut alice = server.login("alice");
    alice.send(":charset latin1");
    alice.send(":join staff");
    alice.expect("Password: ");
    alice.send_bytes(b"Gr\xfc\xdfe\r\n");
    alice.expect("* Joined staff");
    // In the wrong charset, the password is wrong, and the user sees why, without the password.
    let mut carol = server.login("carol");
    carol.send(":join staff");
    carol.expect("Password: ");
    carol.send_bytes(b"Gr\xfc\xdfe\r\n");
    carol.expect(TOLD);
    carol.expect("! No such room, or not that password.\r\n");
}

#[test]
fn a_client_that_agrees_on_latin_1_by_itself_gets_latin_1() {
    let server = Server::start();
    let mut client = server.connect();
    client.expect("Username: ");
    client.send_bytes(&[IAC, WILL, CHARSET]);
    client.expect_bytes(&[IAC, DO, CHARSET, IAC, DO, BINARY, IAC, WILL, BINARY, IAC, WILL, CHARSET]);
    client.send_bytes(&[&[IAC, SB, CHARSET, 1][..], b";KOI8-R;ISO-8859-1", &[IAC, SE]].concat());
    client.expect_bytes(&[&[IAC, SB, CHARSET, 2][..], b"ISO-8859-1", &[IAC, SE]].concat());
    client.send("alice");
    client.expect("> ");
    client.send_bytes(b":echo gr\xfc\xdfe\r\n");
    client.expect_bytes(b"* gr\xfc\xdfe\r\n");
    // The user's own choice takes precedence.
    client.send("/charset utf-8");
    client.expect("as utf-8.");
    client.send_bytes(&[&[IAC, SB, CHARSET, 1][..], b";ISO-8859-1", &[IAC, SE]].concat());
    client.expect_bytes(&[&[IAC, SB, CHARSET, 2][..], b"ISO-8859-1", &[IAC, SE]].concat());
    client.send(":echo gr\u{fc}\u{df}e");
    client.expect("* gr\u{fc}\u{df}e\r\n");
}

#[test]
fn utf_8_is_offered_to_a_client_that_shows_telnet_and_to_no_other() {
    let server = Server::start();
    let mut client = server.connect();
    client.expect("Username: ");
    client.send_bytes(&[IAC, WONT, TTYPE]);
    client.expect_bytes(&[IAC, DO, BINARY, IAC, WILL, BINARY, IAC, WILL, CHARSET]);
    client.send_bytes(&[IAC, DO, CHARSET]);
    client.expect_bytes(&[&[IAC, SB, CHARSET, 1][..], b";UTF-8", &[IAC, SE]].concat());
    let mut plain = server.connect();
    plain.expect("Username: ");
    plain.send("alice");
    let said = plain.expect_bytes(b":help explains.\r\n> ");
    assert!(!said.contains(&IAC), "{said:?}");
}
