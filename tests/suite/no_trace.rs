//! On a server with a database, rooms and messages that are not persistent must leave no trace in it, and the disk must
//! not delay users who do not need it.

#![cfg(feature = "storage")]

use std::path::{Path, PathBuf};

use crate::support::{Client, Server, scratch};

fn server(place: &Path) -> Server {
    let path = place.join("kept.db");
    let path = path.to_str().expect("a path");
    Server::with(&format!("operators = [\"alice\"]\n[storage]\npath = \"{path}\"\nhistory = true\n"))
}

/// A client that has registered and is in the palette.
fn registered(server: &Server, name: &str) -> Client {
    let mut client = server.login(name);
    client.send(":register");
    for _ in 0..2 {
        client.expect("Password: ");
        client.send("open sesame");
    }
    client.expect("is now registered to you");
    client
}

/// The files in a directory that contain this text.
fn files_with(place: &Path, text: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(place).expect("a directory").map(|entry| entry.expect("a file").path());
    let has = |path: &PathBuf| {
        let bytes = std::fs::read(path).expect("readable");
        bytes.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes()))
    };
    files.filter(has).collect()
}

#[test]
fn a_room_that_is_not_persistent_leaves_not_even_its_name() {
    let place = scratch();
    let server = server(&place);
    let mut bob = registered(&server, "bob");
    for name in ["hideout", "attic"] {
        bob.send(&format!(":create {name} secret"));
        bob.expect(&format!("[{name}]> "));
        if name == "attic" {
            bob.send(":set keep on");
            bob.expect("bob keeps the room");
        }
        for line in [":chat", "psst", ":q"] {
            bob.send(line);
        }
    }
    bob.send(":quit");
    bob.expect_end();
    let store = server.hub().store().expect("a store");
    store.flush().expect("written");
    assert!(files_with(&place, "hideout").is_empty(), "{:?}", files_with(&place, "hideout"));
    assert!(!files_with(&place, "attic").is_empty(), "the persistent room is found");
}

#[test]
fn reading_the_audit_does_not_wait_for_an_erasure() {
    let place = scratch();
    let server = server(&place);
    let mut alice = registered(&server, "alice");
    alice.send(":join general");
    alice.send(":chat");
    alice.send("gone soon");
    alice.send(":q");
    alice.send(":broadcast hello");
    alice.expect("Broadcast from alice: hello");
    let store = server.hub().store().expect("a store");
    store.flush().expect("written");
    // While a reader is active, erased text stays in the log.
    let reader = rusqlite::Connection::open(place.join("kept.db")).expect("a database");
    reader.execute_batch("BEGIN; SELECT count(*) FROM messages;").expect("a reader");
    alice.send(":delete");
    alice.expect("Deleted ");
    alice.send(":audit");
    alice.expect("alice: broadcast to 1 person");
}

#[test]
fn an_older_message_that_was_deleted_can_no_longer_be_found_or_changed() {
    let place = scratch();
    let path = place.join("kept.db");
    let path = path.to_str().expect("a path");
    let server = Server::with(&format!("history_max = 1\n[storage]\npath = \"{path}\"\nhistory = true\n"));
    let mut alice = registered(&server, "alice");
    alice.send(":join general");
    for text in ["canary", "later"] {
        alice.send(&format!(":say {text}"));
        alice.expect("Sent to general as");
    }
    server.hub().store().expect("a store").flush().expect("written");
    alice.send_bytes(b":delete 1\r\n:search canary\r\n:history 5\r\n:edit #1 again\r\n:whoami\r\n");
    let answers = alice.expect("You are alice");
    let (_, after) = answers.split_once("Deleted #1.").expect("deleted");
    assert!(!after.contains("canary") && !after.contains("Edited"), "{after:?}");
}
