//! What happens when the disk fails.

use std::process::Command;
use std::time::{Duration, Instant};

use chatsock::chat::message::MessageId;
use chatsock::store::{CreateAccountError, Point, SaveError, Store, StoreError, StoreEvent};
use rusqlite::Connection;

use crate::place::{PATIENCE, Place, close, hash, open, room, said, texts, told, until, user};

fn trouble(news: &StoreEvent) -> Option<StoreError> {
    if let StoreEvent::DiskFailed(reason) = news { Some(reason.clone()) } else { None }
}

fn well(news: &StoreEvent) -> Option<u64> {
    if let StoreEvent::DiskRecovered { lost } = news { Some(*lost) } else { None }
}

fn integrity(place: &Place) {
    let connection = Connection::open(place.database()).expect("a connection");
    let words: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(words, "ok");
    assert!(!connection.prepare("PRAGMA foreign_key_check").expect("a pragma").exists([]).expect("an answer"));
}

/// Records messages of a kilobyte with these ids.
fn say(store: &Store, ids: std::ops::RangeInclusive<u64>) {
    for id in ids {
        store.record_message(&room("general"), said(id, "bob", &format!("{id} {}", "x".repeat(1000))));
    }
}

#[test]
fn with_a_full_disk_chat_goes_on_and_loses_nothing_that_fits_into_memory() {
    let place = Place::new();
    let (store, _, news) = open(place.options()).expect("a store");
    say(&store, 1..=10);
    store.flush().expect("written");
    store.limit_pages(1);
    say(&store, 11..=500);
    assert_eq!(told(&news, trouble), StoreError::DiskFull);
    // A waiting caller gets the error at once.
    let begun = Instant::now();
    assert_eq!(
        store.create_account(&user("alice"), &hash("one")),
        Err(CreateAccountError::NotSaved(SaveError(StoreError::DiskFull)))
    );
    assert_eq!(store.flush(), Err(SaveError(StoreError::DiskFull)));
    assert!(begun.elapsed() < PATIENCE / 4);
    assert_eq!(texts(&store, "general").len(), 10);
    store.limit_pages(0);
    assert_eq!(told(&news, well), 0);
    store.create_account(&user("alice"), &hash("one")).expect("an account");
    assert_eq!(texts(&store, "general").len(), 500);
    close(store);
    integrity(&place);
}

#[test]
fn records_that_do_not_fit_into_memory_are_counted_and_reported() {
    let place = Place::new();
    let (store, _, news) = open(place.options()).expect("a store");
    store.limit_pages(1);
    // Three times the capacity of the queue.
    say(&store, 1..=24_000);
    assert_eq!(told(&news, trouble), StoreError::DiskFull);
    let first = told(&news, |news| match news {
        StoreEvent::WritesLost { records, reason: StoreError::QueueFull } => Some(*records),
        _ => None,
    });
    store.limit_pages(0);
    let lost = told(&news, well);
    assert!(first > 0 && lost >= first, "{first} {lost}");
    store.flush().expect("written");
    let connection = Connection::open(place.database()).expect("a connection");
    let kept: i64 = connection.query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).expect("a count");
    assert_eq!(kept as u64 + lost, 24_000);
}

#[test]
fn an_erasure_is_queued_even_when_messages_no_longer_fit() {
    let place = Place::new();
    let (store, _, news) = open(place.options()).expect("a store");
    store.record_message(&room("general"), said(1, "bob", "a text that is to go"));
    store.flush().expect("written");
    store.limit_pages(1);
    say(&store, 2..=12_000);
    told(&news, trouble);
    store.record_deletion(&room("general"), MessageId(1));
    store.limit_pages(0);
    told(&news, well);
    store.flush().expect("written");
    assert_eq!(place.files_with("a text that is to go"), [""; 0]);
}

#[test]
fn closing_with_a_full_disk_ends_in_time_and_reports_losses() {
    let place = Place::new();
    let (store, _, news) = open(place.options()).expect("a store");
    store.limit_pages(1);
    say(&store, 1..=100);
    told(&news, trouble);
    let begun = Instant::now();
    assert!(store.close(begun + Duration::from_secs(4)).is_err());
    let lost = told(&news, |news| match news {
        StoreEvent::WritesLost { records, reason: StoreError::DiskFull } => Some(*records),
        _ => None,
    });
    assert_eq!(lost, 100);
    drop(store);
    integrity(&place);
}

#[test]
fn a_database_locked_by_another_program_is_reported_until_it_is_released() {
    let place = Place::new();
    let (store, _, news) = open(place.options()).expect("a store");
    let other = Connection::open(place.database()).expect("a connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
    say(&store, 1..=3);
    assert_eq!(told(&news, trouble), StoreError::Locked);
    other.execute_batch("COMMIT").expect("the end of it");
    assert_eq!(told(&news, well), 0);
    store.flush().expect("written");
    assert_eq!(texts(&store, "general").len(), 3);
}

#[test]
fn with_a_full_disk_and_a_long_queue_every_caller_fails_at_once() {
    let place = Place::new();
    let (store, _, news) = open(place.options()).expect("a store");
    store.flush().expect("written");
    store.limit_pages(1);
    // Three batches.
    say(&store, 1..=3000);
    assert_eq!(told(&news, trouble), StoreError::DiskFull);
    let (begun, before) = (Instant::now(), store.failpoints().attempts());
    std::thread::scope(|scope| {
        for number in 0..8 {
            let store = &store;
            scope.spawn(move || {
                let name = user(&format!("user{number}"));
                let refused = Err(CreateAccountError::NotSaved(SaveError(StoreError::DiskFull)));
                for _ in 0..20 {
                    assert_eq!(store.create_account(&name, &hash("one")), refused);
                    assert_eq!(store.sync(), Err(SaveError(StoreError::DiskFull)));
                }
            });
        }
    });
    // One attempt a second, however many callers there are.
    let (tried, seconds) = (store.failpoints().attempts() - before, begun.elapsed().as_secs());
    assert!(u64::from(tried) <= seconds + 1, "{tried} tries in {seconds} s");
    store.limit_pages(0);
    assert_eq!(told(&news, well), 0);
    store.flush().expect("written");
    assert_eq!(texts(&store, "general").len(), 3000);
}

#[test]
fn a_caller_behind_a_refused_batch_gets_its_error() {
    let place = Place::new();
    let (store, _, news) = open(place.options()).expect("a store");
    store.flush().expect("written");
    store.limit_pages(1);
    store.failpoints().hold(Point::Begin);
    say(&store, 1..=3000);
    assert!(store.failpoints().wait_held(PATIENCE));
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| store.create_account(&user("alice"), &hash("one")));
        // Queued after two more megabytes.
        until("somebody waits", || store.awaited() > 0);
        store.failpoints().release();
        let refused = Err(CreateAccountError::NotSaved(SaveError(StoreError::DiskFull)));
        assert_eq!(asked.join().expect("an answer"), refused);
    });
    assert_eq!(told(&news, trouble), StoreError::DiskFull);
}

/// A file system of two megabytes, unmounted when the test ends.
struct Small(Place);

impl Small {
    fn mount() -> Option<Small> {
        let place = Place::new();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(place.path());
        mount.output().is_ok_and(|done| done.status.success()).then_some(Small(place))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Ignored, because a failing test has more important things to report.
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_really_full_file_system_is_survived() {
    let Some(small) = Small::mount() else {
        eprintln!("skipped: this user may not mount a file system");
        return;
    };
    let place = &small.0;
    let (store, _, news) = open(place.options()).expect("a store");
    let filler = place.path().join("filler");
    say(&store, 1..=100);
    store.flush().expect("written");
    let full = std::fs::write(&filler, vec![0; 4 * 1024 * 1024]);
    assert!(full.is_err(), "the file system is larger than it should be");
    say(&store, 101..=600);
    let reason = told(&news, trouble);
    assert!(matches!(reason, StoreError::DiskFull | StoreError::Other(_)), "{reason:?}");
    assert!(store.create_account(&user("alice"), &hash("one")).is_err());
    assert_eq!(texts(&store, "general").len(), 100);
    std::fs::remove_file(&filler).expect("gone");
    assert_eq!(told(&news, well), 0);
    store.flush().expect("written");
    assert_eq!(texts(&store, "general").len(), 600);
    close(store);
    integrity(place);
}
