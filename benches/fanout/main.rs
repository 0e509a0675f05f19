//! What one message to a room costs, against a bare `write` to each of its members: `cargo bench --bench fanout`; or what
//! keeping it on disk adds, or sealing it.
//!
//! Starts the real server and, beside it, the *floor*: a process that does nothing but one bare `write` of the same bytes
//! per member. One and the same client drives both over real sockets in turns, and holds that every member got every
//! message once and in order. The figures are the machine's; their ratios are the program's.
//!
//! ```text
//! cases  --> traffic --> crowd --> wire        what is asked, what is sent, the client's members, bytes and texts
//!   |           |          +-----> link <-- tls  a member's connection; its encryption, if any
//!   |           +--> subject <-- floor         a process under test, its processor time and memory
//!   +--> report                                tables and targets
//! ```
//!
//! Options: `--quick` short windows; `--members 10,100` sizes; `--case NAME` one of them (several times for several);
//! `--seconds S` length of one window; `--rounds N`; `--telnet never|auto`; `--history` or `--tls`: see below. The exit
//! status is 1 when a message was lost, doubled or out of place, or when nothing could be measured; never for being slow.
//!
//! `--history` (feature `storage`): the server keeps messages on disk, and instead of the floor the same server without a
//! section `[storage]` is the other side. The cases are `one`, `burst` and `eight`. A window's cost ends when the server has
//! come to rest, so that what is written later is in it, and how many messages are in the database is said beside the
//! ratio: what found no place in the store's queue cost nothing. The database is in the system's temporary folder; `TMPDIR`
//! names another.
//!
//! `--tls` (feature `tls`): the server has only a TLS listener, and the other side is the same server in plain text. The
//! cases are `one`, `burst`, `eight`, `memory` and `login`; it has no targets. The client's own encryption is work of the
//! client's process and not counted, but it shares the machine: the rates are lower for it, and batches may be larger.
//!
//! With either, `latency` can be asked for and `stall` cannot, and `login` compares the two sides among equally many people.
//!
//! Needs Linux (epoll, /proc). Reaches only the loopback address.

mod cases;
mod crowd;
mod failure;
mod floor;
mod link;
mod logins;
mod options;
mod report;
mod stall;
mod subject;
#[cfg(feature = "tls")]
mod tls;
mod traffic;
mod wire;

use std::process::ExitCode;

use failure::Failure;
use options::{Case, Options, Task};
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
        Task::Floor { members } => return floor::serve(members),
        Task::Measure(options) => options,
    };
    // The hard limit is the most one may ask for without being root.
    let descriptors = rlimit::increase_nofile_limit(u64::MAX)?;
    println!("{}", options.describe());
    let mut report = Report::default();
    for &members in &options.members {
        cases::run(&options, members, descriptors, &mut report)?;
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
