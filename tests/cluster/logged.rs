//! The exact text of log lines.

use std::thread;
use std::time::{Duration, Instant};

use crate::nodes::{Cluster, Node};
use crate::support::PATIENCE;
use crate::support::redis::Redis;

/// Waits for a log line with this beginning and this end.
#[track_caller]
pub fn expect_line(node: &Node, level: &str, begins: &str, ends: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let log = node.log();
        let found = log.lines().find(|line| {
            line.contains(level) && line.find(begins).is_some_and(|at| line[at + begins.len()..].ends_with(ends))
        });
        if let Some(line) = found {
            return line.to_owned();
        }
        assert!(Instant::now() < deadline, "no {level} {begins}...{ends} in:\n{log}");
        thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn each_log_line_appears_when_its_event_happens() {
    let Some(mut cluster) = Cluster::start(2, "timeout_ms = 300") else { return };
    expect_line(&cluster.nodes[0], "INFO", "cluster: node n0 is in, epoch 1, 1 node, Redis ", ", 4 partitions");
    expect_line(&cluster.nodes[1], "INFO", "cluster: node n1 is in, epoch 2, 2 nodes, Redis ", ", 4 partitions");
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    cluster.redis.signal("STOP");
    bob.send("it waits");
    bob.expect("! The other servers do not answer. Your line waits.");
    expect_line(&cluster.nodes[1], "WARN", "cluster: Redis does not answer (", " line waits");
    cluster.redis.signal("CONT");
    alice.expect("bob: it waits");
    bob.expect("bob: it waits");
    cluster.nodes[1].proxy.refuse(true);
    expect_line(
        &cluster.nodes[1],
        "ERROR",
        "cluster: lease lost after ",
        " s; nothing is said until this node is back",
    );
    expect_line(&cluster.nodes[0], "INFO", "cluster: node n1 is gone, 1 person", "");
    alice.expect("* bob left (their server is gone)");
    cluster.nodes[1].proxy.refuse(false);
    // On a busy machine, the waiting line may count as a message that came meanwhile.
    bob.expect("* This server is back with the others; ");
    let line = expect_line(&cluster.nodes[1], "INFO", "cluster: back after ", "0 names changed, 0 people put out");
    assert!(line.contains(" read, "), "{line}");
    cluster.redis.kill();
    cluster.redis.start_again();
    expect_line(&cluster.nodes[0], "WARN", "cluster: another Redis (term 2): 1 message of 1 room is gone", "");
}

#[test]
fn problems_with_redis_are_logged_at_startup() {
    let settings = ["--appendonly", "no", "--save", "", "--maxmemory-policy", "allkeys-lru", "--timeout", "600"];
    let Some(redis) = Redis::with(&settings) else { return };
    let Some(cluster) = Cluster::over(redis, 1, "") else { return };
    let node = &cluster.nodes[0];
    let wrong = "cluster: maxmemory-policy is allkeys-lru: set noeviction, or messages vanish";
    expect_line(node, "ERROR", wrong, "");
    expect_line(node, "WARN", "cluster: appendonly is no", "");
    expect_line(node, "WARN", "cluster: min-replicas-to-write is 0", "");
    expect_line(node, "WARN", "cluster: timeout is 600", "");
    // Pretends that servers of a later version have raised the format.
    cluster.redis.command(&[b"HSET", b"chatsock:{dir}meta", b"format", b"2"]);
    let (status, text) = cluster.launch_in_vain("old", "");
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("cluster: this node speaks format 1, the cluster 2: upgrade it"), "{text}");
    // Or that all of them are of a version before the first one.
    cluster.redis.command(&[b"HSET", b"chatsock:{dir}meta", b"format", b"0"]);
    let (status, text) = cluster.launch_in_vain("new", "");
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("cluster: this node speaks format 1, the cluster 0: upgrade the other servers"), "{text}");
}

#[test]
fn the_settings_of_another_redis_are_checked_like_those_of_the_first() {
    let Some(mut cluster) = Cluster::start(1, "") else { return };
    let wrong = ["--appendonly", "no", "--save", "", "--maxmemory-policy", "volatile-lru", "--timeout", "900"];
    let other = Redis::with(&wrong).expect("a second Redis");
    let node = &cluster.nodes[0];
    let line = expect_line(node, "WARN", "cluster: appendonly is no", "");
    let alice = node.chat("alice", "general");
    assert!(!node.log().contains("maxmemory-policy"), "{}", node.log());
    node.proxy.retarget(other.address());
    let policy = "cluster: maxmemory-policy is volatile-lru: set noeviction, or messages vanish";
    expect_line(node, "ERROR", policy, "");
    expect_line(node, "WARN", "cluster: timeout is 900", "");
    expect_line(node, "INFO", "cluster: back after ", "");
    // Once for each Redis, not once per connection.
    let log = node.log();
    assert_eq!(log.matches(policy).count(), 1, "{log}");
    assert_eq!(log.matches(line.split("cluster: ").nth(1).expect("a text")).count(), 2, "{log}");
    drop(alice);
    cluster.nodes[0].kill();
}

#[test]
fn after_a_failover_to_an_incompatible_redis_a_server_stays_out_and_logs_why() {
    let Some(cluster) = Cluster::start(1, "") else { return };
    let node = &cluster.nodes[0];
    let mut alice = node.chat("alice", "general");
    for (field, value, level, text) in [
        ("format", "2", "ERROR", "cluster: this node speaks format 1, the cluster 2: upgrade it"),
        ("partitions", "7", "ERROR", "cluster: partitions is 4, but the other servers use 7: set it to 7"),
    ] {
        let other = Redis::start().expect("another Redis");
        other.command(&[b"HSET", b"chatsock:{dir}meta", field.as_bytes(), value.as_bytes()]);
        node.proxy.retarget(other.address());
        expect_line(node, level, text, "");
        alice.expect("* This server cannot reach the others: nothing is said until it is back.");
        alice.send("not there");
        alice.expect("! Not said: this server cannot reach the others right now.");
        node.proxy.retarget(cluster.redis.address());
        alice.expect("* This server is back with the others;");
        alice.send(&format!("back after {field}"));
        alice.send("/history 1");
        alice.expect(&format!("alice: back after {field}"));
        assert_eq!(node.log().matches(text).count(), 1, "{}", node.log());
    }
}

/// Servers of different builds load different functions into Redis, each its own at every connection.
#[test]
fn functions_of_another_build_change_nothing_here() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    let list = cluster.redis.ask(&["FUNCTION", "LIST"]);
    assert_eq!(list.matches("library_name").count(), 1, "{list}");
    // The library name of all earlier builds, and the functions that this build calls.
    let calls = ["new_term", "enter", "beat", "commit", "claim", "note", "look", "room"];
    let register = |call: &&str| {
        format!("redis.register_function('chatsock_1_{call}', function() return redis.error_reply('ERR old') end)")
    };
    let functions: Vec<_> = calls.iter().map(register).collect();
    let other = format!("#!lua name=chatsock_1\n{}", functions.join("\n"));
    cluster.redis.ask(&["FUNCTION", "LOAD", "REPLACE", &other]);
    bob.send("as before");
    alice.expect("bob: as before");
    // After a reconnect, the servers go on with their own functions, which are still loaded.
    for node in &cluster.nodes {
        node.proxy.cut();
    }
    alice.send("still here");
    bob.expect("alice: still here");
    let list = cluster.redis.ask(&["FUNCTION", "LIST"]);
    assert_eq!(list.matches("library_name").count(), 2, "{list}");
}

#[test]
fn an_outdated_server_is_refused_entirely_when_it_comes_back() {
    let Some(cluster) = Cluster::start(2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    let format = |number: &str| cluster.redis.command(&[b"HSET", b"chatsock:{dir}meta", b"format", number.as_bytes()]);
    cluster.nodes[1].proxy.refuse(true);
    alice.expect("* bob left (their server is gone)");
    // As if all other servers had been upgraded meanwhile.
    format("2");
    cluster.nodes[1].proxy.refuse(false);
    expect_line(&cluster.nodes[1], "ERROR", "cluster: this node speaks format 1, the cluster 2: upgrade it", "");
    bob.send("half of it");
    bob.expect("! Not said: this server cannot reach the others right now.");
    let mut carol = cluster.nodes[1].connect();
    carol.expect("Username: ");
    carol.send("carol");
    carol.expect("! Nobody can log in right now: try again in a minute.");
    // The server that is still in the cluster goes on.
    alice.send("we go on");
    let seen = alice.settle();
    assert!(!seen.contains("! ") && !seen.contains("half of it"), "{seen:?}");
    format("1");
    bob.expect("* This server is back with the others; 1 message came meanwhile.");
}
