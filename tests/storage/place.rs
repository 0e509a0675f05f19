//! A directory for a test's database, and shortcuts for values.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chatsock::chat::action::ReadBack;
use chatsock::chat::identity::Identity;
use chatsock::chat::message::{AccountId, MessageId};
use chatsock::chat::moderation::ModerationLists;
use chatsock::chat::names::{RoomName, UserName};
use chatsock::chat::room::Creation;
use chatsock::chat::secret::Hashed;
use chatsock::store::{
    AccessRecord, MessageRecord, OfflineMessageRecord, OpenError, RoomRecord, Store, StoreEvent, StoreOptions,
    StoredState,
};
use jiff::Timestamp;

/// How long anything expected may take before the test fails. Long, because a loaded machine is not a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A directory that is removed when the test ends.
pub struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        // Ignored, because a failing test has more important things to report.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Place {
    pub fn new() -> Place {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        static BASE: OnceLock<PathBuf> = OnceLock::new();
        let base = BASE.get_or_init(std::env::temp_dir);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = base.join(format!("chatsock-storage-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Place(path),
                // Left behind by an earlier process with the same id.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn database(&self) -> PathBuf {
        self.0.join("chatsock.db")
    }

    pub fn options(&self) -> StoreOptions {
        StoreOptions { path: self.database(), history: true, retention: None, history_max: 200 }
    }

    /// Opens with history, and drops the events.
    pub fn open(&self) -> (Arc<Store>, StoredState) {
        let (store, kept, _news) = open(self.options()).expect("a store");
        (store, kept)
    }

    /// The files that contain a text. Another process reads them, because closing a database file would drop SQLite's
    /// locks here.
    pub fn files_with(&self, text: &str) -> Vec<String> {
        let found = Command::new("grep").args(["-rlaF", "--", text]).arg(&self.0).output().expect("grep");
        let names = String::from_utf8(found.stdout).expect("paths");
        names.lines().map(str::to_owned).collect()
    }
}

/// Opens as soon as nothing else has it open: a child process that another test starts inherits open files, and holds
/// them between its fork and exec.
pub fn open(options: StoreOptions) -> Result<(Arc<Store>, StoredState, Receiver<StoreEvent>), OpenError> {
    once_free(|| open_at_once(options.clone()))
}

/// Opens something as soon as nobody else has it open, as above.
pub fn once_free<T>(open: impl Fn() -> Result<T, OpenError>) -> Result<T, OpenError> {
    let until = Instant::now() + PATIENCE;
    loop {
        match open() {
            Err(OpenError::InUse(_) | OpenError::OlderInUse(_)) if Instant::now() < until => {
                std::thread::park_timeout(Duration::from_millis(5));
            }
            outcome => return outcome,
        }
    }
}

/// Opens without waiting for others to close it.
pub fn open_at_once(options: StoreOptions) -> Result<(Arc<Store>, StoredState, Receiver<StoreEvent>), OpenError> {
    let (sender, news) = mpsc::channel();
    // A finished test no longer listens.
    let tell = move |told| drop(sender.send(told));
    let (store, kept) = Store::open(options, Box::new(tell))?;
    Ok((store, kept, news))
}

pub fn close(store: Arc<Store>) {
    store.close(Instant::now() + PATIENCE).expect("a clean end");
}

pub fn user(name: &str) -> UserName {
    UserName::parse(name, 1, 32).expect("a name")
}

pub fn room(name: &str) -> RoomName {
    RoomName::parse(name).expect("a name")
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).expect("a moment")
}

pub fn hash(words: &str) -> Hashed {
    Hashed::new(format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${words}"))
}

pub fn said(id: u64, author: &str, text: &str) -> MessageRecord {
    MessageRecord {
        id: MessageId(id),
        at: at(id as i64),
        author: user(author),
        account: None,
        text: text.into(),
        action: false,
        edited: false,
        reply: None,
    }
}

pub fn direct(id: u64, from: &str, text: &str) -> OfflineMessageRecord {
    OfflineMessageRecord {
        id: MessageId(id),
        at: at(id as i64),
        from: user(from),
        account: None,
        address: None,
        text: text.into(),
        action: false,
        edited: false,
        reply: None,
    }
}

pub fn person(account: Option<u64>, name: &str, address: &str) -> Identity {
    Identity::stored(account.map(AccountId), user(name), address.parse().expect("an address"))
}

pub fn made_room(name: &str) -> RoomRecord {
    let made = Creation { by: user("alice"), address: "192.0.2.1".parse().expect("an address"), at: at(0) };
    RoomRecord {
        name: room(name),
        made: Some(made),
        public: true,
        description: "".into(),
        limit: None,
        entry: AccessRecord::Open,
        slow: Duration::ZERO,
        read_back: ReadBack::All,
        members: Vec::new(),
        lists: ModerationLists::default(),
    }
}

/// The texts of a room, newest first.
pub fn texts(store: &Store, name: &str) -> Vec<String> {
    let page = store.messages_before(&room(name), MessageId(u64::MAX), 10_000, PATIENCE).expect("a page");
    assert!(!page.cut);
    page.messages.into_iter().map(|message| message.text.into()).collect()
}

/// Waits for an event that the condition accepts, and skips those before it.
pub fn told<T>(news: &Receiver<StoreEvent>, wanted: impl Fn(&StoreEvent) -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    let mut before = Vec::new();
    loop {
        match news.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(told) => match wanted(&told) {
                Some(found) => return found,
                None => before.push(told),
            },
            Err(error) => panic!("{error}, after {before:?}"),
        }
    }
}

/// Waits until another thread has done something.
pub fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
