//! What outlasts the process: accounts, rooms, bans, messages, in one SQLite file, with the feature `storage`.
//!
//! The types are there in every build. Without the feature [`Store`] has no value, so that whoever holds an
//! `Option<Arc<Store>>` needs no condition of his own.
//!
//! One thread writes, behind a bounded queue: what is said is only put there, under a leaf mutex and without waiting, and
//! is on the disk within 250 ms; what has to be confirmed is waited for. Reading has connections of its own.
//!
//! # What is promised
//!
//! - Accounts, settings, bans, rooms and direct messages that wait are on the disk, and synced, before the call that saves them
//!   returns. Everything recorded before that call is there too.
//! - Messages, edits, deletions, visits and the audit are there 250 ms after they are recorded: they are gathered for 100 ms,
//!   and the rest is for the disk. A power failure or a crash takes what is younger.
//! - When the disk refuses or hangs, up to 8 MiB of records wait in memory. What finds no place is counted, and that is said.
//! - Without `history` no word of a message is handed to SQLite. With it, what is deleted or replaced is overwritten in the
//!   database with the next batch, and gone from the log beside it about a second later, or when the last reader in the
//!   way is done.
//! - No number of a message is given twice, whatever happens between.
//!
//! *Owns* the database, its files and their lock; which promise holds for what.
//! *Knows nothing of* who may do what, of passwords in the clear, of terminals and connections.
//! *Called by* the rooms and sessions to record, by `main` at start and at the end, by `chatsock user` and
//! `chatsock backup`.
//!
//! | file | owns |
//! | --- | --- |
//! | `kept` | the values that are kept |
//! | `news` | what goes wrong, and what others have written, in sentences |
//! | `absent` | the store of a build without the feature |
//! | `opening` | from a path to a running store |
//! | `file` | the database's files: whose they are to read, the lock against a second server |
//! | `schema`, `migration` | the tables, and how an older file becomes a newer one |
//! | `record` | what can wait to be written |
//! | `queue` | what waits, and its bounds |
//! | `pending` | queued erasures and edits, applied to every read until they are written |
//! | `writer` | the thread that writes, and who is told when the disk refuses |
//! | `looks` | what it looks at once a second: the clock, and whether another program has written |
//! | `ending` | what it writes last |
//! | `batch` | one batch in one transaction |
//! | `trouble` | what is tried again and when, and when a trouble is over |
//! | `watch` | the thread that says so when the writer hangs |
//! | `chores` | erasing in slices, and taking what was erased out of the log |
//! | `numbers` | message numbers reserved in blocks |
//! | `accounts`, `rooms`, `open_rooms`, `members`, `messages`, `directs`, `texts` | the SQL of each |
//! | `wall` | which reading of the clock counts, and when nothing that cannot be undone is done by it |
//! | `many` | many rows with one statement |
//! | `columns`, `faults` | our values as columns; SQLite's complaints as our reasons |
//! | `failpoints` | where tests hold the writer or make it fail |
//! | `look_alikes` | accounts by what their names look like |
//! | `reader` | a connection that only reads, and the budget of a query |
//! | `recording`, `asking`, `reading` | the store's methods: those that never wait, those that wait for the disk, those that read |
//! | `administration` | accounts, for `chatsock user` |
//! | `backup` | a copy of it all, for `chatsock backup` |

mod error;
mod event;
mod records;

#[cfg(not(feature = "storage"))]
mod disabled;

#[cfg(feature = "storage")]
mod account_admin;
#[cfg(feature = "storage")]
mod background_writes;
#[cfg(feature = "storage")]
mod backup;
#[cfg(feature = "storage")]
mod confirmed_writes;
#[cfg(feature = "storage")]
mod database;
#[cfg(feature = "storage")]
mod failpoints;
#[cfg(feature = "storage")]
mod look_alikes;
#[cfg(feature = "storage")]
mod open;
#[cfg(feature = "storage")]
mod queries;
#[cfg(feature = "storage")]
mod queue;
#[cfg(feature = "storage")]
mod tables;
#[cfg(feature = "storage")]
mod wall_clock;
#[cfg(feature = "storage")]
mod writer;

#[cfg(feature = "storage")]
pub use account_admin::AccountAdmin;
#[cfg(feature = "storage")]
pub use backup::BackupError;
#[cfg(not(feature = "storage"))]
pub use disabled::{AccountAdmin, Store};
pub use error::{CreateAccountError, OfflineMessageError, OpenError, ReadError, SaveError, StoreFailure};
pub use event::{StoreEvent, StoreEventHandler};
#[cfg(feature = "storage")]
#[doc(hidden)]
pub use failpoints::{Failpoints, Point};
#[cfg(feature = "storage")]
pub use open::Store;
pub use records::{
    AccessRecord, AccountRecord, AddressBanRecord, AuditEntry, MAX_OFFLINE_MESSAGES, MAX_OFFLINE_MESSAGES_PER_SENDER,
    MemberRecord, MessageRecord, OfflineMessageRecord, OpenRoomRecord, Page, RoomRecord, Settings, StoreOptions,
    StoredState, Visit,
};
#[cfg(feature = "storage")]
pub use wall_clock::{ReadClocks, Reading};
