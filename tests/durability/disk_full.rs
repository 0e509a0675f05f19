//! A disk that fills up under the running program and later has space again.
//!
//! The disk is a small file system in memory, which only root may mount. A limit on file sizes (`prlimit`, util-linux)
//! has the same effect without root, and is tested in any case. Where neither works, the tests say what they skip and
//! pass; `CHATSOCK_REQUIRE_CLIENTS=1` makes that a failure.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;

use crate::place::{Place, kill, register, say, stop};
use crate::support::machine::{Logged, eventually};
use crate::support::{Client, scratch};

/// Prints what is skipped; fails where everything is required.
fn left_out(why: &str) {
    assert!(std::env::var_os("CHATSOCK_REQUIRE_CLIENTS").is_none_or(|value| value != "1"), "required: {why}");
    println!("LEFT OUT: {why}");
}

/// A separate file system, unmounted when the test ends.
struct Mounted(PathBuf);

impl Mounted {
    fn new(size: &str) -> Option<Mounted> {
        let directory = scratch();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "tmpfs"]).arg(&directory);
        mount.output().is_ok_and(|done| done.status.success()).then_some(Mounted(directory))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Ignored, because a failing test has more important things to report.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

/// How the disk is filled and freed.
enum Disk {
    /// With a file that takes up all the space.
    Mounted(Mounted),
    /// With a limit on the size of the server's files. This file holds the process id.
    Limited(PathBuf),
}

/// The limit on the size of a file, in bytes: what an empty database needs, and some more.
const LIMIT: u64 = 400 * 1024;

impl Disk {
    fn limited() -> Disk {
        Disk::Limited(scratch().join("pid"))
    }

    fn place(&self, keys: &str) -> Place {
        let directory = match self {
            Disk::Mounted(Mounted(directory)) => directory.clone(),
            Disk::Limited(_) => scratch(),
        };
        Place::at(directory, keys, Some("history = true"))
    }

    fn start(&self, place: &Place) -> Logged {
        // A process that exceeds the limit gets a signal that would kill it (setrlimit(2)); the server must survive that.
        match self {
            Disk::Mounted(_) => place.start(),
            Disk::Limited(pid) => place.start_after(&format!("echo $$ >'{}'", pid.display())),
        }
    }

    fn fill(&self, place: &Place) {
        match self {
            Disk::Mounted(_) => {
                let mut ballast = File::create(place.directory().join("ballast")).expect("a file");
                while ballast.write_all(&[0; 4096]).is_ok() {}
            }
            Disk::Limited(pid) => limit(pid, &LIMIT.to_string()),
        }
    }

    fn make_room(&self, place: &Place) {
        match self {
            Disk::Mounted(_) => fs::remove_file(place.directory().join("ballast")).expect("removed"),
            Disk::Limited(pid) => limit(pid, "unlimited"),
        }
    }
}

/// Sets the soft limit of a running server. The hard limit stays, because only root could raise it again.
fn limit(pid: &Path, bytes: &str) {
    let pid = fs::read_to_string(pid).expect("its number");
    let done = Command::new("prlimit").args(["--pid", pid.trim(), &format!("--fsize={bytes}:")]).output();
    let done = done.expect("it runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn have_prlimit() -> bool {
    Command::new("prlimit").arg("--version").output().is_ok_and(|done| done.status.success())
}

/// The operator, and two users who talk.
struct People {
    operator: Client,
    alice: Client,
    viewer: Client,
}

const KEYS: &str = "operators = [\"keeper\"]\nmessage_limit = 2000";

fn come(address: SocketAddr) -> People {
    let mut operator = Client::login(address, "keeper");
    register(&mut operator, "sesame open");
    operator.expect("* You are an operator.\r\n");
    let mut alice = Client::login(address, "alice");
    alice.send(":join general");
    alice.expect("to leave.\r\n");
    People { operator, alice, viewer: Client::chat(address, "viewer", "general") }
}

impl People {
    /// Alice posts a message, and the others see it at once.
    fn talk(&mut self, text: &str) -> u64 {
        let id = say(&mut self.alice, text);
        self.viewer.expect(&format!("#{id} alice: "));
        id
    }
}

/// What the database of a stopped server contains.
fn kept(place: &Place) -> Vec<u64> {
    let connection = Connection::open(place.database()).expect("a database");
    let words: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(words, "ok");
    let mut statement = connection.prepare("SELECT id FROM messages ORDER BY id").expect("a statement");
    let ids = statement.query_map([], |row| row.get::<_, i64>(0)).expect("rows").map(|id| id.expect("a number"));
    ids.map(|id| u64::try_from(id).expect("a number")).collect()
}

const TROUBLE: &str = "The database cannot be written: ";

fn is_survived(disk: &Disk, reason: &str) {
    let place = disk.place(KEYS);
    let mut program = disk.start(&place);
    let address = program.address();
    let mut people = come(address);
    let mut said: Vec<_> = (0..20).map(|number| people.talk(&format!("before {number}"))).collect();
    disk.fill(&place);

    // First use up the free pages in the database.
    let text = "x".repeat(1000);
    eventually("the disk is full", || {
        said.extend((0..20).map(|_| people.talk(&text)));
        program.log().contains(TROUBLE)
    });
    let trouble = format!("{TROUBLE}{reason}. Chat goes on, and new messages wait in memory; check the disk.");
    people.operator.expect(&format!("* {trouble}\r\n"));
    program.expect_log(&trouble);
    said.extend((0..100).map(|number| people.talk(&format!("meanwhile {number}"))));

    // What must be on disk first is not confirmed.
    people.alice.send_bytes(b":register\r\nsesame open\r\nsesame open\r\n");
    let told = people.alice.expect(&format!("! Not saved: {reason}. Try again later, or tell an operator.\r\n"));
    assert!(!told.contains("is now registered to you"), "{told:?}");
    people.operator.send(":bell on");
    people.operator.expect(&format!("! It holds until the server stops, but: Not saved: {reason}."));
    people.operator.send(":banip 203.0.113.7 spam");
    let told = people.operator.expect("203.0.113.7 is banned; 0 people disconnected.\r\n");
    assert!(told.contains(&format!("! It holds until the server stops, but: Not saved: {reason}.")), "{told:?}");
    people.operator.send(":create den");
    people.operator.expect("you are its admin.");
    people.operator.send(":set keep on");
    let told = people.operator.expect(&format!("! Not saved: {reason}."));
    assert!(!told.contains("keeps the room"), "{told:?}");
    // Each problem is reported only once.
    let seen = people.operator.settle();
    assert!(!seen.contains(TROUBLE), "{seen:?}");
    assert_eq!(program.log().matches(TROUBLE).count(), 1);

    disk.make_room(&place);
    let well = "The database is being written again; nothing was lost.";
    people.operator.expect(&format!("* {well}\r\n"));
    program.expect_log(well);
    people.talk("after");
    people.operator.send(":set keep on");
    people.operator.expect(" keeps the room: ");
    register(&mut people.alice, "sesame open");
    said.push(people.talk("long after"));
    // A clean shutdown writes the very last line.
    stop(&mut program);
    let found = kept(&place);
    assert!(said.iter().all(|id| found.binary_search(id).is_ok()), "something is lost");
    assert!(!program.log().contains("could not be saved"), "{}", program.log());

    // The next server knows the account, and reuses no number.
    let mut program = disk.start(&place);
    let mut alice = Client::connect(program.address());
    alice.expect("Username: ");
    alice.send("alice");
    alice.expect("Password: ");
    alice.send("sesame open");
    alice.expect(":help explains.\r\n");
    alice.send(":join general");
    alice.expect("to leave.\r\n");
    assert!(Some(say(&mut alice, "again")) > found.last().copied());
    kill(&mut program);
}

#[test]
fn chat_goes_on_with_a_full_disk_and_is_written_once_there_is_space() {
    match Mounted::new("8m") {
        Some(mounted) => is_survived(&Disk::Mounted(mounted), "the disk is full"),
        // The file size limit is tested instead.
        None if have_prlimit() => println!("LEFT OUT: this user may not mount a file system"),
        None => left_out("this user may not mount a file system, and prlimit is not installed"),
    }
}

#[test]
fn chat_goes_on_at_the_file_size_limit_and_is_written_once_it_is_raised() {
    if !have_prlimit() {
        return left_out("prlimit not installed");
    }
    is_survived(&Disk::limited(), "the database says: disk I/O error");
}

#[test]
fn a_server_that_loses_records_at_shutdown_reports_it_by_its_exit_status() {
    let disk = match Mounted::new("8m") {
        Some(mounted) => Disk::Mounted(mounted),
        None if have_prlimit() => Disk::limited(),
        None => return left_out("this user may not mount a file system, and prlimit is not installed"),
    };
    let place = disk.place(KEYS);
    let mut program = disk.start(&place);
    let mut people = come(program.address());
    disk.fill(&place);
    let text = "x".repeat(1000);
    eventually("the disk is full", || {
        let said: Vec<_> = (0..20).map(|_| people.talk(&text)).collect();
        assert!(said.is_sorted());
        program.log().contains(TROUBLE)
    });
    program.signal("TERM");
    assert_eq!(program.wait(), Some(1), "{}", program.log());
    let log = program.log();
    let last = log.lines().last().unwrap_or_default();
    assert!(last.starts_with("chatsock: not everything could be written at the end: "), "{log}");
}

#[test]
fn losses_from_a_full_disk_are_counted_and_reported() {
    let disk = match Mounted::new("64m") {
        Some(mounted) => Disk::Mounted(mounted),
        None if have_prlimit() => Disk::limited(),
        None => return left_out("this user may not mount a file system, and prlimit is not installed"),
    };
    let place = disk.place(KEYS);
    let mut program = disk.start(&place);
    let People { mut operator, mut alice, viewer } = come(program.address());
    drop(viewer);
    disk.fill(&place);
    // More than the 8 MiB that may wait in memory.
    let (mut said, chunk) = (0_u64, 100);
    let lines = format!(":say {}\r\n", "x".repeat(1500)).repeat(chunk);
    eventually("more is said than waits in memory", || {
        alice.send_bytes(lines.as_bytes());
        (0..chunk).for_each(|_| drop(alice.expect("Sent to general as #")));
        said += chunk as u64;
        program.log().contains("could not be saved: the disk is too slow.")
    });
    operator.expect(" (messages, edits, visits) could not be saved: the disk is too slow.\r\n");
    disk.make_room(&place);
    operator.expect("* The database is being written again; ");
    let words = operator.expect(" lost.\r\n");
    let lost: u64 = words.split(' ').next().and_then(|number| number.parse().ok()).expect("a number");
    assert!(lost > 0);
    program.expect_log(&format!("The database is being written again; {words} lost."));
    stop(&mut program);
    assert_eq!(kept(&place).len() as u64 + lost, said);
}
