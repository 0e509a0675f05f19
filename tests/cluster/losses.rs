//! Redis loses its latest data, or all of it. Users are notified, and nothing else is lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::failures::{say_until_accepted, say_until_seen};
use crate::nodes::{Cluster, Options, ask_until, numbers};
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
    // A server that starts later has the room with its admin and its history.
    let late = cluster.launch("late", "");
    let mut carol = late.chat("carol", "games");
    carol.send("/history");
    let history = carol.expect("said after");
    assert!(history.contains("said before") && history.contains("and this"), "{history}");
    carol.send("/rooms");
    carol.expect("Chess and go");
    ask_until(&mut alice, "/list", "carol");
    alice.send("/kick carol enough");
    carol.expect("You were kicked from games by alice (enough)");
}

/// Two Redis servers: the second replicates the first through a proxy.
fn followed() -> Option<(Redis, Redis, LossyProxy)> {
    let first = Redis::start()?;
    let between = LossyProxy::before(first.address());
    let port = between.address().port().to_string();
    let second = Redis::with(&["--appendonly", "no", "--save", "", "--replicaof", "127.0.0.1", &port])?;
    let deadline = Instant::now() + PATIENCE;
    while !second.command(&[b"INFO", b"replication"])[0].contains("master_link_status:up") {
        assert!(Instant::now() < deadline, "the replica does not follow");
        thread::park_timeout(Duration::from_millis(20));
    }
    Some((first, second, between))
}

/// Waits until the replica `second` has all data of `first`.
pub fn wait_until_followed(first: &Redis, second: &Redis) {
    let offset = |redis: &Redis, name: &str| {
        let info = redis.command(&[b"INFO", b"replication"]).remove(0);
        info.lines().find_map(|line| line.strip_prefix(name)?.parse::<u64>().ok())
    };
    let deadline = Instant::now() + PATIENCE;
    while offset(second, "slave_repl_offset:") < offset(first, "master_repl_offset:") {
        assert!(Instant::now() < deadline, "the replica does not catch up");
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
    // From here on, nothing reaches the replica.
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
    // Both servers have the same history.
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
    // The rename may come before all missed messages have been read.
    let renamed = "* Your name is bob2 now: bob was taken meanwhile.";
    if !seen.contains(renamed) {
        bob.expect(renamed);
    }
    // A user who is in no room has missed nothing.
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

/// The messages on a screen: number and text.
fn messages(seen: &str) -> Vec<(u64, String)> {
    let message = |line: &str| {
        let (_, rest) = line.split_once("] #")?;
        let (number, text) = rest.split_once(' ')?;
        Some((number.parse().ok()?, text.trim_end().to_owned()))
    };
    seen.lines().filter_map(message).collect()
}

/// The numbers of lost messages that a screen reports.
fn reported(seen: &str) -> Vec<usize> {
    let count = |line: &str| {
        let rest = line.split_once("* The last ")?.1;
        let (count, _) = rest.split_once(" may not have reached everybody.")?;
        match count {
            "message" => Some(1),
            count => count.split(' ').next()?.parse().ok(),
        }
    };
    seen.lines().filter_map(count).collect()
}

#[test]
fn a_failover_under_load_reports_each_lost_message_and_leaves_one_order() {
    /// Lines per user before the replica is held back, while it is held back, and after the failover.
    const EACH: usize = 15;
    let Some((first, second, between)) = followed() else { return };
    let options = Options { top: "history_max = 1000", ..Options::default() };
    let Some(mut cluster) = Cluster::with(first, 2, "timeout_ms = 300\nlease_seconds = 10", options) else { return };
    let mut watchers: Vec<_> =
        (0..2).map(|node| cluster.nodes[node].chat(&format!("watcher{node}"), "general")).collect();
    let talkers: Vec<_> =
        (0..4).map(|number| cluster.nodes[number % 2].chat(&format!("talker{number}"), "general")).collect();
    let (phase, said) = (AtomicUsize::new(0), [const { AtomicUsize::new(0) }; 3]);
    let reached = |wanted: usize| {
        let deadline = Instant::now() + PATIENCE;
        while said[wanted].load(Ordering::Relaxed) < 4 * EACH {
            assert!(Instant::now() < deadline, "nobody says anything in phase {wanted}");
            thread::park_timeout(Duration::from_millis(5));
        }
    };
    thread::scope(|scope| {
        for (number, mut talker) in talkers.into_iter().enumerate() {
            let (phase, said) = (&phase, &said);
            scope.spawn(move || {
                for line in 0.. {
                    let now = phase.load(Ordering::Relaxed);
                    if now > 2 {
                        return;
                    }
                    talker.send(&format!("t{number} says {line}."));
                    if !talker.settle().contains("! ") {
                        said[now].fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        reached(0);
        between.stop(true);
        phase.store(1, Ordering::Relaxed);
        reached(1);
        cluster.redis.kill();
        assert_eq!(second.command(&[b"REPLICAOF", b"NO", b"ONE"]), ["OK"]);
        cluster.nodes.iter().for_each(|node| node.proxy.retarget(second.address()));
        phase.store(2, Ordering::Relaxed);
        reached(2);
        phase.store(3, Ordering::Relaxed);
    });
    let mut last = cluster.nodes[0].chat("last", "general");
    say_until_accepted(&mut last, "the end of it");
    last.settle();
    last.send("/history 1000");
    let kept = messages(&last.settle());
    let mut texts = BTreeMap::new();
    for watcher in &mut watchers {
        let seen = format!("{}the end of it\r\n", watcher.expect("the end of it"));
        let shown = messages(&seen);
        assert!(shown.windows(2).all(|pair| pair[0].0 < pair[1].0), "{shown:?}");
        for (number, text) in &shown {
            let known = texts.entry(*number).or_insert_with(|| text.clone());
            assert_eq!(known, text, "#{number} is two messages");
        }
        let lost: Vec<_> = shown.iter().filter(|message| !kept.contains(message)).collect();
        assert!(lost.len() >= EACH, "the failover lost nothing, so this shows nothing: {lost:?}");
        assert_eq!(reported(&seen), [lost.len()], "{seen}");
        let newest = lost.last().map_or(0, |(number, _)| *number);
        let (after, truth): (Vec<_>, Vec<_>) = (
            shown.iter().filter(|(number, _)| *number > newest).collect(),
            kept.iter().filter(|(number, _)| *number > newest).collect(),
        );
        assert_eq!(after, truth, "the order after it");
    }
    cluster.redis = second;
}

#[test]
fn a_user_whose_name_was_taken_gets_another_one_even_if_the_answer_is_late() {
    let Some(cluster) = Cluster::start(2, "timeout_ms = 100") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    cluster.nodes[1].proxy.refuse(true);
    alice.expect("* bob left (their server is gone)");
    let _other = cluster.nodes[0].login("bob");
    // Answers take longer than the server waits for them.
    cluster.nodes[1].proxy.delay(Duration::from_millis(150));
    cluster.nodes[1].proxy.refuse(false);
    bob.expect("* This server is back with the others; ");
    cluster.nodes[1].proxy.delay(Duration::ZERO);
    bob.expect("* Your name is bob2 now: bob was taken meanwhile.");
    ask_until(&mut alice, "/list", "* bob2 ");
    bob.send("here again");
    alice.expect("bob2: here again");
}
