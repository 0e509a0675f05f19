//! Persistence: accounts, rooms, bans and messages in one SQLite file, with the feature `storage`.
//!
//! The types exist in every build. Without the feature, [`Store`] has no values, so that code with an `Option<Arc<Store>>`
//! needs no `cfg`.
//!
//! One thread writes, behind a bounded queue. Background writes are only put into the queue, under a leaf mutex and without
//! waiting, and are on disk within 250 ms. For confirmed writes the caller waits. Queries have connections of their own.
//!
//! # Guarantees
//!
//! - Accounts, settings, bans, rooms and offline messages are on disk, and synced, before the call that saves them returns.
//!   So is everything recorded before that call.
//! - Messages, edits, deletions, visits and the audit log are on disk 250 ms after they are recorded: they are gathered
//!   for 100 ms, and the rest is for the disk. A power failure or a crash loses anything newer.
//! - When the disk fails or hangs, up to 8 MiB of writes wait in memory. What does not fit is counted, and reported.
//! - Without `history`, no text of a message reaches SQLite. With it, a deleted or replaced text is overwritten in the database
//!   with the next batch, and is gone from the log about a second later, or when the last reader in the way is done.
//! - No message id is ever given twice.
//!
//! *Owns* the database, its files and their lock, and these guarantees.
//! *Knows nothing of* permissions, passwords in the clear, terminals and connections.
//!
//! | file | owns |
//! | --- | --- |
//! | `records` | the values that are stored |
//! | `error`, `event` | what goes wrong, and what else the admin has to know, in sentences |
//! | `disabled` | the store of a build without the feature |
//! | `failpoints` | where tests hold the writer or make the disk fail |
//! | `look_alikes` | accounts by what their names look like |
//! | `wall_clock` | which readings of the clock to trust |
//! | `database` | the SQLite file: its paths, lock, schema, migration and connections |
//! | `tables` | the SQL of each table |
//! | `queue` | writes on their way to the writer, their bounds, and the overlay that shows them to readers |
//! | `writer` | the thread that writes: batches, retries, maintenance, watchdog |
//! | `open` | from a path to a running store |
//! | `background_writes`, `confirmed_writes`, `queries` | the store's methods: without waiting, waiting for the disk, reading |
//! | `archive` | what an archive of a cluster stores, with how far it has read |
//! | `import` | a database read whole, for `chatsock cluster import` |
//! | `account_admin` | accounts, for `chatsock user` |
//! | `backup` | a copy of the database, for `chatsock backup` |
//!
//! # To store another kind of data
//!
//! 1. Its type in `records`.
//! 2. Its table in `database/schema.rs`, with a step in `database/migration.rs`.
//! 3. Its SQL in `tables`.
//! 4. Its method in `background_writes` (never waits) or `confirmed_writes` (waits for the disk), and the same in `disabled`.

// Every arm is written out, so that the compiler asks about a new variant.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod error;
mod event;
mod records;

#[cfg(not(feature = "storage"))]
mod disabled;

#[cfg(feature = "storage")]
mod account_admin;
#[cfg(all(feature = "storage", feature = "cluster"))]
mod archive;
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
#[cfg(all(feature = "storage", feature = "cluster"))]
mod import;
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
#[cfg(all(feature = "storage", feature = "cluster"))]
pub(crate) use archive::ArchiveWrite;
#[cfg(feature = "storage")]
pub use backup::BackupError;
#[cfg(not(feature = "storage"))]
pub use disabled::{AccountAdmin, Store};
pub use error::{CreateAccountError, OfflineMessageError, OpenError, ReadError, SaveError, StoreError};
pub use event::StoreEvent;
pub(crate) use event::StoreEventHandler;
#[cfg(feature = "storage")]
#[doc(hidden)]
pub use failpoints::{Failpoints, Point};
#[cfg(all(feature = "storage", feature = "cluster"))]
pub(crate) use import::ImportedAccount;
#[cfg(feature = "storage")]
pub use open::Store;
#[cfg(all(feature = "storage", feature = "cluster"))]
pub(crate) use records::ArchivePlace;
pub use records::{
    AccessRecord, AccountRecord, AddressBanRecord, AuditEntry, HistoryPage, MemberRecord, MessageRecord,
    OfflineMessageRecord, OpenRoomRecord, RoomRecord, Settings, StoreOptions, StoredState, Visit,
};
pub(crate) use records::{MAX_OFFLINE_MESSAGES, MAX_OFFLINE_MESSAGES_PER_SENDER};
#[cfg(feature = "storage")]
pub use wall_clock::{ClockReading, ReadClocks};
