//! A server is killed, suspended or cut off: how long its users and their names stay, and what happens when it is back.

use std::thread;
use std::time::{Duration, Instant};

use crate::failures::say_until_seen;
use crate::nodes::{Cluster, Node, ask_until, ask_until_not, runs_slow};
use crate::support::{Client, PATIENCE};

/// Tries to log in with a name. `None` if it is taken.
fn try_name(node: &Node, name: &str) -> Option<Client> {
    let mut client = node.connect();
    client.expect("Username: ");
    client.send(name);
    loop {
        let line = client.expect("\r\n");
        if line.contains("* Hello ") {
            return Some(client);
        }
        if line.contains("is taken") {
            return None;
        }
    }
}

/// The end of a server's lease and the current time, both by the clock of Redis, in milliseconds since 1970.
fn lease(cluster: &Cluster, node: &str) -> Option<(u64, u64)> {
    let record = cluster.redis.command(&[b"HGET", b"chatsock:{dir}nodes", node.as_bytes()]).remove(0);
    let deadline = record.split(' ').nth(2)?.parse().ok()?;
    let time = cluster.redis.command(&[b"TIME"]);
    let part = |index: usize| time[index].parse::<u64>().expect("a number");
    Some((deadline, part(0) * 1000 + part(1) / 1000))
}

#[test]
fn names_on_a_killed_server_are_free_as_soon_as_its_lease_ends() {
    let Some(mut cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let _bob = cluster.nodes[1].login("bob");
    ask_until(&mut alice, ":listall", "bob");
    cluster.nodes[1].kill();
    assert!(try_name(&cluster.nodes[0], "BOB").is_none(), "the name is free before the lease has ended");
    let deadline = Instant::now() + PATIENCE;
    while lease(&cluster, "n1").is_some_and(|(over, now)| over >= now) {
        assert!(Instant::now() < deadline, "the lease does not end");
        thread::park_timeout(Duration::from_millis(2));
    }
    // The other server removes bob only at its next heartbeat, but the name is free already.
    let other = try_name(&cluster.nodes[0], "Bob");
    assert!(other.is_some(), "the name is taken after the end of the lease");
    alice.send(":listall");
    let seen = alice.settle();
    assert!(seen.contains("* Bob ") && !seen.contains("* bob "), "{seen:?}");
}

#[test]
fn a_hundred_users_of_a_killed_server_leave_within_13_seconds_and_free_their_names_within_10_5() {
    if !runs_slow() {
        return;
    }
    let Some(mut cluster) = Cluster::start(2, "lease_seconds = 10") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let people: Vec<_> = (0..100).map(|number| cluster.nodes[1].chat(&format!("guest{number}"), "general")).collect();
    ask_until(&mut alice, "/list", "101 people in general:");
    alice.settle();
    let killed = Instant::now();
    cluster.nodes[1].kill();
    drop(people);
    let again = loop {
        if let Some(client) = try_name(&cluster.nodes[0], "guest7") {
            break client;
        }
        assert!(killed.elapsed() < PATIENCE, "the name does not become free");
        thread::park_timeout(Duration::from_millis(20));
    };
    let free = killed.elapsed();
    let mut seen = String::new();
    loop {
        alice.send("/list");
        let answer = alice.settle();
        seen.push_str(&answer);
        if answer.contains("1 person in general:") {
            break;
        }
        assert!(killed.elapsed() < PATIENCE, "the users stay: {answer:?}");
        thread::park_timeout(Duration::from_millis(50));
    }
    let gone = killed.elapsed();
    println!("a name was free after {free:?}, all were gone after {gone:?}");
    assert!(free <= Duration::from_millis(10_500), "{free:?}");
    assert!(gone <= Duration::from_secs(13), "{gone:?}");
    while !seen.contains("left (their server is gone)") {
        seen.push_str(&alice.settle());
        assert!(killed.elapsed() < PATIENCE, "no notice that they left: {seen:?}");
    }
    assert!(killed.elapsed() <= Duration::from_secs(14), "the notice was late");
    alice.send("/listall");
    let seen = alice.settle();
    assert_eq!(seen.matches("guest").count(), 1, "ghosts: {seen:?}");
    drop(again);
}

#[test]
fn a_server_suspended_for_15_seconds_posts_nothing_late_and_shows_exactly_the_missed_messages() {
    if !runs_slow() {
        return;
    }
    let Some(cluster) = Cluster::start(2, "lease_seconds = 10") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    let mut carol = cluster.nodes[1].chat("carol", "general");
    alice.expect("* carol joined");
    cluster.nodes[1].signal("STOP");
    let stopped = Instant::now();
    // The suspended server does not read these lines before it continues.
    bob.send("said while it stood still");
    carol.send("this as well");
    alice.expect("left (their server is gone)");
    assert!(stopped.elapsed() <= Duration::from_millis(14_000), "{:?}", stopped.elapsed());
    ask_until(&mut alice, "/list", "1 person in general:");
    let mut other = cluster.nodes[0].chat("bob", "general");
    for number in 0..5 {
        other.send(&format!("missed {number}."));
        alice.expect(&format!("bob: missed {number}."));
    }
    thread::park_timeout(Duration::from_secs(15).saturating_sub(stopped.elapsed()));
    cluster.nodes[1].signal("CONT");
    for client in [&mut bob, &mut carol] {
        let seen = client.expect("* This server is back with the others; 5 messages came meanwhile.");
        for number in 0..5 {
            assert_eq!(seen.matches(&format!("bob: missed {number}.")).count(), 1, "{seen:?}");
        }
        assert!(seen.contains("! Not said") || seen.contains("! It was not said."), "{seen:?}");
    }
    bob.expect("* Your name is bob2 now: bob was taken meanwhile.");
    say_until_seen(&mut carol, &mut alice, "here again");
    say_until_seen(&mut bob, &mut alice, "so am I");
    ask_until(&mut alice, "/list", "4 people in general:");
    let seen = alice.seen() + &alice.settle();
    assert!(!seen.contains("stood still") && !seen.contains("this as well"), "{seen:?}");
    alice.send("/history");
    let history = alice.settle();
    assert!(!history.contains("stood still") && !history.contains("this as well"), "{history:?}");
}

#[test]
fn a_server_cut_off_for_30_seconds_restores_names_rooms_and_missed_messages() {
    if !runs_slow() {
        return;
    }
    let Some(cluster) = Cluster::start(2, "lease_seconds = 10") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    let mut carol = cluster.nodes[1].chat("carol", "general");
    alice.expect("* carol joined");
    let cut = Instant::now();
    cluster.nodes[1].proxy.refuse(true);
    // The server stops posting before its lease ends, after which the others consider it gone.
    thread::park_timeout(Duration::from_millis(7500).saturating_sub(cut.elapsed()));
    let sent = Instant::now();
    bob.send("into the void");
    bob.expect("! Not said: this server cannot reach the others right now.");
    assert!(sent.elapsed() <= Duration::from_secs(1), "not at once: {:?}", sent.elapsed());
    bob.expect("* This server cannot reach the others: nothing is said until it is back.");
    assert!(cut.elapsed() <= Duration::from_secs(12), "{:?}", cut.elapsed());
    // Commands that only read still work.
    bob.send("/list");
    bob.expect("3 people in general:");
    alice.expect("left (their server is gone)");
    assert!(cut.elapsed() <= Duration::from_secs(14), "{:?}", cut.elapsed());
    ask_until_not(&mut alice, "/listall", "carol");
    let mut other = cluster.nodes[0].chat("bob", "general");
    other.send("the other bob says this");
    alice.expect("bob: the other bob says this");
    thread::park_timeout(Duration::from_secs(30).saturating_sub(cut.elapsed()));
    cluster.nodes[1].proxy.refuse(false);
    let seen = bob.expect("* This server is back with the others; 1 message came meanwhile.");
    assert_eq!(seen.matches("the other bob says this").count(), 1, "{seen:?}");
    bob.expect("* Your name is bob2 now: bob was taken meanwhile.");
    carol.expect("* This server is back with the others; 1 message came meanwhile.");
    say_until_seen(&mut carol, &mut alice, "here again");
    say_until_seen(&mut bob, &mut alice, "here as bob2");
    let seen = alice.settle();
    assert!(!seen.contains("into the void"), "{seen:?}");
    alice.send("/listall");
    let seen = alice.settle();
    for name in ["* alice ", "* bob ", "* bob2 ", "* carol "] {
        assert_eq!(seen.matches(name).count(), 1, "{name}: {seen:?}");
    }
}
