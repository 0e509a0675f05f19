//! Wrong passwords: counted per account and address over all connections, and what a block prevents.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use chatsock::access::attempts::Attempt;
use chatsock::chat::names::UserName;

use crate::support::home::{ASKED, History, Home, PASSWORD, come_in, give, knock, prove, try_login};
use crate::support::machine::eventually;
use crate::support::{Client, Server};

const BLOCKED: &str = "! Your account is blocked due to multiple login failures. Please try again later.\r\n";
const WRONG: &str = "! Wrong name or password. Give your name again.\r\n";
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A server with the accounts alice and bob, with blocks that last longer than any test.
fn server(home: &Home, more: &str) -> Server {
    home.accounts(&["alice", "bob"]);
    home.start(History::Forgotten, &format!("login_block_seconds = 900\n{more}"))
}

fn fail(client: &mut Client, name: &str) -> String {
    client.send(name);
    give(client, "wrong");
    let told = client.expect("Username: ");
    told.lines().filter(|line| line.starts_with('!')).map(|line| format!("{line}\r\n")).collect()
}

/// Blocks alice's account from 127.0.0.1.
fn lock_out(server: &Server) {
    let mut client = knock(server.address());
    assert_eq!([(); 3].map(|()| fail(&mut client, "alice")), [WRONG, WRONG, BLOCKED]);
}

#[test]
fn wrong_passwords_count_over_all_connections_and_the_third_blocks_the_account() {
    let home = Home::new();
    let server = server(&home, "");
    let (mut first, mut second) = (knock(server.address()), knock(server.address()));
    assert_eq!(fail(&mut first, "alice"), WRONG);
    assert_eq!(fail(&mut second, "ALICE"), WRONG);
    assert_eq!(fail(&mut first, "Alice"), BLOCKED);
    // Not even the right password is compared.
    let mut third = try_login(server.address(), "alice", PASSWORD);
    third.expect(BLOCKED);
    third.expect("Username: ");
    // The connection may use another name.
    third.send("carol");
    third.expect("* Hello carol. ");
}

#[test]
fn a_block_applies_only_to_its_account_from_its_address() {
    let home = Home::new();
    let server = server(&home, "");
    lock_out(&server);
    let mut bob = try_login(server.address(), "bob", PASSWORD);
    bob.expect("* Hello bob. ");
    let mut alice = Client::connect_from(ELSEWHERE, server.address());
    alice.expect("Username: ");
    alice.send("alice");
    give(&mut alice, PASSWORD);
    alice.expect("* Hello alice. ");
    alice.send(":whoami");
    alice.expect("* You connect from 127.0.0.2,");
    try_login(server.address(), "alice", PASSWORD).expect(BLOCKED);
}

#[test]
fn a_block_applies_to_every_use_of_the_password() {
    let home = Home::new();
    let server = server(&home, "");
    let mut alice = come_in(&server, "alice");
    let mut carol = server.login("carol");
    for told in ["! Wrong name or password.\r\n", "! Wrong name or password.\r\n", BLOCKED] {
        prove(&mut carol, ":login alice", "wrong");
        carol.expect(told);
    }
    for command in [":login alice", ":ghost alice"] {
        prove(&mut carol, command, PASSWORD);
        carol.expect(BLOCKED);
    }
    prove(&mut alice, ":unregister", PASSWORD);
    alice.expect(BLOCKED);
    alice.send(":passwd");
    for _ in 0..3 {
        give(&mut alice, PASSWORD);
    }
    alice.expect(BLOCKED);
    let mut knocking = knock(server.address());
    prove(&mut knocking, ":ghost alice", PASSWORD);
    knocking.expect(BLOCKED);
    // Users who are logged in stay.
    alice.send(":whoami");
    alice.expect("* You are alice (alice#");
}

#[test]
fn a_right_password_resets_the_count() {
    let home = Home::new();
    let server = server(&home, "");
    for _ in 0..3 {
        let mut client = knock(server.address());
        assert_eq!([(); 2].map(|()| fail(&mut client, "alice")), [WRONG, WRONG]);
        client.send("alice");
        give(&mut client, PASSWORD);
        client.expect("* Hello alice. ");
        client.send(":quit");
        client.expect_end();
    }
}

#[test]
fn parallel_connections_give_no_more_attempts_than_successive_ones() {
    let home = Home::new();
    let server = server(&home, "");
    let mut clients: Vec<_> = (0..12).map(|_| knock(server.address())).collect();
    for client in &mut clients {
        client.send("alice");
        client.expect(ASKED);
    }
    for client in &mut clients {
        client.send("wrong");
    }
    let heard: Vec<_> = clients.iter_mut().map(|client| client.expect("Username: ")).collect();
    let wrong = heard.iter().filter(|told| told.contains(WRONG)).count();
    let blocked = heard.iter().filter(|told| told.contains(BLOCKED)).count();
    assert!(wrong <= 2 && wrong + blocked == clients.len(), "{heard:?}");
    try_login(server.address(), "alice", PASSWORD).expect(BLOCKED);
}

#[test]
fn parallel_right_passwords_do_not_count_as_failures() {
    let home = Home::new();
    let server = server(&home, "");
    let mut clients: Vec<_> = (0..12).map(|_| knock(server.address())).collect();
    for client in &mut clients {
        client.send("alice");
        client.expect(ASKED);
    }
    for client in &mut clients {
        client.send(PASSWORD);
    }
    let mut heard: Vec<_> = clients.iter_mut().map(|client| client.expect("\r\n")).collect();
    let is_in = |told: &String| told.contains("* Hello alice. ");
    assert_eq!(heard.iter().filter(|told| is_in(told)).count(), 1, "{heard:?}");
    heard.retain(|told| !is_in(told));
    assert!(heard.iter().all(|told| told.contains("* alice is logged in from 127.0.0.1, idle ")), "{heard:?}");
}

#[test]
fn a_block_ends_after_its_time_and_one_more_wrong_password_blocks_for_twice_as_long() {
    const SECOND: Duration = Duration::from_secs(1);
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "login_block_seconds = 1\nlogin_attempts = 1");
    let alice = Attempt::from_address(Ipv4Addr::LOCALHOST.into(), UserName::parse("alice", 1, 32).expect("a name"));
    let left = || server.hub().limits.logins.wait_left(&alice, Instant::now()).unwrap_or_default();
    let mut client = knock(server.address());
    for length in [SECOND, SECOND * 2] {
        let began = Instant::now();
        assert_eq!(fail(&mut client, "alice"), BLOCKED);
        let left_now = left();
        // The block began with the answer: after the question and before now.
        assert!(left_now <= length && left_now + began.elapsed() >= length, "{left_now:?} of {length:?}");
        eventually("the block is over", || left().is_zero());
    }
    client.send("alice");
    give(&mut client, PASSWORD);
    client.expect("* Hello alice. ");
    assert!(server.hub().limits.logins.is_empty());
}
