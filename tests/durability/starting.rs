//! Files that make a server refuse to start: one sentence, exit status 2, and the files stay unchanged.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::place::{Place, register, stop};
use crate::support::Client;

/// Starts a server that must refuse with a user error. The sentence names `path` and contains these words.
fn refuses(place: &Place, path: &Path, words: &str) {
    let (said, status) = place.refusal();
    assert_eq!(status, Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said:?}");
    assert!(said.starts_with("chatsock: ") && !said.contains("panicked"), "{said:?}");
    assert!(said.contains(&path.display().to_string()) && said.contains(words), "{said:?}");
}

/// A place with the database of a stopped server with one account.
fn used() -> Place {
    let place = Place::new("", Some(""));
    let mut program = place.start();
    register(&mut Client::login(program.address(), "alice"), "sesame open");
    stop(&mut program);
    place
}

#[test]
fn a_second_server_on_the_same_file_is_refused_and_the_first_goes_on() {
    let place = Place::new("", Some("history = true"));
    let mut first = place.start();
    let address = first.address();
    let mut alice = Client::login(address, "alice");
    refuses(&place, &place.database(), "is used by another server");
    // Also under another name of the same file.
    let directory = crate::support::scratch();
    let link = directory.join("link.db");
    std::os::unix::fs::symlink(place.database(), &link).expect("a link");
    let other = Place::at(directory, "", Some("path = \"link.db\""));
    refuses(&other, &place.database(), "is used by another server");
    register(&mut alice, "sesame open");
    stop(&mut first);
    // The lock is released when its holder is gone.
    let mut second = place.start();
    second.address();
    stop(&mut second);
}

#[test]
fn a_killed_servers_file_is_free_at_once() {
    let place = Place::new("", Some(""));
    for _ in 0..5 {
        let mut program = place.start();
        program.address();
        crate::place::kill(&mut program);
    }
}

#[test]
fn a_newer_versions_file_is_refused_and_untouched() {
    let place = used();
    let connection = Connection::open(place.database()).expect("a database");
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("a version");
    connection.pragma_update(None, "user_version", version + 1).expect("updated");
    connection.close().expect("closed");
    let before = fs::read(place.database()).expect("bytes");
    refuses(&place, &place.database(), "newer chatsock");
    assert!(fs::read(place.database()).expect("bytes") == before, "it was changed");
    let connection = Connection::open(place.database()).expect("a database");
    connection.pragma_update(None, "user_version", version).expect("updated");
    connection.close().expect("closed");
    let mut program = place.start();
    program.address();
    stop(&mut program);
}

#[test]
fn a_missing_directory_is_refused_and_not_created() {
    let place = Place::new("", Some("path = \"missing/chatsock.db\""));
    refuses(&place, &place.directory().join("missing"), "does not exist");
    assert_eq!(place.files(), []);
}

#[test]
fn other_files_are_refused_and_untouched() {
    let text = "Dear diary, this is no database, and it is long enough to be taken for one by its length. ".repeat(100);
    let place = Place::new("", Some(""));
    fs::write(place.database(), &text).expect("written");
    refuses(&place, &place.database(), "is not a chatsock database");
    assert_eq!(fs::read_to_string(place.database()).expect("text"), text);

    let place = Place::new("", Some(""));
    let connection = Connection::open(place.database()).expect("a database");
    connection.execute_batch("CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('one')").expect("a table");
    connection.close().expect("closed");
    let before = fs::read(place.database()).expect("bytes");
    refuses(&place, &place.database(), "is not a chatsock database");
    assert!(fs::read(place.database()).expect("bytes") == before, "it was changed");

    let place = Place::new("", Some(""));
    fs::create_dir(place.database()).expect("a directory");
    refuses(&place, Path::new("chatsock.db"), "is not a chatsock database");
}
