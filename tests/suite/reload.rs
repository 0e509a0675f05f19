//! A new configuration while users are connected.

use crate::support::machine::{Logged, argument, file};
use crate::support::{Client, Program, Server};

#[test]
fn a_reload_that_configures_a_users_hidden_room_closes_it_with_notices() {
    let config = file("chatsock.toml", "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n[rooms.general]\n");
    let mut program = Logged::start(Program::command(&["--config", argument(&config)]));
    let address = program.address();
    let (mut alice, mut bob) = (Client::login(address, "alice"), Client::login(address, "bob"));
    alice.send(":group nest bob");
    bob.expect("* alice invites you to nest");
    bob.send(":join nest");
    bob.expect("[nest]> ");
    bob.send(":say among ourselves");
    bob.expect("* Sent to nest as #1.\r\n");
    let named = "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n[rooms.general]\n[rooms.nest]\n";
    assert!(std::fs::write(&config, named).is_ok());
    program.signal("HUP");
    for client in [&mut alice, &mut bob] {
        client.expect("* nest is closed: the server now has a room of its own of that name.\r\n> ");
    }
    program.expect_log("room nest, made by alice, was closed, and its messages are gone");
    let mut carol = Client::chat(address, "carol", "nest");
    carol.send("/history");
    carol.expect("* Nothing has been said in nest yet.\r\n");
}

#[test]
fn a_config_that_has_disappeared_changes_nothing() {
    let config = file("chatsock.toml", "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n[rooms.nest]\n");
    // Without --config, so that a missing file is not a mistake at startup.
    let mut command = Program::command(&[]);
    command.current_dir(config.parent().expect("a directory"));
    let mut program = Logged::start(command);
    let mut alice = Client::chat(program.address(), "alice", "nest");
    std::fs::remove_file(&config).expect("removed");
    program.signal("HUP");
    program.expect_log("keeping the old configuration: chatsock.toml: no such file");
    alice.send("/rooms");
    alice.expect("* nest   1/-");
    std::fs::write(&config, "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n[rooms.den]\n").expect("written");
    program.signal("HUP");
    alice.expect("* The room nest is closed.\r\n> ");
}

#[test]
fn a_config_written_after_the_start_is_read_by_a_reload() {
    let directory = crate::support::scratch();
    let mut command = Program::command(&["--listen", "127.0.0.1:0"]);
    command.current_dir(&directory);
    let mut program = Logged::start(command);
    let mut alice = Client::chat(program.address(), "alice", "general");
    std::fs::write(directory.join("chatsock.toml"), "shutdown_delay = 0\n[rooms.den]\n").expect("written");
    program.signal("HUP");
    alice.expect("* The room general is closed.\r\n> ");
}

/// Opening a pipe for reading waits for a writer, and the waiting thread would miss signals.
#[test]
fn pipes_keep_the_server_neither_from_starting_nor_from_reloading_nor_from_stopping() {
    let config = file("chatsock.toml", "");
    let directory = config.parent().expect("a directory");
    let text = "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\nquote_file = \"quotes\"\n[rooms.nest]\n";
    std::fs::write(&config, text).expect("written");
    let make = |name: &str| {
        let made = std::process::Command::new("mkfifo").arg(directory.join(name)).status();
        assert!(made.is_ok_and(|status| status.success()));
    };
    make("quotes");
    let mut command = Program::command(&["--config", "chatsock.toml"]);
    command.current_dir(directory);
    let mut program = Logged::start(command);
    let mut alice = Client::chat(program.address(), "alice", "nest");
    program.expect_log("quotes: this is not a regular file; using the built-in quotations");
    std::fs::remove_file(&config).expect("removed");
    make("chatsock.toml");
    program.signal("HUP");
    program.expect_log("keeping the old configuration: chatsock.toml: this is a pipe, which cannot be read again");
    alice.send("/quote");
    alice.expect(" -- ");
    program.signal("TERM");
    alice.expect("* Goodbye.");
    assert_eq!(program.wait(), Some(0));
}

#[test]
fn a_removed_room_closes_with_a_notice_and_its_members_fall_back() {
    let server = Server::with("[rooms.general]\n[rooms.games]");
    let mut alice = server.login("alice");
    alice.send(":join general");
    alice.expect("[general]> ");
    alice.send(":join games");
    alice.expect("[games]> ");
    alice.send(":chat");
    alice.expect("games | ");
    let mut bob = server.login("bob");
    bob.send(":join games");
    bob.expect("[games]> ");
    server.reconfigure("shutdown_delay = 0\nwelcome_message = \"New times\"\n[rooms.general]\n[rooms.films]\n");
    alice.expect("* The room games is closed.\r\n[general]> ");
    bob.expect("* The room games is closed.\r\n> ");
    alice.send("text");
    alice.expect("! That is not a command.");
    bob.send(":join films");
    bob.expect("* Joined films, 0 others here.");
    let mut carol = server.connect();
    carol.expect("* New times\r\n");
}

#[test]
fn members_of_rooms_that_stay_notice_nothing() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let mut alice = server.chat("alice", "general");
    server.reconfigure("shutdown_delay = 0\nmessage_limit = 3\n[rooms.general]\nlimit = 1\n");
    let mut carol = server.login("carol");
    carol.send(":join general");
    carol.expect("! general is full");
    alice.send("hey");
    bob.expect("alice: hey\r\n");
    alice.send("four");
    alice.expect("! Not sent: 4 characters");
}
