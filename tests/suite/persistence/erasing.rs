//! Texts that must not be in any file: deleted messages, temporary messages, direct messages to users who are online.

use crate::support::home::{BOTH, History, Home, chat, come_in, quit, written};

#[test]
fn a_deleted_text_is_in_no_file() {
    for written_before in [false, true] {
        let home = Home::new();
        home.accounts(&["alice"]);
        let server = home.start(History::Kept, "");
        let mut alice = chat(&server, "alice", "general");
        for text in ["keep this", "regrettable words", "and this"] {
            alice.send(text);
        }
        alice.settle();
        if written_before {
            written(&server);
            assert_ne!(home.files_with("regrettable"), [""; 0]);
        }
        alice.send("/delete 2");
        alice.expect("* #2 was deleted by alice\r\n");
        alice.settle();
        written(&server);
        assert_eq!(home.files_with("regrettable"), [""; 0]);
        server.end();
        assert_eq!(home.files_with("regrettable"), [""; 0]);
        assert_ne!(home.files_with("keep this"), [""; 0]);
    }
}

#[test]
fn an_edited_text_is_no_longer_in_any_file() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Kept, "");
    let mut alice = chat(&server, "alice", "general");
    alice.send("the first wording");
    alice.settle();
    written(&server);
    alice.send("/edit 1 another one");
    alice.settle();
    written(&server);
    assert_eq!(home.files_with("first wording"), [""; 0]);
    assert_ne!(home.files_with("another one"), [""; 0]);
}

#[test]
fn quotes_of_a_deleted_text_are_erased_too() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Kept, "");
    let mut alice = chat(&server, "alice", "general");
    alice.send("regrettable words");
    alice.send("/reply 1 indeed");
    alice.settle();
    written(&server);
    alice.send("/delete 1");
    alice.expect("* #1 was deleted by alice\r\n");
    alice.settle();
    written(&server);
    assert_eq!(home.files_with("regrettable"), [""; 0]);
    server.end();
    let server = home.start(History::Kept, "");
    let mut alice = come_in(&server, "alice");
    alice.send(":join general");
    alice.expect("[general]> ");
    alice.send(":history");
    let shown = alice.settle();
    assert!(shown.contains("indeed") && !shown.contains("regrettable"), "{shown:?}");
}

#[test]
fn a_temporary_message_is_never_in_any_file() {
    for history in BOTH {
        let home = Home::new();
        home.accounts(&["alice"]);
        let server = home.start(history, "");
        let mut alice = chat(&server, "alice", "general");
        let mut bob = server.chat("bob", "general");
        alice.send("/temp 1 self destruct");
        bob.expect("self destruct\r\n");
        alice.send("/temp 60 self destruct too");
        bob.expect("self destruct too\r\n");
        alice.send("/edit 2 self destruct three");
        bob.expect("three");
        alice.send("/reply 2 fine");
        bob.expect("fine\r\n");
        alice.send("/temp 1 @bob self destruct four");
        bob.expect("self destruct four\r\n");
        alice.settle();
        written(&server);
        assert_eq!(home.files_with("self destruct"), [""; 0]);
        bob.expect("#1 expired\r\n");
        written(&server);
        server.end();
        assert_eq!(home.files_with("self destruct"), [""; 0]);
        let server = home.start(history, "");
        let mut bob = server.login("bob");
        bob.send(":join general");
        bob.expect("[general]> ");
        bob.send(":history 50");
        assert!(!bob.settle().contains("self destruct"));
    }
}

#[test]
fn direct_messages_between_users_who_are_online_are_in_no_file() {
    for history in BOTH {
        let home = Home::new();
        home.accounts(&["alice", "bob"]);
        let server = home.start(history, "");
        let mut alice = chat(&server, "alice", "general");
        let mut bob = come_in(&server, "bob");
        alice.send("@bob between us");
        bob.expect("alice -> you: between us\r\n");
        bob.send(":dm alice");
        bob.expect("[@alice]> ");
        bob.send(":chat");
        bob.expect("@alice | ");
        bob.send("between us two");
        alice.expect("between us two\r\n");
        written(&server);
        quit(bob);
        server.end();
        assert_eq!(home.files_with("between us"), [""; 0]);
    }
}

#[test]
fn no_password_is_in_any_file() {
    let home = Home::new();
    let server = home.start(History::Kept, "[rooms.vault]\npassword = \"open sesame\"");
    let mut alice = server.login("alice");
    crate::support::home::register(&mut alice, "quite secret");
    alice.send(":join vault open sesame");
    alice.expect("[vault]> ");
    alice.send(":create den very secret");
    alice.expect("[den]> ");
    alice.send(":set keep on");
    alice.expect("* alice keeps the room");
    alice.send(":set password most secret");
    alice.expect("* alice set a password\r\n");
    server.end();
    for text in ["open sesame", "quite secret", "very secret", "most secret"] {
        assert_eq!(home.files_with(text), [""; 0], "{text}");
    }
}

#[test]
fn temporary_messages_from_before_a_room_was_persistent_are_not_stored() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Kept, "");
    let mut alice = come_in(&server, "alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    for line in [":say to stay", ":temp 600 self destruct", ":say regrettable", ":delete", ":set keep on"] {
        alice.send(line);
        alice.settle();
    }
    written(&server);
    server.end();
    assert_ne!(home.files_with("to stay"), [""; 0]);
    for text in ["self destruct", "regrettable"] {
        assert_eq!(home.files_with(text), [""; 0], "{text}");
    }
}
