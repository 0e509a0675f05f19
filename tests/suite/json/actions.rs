//! Each action and its answer.

use serde_json::{Value, json};

use crate::support::json::Bot;
use crate::support::{Client, Server};

fn actions(objects: &[Value]) -> Vec<&str> {
    objects.iter().map(|object| object["action"].as_str().expect("an action")).collect()
}

#[test]
fn hello_is_answered_by_welcome_with_the_servers_facts() {
    let server = Server::with("welcome_message = \"Be kind.\"\nmessage_limit = 99\nusername_limit = 9");
    let mut bot = Bot::connect(server.address());
    let welcome = bot.ask(json!({"action": "hello", "optional": {"version": 1, "bot": true}})).answer;
    assert_eq!((&welcome["action"], &welcome["content"]), (&json!("welcome"), &json!("Be kind.")));
    let known = &welcome["optional"];
    assert!(known["server"].as_str().is_some_and(|name| name.starts_with("chatsock ")), "{welcome}");
    assert_eq!([&known["version"], &known["message_limit"], &known["username_limit"]], [1, 99, 9]);
    assert_eq!([&known["line_bytes"], &known["username_min"]], [8192, 3]);
    assert_eq!([&known["names"], &known["accounts"]], ["ascii", "off"]);
}

#[test]
fn a_login_is_answered_with_the_user_and_a_second_one_is_refused() {
    let server = Server::start();
    let mut bot = Bot::connect(server.address());
    let login = bot.ask(json!({"action": "login", "content": "robo"})).ok();
    let user = login.optional("user").as_str().expect("a user").to_owned();
    assert!(user.strip_prefix("robo#").is_some_and(|id| id.parse::<u64>().is_ok()), "{user}");
    assert_eq!(bot.ask(json!({"action": "login", "content": "other"})).answer["action"], "error");
}

#[test]
fn commands_that_enter_a_room_open_no_view_for_a_program() {
    let server = Server::start();
    let _bob = server.login("bob");
    let mut bot = Bot::login(server.address(), "robo");
    for (line, news) in [
        (":join general", "Joined general, 0 others here. :close to leave."),
        (":create den", "Made den, you are its admin. :close to leave."),
        (":dm bob", "In conversation with bob. :close to leave."),
    ] {
        let items = bot.ask(json!({"action": "command", "content": line})).ok().items;
        assert!(items.iter().any(|item| item["action"] == "news" && item["content"] == news), "{line}: {items:?}");
    }
}

#[test]
fn a_bot_is_marked_in_lists() {
    let server = Server::start();
    let mut bot = Bot::connect(server.address());
    bot.ask(json!({"action": "hello", "optional": {"bot": true}}));
    bot.ask(json!({"action": "login", "content": "robo"})).ok();
    bot.ask(json!({"action": "join", "receiver": "general"})).ok();
    let mut alice = server.login("alice");
    alice.send(":whois robo");
    alice.expect("* robo (bot) is robo#");
    let mut carol = Bot::in_room(server.address(), "carol", "general");
    let members = carol.ask(json!({"action": "members", "receiver": "general"})).ok().items;
    let bots: Vec<_> = members.iter().map(|member| (&member["optional"]["name"], &member["optional"]["bot"])).collect();
    assert_eq!(bots, [(&json!("robo"), &json!(true)), (&json!("carol"), &json!(false))]);
    assert!(members.iter().all(|member| member["optional"]["since"].is_string()), "{members:?}");
    let person = carol.ask(json!({"action": "whois", "receiver": "robo"})).ok().items;
    assert_eq!(actions(&person), ["person"]);
    let known = &person[0]["optional"];
    assert_eq!([&known["bot"], &known["registered"], &known["away"]], [true, false, false]);
    assert_eq!((&known["rooms"], &known["idle"]), (&json!("general"), &json!(0)));
}

#[test]
fn rooms_are_listed_with_what_a_list_on_a_terminal_shows() {
    let rooms = "[rooms.general]\ndescription = \"talk\"\n[rooms.staff]\npassword = \"x\"\nlimit = 7\n";
    let server = Server::with(rooms);
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    bot.ask(json!({"action": "create", "receiver": "den"})).ok();
    let listed = bot.ask(json!({"action": "rooms"})).ok().items;
    let room = |name: &str| {
        let found = listed.iter().find(|room| room["optional"]["name"] == name).expect("a room");
        assert_eq!((&found["action"], &found["receiver"]), (&json!("room"), &json!(name)));
        found["optional"].clone()
    };
    assert_eq!(listed.len(), 3);
    let (general, staff, den) = (room("general"), room("staff"), room("den"));
    assert_eq!([&general["people"], &general["unread"]], [1, 0]);
    assert_eq!(
        [&general["password"], &general["joined"], &staff["password"], &staff["joined"]],
        [false, true, true, false]
    );
    assert_eq!((&general["description"], &staff["limit"]), (&json!("talk"), &json!(7)));
    assert_eq!(den["creator"], "robo");
    assert!(den["since"].is_string(), "{den}");
    // Every key is there, even where it has no value.
    for key in ["limit", "creator", "since"] {
        assert_eq!(general.get(key), Some(&Value::Null), "{key}: {general}");
    }
    assert_eq!(den.get("limit"), Some(&Value::Null), "{den}");
}

#[test]
fn a_message_is_answered_with_its_number_and_reaches_everybody_with_it() {
    let server = Server::start();
    let mut alice = server.chat("alice", "general");
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    let mut carol = Bot::in_room(server.address(), "carol", "general");
    let number = bot.say("general", "one\ntwo");
    alice.expect(&format!("#{number} robo: one\r\n"));
    for reader in [&mut bot, &mut carol] {
        let message = reader.expect("message");
        assert_eq!((&message["id"], &message["content"]), (&json!(number), &json!("one\ntwo")));
        assert_eq!((&message["sender"], &message["receiver"]), (&json!("robo"), &json!("general")));
        assert_eq!((&message["private"], &message["optional"]["history"]), (&json!(false), &Value::Null));
    }
    let act = bot.ask(json!({"action": "me", "receiver": "general", "content": "waves"})).message();
    alice.expect(&format!("#{act} * robo waves\r\n"));
    assert_eq!(carol.expect("message")["optional"]["action"], true);
    let reply = carol.ask(json!({"action": "reply", "content": "indeed", "optional": {"message": number}})).message();
    alice.expect(&format!("#{reply} "));
    let answer = carol.expect("message");
    assert_eq!([&answer["id"], &answer["optional"]["reply_to"]], [reply, number]);
    let edit = bot.ask(json!({"action": "edit", "content": "three", "optional": {"message": number}})).message();
    assert_eq!(edit, number);
    assert_eq!(carol.expect("edited")["content"], "three");
    bot.ask(json!({"action": "delete", "optional": {"message": number}})).ok();
    let deleted = carol.expect("deleted");
    assert_eq!((&deleted["id"], &deleted["sender"]), (&json!(number), &json!("robo")));
}

#[test]
fn a_temporary_message_ends_for_programs_too() {
    let server = Server::start();
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    let request = json!({"action": "temp", "receiver": "general", "content": "soon", "optional": {"seconds": 1}});
    let number = bot.ask(request).message();
    assert_eq!(bot.expect("message")["optional"]["temporary"], 1);
    assert_eq!(bot.expect("expired")["id"], number);
    let request = json!({"action": "temp", "receiver": "general", "content": "soon", "optional": {"seconds": 0}});
    assert_eq!(bot.ask(request).code(), "refused");
}

#[test]
fn private_messages_go_to_people_and_come_from_them() {
    let server = Server::start();
    let mut alice = server.login("alice");
    let mut bot = Bot::login(server.address(), "robo");
    let mut carol = Bot::login(server.address(), "carol");
    let request = json!({"action": "say", "receiver": ["alice", "carol"], "private": true, "content": "psst"});
    let asked = bot.ask(request).ok();
    let number = asked.message();
    assert_eq!(asked.events[0]["id"], number, "its own copy");
    alice.expect("psst");
    let message = carol.expect("message");
    assert_eq!((&message["private"], &message["receiver"]), (&json!(true), &json!(["alice", "carol"])));
    alice.send("@robo hello");
    let message = bot.expect("message");
    assert_eq!((&message["sender"], &message["receiver"]), (&json!("alice"), &json!("robo")));
    let history = bot.ask(json!({"action": "history", "receiver": "alice", "private": true})).ok().items;
    assert_eq!(history.len(), 2, "{history:?}");
}

#[test]
fn history_is_paged_backwards_and_bounded() {
    let server = Server::with("history_max = 1000");
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    let numbers: Vec<_> = (0..250).map(|n| bot.say("general", &n.to_string())).collect();
    let page = |bot: &mut Bot, optional: Value| -> Vec<u64> {
        let items = bot.ask(json!({"action": "history", "receiver": "general", "optional": optional})).ok().items;
        assert!(items.iter().all(|item| item["optional"]["history"] == true));
        items.iter().map(|item| item["id"].as_u64().expect("a number")).collect()
    };
    assert_eq!(page(&mut bot, json!({"limit": 1000})), numbers[50..], "200 at most, oldest first");
    assert_eq!(page(&mut bot, json!({"limit": 3, "before": numbers[10]})), numbers[7..10]);
    assert_eq!(page(&mut bot, json!({"limit": 9, "before": numbers[0]})), [0; 0]);
    assert_eq!(page(&mut bot, json!({"limit": 0})), [0; 0]);
}

#[test]
fn search_hits_have_their_room_and_position() {
    let server = Server::start();
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    bot.ask(json!({"action": "create", "receiver": "den"})).ok();
    let (first, second) = (bot.say("general", "größer als noon"), bot.say("den", "noon"));
    let search =
        |bot: &mut Bot, room: &str| bot.ask(json!({"action": "search", "receiver": room, "content": "NOON|x"}));
    let everywhere = search(&mut bot, "").ok().items;
    let hits: Vec<_> = everywhere
        .iter()
        .map(|hit| (hit["id"].as_u64(), hit["optional"]["hit"].as_u64(), hit["optional"]["length"].as_u64()))
        .collect();
    assert_eq!(hits, [(Some(second), Some(0), Some(4)), (Some(first), Some(11), Some(4))], "in characters");
    assert_eq!(search(&mut bot, "general").ok().items.len(), 1);
    assert_eq!(search(&mut bot, "nowhere").code(), "no_room");
    assert_eq!(bot.ask(json!({"action": "search", "content": "("})).code(), "refused");
    assert_eq!(bot.ask(json!({"action": "search", "content": "xyzzy"})).ok().items.len(), 1, "a line says so");
}

#[test]
fn seen_messages_are_no_longer_unread() {
    let server = Server::start();
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    let mut alice = server.chat("alice", "general");
    for text in ["one", "two", "three"] {
        alice.send(text);
    }
    let numbers: Vec<_> = (0..3).map(|_| bot.expect("message")["id"].as_u64().expect("a number")).collect();
    let unread = |bot: &mut Bot| bot.ask(json!({"action": "rooms"})).items[0]["optional"]["unread"].clone();
    assert_eq!(unread(&mut bot), 3);
    bot.ask(json!({"action": "seen", "receiver": "general", "optional": {"message": numbers[1]}})).ok();
    assert_eq!(unread(&mut bot), 1);
    bot.ask(json!({"action": "seen", "receiver": "general"})).ok();
    assert_eq!(unread(&mut bot), 0);
}

#[test]
fn a_returning_program_gets_what_it_missed_or_learns_of_a_gap() {
    let server = Server::with("history_max = 5");
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    let seen = bot.say("general", "seen");
    let mut alice = Bot::in_room(server.address(), "alice", "general");
    let missed: Vec<_> = (0..3).map(|n| alice.say("general", &n.to_string())).collect();
    let mut again = Bot::login(server.address(), "robo2");
    let join = |after: u64| json!({"action": "join", "receiver": "general", "optional": {"after": after}});
    let joined = again.ask(join(seen)).ok();
    let numbers: Vec<_> = joined.items.iter().map(|item| item["id"].as_u64().expect("a number")).collect();
    assert_eq!((numbers, joined.optional("gap")), (missed.clone(), &json!(false)));
    // From there on, messages come live and without a gap.
    let next = alice.say("general", "next");
    assert_eq!(again.expect("message")["id"], next);
    for n in 0..5 {
        alice.say("general", &format!("more {n}"));
    }
    let mut late = Bot::login(server.address(), "robo3");
    let joined = late.ask(join(seen)).ok();
    assert_eq!((joined.items.len(), joined.optional("gap")), (5, &json!(true)));
    assert_eq!(late.ask(join(1_000_000)).ok().optional("gap"), true, "a number of another server's");
}

#[test]
fn messages_come_from_all_joined_rooms_and_from_no_room_that_was_left() {
    let server = Server::start();
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    let mut alice = Bot::in_room(server.address(), "alice", "general");
    alice.ask(json!({"action": "create", "receiver": "den", "optional": {"password": "pw", "public": false}})).ok();
    bot.ask(json!({"action": "join", "receiver": "den", "optional": {"password": "pw"}})).ok();
    alice.say("den", "in den");
    alice.say("general", "in general");
    let rooms: Vec<_> = (0..2).map(|_| bot.expect("message")["receiver"].clone()).collect();
    assert_eq!(rooms, ["den", "general"]);
    bot.ask(json!({"action": "close", "receiver": "den"})).ok();
    alice.say("den", "unheard");
    alice.say("general", "heard");
    assert_eq!(bot.expect("message")["content"], "heard");
    // The same for a room joined by a command.
    bot.command("", ":join den pw").ok();
    alice.say("den", "heard again");
    assert_eq!(bot.expect("message")["content"], "heard again");
    alice.command("den", ":kick robo").ok();
    let kicked = bot.expect("kicked");
    assert_eq!((&kicked["receiver"], &kicked["optional"]["user"]), (&json!("den"), &json!("robo")));
    assert_eq!(bot.ask(json!({"action": "say", "receiver": "den", "content": "x"})).code(), "no_room");
}

#[test]
fn commands_run_through_the_palette_and_are_answered_in_news() {
    let server = Server::start();
    let mut bot = Bot::login(server.address(), "robo");
    bot.ask(json!({"action": "create", "receiver": "den"})).ok();
    bot.ask(json!({"action": "join", "receiver": "general"})).ok();
    let topic = bot.command("den", ":topic all about games").ok();
    assert_eq!(topic.items[0]["content"], "robo set the description: all about games");
    for line in ["/list", ":listall", ":help", ":help json", ":whoami", ":time", ":set", ":rooms", ":echo hi", ":away"]
    {
        let shown = bot.command("den", line).ok().items;
        assert!(!shown.is_empty() && actions(&shown).iter().all(|action| *action == "news"), "{line}: {shown:?}");
    }
    let history = bot.command("den", ":say hi").ok();
    assert!(history.items.is_empty() || actions(&history.items) == ["news"], "{history:?}");
    assert_eq!(actions(&bot.command("den", ":history").ok().items), ["message"]);
    assert_eq!(actions(&bot.command("den", ":search hi").ok().items), ["message"]);
    let refused = bot.command("general", ":topic mine");
    assert_eq!((refused.code(), refused.content().ends_with('.')), ("refused", true));
    assert_eq!(bot.command("nowhere", ":topic x").code(), "no_room");
    let joined = bot.command("", ":dm robo").code().to_owned();
    assert_eq!(joined, "refused");
}

#[test]
fn no_command_asks_a_program_a_question_or_draws_a_screen() {
    let server = Server::with("[rooms.general]\n[rooms.staff]\npassword = \"x\"\n");
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    for line in [
        ":chat",
        ":paste",
        ":redraw",
        ":color on",
        ":mode char",
        ":charset latin1",
        ":bell on",
        ":q",
        "hello",
        ":ids on",
    ] {
        assert_eq!(bot.command("general", line).code(), "refused", "{line}");
    }
    assert_eq!(bot.command("", ":join staff").code(), "refused", "and no question for the password");
    assert_eq!(bot.command("", ":join staff x").ok().code(), "");
    bot.say("general", "still here");
    let refused = bot.ask(json!({"action": "command", "receiver": "general", "content": ":time\n:time"}));
    assert_eq!(refused.code(), "refused");
}

#[test]
fn every_end_of_a_connection_is_announced_by_bye() {
    let server = Server::start();
    let mut bot = Bot::login(server.address(), "robo");
    bot.ask(json!({"action": "quit"})).ok();
    let rest = bot.rest();
    assert_eq!((actions(&rest), &rest[0]["content"]), (vec!["bye"], &json!("Goodbye.")));
    let mut other = Bot::login(server.address(), "other");
    other.ask(json!({"action": "ping"})).ok();
    server.ask_to_stop();
    let rest = other.rest();
    assert_eq!(actions(&rest).last(), Some(&"bye"), "{rest:?}");
    server.join();
}

#[test]
fn an_idle_program_is_warned_and_disconnected_like_everybody() {
    let server = Server::with("idle_timeout = 1");
    let mut bot = Bot::login(server.address(), "robo");
    let rest = bot.rest();
    assert_eq!(actions(&rest), ["news", "bye"]);
    assert_eq!(rest[1]["content"], "You were idle for too long.");
}

#[test]
fn files_are_refused() {
    let server = Server::start();
    let mut bot = Bot::login(server.address(), "robo");
    for action in ["send", "accept", "decline"] {
        let refused = bot.ask(json!({"action": action, "receiver": "alice", "content": "x"}));
        assert_eq!((refused.code(), refused.content()), ("refused", "This server carries no files."));
    }
}

#[test]
fn terminals_and_programs_see_each_others_messages() {
    let server = Server::start();
    let mut alice: Client = server.chat("alice", "general");
    let mut bot = Bot::in_room(server.address(), "robo", "general");
    alice.expect("* robo joined\r\n");
    alice.send("hi robo");
    let message = bot.expect("message");
    assert_eq!((&message["content"], &message["optional"]["mention"]), (&json!("hi robo"), &json!(true)));
    alice.send("/nick alicia");
    assert_eq!(bot.expect("renamed")["sender"], "alicia");
    alice.send("/quit");
    assert_eq!(bot.expect("left")["sender"], "alicia");
}

#[cfg(feature = "storage")]
mod with_accounts {
    use super::*;
    use crate::support::home::{History, Home};

    #[test]
    fn an_account_is_made_changed_used_and_deleted_by_requests() {
        let home = Home::new();
        let server = home.start(History::Kept, "accounts = \"optional\"");
        let mut bot = Bot::login(server.address(), "robo");
        let with = |action: &str, optional: Value| json!({"action": action, "content": "robo", "optional": optional});
        assert_eq!(bot.ask(with("passwd", json!({"password": "x", "new_password": "y"}))).code(), "not_allowed");
        assert_eq!(bot.ask(with("register", json!({}))).optional("password"), true);
        bot.ask(with("register", json!({"password": "secret one"}))).ok();
        bot.ask(with("passwd", json!({"password": "secret one", "new_password": "secret two"}))).ok();
        bot.ask(json!({"action": "join", "receiver": "general"})).ok();

        let mut other = Bot::connect(server.address());
        let needed = other.ask(with("login", json!({})));
        assert_eq!((needed.code(), needed.optional("password")), ("not_allowed", &json!(true)));
        // There is no Enter key to go back.
        assert_eq!(needed.content(), "The name robo needs its password.");
        assert_eq!(other.ask(with("login", json!({"password": "secret one"}))).code(), "not_allowed");
        let taken = other.ask(with("login", json!({"password": "secret two"})));
        assert_eq!((taken.code(), taken.content().contains("is logged in from")), ("taken", true));
        let taken = other.ask(with("login", json!({"password": "secret two", "takeover": true}))).ok();
        assert!(taken.optional("user").as_str().is_some_and(|user| user.starts_with("robo#")));
        assert_eq!(bot.rest().last().map(|object| object["action"].clone()), Some(json!("bye")));

        // The rooms stay joined.
        let mut alice = Bot::in_room(server.address(), "alice", "general");
        alice.say("general", "hi");
        assert_eq!(other.expect("message")["content"], "hi");
        assert_eq!(other.ask(with("unregister", json!({"password": "wrong"}))).code(), "not_allowed");
        other.ask(with("unregister", json!({"password": "secret two"}))).ok();
        assert_eq!(other.ask(with("unregister", json!({"password": "secret two"}))).code(), "not_allowed");
    }

    #[test]
    fn where_accounts_are_required_a_program_needs_one_too() {
        let home = Home::new();
        let server = home.start(History::Kept, "accounts = \"required\"");
        let mut bot = Bot::connect(server.address());
        assert_eq!(bot.ask(json!({"action": "hello"})).optional("accounts"), "required");
        assert_eq!(bot.ask(json!({"action": "login", "content": "robo"})).code(), "not_allowed");
        let wrong = bot.ask(json!({"action": "login", "content": "robo", "optional": {"password": "no"}}));
        assert_eq!((wrong.code(), wrong.content()), ("not_allowed", "Wrong name or password."));
    }

    #[test]
    fn a_returning_program_continues_from_the_disk() {
        let home = Home::new();
        let text = "history_max = 5\naccounts = \"optional\"";
        let server = home.start(History::Kept, text);
        let mut bot = Bot::in_room(server.address(), "robo", "general");
        let numbers: Vec<_> = (0..20).map(|n| bot.say("general", &n.to_string())).collect();
        let mut late = Bot::login(server.address(), "late");
        let request = json!({"action": "join", "receiver": "general", "optional": {"after": numbers[3]}});
        let joined = late.ask(request).ok();
        let missed: Vec<_> = joined.items.iter().map(|item| item["id"].as_u64().expect("a number")).collect();
        assert_eq!((missed, joined.optional("gap")), (numbers[4..].to_vec(), &json!(false)));
        let request =
            json!({"action": "history", "receiver": "general", "optional": {"before": numbers[2], "limit": 9}});
        assert_eq!(late.ask(request).ok().items.len(), 2);
    }
}
