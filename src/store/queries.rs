//! What is read while the server runs: accounts, messages of old, visits, the audit.
//!
//! *Owns* which connection answers, and how long it may take. *Knows nothing of* SQL and of who may read.
//! *Called by* sessions, mostly on `work` threads, and by `hub` from the writer's thread when
//! that tells news; with no lock held.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::database::sql_values::retention_cutoff;
use super::error::{ReadError, StoreFailure};
use super::open::Store;
use super::queue::overlay::Changes;
use super::records::{
    AccountRecord, AuditEntry, MessageRecord, OfflineMessageRecord, OpenRoomRecord, Page, RoomRecord, Visit,
};
use super::tables::accounts;
use super::tables::audit;
use super::tables::messages;
use super::tables::offline_messages;
use super::tables::open_rooms;
use super::tables::rooms;
use super::tables::visits;
use crate::chat::identity::AccountId;
use crate::chat::message::MessageId;
use crate::chat::names::{RoomName, UserName};

/// Time for a question whose answer is found by an index. It is never used up but by a disk that hangs.
const SHORT: Duration = Duration::from_secs(2);

/// Messages in one page at most: about a megabyte of chat.
const MOST_ROWS: usize = 10_000;

/// Each of these reads from the disk: the caller holds no lock. Records of the last 250 ms may not be there yet, but what was
/// erased or edited is so, whether that is written or not.
impl Store {
    /// The current time for anything stored that has an end or an age. It is the wall clock's only while that is trusted.
    pub fn now(&self) -> Timestamp {
        self.wall.moment().at
    }

    /// The moment from which messages are shown: older ones are too old to be kept. `None`: all of them.
    pub fn retention_start(&self) -> Option<Timestamp> {
        let retention = self.retention.filter(|_| self.history)?;
        Timestamp::from_millisecond(retention_cutoff(self.now(), Some(retention))).ok()
    }

    fn since(&self) -> i64 {
        retention_cutoff(self.now(), self.retention)
    }

    /// The account of a name, in whatever case. Read anew every time: `chatsock user` changes accounts from outside.
    pub fn account(&self, name: &UserName) -> Result<Option<AccountRecord>, ReadError> {
        self.accounts.read(SHORT, |connection| accounts::find(connection, name))
    }

    /// Whether there is an account of that name, in whatever case.
    pub fn account_name_exists(&self, name: &UserName) -> Result<bool, ReadError> {
        self.accounts.read(SHORT, |connection| accounts::exists(connection, name))
    }

    /// An account whose name this one could be taken for, and not this one itself.
    pub fn look_alike(&self, name: &UserName) -> Result<Option<UserName>, ReadError> {
        let known = self.look_alikes.last();
        self.look_alikes.add(self.accounts.read(SHORT, |connection| accounts::made_after(connection, known))?);
        let last = self.look_alikes.last();
        for other in self.look_alikes.of(name) {
            if self.account_name_exists(&other)? {
                return Ok(Some(other));
            }
            self.look_alikes.forget(&other, last);
        }
        Ok(None)
    }

    /// Whether there is an account whose name is not ASCII.
    pub fn has_non_ascii_names(&self) -> Result<bool, ReadError> {
        self.accounts.read(SHORT, accounts::has_other_names)
    }

    /// Whether there is an account of this number.
    pub fn account_exists(&self, id: AccountId) -> Result<bool, ReadError> {
        self.accounts.read(SHORT, |connection| accounts::is_there(connection, id))
    }

    /// All accounts, by name.
    pub fn accounts(&self) -> Result<Vec<AccountRecord>, ReadError> {
        self.messages.read(SHORT, accounts::list)
    }

    /// A room with its lists, if anything of it is written down.
    pub fn room(&self, name: &RoomName) -> Result<Option<RoomRecord>, ReadError> {
        let rooms = self.messages.read(SHORT, rooms::load)?;
        Ok(rooms.into_iter().find(|room| room.name == *name))
    }

    /// Messages of a room before a number, newest first, at most so many and for so long at most.
    pub fn messages_before(
        &self,
        room: &RoomName,
        before: MessageId,
        most: usize,
        budget: Duration,
    ) -> Result<Page, ReadError> {
        let mut page = Page::default();
        if !self.history {
            return Ok(page);
        }
        let (most, since, changes, until) =
            (most.min(MOST_ROWS), self.since(), self.changes(), Instant::now() + budget);
        if changes.is_forgotten(room) {
            return Ok(page);
        }
        let mut before = before;
        // Of what is read some may be gone: then as much again is read behind it.
        while page.messages.len() < most && !page.cut {
            let (wanted, mut found) = (most - page.messages.len(), Vec::new());
            let left = until.saturating_duration_since(Instant::now());
            match self
                .messages
                .read(left, |connection| messages::before(connection, since, room, before, wanted, &mut found))
            {
                Err(ReadError(StoreFailure::TimedOut)) => page.cut = true,
                other => other?,
            }
            let (count, last) = (found.len(), found.last().map(|message| message.id));
            page.messages.extend(found.into_iter().filter_map(|message| changes.apply(message)));
            match last {
                Some(last) if count == wanted => before = last,
                _ => break,
            }
        }
        Ok(page)
    }

    fn changes(&self) -> Arc<Changes> {
        self.shared.lock().changes()
    }

    /// A message of a room by its number.
    pub fn message(&self, id: MessageId) -> Result<Option<(RoomName, MessageRecord)>, ReadError> {
        if !self.history {
            return Ok(None);
        }
        let (since, changes) = (self.since(), self.changes());
        let found = self.messages.read(SHORT, |connection| messages::find(connection, since, id))?;
        let found = found.filter(|(room, _)| !changes.is_forgotten(room));
        Ok(found.and_then(|(room, message)| Some((room, changes.apply(message)?))))
    }

    /// The last message of an account in a room.
    pub fn last_message_by(&self, account: AccountId, room: &RoomName) -> Result<Option<MessageRecord>, ReadError> {
        if !self.history {
            return Ok(None);
        }
        let (since, changes) = (self.since(), self.changes());
        let mut before = MessageId(u64::MAX);
        if changes.is_forgotten(room) {
            return Ok(None);
        }
        loop {
            let last = |connection: &_| messages::last_by(connection, since, account, room, before);
            let Some(message) = self.messages.read(SHORT, last)? else { return Ok(None) };
            before = message.id;
            if let Some(message) = changes.apply(message) {
                return Ok(Some(message));
            }
        }
    }

    /// How many messages of others have come since somebody's last visit, in the rooms that have any; 1,000 for all more.
    pub fn unread(&self, account: AccountId) -> Result<Vec<(RoomName, u64)>, ReadError> {
        if !self.history {
            return Ok(Vec::new());
        }
        let (since, changes) = (self.since(), self.changes());
        let gone: Vec<_> = changes.gone().collect();
        let mut unread = self.messages.read(SHORT, |connection| visits::unread(connection, since, account, &gone))?;
        unread.retain(|(room, _)| !changes.is_forgotten(room));
        Ok(unread)
    }

    /// The direct messages that wait for somebody, oldest first. They wait until [`Store::offline_messages_shown`].
    pub fn offline_messages(&self, account: AccountId) -> Result<Vec<OfflineMessageRecord>, ReadError> {
        if !self.history {
            return Ok(Vec::new());
        }
        let (since, changes) = (self.since(), self.changes());
        let mut waiting =
            self.messages.read(SHORT, |connection| offline_messages::waiting_for(connection, since, account))?;
        waiting.retain(|direct| changes.still_waits(account, direct));
        Ok(waiting)
    }

    /// How far somebody has read, room by room.
    pub fn visits(&self, account: AccountId) -> Result<Vec<Visit>, ReadError> {
        self.messages.read(SHORT, |connection| visits::list(connection, account))
    }

    /// The rooms that an account was in when it was last here, the current one last.
    pub fn open_rooms(&self, account: AccountId) -> Result<Vec<OpenRoomRecord>, ReadError> {
        self.messages.read(SHORT, |connection| open_rooms::read(connection, account))
    }

    /// The last deeds, newest first.
    pub fn audit(&self, most: usize) -> Result<Vec<AuditEntry>, ReadError> {
        self.messages.read(SHORT, |connection| audit::latest(connection, most.min(MOST_ROWS)))
    }
}
