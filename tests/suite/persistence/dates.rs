//! The date on messages from another day.

use rusqlite::Connection;

use crate::support::home::{History, Home, arrive, chat, come_in, quit, written};

/// Moves the times of all messages on disk a day and a half back.
fn make_older(home: &Home) {
    let connection = Connection::open(home.database()).expect("a connection");
    for table in ["messages", "directs"] {
        let sql = format!("UPDATE {table} SET at = at - 129600000");
        connection.execute(&sql, []).expect("changed");
    }
}

/// Whether a line begins `[2026-11-24 12:54] #`.
fn has_date(line: &str) -> bool {
    // A prompt may come before it, which the terminal of a typing user moves away from.
    let pattern =
        regex::Regex::new(r"^(?:general \| |\[general\]> |\r)*\[\d{4}-\d\d-\d\d \d\d:\d\d\] #\d+ ").expect("a pattern");
    pattern.is_match(line)
}

fn line<'a>(told: &'a str, text: &str) -> &'a str {
    told.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{text:?} is not in {told:?}"))
}

#[test]
fn messages_from_another_day_have_their_date_in_view_history_search_and_offline_messages() {
    let home = Home::new();
    home.accounts(&["alice", "bob"]);
    let server = home.start(History::Kept, "history_max = 2");
    let mut bob = chat(&server, "bob", "general");
    for text in ["one", "two", "three", "/me waves"] {
        bob.send(text);
    }
    bob.send("@alice psst");
    bob.expect("waits for the next login.\r\n");
    quit(bob);
    written(&server);
    server.end();
    make_older(&home);

    let server = home.start(History::Kept, "history_max = 2");
    let (mut alice, told) = arrive(&server, "alice");
    assert!(has_date(line(&told, "bob -> you: psst")), "{told:?}");
    alice.send(":join general");
    alice.expect("to leave.\r\n");
    alice.send(":chat");
    let view = alice.settle();
    for text in ["bob: three", "* bob waves"] {
        assert!(has_date(line(&view, text)), "{view:?}");
    }
    // From memory and from the disk.
    alice.send("/history");
    let history = alice.settle();
    for text in ["bob: one", "bob: two", "bob: three", "* bob waves"] {
        assert!(has_date(line(&history, text)), "{history:?}");
    }
    alice.send("/search one|three");
    let found = alice.settle();
    for text in ["general bob: >one<", "general bob: >three<"] {
        assert!(has_date(line(&found, text)), "{found:?}");
    }
    // A reply's quote stays as it is, and messages from today have no date.
    let mut bob = chat(&server, "bob", "general");
    alice.send("/reply 3 yes");
    let seen = bob.expect("alice: (to #3 bob: \"three\") yes\r\n");
    let reply = seen.lines().last().expect("a line");
    assert!(!reply.contains('-') && reply.contains("] #"), "{reply:?}");
    // An edited old message keeps its date.
    bob.send("/edit 3 drei");
    let edited = alice.expect("bob: drei (edited)\r\n");
    assert!(has_date(&format!("{}bob: drei", edited.rsplit('\n').next().unwrap_or(""))), "{edited:?}");
}

#[test]
fn without_times_an_old_message_has_no_date_in_the_view_either() {
    let home = Home::new();
    home.accounts(&["alice", "bob"]);
    let server = home.start(History::Kept, "");
    let mut bob = chat(&server, "bob", "general");
    bob.send("one");
    quit(bob);
    written(&server);
    server.end();
    make_older(&home);
    let server = home.start(History::Kept, "");
    let mut alice = come_in(&server, "alice");
    alice.send(":timestamps off");
    alice.send(":join general");
    alice.settle();
    alice.send(":chat");
    assert!(alice.settle().contains("\n#1 bob: one\r\n"));
    alice.send("/history");
    assert!(has_date(line(&alice.settle(), "bob: one")));
}
