//! Silence.

mod support;

use support::Server;

#[test]
fn who_types_nothing_is_warned_at_half_time_and_then_logged_out() {
    let server = Server::with("idle_timeout = 2");
    let mut bob = server.login("bob");
    let mut alice = server.chat("alice", "general");
    alice.expect("* You have typed nothing for a while: you will be logged out in 1 second.\r\n");
    let end = alice.expect_end();
    assert!(end.ends_with("! Nothing was typed for too long.\r\n"), "{end:?}");
    bob.expect_end();
}

#[test]
fn any_typed_line_counts_as_activity() {
    let server = Server::with("idle_timeout = 2");
    let mut alice = server.login("alice");
    alice.expect("you will be logged out in 1 second.\r\n");
    alice.send("");
    alice.expect("> ");
    alice.expect("you will be logged out in 1 second.\r\n");
}
