//! Migrates an older database to this version: forward only, in one transaction, with a backup first.
//!
//! *Owns* the step from each version to the next. *Knows nothing of* how the current version is used.
//!
//! To add a version: raise `schema::VERSION`, change `schema::TABLES`, add a step here.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use log::info;
use rusqlite::Connection;

use super::files;
use super::schema;
use super::sqlite_errors;
use super::text_slots;
use crate::store::error::{OpenError, StoreError};

/// What version 2 adds. `messages` is created again, because its texts were in its rows.
const TWO: &str = "
ALTER TABLE accounts ADD COLUMN color INTEGER;
ALTER TABLE accounts ADD COLUMN bell TEXT;
ALTER TABLE accounts ADD COLUMN time_zone TEXT;
CREATE TABLE ignored (
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE, position INTEGER NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (account, position)
) STRICT, WITHOUT ROWID;
ALTER TABLE rooms ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
CREATE INDEX rooms_gone ON rooms (id) WHERE gone;
CREATE TABLE mutes (
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE, position INTEGER NOT NULL,
    account INTEGER, name TEXT NOT NULL, address TEXT NOT NULL, until INTEGER, PRIMARY KEY (room, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE invitations (
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE, position INTEGER NOT NULL,
    account INTEGER, name TEXT NOT NULL, address TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (room, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE address_bans (
    network TEXT NOT NULL PRIMARY KEY, banned_by TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL) STRICT;
CREATE TABLE texts (slot INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE free_texts (
    size INTEGER NOT NULL, slot INTEGER NOT NULL, PRIMARY KEY (size, slot)
) STRICT, WITHOUT ROWID;
DROP INDEX messages_of_room;
ALTER TABLE messages RENAME TO messages_before;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY, room INTEGER NOT NULL REFERENCES rooms, at INTEGER NOT NULL, author TEXT NOT NULL,
    account INTEGER, text INTEGER NOT NULL, action INTEGER NOT NULL, edited INTEGER NOT NULL,
    reply_id INTEGER, reply_author TEXT
) STRICT;
CREATE INDEX messages_of_room ON messages (room, id);
CREATE INDEX messages_of_account ON messages (account, room, id) WHERE account IS NOT NULL;
CREATE TABLE directs (
    account INTEGER NOT NULL REFERENCES accounts, id INTEGER NOT NULL, at INTEGER NOT NULL, sender TEXT NOT NULL,
    sender_account INTEGER, text INTEGER NOT NULL, action INTEGER NOT NULL, edited INTEGER NOT NULL,
    reply_id INTEGER, reply_author TEXT, quote INTEGER, PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX directs_by_id ON directs (id);
CREATE INDEX directs_by_reply ON directs (reply_id) WHERE reply_id IS NOT NULL;
CREATE TABLE visits (
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE, room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
    last INTEGER NOT NULL, PRIMARY KEY (account, room)
) STRICT, WITHOUT ROWID;
CREATE INDEX visits_of_room ON visits (room);
";

/// What version 3 adds.
const THREE: &str = "
ALTER TABLE accounts ADD COLUMN timestamps INTEGER;
ALTER TABLE accounts ADD COLUMN ids INTEGER;
ALTER TABLE accounts ADD COLUMN quiet INTEGER;
";

/// What version 4 adds.
const FOUR: &str = "
CREATE INDEX messages_by_age ON messages (at);
CREATE INDEX directs_by_age ON directs (at);
";

/// What version 5 adds.
const FIVE: &str = "
CREATE TABLE open_rooms (
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE, position INTEGER NOT NULL,
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE, door TEXT NOT NULL, PRIMARY KEY (account, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX open_rooms_of_room ON open_rooms (room);
";

/// What version 6 adds.
const SIX: &str = "
ALTER TABLE directs ADD COLUMN sender_address TEXT;
";

/// What version 7 adds. Anyone who had visited a room or posted in it counts as a member from then on.
const SEVEN: &str = "
ALTER TABLE rooms ADD COLUMN read_back INTEGER NOT NULL DEFAULT 0;
CREATE TABLE members (
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE, room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
    since INTEGER NOT NULL, PRIMARY KEY (account, room)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_of_room ON members (room);
INSERT INTO members (account, room, since)
    SELECT account, room, min(since) FROM (
        SELECT account, room, last AS since FROM visits
        UNION ALL
        SELECT m.account, m.room, min(m.id) - 1 FROM messages m JOIN rooms n ON n.id = m.room AND NOT n.gone
        WHERE m.account IN (SELECT id FROM accounts) GROUP BY m.account, m.room
    ) GROUP BY account, room;
";

/// Version 1 to 2: texts move to slots; settings, mutes, invitations and the audit log are stored too.
fn to_two(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TWO)?;
    let mut before = connection.prepare(
        "SELECT id, text FROM messages_before WHERE EXISTS (SELECT 1 FROM rooms WHERE rooms.id = messages_before.room) ORDER BY id",
    )?;
    let mut insert = connection.prepare(
        "INSERT INTO messages (id, room, at, author, account, text, action, edited, reply_id, reply_author)
         SELECT id, room, at, author, account, ?2, action, edited, reply_id, reply_author FROM messages_before WHERE id = ?1",
    )?;
    let mut rows = before.query([])?;
    while let Some(row) = rows.next()? {
        let (id, text): (i64, String) = (row.get(0)?, row.get(1)?);
        let slot = text_slots::put(connection, &text)?;
        insert.execute([id, slot])?;
    }
    drop(rows);
    connection.execute_batch("DROP TABLE messages_before")
}

/// Where the backup of a database of that version goes.
pub(crate) fn backup_of(path: &Path, version: i64) -> PathBuf {
    files::sibling(path, &format!(".backup-v{version}"))
}

/// Writes a backup beside the database. A partial one never appears under its name.
fn back_up(connection: &Connection, path: &Path, version: i64) -> Result<PathBuf, StoreError> {
    let backup = backup_of(path, version);
    let part = files::sibling(&backup, ".part");
    let failure = |error: &dyn std::fmt::Display| StoreError::Other(error.to_string().into());
    match fs::remove_file(&part) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failure(&error)),
        _ => {}
    }
    // An empty file with our mode: VACUUM INTO accepts one, and would otherwise create its own with the umask's.
    files::create(&part).map_err(|error| failure(&error))?;
    let target = part.to_str().ok_or_else(|| StoreError::Other("the path of the backup is not UTF-8".into()))?;
    let copied = connection.execute("VACUUM INTO ?1", [target]).map_err(|error| sqlite_errors::failure(&error));
    match copied.and_then(|_| files::rename_durably(&part, &backup).map_err(|error| failure(&error))) {
        Ok(()) => Ok(backup),
        Err(reason) => {
            // A partial backup takes space on a disk that may be full; nothing else depends on its removal.
            let _ = fs::remove_file(&part);
            Err(reason)
        }
    }
}

fn run(connection: &Connection, from: i64) -> rusqlite::Result<()> {
    // Tables are dropped and created again, so references are checked once, at the end.
    connection.pragma_update(None, "foreign_keys", false)?;
    let transaction = connection.unchecked_transaction()?;
    if from < 2 {
        to_two(&transaction)?;
    }
    if from < 3 {
        transaction.execute_batch(THREE)?;
    }
    if from < 4 {
        transaction.execute_batch(FOUR)?;
    }
    if from < 5 {
        transaction.execute_batch(FIVE)?;
    }
    if from < 6 {
        transaction.execute_batch(SIX)?;
    }
    if from < 7 {
        transaction.execute_batch(SEVEN)?;
    }
    if transaction.prepare("PRAGMA foreign_key_check")?.exists([])? {
        let message = "an entry refers to one that does not exist".to_owned();
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CONSTRAINT),
            Some(message),
        ));
    }
    transaction.pragma_update(None, "user_version", schema::VERSION)?;
    transaction.commit()
}

/// Brings the database of an older version up to date.
pub(crate) fn migrate(connection: &Connection, path: &Path, from: i64) -> Result<(), OpenError> {
    let failed = |reason| OpenError::NotMigrated { path: path.to_owned(), reason };
    let backup = back_up(connection, path, from).map_err(failed)?;
    run(connection, from).map_err(|error| failed(sqlite_errors::failure(&error)))?;
    info!(
        "{} was migrated to version {}; the old database (version {from}) is saved as {}",
        path.display(),
        schema::VERSION,
        backup.display()
    );
    Ok(())
}
