//! JSON programs see events on other servers the same as on their own.

use serde_json::{Value, json};

use crate::nodes::{Cluster, Options};
use crate::support::json::Bot;
use crate::support::redis::Redis;

fn join(after: u64) -> Value {
    json!({"action": "join", "receiver": "general", "optional": {"after": after}})
}

fn numbers(items: &[Value]) -> Vec<u64> {
    items.iter().map(|item| item["id"].as_u64().expect("a number")).collect()
}

/// Requests a list until it has an item with this name.
#[track_caller]
fn listed(bot: &mut Bot, request: &Value, name: &str) -> Value {
    listed_when(bot, request, name, |_| true)
}

/// The same, until that item is also right.
#[track_caller]
fn listed_when(bot: &mut Bot, request: &Value, name: &str, is_right: impl Fn(&Value) -> bool) -> Value {
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    loop {
        let items = bot.ask(request.clone()).ok().items;
        if let Some(found) = items.iter().find(|item| item["optional"]["name"] == name && is_right(&item["optional"])) {
            return found["optional"].clone();
        }
        assert!(std::time::Instant::now() < deadline, "{name} is not in {items:?}");
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
}

#[test]
fn everything_that_happens_in_a_room_reaches_programs_on_other_servers() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut bot = Bot::in_room(cluster.nodes[0].address(), "robo", "general");
    let mut far = Bot::in_room(cluster.nodes[1].address(), "far", "general");
    assert_eq!(bot.expect("joined")["sender"], "far");
    let number = bot.say("general", "one");
    let message = far.expect("message");
    assert_eq!(
        (&message["id"], &message["content"], &message["sender"]),
        (&json!(number), &json!("one"), &json!("robo"))
    );
    let reply = far.ask(json!({"action": "reply", "content": "indeed", "optional": {"message": number}})).message();
    let answer = bot.expect("message");
    let answer = if answer["id"] == number { bot.expect("message") } else { answer };
    assert_eq!([&answer["id"], &answer["optional"]["reply_to"]], [reply, number]);
    bot.ask(json!({"action": "edit", "content": "two", "optional": {"message": number}})).message();
    let edited = far.expect("edited");
    assert_eq!((&edited["id"], &edited["content"]), (&json!(number), &json!("two")));
    bot.ask(json!({"action": "delete", "optional": {"message": number}})).ok();
    let deleted = far.expect("deleted");
    assert_eq!((&deleted["id"], &deleted["sender"]), (&json!(number), &json!("robo")));
    let request = json!({"action": "temp", "receiver": "general", "content": "soon", "optional": {"seconds": 1}});
    let temporary = bot.ask(request).message();
    assert_eq!(far.expect("message")["optional"]["temporary"], 1);
    assert_eq!(far.expect("expired")["id"], temporary);
    bot.command("general", ":nick robot").ok();
    let renamed = far.expect("renamed");
    assert!(renamed["content"].as_str().is_some_and(|news| news.contains("robot")), "{renamed}");
    bot.ask(json!({"action": "quit"}));
    assert_eq!(far.expect("left")["sender"], "robot");
}

#[test]
fn lists_of_rooms_and_members_cover_all_servers() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut bot = Bot::in_room(cluster.nodes[0].address(), "robo", "general");
    let mut far = Bot::in_room(cluster.nodes[1].address(), "far", "general");
    let rooms = json!({"action": "rooms"});
    far.ask(json!({"action": "create", "receiver": "den"})).ok();
    assert_eq!(bot.expect("room")["receiver"], "den");
    listed_when(&mut bot, &rooms, "den", |den| den["people"] == 1);
    let members = json!({"action": "members", "receiver": "general"});
    assert!(listed(&mut bot, &members, "far")["since"].is_string());
    assert!(listed(&mut far, &members, "robo")["since"].is_string());
    listed_when(&mut far, &rooms, "general", |general| general["people"] == 2);
    far.command("den", ":destroy").ok();
    while bot.ask(rooms.clone()).ok().items.iter().any(|room| room["optional"]["name"] == "den") {}
    let person = bot.ask(json!({"action": "whois", "receiver": "far"})).ok().items;
    assert_eq!(person[0]["optional"]["rooms"], "general");
}

#[test]
fn private_messages_pass_between_servers() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut bot = Bot::in_room(cluster.nodes[0].address(), "robo", "general");
    let mut far = Bot::in_room(cluster.nodes[1].address(), "far", "general");
    let mut alice = cluster.nodes[1].chat("alice", "general");
    for name in ["far", "alice"] {
        listed(&mut bot, &json!({"action": "members", "receiver": "general"}), name);
    }
    listed(&mut far, &json!({"action": "members", "receiver": "general"}), "robo");
    let request = json!({"action": "say", "receiver": ["alice", "far"], "private": true, "content": "psst"});
    let number = bot.ask(request).message();
    alice.expect("psst");
    let message = far.expect("message");
    assert_eq!((&message["id"], &message["private"]), (&json!(number), &json!(true)));
    assert_eq!(message["receiver"], json!(["alice", "far"]));
    let answer = json!({"action": "say", "receiver": "robo", "private": true, "content": "yes?"});
    let number = far.ask(answer).message();
    let message = bot.expect("message");
    let message = if message["sender"] == "robo" { bot.expect("message") } else { message };
    assert_eq!((&message["id"], &message["sender"]), (&json!(number), &json!("far")));
    far.ask(json!({"action": "edit", "content": "no", "optional": {"message": number}})).message();
    assert_eq!(bot.expect("edited")["content"], "no");
    far.ask(json!({"action": "delete", "optional": {"message": number}})).ok();
    assert_eq!(bot.expect("deleted")["id"], number);
}

#[test]
fn a_program_that_switches_servers_gets_what_it_missed_or_learns_of_a_gap() {
    let (Some(redis), options) = (Redis::start(), Options { top: "history_max = 5", ..Options::default() }) else {
        return;
    };
    let Some(cluster) = Cluster::with(redis, 2, "", options) else {
        return;
    };
    let mut bot = Bot::in_room(cluster.nodes[0].address(), "robo", "general");
    let seen = bot.say("general", "seen");
    let mut alice = Bot::in_room(cluster.nodes[0].address(), "alice", "general");
    let missed: Vec<_> = (0..3).map(|number| alice.say("general", &number.to_string())).collect();
    let mut watcher = Bot::in_room(cluster.nodes[1].address(), "watcher", "general");
    let mut again = Bot::login(cluster.nodes[1].address(), "robo2");
    let joined = again.ask(join(seen)).ok();
    assert_eq!((numbers(&joined.items), joined.optional("gap")), (missed, &json!(false)));
    let next = alice.say("general", "next");
    assert_eq!(again.expect("message")["id"], next);
    let last = (0..5).map(|number| alice.say("general", &format!("more {number}"))).last();
    while watcher.expect("message")["id"].as_u64() != last {}
    let mut late = Bot::login(cluster.nodes[1].address(), "robo3");
    let joined = late.ask(join(seen)).ok();
    assert_eq!((joined.items.len(), joined.optional("gap")), (5, &json!(true)));
    assert_eq!(late.ask(join(u64::from(u32::MAX))).ok().optional("gap"), true, "a number of another cluster's");
}
