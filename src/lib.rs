//! chatsock: a chat server for people who have only a terminal.
//!
//! Synchronous, one thread per connection, on `std::net`. A person comes in with telnet or nc, gives a name, and has a
//! palette of commands and rooms to talk in. Everything that decides anything is pure and tested without a socket; around
//! it stand an outbox per client, rooms that deliver, and sessions that read.
//!
//! ```text
//! socket -read-> wire -> telnet -> line -> command -> palette -> effects -> room table -> room
//! socket <-write- wire <- telnet <- screen <------------- outbox <--- whoever delivers the room
//! ```
//!
//! # The folders, lowest first
//!
//! A folder names only folders above it in this table, and a file only files before it in its row or what its own
//! `mod.rs` defines.
//!
//! | folder | owns | its files, lowest first |
//! | --- | --- | --- |
//! | `text` | text from strangers, made safe and measured for a terminal | `sanitize`, `width`, `charset`, `wrap`, `counted` |
//! | `protocol` | bytes to lines and back, without I/O | `line`, `telnet`, `wire` |
//! | `chat` | users, rooms, messages and permissions as values; no I/O, no locks | `account_policy`, `duration`, `names`, `message`, `conversation`, `history`, `identity`, `pattern`, `permission`, `moderation`, `quotes`, `secret`, `action`, `room_settings`, `room` |
//! | `access` | passwords, failed attempts, rates, addresses | `address`, `allowance`, `eviction`, `attempts`, `network`, `password`, `rate`, `admission`, `shutdown_code` |
//! | `ui` | one user's input and screen, as a pure state machine | `command`, `screen`, `palette` |
//! | `config` | chatsock.toml: reading, defaults, errors | `address`, `mistake`, `syntax`, `value`, `keys`, `rooms`, `conflict`, `storage`, `listeners`, `tls`, `read`, `file` |
//! | `store` | persistence: one SQLite file, one writer thread | `records`, `error`, `event`, `disabled`, `failpoints`, `look_alikes`, `wall_clock`, `database`, `tables`, `queue`, `writer`, `open`, `background_writes`, `confirmed_writes`, `queries`, `account_admin`, `backup` |
//! | `outbox` | one client's output: screen state, send queue, socket | `day`, `disconnect`, `on_screen`, `preferences`, `batch`, `bounded`, `reader`, `transmit`, `backlog`, `encrypted`, `slow_readers`, `view`, `whereabouts`, `linger` |
//! | `hub` | the state that all connections share | `checkpoint`, `mailbox`, `room`, `open_rooms`, `rooms`, `roster`, `accounts`, `direct`, `shutdown`, `timer`, `membership`, `worker_pool`, `account_review`, `address_bans`, `limits`, `quotations`, `tasks` |
//! | `session` | one connection, on its own thread | `account`, `archive`, `client_input`, `completion`, `dispatch`, `flood_notice`, `held_keys`, `idle`, `deadlines`, `joined_rooms`, `close`, `line_queue`, `listings`, `login`, `look_alikes`, `message_actions`, `moderation`, `notices`, `offline_messages`, `operator`, `pacing`, `input`, `profile`, `read`, `resume`, `returned_lines`, `room_storage`, `rooms`, `search`, `shutdown`, `talk`, `temporary`, `terminal`, `login_restore`, `unread`, `account_state` |
//! | `server` | listeners, TLS, start and graceful stop | `capacity`, `reminder`, `certificate`, `error`, `ports`, `handshake`, `transport`, `accept` |
//! | `cli` | flags, and the commands that run without a server | `backup`, `backup_arguments`, `user_arguments`, `user_admin` |
//!
//! # Threads
//!
//! | name | how many | does |
//! | --- | --- | --- |
//! | `main` | 1 | waits for requests: another configuration, the stop |
//! | `signals` | 1 | waits for signals and turns them into requests |
//! | `accept:<port>` | one per listener | accepts, and starts clients' threads |
//! | `client:<id>` | one per connection | shakes hands where TLS is spoken, reads, runs the palette, answers, delivers what it posts |
//! | `room:<name>` | while a room is that busy | delivers batch after batch, so that posters can go on reading |
//! | `slow-readers` | 1 | sends what full sockets did not take; asleep while all sockets keep up |
//! | `timer` | 1 | gathered news, expiring messages, lingering rooms, heirs, refused sockets |
//! | `store` | 1, if anything is kept on disk | `records`, `error`, `event`, `disabled`, `failpoints`, `look_alikes`, `wall_clock`, `database`, `tables`, `queue`, `writer`, `open`, `background_writes`, `confirmed_writes`, `queries`, `account_admin`, `backup` |
//! | `store-watch` | as `store` | says so when that one hangs in its disk; asleep otherwise |
//! | `account-review` | after another program has written | disconnects users whose accounts were changed, and finds heirs for their rooms |
//! | `worker:<n>` | two at most, none while idle | slow jobs: hashing passwords, searching, looking up time zones, reading the disk |
//!
//! # Locks
//!
//! Taken in the order of their ranks only, never two of one rank, none held while another thread is waited for, no disk
//! and no log line under any of them: roster 0, room table and table of conversations 1, room and conversation 2, outbox 3.
//! Configuration, certificate, quotations, timer, work queue, failed attempts, rates, allowances, a person's name and his being away, the list of laggards, the count of connections, bans of addresses, messages
//! for the absent, the store's clock, the rooms that accounts are in and the queue of what is to be kept are leaves: nothing
//! else is locked under them. A connection to the database that reads is locked while the disk is read, by threads that hold
//! nothing else.
//!
//! # What is deliberately absent
//!
//! An async runtime, a poller, `unsafe`, a thread per room or per writer in ordinary times, and any wait in the path of a
//! message for the slowest of its readers.

pub mod access;
pub mod chat;
pub mod cli;
pub mod config;
pub mod hub;
pub mod outbox;
pub mod protocol;
pub mod server;
pub mod session;
pub mod store;
pub mod text;
pub mod ui;

/// For random tests: inputs that failed once are kept in `tests/regressions/`, and tried first from then on.
#[cfg(test)]
fn proptest_config() -> proptest::test_runner::Config {
    let failed = proptest::test_runner::FileFailurePersistence::SourceParallel("tests/regressions");
    proptest::test_runner::Config { failure_persistence: Some(Box::new(failed)), ..Default::default() }
}
