//! The tables of the current version.
//!
//! *Owns* the schema, and how we recognise our own files and their version.
//! *Knows nothing of* migration, and of what the values mean.

use rusqlite::Connection;

/// Marks the file as ours, in bytes 68 to 71 ("The SQLite Database File Format", section 1.3): `chat`.
pub(crate) const APPLICATION: i32 = 0x6368_6174;

/// Version of the tables, in `user_version`.
pub(crate) const VERSION: i64 = 7;

/// All tables. Names are stored twice: as typed, and folded to lower case, which has to be unique.
///
/// `position` is the order within a list. Times are milliseconds since 1970, durations milliseconds, addresses text.
pub(crate) const TABLES: &str = "
CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: an id is never given to another account, since room lists refer to ids.
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE, hash TEXT NOT NULL,
    created INTEGER NOT NULL, color INTEGER, bell TEXT, time_zone TEXT, timestamps INTEGER, ids INTEGER, quiet INTEGER
) STRICT;
CREATE TABLE ignored (
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE, position INTEGER NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (account, position)
) STRICT, WITHOUT ROWID;

-- Every room with anything stored. made_by is NULL for configured rooms. entry: 0 open, 1 password, 2 closed.
-- gone: deleted. The name is free again, and the messages are being erased in slices. read_back: 0 all, 1 joined, 2 none.
CREATE TABLE rooms (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE,
    made_by TEXT, made_address TEXT, made_at INTEGER,
    public INTEGER NOT NULL DEFAULT 1, description TEXT NOT NULL DEFAULT '', people INTEGER,
    entry INTEGER NOT NULL DEFAULT 0, password TEXT, slow INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0,
    read_back INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX rooms_gone ON rooms (id) WHERE gone;
CREATE TABLE admins (
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE, position INTEGER NOT NULL,
    account INTEGER, name TEXT NOT NULL, address TEXT NOT NULL, owner INTEGER NOT NULL, PRIMARY KEY (room, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE bans (
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE, position INTEGER NOT NULL, name TEXT NOT NULL,
    who_account INTEGER, who_name TEXT, who_address TEXT, address TEXT, banned_by TEXT NOT NULL, reason TEXT NOT NULL,
    until INTEGER, PRIMARY KEY (room, position)
) STRICT, WITHOUT ROWID;
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

-- The text of messages, apart from author and room: see `text_slots`.
CREATE TABLE texts (slot INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE free_texts (
    size INTEGER NOT NULL, slot INTEGER NOT NULL, PRIMARY KEY (size, slot)
) STRICT, WITHOUT ROWID;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY, room INTEGER NOT NULL REFERENCES rooms, at INTEGER NOT NULL, author TEXT NOT NULL,
    account INTEGER, text INTEGER NOT NULL, action INTEGER NOT NULL, edited INTEGER NOT NULL,
    reply_id INTEGER, reply_author TEXT
) STRICT;
CREATE INDEX messages_of_room ON messages (room, id);
CREATE INDEX messages_of_account ON messages (account, room, id) WHERE account IS NOT NULL;
-- For retention: ids and times rise together only if the clock was never wrong.
CREATE INDEX messages_by_age ON messages (at);
CREATE TABLE directs (
    account INTEGER NOT NULL REFERENCES accounts, id INTEGER NOT NULL, at INTEGER NOT NULL, sender TEXT NOT NULL,
    sender_account INTEGER, text INTEGER NOT NULL, action INTEGER NOT NULL, edited INTEGER NOT NULL,
    reply_id INTEGER, reply_author TEXT, quote INTEGER, sender_address TEXT, PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX directs_by_id ON directs (id);
CREATE INDEX directs_by_reply ON directs (reply_id) WHERE reply_id IS NOT NULL;
CREATE INDEX directs_by_age ON directs (at);
CREATE TABLE visits (
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE, room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
    last INTEGER NOT NULL, PRIMARY KEY (account, room)
) STRICT, WITHOUT ROWID;
CREATE INDEX visits_of_room ON visits (room);
-- The rooms an account is in, or was in when last connected; the last one is the current one. door: see `OpenRoomRecord`.
CREATE TABLE open_rooms (
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE, position INTEGER NOT NULL,
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE, door TEXT NOT NULL, PRIMARY KEY (account, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX open_rooms_of_room ON open_rooms (room);
-- since: the last message sent before the account first joined or was invited.
CREATE TABLE members (
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE, room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
    since INTEGER NOT NULL, PRIMARY KEY (account, room)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_of_room ON members (room);
";

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DatabaseKind {
    /// Nothing yet.
    Empty,
    /// Data of another program.
    Foreign,
    /// Our tables, and their version.
    Ours(i64),
}

/// Finds out what a connection has opened, without changing it.
pub(crate) fn identify(connection: &Connection) -> rusqlite::Result<DatabaseKind> {
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match application {
        APPLICATION if version > 0 => DatabaseKind::Ours(version),
        0 if version == 0 && tables == 0 => DatabaseKind::Empty,
        _ => DatabaseKind::Foreign,
    })
}

/// Creates the tables in an empty file, in one transaction.
pub(crate) fn create(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}
