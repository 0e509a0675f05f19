//! Rooms: joining, refusals, leaving, and lists.

use crate::support::{Client, Server};

const HOUSE: &str = r#"
[rooms.general]
description = "For general conversations."
[rooms.games]
limit = 1
description = "For game related discussions."
[rooms.locked]
password = "let me in"
[rooms.staff]
public = false
password = "pass word"
[rooms.closed]
public = false
password = ""
"#;

#[test]
fn the_list_shows_members_limits_and_descriptions_of_public_rooms_only() {
    let server = Server::with(HOUSE);
    let mut alice = server.login("alice");
    alice.send(":join general");
    alice.expect("* Joined general, 0 others here. :chat to talk, :close to leave.\r\n* Topic: For general conversations.\r\n[general]> ");
    alice.send(":rooms");
    alice.expect(
        "* games     0/1   For game related discussions.\r\n* general   1/-   For general conversations.\r\n* locked    0/-   (password)\r\n[general]> ",
    );
}

#[test]
fn joining_a_room_again_makes_it_current_and_closing_returns_to_the_previous_one() {
    let server = Server::with(HOUSE);
    let mut alice = server.login("alice");
    alice.send(":join general");
    alice.expect("[general]> ");
    alice.send(":joingroup games");
    alice.expect("[games]> ");
    alice.send(":join GENERAL");
    alice.expect("* Back to general, 0 others here. :chat to talk, :close to leave.\r\n[general]> ");
    alice.send(":close");
    alice.expect("* Left general.\r\n[games]> ");
    alice.send(":close");
    alice.expect("* Left games.\r\n> ");
    alice.send(":close");
    alice.expect("! You are in no room.");
}

#[test]
fn a_full_room_admits_nobody_until_a_member_leaves() {
    let server = Server::with(HOUSE);
    let mut alice = server.login("alice");
    alice.send(":join games");
    alice.expect("[games]> ");
    let mut bob = server.login("bob");
    bob.send(":join games");
    bob.expect("! games is full: it takes 1 person.\r\n> ");
    alice.send(":close");
    alice.expect("* Left games.");
    bob.send(":join games");
    bob.expect("* Joined games, 0 others here.");
}

#[test]
fn a_hidden_room_and_a_missing_one_answer_alike() {
    let server = Server::with(HOUSE);
    let mut answers = Vec::new();
    for room in ["staff", "sitff", "closed"] {
        let mut client = server.login("alice");
        client.send(&format!(":join {room}"));
        let asked = client.expect("Password: ");
        client.send("wrong");
        let refused = client.expect("> ");
        client.send(&format!(":join {room} wrong"));
        let refused_at_once = client.expect("> ");
        client.send(":quit");
        client.expect_end();
        answers.push([asked, refused, refused_at_once].map(|text| text.replace(room, "ROOM")));
    }
    assert_eq!(
        answers[0],
        [
            "* No public room ROOM. For a hidden room give its password, Enter goes back.\r\n* Your client will show what you type.\r\n",
            "! No such room, or not that password.\r\n",
            "! No such room, or not that password.\r\n"
        ]
    );
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[test]
fn the_hint_for_a_mistyped_room_names_public_rooms_only() {
    let server = Server::with(HOUSE);
    let mut alice = server.login("alice");
    alice.send(":join genral");
    alice.expect(
        "* No public room genral; did you mean general? For a hidden room give its password, Enter goes back.\r\n",
    );
    alice.expect("Password: ");
    alice.send("");
    alice.expect("> ");
    alice.send(":join staf");
    alice.expect("* No public room staf. For a hidden room");
}

#[test]
fn a_typo_in_join_does_not_swallow_the_command_typed_ahead_in_the_same_packet() {
    let server = Server::with(HOUSE);
    let mut alice = server.login("alice");
    alice.send_bytes(b":join genral\r\n:join general\r\n");
    alice.expect("* Joined general, 0 others here. :chat to talk, :close to leave.\r\n* Topic: For general conversations.\r\n[general]> ");
}

#[test]
fn a_hidden_room_admits_users_with_its_password() {
    let server = Server::with(HOUSE);
    let mut alice = server.login("alice");
    alice.send(":join staff");
    alice.expect("Password: ");
    alice.send("pass word");
    alice.expect("* Joined staff, 0 others here. :chat to talk, :close to leave.\r\n[staff]> ");
    let mut bob = server.login("bob");
    bob.send(":join staff pass word");
    bob.expect("* Joined staff, 1 other here. :chat to talk, :close to leave.\r\n[staff]> ");
    bob.send(":rooms");
    bob.expect("* staff     2/-   (password) (hidden)\r\n");
}

#[test]
fn a_public_room_with_a_password_asks_for_it() {
    let server = Server::with(HOUSE);
    let mut alice = server.login("alice");
    alice.send(":join locked");
    alice.expect("* locked has a password.");
    alice.expect("Password: ");
    alice.send("let me in");
    alice.expect("* Joined locked");
}

/// Whether a user with the right password must wait: ten seconds, less the time that has passed.
fn waits_at_staff(client: &mut Client) -> bool {
    client.send(":join staff pass word");
    client.expect("! Too many wrong passwords: try again in ");
    client.expect(" second").parse().is_ok_and(|seconds: u64| (1..=10).contains(&seconds))
}

#[test]
fn after_three_wrong_passwords_a_user_must_wait_but_their_neighbour_need_not() {
    let server = Server::with(HOUSE);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    for _ in 0..3 {
        alice.send(":join staff wrong");
        alice.expect("! No such room, or not that password.\r\n");
    }
    assert!(waits_at_staff(&mut alice));
    bob.send(":join staff pass word");
    bob.expect("* Joined staff, 0 others here.");
}

#[test]
fn thirty_wrong_passwords_over_any_connections_make_their_address_wait() {
    let server = Server::with(HOUSE);
    for number in 0..10 {
        // A new connection has a new allowance, but only for itself.
        let mut guest = server.login(&format!("guest{number}"));
        for _ in 0..3 {
            guest.send(":join staff wrong");
            guest.expect("! No such room, or not that password.\r\n");
        }
    }
    let mut alice = server.login("alice");
    assert!(waits_at_staff(&mut alice));
    alice.send(":join locked let me in");
    alice.expect("* Joined locked, 0 others here.");
}

#[test]
fn an_empty_password_does_not_open_a_hidden_room() {
    let server = Server::with(HOUSE);
    let mut alice = server.login("alice");
    alice.send(":join closed");
    alice.expect("Password: ");
    alice.send("\"\"");
    alice.expect("! No such room, or not that password.\r\n");
}

#[test]
fn the_quick_listener_asks_for_the_password_of_any_room_that_is_not_public() {
    let server = Server::with(HOUSE);
    let mut alice = Client::connect(server.quick_address());
    alice.expect("Enter room name: ");
    alice.send("staff");
    alice.expect("* No public room staff.");
    alice.expect("Password: ");
    alice.send("wrong");
    alice.expect("! No such room, or not that password.\r\nEnter room name: ");
    alice.send("staff pass word");
    alice.expect("Enter username: ");
    alice.send("alice");
    alice.expect("staff | ");
}

#[test]
fn the_members_of_a_hidden_room_stay_secret() {
    let server = Server::with(HOUSE);
    let mut alice = server.login("alice");
    alice.send(":join staff pass word");
    alice.expect("[staff]> ");
    let mut bob = server.login("bob");
    bob.send(":listall");
    bob.expect("* 2 people online:\r\n* alice   no public room, here ");
    alice.send(":who");
    alice.expect("* alice   staff, here ");
}

#[test]
fn unread_messages_are_counted_per_room() {
    let server = Server::with(HOUSE);
    let mut bob = server.login("bob");
    bob.send(":join general");
    bob.expect("[general]> ");
    let mut alice = server.chat("alice", "general");
    for text in ["one", "two", "three"] {
        alice.send(text);
    }
    alice.settle();
    bob.send(":rooms");
    bob.expect("For general conversations. (3 unread)\r\n");
    bob.send(":chat");
    bob.expect("alice: three\r\n");
    bob.send(":q");
    bob.expect("[general]> ");
    bob.send(":rooms");
    bob.expect("For general conversations.\r\n");
}

#[test]
fn the_members_of_a_room_are_listed_with_their_times() {
    let server = Server::start();
    let mut alice = server.chat("alice", "general");
    alice.send("/list");
    alice.expect("* 1 person in general:\r\n* alice   here ");
    let (here, idle) = (alice.expect(" s, idle "), alice.expect(" s\r\n"));
    let seconds = |text: &str| text.parse::<u64>().expect("seconds");
    // She has just typed; how long ago she joined depends on the machine.
    assert!(seconds(&idle) <= seconds(&here), "here {here}, idle {idle}");
}
