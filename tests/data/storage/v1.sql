-- The tables of version 1 and a few rows in them. v1.db beside this file was made from it, once, by
--     sqlite3 v1.db < v1.sql
-- and stays as it is: it stands for the files there are.
PRAGMA page_size = 1024;
PRAGMA application_id = 0x63686174;
PRAGMA user_version = 1;
CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE, hash TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;
CREATE TABLE rooms (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE,
    made_by TEXT, made_address TEXT, made_at INTEGER,
    public INTEGER NOT NULL DEFAULT 1, description TEXT NOT NULL DEFAULT '', people INTEGER,
    entry INTEGER NOT NULL DEFAULT 0, password TEXT, slow INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE admins (
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE, position INTEGER NOT NULL,
    account INTEGER, name TEXT NOT NULL, address TEXT NOT NULL, owner INTEGER NOT NULL, PRIMARY KEY (room, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE bans (
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE, position INTEGER NOT NULL, name TEXT NOT NULL,
    who_account INTEGER, who_name TEXT, who_address TEXT, address TEXT, banned_by TEXT NOT NULL, reason TEXT NOT NULL,
    until INTEGER, PRIMARY KEY (room, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY, room INTEGER NOT NULL REFERENCES rooms, at INTEGER NOT NULL, author TEXT NOT NULL,
    account INTEGER, text TEXT NOT NULL, action INTEGER NOT NULL, edited INTEGER NOT NULL,
    reply_id INTEGER, reply_author TEXT, reply_start TEXT
) STRICT;
CREATE INDEX messages_of_room ON messages (room, id);
INSERT INTO meta VALUES ('last_message', 40);
INSERT INTO accounts VALUES (1, 'Alice', 'alice', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g', 1700000000000);
INSERT INTO accounts VALUES (7, 'bob', 'bob', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$b3RoZXJvdGhlcg', 1700000001000);
INSERT INTO rooms (id, name, folded) VALUES (1, 'general', 'general');
INSERT INTO rooms VALUES (2, 'Attic', 'attic', 'Alice', '192.0.2.1', 1700000002000, 0, 'Old things.', 8, 1, '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$cm9vbXJvb20', 1500);
INSERT INTO admins VALUES (2, 0, 1, 'Alice', '192.0.2.1', 1);
INSERT INTO bans VALUES (2, 0, 'mallory', NULL, NULL, NULL, '203.0.113.5', 'Alice', 'noise', NULL);
INSERT INTO messages VALUES (12, 1, 1700000003000, 'bob', 7, 'morning', 0, 0, NULL, NULL, NULL);
INSERT INTO messages VALUES (13, 2, 1700000004000, 'Alice', 1, 'who is here?', 0, 1, NULL, NULL, NULL);
INSERT INTO messages VALUES (17, 1, 1700000005000, 'Alice', 1, 'waves', 1, 0, 12, 'bob', 'morning');
