//! Accounts changed on the command line while their owners are online.

use std::fs::DirEntry;

use crate::support::home::{History, Home, PASSWORD, come_in, give, knock, quit, register, try_login};
use crate::support::machine::eventually;
use crate::support::{Client, Server};

const REMOVED: &str = "! Your account was removed. If that is a mistake, ask the admin of this server.\r\n";
const CHANGED: &str = "! Your password was changed on the server's machine. Log in again with the new one.\r\n";

fn server(home: &Home, more: &str) -> Server {
    home.accounts(&["alice", "bob"]);
    home.start(History::Forgotten, more)
}

#[test]
fn a_user_whose_account_is_removed_is_notified_and_disconnected() {
    let home = Home::new();
    let server = server(&home, "operators = [\"alice\"]");
    let (mut alice, mut bob) = (come_in(&server, "alice"), come_in(&server, "bob"));
    alice.settle();
    home.remove_account("alice");
    let told = alice.expect_end();
    assert!(told.ends_with(REMOVED), "{told:?}");
    // Everybody else stays, and the name is free.
    bob.settle();
    quit(server.login("alice"));
}

#[test]
fn an_account_that_is_removed_and_made_again_is_a_different_one() {
    let home = Home::new();
    let server = server(&home, "accounts = \"required\"");
    let mut alice = come_in(&server, "alice");
    home.remove_account("alice");
    home.accounts(&["alice"]);
    assert!(alice.expect_end().ends_with(REMOVED));
    quit(come_in(&server, "alice"));
}

#[test]
fn a_changed_password_disconnects_users_of_the_old_one_and_keeps_users_of_the_new_one() {
    let home = Home::new();
    let server = server(&home, "");
    let (mut old, mut bob) = (come_in(&server, "alice"), come_in(&server, "bob"));
    home.change_password("alice", "battery staple");
    let told = old.expect_end();
    assert!(told.ends_with(CHANGED), "{told:?}");
    // At once, before the server's next check.
    let mut new = knock(server.address());
    new.send("alice");
    give(&mut new, "battery staple");
    new.expect("* Hello alice. ");
    home.change_password("bob", "another one");
    assert!(bob.expect_end().ends_with(CHANGED));
    new.settle();
    try_login(server.address(), "bob", PASSWORD).expect("! Wrong name or password. ");
}

#[test]
fn a_user_who_changes_their_own_password_stays_whatever_else_is_changed() {
    let home = Home::new();
    let server = server(&home, "");
    let (mut alice, mut bob) = (come_in(&server, "alice"), come_in(&server, "bob"));
    let mut carol = server.login("carol");
    alice.send(":passwd");
    for password in [PASSWORD, "battery staple", "battery staple"] {
        give(&mut alice, password);
    }
    alice.expect("* Your password has been changed.");
    register(&mut carol, PASSWORD);
    home.remove_account("bob");
    assert!(bob.expect_end().ends_with(REMOVED));
    for client in [&mut alice, &mut carol] {
        client.settle();
    }
}

/// Alice and bob in a persistent room of alice's.
fn kept_den(home: &Home) -> (Server, Client, Client) {
    let server = server(home, "");
    let mut alice = come_in(&server, "alice");
    alice.send(":create den");
    alice.expect("* Made den");
    alice.send(":set keep on");
    alice.expect(" keeps the room");
    let mut bob = come_in(&server, "bob");
    bob.send(":join den");
    bob.expect("[den]> ");
    (server, alice, bob)
}

#[test]
fn a_room_whose_last_admin_is_removed_gets_another_one() {
    let home = Home::new();
    let (_server, mut alice, mut bob) = kept_den(&home);
    home.remove_account("alice");
    assert!(alice.expect_end().ends_with(REMOVED));
    bob.expect("* You are now admin of den.\r\n");
}

/// Whether a thread of this process is still reviewing changed accounts.
fn reviews() -> bool {
    let tasks = std::fs::read_dir("/proc/self/task").expect("threads");
    let name = |task: std::io::Result<DirEntry>| std::fs::read_to_string(task.ok()?.path().join("comm")).ok();
    tasks.filter_map(name).any(|name| name.trim_end() == "account-review")
}

#[test]
fn the_successor_of_a_removed_absent_admin_is_still_admin_after_a_restart() {
    for unregistered in [false, true] {
        let home = Home::new();
        let (server, alice, mut bob) = kept_den(&home);
        quit(alice);
        bob.settle();
        if unregistered {
            let mut alice = come_in(&server, "alice");
            // Members who are present keep the room.
            alice.expect("[den]> ");
            alice.send(":close");
            alice.expect("* Left den.\r\n");
            alice.send(":unregister");
            give(&mut alice, PASSWORD);
            alice.expect("* Account alice deleted");
        } else {
            home.remove_account("alice");
        }
        bob.expect("* You are now admin of den.\r\n");
        eventually("it is written down", || !reviews());
        server.end();
        let server = home.start(History::Forgotten, "");
        // The first user to enter a room without admins becomes its admin.
        let mut carol = server.chat("carol", "den");
        let mut bob = come_in(&server, "bob");
        bob.send(":join den");
        bob.expect("[den]> ");
        bob.send(":topic still mine");
        carol.expect("* bob set the description: still mine\r\n");
    }
}
