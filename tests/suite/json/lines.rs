//! Lines that are valid requests, nearly valid, or not requests at all.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use crate::support::json::Bot;
use crate::support::{Client, Server};

#[test]
fn every_bad_line_is_answered_and_the_third_ends_the_connection() {
    let server = Server::with("[json]\n");
    let mut bot = Bot::connect(server.json_address());
    bot.send("hello");
    let first = bot.next();
    assert_eq!((&first["optional"]["code"], &first["id"]), (&json!("bad_json"), &json!(null)));
    assert_eq!(first["content"], "Not a JSON object: the start at column 1.");
    bot.ask(json!({"action": "ping"})).ok();
    bot.send(&format!("{{\"content\":\"{}\"}}", "x".repeat(4 * 8192)));
    assert_eq!(bot.next()["optional"]["code"], "too_long");
    bot.ask(json!({"action": "ping"})).ok();
    bot.send(r#"{"id":"mine","private":1}"#);
    let third = bot.next();
    assert_eq!((&third["id"], &third["content"]), (&json!("mine"), &json!("Not a JSON object: private at column 24.")));
    let rest = bot.rest();
    assert_eq!((rest.len(), &rest[0]["action"]), (1, &json!("bye")), "{rest:?}");
}

#[test]
fn a_line_of_four_times_line_bytes_is_read_and_a_longer_one_is_skipped_to_its_end() {
    let server = Server::with("[json]\n[limits]\nline_bytes = 200\n");
    let mut bot = Bot::connect(server.json_address());
    let padded = |length: usize| {
        let (head, tail) = (r#"{"id":"p","action":"ping","x":""#, r#""}"#);
        format!("{head}{}{tail}", "x".repeat(length - head.len() - tail.len()))
    };
    bot.send(&padded(800));
    assert_eq!(bot.next()["action"], "ok");
    // In many pieces, and the last would be a request by itself.
    for piece in padded(5000).as_bytes().chunks(100) {
        bot.client.send_bytes(piece);
    }
    bot.send(r#"{"action":"quit"}"#);
    assert_eq!(bot.next()["optional"]["code"], "too_long");
    assert_eq!(bot.ask(json!({"action": "ping"})).code(), "");
}

#[test]
fn a_line_that_is_too_long_is_answered_with_its_id_if_it_begins_with_that() {
    let server = Server::with("[json]\n[limits]\nline_bytes = 200\n");
    let long = "x".repeat(5000);
    for (line, id) in [
        (format!(r#"{{"id":"mine","action":"say","content":"{long}"}}"#), json!("mine")),
        (
            format!(r#" {{ "action":"say", "optional":{{"id":"inner"}}, "id" : "a\u00e9\"b", "content":"{long}"}}"#),
            json!("aé\"b"),
        ),
        (format!(r#"{{"id":null,"content":"{long}"}}"#), json!(null)),
        (format!(r#"{{"id":7,"content":"{long}"}}"#), json!(null)),
        (format!(r#"{{"id":"a","id":"b","content":"{long}"}}"#), json!(null)),
        (format!(r#"{{"id":"{long}"}}"#), json!(null)),
        (format!(r#"{{"content":"\"id\":\"no\",{long}","id":"late"}}"#), json!(null)),
        (format!(r#"["id":"no",{long}]"#), json!(null)),
        (long.clone(), json!(null)),
    ] {
        let mut bot = Bot::connect(server.json_address());
        // In one piece, and in two.
        bot.send(&line);
        let first = bot.next();
        bot.client.send_bytes(&line.as_bytes()[..850]);
        let second = bot.next();
        bot.send(&line[850..]);
        for answer in [first, second] {
            assert_eq!((&answer["optional"]["code"], &answer["id"]), (&json!("too_long"), &id), "{}", &line[..80]);
        }
        bot.ask(json!({"action": "ping"})).ok();
    }
}

#[test]
fn a_line_that_is_too_long_behind_a_full_queue_is_answered_once_and_none_of_it_is_run() {
    let server = Server::with("connection_timeout = true\n[limits]\nline_bytes = 200\n");
    // Nothing runs during the newcomers' wait, and 256 requests may wait.
    let pings: String = (0..256).map(|n| format!("{{\"id\":\"{n}\",\"action\":\"ping\"}}\n")).collect();
    let (start, rest) = (format!("{{\"id\":\"long\",\"x\":\"{}", "x".repeat(2000)), "y\"}\n");
    let bots = [true, false].map(|whole| {
        let mut bot = Bot::connect(server.address());
        bot.client.send_bytes([&*pings, &*start, if whole { rest } else { "" }].concat().as_bytes());
        (bot, whole)
    });
    for (mut bot, whole) in bots {
        let answers: Vec<_> = (0..257).map(|_| bot.next()).collect();
        let (long, pings) = answers.split_last().expect("answers");
        let ids = pings.iter().map(|answer| answer["id"].as_str().map(str::to_owned));
        assert!(ids.eq((0..256).map(|number| Some(format!("{number}")))), "{pings:?}");
        assert_eq!((&long["id"], &long["optional"]["code"]), (&json!("long"), &json!("too_long")));
        if !whole {
            bot.client.send_bytes(rest.as_bytes());
        }
        assert_eq!(bot.ask(json!({"action": "ping"})).ok().events, Vec::<serde_json::Value>::new());
    }
}

#[test]
fn empty_lines_carriage_returns_and_a_byte_order_mark_are_accepted() {
    let server = Server::with("[json]\n");
    let mut bot = Bot::connect(server.json_address());
    bot.client.send_bytes(
        b"\xef\xbb\xbf{\"id\":\"1\",\"action\":\"ping\"}\r\n\r\n\n  {\"id\":\"2\",\"action\":\"ping\"}\r\n",
    );
    assert_eq!([bot.next()["id"].clone(), bot.next()["id"].clone()], ["1", "2"]);
    bot.client.send_bytes(b"{\"id\":\"3\",\"action\":\"ping\"}");
    bot.client.finish();
    let rest = bot.rest();
    assert_eq!((&rest[0]["id"], &rest[1]["action"]), (&json!("3"), &json!("bye")), "without its end, too");
}

#[test]
fn deeply_nested_requests_are_refused_and_do_no_harm() {
    let server = Server::with("[json]\n[limits]\nline_bytes = 1048576\n");
    const LEVELS: usize = 1_000_000;
    let half = "[".repeat(LEVELS / 2) + &r#"{"x":"#.repeat(LEVELS / 2);
    for bomb in ["[".repeat(LEVELS), r#"{"x":"#.repeat(LEVELS / 2), half] {
        let mut bot = Bot::connect(server.json_address());
        for before in ["", r#"{"optional":"#] {
            bot.send(&format!("{before}{}", &bomb[..bomb.len().min(4_000_000)]));
            assert_eq!(bot.next()["optional"]["code"], "bad_json");
        }
        bot.ask(json!({"action": "ping"})).ok();
    }
}

/// The number of cases: `CHATSOCK_JSON_LINES` sets another.
fn cases() -> u32 {
    std::env::var("CHATSOCK_JSON_LINES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300)
}

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("\""),
        Just(":"),
        Just(","),
        Just("\\u0000"),
        Just("\\ud800"),
        Just("1e400"),
        Just("\"id\""),
        Just("\"action\""),
        Just("\"say\""),
        Just("\"command\""),
        Just("\":list\""),
        Just("\"receiver\""),
        Just("\"general\""),
        Just("\"content\""),
        Just("\"optional\""),
        Just("true"),
        Just("null"),
        Just("-1"),
        Just(" "),
    ];
    let nearly = proptest::collection::vec(word, 1..30).prop_map(|words| words.concat().into_bytes());
    prop_oneof![proptest::collection::vec(any::<u8>(), 1..80), nearly].prop_map(|mut line| {
        line.retain(|byte| !matches!(byte, b'\n' | b'\r'));
        if line.is_empty() { b"x".to_vec() } else { line }
    })
}

#[test]
fn any_line_gets_an_answer_and_only_the_third_bad_one_an_end() {
    let server = Server::with("[json]\n");
    let mut runner = TestRunner::new(Config { cases: cases(), failure_persistence: None, ..Config::default() });
    let run = runner.run(&proptest::collection::vec(any_line(), 1..5), |lines| {
        let mut bot = Bot::connect(server.json_address());
        let mut faulty = 0;
        for line in &lines {
            bot.client.send_bytes(line);
            bot.client.send_bytes(b"\n");
            let answer = bot.next();
            let code = answer["optional"]["code"].as_str().unwrap_or("");
            faulty += usize::from(matches!(code, "bad_json" | "too_long"));
            prop_assert!(matches!(answer["action"].as_str(), Some("ok" | "error" | "welcome")), "{}", answer);
            if faulty == 3 || answer["action"] == "ok" {
                // An `ok` may have been that of `quit`.
                return Ok(());
            }
        }
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    let mut alice: Client = server.login("alice");
    alice.send(":time");
    alice.expect("* It is ");
}
