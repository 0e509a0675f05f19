//! Clients that reconnect by themselves when their server restarts: to another server, or to the same one when it is up
//! again.

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

    /// How many times the client has printed a text.
    fn count(&self, text: &str) -> usize {
        self.terminal.raw().matches(text).count()
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asserts that another user has seen neither a leave nor a join.
#[track_caller]
fn assert_noticed_nothing(alice: &mut Client) {
    let seen = alice.settle();
    assert!(!seen.contains("left") && !seen.contains("joined"), "{seen:?}");
}

#[test]
fn connect_moves_to_another_server_at_once_and_shows_the_missed_messages() {
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 2") else { return };
    let proxy = LossyProxy::before(cluster.nodes[0].address());
    let mut alice = cluster.nodes[1].chat("alice", "general");
    let mut bob = Connected::start("bob", proxy.address());
    alice.expect("* bob joined");
    bob.say("before");
    alice.expect("bob: before");
    cluster.nodes[0].signal("TERM");
    bob.terminal.expect_text("This server restarts in 2 seconds.");
    proxy.lead(cluster.nodes[1].address());
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    alice.send("meanwhile");
    bob.terminal.expect_text("Connected again.");
    bob.terminal.expect_text("alice: meanwhile\n");
    bob.say("after");
    alice.expect("bob: after");
    assert_noticed_nothing(&mut alice);
    assert_eq!((bob.count("alice: meanwhile"), bob.count("bob: before"), bob.count("bob: after")), (1, 1, 1));
    assert_eq!(bob.count("The server has started again"), 0, "numbers go on");
}

#[test]
fn connect_returns_to_the_same_server_when_it_is_up_again() {
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 3") else { return };
    let proxy = LossyProxy::before(cluster.nodes[0].address());
    let mut alice = cluster.nodes[1].chat("alice", "general");
    let mut bob = Connected::start("bob", proxy.address());
    alice.expect("* bob joined");
    bob.say("before");
    alice.expect("bob: before");
    // A user who is disconnected last: bob tries to reconnect before that, while the server refuses every login.
    let mut last = cluster.nodes[0].login("last");
    cluster.nodes[0].signal("TERM");
    bob.terminal.expect_text("The connection is lost: ");
    alice.send("meanwhile");
    last.expect_end();
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    cluster.nodes[0] = cluster.launch("n0", "drain_seconds = 3");
    proxy.lead(cluster.nodes[0].address());
    bob.terminal.expect_text("Connected again.");
    bob.terminal.expect_text("alice: meanwhile\n");
    bob.say("after");
    alice.expect("bob: after");
    assert_noticed_nothing(&mut alice);
    assert_eq!((bob.count("alice: meanwhile"), bob.count("bob: before"), bob.count("bob: after")), (1, 1, 1));
}

#[test]
fn a_program_is_refused_with_the_reason_and_logs_in_with_its_code_later() {
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
    // The program is in the room already; `join` returns the messages since.
    let joined = again.ask(json!({ "action": "join", "receiver": "general", "optional": { "after": number } })).ok();
    let texts: Vec<_> = joined.items.iter().map(|item| item["content"].clone()).collect();
    assert_eq!((texts, joined.optional("gap")), (vec![json!("meanwhile")], &json!(false)));
    again.say("general", "here again");
    alice.expect("bot: here again");
    assert_noticed_nothing(&mut alice);
    assert_eq!(cluster.nodes[0].wait(), Some(0));
}

/// Sends a line as alice, and waits until the program has it. Returns its number.
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
fn a_program_without_its_code_must_log_in_under_another_name() {
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

/// The longest acceptable time for a client to reconnect.
const NOTICED: Duration = Duration::from_secs(10);

#[test]
fn three_clients_come_back_within_seconds() {
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 2") else { return };
    let proxy = LossyProxy::before(cluster.nodes[0].address());
    let mut alice = cluster.nodes[1].chat("alice", "general");
    let mut clients: Vec<_> =
        (0..3).map(|number| Connected::start(&format!("guest{number}"), proxy.address())).collect();
    crate::nodes::ask_until(&mut alice, "/list", "4 people in general:");
    cluster.nodes[0].signal("TERM");
    proxy.lead(cluster.nodes[1].address());
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    let ended = Instant::now();
    for client in &mut clients {
        client.terminal.expect_text("Connected again.");
    }
    assert!(ended.elapsed() < NOTICED, "{:?}", ended.elapsed());
    assert_noticed_nothing(&mut alice);
}

#[test]
fn connect_that_returns_too_late_joins_again_under_the_same_name() {
    if !crate::nodes::runs_slow() {
        return;
    }
    let Some(mut cluster) = Cluster::start(2, "drain_seconds = 1") else { return };
    let proxy = LossyProxy::before(cluster.nodes[0].address());
    let mut alice = cluster.nodes[1].chat("alice", "general");
    let mut bob = Connected::start("bob", proxy.address());
    alice.expect("* bob joined");
    bob.say("before");
    cluster.nodes[0].signal("TERM");
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    // The place is kept for a minute, and then until the next heartbeat of the other server.
    let ended = Instant::now();
    let mut seen = String::new();
    while !seen.contains("* bob left (their server is gone)") {
        assert!(ended.elapsed() < Duration::from_secs(90), "bob never leaves: {seen:?}");
        seen.push_str(&alice.settle());
        std::thread::park_timeout(Duration::from_millis(200));
    }
    assert!(ended.elapsed() > Duration::from_secs(55), "{:?}", ended.elapsed());
    proxy.lead(cluster.nodes[1].address());
    bob.terminal.expect_text("Connected again.");
    alice.expect("* bob joined");
    bob.say("after");
    alice.expect("bob: after");
}
