//! Message ids while the database is blocked and users go on talking.

use rusqlite::Connection;

use crate::place::{Place, kill, say};
use crate::support::Client;

#[test]
fn no_id_is_reused_after_a_kill_with_a_blocked_database() {
    let place = Place::new("", Some("history = true"));
    let mut program = place.start();
    let mut alice = Client::login(program.address(), "alice");
    alice.send(":join general");
    alice.expect("to leave.\r\n");
    // Another program that holds the write lock, as `chatsock user` does for a moment.
    let other = Connection::open(place.database()).expect("a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("begun");
    let lines = ":say hello\r\n".repeat(100);
    for _ in 0..150 {
        alice.send_bytes(lines.as_bytes());
        (0..100).for_each(|_| drop(alice.expect("Sent to general as #")));
    }
    let last = say(&mut alice, "the last");
    kill(&mut program);
    drop(other);
    let mut program = place.start();
    let mut alice = Client::login(program.address(), "alice");
    alice.send(":join general");
    alice.expect("to leave.\r\n");
    let next = say(&mut alice, "the next");
    assert!(next > last, "#{next} after #{last}");
}
