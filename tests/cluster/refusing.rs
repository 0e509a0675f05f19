//! A Redis that answers, but does not do what it is asked: a right is missing, or memory, or somebody has emptied it.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::failures::say_until_seen;
use crate::nodes::Cluster;
use crate::support::machine::{argument, file};

const NOT_SAID: &str = "! Not said: this server cannot reach the others right now.";

#[test]
fn functions_that_somebody_has_removed_are_loaded_again_for_the_next_line() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    for round in 0..3 {
        assert!(cluster.redis.ask(&["FUNCTION", "FLUSH"]).contains("OK"));
        bob.send(&format!("round {round}"));
        alice.expect(&format!("bob: round {round}"));
    }
    assert!(!bob.settle().contains("! "), "a line was refused");
    // For those whose accounts are looked up, too.
    cluster.redis.ask(&["FUNCTION", "FLUSH"]);
    drop(cluster.nodes[0].login("carol"));
}

#[test]
fn a_server_that_may_not_call_or_read_ends_at_its_start_with_the_reason() {
    let Some(cluster) = Cluster::start(0, "") else { return };
    let password = cluster.redis.directory().join("password");
    std::fs::write(&password, "secret\n").expect("written");
    let start = |user: &str| {
        let more = format!("user = \"{user}\"\npassword_file = \"{}\"", password.display());
        cluster.launch_in_vain(user, &more)
    };
    let cluster = &cluster;
    thread::scope(|scope| {
        for (user, missing) in [("caller", "fcall"), ("loader", "function|load"), ("reader", "xread")] {
            let right = format!("-{}", missing.split('|').next().expect("a command"));
            let rule = ["ACL", "SETUSER", user, "on", ">secret", "~*", "+@all", &right];
            assert_eq!(cluster.redis.told(&rule), "OK");
            let start = &start;
            scope.spawn(move || {
                let (status, log) = start(user);
                assert_eq!(status, Some(1), "{log}");
                let last = log.lines().last().unwrap_or_default();
                assert!(last.starts_with("chatsock: Redis at redis://"), "{log}");
                let why = format!("NOPERM this user has no permissions to run the '{missing}' command");
                assert!(last.ends_with(&format!(" cannot be used: {why}")), "{log}");
                // It is tried every second, and said once by each of the two threads at most.
                let warnings = log.lines().filter(|line| line.contains(" WARN ") && line.contains(&why)).count();
                assert!((1..=2).contains(&warnings), "{log}");
            });
        }
    });
}

#[test]
fn a_redis_without_memory_is_out_of_reach_and_nobody_is_told_that_a_name_is_registered() {
    // Long enough for no heartbeat to be refused before the line.
    let Some(cluster) = Cluster::start(2, "lease_seconds = 60") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    // Its number is one of many that the servers have fetched.
    alice.send("before that");
    bob.expect("alice: before that");
    cluster.redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    alice.send("too much");
    alice.expect(NOT_SAID);
    alice.send("/nick alison");
    alice.expect("! Not done: this server cannot reach the others right now.");
    let mut newcomer = cluster.nodes[0].connect();
    newcomer.expect("Username: ");
    newcomer.send("newcomer");
    newcomer.expect("! Nobody can log in right now: try again in a minute.");
    cluster.redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    say_until_seen(&mut alice, &mut bob, "after that");
    assert!(!bob.settle().contains("too much"));
    let log = cluster.nodes[0].log();
    assert!(log.contains("cluster: Redis refuses a command: OOM command not allowed"), "{log}");
}

#[test]
fn users_stay_in_their_rooms_while_somebody_empties_redis() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    for round in 0..3 {
        cluster.redis.ask(&["FLUSHALL"]);
        // The first server is in again with this, and the second one before its next heartbeat.
        say_until_seen(&mut alice, &mut bob, &format!("round {round}"));
        let end = Instant::now() + Duration::from_millis(1200);
        let mut number = 0;
        while Instant::now() < end {
            bob.send(&format!("line {round}.{number}"));
            number += 1;
            let seen = bob.settle();
            assert!(!seen.contains("You are not in"), "{seen}");
        }
        say_until_seen(&mut bob, &mut alice, &format!("and back {round}"));
    }
}

#[test]
fn files_that_the_section_names_are_checked_with_the_configuration() {
    let check = |section: &str| {
        let config = file("chatsock.toml", &format!("[cluster]\n{section}\n"));
        let mut program = Command::new(env!("CARGO_BIN_EXE_chatsock"));
        let output = program.args(["--check-config", "--config", argument(&config)]).output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (empty, full) = (file("empty", "\nsecond line\n"), file("full", "secret\n"));
    for (section, said) in [
        ("password_file = \"/nowhere/password\"".to_owned(), "cannot read cluster.password_file /nowhere/password: "),
        (format!("password_file = \"{}\"", empty.display()), ": its first line is empty"),
        ("ca_file = \"/nowhere/ca.pem\"".to_owned(), "cannot read cluster.ca_file /nowhere/ca.pem: "),
        (format!("ca_file = \"{}\"", full.display()), ": there is no certificate in it (PEM)"),
    ] {
        let (status, stderr) = check(&section);
        assert!(status == Some(2) && stderr.contains(said), "{section}: {stderr}");
    }
    let (status, stderr) = check(&format!("password_file = \"{}\"", full.display()));
    assert_eq!((status, &*stderr), (Some(0), ""));
}
