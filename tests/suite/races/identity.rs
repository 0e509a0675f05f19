//! A user's identity, updated in the rooms by two threads at the same time.

#![cfg(feature = "storage")]

use chatsock::hub::Checkpoint;

use crate::races::hold::Gate;
use crate::support::{Client, Server, scratch};

const PASSWORD: &str = "correct horse";

fn server() -> Server {
    let path = scratch().join("kept.db");
    Server::with(&format!("operators = [\"chief\"]\n[storage]\npath = \"{}\"\n", path.display()))
}

/// A user with an account, in the palette of `general`.
fn member(server: &Server, name: &str) -> Client {
    let mut client = server.login(name);
    client.send(":register");
    for _ in 0..2 {
        client.expect("Password: ");
        client.send(PASSWORD);
    }
    client.expect("is now registered to you");
    client.send(":join general");
    client.expect("[general]> ");
    client
}

fn reload(server: &Server, operators: &str) {
    let path = server.hub().config().storage.as_ref().expect("storage").path.clone();
    server.reconfigure(&format!(
        "shutdown_delay = 0\noperators = [{operators}]\n[storage]\npath = \"{}\"\n",
        path.display()
    ));
}

#[test]
fn a_reload_that_meets_a_new_name_leaves_nobody_in_a_room_under_the_old_one() {
    let server = server();
    let mut alice = member(&server, "alice");
    let mut watcher = server.chat("watcher", "general");
    let gate = Gate::at(server.hub(), Checkpoint::Identifying, 1);
    std::thread::scope(|scope| {
        let reloading = scope.spawn(|| reload(&server, "\"chief\""));
        gate.wait_for(1);
        alice.send(":nick alison");
        alice.expect("* You are now known as alison.");
        gate.open();
        reloading.join().expect("reloaded");
    });
    watcher.expect("* alice is now known as alison");
    watcher.send("/list");
    watcher.expect("* alison ");
    alice.send(":say it is me");
    watcher.expect("alison: it is me");
    watcher.send("/mute alison");
    watcher.expect("! general is one of the server's own rooms and has no admins");
}

#[test]
fn a_user_made_operator_by_a_reload_while_they_log_in_elsewhere_is_not_one_in_a_room() {
    let server = server();
    let mut chief = member(&server, "chief");
    let mut watcher = server.chat("watcher", "general");
    watcher.send("/list");
    watcher.expect("(operator)");
    let gate = Gate::at(server.hub(), Checkpoint::Identifying, 1);
    std::thread::scope(|scope| {
        let reloading = scope.spawn(|| reload(&server, "\"chief\", \"other\""));
        gate.wait_for(1);
        chief.send(":nick nobody");
        chief.expect("* You are now known as nobody.");
        gate.open();
        reloading.join().expect("reloaded");
    });
    watcher.send("/list");
    watcher.send("/time");
    let list = watcher.expect("* It is ");
    assert!(list.contains("* nobody ") && !list.contains("(operator)"), "{list}");
}
