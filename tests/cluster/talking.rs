//! Conversations between users of two servers, without failures.

use std::time::Instant;

use crate::nodes::{Cluster, Node, ask_until, ask_until_not};
use crate::support::terminal::Terminal;
use crate::support::{Client, PATIENCE};

#[test]
fn two_servers_have_one_room_one_list_of_users_and_one_conversation() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    bob.send("hello from the other side");
    alice.expect("bob: hello from the other side");
    alice.send("and back");
    bob.expect("alice: and back");
    alice.send("/list");
    alice.expect("2 people in general:");
    alice.send("/listall");
    alice.expect("* bob ");
    bob.send("/msg alice psst");
    alice.expect("bob -> you: psst");
    alice.send("/msg bob yes?");
    bob.expect("alice -> you: yes?");
    bob.send("/away tea");
    ask_until(&mut alice, "/whois bob", "(tea)");
    bob.send("/nick rob");
    alice.expect("* bob is now known as rob");
    bob.send("/quit");
    alice.expect("* rob left");
    ask_until_not(&mut alice, "/listall", "rob");
}

#[test]
fn edits_deletions_replies_and_expiring_messages_reach_the_other_server() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    alice.send("a misteak");
    bob.expect("alice: a misteak");
    alice.send("/edit a mistake");
    bob.expect("a mistake");
    ask_until_not(&mut bob, "/history", "misteak");
    bob.send("to be deleted");
    alice.expect("bob: to be deleted");
    bob.send("/delete");
    alice.expect("was deleted by bob");
    ask_until_not(&mut alice, "/history", "to be deleted");
    alice.send("/temp 1 soon gone");
    bob.expect("soon gone");
    bob.expect("expired");
    ask_until_not(&mut bob, "/history", "soon gone");
    bob.send("/msg alice a secret");
    alice.expect("a secret");
    bob.send("/delete");
    alice.expect("was deleted by bob");
}

/// The histories of all rooms in Redis.
fn histories(cluster: &Cluster) -> String {
    let keys = cluster.redis.command(&[b"KEYS", b"*}h:*"]);
    assert!(!keys.is_empty(), "no room has a history");
    keys.iter().flat_map(|key| cluster.redis.command(&[b"HGETALL", key.as_bytes()])).collect()
}

#[test]
fn edited_deleted_and_expired_texts_vanish_from_screens_and_history() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = Terminal::chat(cluster.nodes[0].address(), "alice", "general");
    let mut bob = Terminal::chat(cluster.nodes[1].address(), "bob", "general");
    let mut carol = cluster.nodes[1].chat("carol", "general");
    alice.expect_on_screen("* carol joined");
    alice.enter("a misteak");
    bob.expect_on_screen("alice: a misteak");
    bob.enter("taken back");
    alice.expect_on_screen("bob: taken back");
    alice.enter("/temp 1 gone soon");
    // Checked on a stream, since on a busy machine a screen may be drawn only after the message has expired.
    carol.expect("alice (temporary, 1 s): gone soon");
    let rows = bob.rows();
    let number = rows.iter().find_map(|row| row.split_once(" alice: a misteak")?.0.rsplit('#').next());
    let number = number.expect("a number");
    bob.enter(&format!("/reply {number} I see"));
    alice.expect_on_screen("bob: (to #");
    alice.enter(&format!("/edit {number} a mistake"));
    bob.enter("/delete");
    bob.enter("/delete");
    bob.enter("the end");
    alice.enter("so be it");
    for screen in [&mut alice, &mut bob] {
        screen.expect_on_screen("bob: the end");
        screen.expect_on_screen("alice: so be it");
        screen.wait("the texts are gone", |screen| {
            let text = screen.rows().join("\n");
            ["misteak", "taken back", "gone soon", "I see"].iter().all(|gone| !text.contains(gone))
        });
        screen.expect_on_screen("alice: a mistake (edited)");
    }
    let messages = |screen: &Terminal| {
        let rows = screen.rows();
        rows.into_iter().filter(|row| row.starts_with('[')).collect::<Vec<_>>()
    };
    assert_eq!(messages(&alice), messages(&bob), "the two screens differ");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let kept = histories(&cluster);
        assert!(kept.contains("a mistake") && kept.contains("the end"), "{kept}");
        if ["misteak", "taken back", "gone soon", "I see"].iter().all(|gone| !kept.contains(gone)) {
            break;
        }
        assert!(Instant::now() < deadline, "an erased text is still there: {kept}");
    }
}

#[test]
fn a_message_keeps_its_lines_on_the_other_server() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    for (command, shown) in [("/paste", "alice: one\r\n"), ("/msg bob first", "alice -> you: first\r\n")] {
        alice.send(command);
        if command == "/paste" {
            alice.send("one");
            alice.send("two");
            alice.send(".");
        }
        bob.expect(shown);
    }
    ask_until(&mut bob, "/history", "two\r\n");
    let late = cluster.launch("late", "");
    let mut carol = late.chat("carol", "general");
    carol.send("/history");
    carol.expect("alice: one\r\n");
    carol.expect("two\r\n");
}

#[test]
fn a_user_who_joins_later_on_another_server_reads_the_history() {
    let Some(cluster) = Cluster::start(1, "") else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    alice.send("said before the other server was there");
    alice.settle();
    let late = cluster.launch("late", "");
    let mut bob = late.chat("bob", "general");
    bob.send("/history");
    bob.expect("said before the other server was there");
    bob.send("/listall");
    bob.expect("* alice ");
    bob.send("I am here too");
    alice.expect("bob: I am here too");
}

#[test]
fn rooms_are_created_moderated_and_closed_everywhere() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    alice.send(":create games");
    alice.expect("you are its admin");
    let mut bob = cluster.nodes[1].login("bob");
    bob.send(":create Games");
    bob.expect("! ");
    bob.send(":join games");
    bob.expect("1 other here");
    bob.send(":chat");
    bob.expect("games | ");
    alice.send(":chat");
    alice.expect("games | ");
    ask_until(&mut alice, "/whois bob", "in games");
    alice.send("/mute bob");
    bob.expect("bob was muted by alice");
    bob.send("may I?");
    bob.expect("you are muted in games");
    alice.send("/unmute bob");
    bob.expect("unmuted");
    alice.send("/kick bob enough");
    bob.expect("You were kicked from games by alice (enough)");
    bob.send(":join games");
    bob.expect("! You were kicked from games");
    let mut carol = cluster.nodes[1].login("carol");
    ask_until(&mut alice, "/listall", "carol");
    alice.send("/invite carol");
    carol.expect("alice invites you to games");
    carol.send(":join games");
    carol.expect("1 other here");
    ask_until(&mut alice, "/whois carol", "in games");
    alice.send("/op carol");
    carol.expect("made you admin of games");
    alice.send("/destroy");
    carol.expect("games");
    ask_until_not(&mut bob, ":rooms", "games");
    ask_until_not(&mut carol, ":rooms", "games");
    bob.send(":create games");
    bob.expect("you are its admin");
}

#[test]
fn a_room_without_an_admin_passes_to_a_member_on_another_server() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    alice.send(":create games");
    alice.expect("you are its admin");
    let mut bob = cluster.nodes[1].chat("bob", "games");
    alice.send(":quit");
    bob.expect("alice left");
    bob.expect("bob is now admin of games");
}

#[test]
fn only_one_of_many_users_gets_a_name() {
    let Some(cluster) = Cluster::start(3, "") else { return };
    for round in 0..100 {
        let name = format!("dora{round}");
        let wanted = [name.clone(), name.to_uppercase(), format!("D{}", &name[1..])];
        let mut clients: Vec<_> = cluster.nodes.iter().map(Node::connect).collect();
        clients.iter_mut().for_each(|client| drop(client.expect("Username: ")));
        clients.iter_mut().zip(&wanted).for_each(|(client, name)| client.send(name));
        let mut answer = |client: &mut Client| loop {
            let line = client.expect("\r\n");
            if line.contains("* Hello ") || line.contains("! ") {
                return line;
            }
        };
        let answers: Vec<_> = clients.iter_mut().map(&mut answer).collect();
        let (got, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|line| line.contains("* Hello "));
        assert_eq!(got.len(), 1, "{answers:?}");
        assert!(refused.iter().all(|line| line.contains("is taken")), "{answers:?}");
        // Each of the others is offered a name that is free.
        let offered = |line: &String| {
            let name = line.split("is taken; ").nth(1).and_then(|rest| rest.split(" is free.").next());
            name.unwrap_or_else(|| panic!("no other name in {line:?}")).to_owned()
        };
        for (client, answer) in clients.iter_mut().zip(&answers).filter(|(_, line)| !line.contains("* Hello ")) {
            let name = offered(answer);
            assert!(!name.eq_ignore_ascii_case(&wanted[0]), "{answer:?}");
            client.send(&name);
            loop {
                let line = client.expect("\r\n");
                if line.contains("* Hello ") {
                    break;
                }
                // Both were offered the same name.
                if line.contains("is taken") {
                    client.send(&offered(&line));
                }
            }
        }
    }
}

#[test]
fn a_second_server_of_the_same_name_exits_with_one_sentence() {
    let Some(cluster) = Cluster::start(1, "") else { return };
    let (status, text) = cluster.launch_in_vain("n0", "");
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("another server is running as cluster node n0"), "{text}");
}

#[test]
fn one_message_to_several_users_on_several_servers_reaches_all_of_them() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[0].login("bob");
    let mut carol = cluster.nodes[1].login("carol");
    ask_until(&mut alice, ":listall", "carol");
    alice.send("@bob,carol hello both");
    bob.expect("hello both");
    carol.expect("hello both");
    assert!(!alice.settle().contains("! "));
}

#[test]
fn a_message_of_a_program_keeps_its_lines_on_the_other_server() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].connect();
    alice.send(r#"{"id":"1","action":"login","content":"alice"}"#);
    alice.expect("alice");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.send(r#"{"id":"2","action":"join","receiver":"general"}"#);
    bob.expect("* alice joined");
    alice.send(r#"{"id":"3","action":"say","receiver":"general","content":"one row\nanother row"}"#);
    bob.expect("one row\r\n");
    bob.expect("another row");
}
