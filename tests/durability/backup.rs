//! Backing up while the server writes, and starting a server on the copy.

use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use rusqlite::Connection;

use crate::found::is_sound;
use crate::place::{Place, kill, register, say, stop};
use crate::support::machine::eventually;
use crate::support::{Client, PATIENCE, scratch};

/// Copies the database of a place to a path.
type Copy = fn(&Place, &Path);

/// Copies while somebody talks, and starts a server on the copy. Everything confirmed before must be there.
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
    // Once this is confirmed, everything before it is on disk too.
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
    begun.recv_timeout(PATIENCE).expect("the talker starts");
    for number in 0..3 {
        let path = directory.join(format!("copy{number}.db"));
        copy(&place, &path);
        is_sound(&path);
    }
    goes_on.store(false, Ordering::Relaxed);
    talker.join().expect("the talker does not fail");
    stop(&mut program);

    // Step by step, as the README describes it.
    fs::rename(directory.join("copy0.db"), place.database()).expect("put in its place");
    for beside in ["chatsock.db-wal", "chatsock.db-shm"] {
        // Not every shutdown leaves this file behind.
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
fn a_server_starts_on_a_complete_copy_by_vacuum_into_while_users_talk() {
    survives(|place, to| {
        let connection = Connection::open(place.database()).expect("a database");
        connection.busy_timeout(PATIENCE).expect("a time");
        connection.execute("VACUUM INTO ?1", [to.to_str().expect("a path")]).expect("copied");
    });
}

#[test]
fn a_server_starts_on_a_complete_copy_by_sqlite3_while_users_talk() {
    let version = Command::new("sqlite3").arg("--version").output();
    if !version.is_ok_and(|done| done.status.success()) {
        // Not a failure even where all clients are required, because the same is tested above without another program.
        println!("LEFT OUT: sqlite3 not installed");
        return;
    }
    survives(|place, to| {
        let mut done = false;
        eventually("it is copied", || {
            let backup = format!(".backup '{}'", to.display());
            let output = Command::new("sqlite3")
                .arg(place.database())
                .arg(".timeout 10000")
                .arg(backup)
                .output()
                .expect("it runs");
            done = output.status.success();
            done
        });
    });
}

/// `chatsock backup` with the configuration of a place.
fn back_up(place: &Place, to: &Path) -> Output {
    place.run("backup").arg(to).output().expect("it runs")
}

/// The exit status, stdout and stderr.
fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[track_caller]
fn refused(output: &Output, status: i32, sentence: &str) {
    assert_eq!(told(output), (Some(status), String::new(), format!("chatsock: {sentence}\n")));
}

/// The names of the files in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A place whose server has stored a message and stopped.
fn left() -> Place {
    let place = Place::new("", Some("history = true"));
    let mut program = place.start();
    let mut alice = Client::login(program.address(), "alice");
    alice.send(":join general");
    alice.expect("to leave.\r\n");
    say(&mut alice, "a word to copy");
    stop(&mut program);
    place
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("its mode").permissions().mode() & 0o7777
}

#[test]
fn a_server_starts_on_a_complete_backup_while_users_talk() {
    survives(|place, to| {
        let output = back_up(place, to);
        let said = format!("chatsock.db is backed up to {}.\n", to.display());
        assert_eq!(told(&output), (Some(0), said, String::new()));
        assert_eq!((mode(to), to.metadata().expect("a file").nlink()), (0o600, 1));
    });
}

#[test]
fn a_backup_is_private_whatever_the_umask_and_needs_no_other_file() {
    let place = left();
    let directory = scratch();
    let mut shell = Command::new("sh");
    let program = place.run("backup");
    shell.args(["-c", "umask 0; exec \"$@\"", "sh"]).arg(program.get_program()).args(program.get_args());
    let output = shell.arg(directory.join("copy.db")).current_dir(place.directory()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{:?}", told(&output));
    assert_eq!(names(&directory), ["copy.db"]);
    assert_eq!(mode(&directory.join("copy.db")), 0o600);
    is_sound(&directory.join("copy.db"));
}

#[test]
fn a_backup_contains_what_a_killed_server_left_in_the_log() {
    let place = Place::new("", Some("history = true"));
    let mut program = place.start();
    let mut alice = Client::login(program.address(), "alice");
    register(&mut alice, "sesame open");
    kill(&mut program);
    let copy = scratch().join("copy.db");
    assert_eq!(back_up(&place, &copy).status.code(), Some(0));
    let connection = Connection::open(&copy).expect("a database");
    let count: i64 = connection.query_row("SELECT count(*) FROM accounts", [], |row| row.get(0)).expect("a count");
    assert_eq!(count, 1);
}

#[test]
fn a_backup_never_replaces_a_file_nor_writes_through_a_link() {
    let place = left();
    let directory = scratch();
    let path = |name: &str| directory.join(name);
    fs::write(path("file"), "mine").expect("written");
    symlink(path("file"), path("link")).expect("linked");
    symlink(path("nowhere"), path("dangling")).expect("linked");
    fs::create_dir(path("directory")).expect("made");
    let before = names(&directory);
    for name in ["file", "link", "dangling"] {
        let sentence = "already exists and is left as it is; name a new file";
        refused(&back_up(&place, &path(name)), 2, &format!("{} {sentence}", path(name).display()));
    }
    let sentence = "is a directory; name a new file in it";
    refused(&back_up(&place, &path("directory")), 2, &format!("{} {sentence}", path("directory").display()));
    assert_eq!(names(&directory), before);
    assert_eq!(fs::read_to_string(path("file")).expect("read"), "mine");
    // Nor over the database itself, under any of its names.
    assert_eq!(back_up(&place, &place.database()).status.code(), Some(2));
    is_sound(&place.database());
}

#[test]
fn a_backup_is_refused_under_the_name_of_a_database_file() {
    let place = left();
    let before = place.files();
    for ending in ["-wal", "-shm", "-journal"] {
        let name = format!("chatsock.db{ending}");
        let sentence = format!("{name} would be taken for a part of the database; name another file");
        refused(&back_up(&place, Path::new(&name)), 2, &sentence);
    }
    assert_eq!(place.files(), before);
}

#[test]
fn an_unfinished_backup_is_reported_and_left_alone() {
    let place = left();
    let copy = scratch().join("copy.db");
    let part = copy.with_file_name("copy.db.part");
    fs::write(&part, "half").expect("written");
    let sentence = "exists: another backup is writing it, or one that was killed left it behind; remove it if none is \
                    running, or name another file";
    refused(&back_up(&place, &copy), 2, &format!("{} {sentence}", part.display()));
    assert_eq!(fs::read_to_string(&part).expect("read"), "half");
    assert!(!copy.exists());
}

#[test]
fn a_backup_into_a_missing_directory_is_a_user_error() {
    let place = left();
    let directory = scratch().join("nowhere");
    let sentence = format!("the directory {} does not exist; create it, or name a file elsewhere", directory.display());
    refused(&back_up(&place, &directory.join("copy.db")), 2, &sentence);
}

#[test]
fn a_backup_without_a_database_says_where_to_look_and_creates_nothing() {
    let place = Place::new("", Some(""));
    let output = back_up(&place, Path::new("copy.db"));
    let sentence = format!(
        "{} does not exist, so there is nothing to back up; run this in the server's directory, or name its config with \
         --config",
        place.database().display()
    );
    refused(&output, 2, &sentence);
    assert!(place.files().is_empty());
    fs::write(place.database(), "another program's").expect("written");
    assert_eq!(back_up(&place, Path::new("copy.db")).status.code(), Some(2));
    assert_eq!(names(place.directory()), ["chatsock.db"]);
    fs::write(place.database(), "").expect("written");
    let output = back_up(&place, Path::new("copy.db"));
    assert_eq!(output.status.code(), Some(2), "{:?}", told(&output));
    assert!(told(&output).2.contains(" is empty, so there is nothing to back up; "), "{:?}", told(&output));
    assert_eq!(names(place.directory()), ["chatsock.db"]);
}

#[test]
fn a_backup_without_the_section_says_what_is_missing() {
    let place = Place::new("", None);
    let (status, _, error) = told(&back_up(&place, Path::new("copy.db")));
    assert_eq!(status, Some(2));
    let sentence =
        "has no section [storage], so there is no database to back up; name the server's config with --config\n";
    assert!(error.ends_with(sentence), "{error}");
    let mut alone = Command::new(env!("CARGO_BIN_EXE_chatsock"));
    let output = alone.args(["backup", "copy.db"]).current_dir(place.directory()).output().expect("it runs");
    let sentence = "no chatsock.toml here, whose section [storage] names the database; name the file with --config";
    refused(&output, 2, sentence);
    assert!(place.files().is_empty());
}

#[test]
fn a_backup_onto_a_full_disk_leaves_nothing_behind() {
    let place = left();
    let directory = scratch();
    // In blocks of 512 bytes: smaller than any database, larger than the 32 KiB of shared memory that SQLite keeps
    // beside it.
    let mut shell = Command::new("sh");
    let program = place.run("backup");
    shell.args(["-c", "ulimit -f 100; exec \"$@\"", "sh"]).arg(program.get_program()).args(program.get_args());
    let output = shell.arg(directory.join("copy.db")).current_dir(place.directory()).output().expect("it runs");
    let (status, _, error) = told(&output);
    assert_eq!(status, Some(1), "{error}");
    let start = format!("chatsock: {} cannot be written: ", directory.join("copy.db").display());
    assert!(error.starts_with(&start) && error.ends_with("; nothing of it is left\n"), "{error}");
    assert!(names(&directory).is_empty(), "{:?}", names(&directory));
}

#[test]
fn a_backup_accepts_a_file_name_that_is_not_utf_8() {
    let place = left();
    let copy = scratch().join(std::ffi::OsString::from_vec(b"copy-\xFF.db".to_vec()));
    let output = back_up(&place, &copy);
    assert_eq!(output.status.code(), Some(0), "{:?}", told(&output));
    assert!(copy.exists());
}

#[test]
fn a_database_of_an_older_version_is_backed_up_as_it_is() {
    let place = left();
    let connection = Connection::open(place.database()).expect("a database");
    connection.pragma_update(None, "user_version", 3).expect("older");
    connection.close().expect("closed");
    let copy = scratch().join("copy.db");
    assert_eq!(back_up(&place, &copy).status.code(), Some(0));
    for path in [&place.database(), &copy] {
        let connection = Connection::open(path).expect("a database");
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("a version");
        assert_eq!(version, 3, "{}", path.display());
    }
}
