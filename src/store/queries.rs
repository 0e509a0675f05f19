//! What is read while the server runs: accounts, older messages, visits, the audit log.
//!
//! *Owns* which connection answers, and how long it may take. *Knows nothing of* SQL and of who may read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::database::sql_values::retention_cutoff;
use super::error::{ReadError, StoreError};
use super::open::Store;
use super::queue::overlay::Overlay;
use super::records::{
    AccountRecord, AuditEntry, HistoryPage, MessageRecord, OfflineMessageRecord, OpenRoomRecord, RoomRecord, Visit,
};
use super::tables::accounts;
use super::tables::audit;
use super::tables::messages;
use super::tables::offline_messages;
use super::tables::open_rooms;
use super::tables::rooms;
use super::tables::visits;
use crate::chat::message::{AccountId, MessageId};
use crate::chat::names::{RoomName, UserName};
#[cfg(feature = "metrics")]
use crate::metrics::Histogram;

/// Time limit of a query that uses an index. Only a hanging disk ever reaches it.
pub(super) const SHORT: Duration = Duration::from_secs(2);

/// Most messages in one page: about a megabyte of chat.
const MAX_ROWS: usize = 10_000;

/// Each of these reads from the disk, so the caller must hold no lock. Writes of the last 250 ms may be missing, but erasures
/// and edits show at once, written or not.
impl Store {
    /// The time to compare stored times with: the wall clock's, as long as it is trusted.
    pub fn now(&self) -> Timestamp {
        self.clock.time().at
    }

    /// The time since which messages are shown; older ones have expired. `None`: all are shown.
    pub(crate) fn retention_start(&self) -> Option<Timestamp> {
        let retention = self.retention.filter(|_| self.history)?;
        Timestamp::from_millisecond(retention_cutoff(self.now(), Some(retention))).ok()
    }

    /// Writes that were lost since the start, and the size of those that wait, in bytes.
    #[cfg(feature = "metrics")]
    pub(crate) fn lost_and_pending(&self) -> (u64, usize) {
        self.queue.lock().lost_and_pending()
    }

    /// How long batches took.
    #[cfg(feature = "metrics")]
    pub(crate) fn batch_seconds(&self) -> &Histogram {
        &self.queue.batch_seconds
    }

    fn since(&self) -> i64 {
        retention_cutoff(self.now(), self.retention)
    }

    /// Finds an account by name, ignoring case. Read again every time, since `chatsock user` changes accounts from outside.
    pub fn account(&self, name: &UserName) -> Result<Option<AccountRecord>, ReadError> {
        self.account_reader.read(SHORT, |connection| accounts::find(connection, name))
    }

    /// Whether there is an account of that name, ignoring case.
    pub fn account_name_exists(&self, name: &UserName) -> Result<bool, ReadError> {
        self.account_reader.read(SHORT, |connection| accounts::exists(connection, name))
    }

    /// Another account whose name looks like this one.
    pub(crate) fn look_alike(&self, name: &UserName) -> Result<Option<UserName>, ReadError> {
        let known = self.look_alikes.last();
        self.look_alikes.add(self.account_reader.read(SHORT, |connection| accounts::created_after(connection, known))?);
        let last = self.look_alikes.last();
        for other in self.look_alikes.find(name) {
            if self.account_name_exists(&other)? {
                return Ok(Some(other));
            }
            self.look_alikes.forget(&other, last);
        }
        Ok(None)
    }

    /// Whether any account has a name that is not ASCII.
    pub(crate) fn has_non_ascii_names(&self) -> Result<bool, ReadError> {
        self.account_reader.read(SHORT, accounts::has_non_ascii_names)
    }

    /// Whether there is an account with this id.
    pub fn account_exists(&self, id: AccountId) -> Result<bool, ReadError> {
        self.account_reader.read(SHORT, |connection| accounts::id_exists(connection, id))
    }

    /// All accounts, by name.
    pub fn accounts(&self) -> Result<Vec<AccountRecord>, ReadError> {
        self.message_reader.read(SHORT, accounts::list)
    }

    /// A room with its lists, if anything of it is stored.
    pub fn room(&self, name: &RoomName) -> Result<Option<RoomRecord>, ReadError> {
        if self.queue.failpoints.is_unreadable() {
            return Err(ReadError(StoreError::TimedOut));
        }
        let rooms = self.message_reader.read(SHORT, rooms::load)?;
        Ok(rooms.into_iter().find(|room| room.name == *name))
    }

    /// Messages of a room before an id, newest first: at most `most`, and for at most `budget`.
    pub fn messages_before(
        &self,
        room: &RoomName,
        before: MessageId,
        most: usize,
        budget: Duration,
    ) -> Result<HistoryPage, ReadError> {
        let mut page = HistoryPage::default();
        if !self.history {
            return Ok(page);
        }
        let (most, since, overlay, until) = (most.min(MAX_ROWS), self.since(), self.overlay(), Instant::now() + budget);
        if overlay.is_deleted(room) {
            return Ok(page);
        }
        let mut before = before;
        // Some of the messages read may be deleted. Then as many again are read after them.
        while page.messages.len() < most && !page.cut {
            let (wanted, mut found) = (most - page.messages.len(), Vec::new());
            let left = until.saturating_duration_since(Instant::now());
            match self
                .message_reader
                .read(left, |connection| messages::before(connection, since, room, before, wanted, &mut found))
            {
                Err(ReadError(StoreError::TimedOut)) => page.cut = true,
                other => other?,
            }
            let (count, last) = (found.len(), found.last().map(|message| message.id));
            page.messages.extend(found.into_iter().filter_map(|message| overlay.apply(message)));
            match last {
                Some(last) if count == wanted => before = last,
                _ => break,
            }
        }
        Ok(page)
    }

    fn overlay(&self) -> Arc<Overlay> {
        self.queue.lock().overlay()
    }

    /// Finds a message by id, and its room.
    pub fn message(&self, id: MessageId) -> Result<Option<(RoomName, MessageRecord)>, ReadError> {
        if !self.history {
            return Ok(None);
        }
        let (since, overlay) = (self.since(), self.overlay());
        let found = self.message_reader.read(SHORT, |connection| messages::find(connection, since, id))?;
        let found = found.filter(|(room, _)| !overlay.is_deleted(room));
        Ok(found.and_then(|(room, message)| Some((room, overlay.apply(message)?))))
    }

    /// The last message of an account in a room.
    pub fn last_message_by(&self, account: AccountId, room: &RoomName) -> Result<Option<MessageRecord>, ReadError> {
        if !self.history {
            return Ok(None);
        }
        let (since, overlay) = (self.since(), self.overlay());
        let mut before = MessageId(u64::MAX);
        if overlay.is_deleted(room) {
            return Ok(None);
        }
        loop {
            let last = |connection: &_| messages::last_by(connection, since, account, room, before);
            let Some(message) = self.message_reader.read(SHORT, last)? else { return Ok(None) };
            before = message.id;
            if let Some(message) = overlay.apply(message) {
                return Ok(Some(message));
            }
        }
    }

    /// How many messages of others came since a user's last visit, for each room that has any; at most 1,000.
    pub fn unread(&self, account: AccountId) -> Result<Vec<(RoomName, u64)>, ReadError> {
        if !self.history {
            return Ok(Vec::new());
        }
        let (since, overlay) = (self.since(), self.overlay());
        let deleted: Vec<_> = overlay.deleted_messages().collect();
        let mut unread =
            self.message_reader.read(SHORT, |connection| visits::unread(connection, since, account, &deleted))?;
        unread.retain(|(room, _)| !overlay.is_deleted(room));
        Ok(unread)
    }

    /// The direct messages that wait for a user, oldest first. They wait until [`Store::offline_messages_shown`].
    pub fn offline_messages(&self, account: AccountId) -> Result<Vec<OfflineMessageRecord>, ReadError> {
        if !self.history {
            return Ok(Vec::new());
        }
        let (since, overlay) = (self.since(), self.overlay());
        let mut waiting =
            self.message_reader.read(SHORT, |connection| offline_messages::list(connection, since, account))?;
        waiting.retain(|direct| overlay.is_undelivered(account, direct));
        Ok(waiting)
    }

    /// How far a user has read, room by room.
    pub fn visits(&self, account: AccountId) -> Result<Vec<Visit>, ReadError> {
        self.message_reader.read(SHORT, |connection| visits::list(connection, account))
    }

    /// The rooms an account was in when last connected, the current one last.
    pub fn open_rooms(&self, account: AccountId) -> Result<Vec<OpenRoomRecord>, ReadError> {
        self.message_reader.read(SHORT, |connection| open_rooms::list(connection, account))
    }

    /// The latest entries of the audit log, newest first.
    pub fn audit(&self, most: usize) -> Result<Vec<AuditEntry>, ReadError> {
        self.message_reader.read(SHORT, |connection| audit::latest(connection, most.min(MAX_ROWS)))
    }
}
