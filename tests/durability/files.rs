//! Files that are not as they should be: not regular, another program's, linked, or deleted or replaced under a running
//! server.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::place::{Place, kill, register, say, stop};
use crate::support::{Client, PATIENCE, scratch};

/// Starts a server that must refuse to start, with one sentence about a file.
fn refuses(place: &Place, path: &Path, words: &str) {
    let begun = Instant::now();
    let (said, status) = place.refusal();
    assert_eq!(status, Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said:?}");
    assert!(said.contains(&path.display().to_string()) && said.contains(words), "{said:?}");
    assert!(begun.elapsed() < PATIENCE);
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("a file").permissions().mode() & 0o7777
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|done| done.status.success())
}

/// Creates a kind of file; false if that is impossible here.
type Make<'a> = dyn Fn(&str) -> bool + 'a;

#[test]
fn a_path_that_is_not_a_regular_file_is_refused_and_untouched() {
    let make_fifo = |path: &str| run("mkfifo", &["-m", "644", path]);
    let make_socket = |path: &str| UnixListener::bind(path).is_ok();
    let make_device = |path: &str| run("mknod", &["-m", "666", path, "c", "1", "3"]);
    let make_directory = |path: &str| fs::create_dir(path).is_ok();
    let device = scratch().join("device");
    let make_link = |path: &str| make_device(device.to_str().expect("a path")) && symlink(&device, path).is_ok();
    let kinds: [(&str, &Make<'_>); 5] = [
        ("but a FIFO", &make_fifo),
        ("but a socket", &make_socket),
        ("but a device", &make_device),
        ("is not a chatsock database", &make_directory),
        ("but a device", &make_link),
    ];
    for (words, make) in kinds {
        let place = Place::new("", Some("history = true"));
        let path = place.directory().join("chatsock.db");
        if !make(path.to_str().expect("a path")) {
            println!("LEFT OUT: this user cannot make what is {words}");
            continue;
        }
        let modes = || (place.files(), device.exists().then(|| mode(&device)));
        let before = modes();
        refuses(&place, Path::new("chatsock.db"), words);
        assert_eq!(modes(), before, "{words}");
        // `chatsock user` refuses it too.
        let status = place.user(&["list"]);
        assert_eq!(status, Some(2), "{words}");
        assert_eq!(modes(), before, "{words}");
    }
}

#[test]
fn another_programs_file_is_left_alone() {
    let text = "Dear diary, this is no database, and it is long enough to be taken for one by its length. ".repeat(9);
    for other_database in [false, true] {
        let place = Place::new("", Some(""));
        if other_database {
            let connection = rusqlite::Connection::open(place.database()).expect("a database");
            connection.execute_batch("CREATE TABLE songs (title TEXT)").expect("a table");
        } else {
            fs::write(place.database(), &text).expect("written");
        }
        fs::set_permissions(place.database(), fs::Permissions::from_mode(0o644)).expect("set");
        let before = place.files();
        refuses(&place, &place.database(), "is not a chatsock database");
        assert_eq!(place.files(), before);
    }
}

#[test]
fn a_link_in_place_of_the_lock_is_not_followed() {
    let place = Place::new("", Some(""));
    let target = scratch().join("somebody's");
    fs::write(&target, "").expect("written");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).expect("set");
    let lock = place.directory().join("chatsock.db.lock");
    symlink(&target, &lock).expect("a link");
    refuses(&place, &lock, "but a link");
    assert_eq!(mode(&target), 0o644);
    // A dangling link creates nothing at its target.
    fs::remove_file(&target).expect("removed");
    refuses(&place, &lock, "but a link");
    assert!(!target.exists());
    assert_eq!(place.files().len(), 1, "{:?}", place.files());
}

#[test]
fn another_programs_file_in_place_of_the_lock_is_left_alone() {
    let place = Place::new("", Some(""));
    let lock = place.directory().join("chatsock.db.lock");
    let other = scratch().join("somebody's");
    fs::write(&other, "words").expect("written");
    fs::set_permissions(&other, fs::Permissions::from_mode(0o644)).expect("set");
    fs::hard_link(&other, &lock).expect("a link");
    let mut program = place.start();
    program.address();
    stop(&mut program);
    assert_eq!((mode(&other), fs::read_to_string(&other).expect("words")), (0o644, "words".to_owned()));
}

#[test]
fn a_hard_link_or_a_removed_lock_lets_no_second_server_in() {
    let place = Place::new("", Some(""));
    let mut first = place.start();
    let mut alice = Client::login(first.address(), "alice");
    register(&mut alice, "sesame open");
    let directory = scratch();
    fs::hard_link(place.database(), directory.join("other.db")).expect("a link");
    let other = Place::at(directory.clone(), "", Some("path = \"other.db\""));
    refuses(&other, &directory.join("other.db"), "is used by another server");
    // Nor under the name that was just refused.
    refuses(&other, &directory.join("other.db"), "is used by another server");
    fs::remove_file(place.directory().join("chatsock.db.lock")).expect("removed");
    refuses(&place, &place.database(), "is used by another server");
    kill(&mut first);
    let mut second = place.start();
    second.address();
    stop(&mut second);
}

/// A server with an operator and a talking user.
struct Watched {
    place: Place,
    program: crate::support::machine::Logged,
    operator: Client,
    alice: Client,
}

fn watched() -> Watched {
    let place = Place::new("operators = [\"keeper\"]", Some("history = true"));
    let mut program = place.start();
    let address = program.address();
    let mut operator = Client::login(address, "keeper");
    register(&mut operator, "sesame open");
    operator.expect("* You are an operator.\r\n");
    let mut alice = Client::login(address, "alice");
    alice.send(":join general");
    alice.expect("to leave.\r\n");
    say(&mut alice, "before");
    Watched { place, program, operator, alice }
}

const REPLACED: &str = "The database was deleted or replaced while the server is running: nothing is being saved.";

impl Watched {
    /// The server must report the displaced file within five seconds, and confirm nothing from then on.
    fn notices(&mut self, path: &Path) {
        let begun = Instant::now();
        self.operator.expect(&format!("* {REPLACED} Chat goes on"));
        self.program.expect_log(REPLACED);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        self.program.expect_log(&format!("{} was deleted or replaced after it was opened", path.display()));
        self.alice.send_bytes(b":register\r\nsesame open\r\nsesame open\r\n");
        let told = self.alice.expect("! Not saved: the database was deleted or replaced. Try again later");
        assert!(!told.contains("is now registered to you"), "{told:?}");
        self.operator.send(":bell on");
        self.operator.expect("but: Not saved: the database was deleted or replaced.");
        // The chat goes on.
        say(&mut self.alice, "meanwhile");
    }
}

fn beside(place: &Place, ending: &str) -> PathBuf {
    place.directory().join(format!("chatsock.db{ending}"))
}

#[test]
fn a_deleted_or_replaced_database_is_reported_in_five_seconds() {
    for ending in ["", ".lock", "-wal", "-shm"] {
        for replaced in [false, true] {
            let mut watched = watched();
            let path = beside(&watched.place, ending);
            let away = scratch().join("away");
            fs::rename(&path, &away).expect("moved");
            if replaced {
                fs::copy(&away, &path).expect("copied");
            }
            watched.notices(&path);
            // Once the original file is back, everything that waited is written.
            fs::rename(&away, &path).expect("moved");
            watched.operator.expect("* The database is being written again; nothing was lost.\r\n");
            register(&mut watched.alice, "sesame open");
            stop(&mut watched.program);
            let connection = rusqlite::Connection::open(watched.place.database()).expect("a database");
            let sql = "SELECT count(*) FROM messages";
            let kept: i64 = connection.query_row(sql, [], |row| row.get(0)).expect("a count");
            assert_eq!(kept, 2, "{ending} {replaced}");
        }
    }
}

#[test]
fn a_server_leaves_a_replaced_database_alone_at_shutdown() {
    let mut watched = watched();
    let other = Place::new("", Some("history = true"));
    let mut program = other.start();
    register(&mut Client::login(program.address(), "bob"), "sesame open");
    kill(&mut program);
    for ending in ["", "-wal", "-shm"] {
        fs::rename(beside(&other, ending), beside(&watched.place, ending)).expect("moved");
    }
    watched.notices(&watched.place.database());
    let before: Vec<_> =
        ["", "-wal"].map(|ending| fs::metadata(beside(&watched.place, ending)).expect("a file").ino()).into();
    watched.program.signal("TERM");
    watched.program.wait();
    let log = watched.program.log();
    assert!(log.contains("could not be saved: the database was deleted or replaced."), "{log}");
    let after: Vec<_> =
        ["", "-wal"].map(|ending| fs::metadata(beside(&watched.place, ending)).expect("a file").ino()).into();
    assert_eq!(before, after);
    let connection = rusqlite::Connection::open(watched.place.database()).expect("a database");
    let name: String = connection.query_row("SELECT name FROM accounts", [], |row| row.get(0)).expect("a name");
    assert_eq!(name, "bob");
}
