//! Ending a stuck connection of one's own account.

use crate::support::home::{ASKED, History, Home, PASSWORD, asked_to_take_over, come_in, give, knock, prove, view};

const THROWN_OUT: &str = "! You were logged out from another connection of your account.\r\n";

#[test]
fn at_the_login_ghosting_ends_the_stuck_connection_and_logs_in_at_once() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut bob = server.chat("bob", "general");
    let mut stuck = come_in(&server, "alice");
    view(&mut stuck, "general");
    bob.expect("* alice joined\r\n");
    let mut alice = knock(server.address());
    alice.send(":ghost ALICE");
    alice.expect("* The name ALICE needs its password. Give it, or go back with Enter.\r\n");
    give(&mut alice, PASSWORD);
    alice.expect("* Hello alice. 2 people online");
    assert!(stuck.expect_end().ends_with(THROWN_OUT));
    bob.expect("* alice left\r\n");
    bob.send("@alice are you there?");
    alice.expect("bob -> you: are you there?\r\n");
}

#[test]
fn at_the_login_ghosting_needs_the_password_and_logs_in_if_nobody_is_online() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut alice = come_in(&server, "alice");
    let mut mallory = knock(server.address());
    for name in ["alice", "nobody"] {
        prove(&mut mallory, &format!(":ghost {name}"), "guess");
        mallory.expect("! Wrong name or password. Give your name again.\r\nUsername: ");
    }
    assert!(!alice.settle().contains('!'));
    alice.send(":quit");
    alice.expect_end();
    prove(&mut mallory, ":ghost alice", PASSWORD);
    mallory.expect("* Hello alice. 1 person online");
}

#[test]
fn from_the_palette_ghosting_ends_the_stuck_connection_and_frees_the_name_for_a_login() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut stuck = come_in(&server, "alice");
    let mut guest = server.login("guest");
    prove(&mut guest, ":login alice", PASSWORD);
    asked_to_take_over(&mut guest);
    guest.send(":q");
    guest.expect("* Nothing changed.\r\n> ");
    guest.send(":ghost alice");
    guest.expect("* The password of alice; Enter goes back.\r\n");
    guest.expect(ASKED);
    guest.send("");
    guest.expect("* Nothing changed.\r\n> ");
    prove(&mut guest, ":ghost alice", "wrong");
    guest.expect("! Wrong name or password.\r\n> ");
    prove(&mut guest, ":ghost alice", PASSWORD);
    guest.expect("* The other connection of alice has been ended. Log in with :login alice.\r\n> ");
    assert!(stuck.expect_end().ends_with(THROWN_OUT));
    prove(&mut guest, ":login alice", PASSWORD);
    guest.expect("* You are now known as alice.\r\n> ");
    guest.send(":ghost alice");
    guest.expect("! You are logged in as alice.\r\n> ");
}

#[test]
fn ghosting_a_user_who_is_not_online_is_refused_with_that_reason() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut guest = server.login("guest");
    prove(&mut guest, ":ghost alice", PASSWORD);
    guest.expect("! alice is not online.\r\n> ");
}

#[test]
fn a_guest_who_holds_the_name_of_a_later_account_gives_way_to_its_owner() {
    let home = Home::new();
    let server = home.start(History::Forgotten, "");
    let mut guest = server.login("alice");
    home.accounts(&["alice"]);
    let mut alice = knock(server.address());
    prove(&mut alice, ":ghost alice", PASSWORD);
    alice.expect("* Hello alice. 1 person online");
    guest.expect_end();
}

#[test]
fn an_admin_who_ghosts_a_stuck_connection_is_still_admin() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut stuck = come_in(&server, "alice");
    stuck.send(":create den");
    stuck.expect("[den]> ");
    let mut bob = server.chat("bob", "den");
    let mut alice = knock(server.address());
    prove(&mut alice, ":ghost alice", PASSWORD);
    alice.expect("* Hello alice. ");
    stuck.expect_end();
    bob.expect("* alice left\r\n");
    alice.expect("* Back in den. :chat to talk, :close to leave.\r\n[den]> ");
    alice.send(":topic mine");
    bob.expect("* alice set the description: mine\r\n");
}
