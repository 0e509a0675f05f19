//! Clients that come back by themselves when their server restarts: to another one, or to the same one when it is up again.

#![cfg(feature = "client")]

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::nodes::Cluster;
use crate::support::json::Bot;
use crate::support::lossy_proxy::LossyProxy;
use crate::support::programs::Terminal;
use crate::support::{Client, Program, scratch};

/// `chatsock connect` on pipes.
struct Connected {
    child: Child,
    terminal: Terminal,
}

impl Connected {
    fn start(name: &str, address: std::net::SocketAddr) -> Connected {
        let state = scratch();
        let mut child = Program::command(&["connect", &format!("{name}@{address}"), "--room", "general"])
            .env("XDG_STATE_HOME", &state)
            .current_dir(&state)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the client starts");
        let terminal = Terminal::over(&mut child);
        Connected { child, terminal }
    }

    fn say(&mut self, line: &str) {
        self.terminal.send(&format!("{line}\n"));
        self.terminal.expect_text(&format!(": {line}\n"));
    }

    /// How often a text was written.
    fn count(&self, text: &str) -> usize {
        self.terminal.raw().matches(text).count()
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        // Ended already, if this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the others have read meanwhile: nothing of it.
#[track_caller]
fn noticed_nothing(alice: &mut Client) {
    let seen = alice.settle();
    assert!(!seen.contains("left") && !seen.contains("joined"), "{seen:?}");
}

#[test]
fn connect_is_back_on_another_server_at_once_with_what_was_said_meanwhile() {
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 2") else { return };
    let door = LossyProxy::before(cluster.nodes[0].address());
    let mut alice = cluster.nodes[1].chat("alice", "general");
    let mut bob = Connected::start("bob", door.address());
    alice.expect("* bob joined");
    bob.say("before");
    alice.expect("bob: before");
    cluster.nodes[0].signal("TERM");
    bob.terminal.expect_text("This server restarts in 2 seconds.");
    door.lead(cluster.nodes[1].address());
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    alice.send("meanwhile");
    bob.terminal.expect_text("Connected again.");
    bob.terminal.expect_text("alice: meanwhile\n");
    bob.say("after");
    alice.expect("bob: after");
    noticed_nothing(&mut alice);
    assert_eq!((bob.count("alice: meanwhile"), bob.count("bob: before"), bob.count("bob: after")), (1, 1, 1));
    assert_eq!(bob.count("The server has started again"), 0, "numbers go on");
}

#[test]
fn connect_is_back_on_the_same_server_when_it_is_up_again() {
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 3") else { return };
    let door = LossyProxy::before(cluster.nodes[0].address());
    let mut alice = cluster.nodes[1].chat("alice", "general");
    let mut bob = Connected::start("bob", door.address());
    alice.expect("* bob joined");
    bob.say("before");
    alice.expect("bob: before");
    // Somebody who goes last, so that the first ones try to come back while the server still turns everybody away.
    let mut last = cluster.nodes[0].login("last");
    cluster.nodes[0].signal("TERM");
    bob.terminal.expect_text("The connection is lost: ");
    alice.send("meanwhile");
    last.expect_end();
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    cluster.nodes[0] = cluster.launch("n0", "drain_seconds = 3");
    door.lead(cluster.nodes[0].address());
    bob.terminal.expect_text("Connected again.");
    bob.terminal.expect_text("alice: meanwhile\n");
    bob.say("after");
    alice.expect("bob: after");
    noticed_nothing(&mut alice);
    assert_eq!((bob.count("alice: meanwhile"), bob.count("bob: before"), bob.count("bob: after")), (1, 1, 1));
}

#[test]
fn a_program_that_is_turned_away_reads_why_and_comes_back_with_its_code_later() {
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 2\n[json]\nlisten = [\"127.0.0.1:0\"]") else { return };
    let mut alice = cluster.nodes[1].chat("alice", "general");
    let mut bot = Bot::in_room(cluster.nodes[0].listener("json"), "bot", "general");
    alice.expect("* bot joined");
    let number = alice_says(&mut alice, &mut bot, "before");
    let _last = cluster.nodes[0].login("last");
    cluster.nodes[0].signal("TERM");
    let bye = bot.rest().pop().expect("a last object");
    let code = bye["optional"]["code"].as_str().expect("a code").to_owned();
    let mut early = Bot::connect(cluster.nodes[0].listener("json"));
    let refusal = early.rest().pop().expect("an object");
    assert_eq!((&refusal["action"], &refusal["optional"]["again"]), (&json!("bye"), &json!(true)), "{refusal}");
    assert!(refusal["content"].as_str().is_some_and(|text| text.contains("another one of the same chat")), "{refusal}");
    alice.send("meanwhile");
    alice.settle();
    let mut again = Bot::connect(cluster.nodes[1].listener("json"));
    let wrong = again.ask(json!({ "action": "login", "content": "bot", "optional": { "code": "AAAAAA" } }));
    assert_eq!(wrong.answer["action"], "error", "{}", wrong.answer);
    again.ask(json!({ "action": "login", "content": "bot", "optional": { "code": code } })).ok();
    // It is in the room already; joining says what came since.
    let joined = again.ask(json!({ "action": "join", "receiver": "general", "optional": { "after": number } })).ok();
    let texts: Vec<_> = joined.items.iter().map(|item| item["content"].clone()).collect();
    assert_eq!((texts, joined.optional("gap")), (vec![json!("meanwhile")], &json!(false)));
    again.say("general", "here again");
    alice.expect("bot: here again");
    noticed_nothing(&mut alice);
    assert_eq!(cluster.nodes[0].wait(), Some(0));
}

/// Says something, and has a program read it; its number.
fn alice_says(alice: &mut Client, bot: &mut Bot, text: &str) -> u64 {
    alice.send(text);
    loop {
        let message = bot.expect("message");
        if message["content"] == text {
            return message["id"].as_u64().expect("a number");
        }
    }
}

#[test]
fn a_program_that_lost_its_code_comes_in_like_anybody_else_under_another_name() {
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 1") else { return };
    let bot = Bot::in_room(cluster.nodes[0].address(), "bot", "general");
    cluster.nodes[0].signal("TERM");
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    drop(bot);
    let mut again = Bot::connect(cluster.nodes[1].address());
    let refused = again.ask(json!({ "action": "login", "content": "bot" }));
    assert_eq!((refused.code(), refused.optional("password")), ("not_allowed", &json!(true)), "{}", refused.answer);
    again.ask(json!({ "action": "login", "content": "bot2" })).ok();
}

/// Waiting longer than this for a client that is sent away and comes back would be noticed.
const NOTICED: Duration = Duration::from_secs(10);

#[test]
fn three_clients_come_back_within_seconds() {
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 2") else { return };
    let door = LossyProxy::before(cluster.nodes[0].address());
    let mut alice = cluster.nodes[1].chat("alice", "general");
    let mut clients: Vec<_> =
        (0..3).map(|number| Connected::start(&format!("guest{number}"), door.address())).collect();
    crate::nodes::ask_until(&mut alice, "/list", "4 people in general:");
    cluster.nodes[0].signal("TERM");
    door.lead(cluster.nodes[1].address());
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    let ended = Instant::now();
    for client in &mut clients {
        client.terminal.expect_text("Connected again.");
    }
    assert!(ended.elapsed() < NOTICED, "{:?}", ended.elapsed());
    noticed_nothing(&mut alice);
}

#[test]
fn connect_that_comes_back_too_late_is_somebody_new_under_the_same_name() {
    if !crate::nodes::runs_slow() {
        return;
    }
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 1") else { return };
    let door = LossyProxy::before(cluster.nodes[0].address());
    let mut alice = cluster.nodes[1].chat("alice", "general");
    let mut bob = Connected::start("bob", door.address());
    alice.expect("* bob joined");
    bob.say("before");
    cluster.nodes[0].signal("TERM");
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    // A minute, and the next heartbeat of the other server.
    let ended = Instant::now();
    let mut seen = String::new();
    while !seen.contains("* bob left (their server is gone)") {
        assert!(ended.elapsed() < Duration::from_secs(90), "the place is kept for ever: {seen:?}");
        seen.push_str(&alice.settle());
        std::thread::park_timeout(Duration::from_millis(200));
    }
    assert!(ended.elapsed() > Duration::from_secs(55), "{:?}", ended.elapsed());
    door.lead(cluster.nodes[1].address());
    bob.terminal.expect_text("Connected again.");
    alice.expect("* bob joined");
    bob.say("after");
    alice.expect("bob: after");
}
