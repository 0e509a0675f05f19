//! Direct chats that end, and temporary messages that are deleted, during another operation on them.

use chatsock::hub::Checkpoint;

use crate::races::hold::Gate;
use crate::support::machine::eventually;
use crate::support::{Client, Server};

/// Alice is opening a direct chat with bob but is not in it yet.
fn between(server: &Server, line: &str) -> (Client, Client, Gate) {
    let (mut alice, bob) = (server.login("alice"), server.login("bob"));
    let gate = Gate::at(server.hub(), Checkpoint::ConversationBegun, 1);
    alice.send(line);
    gate.wait_for(1);
    (alice, bob, gate)
}

#[test]
fn a_direct_chat_whose_partner_leaves_while_it_is_opened_is_over() {
    let server = Server::start();
    let (mut alice, mut bob, gate) = between(&server, ":dm bob");
    bob.send(":quit");
    bob.expect_end();
    eventually("bob has gone", || server.hub().shutdown.open() == 1);
    gate.open();
    alice.expect("! bob is not online");
    alice.send(":whoami");
    alice.expect("in no room");
    alice.expect("\r\n> ");
}

#[test]
fn a_direct_chat_whose_partner_leaves_right_after_it_was_opened_is_over() {
    let server = Server::start();
    for round in 0..20 {
        let (mut alice, mut bob) = (server.login(&format!("alice{round}")), server.login(&format!("bob{round}")));
        std::thread::scope(|scope| {
            scope.spawn(move || bob.send(":quit"));
            alice.send(&format!(":dm bob{round}"));
        });
        eventually("bob has gone", || server.hub().shutdown.open() == 1);
        alice.settle();
        alice.send(":chat");
        alice.expect("! You are in no room.");
        drop(alice);
        eventually("alice has gone", || server.hub().shutdown.open() == 0);
    }
}

#[test]
fn a_partner_who_is_renamed_while_the_direct_chat_is_opened_has_the_new_name_in_it() {
    let server = Server::start();
    let (mut alice, mut bob, gate) = between(&server, ":dm bob");
    bob.send(":nick robert");
    bob.expect("* You are now known as robert.");
    gate.open();
    alice.expect("* In conversation with robert.");
    alice.expect("[@robert]> ");
}

#[test]
fn a_deleted_temporary_message_expires_nowhere_even_if_a_user_has_left() {
    let server = Server::start();
    let (mut alice, mut bob, mut carol) = (server.login("alice"), server.login("bob"), server.login("carol"));
    alice.send("@bob hello");
    alice.expect("#1 you -> bob: hello");
    alice.send(":temp 1 @bob,carol the door code");
    alice.expect("#2 you -> bob, carol (temporary, 1 s): the door code");
    alice.send(":temp 1 @bob another");
    alice.expect("#3 you -> bob (temporary, 1 s): another");
    for id in [2, 3] {
        alice.send(&format!(":delete {id}"));
        alice.expect(&format!("* #{id} was deleted by alice"));
    }
    bob.expect("* #3 was deleted by alice");
    bob.send(":quit");
    bob.expect_end();
    alice.send(":temp 1 @carol the last one");
    let before = alice.expect("* #4 expired");
    assert!(!before.contains("#2 expired") && !before.contains("#3 expired"), "{before}");
    let before = carol.expect("* #4 expired");
    assert!(!before.contains("#2 expired"), "{before}");
}
