//! What a chat message costs, compared with one bare `write` per member: `cargo bench --bench fanout`; or what storing or
//! encrypting it adds.
//!
//! Starts the real server and, beside it, the *floor*: a process that does nothing but one bare `write` of the same bytes
//! per member. One client drives both over real sockets in turns, and checks that every member gets every message once and
//! in order. The absolute figures depend on the machine; the ratios depend on the program.
//!
//! ```text
//! cases, rooms,
//! doors,
//! cluster --> traffic --> crowd --> wire       what is measured, what is sent, the client's members, bytes and texts
//!   |           |          +-----> link <-- tls   a member's connection; its encryption or WebSocket, if any
//!   |           +--> subject <-- floor         a process under test, its processor time and memory
//!   +--> report                                tables and targets
//! ```
//!
//! Options: `--quick` short windows; `--members 10,100` room sizes; `--case NAME` one case (may be repeated);
//! `--seconds S` length of one window; `--rounds N`; `--telnet never|auto`; `--history`, `--tls`, `--json`, `--web`,
//! `--metrics` or `--cluster N`: see below. The exit status is 1 when a message was lost, duplicated or out of order, or when
//! nothing could be measured; being slow never changes it.
//!
//! `--history` (feature `storage`): the server stores messages on disk, and is compared with the same server without a
//! `[storage]` section instead of the floor. The cases are `one`, `burst`, `eight` and `rooms`. A window ends when the
//! server has become idle, so that delayed writes are included, and the number of messages in the database is printed
//! beside the ratio: a message that the store's queue had no room for costs nothing. The database is in the system's
//! temporary folder; `TMPDIR` names another.
//!
//! `--tls` (feature `tls`): the server has only a TLS listener, and is compared with the same server in plain text. The
//! cases are `one`, `burst`, `eight`, `rooms`, `memory` and `login`; it has no targets. The client's own encryption runs in
//! the client's process and is not counted, but it shares the machine: the rates are lower for it, and batches may be larger.
//!
//! `--json` (feature `json`): the members are programs that speak JSON, and are compared with as many on terminals. The cases
//! are `one`, `burst`, `eight`, `rooms` and `memory`. An object is more than twice as long as a terminal's line.
//!
//! `--web` (feature `web`): four servers in turns, whose members are on terminals, on terminals behind a WebSocket, programs
//! that speak JSON, and programs that do so over WebSocket. The aim, 1.1, is for members who get the same text; programs over
//! WebSocket are also compared with terminals, where the longer text counts too. The cases are the same.
//!
//! `--metrics` (feature `metrics`): the server has a listener for metrics, and is compared with the same server without
//! one. Both count; counting costs less than these figures vary between runs.
//!
//! `--cluster 2` (feature `cluster`): starts a Redis that stores nothing on disk and two servers that share it, or as
//! many as the number says, and compares them with a standalone server. If `redis-server` is not installed, it says so.
//! The cases are:
//!
//! - `burst`: 1,000 people on each server in one room, 64 messages in flight from one sender. The figure is the deliveries of
//!   all servers per average processor time of one, compared with a standalone server: two machines are worth this many. A
//!   message is in flight until the last member who joined on the last server has it. Redis' own time is printed beside it.
//! - `latency`: 50 messages a second to 100 people, half of them on each server, compared with 100 on one server. The
//!   difference is what the path through Redis adds. All processes share the machine, so on a busy machine it is too long.
//! - `rate`: 20,000 messages a second for a minute, or five seconds with `--quick`, from 16 senders on both servers to them and
//!   to two readers on each; `--rate N` sets another number. A refusal ends the run. The lag is the time from the client's
//!   `write` to a reader on any server.
//!
//! With any of the other comparisons, `latency` can be requested and `stall` cannot, and `login` compares the two sides among equally many users.
//!
//! # Reading the figures
//!
//! The README has the ratios of one run. Batches are cheap because the sender of a message delivers it while the messages of
//! others become the next batch: one system call per member and batch. `stall` is the noisiest case: take the median of
//! `--case stall --rounds 5`.
//!
//! Storing a message costs 2 to 3 us, however many read it. Encryption costs more with more members, because each has a key,
//! and what is encrypted for one cannot be shared. A login takes 2.3 times the processor time with TLS, and a password adds the
//! 20 to 30 ms of its hash.
//!
//! Needs Linux (epoll, /proc). Uses only the loopback address.

#![allow(unreachable_pub, reason = "nothing outside uses this program's modules")]

mod cases;
mod cluster;
mod crowd;
mod doors;
mod failure;
mod floor;
mod link;
mod logins;
mod options;
mod report;
mod rooms;
mod side;
mod stall;
mod subject;
#[cfg(feature = "tls")]
mod tls;
mod traffic;
mod web;
mod wire;

use std::process::ExitCode;

use failure::Failure;
use options::{Case, Comparison, Options, Task};
use report::Report;

fn main() -> ExitCode {
    match Options::read().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("fanout: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<(), Failure> {
    let options = match task {
        Task::Floor { rooms, members } => return floor::serve(rooms, members),
        Task::Measure(options) => options,
    };
    // The hard limit is the most a process may request without being root.
    let descriptors = rlimit::increase_nofile_limit(u64::MAX)?;
    println!("{}", options.describe());
    let mut report = Report::default();
    if options.comparison != Comparison::Cluster {
        for &members in &options.members {
            cases::run(&options, members, descriptors, &mut report)?;
        }
    }
    if options.nodes > 0 {
        for &members in &options.members {
            cluster::run(&options, members, descriptors, &mut report)?;
        }
    }
    if options.wants(Case::Rooms) {
        rooms::run(&options, descriptors, &mut report)?;
    }
    if options.wants(Case::Stall) {
        stall::run(&options, &mut report)?;
    }
    if options.wants(Case::Login) {
        logins::run(&options, descriptors, &mut report)?;
    }
    report.print();
    Ok(())
}
