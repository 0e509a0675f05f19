//! Messages that a user has not read since their last visit.

use crate::support::home::{BOTH, History, Home, arrive, chat, come_in, quit, view_with, written};
use crate::support::{Client, Server};

const ROOMS: &str = "[rooms.general]\n[rooms.games]\n[rooms.staff]\npublic = false\npassword = \"sesame\"";

fn server(home: &Home, history: History) -> Server {
    home.accounts(&["alice"]);
    home.start(history, ROOMS)
}

/// Alice looks at a room and leaves.
fn visit(server: &Server, room: &str) {
    quit(chat(server, "alice", room));
    // How far she has read is written a moment later.
    written(server);
}

fn say(client: &mut Client, texts: &[&str]) {
    for text in texts {
        client.send(text);
    }
    client.settle();
}

#[test]
fn the_login_shows_the_number_of_new_messages_in_each_room() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let mut bob = server.chat("bob", "general");
        say(&mut bob, &["before"]);
        visit(&server, "general");
        let mut carol = server.chat("carol", "games");
        // There are no messages yet.
        visit(&server, "games");
        say(&mut bob, &["one", "two"]);
        say(&mut carol, &["three"]);
        written(&server);
        let (mut alice, told) = arrive(&server, "alice");
        let line = told.lines().find_map(|line| line.split_once("* New since your last visit: ")).expect("told");
        let mut rooms: Vec<_> = line.1.trim_end_matches('.').split(", ").collect();
        rooms.sort_unstable();
        assert_eq!(rooms, ["games 1", "general 2"], "{told:?}");
        alice.send(":join general");
        alice.expect("to leave.\r\n");
        alice.send(":rooms");
        alice.expect("* general   2/-   (2 unread)\r\n");
        alice.send(":chat");
        alice.expect("general | ");
        quit(alice);
        written(&server);
        let (_, told) = arrive(&server, "alice");
        assert!(told.contains("* New since your last visit: games 1.\r\n"), "{told:?}");
    }
}

#[test]
fn rooms_without_news_are_not_mentioned_and_rooms_never_visited_are_not_counted() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let mut bob = server.chat("bob", "general");
        visit(&server, "games");
        say(&mut bob, &["one", "two"]);
        written(&server);
        let (_, told) = arrive(&server, "alice");
        assert!(!told.contains("New since"), "{told:?}");
    }
}

#[test]
fn a_member_who_never_opened_the_view_sees_the_number_of_new_messages() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let mut bob = server.chat("bob", "general");
        say(&mut bob, &["before"]);
        let mut alice = come_in(&server, "alice");
        alice.send(":join general");
        alice.expect("to leave.\r\n");
        alice.send(":say something of mine");
        alice.expect("* Sent to general");
        quit(alice);
        say(&mut bob, &["one", "two"]);
        written(&server);
        let (_, told) = arrive(&server, "alice");
        assert!(told.contains("* New since your last visit: general 2.\r\n"), "{told:?}");
    }
}

#[test]
fn a_users_own_messages_are_not_new() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let mut alice = chat(&server, "alice", "general");
        alice.send("hello");
        alice.settle();
        quit(alice);
        written(&server);
        let (_, told) = arrive(&server, "alice");
        assert!(!told.contains("New since"), "{history:?}: {told:?}");
    }
}

#[test]
fn nobody_is_told_about_a_hidden_room_that_they_cannot_enter() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let mut alice = come_in(&server, "alice");
        view_with(&mut alice, "staff", "sesame");
        alice.send("/close");
        alice.expect("* Left staff.\r\n");
        quit(alice);
        let mut bob = server.login("bob");
        view_with(&mut bob, "staff", "sesame");
        say(&mut bob, &["psst"]);
        written(&server);
        let (_, told) = arrive(&server, "alice");
        assert!(!told.contains("staff"), "{told:?}");
    }
}

#[test]
fn with_history_new_messages_are_counted_after_a_restart() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let mut bob = server.chat("bob", "general");
        say(&mut bob, &["before"]);
        visit(&server, "general");
        say(&mut bob, &["one", "two", "three"]);
        server.end();
        let server = home.start(history, ROOMS);
        let (_, told) = arrive(&server, "alice");
        match history {
            History::Kept => assert!(told.contains("* New since your last visit: general 3.\r\n"), "{told:?}"),
            History::Forgotten => assert!(!told.contains("New since"), "{told:?}"),
        }
    }
}

#[test]
fn new_messages_are_counted_beyond_what_is_in_memory() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Kept, "history_max = 5");
    let mut bob = server.chat("bob", "general");
    visit(&server, "general");
    say(&mut bob, &["x"; 30]);
    written(&server);
    let (_, told) = arrive(&server, "alice");
    assert!(told.contains("* New since your last visit: general 30.\r\n"), "{told:?}");
}

#[test]
fn the_list_of_rooms_counts_as_far_as_the_login_does() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let more = "history_max = 5";
    let server = home.start(History::Kept, more);
    let mut bob = server.chat("bob", "general");
    visit(&server, "general");
    say(&mut bob, &["x"; 30]);
    let unread = |alice: &mut Client| {
        alice.send(":rooms");
        let told = alice.settle();
        let line = told.lines().find(|line| line.contains("* general ")).expect("told").to_owned();
        line.split_once('(').and_then(|(_, rest)| rest.split_once(" unread)")).map(|(count, _)| count.to_owned())
    };
    let count = |count: u64| Some(count.to_string());
    written(&server);
    let (mut alice, _) = arrive(&server, "alice");
    assert_eq!(unread(&mut alice), count(30));
    quit(alice);
    // After a restart, only the loaded messages are in memory.
    server.end();
    let server = home.start(History::Kept, more);
    let (mut alice, told) = arrive(&server, "alice");
    assert!(told.contains("* New since your last visit: general 30.\r\n"), "{told:?}");
    assert_eq!(unread(&mut alice), count(30));
    let mut bob = server.chat("bob", "general");
    say(&mut bob, &["y"]);
    assert_eq!(unread(&mut alice), count(31));
    alice.send(":join general");
    alice.expect("to leave.\r\n");
    say(&mut bob, &["z"]);
    assert_eq!(unread(&mut alice), count(32));
    alice.send(":say mine");
    assert_eq!(unread(&mut alice), count(32));
    alice.send(":chat");
    alice.expect("general | ");
    alice.send(":q");
    alice.expect("[general]> ");
    assert_eq!(unread(&mut alice), None);
    alice.send(":close");
    say(&mut bob, &["again"]);
    assert_eq!(unread(&mut alice), count(1));
}

#[test]
fn deleted_and_temporary_messages_are_not_new() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let mut bob = server.chat("bob", "general");
        visit(&server, "general");
        say(&mut bob, &["one", "two"]);
        bob.send("/delete");
        bob.expect("* #2 was deleted by bob\r\n");
        written(&server);
        let (_, told) = arrive(&server, "alice");
        assert!(told.contains("* New since your last visit: general 1.\r\n"), "{history:?}: {told:?}");
    }
}
