//! Text sessions over the sub-protocols of mudstandards.org.

use super::{address, server};
use crate::support::web::terminal;

#[test]
fn a_terminal_s_client_chats_with_users_of_telnet() {
    let server = server();
    let mut bob = server.chat("bob", "general");
    let (client, socket) = terminal(address(&server), "terminal.mudstandards.org");
    let mut alice = client.logged_in("alice").chatting("general");
    bob.expect("* alice joined\r\n");
    alice.send("hello");
    bob.expect("alice: hello\r\n");
    bob.send("häufig");
    alice.expect("bob: häufig\r\n");
    assert!(socket.frames().iter().all(|(first, _)| *first == 0x82), "binary, since text may end inside a character");
    alice.send("/quit");
    alice.expect("* Goodbye.\r\n");
    alice.expect_end();
    assert_eq!(socket.close(), Some((Some(1000), String::new())));
    bob.expect("* alice left\r\n");
}

#[test]
fn a_line_may_come_in_pieces_and_in_messages_of_either_kind() {
    let server = server();
    let (mut client, _) = terminal(address(&server), "terminal.mudstandards.org");
    client.expect("Username: ");
    for (first, piece) in [(0x82, b"al".as_slice()), (0x81, b"ice\r"), (0x82, b"\n:ti"), (0x02, b"me"), (0x80, b"\r\n")]
    {
        client.send_raw(&crate::support::web::frame(first, piece));
    }
    client.expect("Hello alice.");
    client.expect("* It is ");
}

#[test]
fn no_telnet_command_goes_to_a_terminal_and_negotiation_begins_with_a_telnet_client() {
    let server = server();
    let (mut plain, _) = terminal(address(&server), "terminal.mudstandards.org");
    let before = plain.expect_bytes(b"Username: ");
    assert!(!before.contains(&255), "{}", before.escape_ascii());
    let (mut telnet, _) = terminal(address(&server), "telnet.mudstandards.org");
    let before = telnet.expect_bytes(b"Username: ");
    assert!(before.windows(2).any(|pair| pair == [255, 253] || pair == [255, 251]), "{}", before.escape_ascii());
    // AYT (RFC 854), inside the stream.
    telnet.send_bytes(b"\xff\xf6");
    telnet.expect("Yes, I am here.");
}
