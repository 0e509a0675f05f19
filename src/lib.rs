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
//! # The modules, in reading order
//!
//! A module names only modules that stand above it in this list.
//!
//! | layer | modules |
//! | --- | --- |
//! | vocabulary | [`text`], [`names`], [`span`], [`secret`] |
//! | protocol, pure | [`telnet`], [`line`](mod@line), [`wire`] |
//! | chat, pure | [`message`], [`conversation`], [`identity`], [`account`], [`history`], [`permission`], [`order`], [`deed`], [`search`], [`quotes`], [`command`], [`screen`], [`palette`], [`throttle`], [`login_throttle`] |
//! | settings | [`config`], [`exit_code`], [`password`] |
//! | shared state | [`allowance`], [`store`], [`mailbox`], [`outbox`], [`room`], [`room_table`], [`roster`], [`direct`] |
//! | running | [`timer`], [`shutdown`], [`work`], [`hub`], [`session`], [`server`] |
//! | entry | [`cli`], `user_admin` and `backup` (feature `storage`), `main` |
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
//! | `sweep` | 1 | sends what full sockets did not take; asleep while nobody lags |
//! | `timer` | 1 | gathered news, expiring messages, lingering rooms, heirs, refused sockets |
//! | `store` | 1, if anything is kept on disk | writes the database, in batches; looks every second at the clock, whether its files are still there, and whether another program has written to it |
//! | `store-watch` | as `store` | says so when that one hangs in its disk; asleep otherwise |
//! | `review` | after another program has written | puts out those whose accounts were changed, and finds heirs for their rooms |
//! | `work:<n>` | two at most, none while idle | computes long: hashes of passwords, searches, looking up time zones; reads the disk |
//!
//! # Locks
//!
//! Taken in the order of their ranks only, never two of one rank, none held while another thread is waited for, no disk
//! and no log line under any of them: roster 0, room table and table of conversations 1, room and conversation 2, outbox 3.
//! Configuration, certificate, quotations, timer, work queue, throttles, allowances, turns to have a password compared, guesses at the
//! exit code, a person's name and his being away, the list of laggards, the count of connections, bans of addresses, messages
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
