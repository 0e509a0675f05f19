//! Random sequences of commands by several users, run against the real parts of the program and against a simple model
//! of the documented behaviour: after every step each screen must show exactly the lines and the prompt that the model
//! says.
//!
//! `CHATSOCK_SEQUENCES` sets the number of sequences, `CHATSOCK_SEED` the seed of the first one, and `CHATSOCK_VERBOSE`
//! prints all of them. A failing sequence is made as short as possible and printed with its seed.

mod chat;
mod choice;
mod doors;
mod invite;
mod lists;
mod message;
mod moderation;
mod pattern;
mod program;
mod pure;
mod room;
mod rules;
mod screen;
mod sequence;
mod server;
mod settings;
mod step;
mod talk;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

/// Sequences in an ordinary run.
const SEQUENCES: u64 = 10_000;

/// Sequences of an ordinary run against the rules alone.
const PURE_SEQUENCES: u64 = 3_000;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn everybody_sees_what_the_model_says_whatever_users_do() {
    let (first, count) = (setting("CHATSOCK_SEED", 1), setting("CHATSOCK_SEQUENCES", SEQUENCES));
    let verbose = std::env::var_os("CHATSOCK_VERBOSE").is_some();
    let (next, steps, failed) = (AtomicU64::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            let seed = first.wrapping_add(number);
            match sequence::play(seed, verbose) {
                Ok(done) => drop(steps.fetch_add(done, Ordering::Relaxed)),
                Err(failure) => {
                    if !failed.swap(true, Ordering::Relaxed) {
                        let transcript = failure.shrink().transcript();
                        panic!("CHATSOCK_SEED={seed} CHATSOCK_SEQUENCES=1\n{transcript}");
                    }
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    println!("{count} sequences from seed {first} on, {} steps", steps.load(Ordering::Relaxed));
}

#[test]
fn the_rules_of_a_room_alone_do_what_was_promised() {
    let (first, count) = (setting("CHATSOCK_SEED", 1), setting("CHATSOCK_SEQUENCES", PURE_SEQUENCES));
    let mut steps = 0;
    for seed in (0..count).map(|number| first.wrapping_add(number)) {
        steps += pure::play(seed, &sequence::ADDRESSES).unwrap_or_else(|difference| panic!("{difference}"));
    }
    println!("{count} sequences from seed {first} on, {steps} steps");
}
