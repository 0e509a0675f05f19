//! chatsock: a chat server for people who have only a terminal.
//!
//! It is synchronous, on `std::net`, with one thread per connection. A user connects with telnet or nc, gives a name,
//! and gets a palette of commands and rooms to talk in. All decisions are made in pure code that is tested without a
//! socket. Around it are an outbox per client, rooms that deliver, and sessions that read.
//!
//! # Where to start reading
//!
//! `ui/palette/mod.rs` shows what a user can do, `chat/room/mod.rs` what a room is, and `session/mod.rs` how a connection
//! ties them together. `hub/room/delivery.rs` is the heart of the server. To add a command, start in
//! `ui/command/table.rs`; to add a setting, in `config/mod.rs`.
//!
//! # The path of a message
//!
//! ```text
//! socket -read-> wire -> telnet -> line -> palette -> effect -> room
//! socket <-send- wire <- telnet <- screen <- outbox <- delivery <-'
//! ```
//!
//! 1. `session/read.rs` blocks in `read`, holding no lock. `protocol/wire` decrypts TLS and unpacks the messages of a
//!    WebSocket. A WebSocket begins with a request, which `server/web.rs` has already answered.
//! 2. `session/input.rs` and `session/client_input.rs` pass the bytes through `protocol/telnet`, which removes commands,
//!    and `protocol/line`, which makes lines of them.
//! 3. `session/pacing.rs` charges the line to the rate limits, which may delay or refuse it.
//! 4. `ui/palette/reading.rs` reads the line, once. The palette answers with an effect, or with a refusal.
//! 5. `session/dispatch.rs` carries out the effect; a chat line goes through `session/talk.rs` to `hub/room/messages.rs`.
//! 6. Under the room's lock, `chat/room/decide` checks the permission, the message gets its id, and `chat/room/apply` puts
//!    it into the history. `hub/room/changes.rs` queues it for delivery, and for the `store` if the room's history is
//!    stored. Nothing is sent yet.
//! 7. After the lock, `hub/room/delivery.rs` takes the whole queue. `outbox/batch.rs` renders it once per kind of screen,
//!    with `ui/screen/render.rs`, and once for all programs, with `ui/screen/json.rs`. If another thread is delivering
//!    already, the message is in that thread's next round.
//! 8. For each viewer, the outbox (`outbox/view.rs`) skips what is on the screen already, and `outbox/transmit.rs` sends the
//!    rest to the socket without waiting. What the socket does not accept goes to `outbox/backlog.rs`, and
//!    `outbox/slow_readers.rs` sends it later.
//!
//! A program sends requests in JSON instead of lines. They take the same path, except for its two ends: `session/json` with
//! `protocol/json` replaces steps 2 and 4, and `outbox/json.rs` writes objects where a screen shows lines.
//!
//! # The folders, lowest first
//!
//! A folder uses only folders above it in this table. A file uses only files before it in its row, and what its own
//! `mod.rs` defines. `tests/suite/layering.rs` checks this.
//!
//! | folder | owns | its files, lowest first |
//! | --- | --- | --- |
//! | `text` | text from strangers, made safe and measured for a terminal | `sanitize`, `width`, `charset`, `wrap`, `counted` |
//! | `protocol` | bytes to lines and back, without I/O | `line`, `telnet`, `transfer`, `proxy`, `http`, `websocket`, `wire`, `json`, `discovery` |
//! | `chat` | users, rooms, messages and permissions as values; no I/O, no locks | `account_policy`, `duration`, `file_name`, `names`, `message`, `conversation`, `history`, `identity`, `pattern`, `permission`, `moderation`, `quotes`, `secret`, `action`, `room_settings`, `room`, `transfer` |
//! | `access` | passwords, failed attempts, rates, addresses | `address`, `allowance`, `eviction`, `attempts`, `network`, `password`, `rate`, `admission`, `shutdown_code` |
//! | `metrics` | what is counted for the admin | `labels`, `counted`, `disabled` |
//! | `ui` | one user's input and screen, as a pure state machine | `command`, `file_lines`, `screen`, `palette` |
//! | `config` | chatsock.toml: reading, defaults, errors | `address`, `mistake`, `syntax`, `value`, `keys`, `rooms`, `conflict`, `storage`, `listeners`, `tls`, `web`, `json`, `proxy`, `files`, `discovery`, `metrics`, `cluster`, `read`, `file` |
//! | `store` | persistence: one SQLite file, one writer thread | `records`, `error`, `event`, `disabled`, `failpoints`, `look_alikes`, `wall_clock`, `database`, `tables`, `queue`, `writer`, `open`, `background_writes`, `confirmed_writes`, `queries`, `archive`, `account_admin`, `backup`, `import` |
//! | `cluster` | several servers that act as one, over Redis; feature `cluster` | `values`, `command`, `entry`, `ticket`, `account_record`, `replica`, `engine`, `wire`, `connections`, `accounts`, `belongings`, `node`, `bus`, `reader`, `questions`, `checks`, `start`, `wire_keys`, `import` |
//! | `outbox` | one client's output: screen state, send queue, socket | `disconnect`, `date_line`, `on_screen`, `watching`, `preferences`, `batch`, `read_limit`, `backlog`, `conversations`, `json`, `transmit`, `slow_readers`, `encoded`, `linger`, `view` |
//! | `hub` | the state that all connections share | `checkpoint`, `mailbox`, `room`, `worker_pool`, `stored_search`, `open_rooms`, `rooms`, `roster`, `account_store`, `accounts`, `direct`, `shutdown`, `transfers`, `timer`, `room_news`, `file_news`, `nodes`, `user_names`, `membership`, `older`, `account_review`, `address_bans`, `limits`, `quotations`, `transfer_notices`, `tasks`, `everywhere`, `page` |
//! | `session` | one connection, on its own thread | `account`, `archive`, `client_input`, `completion`, `dispatch`, `failure`, `files`, `flood_notice`, `ghost`, `held_keys`, `idle`, `deadlines`, `joined_rooms`, `close`, `line_queue`, `listings`, `login`, `look_alikes`, `message_actions`, `moderation`, `notices`, `offline_messages`, `operator`, `pacing`, `input`, `profile`, `read`, `shared_rooms`, `resume`, `returned_lines`, `room_storage`, `rooms`, `search`, `shutdown`, `talk`, `temporary`, `terminal`, `login_restore`, `unread`, `account_state`, `come_back`, `json` |
//! | `server` | listeners, TLS, start and graceful stop | `capacity`, `time_zone`, `systemd`, `stop`, `socket_options`, `reminder`, `certificate`, `error`, `ports`, `handshake`, `turned_away`, `transport`, `discovery`, `files`, `web`, `nodes`, `proxy_header`, `reload`, `accept`, `metrics` |
//! | `cli` | flags, and the commands that run without a server | `help`, `options`, `backup`, `backup_arguments`, `cluster_import`, `cluster_arguments`, `find_arguments`, `find`, `trust`, `proxy_arguments`, `user_arguments`, `user_admin`, `proxy`, `connect_arguments`, `connect` |
//!
//! # Threads
//!
//! | name | how many | does |
//! | --- | --- | --- |
//! | `main` | 1 | waits for requests: a new configuration, a stop |
//! | `signals` | 1 | turns signals into requests |
//! | `accept:<port>` | one per listener | accepts connections and starts their threads |
//! | `client:<id>` | one per connection | performs the TLS handshake, answers a browser's first request, reads, runs the palette, replies, delivers its posts |
//! | `room:<name>` | while a room is very busy | delivers batch after batch, so that posters can go on reading |
//! | `file:<address>` | one per connection that carries a file | waits for the other end; the sender's thread passes the file on |
//! | `discovery` | 1, with `[discovery]` addresses | answers `chatsock find`; asleep otherwise |
//! | `announce` | 1, with `announce` | logs the name under which the server is announced; the library's `mDNS_daemon` announces it |
//! | `slow-readers` | 1 | sends what full sockets did not accept; asleep while all sockets keep up |
//! | `metrics` | 1, with `[metrics]` | answers a monitoring system, one request at a time |
//! | `timer` | 1 | expiring messages, batched notices, empty rooms, heirs of admins, refused sockets |
//! | `store` | 1, with `[storage]` | writes the database in batches; checks the clock and the database files every second |
//! | `store-watchdog` | 1, with `[storage]` | reports when the thread `store` hangs on its disk; asleep otherwise |
//! | `bus:ask` | at most 4, in a cluster, none until they are needed | ask Redis for accounts and users' data, while the calling thread waits |
//! | `bus:write` | 1, in a cluster | sends local users' commands to Redis; everything queued goes as one pipeline |
//! | `bus:read` | 1, in a cluster | reads the shared logs and applies their entries; leaves delivery in large rooms to their own threads |
//! | `bus:<log>` | in a Redis Cluster: one per log for `bus:read`, and one for `archive` | wait for entries of that log |
//! | `nodes` | 1, in a cluster | handles deadlines in shared rooms, which may wait for other servers; retries what could not be shared |
//! | `archive` | 1, in a cluster with `[storage]` | copies the shared logs into the database |
//! | `archive-answer` | the same | answers other servers' questions about older messages |
//! | `archive-ask` | 1, in a cluster | asks archives for older messages; asleep while nobody needs any |
//! | `account-review` | after another program has written | disconnects users whose accounts were changed, and finds new admins for their rooms |
//! | `worker:<n>` | at most two, none while idle | slow jobs: hashing passwords, searching, loading time zones, reading the disk |
//! | `client:<id>:up`, `client:<id>:down` | in `chatsock proxy`: two per connection, started by `client:<id>` | copy what the client sends, and what the server sends |
//! | `connect:<n>` | in `chatsock connect`: one per connection | connects to the server, and reads |
//! | `connect-input` | in `chatsock connect`: 1 | reads lines or keys |
//! | `connect-signals` | in `chatsock connect`: 1 | passes signals on to the client's loop |
//! | `connect-file:<n>` | in `chatsock connect`: one per file | sends or fetches it |
//!
//! # Lock ranks
//!
//! | rank | lock |
//! | --- | --- |
//! | 0 | the roster of users and connections (`hub/roster.rs`) |
//! | 1 | the room table (`hub/rooms.rs`), the table of conversations (`hub/direct.rs`) |
//! | 2 | a room (`hub/room/mod.rs`), a conversation (`hub/direct.rs`) |
//! | 3 | an outbox (`outbox/mod.rs`) |
//! | 4 | the leaves: every other lock, among them the store's queue; no lock is taken under one |
//!
//! A thread takes locks in the order of their ranks, and never two of one rank. It holds none while it waits for another
//! thread, reads or writes the disk, or logs. The one exception is a read connection of the store
//! (`store/database/read_connection.rs`): its lock is held while the disk is read, by a thread that holds no other.
//!
//! In a cluster, one lock comes before all of these: the one in `cluster/bus.rs` under which everything that was read from the
//! shared logs is applied in order. The thread that holds it takes the others, and may log.
//!
//! # Invariants
//!
//! - All members of a room see its messages in the order of their ids, each exactly once. A client that cannot keep up is
//!   disconnected, never skipped.
//! - No thread waits for the socket of another client. A poster waits only on a full queue that a thread is draining.
//! - Everything that a stranger can make grow has a bound.
//! - Text from a user reaches a screen or the log only through `text::sanitize`, and never starts a row without a prefix.
//! - A panic on a connection's thread ends that connection only.
//! - Passwords never appear in history, log, recall or error text.
//!
//! # What is deliberately absent
//!
//! An async runtime, a poller of connections, `unsafe`, a writer thread per client, and, except in very busy rooms, a thread per room.

pub mod access;
pub mod chat;
pub mod cli;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod config;
pub mod hub;
pub mod metrics;
pub mod outbox;
pub mod protocol;
pub mod server;
pub mod session;
pub mod store;
pub mod text;
pub mod ui;

/// For random tests: inputs that failed once are stored in `tests/regressions/` and tried first.
#[cfg(test)]
fn proptest_config() -> proptest::test_runner::Config {
    let failed = proptest::test_runner::FileFailurePersistence::SourceParallel("tests/regressions");
    proptest::test_runner::Config { failure_persistence: Some(Box::new(failed)), ..Default::default() }
}
