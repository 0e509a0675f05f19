//! How far users may read back, after restarts and beyond the messages in memory; and the notices about storage.

use crate::support::home::{History, Home, arrive, chat, come_in, quit, register, view, written};
use crate::support::{Client, Server};

/// Little is in memory, so that most must be read from disk.
const TOP: &str = "history_max = 2\noperators = [\"root\"]\n";
const SMALL: &str = "history_max = 2\noperators = [\"root\"]\n[limits]\nmessages_per_second = 0\nexempt = []\n";

fn say(client: &mut Client, texts: &[&str]) {
    for text in texts {
        client.send(&format!("/say {text}"));
    }
    client.settle();
}

/// All that a user can read in their current room, with every reading command.
fn everything(client: &mut Client) -> String {
    let mut seen = String::new();
    for command in ["/history 100", "/search word", "/q", ":chat", "/rooms"] {
        client.send(command);
        seen += &client.settle();
    }
    seen
}

/// The same for a user who may not read the first message, and tries to access it by its id.
fn all_but_the_first(client: &mut Client) -> String {
    for command in ["/reply 1 hm", "/edit #1 mine", "/delete 1"] {
        client.send(command);
        client.expect("! There is no such message where you are; /history shows the numbers.\r\n");
    }
    everything(client)
}

fn words(seen: &str) -> Vec<&str> {
    let mut found: Vec<_> =
        seen.split(|c: char| !c.is_alphanumeric()).filter(|word| word.starts_with("word") && word.len() > 4).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Alice's persistent room with this setting, in which she has sent words 1 to 4.
fn den(home: &Home, setting: &str) -> (Server, Client) {
    home.accounts(&["alice", "bob", "carol", "root"]);
    let server = home.start(History::Kept, SMALL);
    let mut alice = come_in(&server, "alice");
    for command in [":create den", ":set keep on", setting, ":chat"] {
        alice.send(command);
        alice.settle();
    }
    say(&mut alice, &["word1", "word2", "word3", "word4"]);
    (server, alice)
}

fn restarted(home: &Home, server: Server) -> Server {
    written(&server);
    server.end();
    home.start(History::Kept, SMALL)
}

#[test]
fn a_user_who_joined_later_reads_nothing_older_not_even_from_disk_or_after_a_restart() {
    let home = Home::new();
    let (server, mut alice) = den(&home, ":set history joined");
    let mut bob = chat(&server, "bob", "den");
    say(&mut alice, &["word5", "word6", "word7", "word8"]);
    assert_eq!(words(&all_but_the_first(&mut bob)), ["word5", "word6", "word7", "word8"]);
    quit(bob);
    say(&mut alice, &["word9"]);
    assert!(everything(&mut alice).contains("word1"));
    quit(alice);
    let server = restarted(&home, server);
    // Bob may read what was posted while bob was away.
    let (mut bob, told) = arrive(&server, "bob");
    assert!(told.contains("New since your last visit: den 1."), "{told:?}");
    view(&mut bob, "den");
    assert_eq!(words(&all_but_the_first(&mut bob)), ["word5", "word6", "word7", "word8", "word9"]);
    bob.send("/set");
    bob.expect("* history       joined\r\n* keep          on\r\n");
    let mut alice = chat(&server, "alice", "den");
    assert!(words(&everything(&mut alice)).contains(&"word1"));
    let mut carol = chat(&server, "carol", "den");
    assert_eq!(words(&all_but_the_first(&mut carol)), [""; 0]);
    carol.send("/history");
    carol.expect("* Nothing has been said in den since you joined.\r\n");
}

#[test]
fn an_invited_user_reads_back_to_the_invitation_after_a_restart_and_after_registering() {
    let home = Home::new();
    let (server, mut alice) = den(&home, ":set history joined");
    let bob = come_in(&server, "bob");
    let mut dave = server.login("dave");
    alice.send("/invite bob dave");
    alice.expect("* dave was invited to den for 24 h.\r\n");
    say(&mut alice, &["word5"]);
    dave.send(":join den");
    dave.settle();
    register(&mut dave, crate::support::home::PASSWORD);
    say(&mut alice, &["word6", "word7"]);
    quit(bob);
    quit(dave);
    quit(alice);
    let server = restarted(&home, server);
    for name in ["bob", "dave"] {
        let mut client = chat(&server, name, "den");
        assert_eq!(words(&everything(&mut client)), ["word5", "word6", "word7"], "{name}");
        quit(client);
    }
}

#[test]
fn the_right_to_read_back_belongs_to_the_account_and_not_the_connection() {
    let home = Home::new();
    let (server, mut alice) = den(&home, ":set history joined");
    alice.send("/nick guest");
    alice.expect("* You are now known as guest.\r\n");
    alice.settle();
    assert_eq!(words(&everything(&mut alice)), [""; 0]);
    let mut bob = chat(&server, "bob", "den");
    say(&mut bob, &["word5"]);
    assert_eq!(words(&everything(&mut alice)), ["word5"]);
}

#[test]
fn with_history_none_earlier_visits_cannot_be_read_and_nothing_is_unread() {
    let home = Home::new();
    let (server, mut alice) = den(&home, ":set history none");
    let mut bob = chat(&server, "bob", "den");
    assert_eq!(words(&all_but_the_first(&mut bob)), [""; 0]);
    say(&mut bob, &["word5"]);
    say(&mut alice, &["word6", "word7", "word8"]);
    assert_eq!(words(&all_but_the_first(&mut bob)), ["word5", "word6", "word7", "word8"]);
    quit(bob);
    say(&mut alice, &["word9"]);
    written(&server);
    for server in [Some(server), None] {
        let server = server.unwrap_or_else(|| home.start(History::Kept, SMALL));
        let (mut bob, told) = arrive(&server, "bob");
        assert!(!told.contains("New since"), "{told:?}");
        view(&mut bob, "den");
        assert_eq!(words(&all_but_the_first(&mut bob)), [""; 0]);
        bob.send("/history");
        bob.expect("* Nothing has been said in den since you entered.\r\n");
        quit(bob);
        server.end();
    }
}

#[test]
fn one_of_the_servers_own_rooms_keeps_an_operators_setting_over_a_restart_and_a_reload() {
    let home = Home::new();
    home.accounts(&["alice", "root"]);
    let server = home.start(History::Kept, SMALL);
    let mut root = chat(&server, "root", "general");
    root.send("/set history none");
    root.expect("* root set the history to none");
    say(&mut root, &["word1", "word2", "word3"]);
    quit(root);
    let server = restarted(&home, server);
    let mut alice = chat(&server, "alice", "general");
    assert_eq!(words(&all_but_the_first(&mut alice)), [""; 0]);
    quit(alice);
    // Removed from the configuration for a while, and back again.
    home.reconfigure(&server, History::Kept, &format!("{TOP}[rooms.other]\n"));
    home.reconfigure(&server, History::Kept, TOP);
    let mut alice = chat(&server, "alice", "general");
    assert_eq!(words(&all_but_the_first(&mut alice)), [""; 0]);
}

#[test]
fn a_live_view_shows_no_edit_or_quote_of_an_old_text_to_members_who_may_not_read_it() {
    let home = Home::new();
    let (server, mut alice) = den(&home, ":set history joined");
    let mut bob = chat(&server, "bob", "den");
    for command in ["/edit #1 word1 again", "/edit #3 word3 again", "/reply 1 see", "/reply 4 see", "/delete 2"] {
        alice.send(command);
        alice.settle();
    }
    say(&mut alice, &["word5"]);
    let mut seen = bob.expect("word5\r\n");
    seen += &everything(&mut bob);
    assert_eq!(words(&seen), ["word5"], "{seen:?}");
    assert!(seen.contains("alice: (to #1 alice, gone) see\r\n"), "{seen:?}");
    // Once it is allowed, from the next line on.
    alice.send("/set history all");
    alice.expect("* alice set the history to all");
    alice.send("/reply 1 see now");
    bob.expect("(to #1 alice: \"word1 again\") see now\r\n");
    alice.send("/set history none");
    alice.settle();
    alice.send("/edit #1 word1 thrice");
    alice.settle();
    let seen = bob.settle();
    assert!(!seen.contains("thrice"), "{seen:?}");
}

#[test]
fn a_member_from_before_the_setting_reads_back_to_when_they_joined() {
    let home = Home::new();
    let (server, mut alice) = den(&home, ":set history all");
    let bob = chat(&server, "bob", "den");
    say(&mut alice, &["word5"]);
    quit(bob);
    alice.send("/set history joined");
    alice.expect("* alice set the history to joined");
    quit(alice);
    let server = restarted(&home, server);
    let mut bob = chat(&server, "bob", "den");
    assert_eq!(words(&all_but_the_first(&mut bob)), ["word5"]);
}

#[test]
fn at_the_login_everybody_is_told_that_messages_are_stored_and_for_how_long() {
    for (retention, told) in [
        ("", Some("without a time limit")),
        ("retention_days = 1\n", Some("for 1 day")),
        ("retention_days = 30\n", Some("for 30 days")),
        ("history = false\n", None),
    ] {
        let home = Home::new();
        home.accounts(&["alice"]);
        let history = if told.is_some() { History::Kept } else { History::Forgotten };
        let retention = if told.is_some() { retention } else { "" };
        let config = home.config(history, "") + retention;
        let server = Server::with(&config);
        let line =
            told.map(|told| format!("* Messages in the server's own rooms and in kept rooms are stored {told}.\r\n"));
        let mut all = vec![come_in(&server, "alice").settle()];
        for (address, lines) in [(server.address(), "bob\r\n"), (server.quick_address(), "general\r\ncarol\r\n")] {
            let mut client = Client::connect(address);
            client.send_bytes(lines.as_bytes());
            client.expect("* Hello ");
            all.push(client.settle());
        }
        for seen in all {
            match &line {
                Some(line) => assert!(seen.contains(line.as_str()), "{seen:?}"),
                None => assert!(!seen.contains("stored"), "{seen:?}"),
            }
        }
    }
}

#[test]
fn a_configured_room_says_that_it_is_stored_if_messages_are() {
    for (history, kept) in [(History::Kept, true), (History::Forgotten, false)] {
        let home = Home::new();
        let server = home.start(history, "");
        let mut bob = server.login("bob");
        bob.send(":join general");
        bob.settle();
        bob.send(":set");
        let seen = bob.settle();
        assert_eq!(seen.contains("* keep          on\r\n"), kept, "{seen:?}");
    }
}
