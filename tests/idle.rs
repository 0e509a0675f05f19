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

#[test]
fn the_others_in_view_read_who_left_idle_and_a_room_admin_may_watch_in_silence() {
    let server = Server::with("idle_timeout = 2");
    let mut carol = server.login("carol");
    carol.send(":create den");
    carol.expect("[den]> ");
    carol.send(":chat");
    carol.expect("den | ");
    let mut alice = server.chat("alice", "den");
    alice.expect("* You have typed nothing for a while: you will be logged out in 1 second.\r\n");
    assert!(alice.expect_end().ends_with("! Nothing was typed for too long.\r\n"));
    let seen = carol.expect("* alice left (idle)\r\n");
    // Carol has typed nothing for longer than alice.
    assert!(!seen.contains("typed nothing"), "{seen:?}");
    let mut dave = server.login("dave");
    dave.send(":join den");
    carol.expect("* dave joined\r\n");
    dave.expect("you will be logged out in 1 second.\r\n");
    carol.expect("* dave left (idle)\r\n");
    assert!(!carol.settle().contains("typed nothing"));
}

#[test]
fn who_keeps_order_nowhere_any_more_is_logged_out_like_anybody() {
    let server = Server::with("idle_timeout = 2");
    let mut alice = server.login("alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    let mut bob = server.chat("bob", "den");
    bob.expect("you will be logged out in 1 second.\r\n");
    bob.expect_end();
    alice.send(":close");
    alice.expect("* Left den.\r\n");
    alice.expect("you will be logged out in 1 second.\r\n");
    assert!(alice.expect_end().ends_with("! Nothing was typed for too long.\r\n"));
}

#[test]
fn the_admin_of_a_room_is_still_its_admin_after_a_long_silence() {
    let server = Server::with("idle_timeout = 2");
    let mut alice = server.login("alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    // Somebody who came later is logged out meanwhile.
    server.chat("bob", "den").expect_end();
    assert!(!alice.settle().contains("typed nothing"));
    alice.send(":topic still here");
    alice.expect("* alice set the description: still here\r\n");
}
