//! Changes in a room that the disk has refused: they apply at once, and are written when the disk works again.

use rusqlite::Connection;

use crate::support::home::{History, Home, come_in, quit};
use crate::support::machine::eventually;
use crate::support::{Client, Server};

/// Alice in her persistent room, and an operator.
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

/// Makes the disk full.
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

/// The single value that a query returns, if any.
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
    // No more passwords can be hashed.
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
fn settings_made_in_a_persistent_room_while_the_disk_fails_are_written_when_it_works() {
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
    root.expect("* The database is being written again; nothing was lost.\r\n");
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
fn writes_that_the_disk_refused_are_written_by_the_graceful_stop_at_the_latest() {
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
fn a_persistent_room_destroyed_while_the_disk_failed_does_not_come_back() {
    for command in [":destroy", ":set keep off"] {
        let home = Home::new();
        let (server, mut alice, mut root) = den(&home);
        alice.send(":say between us");
        alice.expect("Sent to den");
        crate::support::home::written(&server);
        fill(&server, &mut root);
        alice.send(command);
        alice.expect(FULL);
        alice.settle();
        // A user who makes a room of that name reads nothing from it.
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
        root.expect("* The database is being written again; nothing was lost.\r\n");
        crate::support::home::written(&server);
        assert_eq!(home.files_with("between us"), [""; 0], "{command}");
        assert_eq!(kept(&home, "SELECT name FROM rooms WHERE folded = 'den'"), None, "{command}");
        server.end();
        let server = start(&home);
        assert!(server.hub().rooms.all().iter().all(|room| room.name().as_str() != "den"), "{command}");
    }
}

#[test]
fn a_room_that_the_configuration_takes_over_while_the_disk_fails_shows_no_old_messages() {
    let home = Home::new();
    let (server, mut alice, mut root) = den(&home);
    alice.send(":say between us");
    alice.expect("Sent to den");
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
