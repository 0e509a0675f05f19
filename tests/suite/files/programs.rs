//! Files between programs, and between a program and a user: requests, and unsolicited objects.

use serde_json::json;

use super::*;
use crate::support::json::Bot;

#[test]
fn a_program_offers_another_accepts_and_both_get_objects() {
    let server = server("");
    let (mut alice, mut bob) = (Bot::login(server.address(), "alice"), Bot::login(server.address(), "bob"));
    let asked =
        alice.ask(json!({"action": "send", "receiver": "bob", "content": "../a b.txt", "optional": {"size": 3}}));
    let number = asked.ok().answer["optional"]["offer"].clone();
    let offer = bob.expect("offer");
    assert_eq!(
        (&offer["sender"], &offer["receiver"], &offer["private"]),
        (&json!("alice"), &json!("bob"), &json!(true))
    );
    assert_eq!(
        offer["content"],
        format!("alice offers you a b.txt. :accept {number} takes it, :decline {number} does not.")
    );
    assert_eq!(offer["optional"], json!({"offer": number, "name": "a b.txt", "size": 3}));
    let accepted = bob.ask(json!({"action": "accept", "optional": {"offer": number}})).ok().answer["optional"].clone();
    let start = alice.expect("transfer");
    assert_eq!((&start["optional"]["offer"], &start["optional"]["state"]), (&number, &json!("accepted")));
    let (put, get) =
        (start["optional"]["token"].as_str().expect("a token"), accepted["token"].as_str().expect("a token"));
    assert_ne!(put, get);
    let url = format!("http://{}/f/{get}", files_address(&server));
    assert_eq!(accepted["url"], url);
    let receiver = end(&server, &format!("GET /f/{get} HTTP/1.1\r\nHost: x\r\n\r\n"));
    let sender = end(&server, &format!("PUT /f/{put} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"));
    assert!(answer(&receiver).ends_with("\r\n\r\nabc"));
    assert!(answer(&sender).starts_with("HTTP/1.1 201 "));
    for bot in [&mut alice, &mut bob] {
        let done = bot.expect("transfer");
        assert_eq!((&done["optional"]["state"], &done["optional"]["size"]), (&json!("done"), &json!(3)));
        assert_eq!(done["optional"]["sha256"].is_string(), cfg!(feature = "tls"));
    }
}

#[test]
fn a_program_and_a_user_decline_each_others_files() {
    let server = server("max_bytes = 10");
    let (mut alice, mut bob) = (server.login("alice"), Bot::login(server.address(), "bob"));
    alice.send(":send bob x");
    let number = bob.expect("offer")["optional"]["offer"].clone();
    bob.ask(json!({"action": "decline", "optional": {"offer": number}})).ok();
    alice.expect("* bob declined x.\r\n");
    let asked = bob.ask(json!({"action": "send", "receiver": "alice", "content": "y"}));
    let number = asked.ok().answer["optional"]["offer"].clone();
    alice.expect(&format!("* bob offers you y. :accept {number} takes it"));
    alice.send(":decline");
    let declined = bob.expect("transfer");
    assert_eq!(
        (&declined["content"], &declined["optional"]["state"]),
        (&json!("alice declined y."), &json!("declined"))
    );
    for (request, code, sentence) in [
        (
            json!({"action": "send", "receiver": "carol", "content": "x"}),
            "no_person",
            "carol is not online; :listall shows who is.",
        ),
        (json!({"action": "send", "content": "x"}), "no_person", "The receiver names one person."),
        (json!({"action": "send", "receiver": "alice"}), "refused", "The content is missing: it is the file's name."),
        (
            json!({"action": "send", "receiver": "alice", "content": "x", "optional": {"size": 11}}),
            "refused",
            "That file is too big: at most 10 bytes.",
        ),
        (json!({"action": "accept", "optional": {"offer": 99}}), "refused", "Nothing to accept."),
        (json!({"action": "decline"}), "refused", "Nothing to decline."),
    ] {
        let refused = bob.ask(request);
        assert_eq!((refused.code(), refused.content()), (code, sentence));
    }
}

#[test]
fn a_break_is_reported_with_the_bytes() {
    let server = server("");
    let (mut alice, mut bob) = (Bot::login(server.address(), "alice"), Bot::login(server.address(), "bob"));
    alice.ask(json!({"action": "send", "receiver": "bob", "content": "x"})).ok();
    let get = bob.ask(json!({"action": "accept"})).ok().answer["optional"]["token"].clone();
    let put = alice.expect("transfer")["optional"]["token"].clone();
    let _receiver = end(&server, &format!("get {}\n", get.as_str().expect("a token")));
    drop(end(&server, &format!("put {} 10\nabc", put.as_str().expect("a token"))));
    let broken = bob.expect("transfer");
    assert_eq!(broken["content"], "x broke off at 3 of 10 bytes.");
    assert_eq!(
        (&broken["optional"]["state"], &broken["optional"]["bytes"], &broken["optional"]["size"]),
        (&json!("broken"), &json!(3), &json!(10))
    );
}
