//! Every request is answered once and in order, even if it has to wait.

use serde_json::json;

use crate::support::Server;
use crate::support::json::Bot;

#[test]
fn requests_that_wait_for_their_rate_and_those_refused_by_it_are_answered_in_order() {
    const REQUESTS: usize = 200;
    let server = Server::with("[limits]\nmessages_per_second = 20\nmessage_burst = 10\n");
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    let mut lines = String::new();
    for n in 0..REQUESTS {
        let request = match n % 5 {
            3 => json!({"id": n.to_string(), "action": "ping"}),
            4 if n < 10 => json!({"id": n.to_string(), "private": n}),
            _ => json!({"id": n.to_string(), "action": "say", "receiver": "general", "content": n.to_string()}),
        };
        lines += &format!("{request}\n");
    }
    bot.client.send_bytes(lines.as_bytes());
    let (mut said, mut refused) = (Vec::new(), 0);
    for n in 0..REQUESTS {
        let answer = loop {
            let object = bot.next();
            if object["id"].is_string() {
                break object;
            }
        };
        assert_eq!(answer["id"], n.to_string(), "{answer}");
        match answer["optional"]["code"].as_str() {
            Some("too_fast") => {
                refused += 1;
                assert!(answer["optional"]["wait"].as_u64().is_some_and(|wait| wait > 0), "{answer}");
                assert!(answer["content"].as_str().is_some_and(|said| said.starts_with("Too fast: try again in ")));
            }
            Some("bad_json") => assert!(n < 10, "{answer}"),
            _ => said.extend(answer["optional"]["message"].as_u64()),
        }
    }
    assert!(refused > 20 && said.len() > 20, "{refused} refused, {} said", said.len());
    assert!(said.windows(2).all(|pair| pair[0] < pair[1]), "{said:?}");
}

#[test]
fn more_requests_than_may_wait_delay_the_client_and_none_is_lost() {
    const REQUESTS: usize = 600;
    let server = Server::with("[limits]\nmessages_per_second = 1\nmessage_burst = 2\n");
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    let padding = "x".repeat(200);
    let mut lines = String::new();
    for n in 0..REQUESTS {
        let request =
            json!({"id": n.to_string(), "action": "say", "receiver": "general", "content": "x", "padding": padding});
        lines += &format!("{request}\n");
    }
    bot.client.send_bytes(lines.as_bytes());
    let mut next = 0;
    while next < REQUESTS {
        let object = bot.next();
        if object["id"].is_string() {
            assert_eq!(object["id"], next.to_string());
            next += 1;
        }
    }
    bot.ask(json!({"action": "rooms"})).ok();
}

#[test]
fn requests_before_a_delayed_login_are_answered_afterwards() {
    let server = Server::with("connection_timeout = true");
    let mut bot = Bot::connect(server.address());
    let ids: Vec<_> = ["hello", "ping", "rooms", "xyzzy"].map(|action| bot.begin(json!({"action": action}))).into();
    let codes: Vec<_> = ids.iter().map(|id| bot.answer(id).code().to_owned()).collect();
    assert_eq!(codes, ["", "", "not_allowed", "unknown_action"]);
}

#[test]
fn a_user_on_a_terminal_and_a_program_see_the_same_ids_in_the_same_order() {
    const EACH: usize = 100;
    let server = Server::start();
    let mut alice = server.chat("alice", "general");
    let mut reader = Bot::in_room(server.address(), "reader", "general");
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    let mut bob = server.chat("bob", "general");
    alice.settle();
    std::thread::scope(|scope| {
        scope.spawn(|| (0..EACH).for_each(|n| bob.send(&format!("bob {n}"))));
        scope.spawn(|| {
            for n in 0..EACH {
                bot.send(&json!({"action": "say", "receiver": "general", "content": format!("robo {n}")}).to_string());
            }
        });
    });
    let mut of_program = Vec::new();
    while of_program.len() < 2 * EACH {
        let message = reader.expect("message");
        of_program
            .push((message["id"].as_u64().expect("a number"), message["content"].as_str().unwrap_or("").to_owned()));
    }
    let mut of_user = Vec::new();
    while of_user.len() < 2 * EACH {
        let line = alice.expect("\r\n");
        let Some((number, text)) = line.split_once("] #").and_then(|(_, rest)| rest.split_once(' ')) else { continue };
        of_user.push((number.parse().expect("a number"), text.split_once(": ").expect("a text").1.to_owned()));
    }
    assert_eq!(of_program, of_user);
}
