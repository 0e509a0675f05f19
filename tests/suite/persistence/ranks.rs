//! An account's role in a persistent room stays with the account, even if its connection changes to another user.

use crate::support::home::{BOTH, History, Home, PASSWORD, come_in, prove, quit};
use crate::support::{Client, Server};

/// Alice, bobby and carol have accounts, and alice is in her persistent room.
fn den(home: &Home, history: History) -> (Server, Client) {
    home.accounts(&["alice", "bobby", "carol"]);
    let server = home.start(history, "room_linger = 0");
    let mut alice = come_in(&server, "alice");
    alice.send(":create den");
    alice.expect("* Made den, you are its admin.");
    alice.send(":set keep on");
    alice.expect(" keeps the room");
    (server, alice)
}

fn join(client: &mut Client, room: &str) {
    client.send(&format!(":join {room}"));
    client.expect(&format!("[{room}]> "));
}

fn is_owner_of_den(client: &mut Client, text: &str) {
    client.send(&format!(":topic {text}"));
    client.expect(&format!("* alice set the description: {text}\r\n"));
}

fn is_no_admin_of_den(client: &mut Client) {
    client.send(":topic mine");
    client.expect("! Only admins of den can do that; :list marks them.\r\n");
}

#[test]
fn an_owner_who_logs_in_as_another_user_does_not_keep_the_rank() {
    for history in BOTH {
        let home = Home::new();
        let (server, mut alice) = den(&home, history);
        prove(&mut alice, ":login bobby", PASSWORD);
        alice.expect("* You are now known as bobby.\r\n");
        let mut bobby = alice;
        is_no_admin_of_den(&mut bobby);
        bobby.send(":close");
        bobby.expect("* Left den.\r\n");
        join(&mut bobby, "den");
        is_no_admin_of_den(&mut bobby);
        // An admin's action makes the room be written.
        let mut alice = come_in(&server, "alice");
        join(&mut alice, "den");
        is_owner_of_den(&mut alice, "hers");
        quit(alice);
        quit(bobby);
        server.end();
        let server = home.start(history, "room_linger = 0");
        let mut bobby = come_in(&server, "bobby");
        join(&mut bobby, "den");
        is_no_admin_of_den(&mut bobby);
        let mut alice = come_in(&server, "alice");
        join(&mut alice, "den");
        is_owner_of_den(&mut alice, "hers still");
    }
}

#[test]
fn the_owner_who_takes_a_guests_name_has_the_rank_again_by_logging_in() {
    let home = Home::new();
    let (_server, mut alice) = den(&home, History::Forgotten);
    alice.send(":nick robert");
    alice.expect("* You are no longer logged in to alice");
    is_no_admin_of_den(&mut alice);
    prove(&mut alice, ":login alice", PASSWORD);
    alice.expect("* You are now known as alice.\r\n");
    is_owner_of_den(&mut alice, "hers");
}

#[test]
fn nobody_inherits_a_room_whose_owner_is_logged_in_as_another_user() {
    let home = Home::new();
    home.accounts(&["alice", "bobby"]);
    let server = home.start(History::Forgotten, "");
    let mut alice = come_in(&server, "alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    let mut carol = server.chat("carol", "den");
    prove(&mut alice, ":login bobby", PASSWORD);
    carol.expect("* alice is now known as bobby\r\n");
    carol.send("/topic mine");
    carol.expect("! Only admins of den can do that");
    is_no_admin_of_den(&mut alice);
    prove(&mut alice, ":login alice", PASSWORD);
    carol.expect("* bobby is now known as alice\r\n");
    is_owner_of_den(&mut alice, "hers");
}

#[test]
fn a_removed_account_does_not_leave_its_rank_to_the_present_user_of_its_connection() {
    let home = Home::new();
    let (_server, mut alice) = den(&home, History::Forgotten);
    prove(&mut alice, ":login bobby", PASSWORD);
    alice.expect("* You are now known as bobby.\r\n");
    home.remove_account("alice");
    // The only member present inherits the rank and is notified.
    alice.expect("* You are now admin of den.\r\n");
}

#[test]
fn an_invitation_and_a_mute_stay_with_the_account_they_were_given_to() {
    let home = Home::new();
    let (server, mut alice) = den(&home, History::Forgotten);
    let mut carol = come_in(&server, "carol");
    join(&mut carol, "den");
    alice.send(":mute carol");
    alice.expect("* carol was muted by alice\r\n");
    carol.send(":close");
    carol.expect("* Left den.\r\n");
    let mut bobby = carol;
    prove(&mut bobby, ":login bobby", PASSWORD);
    bobby.expect("* You are now known as bobby.\r\n");
    join(&mut bobby, "den");
    bobby.send(":say heard");
    bobby.expect("* Sent to den as ");
    bobby.send(":close");
    bobby.expect("* Left den.\r\n");
    alice.send(":set invite on");
    alice.expect("* alice ");
    alice.send(":invite bobby");
    bobby.expect("* alice invites you to den");
    prove(&mut bobby, ":login carol", PASSWORD);
    bobby.expect("* You are now known as carol.\r\n");
    bobby.send(":join den");
    bobby.expect("! den is for invited people only.\r\n");
    quit(bobby);
    let mut bobby = come_in(&server, "bobby");
    join(&mut bobby, "den");
}

#[test]
fn an_accounts_messages_cannot_be_changed_by_another_one_on_its_connection() {
    let home = Home::new();
    let (_server, mut alice) = den(&home, History::Forgotten);
    alice.send(":say a word");
    alice.expect("* Sent to den as #1.\r\n");
    prove(&mut alice, ":login bobby", PASSWORD);
    alice.expect("* You are now known as bobby.\r\n");
    for command in [":edit 1 another", ":delete 1", ":delete"] {
        alice.send(command);
        alice.expect("! ");
        alice.settle();
    }
}
