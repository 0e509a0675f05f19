//! Each error code, and the fields that a client may not set.

use serde_json::json;

use crate::support::Server;
use crate::support::json::Bot;

#[test]
fn every_code_has_its_case() {
    let server =
        Server::with("message_limit = 20\nhistory_max = 2\n[rooms.general]\n[rooms.staff]\npassword = \"x\"\n");
    let mut alice = Bot::in_room(server.address(), "alice", "general");
    let mut bot = Bot::connect(server.address());
    let say = |receiver: &str, content: &str| json!({"action": "say", "receiver": receiver, "content": content});
    assert_eq!(bot.ask(say("general", "x")).code(), "not_allowed", "before a login");
    assert_eq!(bot.ask(json!({"action": "login", "content": "Alice"})).code(), "taken");
    assert_eq!(bot.ask(json!({"action": "login", "content": "1"})).code(), "refused");
    bot.ask(json!({"action": "login", "content": "robo"})).ok();
    assert_eq!(bot.ask(say("general", "x")).code(), "no_room");
    assert_eq!(bot.ask(say("no such room", "x")).code(), "no_room");
    assert_eq!(bot.ask(json!({"action": "say", "content": "x"})).code(), "no_room");
    let join = |room: &str| json!({"action": "join", "receiver": room});
    assert_eq!(bot.ask(join("nowhere")).code(), "no_room");
    let needed = bot.ask(join("staff"));
    assert_eq!((needed.code(), needed.optional("password")), ("not_allowed", &json!(true)));
    // There is no Enter key to go back.
    assert_eq!(needed.content(), "staff has a password.");
    assert_eq!(
        bot.ask(join("stafff")).content(),
        "No public room stafff; did you mean staff? A hidden room needs its password."
    );
    assert_eq!(bot.ask(join("nowhere")).content(), "No public room nowhere. A hidden room needs its password.");
    let wrong = bot.ask(json!({"action": "join", "receiver": "staff", "optional": {"password": "y"}}));
    assert_eq!((wrong.code(), wrong.content()), ("not_allowed", "No such room, or not that password."));
    assert_eq!(bot.ask(json!({"action": "create", "receiver": "general"})).code(), "taken");
    bot.ask(join("general")).ok();

    let long = bot.ask(say("general", &"x".repeat(21)));
    assert_eq!((long.code(), long.content()), ("too_long", "Not sent: 21 characters, and a message may have 20."));
    let invisible = bot.ask(say("general", "\u{200b}"));
    assert_eq!(
        (invisible.code(), invisible.content()),
        ("refused", "Not sent: that text has only invisible characters.")
    );
    for empty in ["", "  ", "\n\n"] {
        let empty = bot.ask(say("general", empty));
        assert_eq!((empty.code(), empty.content()), ("refused", "Not sent: the message is empty."));
    }
    // An invalid request still gets its own answer.
    let deep = bot.ask(json!({"action": "ping", "optional": {"deep": {"deeper": 1}}}));
    assert_eq!(deep.code(), "bad_json");
    assert_eq!(bot.ask(json!({"action": "whois", "receiver": "nobody"})).code(), "no_person");
    let private =
        |receiver: serde_json::Value| json!({"action": "say", "receiver": receiver, "private": true, "content": "x"});
    assert_eq!(bot.ask(private(json!("nobody"))).code(), "no_person");
    assert_eq!(bot.ask(private(json!([]))).code(), "no_person");
    assert_eq!(bot.ask(private(json!("robo"))).code(), "refused", "to oneself");
    let partly = bot.ask(private(json!(["alice", "nobody"])));
    assert_eq!((partly.code(), partly.optional("message").is_u64()), ("no_person", true), "it was sent to alice");

    let theirs = alice.say("general", "mine");
    let edit = |number: u64| json!({"action": "edit", "content": "y", "optional": {"message": number}});
    assert_eq!(bot.ask(edit(theirs)).code(), "not_allowed");
    let gone = bot.say("general", "gone");
    bot.ask(json!({"action": "delete", "optional": {"message": gone}})).ok();
    for action in ["edit", "delete", "reply"] {
        let request = json!({"action": action, "content": "y", "optional": {"message": gone}});
        assert_eq!(bot.ask(request).code(), "gone", "{action}");
    }
    for n in 0..3 {
        bot.say("general", &n.to_string());
    }
    assert_eq!(bot.ask(edit(theirs)).code(), "too_old");
    assert_eq!(bot.ask(json!({"action": "reply", "content": "y"})).code(), "refused", "to what?");

    let unknown = bot.ask(json!({"action": "jion"}));
    assert_eq!((unknown.code(), unknown.content()), ("unknown_action", "There is no action jion. Did you mean join?"));
    assert_eq!(bot.ask(json!({"action": "x\u{1b}[2J"})).code(), "unknown_action");
    assert_eq!(bot.ask(json!({})).code(), "unknown_action");
    assert_eq!(bot.command("general", ":xyzzy").code(), "refused");
    assert_eq!(bot.ask(json!({"action": "say", "content": 5})).code(), "bad_json");
    // The third mistake of this kind is the last one.
    let mut bot = Bot::in_room(server.address(), "robo2", "general");
    for wrong in [json!("5"), json!(1.5)] {
        let odd = bot.ask(json!({"action": "edit", "content": "y", "optional": {"message": wrong}}));
        let reason = odd.optional("reason").as_str().unwrap_or("");
        assert!(odd.code() == "bad_json" && reason.ends_with("expected a whole number from 0 on"), "{odd:?}");
    }
}

#[test]
fn a_muted_and_a_slow_room_say_so_with_their_codes() {
    let server = Server::start();
    let mut alice = Bot::login(server.address(), "alice");
    alice.ask(json!({"action": "create", "receiver": "den"})).ok();
    let mut bot = Bot::in_room(server.address(), "robo", "den");
    alice.command("den", ":slow 60").ok();
    bot.say("den", "first");
    let slow = bot.ask(json!({"action": "say", "receiver": "den", "content": "second"}));
    assert_eq!(slow.code(), "too_fast");
    assert!(slow.optional("wait").as_u64().is_some_and(|wait| wait > 50_000 && wait <= 60_000), "{:?}", slow.answer);
    alice.command("den", ":mute robo").ok();
    let muted = bot.ask(json!({"action": "say", "receiver": "den", "content": "third"}));
    assert_eq!((muted.code(), muted.content()), ("not_allowed", "Not sent: you are muted in den."));
    alice.command("den", ":ban robo").ok();
    let banned = bot.ask(json!({"action": "join", "receiver": "den"}));
    assert_eq!((banned.code(), banned.content()), ("not_allowed", "You are banned from den."));
}

#[test]
fn a_hidden_room_looks_like_a_reserved_name_and_a_missing_room() {
    let server = Server::start();
    let mut alice = Bot::login(server.address(), "alice");
    alice.ask(json!({"action": "create", "receiver": "attic", "optional": {"password": "pw", "public": false}})).ok();
    let mut bot = Bot::login(server.address(), "robo");
    let told = |bot: &mut Bot, action: &str, room: &str, optional: serde_json::Value| {
        let answered = bot.ask(json!({"action": action, "receiver": room, "optional": optional}));
        let words = answered.content().replace(room, "ROOM");
        (answered.code().to_owned(), words, answered.optional("password").clone())
    };
    let none = json!({});
    assert_eq!(told(&mut bot, "create", "attic", none.clone()), told(&mut bot, "create", "server", none.clone()));
    assert_eq!(told(&mut bot, "join", "attic", none.clone()), told(&mut bot, "join", "missing", none));
    let wrong = json!({"password": "wrong"});
    assert_eq!(told(&mut bot, "join", "attic", wrong.clone()), told(&mut bot, "join", "missing", wrong));
    assert!(bot.ask(json!({"action": "rooms"})).items.iter().all(|room| room["receiver"] != "attic"));
}

#[test]
fn the_servers_sender_and_time_replace_the_clients() {
    let server = Server::start();
    let mut alice = Bot::in_room(server.address(), "alice", "general");
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    let forged = json!({
        "action": "say", "receiver": "general", "content": "x", "sender": "alice", "time": "1970-01-01T00:00:00.000Z",
        "optional": {"history": true, "edited": true, "user": "alice#1"},
    });
    let number = bot.ask(forged).message();
    let message = alice.expect("message");
    assert_eq!((&message["id"], &message["sender"]), (&json!(number), &json!("robo")));
    assert!(
        message["time"].as_str().is_some_and(|time| time > "2020") && message["optional"] == json!({}),
        "{message}"
    );
    let forged = json!({"action": "delete", "sender": "alice", "optional": {"message": alice.say("general", "mine")}});
    assert_eq!(bot.ask(forged).code(), "not_allowed");
}

#[test]
fn text_from_programs_is_sanitised_as_for_terminals() {
    let server = Server::start();
    let mut alice = server.chat("alice", "general");
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    let number = bot.say("general", "a\u{1b}[31mred\u{202e}x\u{9b}2J\n\r\n* bob left\u{2028}");
    let shown = alice.expect("bob left");
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{shown:?}");
    assert!(!shown.contains("\n* bob"), "no row without a prefix: {shown:?}");
    let message = bot.expect("message");
    assert!(message["id"] == number && !message["content"].as_str().expect("text").contains('\u{1b}'), "{message}");
    bot.ask(json!({"action": "command", "content": ":away \u{1b}]0;x\u{7}out"})).ok();
    let person = bot.ask(json!({"action": "whois", "receiver": "robo"})).items;
    assert!(!person[0]["optional"]["note"].as_str().expect("a note").contains(['\u{1b}', '\u{7}']), "{person:?}");
}
