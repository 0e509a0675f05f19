//! The history, over restarts and beyond what is in memory.

use crate::support::home::{History, Home, PASSWORD, arrive, chat, come_in, quit, try_login, view, written};
use crate::support::machine::{Logged, argument, eventually, file};
use crate::support::{Client, Program, Server};

const SMALL: &str = "history_max = 5\noperators = [\"root\"]";

/// Thirty messages in general by alice and bob in turns, both with accounts. Five of the messages are in memory.
fn thirty(home: &Home) -> Server {
    home.accounts(&["alice", "bob", "root"]);
    let server = home.start(History::Kept, SMALL);
    let mut alice = chat(&server, "alice", "general");
    let mut bob = chat(&server, "bob", "general");
    for number in 1..=30 {
        let [one, other] = if number % 2 == 1 { [&mut alice, &mut bob] } else { [&mut bob, &mut alice] };
        one.send(&format!("word{number:02}"));
        other.expect(&format!(": word{number:02}\r\n"));
    }
    quit(alice);
    quit(bob);
    written(&server);
    server
}

fn restarted(home: &Home, server: Server) -> Server {
    server.end();
    home.start(History::Kept, SMALL)
}

/// The ids of the messages in the output of a command.
fn numbers(client: &mut Client, command: &str) -> Vec<u64> {
    history(client, command).lines().filter_map(number).collect()
}

/// `[14:02] #12 ...`
fn number(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("] #")?;
    rest.split(' ').next()?.parse().ok()
}

/// What a command shows. Repeated if it ran out of time because the machine was busy.
fn history(client: &mut Client, command: &str) -> String {
    let mut told = String::new();
    eventually("there is time to look at everything", || {
        client.settle();
        client.send(command);
        told = client.settle();
        !["There was no time to ", "That pattern takes long: "].iter().any(|words| told.contains(words))
    });
    told
}

/// Runs `check` before and after a restart.
fn twice(mut check: impl FnMut(&Server)) {
    let home = Home::new();
    let server = thirty(&home);
    check(&server);
    let server = restarted(&home, server);
    check(&server);
}

#[test]
fn the_history_reaches_beyond_memory_without_gap_or_repetition() {
    twice(|server| {
        let mut alice = come_in(server, "alice");
        alice.send(":join general");
        alice.expect("[general]> ");
        assert_eq!(numbers(&mut alice, ":history 30"), (1..=30).collect::<Vec<_>>());
        assert_eq!(numbers(&mut alice, ":history 100"), (1..=30).collect::<Vec<_>>());
        assert_eq!(numbers(&mut alice, ":history 12"), (19..=30).collect::<Vec<_>>());
        assert_eq!(numbers(&mut alice, ":history 3"), [28, 29, 30]);
        quit(alice);
    });
}

#[test]
fn searches_reach_beyond_memory_newest_first() {
    twice(|server| {
        let mut alice = come_in(server, "alice");
        alice.send(":join general");
        alice.expect("[general]> ");
        assert_eq!(numbers(&mut alice, ":search word0[123]"), [3, 2, 1]);
        assert_eq!(numbers(&mut alice, ":search word(29|02)"), [29, 2]);
        let all = history(&mut alice, ":search word");
        let found: Vec<_> = all.lines().filter_map(number).collect();
        assert_eq!(found, (11..=30).rev().collect::<Vec<_>>());
        assert!(all.contains("* There is more: these are the newest 20.\r\n"), "{all:?}");
        quit(alice);
        // Only in rooms that the user may read.
        let mut guest = server.login("guest");
        guest.send(":search word01");
        guest.expect("* Nothing found where you may read.\r\n");
        quit(guest);
    });
}

#[test]
fn messages_that_have_just_left_memory_are_found_and_deleted_before_they_are_written() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Kept, SMALL);
    let mut alice = chat(&server, "alice", "general");
    let mut bob = server.chat("bob", "general");
    for round in 1..=5 {
        // One packet: its messages are collected for a tenth of a second before they are written.
        alice.send(&format!("early{round}"));
        bob.expect(&format!("alice: early{round}\r\n"));
        bob.send(&(1..=10).map(|number| format!("later{number}\r\n")).collect::<String>());
        alice.expect("bob: later10\r\n");
        alice.send(&format!("/search early{round}"));
        let found = alice.settle();
        assert!(found.contains(&format!("alice: >early{round}<\r\n")), "{found:?}");
        alice.send("/delete");
        alice.expect(" was deleted by alice\r\n");
    }
}

#[test]
fn an_old_message_can_be_answered() {
    let home = Home::new();
    let server = thirty(&home);
    let server = restarted(&home, server);
    let mut alice = chat(&server, "alice", "general");
    let mut guest = server.chat("guest", "general");
    guest.send("/reply 1 still true");
    alice.expect("guest: (to #1 alice: \"word01\") still true\r\n");
    guest.send("/reply 999 what?");
    guest.expect("! There is no such message where you are; /history shows the numbers.\r\n");
    quit(alice);
    quit(guest);
    let server = restarted(&home, server);
    let mut alice = come_in(&server, "alice");
    alice.send(":join general");
    alice.expect("[general]> ");
    alice.send(":history 1");
    alice.expect("guest: (to #1 alice: \"word01\") still true\r\n");
}

#[test]
fn an_old_message_is_changed_by_its_author_and_by_nobody_else() {
    let home = Home::new();
    let server = thirty(&home);
    let server = restarted(&home, server);
    let mut alice = chat(&server, "alice", "general");
    let mut bob = chat(&server, "bob", "general");
    let mut guest = server.chat("guest", "general");
    for client in [&mut bob, &mut guest] {
        for command in ["/edit #1 mine", "/delete 1"] {
            client.send(command);
            client.expect("! That message is not yours.\r\n");
        }
    }
    alice.send("/edit 1 better word");
    bob.expect("better word");
    alice.settle();
    written(&server);
    assert!(history(&mut guest, "/history 40").contains("#1 alice: better word (edited)\r\n"));
    assert_eq!(numbers(&mut guest, "/search better"), [1]);
    assert_eq!(numbers(&mut guest, "/search word01"), [0; 0]);
    drop((alice, bob, guest));
    let server = restarted(&home, server);
    let mut guest = server.chat("guest", "general");
    assert!(history(&mut guest, "/history 40").contains("#1 alice: better word (edited)\r\n"));
    assert_eq!(home.files_with("word01"), [""; 0]);
}

#[test]
fn an_old_message_is_deleted_by_its_author_or_an_operator() {
    let home = Home::new();
    let server = thirty(&home);
    let server = restarted(&home, server);
    let mut alice = chat(&server, "alice", "general");
    let mut root = chat(&server, "root", "general");
    alice.send("/delete 1");
    root.expect("* #1 was deleted by alice\r\n");
    root.send("/delete 2");
    alice.expect("* #2 was deleted by root\r\n");
    // A message in memory.
    root.send("/delete 30");
    alice.expect("* #30 was deleted by root\r\n");
    alice.settle();
    root.settle();
    written(&server);
    let left: Vec<_> = (3..=29).collect();
    assert_eq!(numbers(&mut alice, "/history 40"), left);
    assert_eq!(numbers(&mut alice, "/search word(01|02|30)"), [0; 0]);
    for text in ["word01", "word02", "word30"] {
        assert_eq!(home.files_with(text), [""; 0], "{text}");
    }
    drop((alice, root));
    let server = restarted(&home, server);
    let mut guest = server.chat("guest", "general");
    assert_eq!(numbers(&mut guest, "/history 40"), left);
    guest.send("/reply 1 to nothing");
    guest.expect("! There is no such message where you are");
}

#[test]
fn a_guests_messages_belong_to_nobody_after_a_restart() {
    let home = Home::new();
    let server = home.start(History::Kept, "");
    let mut guest = server.chat("guest", "general");
    guest.send("mine");
    guest.settle();
    server.end();
    let server = home.start(History::Kept, "");
    let mut guest = server.chat("guest", "general");
    guest.send("/delete 1");
    guest.expect("! That message is not yours.\r\n");
    guest.send("/delete");
    guest.expect("! There is no message of yours to change or delete.\r\n");
}

#[test]
fn the_last_message_of_an_account_is_known_after_a_restart() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Kept, "");
    let mut alice = chat(&server, "alice", "general");
    alice.send("tpyo");
    alice.settle();
    server.end();
    let server = home.start(History::Kept, "");
    let mut alice = chat(&server, "alice", "general");
    alice.send("/edit typo");
    alice.settle();
    assert!(history(&mut alice, "/history").contains("#1 alice: typo (edited)\r\n"));
}

#[test]
fn the_view_opens_with_messages_from_before_the_restart() {
    let home = Home::new();
    let server = thirty(&home);
    let server = restarted(&home, server);
    let mut alice = come_in(&server, "alice");
    alice.send(":join general");
    alice.expect("[general]> ");
    alice.send(":chat");
    let told = alice.settle();
    assert_eq!(told.lines().filter_map(number).collect::<Vec<_>>(), (26..=30).collect::<Vec<_>>());
}

#[test]
fn ids_continue_after_restarts_with_and_without_history() {
    for kept in crate::support::home::BOTH {
        let home = Home::new();
        let mut last = 0;
        for _ in 0..3 {
            let server = home.start(kept, "");
            let mut bob = server.login("bob");
            bob.send(":join general");
            bob.expect("[general]> ");
            for _ in 0..3 {
                bob.send(":say x");
                bob.expect("* Sent to general as #");
                let number: u64 = bob.expect(".\r\n").parse().expect("a number");
                assert!(number > last, "#{number} after #{last}");
                last = number;
            }
            server.end();
        }
    }
}

#[test]
fn ids_continue_after_a_crash_and_confirmed_data_survives() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let path = file("chatsock.toml", &home.config(History::Kept, "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0"));
    let mut last = 0;
    for round in 0..3 {
        let mut program = Logged::start(Program::command(&["--config", argument(&path)]));
        let address = program.address();
        let mut alice = try_login(address, "alice", PASSWORD);
        alice.expect(":help explains.\r\n");
        alice.send(":join general");
        alice.expect("[general]> ");
        if round > 0 {
            let shown = history(&mut alice, ":history 100");
            for before in 0..round {
                assert!(shown.contains(&format!(": round {before}\r\n")), "{shown:?}");
            }
        }
        alice.send(&format!(":say round {round}"));
        alice.expect("* Sent to general as #");
        let number: u64 = alice.expect(".\r\n").parse().expect("a number");
        assert!(number > last, "#{number} after #{last}");
        last = number;
        // A confirmed setting is on disk, and so are the messages before it.
        alice.send(":bell on");
        alice.expect("* The bell rings at every message.\r\n");
        program.signal("KILL");
        program.wait();
    }
}

#[test]
fn without_history_nothing_is_remembered_and_no_message_is_on_disk() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, SMALL);
    let mut alice = chat(&server, "alice", "general");
    let mut bob = server.chat("bob", "general");
    for number in 1..=10 {
        alice.send(&format!("ephemeral{number}"));
    }
    alice.send("/edit ephemeral again");
    alice.send("/me is ephemeral");
    bob.expect("* alice is ephemeral\r\n");
    written(&server);
    assert_eq!(home.files_with("ephemeral"), [""; 0]);
    assert_eq!(numbers(&mut bob, "/history 30"), (7..=11).collect::<Vec<_>>());
    server.end();
    assert_eq!(home.files_with("ephemeral"), [""; 0]);
    let server = home.start(History::Forgotten, SMALL);
    let (mut alice, _) = arrive(&server, "alice");
    alice.send(":join general");
    alice.expect("[general]> ");
    alice.send(":history");
    alice.expect("* Nothing has been said in general yet.\r\n");
}

#[test]
fn history_switched_off_hides_stored_messages_until_it_is_on_again() {
    let home = Home::new();
    let server = thirty(&home);
    server.end();
    let server = home.start(History::Forgotten, SMALL);
    let mut alice = chat(&server, "alice", "general");
    assert_eq!(numbers(&mut alice, "/history 30"), [0; 0]);
    alice.send("/search word");
    alice.expect("* Nothing found where you may read.\r\n");
    alice.send("in between");
    alice.settle();
    quit(alice);
    server.end();
    let server = home.start(History::Kept, SMALL);
    let mut alice = chat(&server, "alice", "general");
    assert_eq!(numbers(&mut alice, "/history 40"), (1..=30).collect::<Vec<_>>());
}

#[test]
fn a_user_who_ignores_another_does_not_find_their_messages_on_disk_either() {
    let home = Home::new();
    let server = thirty(&home);
    let server = restarted(&home, server);
    let bob = come_in(&server, "bob");
    let mut alice = come_in(&server, "alice");
    alice.send(":ignore bob");
    alice.expect("* You are now ignoring bob");
    view(&mut alice, "general");
    let odd: Vec<_> = (1..=30).filter(|number| number % 2 == 1).collect();
    assert_eq!(numbers(&mut alice, "/history 30"), odd);
    assert_eq!(numbers(&mut alice, "/search word0"), [9, 7, 5, 3, 1]);
    quit(alice);
    quit(bob);
    // A user she ignored in an earlier login is still ignored, and nobody else is.
    let server = restarted(&home, server);
    let mut root = chat(&server, "root", "general");
    assert_eq!(numbers(&mut root, "/history 30"), (1..=30).collect::<Vec<_>>());
    let mut alice = chat(&server, "alice", "general");
    assert_eq!(numbers(&mut alice, "/history 30"), odd);
    assert_eq!(numbers(&mut alice, "/search word(0|30)"), [9, 7, 5, 3, 1]);
}

#[test]
fn a_persistent_room_remembers_its_messages_including_those_from_before_it_was_persistent() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Kept, SMALL);
    let mut alice = come_in(&server, "alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    for text in [":say before", ":set keep on", ":say after"] {
        alice.send(text);
        alice.settle();
    }
    quit(alice);
    server.end();
    let server = home.start(History::Kept, SMALL);
    let mut alice = come_in(&server, "alice");
    alice.send(":join den");
    alice.expect("[den]> ");
    let shown = history(&mut alice, ":history");
    assert!(shown.contains("alice: before\r\n") && shown.contains("alice: after\r\n"), "{shown:?}");
}

#[test]
fn without_messages_in_memory_all_are_read_from_disk() {
    const NONE: &str = "history_max = 0\noperators = [\"root\"]";
    let home = Home::new();
    let server = thirty(&home);
    server.end();
    let server = home.start(History::Kept, NONE);
    let mut alice = chat(&server, "alice", "general");
    let mut bob = chat(&server, "bob", "general");
    alice.send("the newest");
    bob.expect("#31 alice: the newest\r\n");
    written(&server);
    assert_eq!(numbers(&mut alice, "/history 4"), [28, 29, 30, 31]);
    assert_eq!(numbers(&mut alice, "/search newest|word30"), [31, 30]);
    bob.send("/reply 31 indeed");
    alice.expect("bob: (to #31 alice: \"the newest\") indeed\r\n");
    alice.send("/edit 31 newer still");
    alice.settle();
    alice.send("/delete 29");
    bob.expect("* #29 was deleted by alice\r\n");
    written(&server);
    assert_eq!(numbers(&mut bob, "/history 4"), [28, 30, 31, 32]);
    assert!(history(&mut bob, "/history 2").contains("#31 alice: newer still (edited)\r\n"));
}

#[test]
fn a_user_who_joins_a_configured_room_reads_back_but_a_banned_user_and_an_outsider_read_nothing() {
    let home = Home::new();
    let server = thirty(&home);
    let server = restarted(&home, server);
    let mut bob = come_in(&server, "bob");
    bob.expect("[general]> ");
    bob.send(":close");
    bob.expect("* Left general.\r\n");
    for command in [":reply 1 hello", ":edit 2 hello", ":delete 2"] {
        bob.send(command);
        bob.expect("! There is no such message where you are; :history shows the numbers.\r\n");
    }
    view(&mut bob, "general");
    let mut root = chat(&server, "root", "general");
    root.send("/ban bob");
    bob.expect("* You were banned from general by root.\r\n");
    for command in [":reply 1 hello", ":edit 2 hello", ":delete 2"] {
        bob.send(command);
        bob.expect("! There is no such message where you are; :history shows the numbers.\r\n");
    }
    bob.send(":search word");
    bob.expect("* Nothing found where you may read.\r\n");
    let mut guest = server.chat("guest", "general");
    assert_eq!(numbers(&mut guest, "/history 40"), (1..=30).collect::<Vec<_>>());
}
