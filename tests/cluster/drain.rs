//! A server that is about to restart sends its users to the other servers, and they lose nothing.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::nodes::{Cluster, ask_until, ask_until_not};
use crate::support::Client;
#[cfg(feature = "storage")]
use crate::support::home::{PASSWORD, register};
use crate::support::json::Bot;

/// The code in the text on a user's screen.
pub fn code(seen: &str) -> String {
    let (_, rest) = seen.split_once("Your code is ").unwrap_or_else(|| panic!("no code in {seen:?}"));
    rest.chars().take(6).collect()
}

/// Reconnects with a code.
pub fn come_back(cluster: &Cluster, node: usize, name: &str, code: &str) -> Client {
    let mut client = cluster.nodes[node].connect();
    client.expect("Username: ");
    client.send(name);
    client.expect(&format!("The name {name} needs its password."));
    client.send(code);
    client.expect(&format!("Hello {name}."));
    client
}

#[test]
fn users_are_notified_and_then_disconnected_one_by_one() {
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 4") else { return };
    let mut people: Vec<_> = (0..5).map(|number| cluster.nodes[0].login(&format!("guest{number}"))).collect();
    let begun = Instant::now();
    cluster.nodes[0].signal("TERM");
    for client in &mut people {
        client.expect("* This server restarts in 4 seconds. Come in again now: your name and places are kept for you.");
        client.expect("Your code is ");
    }
    let mut newcomer = cluster.nodes[0].connect();
    let seen = newcomer.expect_end();
    assert!(seen.contains("! This server restarts. Come in again now"), "{seen:?}");
    let ends: Vec<_> = people
        .iter_mut()
        .map(|client| {
            let seen = client.expect_end();
            assert!(seen.contains("* This server restarts now. Come in again"), "{seen:?}");
            begun.elapsed()
        })
        .collect();
    assert!(ends.windows(2).all(|pair| pair[0] <= pair[1]), "{ends:?}");
    let (first, last) = (ends[0], ends[4]);
    assert!(last >= Duration::from_millis(3900) && last - first >= Duration::from_secs(1), "{ends:?}");
    assert_eq!(cluster.nodes[0].wait(), Some(0));
}

#[test]
fn a_second_signal_ends_the_wait() {
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 600") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    cluster.nodes[0].signal("TERM");
    let mut seen = alice.expect("Your code is ");
    cluster.nodes[0].signal("TERM");
    seen.push_str(&alice.expect_end());
    assert!(seen.contains("This server restarts now."), "{seen:?}");
    assert_eq!(cluster.nodes[0].wait(), Some(0));
}

#[test]
fn name_rooms_and_rank_are_kept_and_nobody_else_gets_the_name() {
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 2") else { return };
    let mut alice = cluster.nodes[1].chat("alice", "general");
    let mut bob = cluster.nodes[0].login("bob");
    bob.send(":create den open sesame");
    bob.expect("you are its admin");
    let mut bob = bob.chatting("general");
    alice.expect("* bob joined");
    alice.send("before");
    bob.expect("alice: before");
    cluster.nodes[0].signal("TERM");
    let line = bob.expect("places are kept for you.");
    let code = code(&format!("{line}{}", bob.expect(".")));
    let seen = bob.expect_end();
    assert!(seen.contains(&code), "{seen:?}");
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    // The others do not notice, and their messages to bob wait.
    alice.send("meanwhile");
    alice.send("/msg bob are you there?");
    alice.expect("you -> bob: are you there?");
    let mut thief = cluster.nodes[1].connect();
    thief.expect("Username: ");
    thief.send("BOB");
    thief.expect("needs its password.");
    thief.send("AAAAAA");
    thief.expect("! Wrong name or password.");
    let mut bob = come_back(&cluster, 1, "bob", &code.to_lowercase());
    let seen = bob.expect("general | ");
    assert!(seen.contains("Back in") && seen.contains("den"), "{seen:?}");
    assert!(seen.contains("alice: meanwhile") && seen.contains("are you there?"), "{seen:?}");
    bob.send("here again");
    alice.expect("bob: here again");
    let seen = alice.settle();
    assert!(!seen.contains("left") && !seen.contains("joined"), "{seen:?}");
    bob.send("/q");
    bob.send(":join den");
    bob.expect("[den]> ");
    bob.send(":chat");
    bob.expect("den | ");
    bob.send("/set description mine");
    bob.expect("bob set the description: mine");
    ask_until(&mut alice, "/listall", "bob");
}

#[test]
fn users_who_stay_away_leave_after_a_while_and_those_who_quit_leave_at_once() {
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 1") else { return };
    let mut alice = cluster.nodes[1].chat("alice", "general");
    let mut bob = cluster.nodes[0].chat("bob", "general");
    let mut carol = cluster.nodes[0].chat("carol", "general");
    ask_until(&mut alice, "/list", "carol");
    cluster.nodes[0].signal("TERM");
    carol.expect("Your code is ");
    carol.send("/quit");
    bob.expect_end();
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    alice.expect("* carol left");
    ask_until_not(&mut alice, "/listall", "carol");
    let mut carol = cluster.nodes[1].login("carol");
    carol.send(":listall");
    carol.expect("bob");
    if crate::nodes::runs_all() {
        let deadline = Instant::now() + Duration::from_secs(90);
        while !alice.settle().contains("bob left (their server is gone)") {
            assert!(Instant::now() < deadline, "bob never leaves");
            std::thread::park_timeout(Duration::from_millis(500));
        }
    }
}

#[test]
fn a_program_gets_a_code_that_restores_everything() {
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 1") else { return };
    let mut alice = cluster.nodes[1].chat("alice", "general");
    let mut bot = Bot::in_room(cluster.nodes[0].address(), "bot", "general");
    alice.expect("* bot joined");
    cluster.nodes[0].signal("TERM");
    let bye = bot.rest().pop().expect("a last object");
    assert_eq!((&bye["action"], &bye["optional"]["again"]), (&json!("bye"), &Value::Bool(true)), "{bye}");
    let code = bye["optional"]["code"].as_str().expect("a code").to_owned();
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    alice.send("meanwhile");
    let mut again = Bot::connect(cluster.nodes[1].address());
    let answer = again.ask(json!({ "action": "login", "content": "bot", "optional": { "code": code } })).ok();
    assert!(answer.optional("user").as_str().is_some_and(|user| user.starts_with("bot#")));
    again.say("general", "here again");
    alice.expect("bot: here again");
    let seen = alice.settle();
    assert!(!seen.contains("left") && !seen.contains("joined"), "{seen:?}");
}

#[cfg(feature = "storage")]
#[test]
fn an_account_returns_by_code_or_password_and_is_still_an_admin() {
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 2") else { return };
    let mut people = Vec::new();
    for name in ["alice", "bob"] {
        let mut client = cluster.nodes[0].login(name);
        register(&mut client, PASSWORD);
        client.send(&format!(":create {name}room"));
        client.expect("you are its admin");
        people.push(client);
    }
    cluster.nodes[0].signal("TERM");
    let codes: Vec<_> = people
        .iter_mut()
        .map(|client| {
            client.expect("places are kept for you.");
            let code = code(&format!("{}.", client.expect(".")));
            client.expect_end();
            code
        })
        .collect();
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    for (name, secret) in [("alice", &*codes[0]), ("bob", PASSWORD)] {
        let mut client = come_back(&cluster, 1, name, secret);
        client.expect(&format!("Back in {name}room."));
        client.send(":set description still mine");
        client.expect(&format!("{name} set the description: still mine"));
        client.send(":whoami");
        client.expect("registered");
    }
}
