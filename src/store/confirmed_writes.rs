//! What is waited for: it is on the disk when the call returns.
//!
//! *Owns* how long anybody waits. *Knows nothing of* SQL.
//! *Called by* sessions and `main`, from threads that hold no lock.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection;

use super::error::{CreateAccountError, OfflineMessageError, ReadError, SaveError, StoreFailure};
use super::failpoints::Failpoints;
use super::open::Store;
use super::queue::End;
use super::queue::queued_write::{About, AwaitedWrite, BackgroundWrite, Deferred, QueuedWrite};
use super::records::{AddressBanRecord, OfflineMessageRecord, RoomRecord, Settings};
use super::tables::accounts;
use super::tables::address_bans;
use super::tables::offline_messages;
use super::tables::rooms;
use crate::access::network::Network;
use crate::chat::identity::AccountId;
use crate::chat::message::MessageId;
use crate::chat::moderation::ModerationLists;
use crate::chat::names::{RoomName, UserName};
use crate::chat::secret::Hashed;

/// How long anybody waits for the disk. A person who has waited longer has gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// The same for a flush, which may have a large room to erase.
const FLUSH_PATIENCE: Duration = Duration::from_secs(60);

/// What the writer has of a close for its last steps, so that it can still say how it ended.
const ENDING: Duration = Duration::from_millis(500);

/// What a name in a list costs in memory, about.
const NAME: usize = 128;

/// Somebody waits, and may give up.
const WAITS: u8 = 0;
/// Nobody waits any more: it is not done.
const GIVEN_UP: u8 = 1;
/// It is being committed, whether the caller still waits or not.
const CLAIMED: u8 = 2;

/// One thing to do, and who waits for it.
///
/// Giving up and committing exclude each other: a request reported as not done must not be done afterwards, because the
/// caller asks again, or never sees what it removed. One compare-and-swap decides which came first.
struct Asked<T, F> {
    what: F,
    done: Option<T>,
    erases: bool,
    answer: SyncSender<Result<T, StoreFailure>>,
    state: Arc<AtomicU8>,
}

impl<T: Send, F: Fn(&Connection) -> rusqlite::Result<T> + Send> AwaitedWrite for Asked<T, F> {
    fn carry_out(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.done = None;
        if self.state.load(Ordering::Acquire) != GIVEN_UP {
            self.done = Some((self.what)(connection)?);
        }
        Ok(())
    }

    fn claim(&self) -> bool {
        let claimed = self.state.compare_exchange(WAITS, CLAIMED, Ordering::AcqRel, Ordering::Acquire);
        // What was given up before it was begun has done nothing.
        claimed.is_ok() || claimed == Err(CLAIMED) || self.done.is_none()
    }

    fn erases(&self) -> bool {
        self.erases
    }

    fn tell(mut self: Box<Self>, outcome: Result<(), StoreFailure>) {
        let done = self.done.take().ok_or(StoreFailure::TimedOut);
        // Whoever has given up does not hear it.
        let _ = self.answer.send(outcome.and(done));
    }
}

/// Whether words are taken away that must not stay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    Stay,
    Go,
}

impl Store {
    fn wait<T, F>(
        &self,
        entry: impl FnOnce(Box<dyn AwaitedWrite>) -> QueuedWrite,
        words: Words,
        what: F,
        patience: Duration,
    ) -> Result<T, SaveError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        // Room for the answer, so that the writer never waits for who asks.
        let (answer, answered) = mpsc::sync_channel(1);
        let state = Arc::new(AtomicU8::new(WAITS));
        let erases = words == Words::Go;
        let asked = Asked { what, done: None, erases, answer, state: Arc::clone(&state) };
        self.shared.order(entry(Box::new(asked))).map_err(SaveError)?;
        match answered.recv_timeout(patience) {
            Ok(outcome) => outcome.map_err(SaveError),
            Err(RecvTimeoutError::Timeout) => {
                let given_up = state.compare_exchange(WAITS, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire);
                self.shared.look();
                Err(SaveError(if given_up.is_ok() { StoreFailure::TimedOut } else { StoreFailure::OutcomeUnknown }))
            }
            Err(RecvTimeoutError::Disconnected) => Err(SaveError(StoreFailure::Closed)),
        }
    }

    fn ask<T, F>(&self, words: Words, what: F) -> Result<T, SaveError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.wait(QueuedWrite::Awaited, words, what, self.patience())
    }

    /// The same for what holds whether it is on disk or not: where that is refused, it stays in the queue like a record, and is
    /// written when the disk takes it, at the end of the store at the latest. Doing it twice is no harm.
    fn ask_on<T, F>(&self, about: About, weight: usize, words: Words, what: F) -> Result<T, SaveError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> rusqlite::Result<T> + Send + Sync + 'static,
    {
        let what = Arc::new(what);
        let again = Arc::clone(&what);
        let done = self.ask(words, move |connection| what(connection));
        if done.as_ref().is_err_and(is_deferred) {
            let what = Box::new(move |connection: &Connection| again(connection).map(|_| ()));
            self.shared.record(BackgroundWrite::Deferred(Deferred { about, weight, what }));
        }
        done
    }
}

/// Whether what was refused is tried again by the store: everything but what comes after the end.
fn is_deferred(SaveError(reason): &SaveError) -> bool {
    *reason != StoreFailure::Closed
}

/// Each of these waits for the disk: the caller holds no lock. When it returns, what was asked is committed and synced, or
/// it is not done and will not be; only with [`StoreFailure::OutcomeUnknown`] it may be done yet. It never takes longer than ten seconds.
impl Store {
    fn patience(&self) -> Duration {
        self.shared.failpoints.patience().unwrap_or(PATIENCE)
    }

    /// Makes an account.
    pub fn create_account(&self, name: &UserName, hash: &Hashed) -> Result<AccountId, CreateAccountError> {
        let (name, hash) = (name.clone(), hash.clone());
        let made =
            self.ask(Words::Stay, move |connection| accounts::create(connection, &name, &hash, Timestamp::now()));
        made.map_err(CreateAccountError::NotSaved)?.ok_or(CreateAccountError::Exists)
    }

    /// Gives an account another password in the place of one that somebody has proved to know. False if that is not its
    /// password any more, or if there is no such account: `chatsock user` changes accounts from outside.
    pub fn replace_hash(&self, id: AccountId, before: &Hashed, hash: &Hashed) -> Result<bool, SaveError> {
        let (before, hash) = (before.clone(), hash.clone());
        self.ask(Words::Go, move |connection| accounts::replace_hash(connection, id, &before, &hash))
    }

    /// Removes an account with its settings, its visits and what waits for it. False if there is none.
    pub fn remove_account(&self, id: AccountId) -> Result<bool, SaveError> {
        self.ask(Words::Go, move |connection| accounts::remove(connection, id))
    }

    /// The same for the owner, who has proved to know the password of this hash. False also if it is another one by now.
    pub fn remove_own_account(&self, id: AccountId, hash: &Hashed) -> Result<bool, SaveError> {
        let hash = hash.clone();
        self.ask(Words::Go, move |connection| {
            Ok(accounts::has_hash(connection, id, &hash)? && accounts::remove(connection, id)?)
        })
    }

    /// Keeps what the owner of an account has set. False if there is no such account.
    pub fn save_settings(&self, id: AccountId, settings: &Settings) -> Result<bool, SaveError> {
        let settings = settings.clone();
        let weight = settings.ignored.len() * NAME;
        self.ask_on(About::Settings(id), weight, Words::Stay, move |connection| {
            accounts::save_settings(connection, id, &settings)
        })
    }

    /// Keeps a room that was just made: messages and lists of an earlier one of that name are erased.
    pub fn create_room(&self, room: RoomRecord) -> Result<(), SaveError> {
        self.ask(Words::Go, move |connection| {
            rooms::forget(connection, &room.name)?;
            rooms::save(connection, &room)
        })
    }

    /// Keeps a room as it is now, with its lists. Its messages stay. Nothing if it is one that somebody has made and that
    /// was forgotten since: a late save must neither bring it back nor overwrite the next room of its name.
    pub fn save_room(&self, room: RoomRecord) -> Result<(), SaveError> {
        let ModerationLists { admins, bans, mutes, invitations } = &room.lists;
        let lists = admins.len() + bans.len() + mutes.len() + invitations.len();
        self.ask_on(About::Room(room.name.clone()), lists * NAME, Words::Go, move |connection| {
            if let Some(made) = &room.made
                && !rooms::is_kept(connection, &room.name, made)?
            {
                return Ok(());
            }
            rooms::save(connection, &room)
        })
    }

    /// Erases a room, its lists and its messages. False if nothing of it was kept. What is recorded of the room afterwards
    /// is kept again: close it first. To be called also when a room is made that is not kept, or it would show what an
    /// earlier one of its name has left.
    pub fn delete_room(&self, name: &RoomName) -> Result<bool, SaveError> {
        let (name, waits) = (name.clone(), name.clone());
        let done = self.ask(Words::Go, move |connection| rooms::forget(connection, &name));
        if done.as_ref().is_err_and(is_deferred) {
            self.shared.record(BackgroundWrite::Forgotten(waits));
        }
        done
    }

    /// Keeps addresses out; a ban of the same block is replaced.
    pub fn save_address_ban(&self, ban: AddressBanRecord) -> Result<(), SaveError> {
        self.ask_on(About::Network(ban.network), ban.reason.len(), Words::Stay, move |connection| {
            address_bans::save(connection, &ban)
        })
    }

    /// Ends that. False if there is no ban of exactly this block.
    pub fn remove_address_ban(&self, network: Network) -> Result<bool, SaveError> {
        self.ask_on(About::Network(network), 0, Words::Go, move |connection| address_bans::remove(connection, network))
    }

    /// Keeps a direct message for somebody who is away. Refused on a server that keeps no messages.
    pub fn save_offline_message(&self, to: AccountId, direct: OfflineMessageRecord) -> Result<(), OfflineMessageError> {
        if !self.history {
            return Err(OfflineMessageError::NotSaved(SaveError(StoreFailure::HistoryOff)));
        }
        match self.ask(Words::Stay, move |connection| offline_messages::keep(connection, to, &direct)) {
            Ok(offline_messages::Deposit::Waits) => Ok(()),
            Ok(offline_messages::Deposit::Full) => Err(OfflineMessageError::MailboxFull),
            Ok(offline_messages::Deposit::Share) => Err(OfflineMessageError::SenderShare),
            Ok(offline_messages::Deposit::Gone) => Err(OfflineMessageError::NoAccount),
            Err(error) => Err(OfflineMessageError::NotSaved(error)),
        }
    }

    /// For tests: what waits for somebody, oldest first, and is erased here by then, as when all of it was shown.
    #[doc(hidden)]
    pub fn take_offline_messages(&self, account: AccountId) -> Result<Vec<OfflineMessageRecord>, SaveError> {
        let waiting = self.offline_messages(account).map_err(|ReadError(reason)| SaveError(reason))?;
        self.offline_messages_shown(account, &waiting);
        self.sync().map(|()| waiting)
    }

    /// Gives a direct message another text wherever it waits; answers to it lose their quotes. False if it waits for nobody.
    pub fn edit_offline_message(&self, id: MessageId, text: &str) -> Result<bool, SaveError> {
        let text: Box<str> = text.into();
        self.ask(Words::Go, move |connection| offline_messages::edit(connection, id, &text))
    }

    /// Erases a direct message wherever it waits. False if it waits for nobody.
    pub fn delete_offline_message(&self, id: MessageId) -> Result<bool, SaveError> {
        self.ask(Words::Go, move |connection| offline_messages::erase(connection, id))
    }

    /// Returns when all that was recorded before is written.
    pub fn sync(&self) -> Result<(), SaveError> {
        self.ask(Words::Stay, |_| Ok(()))
    }

    /// The same, with a time limit.
    pub fn sync_within(&self, patience: Duration) -> Result<(), SaveError> {
        self.wait(QueuedWrite::Awaited, Words::Stay, |_| Ok(()), patience)
    }

    /// Returns when all that was recorded before is written, and what was erased is in none of the files any more.
    pub fn flush(&self) -> Result<(), SaveError> {
        self.wait(QueuedWrite::Flush, Words::Stay, |_| Ok(()), FLUSH_PATIENCE)
    }

    /// Writes what waits, the exact last number, and an empty log; until then at most. Nothing is taken afterwards.
    pub fn close(&self, until: Instant) -> Result<(), SaveError> {
        // They would keep the log from being emptied.
        self.accounts.close();
        self.messages.close();
        let mut state = self.shared.lock();
        state.end.get_or_insert(End::Close(until.checked_sub(ENDING).unwrap_or(until)));
        self.shared.woken.notify_one();
        while !state.ended {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(SaveError(StoreFailure::TimedOut));
            }
            state = self.shared.has_ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.outcome.clone().map_or(Ok(()), |reason| Err(SaveError(reason)))
    }

    /// For tests: see [`Failpoints`].
    #[doc(hidden)]
    pub fn failpoints(&self) -> &Failpoints {
        &self.shared.failpoints
    }

    /// For tests: how much somebody waits for that is not begun yet.
    #[doc(hidden)]
    pub fn awaited(&self) -> usize {
        self.shared.lock().awaited()
    }

    /// For tests: the database may have so many pages, and is as full as a full disk with them. 0 takes the limit away.
    #[doc(hidden)]
    pub fn limit_pages(&self, pages: u32) {
        self.shared.failpoints.pages.store(pages, Ordering::Relaxed);
    }
}
