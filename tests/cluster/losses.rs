//! Redis loses its latest data, or everything. Users are told, and nothing else is lost.

use std::thread;
use std::time::{Duration, Instant};

use crate::failures::say_until_seen;
use crate::nodes::{Cluster, ask_until, numbers};
use crate::support::PATIENCE;
use crate::support::lossy_proxy::LossyProxy;
use crate::support::redis::Redis;

const ALL_LOST: &str = "* This room has lost its history.";

#[test]
fn servers_refill_a_redis_that_lost_everything_and_tell_users_once() {
    let Some(mut cluster) = Cluster::start(2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    alice.send(":create games");
    alice.expect("you are its admin");
    alice.send(":set description Chess and go");
    alice.expect("Chess and go");
    alice.send(":chat");
    alice.expect("games | ");
    let mut bob = cluster.nodes[1].chat("bob", "games");
    alice.expect("* bob joined");
    bob.send("said before");
    alice.expect("bob: said before");
    alice.send("and this");
    bob.expect("alice: and this");
    let before = numbers(&bob.seen());
    cluster.redis.kill();
    cluster.redis.start_again();
    let mut seen = [alice.expect(ALL_LOST), bob.expect(ALL_LOST)];
    say_until_seen(&mut bob, &mut alice, "said after");
    seen[0].push_str(&alice.settle());
    seen[1].push_str(&bob.settle());
    assert!(seen.iter().all(|seen| !seen.contains("lost its history")), "again: {seen:?}");
    assert!(!seen[0].contains("bob joined") && !seen[0].contains("bob left"), "{seen:?}");
    say_until_seen(&mut alice, &mut bob, "numbered after");
    alice.settle();
    bob.send("/history");
    let after = numbers(&bob.expect("alice: numbered after"));
    assert!(after.last() > before.last(), "{before:?} {after:?}");
    // A server that starts later knows the room as it was, with its admin and its history.
    let late = cluster.launch("late", "");
    let mut carol = late.chat("carol", "games");
    carol.send("/history");
    let history = carol.expect("said after");
    assert!(history.contains("said before") && history.contains("and this"), "{history}");
    carol.send("/rooms");
    carol.expect("Chess and go");
    alice.send("/kick carol enough");
    carol.expect("You were kicked from games by alice (enough)");
}

/// Two Redis servers, one of which replicates the other through a proxy.
fn followed() -> Option<(Redis, Redis, LossyProxy)> {
    let first = Redis::start()?;
    let between = LossyProxy::before(first.address());
    let port = between.address().port().to_string();
    let second = Redis::with(&["--appendonly", "no", "--save", "", "--replicaof", "127.0.0.1", &port])?;
    let deadline = Instant::now() + PATIENCE;
    while !second.command(&[b"INFO", b"replication"])[0].contains("master_link_status:up") {
        assert!(Instant::now() < deadline, "the second one does not follow");
        thread::park_timeout(Duration::from_millis(20));
    }
    Some((first, second, between))
}

/// Waits until the second one has everything the first one has.
fn wait_until_followed(first: &Redis, second: &Redis) {
    let offset = |redis: &Redis, name: &str| {
        let info = redis.command(&[b"INFO", b"replication"]).remove(0);
        info.lines().find_map(|line| line.strip_prefix(name)?.parse::<u64>().ok())
    };
    let deadline = Instant::now() + PATIENCE;
    while offset(second, "slave_repl_offset:") < offset(first, "master_repl_offset:") {
        assert!(Instant::now() < deadline, "the second one stays behind");
        thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn lost_messages_are_reported_once_everywhere_and_no_number_repeats() {
    let Some((first, second, between)) = followed() else { return };
    let Some(mut cluster) = Cluster::over(first, 2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    bob.send("kept");
    alice.expect("bob: kept");
    // Nothing from here on reaches the second one.
    wait_until_followed(&cluster.redis, &second);
    between.stop(true);
    for number in 1..=3 {
        bob.send(&format!("lost {number}"));
        alice.expect(&format!("bob: lost {number}"));
        bob.settle();
    }
    let before = numbers(&alice.seen());
    cluster.redis.kill();
    assert_eq!(second.command(&[b"REPLICAOF", b"NO", b"ONE"]), ["OK"]);
    cluster.nodes.iter().for_each(|node| node.proxy.retarget(second.address()));
    let line = "* The last 3 messages may not have reached everybody.";
    let mut seen = [alice.expect(line), bob.expect(line)];
    say_until_seen(&mut bob, &mut alice, "after it");
    say_until_seen(&mut alice, &mut bob, "and back");
    seen[0].push_str(&alice.settle());
    seen[1].push_str(&bob.settle());
    assert!(seen.iter().all(|seen| !seen.contains("may not have reached")), "again: {seen:?}");
    bob.send("numbered after");
    let after = numbers(&alice.expect("bob: numbered after"));
    assert!(after.last() > before.last(), "{before:?} {after:?}");
    let log = cluster.nodes[0].log();
    assert!(log.contains("cluster: another Redis (term 2): 3 messages of 1 room are gone"), "{log}");
    // Both have the same.
    alice.send("/history");
    let history = alice.expect("numbered after");
    assert!(history.contains("kept") && !history.contains("lost 1"), "{history}");
    cluster.redis = second;
}

#[test]
fn a_returning_server_shows_what_it_missed_and_renames_users_whose_names_were_taken() {
    let Some(cluster) = Cluster::start(2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    let mut dora = cluster.nodes[1].login("dora");
    alice.expect("* bob joined");
    alice.send(":create games");
    alice.send("before");
    bob.expect("alice: before");
    cluster.nodes[1].proxy.refuse(true);
    alice.expect("* bob left (their server is gone)");
    let mut other = cluster.nodes[0].chat("bob", "general");
    for number in 1..=3 {
        other.send(&format!("meanwhile {number}"));
        alice.expect(&format!("bob: meanwhile {number}"));
    }
    cluster.nodes[1].proxy.refuse(false);
    let seen = bob.expect("* This server is back with the others; 3 messages came meanwhile.");
    assert_eq!(seen.matches("meanwhile 2").count(), 1, "{seen:?}");
    bob.expect("* Your name is bob2 now: bob was taken meanwhile.");
    // A user in no room there has missed nothing.
    dora.expect("* This server is back with the others; no messages came meanwhile.");
    say_until_seen(&mut bob, &mut alice, "here again");
    ask_until(&mut alice, "/list", "3 people in general:");
}

#[test]
fn a_user_banned_while_their_server_was_cut_off_does_not_return() {
    let Some(cluster) = Cluster::start(2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    alice.send(":create games");
    alice.expect("you are its admin");
    alice.send(":chat");
    alice.expect("games | ");
    let mut bob = cluster.nodes[1].chat("bob", "games");
    alice.expect("* bob joined");
    cluster.nodes[1].proxy.refuse(true);
    alice.expect("* bob left (their server is gone)");
    alice.send("/ban bob");
    alice.expect("bob was banned by alice");
    cluster.nodes[1].proxy.refuse(false);
    bob.expect("You were banned from games while this server was away from the others.");
    bob.send(":join games");
    bob.expect("! ");
    let seen = alice.settle();
    assert!(!seen.contains("bob joined"), "{seen:?}");
}
