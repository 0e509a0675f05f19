//! Rooms that users make: how long they last, who their admin is, and what a reload does to them.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::machine::{Logged, argument, eventually, file};
use crate::support::{Client, Program, Server};

/// A user who has made a room and is in the palette.
fn maker(server: &Server, name: &str, room: &str) -> Client {
    let mut client = server.login(name);
    client.send(&format!(":create {room}"));
    client.expect(&format!("* Made {room}, you are its admin."));
    client.expect(&format!("[{room}]> "));
    client
}

fn rooms(server: &Server) -> usize {
    server.hub().rooms.all().len()
}

/// Waits by the server's timer, with a temporary message that lasts this many seconds.
fn after(seconds: u32, from: &mut Client, to: &str) {
    from.send(&format!(":temp {seconds} @{to} tick"));
    from.expect(" expired\r\n");
}

#[test]
fn a_reload_that_lengthens_room_linger_applies_to_an_empty_room() {
    let server = Server::with("room_linger = 1");
    let mut alice = maker(&server, "alice", "den");
    let left = Instant::now();
    alice.send(":close");
    alice.expect("* Left den.\r\n");
    server.reconfigure("shutdown_delay = 0\nroom_linger = 3\n[limits]\nmessages_per_second = 0\n");
    eventually("the room has closed", || rooms(&server) == 1);
    assert!(left.elapsed() >= Duration::from_secs(3), "{:?}", left.elapsed());
}

#[test]
fn a_reload_that_shortens_room_linger_applies_to_an_empty_room() {
    let server = Server::with("room_linger = 3600");
    let mut alice = maker(&server, "alice", "den");
    alice.send(":close");
    alice.expect("* Left den.\r\n");
    server.reconfigure("shutdown_delay = 0\nroom_linger = 0\n[limits]\nmessages_per_second = 0\n");
    eventually("the room has closed", || rooms(&server) == 1);
}

#[test]
fn entering_an_empty_room_restarts_its_grace_period() {
    let server = Server::with("room_linger = 2");
    let mut alice = maker(&server, "alice", "den");
    let mut bob = server.login("bob");
    for _ in 0..2 {
        alice.send(":close");
        alice.expect("* Left den.\r\n");
        after(1, &mut bob, "alice");
        alice.send(":join den");
        alice.expect("[den]> ");
    }
    let left = Instant::now();
    alice.send(":close");
    alice.expect("* Left den.\r\n");
    eventually("the room has closed", || rooms(&server) == 1);
    assert!(left.elapsed() >= Duration::from_secs(2), "{:?}", left.elapsed());
}

#[test]
fn an_empty_room_closes_after_its_grace_period_and_its_messages_are_gone() {
    let server = Server::with("room_linger = 1");
    let mut alice = maker(&server, "alice", "den");
    alice.send(":say hello");
    alice.expect("* Sent to den as #1.\r\n");
    let left = Instant::now();
    alice.send(":close");
    alice.expect("* Left den.\r\n");
    eventually("the room has closed", || rooms(&server) == 1);
    assert!(left.elapsed() >= Duration::from_secs(1), "{:?}", left.elapsed());
    alice.send(":rooms");
    assert!(!alice.expect("* general").contains("den"));
    alice.send(":create den");
    alice.expect("* Made den");
    alice.send(":history");
    alice.expect("* Nothing has been said in den yet.\r\n");
}

/// Alice creates a room and leaves it, and bob enters before it closes. If bob is too late on a slow machine, they
/// start over.
fn handed_over(server: &Server, linger: u64) -> (Client, Client) {
    let (mut alice, mut bob) = (maker(server, "alice", "den"), server.login("bob"));
    for _ in 0..10 {
        let left = Instant::now();
        alice.send(":close");
        alice.expect("* Left den.\r\n");
        bob.send(":join den");
        let told = bob.expect("\r\n");
        if told.contains("* Joined den, 0 others here, and you are its admin now.") {
            return (alice, bob);
        }
        assert!(left.elapsed() >= Duration::from_secs(linger), "{told:?}");
        // Leaves the question for a password.
        bob.send("");
        bob.expect("> ");
        alice.send(":create den");
        alice.expect("* Made den");
    }
    panic!("nobody ever came in time");
}

#[test]
fn a_room_entered_during_its_grace_period_stays() {
    let server = Server::with("room_linger = 3");
    let (mut alice, _bob) = handed_over(&server, 3);
    after(4, &mut alice, "bob");
    assert_eq!(rooms(&server), 2);
    alice.send(":join den");
    alice.expect("* Joined den, 1 other here.");
}

#[test]
fn the_grace_period_counts_from_the_last_leave() {
    let server = Server::with("room_linger = 4");
    let (mut alice, mut bob) = handed_over(&server, 4);
    after(2, &mut alice, "bob");
    let left = Instant::now();
    bob.send(":close");
    bob.expect("* Left den.\r\n");
    eventually("the room has closed", || rooms(&server) == 1);
    assert!(left.elapsed() >= Duration::from_secs(4), "it closed {:?} after the last one had left", left.elapsed());
}

#[test]
fn an_empty_room_counts_for_its_address_until_it_closes() {
    let server = Server::with("room_linger = 1\n[limits]\nmessages_per_second = 0\nexempt = []\nrooms_per_ip = 1");
    let mut alice = maker(&server, "alice", "one");
    alice.send(":close");
    alice.expect("* Left one.\r\n");
    eventually("the room has closed", || rooms(&server) == 1);
    let mut bob = maker(&server, "bob", "two");
    alice.send(":create three");
    alice.expect("! Too many rooms were made from your address: the limit is 1.");
    bob.send(":destroy");
    bob.expect("* two was closed by bob.\r\n");
    alice.send(":create three");
    alice.expect("* Made three");
}

#[test]
fn of_many_users_who_make_the_same_room_at_once_one_succeeds() {
    let server = Server::start();
    for round in 0..5 {
        let mut people: Vec<_> = (0..8).map(|n| server.login(&format!("user{n}"))).collect();
        let makers = thread::scope(|scope| {
            let asked: Vec<_> = people
                .iter_mut()
                .map(|client| {
                    scope.spawn(move || {
                        client.send(&format!(":create den{round}"));
                        let answer = client.expect("\r\n");
                        assert!(answer.contains("* Made den") || answer.contains("! The room den"), "{answer:?}");
                        answer.contains("* Made den")
                    })
                })
                .collect();
            asked.into_iter().filter_map(|thread| thread.join().expect("joined").then_some(())).count()
        });
        assert_eq!(makers, 1);
        for mut client in people {
            client.send(":quit");
            client.expect_end();
        }
        eventually("the names are free", || server.hub().roster.count() == 0);
    }
}

#[test]
fn two_users_who_name_the_same_missing_room_on_the_quick_listener_meet_in_it() {
    let server = Server::with("quick_create = true");
    for round in 0..10 {
        let enter = |name: String| {
            let mut client = Client::connect(server.quick_address());
            client.send(&format!("den{round}\n{name}"));
            client.expect(":q goes back.\r\n");
            client.expect(&format!("den{round} | "));
            client
        };
        let (mut first, mut second) = thread::scope(|scope| {
            let first = scope.spawn(|| enter(format!("alice{round}")));
            let second = scope.spawn(|| enter(format!("bob{round}")));
            (first.join().expect("joined"), second.join().expect("joined"))
        });
        first.send("/list");
        first.expect(&format!("* 2 people in den{round}:\r\n"));
        let listed = first.expect(&format!("den{round} | "));
        assert_eq!(listed.matches("(admin)").count(), 1, "{listed:?}");
        first.send("hello");
        second.expect(&format!("alice{round}: hello\r\n"));
    }
}

#[test]
fn a_reload_closes_rooms_it_does_not_name_and_keeps_those_that_users_made() {
    let path = file(
        "chatsock.toml",
        "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n[rooms.general]\n[rooms.games]\n[rooms.vault]\npublic = false\n\
         password = \"open sesame\"\n",
    );
    let mut program = Logged::start(Program::command(&["--config", argument(&path)]));
    let address = program.address();
    let mut alice = Client::login(address, "alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    alice.send(":chat");
    alice.expect("den | ");
    let mut bob = Client::chat(address, "bob", "den");
    let mut carol = Client::chat(address, "carol", "games");
    let mut dave = Client::login(address, "dave");
    dave.send(":group trip bob");
    dave.expect("[trip]> ");
    dave.send(":join vault open sesame");
    dave.expect("[vault]> ");
    bob.send("before");
    alice.expect("bob: before\r\n");

    std::fs::write(&path, "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n[rooms.general]\n").expect("written");
    program.signal("HUP");
    carol.expect("* The room games is closed.\r\n> ");
    dave.expect("* The room vault is closed.\r\n[trip]> ");
    program.expect_log("configuration reloaded");

    bob.send("after");
    assert!(!alice.expect("bob: after\r\n").contains("closed"));
    alice.send("/topic ours still");
    bob.expect("* alice set the description: ours still\r\n");
    bob.send("/history 2");
    bob.expect("bob: before\r\n");
    bob.send("/join trip");
    bob.expect("trip | ");
    carol.send(":rooms");
    let rooms = carol.expect("* general");
    assert!(rooms.contains("* den       ") && !rooms.contains("games") && !rooms.contains("trip"), "{rooms:?}");
    // The name is free.
    carol.send(":create games");
    carol.expect("* Made games");
}

/// No exempt address: anybody may be behind one, and this machine's is exempt by default.
const NOBODY_EXEMPT: &str = "[limits]\nmessages_per_second = 0\nexempt = []\n";

#[test]
fn behind_an_exempt_address_a_guests_name_does_not_give_the_rank() {
    let server = Server::start();
    let alice = maker(&server, "alice", "den");
    let mut bob = server.chat("bob", "den");
    alice.reset();
    bob.expect("* alice left\r\n");
    bob.expect("* bob is now admin of den\r\n");
    eventually("the name is free", || server.hub().roster.count() == 1);
    let mut mallory = server.login("alice");
    mallory.send(":join den");
    mallory.expect("[den]> ");
    mallory.send(":topic mine");
    mallory.expect("! Only admins of den can do that; :list marks them.\r\n");
    // Nor does it give an invitation of the guest.
    bob.send("/group attic alice");
    mallory.expect("* bob invites you to attic: :join attic enters it.");
    mallory.send(":quit");
    mallory.expect_end();
    let mut other = server.login("alice");
    other.send(":join attic");
    other.expect("* No public room attic.");
}

#[test]
fn an_admin_whose_connection_broke_has_the_rank_after_returning() {
    let server = Server::with(NOBODY_EXEMPT);
    for broken in [true, false] {
        let alice = maker(&server, "alice", "den");
        let mut bob = server.chat("bob", "den");
        let mut carol = server.login("carol");
        carol.send(":join den");
        carol.expect("[den]> ");
        if broken {
            alice.reset();
        } else {
            drop(alice);
        }
        assert!(!bob.expect("* alice left\r\n").contains("admin"));
        bob.send("/topic mine");
        bob.expect("! Only admins of den can do that; /list marks them.\r\n");
        eventually("her name is free", || server.hub().roster.count() == 2);
        let mut alice = server.login("alice");
        alice.send(":join den");
        alice.expect("[den]> ");
        bob.send("/list");
        bob.expect("* 3 people in den:\r\n");
        let listed = bob.expect("den | ");
        let admins: Vec<_> = listed.lines().filter(|line| line.contains("(admin)")).collect();
        assert!(admins.len() == 1 && admins[0].contains("alice"), "{listed:?}");
        assert!(!carol.settle().contains("admin"));
        alice.send(":destroy");
        bob.expect("* den was closed by alice.\r\n");
        for mut client in [alice, bob, carol] {
            client.send(":quit");
            client.expect_end();
        }
        eventually("all are gone", || server.hub().roster.count() == 0);
    }
}

#[test]
fn a_lone_admin_whose_connection_broke_finds_the_room_unchanged() {
    let server = Server::with(&format!("room_linger = 30\n{NOBODY_EXEMPT}"));
    let mut alice = maker(&server, "alice", "den");
    alice.send(":set password open sesame");
    alice.expect("* alice set a password\r\n");
    alice.reset();
    eventually("her name is free", || server.hub().roster.count() == 0);
    // An admin of the room is not asked for the password.
    let mut alice = server.login("alice");
    alice.send(":join den");
    alice.expect("* Joined den, 0 others here.");
    alice.send(":list");
    alice.expect("(admin)\r\n");
}
