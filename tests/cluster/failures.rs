//! What users see when a server, the network or Redis fails, and when it works again.

use std::thread;
use std::time::{Duration, Instant};

use crate::logged::expect_line;
use crate::nodes::{Cluster, ask_until_not, runs_slow};
use crate::support::{Client, PATIENCE};

/// How long until the users of a killed server have left: the lease of 3 s, the clean-up after it, and a margin.
const GONE_WITHIN: Duration = Duration::from_secs(3 + 3 + 7);

#[test]
fn users_of_a_killed_server_leave_and_free_their_names() {
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
fn while_redis_is_down_nothing_is_posted_but_everything_can_be_read() {
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
fn users_go_on_after_redis_restarts_with_its_data() {
    let Some(redis) = crate::support::redis::Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]) else {
        return;
    };
    let Some(mut cluster) = Cluster::over(redis, 2, "timeout_ms = 300\nlease_seconds = 60") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    bob.send("before");
    alice.expect("bob: before");
    cluster.redis.kill();
    cluster.redis.start_again();
    // They wait until their servers have made them members again; neither is refused.
    bob.send("after");
    alice.send("and back");
    alice.expect("bob: after");
    bob.expect("alice: and back");
    for node in &cluster.nodes {
        expect_line(node, "INFO", "cluster: another Redis (term 2): nothing is gone", "");
    }
    alice.send("/history");
    alice.expect("bob: before");
}

#[test]
fn users_keep_names_and_rooms_after_redis_lost_its_data() {
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
fn a_cut_connection_to_redis_loses_and_repeats_nothing() {
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
fn a_line_waits_while_redis_stalls_and_appears_once() {
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
    // bob's terminal echoed the line above that notice, so it is shown again now that it is posted. Later lines are not
    // shown twice.
    bob.expect("bob: patience");
    bob.send("no more");
    alice.expect("bob: no more");
    assert!(!bob.settle().contains("bob: "));
    bob.send("/dm alice");
    bob.send("/chat @alice");
    bob.expect("@alice | ");
    cluster.redis.signal("STOP");
    bob.send("patience again");
    bob.expect("! The other servers do not answer. Your line waits.");
    cluster.redis.signal("CONT");
    bob.expect("you -> alice: patience again");
    bob.send("no more here");
    assert!(!bob.settle().contains("bob: "));
}

#[test]
fn a_server_that_was_cut_off_returns_with_its_users() {
    let Some(cluster) = Cluster::start(2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    cluster.nodes[1].proxy.refuse(true);
    alice.expect("* bob left (their server is gone)");
    alice.send("meanwhile");
    alice.settle();
    cluster.nodes[1].proxy.refuse(false);
    bob.expect("* This server is back with the others; 1 message came meanwhile.");
    say_until_seen(&mut bob, &mut alice, "here again");
    bob.send("/history");
    bob.expect("alice: meanwhile");
}

#[test]
fn users_of_a_server_that_shuts_down_leave_at_once() {
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
fn a_server_suspended_beyond_its_lease_posts_nothing_late() {
    let Some(cluster) = Cluster::start(2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    cluster.nodes[1].signal("STOP");
    bob.send("said while it stood still");
    alice.expect("* bob left (their server is gone)");
    alice.send("one");
    alice.send("two");
    alice.settle();
    cluster.nodes[1].signal("CONT");
    let seen = bob.expect("* This server is back with the others; 2 messages came meanwhile.");
    assert!(seen.contains("alice: one") && seen.contains("alice: two"), "{seen:?}");
    say_until_seen(&mut bob, &mut alice, "here again");
}

#[test]
fn a_faulty_servers_entries_forge_no_line_and_stop_nobody() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    let redis = &cluster.redis;
    let bases = (0..4).map(|number| format!("chatsock:{{p{number:02}}}"));
    let has_room = |base: &String| redis.command(&[b"EXISTS", format!("{base}r:general").as_bytes()]) == ["1"];
    let base = bases.into_iter().find(has_room).expect("the room is somewhere");
    let meta = format!("{base}meta");
    let version = redis.command(&[b"HGET", format!("{base}r:general").as_bytes(), b"ver"]).remove(0);
    let append = |fields: &[&[u8]]| {
        let term = redis.command(&[b"HGET", meta.as_bytes(), b"term"]).remove(0);
        let number = redis.command(&[b"HINCRBY", meta.as_bytes(), b"pos", b"1"]).remove(0);
        let (log, id) = (format!("{base}log"), format!("{term}-{number}"));
        let words: Vec<&[u8]> = [&b"XADD"[..], log.as_bytes(), id.as_bytes()].iter().chain(fields).copied().collect();
        assert_eq!(redis.command(&words), [id]);
    };
    let commit = |text: &[u8]| {
        let (at, n, version) = (&b"1"[..], &b"99"[..], version.as_bytes());
        append(&[
            b"at",
            at,
            b"k",
            b"commit",
            b"node",
            b"n9",
            b"epoch",
            b"99",
            b"n",
            n,
            b"place",
            b"r:general",
            b"ver",
            version,
            b"id",
            b"0",
            b"text",
            text,
        ]);
    };
    commit(b"change \xff\xfe\x80 broken");
    commit(b"change 1 0 said 7 0 \"mallory\" 999999 - \"x\x1b[2J\x1b]0;t\x07\r\nalice: forged\" -");
    commit(&[b"change ".to_vec(), vec![b'x'; 2 << 20]].concat());
    commit(b"explode everything");
    append(&[b"at", b"1", b"k", b"explode", b"node", b"n9", b"epoch", b"99"]);
    append(&[b"k", b"gone", b"node", b"\x1b[2J", b"epoch", b"-1"]);
    append(&[b"x", b""]);
    bob.send("the others go on");
    let mut seen = alice.expect("bob: the others go on");
    seen.push_str(&bob.settle());
    assert!(!seen.contains("\nalice: forged") && !seen.contains("\ralice: forged"), "{seen:?}");
    assert!(!seen.contains("\x1b[2J") && !seen.contains("\x1b]0") && !seen.contains('\x07'), "{seen:?}");
    alice.send("in both directions");
    bob.expect("alice: in both directions");
    for node in &cluster.nodes {
        let log = node.log();
        assert!(log.matches("cannot be read and is left out").count() >= 5, "{log}");
        assert!(!log.contains("explode everything") && !log.contains('\x07'), "{log:?}");
    }
}

/// The number of threads of a process.
fn threads(id: u32) -> usize {
    std::fs::read_dir(format!("/proc/{id}/task")).expect("a process").count()
}

#[test]
fn a_long_stall_of_redis_repeats_no_line_and_leaks_no_thread() {
    if !runs_slow() {
        return;
    }
    let Some(cluster) = Cluster::start(2, "lease_seconds = 10") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    let before: Vec<_> = cluster.nodes.iter().map(|node| threads(node.id())).collect();
    const WAITS: &str = "! The other servers do not answer. Your line waits.";
    for seconds in [1, 5, 20] {
        let (line, end) = (format!("said in {seconds}."), format!("after {seconds}."));
        cluster.redis.signal("STOP");
        let stopped = Instant::now();
        bob.send(&line);
        let mut told = if seconds > 2 { bob.expect(WAITS) + WAITS } else { String::new() };
        if seconds > 10 {
            // Long after the server has noticed the stall, a new line is refused at once.
            thread::park_timeout(Duration::from_secs(9).saturating_sub(stopped.elapsed()));
            alice.send("said too late.");
            alice.expect("! Not said: this server cannot reach the others right now.");
        }
        thread::park_timeout(Duration::from_secs(seconds).saturating_sub(stopped.elapsed()));
        cluster.redis.signal("CONT");
        // The line is posted once, or its author reads that it was not.
        let deadline = Instant::now() + PATIENCE;
        let mut seen = String::new();
        while !seen.contains(&line) && !told.contains("! It was not said.") && !told.contains("! Not said") {
            assert!(Instant::now() < deadline, "what became of it? {told:?}");
            told.push_str(&bob.settle());
            seen.push_str(&alice.settle());
        }
        let refused = told.contains("! It was not said.") || told.contains("! Not said");
        say_until_accepted(&mut bob, &end);
        seen.push_str(&alice.expect(&format!("bob: {end}")));
        seen.push_str(&alice.settle());
        told.push_str(&bob.settle());
        assert_eq!(seen.matches(&line).count(), usize::from(!refused), "{seen:?} {told:?}");
        assert!(!seen.contains("said too late") && !seen.contains("their server is gone"), "{seen:?}");
        if seconds < 2 {
            assert!(!told.contains("! "), "{told:?}");
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while cluster.nodes.iter().map(|node| threads(node.id())).collect::<Vec<_>>() != before {
        assert!(Instant::now() < deadline, "threads are left over");
        thread::park_timeout(Duration::from_millis(50));
    }
}

/// Repeats a line until it is accepted, and waits until it appears on the other screen.
#[track_caller]
pub fn say_until_seen(from: &mut Client, to: &mut Client, line: &str) {
    say_until_accepted(from, line);
    to.expect(&format!(": {line}"));
}

/// Repeats a line until it is accepted.
#[track_caller]
pub fn say_until_accepted(from: &mut Client, line: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        from.send(line);
        let seen = from.settle();
        if !seen.contains("! ") || seen.contains("Your line waits") && !seen.contains("Not said") {
            break;
        }
        assert!(Instant::now() < deadline, "never accepted: {seen:?}");
        thread::park_timeout(Duration::from_millis(50));
    }
}
