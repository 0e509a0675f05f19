//! Logging in: greeting, names, deadlines, the quick listener.

use crate::support::{Client, Server};

#[test]
fn a_newcomer_is_greeted_and_asked_for_a_name() {
    let server = Server::start();
    let mut alice = server.connect();
    let before = alice.expect("Username: ");
    assert!(before.ends_with("\r* Welcome to chatsock!\r\n"), "{before:?}");
    alice.send("alice");
    alice.expect("* Hello alice. 1 person online, 1 room. :rooms lists them, :help explains.\r\n> ");
}

#[test]
fn a_client_of_another_protocol_reads_nothing_before_its_answer() {
    let server = Server::start();
    let hello = [&[22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3][..], &[7; 100]].concat();
    let openings: [(&[u8], &[u8]); 5] = [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\n"),
        // Longer than one read.
        (&[&b"POST /"[..], &[b'a'; 9000], b" HTTP/1.1\r\n\r\n"].concat(), b"HTTP/1.1 400 Bad Request\r\n"),
        (b"GET / HTTP/1.0", b"HTTP/1.1 400 Bad Request\r\n"),
        (&hello, &[21, 3, 1, 0, 2, 2, 40]),
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"This is a chat server for telnet and nc, not SSH.\r\n"),
    ];
    for address in [server.address(), server.quick_address()] {
        for (opening, answer) in openings {
            let reads_its_answer_first = || {
                let mut client = Client::connect(address);
                client.send_bytes(opening);
                client.finish();
                client.expect_bytes(answer).is_empty()
            };
            // On a loaded machine a client may be delayed for longer than the greeting waits.
            let found = (0..100).any(|_| reads_its_answer_first());
            assert!(found, "{:?}", opening.escape_ascii().to_string());
        }
    }
}

#[test]
fn a_peer_that_speaks_first_is_greeted_before_it_is_answered() {
    let server = Server::start();
    for (opening, question) in [
        // Long and in capitals, so that it could still become an HTTP request: it is greeted anyway.
        (&[b'A'; 300][..], "Username: "),
        (b"alice\r\n:quit\r\n", "* Hello alice."),
        (&[255, 251, 31], "Username: "),
        (b"", "Username: "),
    ] {
        let mut client = server.connect();
        client.send_bytes(opening);
        let before = client.expect("* Welcome to chatsock!\r\n");
        assert!(!before.contains('A') && !before.contains('*'), "{before:?}");
        client.expect(question);
    }
    let mut quick = Client::connect(server.quick_address());
    quick.send_bytes(b"general\r\n");
    quick.expect("* Welcome to chatsock!\r\nEnter room name: ");
    quick.expect("Enter username: ");
}

#[test]
fn second_user_with_the_name_in_other_case_is_refused_and_offered_a_free_one() {
    let server = Server::start();
    let _alice = server.login("alice");
    let mut second = server.connect();
    second.expect("Username: ");
    second.send("ALICE");
    second.expect("! The name ALICE is taken; ALICE2 is free.\r\nUsername: ");
    second.send("ALICE2");
    second.expect("* Hello ALICE2. 2 people online");
}

#[test]
fn a_name_is_free_again_once_its_owner_has_left() {
    let server = Server::start();
    let mut first = server.login("alice");
    first.send(":quit");
    assert!(first.expect_end().ends_with("* Goodbye.\r\n"));
    server.login("alice");
}

#[test]
fn of_many_users_who_want_one_name_at_once_exactly_one_gets_it() {
    let server = Server::start();
    let mut clients: Vec<_> = (0..12).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.expect("Username: ");
    }
    for client in &mut clients {
        client.send("alice");
    }
    let mut winners = 0;
    for client in &mut clients {
        let before = client.expect("alice");
        winners += usize::from(before.ends_with("Hello "));
    }
    assert_eq!(winners, 1);
}

#[test]
fn bad_names_are_refused_with_the_rules_and_asked_again() {
    let server = Server::start();
    let mut client = server.connect();
    for bad in ["ab", "1abc", "a b c", "abcdefghijklm", "admin", "SERVER", "ali\u{e7}e", "<script>"] {
        client.expect("Username: ");
        client.send(bad);
        client.expect("! ");
    }
    client.expect("Username: ");
    client.send("alice");
    client.expect("* Hello alice.");
}

#[test]
fn a_client_that_gives_no_name_is_disconnected_at_the_deadline() {
    let server = Server::with("[limits]\nlogin_seconds = 1");
    let mut client = server.connect();
    assert!(client.expect_end().ends_with("! Login timed out.\r\n"));
}

#[test]
fn connection_timeout_delays_the_prompt_and_nobody_else() {
    let server = Server::with("connection_timeout = true");
    let began = std::time::Instant::now();
    let mut first = server.connect();
    let mut second = server.connect();
    // Early input is not lost.
    first.send("alice");
    first.expect("* Hello alice.");
    second.expect("Username: ");
    let waited = began.elapsed();
    assert!(waited >= std::time::Duration::from_millis(2500), "{waited:?}");
}

#[test]
fn the_quick_listener_asks_for_room_and_name_and_opens_the_view() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let mut alice = Client::connect(server.quick_address());
    alice.expect("Enter room name: ");
    alice.send("general");
    alice.expect("Enter username: ");
    alice.send("alice");
    alice.expect("* general: bob. Type to talk; /help for commands; :q goes back.\r\n* Topic: For general conversations.\r\ngeneral | ");
    bob.expect("* alice joined\r\n");
    alice.send("hello");
    bob.expect("alice: hello\r\ngeneral | ");
}

#[test]
fn a_script_on_the_quick_listener_is_read_completely() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let mut script = Client::connect(server.quick_address());
    script.send_bytes(b"general\nalice\nhello");
    script.finish();
    let seen = script.expect_end();
    // Each question once, and no two in one row.
    let rows: Vec<_> = seen.split(['\r', '\n']).filter(|row| !row.trim().is_empty()).collect();
    let asked = rows.iter().position(|row| *row == "Enter room name: ").expect("the first question");
    assert_eq!(rows[asked + 1], "Enter username: ", "{seen:?}");
    assert!(rows[asked + 2].starts_with("* Hello alice."), "{seen:?}");
    assert!(seen.ends_with("* Goodbye.\r\n"), "{seen:?}");
    bob.expect("alice: hello\r\n");
    bob.expect("* alice left\r\n");
}

#[test]
fn a_taken_name_on_the_quick_listener_is_asked_again() {
    let server = Server::start();
    let _bob = server.login("bob");
    let mut other = Client::connect(server.quick_address());
    other.send_bytes(b"general\nbob\n");
    other.expect("! The name bob is taken; bob2 is free.\r\n");
    other.expect("Enter username: ");
    other.send("bob2");
    other.expect("general | ");
}
