//! Another configuration while people are there.

mod support;

use support::Server;

#[test]
fn a_room_that_vanishes_closes_with_a_word_and_its_people_fall_back() {
    let server = Server::with("[rooms.general]\n[rooms.games]");
    let mut alice = server.login("alice");
    alice.send(":join general");
    alice.expect("[general]> ");
    alice.send(":join games");
    alice.expect("[games]> ");
    alice.send(":chat");
    alice.expect("games | ");
    let mut bob = server.login("bob");
    bob.send(":join games");
    bob.expect("[games]> ");
    server.reconfigure("shutdown_delay = 0\nwelcome_message = \"New times\"\n[rooms.general]\n[rooms.films]\n");
    alice.expect("* The room games is closed.\r\n[general]> ");
    bob.expect("* The room games is closed.\r\n> ");
    alice.send("text");
    alice.expect("! That is not a command.");
    bob.send(":join films");
    bob.expect("* Joined films, 0 others here.");
    let mut carol = server.connect();
    carol.expect("* New times\r\n");
}

#[test]
fn people_in_rooms_that_stay_notice_nothing() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let mut alice = server.chat("alice", "general");
    server.reconfigure("shutdown_delay = 0\nmessage_limit = 3\n[rooms.general]\nlimit = 1\n");
    let mut carol = server.login("carol");
    carol.send(":join general");
    carol.expect("! general is full");
    alice.send("hey");
    bob.expect("alice: hey\r\n");
    alice.send("four");
    alice.expect("! Not said: 4 characters");
}
