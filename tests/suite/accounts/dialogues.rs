//! Dialogues about passwords: the wording of the questions, what the screen shows, and what the log contains.

use chatsock::protocol::telnet::{DO, DONT, ECHO, IAC, TERMINAL_TYPE, WILL, WONT};

use crate::support::home::{
    ASKED, History, Home, PASSWORD, come_in, give, knock, prove, quit, register, try_login, view,
};
use crate::support::machine::{Logged, argument, file};
use crate::support::terminal::Terminal;
use crate::support::{Client, Program};

const NEW: &str = "battery staple";

#[test]
fn registering_asks_for_a_password_twice_and_explains_its_use() {
    let home = Home::new();
    let server = home.start(History::Forgotten, "");
    let mut alice = server.login("alice");
    alice.send(":register");
    alice.expect("* Choose a password for alice; you will be asked for it twice.\r\n");
    alice.expect("* Your client will show what you type.\r\nPassword: ");
    alice.send(PASSWORD);
    alice.expect("* Once more, to be sure.\r\nPassword: ");
    alice.send(PASSWORD);
    alice.expect("* alice is now registered to you. Log in with :login alice.\r\n> ");
    alice.send(":register");
    alice.expect("! alice is registered already; :passwd changes its password.\r\n> ");
}

#[test]
fn two_passwords_that_differ_change_nothing() {
    let home = Home::new();
    let server = home.start(History::Forgotten, "");
    let mut alice = server.login("alice");
    alice.send(":register");
    give(&mut alice, PASSWORD);
    give(&mut alice, NEW);
    alice.expect("! The two passwords differ: nothing was changed.\r\n> ");
    alice.send(":passwd");
    alice.expect("! You are not logged in");
    quit(alice);
    quit(server.login("alice"));
}

#[test]
fn a_dialogue_left_by_enter_or_by_the_end_of_the_connection_changes_nothing() {
    let home = Home::new();
    let server = home.start(History::Forgotten, "");
    let mut alice = server.login("alice");
    for answers in [0, 1] {
        alice.send(":register");
        for _ in 0..answers {
            give(&mut alice, PASSWORD);
        }
        alice.expect(ASKED);
        alice.send("");
        alice.expect("* Nothing changed.\r\n> ");
    }
    alice.send(":register");
    give(&mut alice, PASSWORD);
    alice.expect(ASKED);
    alice.finish();
    assert!(alice.expect_end().contains("* Nothing changed.\r\n"));
    quit(server.login("alice"));
}

#[test]
fn a_short_password_is_accepted_with_a_warning_and_a_long_one_is_refused() {
    let home = Home::new();
    let server = home.start(History::Forgotten, "");
    let mut alice = server.login("alice");
    alice.send(":register");
    give(&mut alice, &"x".repeat(257));
    alice.expect("! A password has at most 256 characters.\r\n> ");
    let longest = "y".repeat(256);
    register(&mut alice, &longest);
    alice.send(":passwd");
    give(&mut alice, &longest);
    give(&mut alice, "short");
    give(&mut alice, "short");
    alice.expect(
        "* Your password has been changed.\r\n* That password is short: a longer one is harder to guess.\r\n> ",
    );
    quit(alice);
    try_login(server.address(), "alice", "short").expect("* Hello alice. ");
}

#[test]
fn a_password_after_the_command_is_refused() {
    let home = Home::new();
    let server = home.start(History::Forgotten, "");
    let mut alice = server.login("alice");
    for (command, syntax) in [
        (":register secret", ":register"),
        (":passwd secret", ":passwd"),
        (":unregister secret", ":unregister"),
        (":login alice secret", ":login <name>"),
        (":ghost alice secret", ":ghost <name>"),
    ] {
        alice.send(command);
        alice.expect(&format!("! Type {syntax} alone: you are then asked for the password.\r\n> "));
    }
}

#[test]
fn changing_the_password_needs_the_old_one() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut alice = come_in(&server, "alice");
    alice.send(":passwd");
    alice.expect("* Your current password:\r\n");
    give(&mut alice, "wrong");
    alice.expect("* The new one:\r\n");
    give(&mut alice, NEW);
    alice.expect("* The new one once more:\r\n");
    give(&mut alice, NEW);
    alice.expect("! Wrong name or password.\r\n> ");
    alice.send(":passwd");
    give(&mut alice, PASSWORD);
    give(&mut alice, NEW);
    give(&mut alice, NEW);
    alice.expect("* Your password has been changed.\r\n> ");
    quit(alice);

    let mut alice = try_login(server.address(), "alice", PASSWORD);
    alice.expect("! Wrong name or password. Give your name again.\r\nUsername: ");
    alice.send("alice");
    give(&mut alice, NEW);
    alice.expect("* Hello alice. ");
    server.end();
    let server = home.start(History::Forgotten, "");
    try_login(server.address(), "alice", NEW).expect("* Hello alice. ");
}

#[test]
fn an_account_is_deleted_by_its_password_and_its_name_is_free_when_its_owner_leaves() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut alice = come_in(&server, "alice");
    alice.send(":unregister");
    alice.expect("* The password of alice deletes the account; Enter goes back.\r\n");
    give(&mut alice, "wrong");
    alice.expect("! Wrong name or password.\r\n> ");
    prove(&mut alice, ":unregister", PASSWORD);
    alice.expect("* Account alice deleted. The name is free once you leave.\r\n> ");
    alice.send(":passwd");
    alice.expect("! You are not logged in");
    quit(alice);
    let mut other = server.login("Alice");
    register(&mut other, NEW);
    quit(other);
    server.end();
    let server = home.start(History::Forgotten, "");
    try_login(server.address(), "alice", PASSWORD).expect("! Wrong name or password. Give your name again.\r\n");
    try_login(server.address(), "alice", NEW).expect("* Hello Alice. ");
}

#[test]
fn viewers_see_at_once_who_succeeds_a_removed_admin() {
    let home = Home::new();
    home.accounts(&["alice", "bob"]);
    let server = home.start(History::Forgotten, "");
    let (mut alice, mut bob) = (come_in(&server, "alice"), come_in(&server, "bob"));
    alice.send(":create den");
    alice.expect("* Made den");
    alice.send(":set keep on");
    alice.expect(" keeps the room");
    view(&mut bob, "den");
    // In a persistent room, she stays admin while absent.
    alice.send(":close");
    bob.expect("* alice left\r\n");
    prove(&mut alice, ":unregister", PASSWORD);
    alice.expect("* Account alice deleted");
    bob.expect("* bob is now admin of den\r\n");
}

#[test]
fn a_guest_logs_in_to_their_account_and_takes_its_name_everywhere() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut bob = server.chat("bob", "general");
    let mut guest = server.chat("guest", "general");
    bob.expect("* guest joined\r\n");
    prove(&mut guest, "/login ALICE", PASSWORD);
    guest.expect("* You are now known as alice.\r\n");
    bob.expect("* guest is now known as alice\r\n");
    bob.send("@alice hello");
    guest.expect("bob -> you: hello\r\n");
    // The old name is free, and so is the account's name once she changes to another.
    quit(server.login("guest"));
    guest.send("/nick gast");
    guest.expect("* You are now known as gast.\r\n");
    guest.expect("* You are no longer logged in to alice; :login alice logs you in again.\r\n");
    let mut other = knock(server.address());
    other.send("alice");
    other.expect("* The name alice needs its password.");
}

#[test]
fn a_line_typed_as_a_password_is_neither_run_nor_posted() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut bob = server.chat("bob", "general");
    let mut alice = server.chat("carol", "general");
    bob.expect("* carol joined\r\n");
    prove(&mut alice, "/login alice", "/quit");
    alice.expect("! Wrong name or password.\r\ngeneral | ");
    prove(&mut alice, "/login alice", "hello there");
    alice.expect("! Wrong name or password.\r\ngeneral | ");
    assert!(!bob.settle().contains("hello"));
}

#[test]
fn over_telnet_the_server_echoes_only_while_passwords_are_typed() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "telnet = \"auto\"");
    let mut alice = knock(server.address());
    // A client that speaks telnet but refuses what character mode needs.
    alice.send_bytes(&[IAC, WILL, TERMINAL_TYPE]);
    alice.send("alice");
    let hidden = alice.expect_bytes(&[IAC, WILL, ECHO]);
    assert!(!hidden.windows(3).any(|bytes| bytes == [IAC, WONT, ECHO]), "{hidden:?}");
    alice.send_bytes(&[IAC, DO, ECHO]);
    let before = alice.expect(ASKED);
    assert!(!before.contains("will show what you type"), "{before:?}");
    alice.send(PASSWORD);
    alice.expect_bytes(&[IAC, WONT, ECHO]);
    let rest = alice.expect("* Hello alice. ");
    assert!(!rest.contains(PASSWORD), "{rest:?}");
    alice.send_bytes(&[IAC, DONT, ECHO]);

    // Echo is not switched between the two entries of a new password.
    alice.expect("> ");
    alice.send(":passwd");
    alice.expect_bytes(&[IAC, WILL, ECHO]);
    alice.send_bytes(&[IAC, DO, ECHO]);
    for question in ["The new one:", "The new one once more:"] {
        give(&mut alice, PASSWORD);
        let between = alice.expect_bytes(question.as_bytes());
        assert!(!between.contains(&IAC), "{between:?}");
    }
    give(&mut alice, PASSWORD);
    alice.expect_bytes(&[IAC, WONT, ECHO]);
    alice.expect("* Your password has been changed.\r\n");
}

#[test]
fn in_character_mode_passwords_are_neither_shown_nor_recalled() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut alice = Terminal::connect(server.address());
    alice.expect_last_row("Username: ");
    alice.enter("alice");
    alice.expect_last_row(ASKED);
    alice.enter(PASSWORD);
    alice.expect_on_screen("* Hello alice. ");
    alice.expect_last_row("> ");
    alice.enter(":passwd");
    alice.expect_on_screen("Your current password:");
    alice.expect_last_row(ASKED);
    alice.enter(PASSWORD);
    for question in ["The new one:", "The new one once more:"] {
        alice.expect_on_screen(question);
        alice.expect_last_row(ASKED);
        alice.enter(NEW);
    }
    alice.expect_on_screen("* Your password has been changed.");
    alice.expect_last_row("> ");
    alice.press(crate::support::terminal::UP);
    alice.expect_last_row("> :passwd");
    let text = alice.text();
    assert!(!text.contains(PASSWORD) && !text.contains(NEW), "{text:?}");
}

#[test]
fn no_log_level_logs_passwords() {
    let home = Home::new();
    let config = home.config(History::Kept, "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0");
    let path = file("chatsock.toml", &config);
    let mut program = Logged::start(Program::command(&["-vv", "--config", argument(&path)]));
    let address = program.address();
    let mut alice = Client::login(address, "alice");
    register(&mut alice, "sesame one");
    alice.send(":passwd");
    for password in ["sesame one", "sesame two", "sesame two"] {
        give(&mut alice, password);
    }
    alice.expect("* Your password has been changed.\r\n");
    quit(alice);
    let mut alice = try_login(address, "alice", "sesame three");
    alice.expect("! Wrong name or password. Give your name again.\r\n");
    alice.send("alice");
    give(&mut alice, "sesame two");
    alice.expect("* Hello alice. ");
    alice.send(":login alice sesame four");
    alice.expect("! Type :login <name> alone");
    prove(&mut alice, ":unregister", "sesame two");
    alice.expect("* Account alice deleted");
    quit(alice);
    program.signal("TERM");
    assert_eq!(program.wait(), Some(0));
    let log = program.log();
    assert!(log.contains("alice is registered") && log.contains("wrong password for an account"), "{log}");
    assert!(!log.contains("sesame"), "{log}");
    assert_eq!(home.files_with("sesame"), [""; 0]);
}
