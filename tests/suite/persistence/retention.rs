//! Messages beyond their retention on a running server, and a wrong clock.

use chatsock::hub::timer::Task;
use chatsock::server::{self, StartError};
use chatsock::store::Store;

use crate::support::clocks::{Clocks, DAY};
use crate::support::home::{History, Home, chat, come_in, quit, view, written};
use crate::support::{Client, Server};

const DAY_KEPT: &str = "retention_days = 1";

/// A server with clocks that the test sets.
fn start(home: &Home, clocks: &Clocks) -> Server {
    let config = format!("operators = [\"root\"]\n{}{DAY_KEPT}\n", home.config(History::Kept, ""));
    home.start_by(&config, |config, capacity| {
        server::bind_with(config, capacity, |options, news| Store::open_with_clocks(options, news, clocks.reader()))
            .map_err(|error| match error {
                StartError::Store(error) => error,
                error => panic!("{error}"),
            })
    })
}

/// What a command shows.
fn shown(client: &mut Client, command: &str) -> String {
    client.send(command);
    client.settle()
}

#[test]
fn no_command_shows_a_stored_message_beyond_its_retention() {
    let home = Home::new();
    home.accounts(&["alice", "bob"]);
    let clocks = Clocks::default();
    let server = start(&home, &clocks);
    let mut alice = come_in(&server, "alice");
    alice.send(":create den");
    alice.expect("you are its admin.");
    alice.send(":say in the den");
    alice.expect("Sent to den as #1.");
    let mut bob = chat(&server, "bob", "general");
    bob.send("in general");
    bob.settle();
    view(&mut alice, "general");
    alice.send("/history");
    alice.expect("#2 bob: in general\r\n");
    written(&server);

    clocks.pass(DAY.unsigned_abs() + 1);
    for command in ["/history", "/search in", "/reply #2 what?", "/edit #2 changed", "/q", ":chat"] {
        let told = shown(&mut alice, command);
        assert!(!told.contains("bob: ") && !told.contains("#2 bob"), "{command}: {told:?}");
    }
    let told = shown(&mut bob, "/edit #2 changed");
    assert!(told.contains("! There is no such message where you are"), "{told:?}");
    // A message that is not stored lasts as long as its room.
    let told = shown(&mut alice, "/search in");
    assert!(told.contains("den alice: >in< the den"), "{told:?}");
    // It also leaves memory, even if nobody asks for it.
    server.hub().carry_out(Task::ForgetOld, std::time::Instant::now());
    let general = server.hub().rooms.all().into_iter().find(|room| room.name().as_str() == "general");
    assert_eq!(
        general.expect("a room").said_after(chatsock::chat::message::MessageId(0), None, std::time::Instant::now()),
        0
    );
    quit(alice);
    quit(bob);
}

#[test]
fn a_clock_that_is_ahead_hides_nothing_ends_no_ban_and_operators_are_told() {
    let home = Home::new();
    home.accounts(&["alice", "root"]);
    let server = start(&home, &Clocks::default());
    let mut root = chat(&server, "root", "general");
    root.send("to stay");
    root.send("/banip 203.0.113.7 2d spam");
    root.expect("203.0.113.7 is banned");
    let mut alice = come_in(&server, "alice");
    alice.send(":create den");
    alice.expect("you are its admin.");
    alice.send(":set keep on");
    alice.expect(" keeps the room");
    alice.send(":ban eve 2d");
    alice.expect("eve was banned by alice for 2 days");
    quit(alice);
    quit(root);
    server.end();

    let clocks = Clocks::ahead(60 * DAY);
    let server = start(&home, &clocks);
    let mut root = chat(&server, "root", "general");
    let told = shown(&mut root, "/history");
    assert!(told.contains("root: to stay"), "{told:?}");
    let told = shown(&mut root, "/banip");
    assert!(told.contains("203.0.113.7"), "{told:?}");
    let mut alice = come_in(&server, "alice");
    alice.send(":join den");
    alice.expect("to leave.\r\n");
    let told = shown(&mut alice, ":bans");
    assert!(told.contains("eve   by alice, 1 d") || told.contains("eve   by alice, 2 d"), "{told:?}");
    // A change stores the ban with its original end.
    alice.send(":topic new");
    alice.expect("set the description");
    server.end();
    let server = start(&home, &Clocks::default());
    let mut alice = come_in(&server, "alice");
    alice.send(":join den");
    alice.expect("to leave.\r\n");
    let told = shown(&mut alice, ":bans");
    assert!(told.contains("eve   by alice, 1 d") || told.contains("eve   by alice, 2 d"), "{told:?}");
}

#[test]
fn operators_are_told_when_the_clock_jumps_and_when_it_is_right_again() {
    let home = Home::new();
    home.accounts(&["root"]);
    let clocks = Clocks::default();
    let server = start(&home, &clocks);
    let mut root = chat(&server, "root", "general");
    root.send("to stay");
    root.settle();
    clocks.set_ahead(60 * DAY);
    root.expect("* The clock is 60 days ahead of this server's last regular run. No old message is erased, and ");
    let told = shown(&mut root, "/history");
    assert!(told.contains("root: to stay"), "{told:?}");
    clocks.set_ahead(0);
    root.expect("* The clock is trusted again: ");
}
