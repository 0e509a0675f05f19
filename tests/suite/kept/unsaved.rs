//! Acts that hold in a room, but that the disk has refused: they are written when it takes them.

use rusqlite::Connection;

use crate::support::home::{History, Home, come_in, quit};
use crate::support::machine::eventually;
use crate::support::{Client, Server};

/// Alice, who is in a room of hers that is kept, and an operator.
fn den(home: &Home) -> (Server, Client, Client) {
    home.accounts(&["alice", "root"]);
    let server = start(home);
    let mut alice = come_in(&server, "alice");
    alice.send(":create den open sesame");
    alice.expect("* Made den, you are its admin.");
    alice.send(":set keep on");
    alice.expect(" keeps the room: ");
    let root = come_in(&server, "root");
    (server, alice, root)
}

fn start(home: &Home) -> Server {
    home.start(History::Kept, "room_linger = 0\noperators = [\"root\"]")
}

const FULL: &str =
    "! It holds until the server stops, but: Not saved: the disk is full. It will be as soon as the disk takes it.";

/// The disk has no room.
fn fill(server: &Server, root: &mut Client) {
    let store = server.hub().store().expect("a store");
    store.limit_pages(1);
    root.send(":join general");
    root.expect("to leave.\r\n");
    let line = format!(":say {}\r\n", "x".repeat(140));
    root.send_bytes(line.repeat(100).as_bytes());
    root.expect("* The database cannot be written: the disk is full.");
    root.settle();
}

fn make_room(server: &Server) {
    server.hub().store().expect("a store").limit_pages(0);
}

/// What the database says; nothing if that is nothing.
fn kept(home: &Home, sql: &str) -> Option<String> {
    let connection = Connection::open(home.database()).expect("a database");
    connection.query_row(sql, [], |row| row.get(0)).ok()
}

fn opens(server: &Server, password: &str) -> bool {
    let mut guest = server.login("guest");
    guest.send(&format!(":join den {password}"));
    let told = guest.settle();
    quit(guest);
    told.contains("Joined den")
}

#[test]
fn a_new_password_that_cannot_be_hashed_is_not_in_force() {
    let home = Home::new();
    let (server, mut alice, root) = den(&home);
    quit(root);
    // Too busy for everybody.
    server.hub().work.stop();
    alice.send(":set password other words");
    let told = alice.settle();
    assert!(told.contains("! The server is too busy for that: try again in a moment.\r\n"), "{told:?}");
    assert!(!told.contains("set a password"), "{told:?}");
    server.end();
    let server = start(&home);
    assert!(opens(&server, "open sesame") && !opens(&server, "other words"));
}

#[test]
fn what_was_set_in_a_kept_room_while_the_disk_refused_is_written_when_it_takes_it() {
    let home = Home::new();
    let (server, mut alice, mut root) = den(&home);
    fill(&server, &mut root);
    for command in [":topic One.", ":topic Two.", ":ban eve", ":set password other words"] {
        alice.send(command);
        alice.expect(FULL);
        alice.settle();
    }
    root.send(":banip 203.0.113.7 spam");
    root.expect(FULL);
    root.send(":bell on");
    root.expect(FULL);
    root.settle();
    make_room(&server);
    root.expect("* The database is written again; nothing was lost.\r\n");
    let description = "SELECT description FROM rooms WHERE folded = 'den'";
    eventually("the room is written", || kept(&home, description).as_deref() == Some("Two."));
    assert_eq!(kept(&home, "SELECT name FROM bans").as_deref(), Some("eve"));
    assert_eq!(kept(&home, "SELECT network FROM address_bans").as_deref(), Some("203.0.113.7"));
    assert_eq!(kept(&home, "SELECT bell FROM accounts WHERE folded = 'root'").as_deref(), Some("on"));
    server.end();
    let server = start(&home);
    assert!(opens(&server, "other words") && !opens(&server, "open sesame"));
}

#[test]
fn what_the_disk_has_refused_is_written_by_the_graceful_stop_at_the_latest() {
    let home = Home::new();
    let (server, mut alice, mut root) = den(&home);
    fill(&server, &mut root);
    alice.send(":topic Said while it was full.");
    alice.expect(FULL);
    make_room(&server);
    server.end();
    assert_eq!(
        kept(&home, "SELECT description FROM rooms WHERE folded = 'den'").as_deref(),
        Some("Said while it was full.")
    );
}

#[test]
fn a_kept_room_that_was_destroyed_while_the_disk_refused_does_not_come_back() {
    for command in [":destroy", ":set keep off"] {
        let home = Home::new();
        let (server, mut alice, mut root) = den(&home);
        alice.send(":say between us");
        alice.expect("Said in den");
        crate::support::home::written(&server);
        fill(&server, &mut root);
        alice.send(command);
        alice.expect(FULL);
        alice.settle();
        // Who makes one of its name reads nothing of it.
        if command == ":destroy" {
            alice.send(":create den");
            alice.expect("* Made den");
            alice.send(":history 10");
            let told = alice.settle();
            assert!(!told.contains("between us"), "{told:?}");
            alice.send(":set keep on");
            alice.expect("! Not saved: the disk is full.");
        }
        make_room(&server);
        root.expect("* The database is written again; nothing was lost.\r\n");
        crate::support::home::written(&server);
        assert_eq!(home.files_with("between us"), [""; 0], "{command}");
        assert_eq!(kept(&home, "SELECT name FROM rooms WHERE folded = 'den'"), None, "{command}");
        server.end();
        let server = start(&home);
        assert!(server.hub().rooms.all().iter().all(|room| room.name().as_str() != "den"), "{command}");
    }
}

#[test]
fn a_room_that_the_configuration_takes_over_while_the_disk_refuses_shows_nothing_of_what_was_said_before() {
    let home = Home::new();
    let (server, mut alice, mut root) = den(&home);
    alice.send(":say between us");
    alice.expect("Said in den");
    crate::support::home::written(&server);
    fill(&server, &mut root);
    home.reconfigure(&server, History::Kept, "room_linger = 0\noperators = [\"root\"]\n[rooms.den]\n[rooms.general]");
    let mut guest = server.login("guest");
    guest.send(":join den");
    guest.expect("Joined den");
    for command in [":history 100", ":search between"] {
        guest.send(command);
        let told = guest.settle();
        assert!(!told.contains("between us") && !told.contains(">between<"), "{told:?}");
    }
    server.end_unwritten();
}
