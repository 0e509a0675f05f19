//! What users see when a server, the network or Redis fails.

use std::thread;
use std::time::{Duration, Instant};

use crate::nodes::{Cluster, ask_until_not, runs_all};
use crate::support::PATIENCE;

/// The lease of the servers here, and the sweep after it.
const GONE_WITHIN: Duration = Duration::from_secs(3 + 3 + 7);

#[test]
fn users_of_a_killed_server_leave_and_their_names_are_free() {
    let Some(mut cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let _bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    let killed = Instant::now();
    cluster.nodes[1].kill();
    alice.expect("* bob left (their server is gone)");
    assert!(killed.elapsed() < GONE_WITHIN, "{:?}", killed.elapsed());
    ask_until_not(&mut alice, "/listall", "bob");
    let mut again = cluster.nodes[0].chat("bob", "general");
    again.send("back on the other one");
    alice.expect("bob: back on the other one");
}

#[test]
fn while_redis_is_down_nothing_is_said_and_everything_can_be_read() {
    let Some(mut cluster) = Cluster::start(2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    bob.send("before");
    alice.expect("bob: before");
    cluster.redis.kill();
    let deadline = Instant::now() + PATIENCE;
    loop {
        alice.send("into the void");
        let seen = alice.settle();
        if seen.contains("! Not said: this server cannot reach the others right now.") {
            break;
        }
        assert!(Instant::now() < deadline, "never refused: {seen:?}");
    }
    alice.send("/history");
    alice.expect("bob: before");
    alice.send("/help");
    alice.settle();
    let mut carol = cluster.nodes[1].connect();
    carol.expect("Username: ");
    carol.send("carol");
    carol.expect("! Nobody can log in right now: try again in a minute.");
    assert!(!bob.settle().contains("into the void"));
}

#[test]
fn redis_with_its_data_comes_back_and_users_go_on() {
    let Some(redis) = crate::support::redis::Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]) else {
        return;
    };
    let Some(mut cluster) = Cluster::over(redis, 2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    bob.send("before");
    alice.expect("bob: before");
    cluster.redis.kill();
    cluster.redis.start_again();
    say_until_seen(&mut bob, &mut alice, "after");
    say_until_seen(&mut alice, &mut bob, "and back");
    alice.send("/history");
    alice.expect("bob: before");
}

#[test]
fn redis_without_its_data_comes_back_and_users_keep_their_names_and_rooms() {
    let Some(mut cluster) = Cluster::start(2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    bob.send("before");
    alice.expect("bob: before");
    cluster.redis.kill();
    cluster.redis.start_again();
    say_until_seen(&mut bob, &mut alice, "after");
    say_until_seen(&mut alice, &mut bob, "and back");
    alice.send("/list");
    alice.expect("2 people in general:");
}

#[test]
fn a_connection_to_redis_that_is_cut_loses_and_doubles_nothing() {
    let Some(cluster) = Cluster::start(2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    for number in 0..10 {
        cluster.nodes[number % 2].proxy.cut();
        say_until_seen(&mut bob, &mut alice, &format!("line {number}."));
    }
    let seen = alice.settle();
    for number in 0..10 {
        assert!(!seen.contains(&format!("line {number}.")), "twice: {seen:?}");
    }
}

#[test]
fn a_line_waits_while_redis_is_held_up_and_comes_once() {
    let Some(cluster) = Cluster::start(2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    cluster.redis.signal("STOP");
    bob.send("patience");
    bob.expect("! The other servers do not answer. Your line waits.");
    cluster.redis.signal("CONT");
    alice.expect("bob: patience");
    assert!(!alice.settle().contains("patience"));
}

#[test]
fn a_server_that_was_away_is_back_with_its_users() {
    if !runs_all() {
        return println!("LEFT OUT: CHATSOCK_CLUSTER_ALL=1 runs it");
    }
    let Some(cluster) = Cluster::start(2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    cluster.nodes[1].proxy.refuse(true);
    alice.expect("* bob left (their server is gone)");
    alice.send("meanwhile");
    alice.settle();
    cluster.nodes[1].proxy.refuse(false);
    bob.expect("* This server is back with the others");
    say_until_seen(&mut bob, &mut alice, "here again");
    bob.send("/history");
    bob.expect("alice: meanwhile");
}

#[test]
fn users_of_a_server_that_stops_properly_leave_at_once() {
    let Some(mut cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let _bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    cluster.nodes[1].signal("TERM");
    assert_eq!(cluster.nodes[1].wait(), Some(0));
    alice.expect("* bob left");
    ask_until_not(&mut alice, "/listall", "bob");
}

#[test]
fn a_server_that_stood_still_longer_than_its_lease_says_nothing_late() {
    if !runs_all() {
        return println!("LEFT OUT: CHATSOCK_CLUSTER_ALL=1 runs it");
    }
    let Some(cluster) = Cluster::start(2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    cluster.nodes[1].signal("STOP");
    bob.send("said while it stood still");
    alice.expect("* bob left (their server is gone)");
    cluster.nodes[1].signal("CONT");
    bob.expect("* This server is back with the others");
    say_until_seen(&mut bob, &mut alice, "here again");
}

/// Says a line again and again until it is taken, and sees it on the other screen once.
#[track_caller]
fn say_until_seen(from: &mut crate::support::Client, to: &mut crate::support::Client, line: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        from.send(line);
        let seen = from.settle();
        if !seen.contains("! ") || seen.contains("Your line waits") && !seen.contains("Not said") {
            break;
        }
        assert!(Instant::now() < deadline, "never taken: {seen:?}");
        thread::park_timeout(Duration::from_millis(50));
    }
    to.expect(&format!(": {line}"));
}
