//! Which files are opened, which are refused and why, and how an older database is migrated.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chatsock::chat::action::ReadBack;
use chatsock::chat::message::{AccountId, MessageId};
use chatsock::store::{AccessRecord, BackupError, MemberRecord, OpenError, SaveError, Store, StoreError, StoreOptions};
use rusqlite::Connection;

use crate::place::{Place, close, hash, once_free, open, open_at_once, room, said, texts, user};

fn refusal(options: StoreOptions) -> OpenError {
    refused(open(options))
}

fn refused<T>(outcome: Result<T, OpenError>) -> OpenError {
    match outcome {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

/// The files in a directory with their modes.
fn modes(directory: &Path) -> Vec<(String, u32)> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry"));
    let mut modes: Vec<_> =
        entries.map(|entry| (entry.file_name().into_string().expect("a name"), mode(&entry.path()))).collect();
    modes.sort();
    modes
}

#[test]
fn all_files_are_readable_only_by_their_owner() {
    let place = Place::new();
    let (store, _) = place.open();
    store.record_message(&room("general"), said(1, "bob", "text"));
    store.flush().expect("written");
    let names = ["chatsock.db", "chatsock.db-shm", "chatsock.db-wal", "chatsock.db.lock"];
    let expected = names.map(|name| (name.to_owned(), 0o600));
    assert_eq!(modes(place.path()), expected);
    close(store);
    // A clean shutdown leaves one file, and a lock file that nobody holds.
    assert_eq!(modes(place.path()), [expected[0].clone(), expected[3].clone()]);
    fs::set_permissions(place.database(), fs::Permissions::from_mode(0o644)).expect("set");
    let (_store, _) = place.open();
    assert_eq!(mode(&place.database()), 0o600);
}

#[test]
fn a_second_server_is_refused_even_under_another_name_of_the_file() {
    let place = Place::new();
    let (store, _) = place.open();
    let error = refused(open_at_once(place.options()));
    assert!(matches!(error, OpenError::InUse(_)) && error.is_users(), "{error:?}");
    assert!(error.to_string().contains("is used by another server; stop that server"), "{error}");
    let other = place.path().join("other.db");
    std::os::unix::fs::symlink(place.database(), &other).expect("a link");
    let error = refused(open_at_once(StoreOptions { path: other, ..place.options() }));
    assert!(matches!(error, OpenError::InUse(_)), "{error:?}");
    // The first one is unharmed.
    store.create_account(&user("alice"), &hash("one")).expect("an account");
    close(store);
    place.open();
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let place = Place::new();
    close(place.open().0);
    let connection = Connection::open(place.database()).expect("a connection");
    connection.pragma_update(None, "user_version", VERSION + 1).expect("set");
    drop(connection);
    let before = fs::read(place.database()).expect("the file");
    let error = refusal(place.options());
    assert!(
        matches!(error, OpenError::Newer { found, known: VERSION, .. } if found == VERSION + 1) && error.is_users(),
        "{error:?}"
    );
    assert!(Store::open_accounts(&place.database()).is_err());
    assert_eq!(fs::read(place.database()).expect("the file"), before);
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let place = Place::new();
    let words = "this is a letter and no database, and it goes on for longer than a header would";
    fs::write(place.database(), words).expect("written");
    fs::set_permissions(place.database(), fs::Permissions::from_mode(0o644)).expect("set");
    let error = refusal(place.options());
    assert!(matches!(error, OpenError::Foreign(_)) && error.is_users(), "{error:?}");
    assert_eq!((fs::read(place.database()).expect("the file"), mode(&place.database())), (words.into(), 0o644));

    let other = place.path().join("other.db");
    let connection = Connection::open(&other).expect("a connection");
    connection.execute_batch("CREATE TABLE things (name TEXT)").expect("a table");
    drop(connection);
    let before = fs::read(&other).expect("the file");
    let error = refusal(StoreOptions { path: other.clone(), ..place.options() });
    assert!(matches!(error, OpenError::Foreign(_)), "{error:?}");
    assert_eq!(fs::read(&other).expect("the file"), before);
    let error = refusal(StoreOptions { path: place.path().to_owned(), ..place.options() });
    assert!(matches!(error, OpenError::Foreign(_)), "{error:?}");
}

#[test]
fn a_missing_directory_is_named() {
    let place = Place::new();
    let error = refusal(StoreOptions { path: place.path().join("none/chatsock.db"), ..place.options() });
    assert!(error.is_users());
    let directory = place.path().join("none");
    assert!(error.to_string().starts_with(&format!("the directory {} does not exist", directory.display())), "{error}");
}

#[test]
fn a_read_only_file_is_refused() {
    let place = Place::new();
    close(place.open().0);
    fs::set_permissions(place.database(), fs::Permissions::from_mode(0o400)).expect("set");
    if fs::OpenOptions::new().write(true).open(place.database()).is_ok() {
        eprintln!("skipped: this user may write everything");
        return;
    }
    let error = refusal(place.options());
    assert!(matches!(error, OpenError::Denied(_)) && error.is_users(), "{error:?}");
}

#[test]
fn a_closed_store_says_so_to_every_caller() {
    let place = Place::new();
    let (store, _) = place.open();
    store.close(std::time::Instant::now() + crate::place::PATIENCE).expect("a clean end");
    assert_eq!(store.flush(), Err(SaveError(StoreError::Closed)));
    assert!(store.account(&user("alice")).is_err());
    store.record_message(&room("general"), said(1, "bob", "too late"));
}

/// Collects what all tests of this process log.
struct Log(Mutex<Vec<String>>);

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().expect("the lines").push(record.args().to_string());
    }

    fn flush(&self) {}
}

static LOG: Log = Log(Mutex::new(Vec::new()));

/// Made once by the `sqlite3` program from `v1.sql` beside it, and never again: it stands for the files of that time.
const VERSION_1: &str = "tests/data/storage/v1.db";

/// The version of the tables that this build writes.
const VERSION: i64 = 7;

#[test]
fn a_database_of_the_first_version_is_backed_up_and_migrated() {
    let _ = log::set_logger(&LOG);
    log::set_max_level(log::LevelFilter::Info);
    let place = Place::new();
    fs::copy(VERSION_1, place.database()).expect("a copy");
    fs::set_permissions(place.database(), fs::Permissions::from_mode(0o644)).expect("set");
    let (store, kept) = place.open();
    let backup = place.path().join("chatsock.db.backup-v1");
    for line in [
        format!("others could read {} (mode 644)", place.database().display()),
        format!(
            "{} was migrated to version {VERSION}; the old database (version 1) is saved as {}",
            place.database().display(),
            backup.display()
        ),
    ] {
        let lines = LOG.0.lock().expect("the lines");
        assert!(lines.iter().any(|logged| logged.starts_with(&line)), "{line:?} is not in {lines:#?}");
    }
    assert_eq!(kept.last_message, MessageId(40));
    let [attic, general] = &kept.rooms[..] else { panic!("{:?}", kept.rooms) };
    assert_eq!((attic.read_back, general.read_back), (ReadBack::All, ReadBack::All));
    // A user who posted counted as a member at that time.
    let member = |account, since| MemberRecord { account: AccountId(account), since: MessageId(since) };
    assert_eq!(attic.members, [member(1, 12)]);
    assert_eq!(general.members, [member(1, 16), member(7, 11)]);
    assert_eq!((attic.name.as_str(), attic.limit, attic.slow), ("Attic", Some(8), Duration::from_millis(1500)));
    assert!(
        matches!(attic.entry, AccessRecord::Password(_)) && attic.lists.admins[0].owner && attic.lists.bans.len() == 1
    );
    assert_eq!(texts(&store, "general"), ["waves", "morning"]);
    let (_, answer) = store.message(MessageId(17)).expect("read").expect("a message");
    assert!(answer.action && answer.reply.expect("a quote").start.as_deref() == Some("morning"));
    let alice = store.account(&user("alice")).expect("read").expect("an account");
    assert_eq!((alice.id.0, alice.settings), (1, Default::default()));
    assert_eq!(store.create_account(&user("new"), &hash("one")).expect("an account").0, 8);
    store.record_deletion(&room("attic"), MessageId(13));
    store.flush().expect("written");
    close(store);
    let names: Vec<_> = modes(place.path());
    let expected = ["chatsock.db", "chatsock.db.backup-v1", "chatsock.db.lock"].map(|name| (name.to_owned(), 0o600));
    assert_eq!(names, expected);
    // Texts deleted since then are only in the backup, which is the original file.
    assert_eq!(place.files_with("who is here?"), [backup.to_str().expect("a path")]);
    let old = Connection::open(&backup).expect("a connection");
    let version: i64 = old.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("a version");
    let messages: i64 = old.query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).expect("a count");
    assert_eq!((version, messages), (1, 3));
    drop(old);
    // As the database, it works like any other.
    fs::copy(&backup, place.database()).expect("a copy");
    let (store, kept) = place.open();
    assert_eq!((kept.histories.len(), kept.last_message), (2, MessageId(40)));
    assert!(store.message(MessageId(13)).expect("read").is_some());
}

#[test]
fn a_backup_of_a_running_server_can_replace_the_database() {
    let place = Place::new();
    let (store, _) = place.open();
    store.create_account(&user("alice"), &hash("one")).expect("an account");
    store.record_message(&room("general"), said(1, "bob", "text"));
    store.flush().expect("written");
    let copy = place.path().join("copy.db");
    let other = Connection::open(place.database()).expect("a connection");
    other.execute("VACUUM INTO ?1", [copy.to_str().expect("a path")]).expect("a backup");
    drop(other);
    close(store);
    let (store, kept, _) = open(StoreOptions { path: copy.clone(), ..place.options() }).expect("a store");
    assert_eq!((store.account_name_exists(&user("alice")), kept.histories.len()), (Ok(true), 1));
    assert_eq!(mode(&copy), 0o600);
}

#[test]
fn a_cancelled_backup_leaves_nothing() {
    let place = Place::new();
    let (store, _) = place.open();
    (1..=3000).for_each(|id| store.record_message(&room("general"), said(id, "bob", "text")));
    close(store);
    let directory = place.path().join("copies");
    fs::create_dir(&directory).expect("made");
    let copy = |stop| Store::back_up(&place.database(), &directory.join("copy.db"), &Arc::new(AtomicBool::new(stop)));
    assert_eq!(copy(true), Err(BackupError::Stopped));
    assert_eq!(modes(&directory), []);
    assert_eq!(copy(false), Ok(()));
    assert_eq!(modes(&directory), [("copy.db".to_owned(), 0o600)]);
}

#[test]
fn a_migrated_database_has_the_tables_of_a_new_one() {
    let tables = |database: &Path| {
        let connection = Connection::open(database).expect("a connection");
        let mut statement = connection
            .prepare(
                "SELECT m.type, m.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk FROM sqlite_schema m
                      LEFT JOIN pragma_table_xinfo(m.name) c ORDER BY 1, 2, 3",
            )
            .expect("a statement");
        let rows = statement.query_map([], |row| {
            (0..7).map(|column| row.get::<_, rusqlite::types::Value>(column)).collect::<Result<Vec<_>, _>>()
        });
        rows.expect("rows").collect::<Result<Vec<_>, _>>().expect("all of them")
    };
    let (new, old) = (Place::new(), Place::new());
    fs::copy(VERSION_1, old.database()).expect("a copy");
    close(new.open().0);
    close(old.open().0);
    assert_eq!(tables(&new.database()), tables(&old.database()));
}

#[test]
fn an_older_database_in_use_is_not_migrated() {
    let place = Place::new();
    fs::copy(VERSION_1, place.database()).expect("a copy");
    let lock = fs::File::create(place.path().join("chatsock.db.lock")).expect("a file");
    lock.lock().expect("the lock");
    let error = Store::open_accounts(&place.database()).expect_err("a refusal");
    assert!(matches!(error, OpenError::OlderInUse(_)) && error.is_users(), "{error:?}");
    drop(lock);
    let mut accounts = once_free(|| Store::open_accounts(&place.database())).expect("accounts");
    assert_eq!(accounts.remove(&user("BOB")), Ok(true));
    assert!(place.path().join("chatsock.db.backup-v1").exists());
    let (store, _) = place.open();
    assert_eq!(store.accounts().expect("read").len(), 1);
}

#[test]
fn a_failed_migration_leaves_the_file_unchanged() {
    let place = Place::new();
    fs::copy(VERSION_1, place.database()).expect("a copy");
    // A table that conflicts with the new ones.
    let connection = Connection::open(place.database()).expect("a connection");
    connection.execute_batch("CREATE TABLE texts (wrong TEXT)").expect("a table");
    drop(connection);
    let error = refusal(place.options());
    assert!(matches!(error, OpenError::NotMigrated { .. }) && !error.is_users(), "{error:?}");
    let connection = Connection::open(place.database()).expect("a connection");
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("a version");
    let messages: i64 =
        connection.query_row("SELECT count(text) FROM messages", [], |row| row.get(0)).expect("a count");
    assert_eq!((version, messages), (1, 3));
}
