//! Opens a store: from a path to a running writer.
//!
//! *Owns* the order of the steps: lock, file, owner, version, contents, reserved ids, threads.
//! *Knows nothing of* what is recorded later.

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
use super::database::sql_values::{self, millis};
use super::database::sqlite_errors;
use super::error::OpenError;
use super::event::{StoreEvent, StoreEventHandler};
use super::look_alikes::LookAlikes;
use super::queue::message_ids::{BLOCK, MessageIds};
use super::queue::{CloseMode, WriteQueue};
use super::records::{StoreOptions, StoredState};
use super::tables::address_bans;
use super::tables::messages;
use super::tables::meta;
use super::tables::rooms;
use super::wall_clock::{ClockReading, ReadClocks, WallClock};
use super::writer::Writer;
use super::writer::maintenance::Maintenance;
use super::writer::watchdog;
use crate::chat::message::MessageId;

/// Stack of the writer: SQLite's parser and our loops need a tenth of it.
const STACK: usize = 512 * 1024;

/// Stack of the watchdog, which may write a log line.
const WATCHDOG_STACK: usize = 128 * 1024;

/// How long dropping an unclosed store waits for its writer to release the files.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The persistent state, one per server. Dropping the last [`Arc`] without [`Store::close`] is like a crash.
pub struct Store {
    pub(super) queue: Arc<WriteQueue>,
    /// For logins, so that none waits behind a search.
    pub(super) account_reader: ReadConnection,
    /// For all other queries.
    pub(super) message_reader: ReadConnection,
    pub(super) look_alikes: LookAlikes,
    pub(super) history: bool,
    pub(super) retention: Option<Duration>,
    pub(super) clock: Arc<WallClock>,
    writer: ThreadId,
    /// Dropped last.
    _lock: Arc<Lock>,
}

/// Loads what is stored, and reserves message ids for this run.
fn load(connection: &Connection, options: &StoreOptions, clock: &WallClock) -> rusqlite::Result<StoredState> {
    let now = clock.time();
    if now.suspect_by.is_none() {
        address_bans::remove_expired(connection, millis(now.at))?;
    }
    let last = meta::reserved_ids(connection)?.max(messages::highest(connection)?);
    meta::reserve_ids(connection, last.saturating_add(BLOCK))?;
    let broke_off = meta::broke_off(connection)?;
    meta::save_running(connection, true)?;
    let since = sql_values::retention_cutoff(now.at, options.retention);
    let histories =
        if options.history { messages::histories(connection, since, options.history_max)? } else { Vec::new() };
    let rooms = rooms::load(connection)?;
    let address_bans = address_bans::list(connection)?;
    Ok(StoredState { rooms, address_bans, last_message: MessageId(last), broke_off, histories })
}

impl Store {
    /// Opens the database, creating it if it does not exist, and starts the writer.
    ///
    /// `on_event` receives what the admin has to know. The store's threads call it with nothing locked, and do not log it
    /// themselves. It may read and record, but must not wait for a write: nothing is written until it returns.
    ///
    /// # Errors
    ///
    /// One sentence with the path and the remedy; [`OpenError::is_users`] says who has to fix it.
    pub fn open(options: StoreOptions, on_event: StoreEventHandler) -> Result<(Arc<Store>, StoredState), OpenError> {
        Store::open_with_clocks(options, on_event, Box::new(ClockReading::of_system))
    }

    /// The same with other clocks, for tests.
    #[doc(hidden)]
    pub fn open_with_clocks(
        options: StoreOptions,
        on_event: StoreEventHandler,
        clocks: ReadClocks,
    ) -> Result<(Arc<Store>, StoredState), OpenError> {
        let path = files::resolve(&options.path)?;
        let failed = |error| connection::open_error(&path, &error);
        let mut lock = files::lock(&path)?;
        let (connection, kind) = connection::open(&path)?;
        connection::prepare(&connection, &path, kind)?;
        let last = meta::last_run(&connection).map_err(failed)?;
        let clock = Arc::new(WallClock::new(clocks, last.and_then(|last| Timestamp::from_millisecond(last).ok())));
        let stored = load(&connection, &options, &clock).map_err(failed)?;
        if !options.history {
            log_unread_history(&connection, &path).map_err(failed)?;
        }
        // By now SQLite has created the files beside the database.
        lock.watch_log_files(&path);
        if lock.displaced().is_some() {
            return Err(failed(sqlite_errors::files_replaced()));
        }
        let lock = Arc::new(lock);
        let account_reader = ReadConnection::open(&path).map_err(failed)?;
        let message_reader = ReadConnection::open(&path).map_err(failed)?;
        let last = stored.last_message.0;
        let queue = Arc::new(WriteQueue::new(MessageIds::new(last, last.saturating_add(BLOCK))));
        let on_event: Arc<dyn Fn(StoreEvent) + Send + Sync> = Arc::from(on_event);
        let watched = (Arc::clone(&queue), Arc::clone(&on_event));
        let maintenance = Maintenance::new(options.retention, Instant::now());
        let writer =
            Writer::new(connection, Arc::clone(&queue), on_event, maintenance, Arc::clone(&clock), Arc::clone(&lock));
        let failed = |error: io::Error| OpenError::Thread(error.to_string().into());
        let thread = thread::Builder::new().name("store".into()).stack_size(STACK);
        let writer = thread.spawn(move || writer.run()).map_err(failed)?.thread().id();
        let StoreOptions { history, retention, .. } = options;
        let store = Store {
            queue,
            account_reader,
            message_reader,
            look_alikes: LookAlikes::default(),
            history,
            retention,
            clock,
            writer,
            _lock: lock,
        };
        let thread = thread::Builder::new().name("store-watchdog".into()).stack_size(WATCHDOG_STACK);
        thread.spawn(move || watchdog::watch(&watched.0, &watched.1)).map_err(failed)?;
        Ok((Arc::new(store), stored))
    }
}

/// With history off, messages stored earlier are neither read nor erased.
fn log_unread_history(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let count = messages::count(connection)?;
    if count > 0 {
        info!(
            "{} still holds {count} messages stored with history = true; set that again to reach or delete them",
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
        let mut state = self.queue.lock();
        if state.writer_exited {
            return;
        }
        // Closing has waited already. And the writer itself may drop the last `Arc`, after reporting an event.
        let waits = state.shutdown.is_none() && thread::current().id() != self.writer;
        state.shutdown = Some(CloseMode::Abandon);
        self.queue.wake.notify_one();
        let until = Instant::now() + if waits { EXIT_TIMEOUT } else { Duration::ZERO };
        while !state.writer_exited {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                if !waits {
                    return;
                }
                error!("the writer thread does not exit: the disk does not answer");
                return;
            }
            state = self.queue.exited.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
