//! Silence.

mod support;

use support::{Client, Server};

/// From now on silence is told of after a second, and ends after two: not before those are in that it is about. It counts
/// for each of them from the empty line that he types here, one after the other.
fn silence_counts<const COUNT: usize>(server: &Server, people: [&mut Client; COUNT]) {
    server.reconfigure("shutdown_delay = 0\nidle_timeout = 2\n[limits]\nmessages_per_second = 0\n");
    for client in people {
        client.send("");
        client.expect("> ");
    }
}

const WARNING: &str = "* You have typed nothing for a while: you will be logged out in 1 second.\r\n";

#[test]
fn who_types_nothing_is_warned_at_half_time_and_then_logged_out() {
    let server = Server::start();
    let (mut bob, mut alice) = (server.login("bob"), server.login("alice"));
    silence_counts(&server, [&mut bob, &mut alice]);
    alice.expect(WARNING);
    let end = alice.expect_end();
    assert!(end.ends_with("! Nothing was typed for too long.\r\n"), "{end:?}");
    bob.expect_end();
}

#[test]
fn any_typed_line_counts_as_activity() {
    // Long enough for a machine that stands still between a warning and the line that follows it.
    let server = Server::with("idle_timeout = 10");
    let mut alice = server.login("alice");
    alice.expect("you will be logged out in 5 seconds.\r\n");
    alice.send("");
    alice.expect("> ");
    alice.expect("you will be logged out in 5 seconds.\r\n");
}

#[test]
fn the_others_in_view_read_who_left_idle_and_a_room_admin_may_watch_in_silence() {
    let server = Server::start();
    let mut carol = server.login("carol");
    carol.send(":create den");
    carol.expect("[den]> ");
    let mut alice = server.login("alice");
    alice.send(":join den");
    alice.expect("[den]> ");
    silence_counts(&server, [&mut carol]);
    carol.send(":chat");
    carol.expect("den | ");
    silence_counts(&server, [&mut alice]);
    alice.expect(WARNING);
    assert!(alice.expect_end().ends_with("! Nothing was typed for too long.\r\n"));
    let seen = carol.expect("* alice left (idle)\r\n");
    // Carol has typed nothing for longer than alice.
    assert!(!seen.contains("typed nothing"), "{seen:?}");
    server.reconfigure("shutdown_delay = 0\nidle_timeout = 0\n[limits]\nmessages_per_second = 0\n");
    // Two who keep order are there for each other.
    let mut erin = server.login("erin");
    erin.send(":join den");
    carol.expect("* erin joined\r\n");
    carol.send("/op erin");
    carol.expect("* carol made erin admin\r\n");
    let mut dave = server.login("dave");
    dave.send(":join den");
    carol.expect("* dave joined\r\n");
    silence_counts(&server, [&mut dave]);
    dave.expect(WARNING);
    carol.expect("* dave left (idle)\r\n");
    assert!(!carol.settle().contains("typed nothing"));
}

#[test]
fn who_keeps_order_in_an_empty_room_alone_is_logged_out_like_anybody() {
    let server = Server::start();
    let mut alice = server.login("alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    silence_counts(&server, [&mut alice]);
    alice.expect(WARNING);
    assert!(alice.expect_end().ends_with("! Nothing was typed for too long.\r\n"));
}

#[test]
fn who_keeps_order_nowhere_any_more_is_logged_out_like_anybody() {
    let server = Server::start();
    let mut alice = server.login("alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    let mut bob = server.login("bob");
    bob.send(":join den");
    bob.expect("[den]> ");
    silence_counts(&server, [&mut alice, &mut bob]);
    bob.expect(WARNING);
    bob.expect_end();
    alice.send(":close");
    alice.expect("* Left den.\r\n");
    alice.expect(WARNING);
    assert!(alice.expect_end().ends_with("! Nothing was typed for too long.\r\n"));
}

#[test]
fn the_admin_of_a_room_is_still_its_admin_after_a_long_silence() {
    let server = Server::start();
    let mut alice = server.login("alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    let mut bob = server.login("bob");
    bob.send(":join den");
    bob.expect("[den]> ");
    // Somebody whose silence is younger is logged out meanwhile.
    silence_counts(&server, [&mut alice, &mut bob]);
    bob.expect_end();
    assert!(!alice.settle().contains("typed nothing"));
    alice.send(":topic still here");
    alice.expect("* alice set the description: still here\r\n");
}
