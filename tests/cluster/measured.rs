//! The metrics of a cluster.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::nodes::Cluster;
use crate::support::PATIENCE;

fn scrape(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn value(page: &str, sample: &str) -> f64 {
    let found = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok());
    found.unwrap_or_else(|| panic!("no {sample} in:\n{page}"))
}

#[test]
fn the_metrics_of_a_cluster_follow_events() {
    let Some(mut cluster) = Cluster::start(1, "") else { return };
    let node = cluster.launch("measured", "[metrics]\nlisten = \"127.0.0.1:0\"");
    let address = node.announced("metrics");
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = node.chat("bob", "general");
    alice.expect("* bob joined");
    bob.send("counted");
    alice.expect("bob: counted");
    let page = scrape(address);
    for (sample, expected) in [
        ("chatsock_cluster_up", 1.0),
        ("chatsock_cluster_nodes", 2.0),
        ("chatsock_cluster_term", 1.0),
        ("chatsock_cluster_messages_lost_total", 0.0),
        ("chatsock_cluster_renamed_total", 0.0),
        ("chatsock_cluster_resyncs_total{why=\"redis\"}", 0.0),
    ] {
        assert_eq!(value(&page, sample), expected, "{sample}");
    }
    assert!(value(&page, "chatsock_cluster_lease_seconds_left") > 0.0);
    assert!(
        value(&page, "chatsock_cluster_pending") < 100.0 && value(&page, "chatsock_cluster_log_lag_entries") < 100.0
    );
    for sample in [
        "chatsock_cluster_commits_total{result=\"ok\"}",
        "chatsock_cluster_entries_total",
        "chatsock_cluster_commit_seconds_count",
        "chatsock_cluster_readback_seconds_count",
    ] {
        assert!(value(&page, sample) > 0.0, "{sample}");
    }
    cluster.redis.kill();
    let deadline = Instant::now() + PATIENCE;
    let until = |sample: &str, expected: f64| {
        while value(&scrape(address), sample) < expected {
            assert!(Instant::now() < deadline, "{sample} stays below {expected}");
            thread::park_timeout(Duration::from_millis(20));
        }
    };
    while value(&scrape(address), "chatsock_cluster_up") > 0.0 {
        assert!(Instant::now() < deadline, "Redis is down, but up is 1");
        thread::park_timeout(Duration::from_millis(20));
    }
    cluster.redis.start_again();
    until("chatsock_cluster_up", 1.0);
    until("chatsock_cluster_messages_lost_total", 1.0);
    until("chatsock_cluster_term", 2.0);
    until("chatsock_cluster_reconnects_total", 1.0);
    until("chatsock_cluster_resyncs_total{why=\"lease\"}", 1.0);
    drop((alice, bob));
}

#[cfg(feature = "storage")]
#[test]
fn an_archive_has_the_same_database_metrics_as_a_standalone_server() {
    let Some(cluster) = Cluster::start(1, "") else { return };
    let archive =
        cluster.launch("archive", "[metrics]\nlisten = \"127.0.0.1:0\"\n[storage]\npath = \"one.db\"\nhistory = true");
    let address = archive.announced("metrics");
    let mut alice = cluster.nodes[0].chat("alice", "general");
    alice.send("stored");
    let deadline = Instant::now() + PATIENCE;
    let before = value(&scrape(address), "chatsock_store_batch_seconds_count");
    while value(&scrape(address), "chatsock_store_batch_seconds_count") < before + 1.0 {
        assert!(Instant::now() < deadline, "no batch is counted");
        alice.send("stored again");
        alice.settle();
    }
    assert_eq!(value(&scrape(address), "chatsock_store_lost_total"), 0.0);
}
