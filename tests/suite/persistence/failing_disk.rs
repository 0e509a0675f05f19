//! What users see while the disk fails or stalls.

use std::time::Duration;

use chatsock::store::{Point, Store};

use crate::support::home::{History, Home, arrive, chat, come_in, quit, written};
use crate::support::{Client, PATIENCE, Server};

const NOT_YET: &str = "* That is not on disk yet: the disk is full.\r\n";

fn store(server: &Server) -> &Store {
    server.hub().store().expect("a store")
}

/// A server with five messages of a room in memory, thirty on disk, and an operator who is told about problems.
fn with_thirty(home: &Home) -> (Server, Client, Client) {
    home.accounts(&["alice", "bob", "carol", "root"]);
    let server = home.start(History::Kept, "history_max = 5\noperators = [\"root\"]");
    quit(chat(&server, "carol", "general"));
    let mut alice = chat(&server, "alice", "general");
    for number in 1..=30 {
        alice.send(&format!("word{number:02}"));
    }
    alice.settle();
    written(&server);
    let root = come_in(&server, "root");
    (server, alice, root)
}

/// Makes the disk full, and waits until that is known.
fn fill(server: &Server, root: &mut Client) {
    store(server).limit_pages(1);
    root.send(":join general");
    root.expect("to leave.\r\n");
    // First use up the free pages that the database already has.
    let line = format!(":say {}\r\n", "x".repeat(140));
    root.send_bytes(line.repeat(100).as_bytes());
    root.expect("* The database cannot be written: the disk is full.");
    root.settle();
}

fn make_room(server: &Server, root: &mut Client) {
    store(server).limit_pages(0);
    root.expect("* The database is being written again; nothing was lost.\r\n");
}

/// What a command shows.
fn shown(client: &mut Client, command: &str) -> String {
    client.send(command);
    client.settle()
}

#[test]
fn a_message_deleted_while_the_disk_fails_is_hidden_and_its_author_is_warned() {
    let home = Home::new();
    let (server, mut alice, mut root) = with_thirty(&home);
    fill(&server, &mut root);
    // From the view, where the room's own line reports it, and from the palette.
    let told = shown(&mut alice, "/delete 1");
    assert!(told.contains("* #1 was deleted by alice\r\n") && told.contains(NOT_YET), "{told:?}");
    let told = shown(&mut alice, "/edit 2 changed");
    assert!(told.contains("alice: changed (edited)") && told.contains(NOT_YET), "{told:?}");
    alice.send("/q");
    alice.settle();
    for (command, line) in [(":delete 3", "* Deleted #3.\r\n"), (":edit 4 altered", "* Edited #4.\r\n")] {
        let told = shown(&mut alice, command);
        assert!(
            told.contains(&format!("{line}{NOT_YET}")) || told.contains(&format!("{line}[general]> \r{NOT_YET}")),
            "{command}: {told:?}"
        );
    }
    for client in [&mut alice, &mut root] {
        let history = shown(client, ":history 140");
        for gone in ["word01", "word02", "word03", "word04"] {
            assert!(!history.contains(gone), "{gone} is in {history:?}");
        }
        assert!(history.contains("#2 alice: changed (edited)") && history.contains("#4 alice: altered (edited)"));
        assert!(history.contains("word05"), "{history:?}");
        let found = shown(client, ":search word0[1-4]");
        assert!(found.contains("* Nothing found where you may read.\r\n"), "{found:?}");
        let told = shown(client, ":reply 1 what was that?");
        assert!(told.contains("! There is no such message where you are"), "{told:?}");
    }
    let told = shown(&mut alice, ":delete 1");
    assert!(told.contains("! There is no such message where you are"), "{told:?}");
    make_room(&server, &mut root);
    written(&server);
    for gone in ["word01", "word02", "word03", "word04"] {
        assert_eq!(home.files_with(gone), [""; 0]);
    }
    // With a working disk there is nothing to report.
    let told = shown(&mut alice, ":delete 5");
    assert!(told.contains("* Deleted #5.\r\n") && !told.contains("not on disk yet"), "{told:?}");
}

#[test]
fn a_message_deleted_while_the_disk_fails_is_not_counted_as_unread() {
    let home = Home::new();
    let (server, mut alice, mut root) = with_thirty(&home);
    fill(&server, &mut root);
    for id in 1..=10 {
        alice.send(&format!("/delete {id}"));
    }
    alice.settle();
    let (_carol, told) = arrive(&server, "carol");
    assert!(told.contains("New since your last visit: general 20.\r\n"), "{told:?}");
    make_room(&server, &mut root);
}

#[test]
fn a_backlog_for_a_full_disk_does_not_delay_logins() {
    let home = Home::new();
    let (server, _alice, mut root) = with_thirty(&home);
    fill(&server, &mut root);
    // Two more batches.
    let text = "x".repeat(1000);
    let general = chatsock::chat::names::RoomName::parse("general").expect("a name");
    for id in 1000..3000 {
        let author = chatsock::chat::names::UserName::parse("bob", 1, 12).expect("a name");
        let (id, at, account, reply) = (chatsock::chat::message::MessageId(id), jiff::Timestamp::now(), None, None);
        let text = text.as_str().into();
        let message =
            chatsock::store::MessageRecord { id, at, author, account, text, action: false, edited: false, reply };
        store(&server).record_message(&general, message);
    }
    let begun = std::time::Instant::now();
    let (mut bob, _) = arrive(&server, "bob");
    bob.send(":bell on");
    bob.expect("! It holds until the server stops, but: Not saved: the disk is full.");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    make_room(&server, &mut root);
}

#[test]
fn waiting_messages_are_shown_while_the_disk_stalls_and_kept_if_not_shown() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Kept, "");
    let mut bob = server.login("bob");
    for text in ["one", "two"] {
        bob.send(&format!(":dm alice {text}"));
        bob.expect("* alice is not online: the message waits for the next login.\r\n");
    }
    let failpoints = store(&server).failpoints();
    for at in [Point::Begin, Point::Applied, Point::Commit] {
        failpoints.hold(at);
        // A user asks for waiting messages and disconnects.
        failpoints.set_write_timeout(Duration::from_millis(20));
        assert!(store(&server).sync().is_err());
        assert!(failpoints.wait_held(PATIENCE));
        let waiting = store(&server).offline_messages(account(&server, "alice")).expect("read");
        assert_eq!(waiting.len(), 2, "{at:?}");
        failpoints.release();
    }
    failpoints.hold(Point::Commit);
    let (alice, told) = arrive(&server, "alice");
    assert!(told.contains("bob -> you: one\r\n") && told.contains("bob -> you: two\r\n"), "{told:?}");
    quit(alice);
    let (alice, told) = arrive(&server, "alice");
    assert!(!told.contains("while you were away"), "{told:?}");
    quit(alice);
    failpoints.set_write_timeout(PATIENCE);
    failpoints.release();
    written(&server);
    assert_eq!(store(&server).offline_messages(account(&server, "alice")), Ok(Vec::new()));
}

#[test]
fn a_room_that_a_reload_could_not_read_keeps_its_bans() {
    let home = Home::new();
    home.accounts(&["alice", "carol", "root"]);
    let top = "operators = [\"root\"]\n";
    let both = format!("{top}[rooms.general]\n[rooms.other]\n");
    let server = home.start(History::Kept, &both);
    let mut root = chat(&server, "root", "general");
    let carol = chat(&server, "carol", "general");
    for line in ["/set history joined", "/ban bob", "/mute carol"] {
        root.send(line);
        root.settle();
    }
    quit(carol);
    home.reconfigure(&server, History::Kept, &format!("{top}[rooms.other]\n"));
    store(&server).failpoints().set_unreadable(true);
    home.reconfigure(&server, History::Kept, &both);
    root.send("/join general");
    root.expect("Joined general");
    let told = shown(&mut root, ":ban dave");
    assert!(
        told.contains("! It holds until the server stops, but is not saved: the stored data of general"),
        "{told:?}"
    );
    // The earlier decisions apply again to the next user who enters, and so do those made meanwhile.
    store(&server).failpoints().set_unreadable(false);
    quit(chat(&server, "alice", "general"));
    let bans = |root: &mut Client| {
        let told = shown(root, ":bans");
        assert!(told.contains("bob") && told.contains("dave"), "{told:?}");
        let told = shown(root, ":set");
        assert!(told.contains("* history       joined\r\n"), "{told:?}");
    };
    bans(&mut root);
    quit(root);
    drop(server);
    let server = home.start(History::Kept, &both);
    let mut root = chat(&server, "root", "general");
    root.send("/q");
    root.settle();
    bans(&mut root);
    let mut carol = chat(&server, "carol", "general");
    carol.send("hello");
    carol.expect("! Not sent: you are muted in general.");
}

fn account(server: &Server, name: &str) -> chatsock::chat::message::AccountId {
    let name = chatsock::chat::names::UserName::parse(name, 1, 12).expect("a name");
    store(server).account(&name).expect("read").expect("an account").id
}
