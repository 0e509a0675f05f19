//! Writes that the caller waits for: they are on disk when the call returns.
//!
//! *Owns* how long a caller waits. *Knows nothing of* SQL.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection;

use super::error::{CreateAccountError, OfflineMessageError, ReadError, SaveError, StoreError};
use super::failpoints::Failpoints;
use super::open::Store;
use super::queue::CloseMode;
use super::queue::queued_write::{About, AwaitedWrite, BackgroundWrite, Deferred, QueuedWrite};
use super::records::{AddressBanRecord, OfflineMessageRecord, RoomRecord, Settings};
use super::tables::accounts;
use super::tables::address_bans;
#[cfg(feature = "cluster")]
use super::tables::meta;
use super::tables::offline_messages;
use super::tables::rooms;
use crate::access::network::Network;
use crate::chat::message::{AccountId, MessageId};
use crate::chat::moderation::ModerationLists;
use crate::chat::names::{RoomName, UserName};
use crate::chat::secret::Hashed;

/// How long a caller waits for the disk. A user who has waited longer has left.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The same for a flush, which may have a large room to erase.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(60);

/// The last part of the time for a close, kept for the writer's final steps so that it can still report how it ended.
const SHUTDOWN_RESERVE: Duration = Duration::from_millis(500);

/// Approximate cost of a list entry in memory, in bytes.
const LIST_ENTRY: usize = 128;

/// The caller is waiting and may give up.
const WAITING: u8 = 0;
/// The caller has given up: the write must not happen.
const GIVEN_UP: u8 = 1;
/// The write is being committed, whether the caller still waits or not.
const CLAIMED: u8 = 2;

/// A write and its waiting caller.
///
/// Giving up and committing exclude each other: a write reported as failed must not happen afterwards, because the caller
/// would repeat it or never see what it removed. One compare-and-swap decides which came first.
struct WriteRequest<T, F> {
    what: F,
    done: Option<T>,
    erases: bool,
    answer: SyncSender<Result<T, StoreError>>,
    state: Arc<AtomicU8>,
}

impl<T: Send, F: Fn(&Connection) -> rusqlite::Result<T> + Send> AwaitedWrite for WriteRequest<T, F> {
    fn execute(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.done = None;
        if self.state.load(Ordering::Acquire) != GIVEN_UP {
            self.done = Some((self.what)(connection)?);
        }
        Ok(())
    }

    fn claim(&self) -> bool {
        let claimed = self.state.compare_exchange(WAITING, CLAIMED, Ordering::AcqRel, Ordering::Acquire);
        // A write that was given up before it ran has changed nothing.
        claimed.is_ok() || claimed == Err(CLAIMED) || self.done.is_none()
    }

    fn erases(&self) -> bool {
        self.erases
    }

    fn complete(mut self: Box<Self>, outcome: Result<(), StoreError>) {
        let done = self.done.take().ok_or(StoreError::TimedOut);
        // A caller that has given up is not listening.
        let _ = self.answer.send(outcome.and(done));
    }
}

/// Whether a write removes text that must not stay on disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Erases {
    No,
    Yes,
}

impl Store {
    fn wait<T, F>(
        &self,
        entry: impl FnOnce(Box<dyn AwaitedWrite>) -> QueuedWrite,
        erases: Erases,
        what: F,
        timeout: Duration,
    ) -> Result<T, SaveError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        // Room for the answer, so that the writer never waits for the caller.
        let (answer, answered) = mpsc::sync_channel(1);
        let state = Arc::new(AtomicU8::new(WAITING));
        let erases = erases == Erases::Yes;
        let request = WriteRequest { what, done: None, erases, answer, state: Arc::clone(&state) };
        self.queue.submit(entry(Box::new(request))).map_err(SaveError)?;
        match answered.recv_timeout(timeout) {
            Ok(outcome) => outcome.map_err(SaveError),
            Err(RecvTimeoutError::Timeout) => {
                let given_up = state.compare_exchange(WAITING, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire);
                self.queue.check_hang();
                Err(SaveError(if given_up.is_ok() { StoreError::TimedOut } else { StoreError::OutcomeUnknown }))
            }
            Err(RecvTimeoutError::Disconnected) => Err(SaveError(StoreError::Closed)),
        }
    }

    pub(super) fn write<T, F>(&self, erases: Erases, what: F) -> Result<T, SaveError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.wait(QueuedWrite::Awaited, erases, what, self.write_timeout())
    }

    /// The same for state that is in force even if it is not on disk. A refused write stays in the queue and is retried
    /// until the disk takes it, at the latest when the store closes. Running it twice does no harm.
    fn write_or_defer<T, F>(&self, about: About, weight: usize, erases: Erases, what: F) -> Result<T, SaveError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> rusqlite::Result<T> + Send + Sync + 'static,
    {
        let what = Arc::new(what);
        let again = Arc::clone(&what);
        let done = self.write(erases, move |connection| what(connection));
        if done.as_ref().is_err_and(is_deferred) {
            let what = Box::new(move |connection: &Connection| again(connection).map(|_| ()));
            self.queue.record(BackgroundWrite::Deferred(Deferred { about, weight, what }));
        }
        done
    }
}

/// Whether the store retries a refused write. It does unless it is closed.
fn is_deferred(SaveError(reason): &SaveError) -> bool {
    *reason != StoreError::Closed
}

/// Each of these waits for the disk, so the caller must hold no lock. When it returns, the write is committed and
/// synced, or it did not happen and will not; only after [`StoreError::OutcomeUnknown`] it may still happen. None
/// takes longer than ten seconds, except for [`Store::flush`] and those that take a time limit.
impl Store {
    fn write_timeout(&self) -> Duration {
        self.queue.failpoints.write_timeout().unwrap_or(WRITE_TIMEOUT)
    }

    /// Creates an account.
    pub fn create_account(&self, name: &UserName, hash: &Hashed) -> Result<AccountId, CreateAccountError> {
        let (name, hash) = (name.clone(), hash.clone());
        let created =
            self.write(Erases::No, move |connection| accounts::create(connection, &name, &hash, Timestamp::now()));
        created.map_err(CreateAccountError::NotSaved)?.ok_or(CreateAccountError::Exists)
    }

    /// Replaces a password whose hash was `before`. False if the account has another one by then, or is gone: `chatsock user`
    /// changes accounts from outside.
    pub fn replace_hash(&self, id: AccountId, before: &Hashed, hash: &Hashed) -> Result<bool, SaveError> {
        let (before, hash) = (before.clone(), hash.clone());
        self.write(Erases::Yes, move |connection| accounts::replace_hash(connection, id, &before, &hash))
    }

    /// Removes an account with its settings, visits and offline messages. False if there is none.
    pub fn remove_account(&self, id: AccountId) -> Result<bool, SaveError> {
        self.write(Erases::Yes, move |connection| accounts::remove(connection, id))
    }

    /// The same on behalf of its owner, whose password had this hash. False also if it has changed since.
    pub fn remove_own_account(&self, id: AccountId, hash: &Hashed) -> Result<bool, SaveError> {
        let hash = hash.clone();
        self.write(Erases::Yes, move |connection| {
            Ok(accounts::has_hash(connection, id, &hash)? && accounts::remove(connection, id)?)
        })
    }

    /// Stores a user's settings. False if there is no such account.
    pub fn save_settings(&self, id: AccountId, settings: &Settings) -> Result<bool, SaveError> {
        let settings = settings.clone();
        let weight = settings.ignored.len() * LIST_ENTRY;
        self.write_or_defer(About::Settings(id), weight, Erases::No, move |connection| {
            accounts::save_settings(connection, id, &settings)
        })
    }

    /// Stores a room that was just created. Messages and lists of an earlier room of that name are erased.
    pub fn create_room(&self, room: RoomRecord) -> Result<(), SaveError> {
        self.write(Erases::Yes, move |connection| {
            rooms::delete(connection, &room.name)?;
            rooms::save(connection, &room)
        })
    }

    /// Stores a room as it is now, with its lists. Its messages stay. Does nothing if it is a user-made room that was deleted
    /// since: a late save must neither bring it back nor overwrite the next room of its name.
    pub fn save_room(&self, room: RoomRecord) -> Result<(), SaveError> {
        let ModerationLists { admins, bans, mutes, invitations } = &room.lists;
        let lists = admins.len() + bans.len() + mutes.len() + invitations.len();
        self.write_or_defer(About::Room(room.name.clone()), lists * LIST_ENTRY, Erases::Yes, move |connection| {
            if let Some(made) = &room.made
                && !rooms::exists_as_created(connection, &room.name, made)?
            {
                return Ok(());
            }
            rooms::save(connection, &room)
        })
    }

    /// Deletes a room with its lists and messages. False if nothing of it was stored. Anything recorded of the room
    /// afterwards is stored again, so close it first. Also needed when a room is created that is not stored; otherwise
    /// it would show the messages of an earlier room of its name.
    pub fn delete_room(&self, name: &RoomName) -> Result<bool, SaveError> {
        let (name, waits) = (name.clone(), name.clone());
        let done = self.write(Erases::Yes, move |connection| rooms::delete(connection, &name));
        if done.as_ref().is_err_and(is_deferred) {
            self.queue.record(BackgroundWrite::RoomDeletion(waits));
        }
        done
    }

    /// Stores an address ban. It replaces a ban of the same network.
    pub fn save_address_ban(&self, ban: AddressBanRecord) -> Result<(), SaveError> {
        self.write_or_defer(About::Network(ban.network), ban.reason.len(), Erases::No, move |connection| {
            address_bans::save(connection, &ban)
        })
    }

    /// Removes an address ban. False if there is none of exactly this network.
    pub fn remove_address_ban(&self, network: Network) -> Result<bool, SaveError> {
        self.write_or_defer(About::Network(network), 0, Erases::Yes, move |connection| {
            address_bans::remove(connection, network)
        })
    }

    /// Stores a direct message for an offline user. Refused when history is off.
    pub fn save_offline_message(&self, to: AccountId, direct: OfflineMessageRecord) -> Result<(), OfflineMessageError> {
        if !self.history {
            return Err(OfflineMessageError::NotSaved(SaveError(StoreError::HistoryOff)));
        }
        match self.write(Erases::No, move |connection| offline_messages::insert(connection, to, &direct)) {
            Ok(offline_messages::Insertion::Stored) => Ok(()),
            Ok(offline_messages::Insertion::MailboxFull) => Err(OfflineMessageError::MailboxFull),
            Ok(offline_messages::Insertion::SenderShare) => Err(OfflineMessageError::SenderShare),
            Ok(offline_messages::Insertion::NoAccount) => Err(OfflineMessageError::NoAccount),
            Err(error) => Err(OfflineMessageError::NotSaved(error)),
        }
    }

    /// For tests: takes the messages that wait for an account, oldest first, as if they had been shown.
    #[doc(hidden)]
    pub fn take_offline_messages(&self, account: AccountId) -> Result<Vec<OfflineMessageRecord>, SaveError> {
        let waiting = self.offline_messages(account).map_err(|ReadError(reason)| SaveError(reason))?;
        self.offline_messages_shown(account, &waiting);
        self.sync().map(|()| waiting)
    }

    /// Edits a waiting direct message. Replies to it lose their quotes. False if it waits for no one.
    pub fn edit_offline_message(&self, id: MessageId, text: &str) -> Result<bool, SaveError> {
        let text: Box<str> = text.into();
        self.write(Erases::Yes, move |connection| offline_messages::edit(connection, id, &text))
    }

    /// Erases a waiting direct message. False if it waits for no one.
    pub fn delete_offline_message(&self, id: MessageId) -> Result<bool, SaveError> {
        self.write(Erases::Yes, move |connection| offline_messages::delete(connection, id))
    }

    /// Makes the file this server's own, even if it was an archive, which would otherwise continue reading from its old
    /// positions.
    #[cfg(feature = "cluster")]
    pub(crate) fn end_archive(&self) -> Result<(), SaveError> {
        match self.archive_places() {
            Ok(places) if places.is_empty() => Ok(()),
            Ok(_) => self.write(Erases::No, meta::forget_log_places),
            Err(ReadError(reason)) => Err(SaveError(reason)),
        }
    }

    /// Waits until everything recorded so far is written.
    pub fn sync(&self) -> Result<(), SaveError> {
        self.write(Erases::No, |_| Ok(()))
    }

    /// The same, with another timeout.
    pub(crate) fn sync_within(&self, timeout: Duration) -> Result<(), SaveError> {
        self.wait(QueuedWrite::Awaited, Erases::No, |_| Ok(()), timeout)
    }

    /// Waits until everything recorded so far is written and erased text is gone from all files.
    pub fn flush(&self) -> Result<(), SaveError> {
        self.wait(QueuedWrite::Flush, Erases::No, |_| Ok(()), FLUSH_TIMEOUT)
    }

    /// Closes the store: writes what is queued and the exact last message id, and empties the log, until `until` at most. Nothing
    /// is accepted afterwards.
    pub fn close(&self, until: Instant) -> Result<(), SaveError> {
        // Readers would keep the log from being emptied.
        self.account_reader.close();
        self.message_reader.close();
        let mut state = self.queue.lock();
        state.shutdown.get_or_insert(CloseMode::Drain(until.checked_sub(SHUTDOWN_RESERVE).unwrap_or(until)));
        self.queue.wake.notify_one();
        while !state.writer_exited {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(SaveError(StoreError::TimedOut));
            }
            state = self.queue.exited.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.outcome.clone().map_or(Ok(()), |reason| Err(SaveError(reason)))
    }

    /// For tests: see [`Failpoints`].
    #[doc(hidden)]
    pub fn failpoints(&self) -> &Failpoints {
        &self.queue.failpoints
    }

    /// For tests: how many callers wait for a write that has not begun.
    #[doc(hidden)]
    pub fn awaited(&self) -> usize {
        self.queue.lock().awaited()
    }

    /// For tests: limits the size of the database in pages, so that it fills up like a disk. 0 removes the limit.
    #[doc(hidden)]
    pub fn limit_pages(&self, pages: u32) {
        self.queue.failpoints.pages.store(pages, Ordering::Relaxed);
    }
}
