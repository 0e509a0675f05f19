//! Redis is slow, refuses writes, or has lost data: which lines wait, which are refused, and the outcome of those that
//! are in doubt.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::failures::say_until_seen;
use crate::nodes::{Cluster, Options, ask_until};
use crate::support::PATIENCE;
use crate::support::json::Bot;
use crate::support::redis::Redis;

const WAITS: &str = "! The other servers do not answer. Your line waits.";
const UNKNOWN: &str = "! Whether #? was said is not known yet.";
const NOT_SAID: &str = "! It was not said.";
const REFUSED: &str = "! Not said: this server cannot reach the others right now.";

#[test]
fn a_line_in_doubt_is_posted_once_when_redis_continues() {
    let Some(cluster) = Cluster::start(2, "timeout_ms = 100\nlease_seconds = 10") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    // At the first line, the server fetches numbers for further ones.
    say_until_seen(&mut bob, &mut alice, "before");
    cluster.redis.signal("STOP");
    bob.send("perhaps");
    bob.expect(WAITS);
    bob.expect(UNKNOWN);
    cluster.redis.signal("CONT");
    let deadline = Instant::now() + PATIENCE;
    let mut both = [String::new(), String::new()];
    // bob's terminal echoed the line above the notice that it waits, so it is shown to bob, too.
    while !both.iter().all(|seen| seen.contains("bob: perhaps")) {
        assert!(!both[1].contains("It was not said"), "it was sent: {both:?}");
        assert!(Instant::now() < deadline, "never said: {both:?}");
        both[0].push_str(&alice.settle());
        both[1].push_str(&bob.settle());
    }
    say_until_seen(&mut alice, &mut bob, "I read it");
    say_until_seen(&mut bob, &mut alice, "so do I");
    let seen = bob.settle() + &alice.settle();
    assert!(!seen.contains("It was not said") && !seen.contains("perhaps"), "{seen:?}");
    assert!(both.iter().all(|seen| seen.matches("perhaps").count() == 1), "{both:?}");
    bob.send("/history");
    assert_eq!(bob.settle().matches("bob: perhaps").count(), 1);
}

#[test]
fn a_line_in_doubt_that_redis_never_got_is_reported_as_not_posted() {
    let Some(mut cluster) = Cluster::start(2, "timeout_ms = 100") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    cluster.redis.signal("STOP");
    bob.send("perhaps");
    bob.expect(UNKNOWN);
    cluster.redis.kill();
    cluster.redis.start_again();
    bob.expect(NOT_SAID);
    say_until_seen(&mut bob, &mut alice, "this one is");
    let seen = alice.settle();
    assert!(!seen.contains("perhaps"), "{seen:?}");
    bob.send("/history");
    let seen = bob.settle();
    assert!(!seen.contains("perhaps") && !seen.contains("It was not said"), "{seen:?}");
}

/// The next object that says what became of this request.
fn outcome_of(bot: &mut Bot, request: &str) -> Value {
    loop {
        let object = bot.next();
        if object["optional"]["request"] == request {
            return object;
        }
    }
}

fn say(text: &str) -> Value {
    json!({"action": "say", "receiver": "general", "content": text})
}

#[test]
fn a_program_learns_that_it_is_not_known_and_then_what_became_of_each_request() {
    let Some(cluster) = Cluster::start(2, "timeout_ms = 100\nlease_seconds = 10") else { return };
    let mut far = Bot::in_room(cluster.nodes[0].address(), "far", "general");
    let mut bot = Bot::in_room(cluster.nodes[1].address(), "robo", "general");
    bot.say("general", "before");
    while far.expect("message")["content"] != "before" {}
    cluster.redis.signal("STOP");
    let texts = ["one", "two", "three"];
    // In one packet, so that they go to the others together.
    let lines = texts.map(|text| {
        let mut request = say(text);
        request["id"] = json!(format!("my {text}"));
        format!("{request}\n")
    });
    bot.client.send_bytes(lines.concat().as_bytes());
    for text in texts {
        let answer = bot.answer(&format!("my {text}"));
        assert_eq!(format!("! {}", answer.content()), UNKNOWN);
        assert_eq!((answer.code(), answer.optional("unknown")), ("refused", &json!(true)), "{answer:?}");
        assert!(answer.events.iter().all(|event| event["action"] != "message"), "{answer:?}");
    }
    cluster.redis.signal("CONT");
    let mut numbers = Vec::new();
    for text in texts {
        let known = outcome_of(&mut bot, &format!("my {text}"));
        assert_eq!((&known["action"], &known["content"]), (&json!("news"), &json!("It was said.")), "{known}");
        numbers.push(known["optional"]["message"].as_u64().expect("a number"));
    }
    let last = bot.say("general", "the end");
    let mut seen = Vec::new();
    while seen.last().is_none_or(|(id, _)| *id != last) {
        let message = far.expect("message");
        let text = message["content"].as_str().expect("a text").to_owned();
        seen.push((message["id"].as_u64().expect("a number"), text));
    }
    let expected = numbers.into_iter().zip(texts.map(str::to_owned)).chain([(last, "the end".to_owned())]);
    assert_eq!(seen, expected.collect::<Vec<_>>());
}

#[test]
fn a_program_learns_that_something_was_not_said_after_all() {
    let Some(mut cluster) = Cluster::start(2, "timeout_ms = 100") else { return };
    let mut bot = Bot::in_room(cluster.nodes[1].address(), "robo", "general");
    let mut far = Bot::in_room(cluster.nodes[0].address(), "far", "general");
    let private = json!({"action": "say", "receiver": "far", "private": true, "content": "psst"});
    while bot.ask(private.clone()).code() == "no_person" {}
    cluster.redis.signal("STOP");
    let mut ids = Vec::new();
    for request in [say("perhaps"), private] {
        ids.push(bot.begin(request));
        let answer = bot.answer(ids.last().expect("an id"));
        assert_eq!((answer.code(), answer.optional("unknown")), ("refused", &json!(true)), "{answer:?}");
    }
    cluster.redis.kill();
    cluster.redis.start_again();
    for id in ids {
        let known = outcome_of(&mut bot, &id);
        assert_eq!((&known["action"], &known["content"]), (&json!("error"), &json!("It was not said.")), "{known}");
        assert_eq!((&known["id"], &known["optional"]["code"]), (&Value::Null, &json!("refused")), "{known}");
    }
    let deadline = Instant::now() + PATIENCE;
    let last = loop {
        let answer = bot.ask(say("this one is"));
        if answer.code().is_empty() {
            break answer.message();
        }
        assert!(Instant::now() < deadline, "{answer:?}");
    };
    loop {
        let message = far.expect("message");
        assert_ne!(message["content"], "perhaps");
        if message["id"].as_u64() == Some(last) {
            return;
        }
    }
}

#[test]
fn the_outcome_of_a_direct_message_in_doubt_is_reported() {
    let Some(mut cluster) = Cluster::start(2, "timeout_ms = 100") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    ask_until(&mut bob, ":listall", "alice");
    cluster.redis.signal("STOP");
    bob.send(":dm alice perhaps");
    bob.expect(UNKNOWN);
    cluster.redis.kill();
    cluster.redis.start_again();
    bob.expect(NOT_SAID);
    ask_until(&mut bob, ":dm alice surely", "you -> alice: surely");
    let seen = alice.expect("bob -> you: surely");
    assert!(!seen.contains("perhaps"), "{seen:?}");
}

#[test]
fn waiting_lines_are_bounded_and_further_ones_are_refused_at_once() {
    let Some(redis) = Redis::start() else { return };
    let options = Options {
        top: "message_limit = 2000",
        limits: "messages_per_second = 0\nexempt = [\"127.0.0.0/8\"]\nline_bytes = 16384",
    };
    let more = "pending_bytes = 65536\nlease_seconds = 60\ntimeout_ms = 1000";
    let Some(cluster) = Cluster::with(redis, 2, more, options) else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut people: Vec<_> = (0..9).map(|number| cluster.nodes[1].chat(&format!("guest{number}"), "general")).collect();
    ask_until(&mut alice, "/list", "10 people in general:");
    cluster.redis.signal("STOP");
    // 8 KB each: at most eight of them may wait.
    let family = "👨‍👩‍👧".repeat(450);
    let mut waiting = 0;
    for (index, client) in people.iter_mut().enumerate() {
        let sent = Instant::now();
        client.send(&format!("line {index}. {family}"));
        let answer = client.expect("! ") + &client.expect("\r\n");
        if answer.contains("Your line waits.") {
            waiting += 1;
            continue;
        }
        assert!(answer.contains("Not said: this server cannot reach the others right now."), "{answer:?}");
        assert!(sent.elapsed() < Duration::from_secs(1), "not at once: {:?}", sent.elapsed());
        break;
    }
    assert!((1..=8).contains(&waiting), "{waiting} lines of 8 KB wait");
    cluster.redis.signal("CONT");
    for index in 0..waiting {
        alice.expect(&format!("guest{index}: line {index}. "));
    }
    assert!(!alice.settle().contains(&format!("line {waiting}. ")), "it was refused");
}

#[test]
fn a_redis_with_too_few_replicas_refuses_writes_until_they_are_back() {
    let Some(redis) = Redis::start() else { return };
    let port = redis.address().port().to_string();
    let replica = || Redis::with(&["--appendonly", "no", "--save", "", "--replicaof", "127.0.0.1", &port]);
    let Some(mut first) = replica() else { return };
    let follows = |redis: &Redis| {
        let deadline = Instant::now() + PATIENCE;
        while !redis.ask(&["INFO", "replication"]).contains("state=online") {
            assert!(Instant::now() < deadline, "no replica follows");
            thread::park_timeout(Duration::from_millis(20));
        }
    };
    follows(&redis);
    redis.ask(&["CONFIG", "SET", "min-replicas-max-lag", "1"]);
    redis.ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let Some(cluster) = Cluster::over(redis, 2, "timeout_ms = 300") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    say_until_seen(&mut bob, &mut alice, "before");
    first.kill();
    ask_until(&mut bob, "into the void", REFUSED);
    // Direct messages are refused, too.
    ask_until(&mut bob, "@alice this as well", &format!("{REFUSED}\r\n"));
    bob.send("/history");
    let history = bob.settle();
    assert!(history.contains("bob: before"), "{history:?}");
    let second = replica().expect("a replica");
    follows(&cluster.redis);
    say_until_seen(&mut bob, &mut alice, "after");
    say_until_seen(&mut alice, &mut bob, "and back");
    let seen = alice.settle() + &bob.settle();
    assert!(!seen.contains("lost its history") && !seen.contains("may not have reached"), "{seen:?}");
    drop(second);
}

#[test]
fn messages_trimmed_from_the_log_are_read_from_the_history_or_reported_as_missing() {
    let (Some(redis), options) =
        (Redis::start(), Options { top: "history_max = 5\nchatview_max = 5", ..Options::default() })
    else {
        return;
    };
    let Some(cluster) = Cluster::with(redis, 2, "timeout_ms = 300\nlease_seconds = 10", options) else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    say_until_seen(&mut alice, &mut bob, "before");
    // The outage is shorter than the lease, so that the server is not considered gone.
    cluster.nodes[1].proxy.refuse(true);
    for number in 0..12 {
        alice.send(&format!("missed {number}."));
        alice.settle();
    }
    for partition in 0..4 {
        cluster.redis.ask(&["XTRIM", &format!("chatsock:{{p0{partition}}}log"), "MAXLEN", "1"]);
    }
    cluster.nodes[1].proxy.refuse(false);
    let seen = bob.expect("alice: missed 11.");
    assert!(seen.contains("* 7 earlier messages are missing here."), "{seen:?}");
    for number in 7..11 {
        assert_eq!(seen.matches(&format!("alice: missed {number}.")).count(), 1, "{seen:?}");
    }
    assert!(!seen.contains("missed 6."), "{seen:?}");
    say_until_seen(&mut bob, &mut alice, "I have read it");
    let seen = alice.settle();
    assert!(!seen.contains("bob left") && !seen.contains("bob joined"), "{seen:?}");
}

#[test]
fn a_server_exits_with_one_sentence_when_redis_does_not_answer_within_ten_seconds() {
    let Some(mut cluster) = Cluster::start(0, "") else { return };
    let try_to_start = |cluster: &Cluster| {
        let begun = Instant::now();
        let (status, text) = cluster.launch_in_vain("n0", "");
        (status, text, begun.elapsed())
    };
    let is_right = |(status, text, took): (Option<i32>, String, Duration)| {
        assert_eq!(status, Some(1), "{text}");
        let sentences: Vec<_> = text.lines().filter(|line| !line.starts_with('[')).collect();
        assert_eq!(sentences.len(), 1, "{text}");
        let begins = |line: &&str| {
            line.starts_with("chatsock: Redis at redis://") && line.contains("does not answer within 10 seconds: ")
        };
        assert!(sentences.iter().all(begins) && !text.contains("os error"), "{text}");
        assert!(took <= Duration::from_secs(12), "{took:?}");
    };
    // Redis accepts connections, but does not answer.
    cluster.redis.signal("STOP");
    is_right(try_to_start(&cluster));
    // Nothing listens.
    cluster.redis.kill();
    is_right(try_to_start(&cluster));
}

#[test]
fn a_server_starts_once_redis_answers() {
    let Some(mut cluster) = Cluster::start(0, "") else { return };
    cluster.redis.signal("STOP");
    thread::scope(|scope| {
        let starting = scope.spawn(|| cluster.launch("n0", ""));
        // The server has probably tried once by then; if not, the test passes all the same.
        thread::park_timeout(Duration::from_secs(2));
        cluster.redis.signal("CONT");
        let node = starting.join().expect("no panic");
        let mut alice = node.chat("alice", "general");
        alice.send("hello");
        assert!(!alice.settle().contains("! "));
    });
    cluster.redis.kill();
}

#[test]
fn the_node_name_of_a_running_server_is_refused_in_one_sentence() {
    let Some(mut cluster) = Cluster::start(1, "") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let (status, text) = cluster.launch_in_vain("n0", "");
    assert_eq!(status, Some(2), "{text}");
    let sentences: Vec<_> = text.lines().filter(|line| !line.starts_with('[')).collect();
    assert_eq!(sentences.len(), 1, "{text}");
    assert!(sentences[0].contains("another server is running as cluster node n0; set cluster.node"), "{text}");
    // The running server is not affected.
    alice.send("still here");
    assert!(!alice.settle().contains("! "));
    assert!(!cluster.nodes[0].log().contains("lease lost"), "{}", cluster.nodes[0].log());
    // The node name of a killed server is free as soon as its lease has ended.
    cluster.nodes[0].kill();
    let begun = Instant::now();
    let again = cluster.launch("n0", "");
    assert!(begun.elapsed() < PATIENCE);
    again.chat("alice", "general");
}
