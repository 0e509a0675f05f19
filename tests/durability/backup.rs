//! Backing up while the server writes, and starting a server on the copy.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use rusqlite::Connection;

use crate::found::is_sound;
use crate::machine::eventually;
use crate::place::{Place, register, say, stop};
use crate::support::{Client, PATIENCE, scratch};

/// Copies a database to a path.
type Copy = fn(&Path, &Path);

/// Copies while somebody talks, and starts a server on the copy: everything is there that was confirmed before.
fn survives(copy: Copy) {
    let place = Place::new("", Some("history = true"));
    let mut program = place.start();
    let address = program.address();
    let mut alice = Client::login(address, "alice");
    register(&mut alice, "sesame open");
    alice.send(":create den");
    alice.expect("you are its admin.");
    alice.send(":set keep on");
    alice.expect(" keeps the room: ");
    for number in 0..50 {
        say(&mut alice, &format!("word {number}"));
    }
    // From its confirmation on all before it is on disk.
    alice.send(":topic the first");
    alice.expect(" set the description: ");
    let directory = scratch();
    let goes_on = Arc::new(AtomicBool::new(true));
    let talks = Arc::clone(&goes_on);
    let (begins, begun) = mpsc::channel();
    let talker = std::thread::spawn(move || {
        let mut bob = Client::login(address, "bob");
        bob.send(":join den");
        bob.expect("to leave.\r\n");
        let mut said = 0;
        while talks.load(Ordering::Relaxed) {
            say(&mut bob, &format!("noise {said} {}", "x".repeat(80)));
            said += 1;
            if said == 10 {
                begins.send(()).expect("somebody waits");
            }
        }
    });
    begun.recv_timeout(PATIENCE).expect("he talks");
    for number in 0..3 {
        let path = directory.join(format!("copy{number}.db"));
        copy(&place.database(), &path);
        is_sound(&path);
    }
    goes_on.store(false, Ordering::Relaxed);
    talker.join().expect("he talks to the end");
    stop(&mut program);

    // Step by step as the README says.
    fs::rename(directory.join("copy0.db"), place.database()).expect("put in its place");
    for beside in ["chatsock.db-wal", "chatsock.db-shm"] {
        // It is not there after every end.
        let _ = fs::remove_file(place.directory().join(beside));
    }
    let mut program = place.start();
    let address = program.address();
    assert!(place.files().iter().all(|(_, mode)| *mode == 0o600), "{:?}", place.files());
    let mut alice = Client::connect(address);
    alice.expect("Username: ");
    alice.send("alice");
    alice.expect("Password: ");
    alice.send("sesame open");
    alice.expect(":help explains.\r\n");
    alice.send(":join den");
    alice.expect("to leave.\r\n");
    alice.send(":search word 0");
    alice.expect("alice: ");
    alice.send(":topic");
    alice.expect("* den: the first\r\n");
    let id = say(&mut alice, "back again");
    assert!(id > 50, "#{id} was given before");
    stop(&mut program);
    is_sound(&place.database());
    let connection = Connection::open(place.database()).expect("a database");
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a count");
    assert!(count("SELECT count(*) FROM messages") > 50);
}

#[test]
fn a_copy_by_vacuum_into_while_people_talk_is_whole_and_a_server_starts_on_it() {
    survives(|from, to| {
        let connection = Connection::open(from).expect("a database");
        connection.busy_timeout(PATIENCE).expect("a time");
        connection.execute("VACUUM INTO ?1", [to.to_str().expect("a path")]).expect("copied");
    });
}

#[test]
fn a_copy_by_the_program_sqlite3_while_people_talk_is_whole_and_a_server_starts_on_it() {
    let version = Command::new("sqlite3").arg("--version").output();
    if !version.is_ok_and(|done| done.status.success()) {
        // Whatever else is required: the same is tested above, without another program.
        println!("LEFT OUT: sqlite3 not installed");
        return;
    }
    survives(|from, to| {
        let mut done = false;
        eventually("it is copied", || {
            let backup = format!(".backup '{}'", to.display());
            let output = Command::new("sqlite3").arg(from).arg(".timeout 10000").arg(backup).output().expect("it runs");
            done = output.status.success();
            done
        });
    });
}
