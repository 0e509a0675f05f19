//! From a path to a running store.
//!
//! *Owns* the order of the steps: lock, file, whose it is, its version, what it holds, reserved numbers, the thread.
//! *Knows nothing of* what is recorded later. *Called by* `main` at start.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use log::{error, info};
use rusqlite::Connection;

use super::database::connection;
use super::database::files::{self, Lock};
use super::database::read_connection::ReadConnection;
use super::database::sql_values::{self, moment};
use super::database::sqlite_errors;
use super::error::OpenError;
use super::event::{StoreEvent, StoreEventHandler};
use super::look_alikes::LookAlikes;
use super::queue::message_ids::{BLOCK, MessageIds};
use super::queue::{End, WriteQueue};
use super::records::{StoreOptions, StoredState};
use super::tables::address_bans;
use super::tables::messages;
use super::tables::meta;
use super::tables::rooms;
use super::wall_clock::{ReadClocks, Reading, Wall};
use super::writer::Writer;
use super::writer::maintenance::Maintenance;
use super::writer::watchdog;
use crate::chat::message::MessageId;

/// Stack of the writer: SQLite's parser and our loops need a tenth of it.
const STACK: usize = 512 * 1024;

/// Stack of the thread that watches it, which may write a log line.
const WATCH_STACK: usize = 128 * 1024;

/// How long a store that is dropped unclosed waits for its thread to let the files go.
const LET_GO: Duration = Duration::from_secs(5);

/// What outlasts the process. One per server; the last [`Arc`] dropped without [`Store::close`] is like a crash.
pub struct Store {
    pub(super) shared: Arc<WriteQueue>,
    /// For logins, so that none waits behind a search.
    pub(super) accounts: ReadConnection,
    /// For everything else that is read.
    pub(super) messages: ReadConnection,
    pub(super) look_alikes: LookAlikes,
    pub(super) history: bool,
    pub(super) retention: Option<Duration>,
    pub(super) wall: Arc<Wall>,
    /// The thread that writes.
    writer: ThreadId,
    /// Dropped last.
    _lock: Arc<Lock>,
}

/// What is there, and the numbers reserved for this run.
fn load(connection: &Connection, options: &StoreOptions, wall: &Wall) -> rusqlite::Result<StoredState> {
    let now = wall.moment();
    if now.doubt.is_none() {
        address_bans::remove_expired(connection, moment(now.at))?;
    }
    let last = meta::reserved_numbers(connection)?.max(messages::highest(connection)?);
    meta::reserve_numbers(connection, last.saturating_add(BLOCK))?;
    let since = sql_values::retention_cutoff(now.at, options.retention);
    let histories =
        if options.history { messages::histories(connection, since, options.history_max)? } else { Vec::new() };
    let rooms = rooms::load(connection)?;
    let address_bans = address_bans::list(connection)?;
    Ok(StoredState { rooms, address_bans, last_message: MessageId(last), histories })
}

impl Store {
    /// Opens the database, makes it if it is not there, and starts the thread that writes it.
    ///
    /// `news` is told what an admin has to know, by that thread and with nothing locked. It is not logged here. It may read
    /// and record, and must not wait until something is written: nothing is until it returns.
    ///
    /// # Errors
    ///
    /// One sentence with the path and what to do; [`OpenError::is_users`] says whose fault it is.
    pub fn open(options: StoreOptions, news: StoreEventHandler) -> Result<(Arc<Store>, StoredState), OpenError> {
        Store::open_with_clocks(options, news, Box::new(Reading::of_system))
    }

    /// The same, by other clocks than the system's: for tests.
    #[doc(hidden)]
    pub fn open_with_clocks(
        options: StoreOptions,
        news: StoreEventHandler,
        clocks: ReadClocks,
    ) -> Result<(Arc<Store>, StoredState), OpenError> {
        let path = files::resolve(&options.path)?;
        let failed = |error| connection::refused(&path, &error);
        let mut lock = files::lock(&path)?;
        let (connection, kind) = connection::connect(&path)?;
        connection::make_ready(&connection, &path, kind)?;
        let last = meta::last_moment(&connection).map_err(failed)?;
        let wall = Arc::new(Wall::new(clocks, last.and_then(|last| Timestamp::from_millisecond(last).ok())));
        let kept = load(&connection, &options, &wall).map_err(failed)?;
        if !options.history {
            say_what_stays(&connection, &path).map_err(failed)?;
        }
        // By now SQLite has made what it keeps beside it.
        lock.know_log(&path);
        if lock.displaced().is_some() {
            return Err(failed(sqlite_errors::replaced()));
        }
        let lock = Arc::new(lock);
        let accounts = ReadConnection::open(&path).map_err(failed)?;
        let messages = ReadConnection::open(&path).map_err(failed)?;
        let last = kept.last_message.0;
        let shared = Arc::new(WriteQueue::new(MessageIds::new(last, last.saturating_add(BLOCK))));
        let news: Arc<dyn Fn(StoreEvent) + Send + Sync> = Arc::from(news);
        let watched = (Arc::clone(&shared), Arc::clone(&news));
        let chores = Maintenance::new(options.retention, Instant::now());
        let writer = Writer::new(connection, Arc::clone(&shared), news, chores, Arc::clone(&wall), Arc::clone(&lock));
        let failed = |error: io::Error| OpenError::Thread(error.to_string().into());
        let thread = thread::Builder::new().name("store".into()).stack_size(STACK);
        let writer = thread.spawn(move || writer.run()).map_err(failed)?.thread().id();
        let StoreOptions { history, retention, .. } = options;
        let store = Store {
            shared,
            accounts,
            messages,
            look_alikes: LookAlikes::default(),
            history,
            retention,
            wall,
            writer,
            _lock: lock,
        };
        let thread = thread::Builder::new().name("store-watch".into()).stack_size(WATCH_STACK);
        thread.spawn(move || watchdog::watch(&watched.0, &watched.1)).map_err(failed)?;
        Ok((Arc::new(store), kept))
    }
}

/// Without history nothing is read of what an earlier configuration has kept, and nothing of it is erased unasked.
fn say_what_stays(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let stays = messages::count(connection)?;
    if stays > 0 {
        info!(
            "{} still holds {stays} messages of a time with history = true; set that again to reach or delete them",
            path.display()
        );
    }
    Ok(())
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("history", &self.history).finish_non_exhaustive()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if state.ended {
            return;
        }
        // Who has closed it has waited already; and who told the news may have held the last of it.
        let waits = state.end.is_none() && thread::current().id() != self.writer;
        state.end = Some(End::Abandon);
        self.shared.woken.notify_one();
        let until = Instant::now() + if waits { LET_GO } else { Duration::ZERO };
        while !state.ended {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                if !waits {
                    return;
                }
                error!("the thread that writes the database does not end: its disk does not answer");
                return;
            }
            state = self.shared.has_ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
