//! Names and passwords that change between the check and the action.

#![cfg(feature = "storage")]

use std::net::Ipv4Addr;

use chatsock::hub::Checkpoint;

use crate::races::hold::Gate;
use crate::support::machine::eventually;
use crate::support::{Client, Server, scratch};

const OLD: &str = "correct horse";
const NEW: &str = "battery staple";

fn server() -> Server {
    let path = scratch().join("kept.db");
    Server::with(&format!("[storage]\npath = \"{}\"\n", path.display()))
}

fn register(client: &mut Client) {
    client.send(":register");
    for _ in 0..2 {
        client.expect("Password: ");
        client.send(OLD);
    }
    client.expect("is now registered to you");
}

/// A user registers a name and leaves.
fn registered(server: &Server, name: &str) {
    let mut client = server.login(name);
    register(&mut client);
    client.send(":quit");
    client.expect_end();
    drop(client);
    eventually("they have left", || server.hub().roster.users().iter().all(|person| person.name().as_str() != name));
}

/// A client from another address, whose passwords are compared independently.
fn stranger(server: &Server, name: &str) -> Client {
    let mut stranger = Client::connect_from(Ipv4Addr::new(127, 0, 0, 2), server.address());
    stranger.expect("Username: ");
    stranger.send(name);
    stranger
}

#[test]
fn a_name_registered_while_it_was_looked_up_asks_for_its_password() {
    let server = server();
    let gate = Gate::at(server.hub(), Checkpoint::NameFree, 1);
    let mut late = server.connect();
    late.expect("Username: ");
    late.send("bob");
    gate.wait_for(1);
    registered(&server, "bob");
    gate.open();
    late.expect("* The name bob needs its password.");
    late.expect("Password: ");
    late.send(OLD);
    late.expect("* Hello bob.");
}

#[test]
fn a_name_that_looks_like_one_registered_meanwhile_is_refused() {
    let server = server();
    let gate = Gate::at(server.hub(), Checkpoint::NameFree, 1);
    let mut late = server.connect();
    late.expect("Username: ");
    late.send("b0b");
    gate.wait_for(1);
    registered(&server, "bob");
    gate.open();
    late.expect("! ");
    late.expect("Username: ");
    late.send("rob");
    late.expect("* Hello rob. 1 person online");
}

#[test]
fn nobody_is_renamed_to_a_name_that_was_registered_while_it_was_looked_up() {
    let server = server();
    let mut late = server.login("guest");
    let gate = Gate::at(server.hub(), Checkpoint::NameFree, 1);
    late.send(":nick bob");
    gate.wait_for(1);
    registered(&server, "bob");
    gate.open();
    late.expect("! bob is registered: :login bob asks for its password.");
    late.send(":whoami");
    late.expect("* You are guest (");
    let mut bob = server.connect();
    bob.expect("Username: ");
    bob.send("bob");
    bob.expect("Password: ");
    bob.send(OLD);
    bob.expect("* Hello bob.");
}

/// Alice changes her password while the old one is being compared for another connection.
fn change(alice: &mut Client) {
    alice.send(":passwd");
    for password in [OLD, NEW, NEW] {
        alice.expect("Password: ");
        alice.send(password);
    }
    alice.expect("* Your password has been changed.");
}

#[test]
fn a_password_changed_while_it_is_compared_ends_nobodys_connection() {
    let server = server();
    let mut alice = server.login("alice");
    register(&mut alice);
    let mut stranger = stranger(&server, "stranger");
    stranger.expect(":help explains.");
    let gate = Gate::at(server.hub(), Checkpoint::PasswordCompared, 1);
    stranger.send(":ghost alice");
    stranger.expect("Password: ");
    stranger.send(OLD);
    gate.wait_for(1);
    change(&mut alice);
    gate.open();
    stranger.expect("! Wrong name or password.");
    alice.send(":whoami");
    alice.expect("* You are alice (");
}

#[test]
fn a_password_changed_while_it_is_compared_lets_nobody_in() {
    let server = server();
    let mut alice = server.login("alice");
    register(&mut alice);
    let gate = Gate::at(server.hub(), Checkpoint::PasswordCompared, 1);
    let mut stranger = stranger(&server, "alice");
    stranger.expect("Password: ");
    stranger.send(OLD);
    gate.wait_for(1);
    change(&mut alice);
    gate.open();
    stranger.expect("! Wrong name or password. Give your name again.");
}

#[test]
fn a_password_changed_while_a_takeover_is_asked_about_takes_over_nothing() {
    let server = server();
    let mut alice = server.login("alice");
    register(&mut alice);
    let mut stranger = stranger(&server, "alice");
    stranger.expect("Password: ");
    stranger.send(OLD);
    stranger.expect("Enter takes over, :q cancels.");
    change(&mut alice);
    stranger.send("");
    stranger.expect("! Wrong name or password. Give your name again.");
    alice.send(":whoami");
    alice.expect("* You are alice (");
}
