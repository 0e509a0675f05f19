//! Everyone sees one order, each message once, and rules apply at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::nodes::{Cluster, runs_all};
use crate::support::Client;

/// The numbers of all messages on a screen, in order.
fn numbers(seen: &str) -> Vec<u64> {
    let number = |line: &str| {
        let (_, rest) = line.split_once("] #")?;
        rest.split(' ').next()?.parse().ok()
    };
    seen.lines().filter_map(number).collect()
}

#[test]
fn cut_connections_neither_reorder_nor_repeat_messages() {
    const EACH: usize = 60;
    let Some(cluster) = Cluster::start(3, "") else { return };
    let mut watchers: Vec<_> = cluster
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| node.chat(&format!("watcher{index}"), "general"))
        .collect();
    let talkers: Vec<_> =
        (0..6).map(|index| cluster.nodes[index % 3].chat(&format!("talker{index}"), "general")).collect();
    let done = Arc::new(AtomicBool::new(false));
    thread::scope(|scope| {
        let cutter = scope.spawn({
            let (cluster, done) = (&cluster, Arc::clone(&done));
            move || {
                let mut turn = 0;
                while !done.load(Ordering::Relaxed) {
                    cluster.nodes[turn % 3].proxy.cut();
                    turn += 1;
                    thread::park_timeout(Duration::from_millis(150));
                }
            }
        });
        let talking: Vec<_> = talkers
            .into_iter()
            .enumerate()
            .map(|(index, mut talker)| {
                scope.spawn(move || {
                    for number in 0..EACH {
                        talker.send(&format!("t{index} says {number}."));
                        talker.settle();
                    }
                    talker
                })
            })
            .collect();
        let talkers: Vec<Client> = talking.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        done.store(true, Ordering::Relaxed);
        cutter.join().expect("no panic");
        drop(talkers);
    });
    let mut last = cluster.nodes[0].chat("last", "general");
    last.send("the end of it");
    let seen: Vec<_> = watchers.iter_mut().map(|watcher| watcher.expect("the end of it")).collect();
    let orders: Vec<_> = seen.iter().map(|seen| numbers(seen)).collect();
    assert!(orders[0].len() > EACH, "{orders:?}");
    for order in &orders {
        assert_eq!(*order, orders[0]);
        assert!(order.windows(2).all(|pair| pair[0] < pair[1]), "{order:?}");
    }
}

#[test]
fn a_ban_applies_at_once_to_a_user_who_posts_from_another_server() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    alice.send(":create games");
    alice.expect("you are its admin");
    alice.send(":chat");
    alice.expect("games | ");
    let rounds = if runs_all() { 1000 } else { 5 };
    for round in 0..rounds {
        let mut bob = cluster.nodes[1].chat(&format!("bob{round}"), "games");
        alice.expect("joined");
        let posting = thread::spawn(move || {
            for number in 0..60 {
                bob.send(&format!("line {number}."));
            }
            bob.expect("You were banned from games");
            bob
        });
        alice.expect("line 20.");
        alice.send(&format!("/ban bob{round}"));
        alice.expect(&format!("bob{round} was banned by"));
        posting.join().expect("no panic");
        let after = alice.settle();
        assert!(!after.contains("line "), "after the ban: {after:?}");
    }
}

#[test]
fn a_rooms_limit_counts_users_of_all_servers() {
    let Some(cluster) = Cluster::start(3, "") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    alice.send(":create small");
    alice.expect("you are its admin");
    alice.send(":set limit 10");
    alice.expect("limit");
    let clients: Vec<_> = (0..30).map(|index| cluster.nodes[index % 3].login(&format!("guest{index}"))).collect();
    let joining: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            thread::spawn(move || {
                client.send(":join small");
                (client.settle(), client)
            })
        })
        .collect();
    let answers: Vec<_> = joining.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    let entered = answers.iter().filter(|(answer, _)| answer.contains("Joined small")).count();
    let full = answers.iter().filter(|(answer, _)| answer.contains("small is full")).count();
    assert_eq!((entered, full), (9, 21), "{:?}", answers.iter().map(|(answer, _)| answer).collect::<Vec<_>>());
}
