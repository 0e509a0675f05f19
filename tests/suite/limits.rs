//! Limits and their refusals.

use std::io::Write as _;
use std::time::{Duration, Instant};

use chatsock::protocol::telnet::IAC;

use crate::support::terminal::Terminal;
use crate::support::{Client, PATIENCE, Server};

/// Are You There (RFC 854).
const AYT: u8 = 246;

#[test]
fn a_paste_of_ten_lines_is_posted_completely() {
    let server = Server::with("[limits]");
    let mut bob = server.chat("bob", "general");
    let mut alice = Client::connect(server.quick_address());
    alice.send_bytes(b"general\nalice\n");
    alice.expect("general | ");
    let lines: String = (1..=10).map(|n| format!("line {n}\n")).collect();
    alice.send_bytes(lines.as_bytes());
    for n in 1..=10 {
        bob.expect(&format!("alice: line {n}\r\n"));
    }
}

#[test]
fn lines_beyond_the_burst_are_refused_with_one_answer() {
    // Each line is checked when it is read. If the machine takes half a second for thirty lines, one more is allowed,
    // and the test repeats itself.
    let judged_at_once = (0..10).any(|_| {
        let server = Server::with("[limits]");
        let mut bob = server.chat("bob", "general");
        let mut alice = Client::connect(server.quick_address());
        alice.send_bytes(b"general\nalice\n");
        alice.expect("general | ");
        let mut lines: Vec<u8> = (1..=30).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        // Answered at once, whatever is queued.
        lines.extend([IAC, AYT]);
        let began = Instant::now();
        alice.send_bytes(&lines);
        alice.expect("* Yes, I am here.\r\n");
        if began.elapsed() >= Duration::from_millis(500) {
            return false;
        }
        alice.expect("! Too fast: try again in ");
        alice.expect(" 14 lines were not taken, the first is \"line 17\". :paste sends many lines as one.\r\n");
        bob.expect("alice: line 16\r\n");
        alice.finish();
        assert!(!alice.expect_end().contains("Too fast"));
        let after = bob.expect("* alice left\r\n");
        assert!(!after.contains("line"), "{after:?}");
        true
    });
    assert!(judged_at_once, "half a second was never enough");
}

#[test]
fn a_paste_of_twelve_lines_is_posted_with_its_indentation() {
    let server = Server::with("[limits]");
    let mut bob = server.chat("bob", "general");
    let mut alice = server.chat("alice", "general");
    for n in 1..=12 {
        alice.send(&format!("{}line {n}", " ".repeat(n)));
    }
    for n in 1..=12 {
        bob.expect(&format!("alice: {}line {n}\r\n", " ".repeat(n)));
    }
    assert!(!alice.settle().contains("Too fast"));
}

#[test]
fn a_burst_in_separate_packets_is_answered_once_and_before_the_end() {
    let server = Server::with("[limits]\nmessage_burst = 1\nmessages_per_second = 1");
    let mut alice = server.login("alice");
    for n in 1..=20 {
        alice.send_bytes(format!(":dm nobody {n}\r\n").as_bytes());
    }
    alice.finish();
    let told = alice.expect_end();
    assert_eq!(told.matches("! Too fast").count(), 1, "{told:?}");
    assert!(told.contains(" lines were not taken, the first is \":dm nobody "), "{told:?}");
}

#[test]
fn a_refused_line_is_repeated_without_its_password() {
    let server = Server::with("[limits]\nmessage_burst = 1\nmessages_per_second = 1");
    let mut alice = server.login("alice");
    alice.send_bytes(":join nowhere canary\r\n".repeat(9).as_bytes());
    alice.finish();
    let told = alice.expect_end();
    assert!(told.contains(" lines were not taken, the first is \":join nowhere\"."), "{told:?}");
    assert!(!told.contains("canary"), "{told:?}");
}

#[test]
fn delayed_lines_are_run_after_the_end_of_input_too() {
    let server = Server::with("[limits]");
    let mut bob = server.chat("bob", "general");
    let mut alice = Client::connect(server.quick_address());
    alice.send_bytes(b"general\nalice\n1\n2\n3\n4\n5\n6\n7");
    alice.finish();
    bob.expect("alice: 7\r\n");
    assert!(alice.expect_end().ends_with("* Goodbye.\r\n"));
}

#[test]
fn reading_commands_have_a_rate_of_their_own() {
    let server = Server::with("[limits]");
    let mut alice = server.login("alice");
    // More than are allowed even if the machine pauses for a minute in between.
    alice.send_bytes(":time\n".repeat(800).as_bytes());
    alice.expect("! Too fast: try again in ");
}

#[test]
fn a_line_too_long_is_refused_whole_and_the_third_one_closes() {
    let server = Server::with("[limits]\nline_bytes = 200\nmessages_per_second = 0");
    let mut bob = server.chat("bob", "general");
    let mut alice = server.chat("alice", "general");
    for _ in 0..2 {
        alice.send(&"x".repeat(300));
        alice.expect("! That line is too long: a line may have 200 bytes. It was not read.\r\n");
    }
    alice.send("short");
    let seen = bob.expect("alice: short\r\n");
    assert!(!seen.contains('x'), "{seen:?}");
    alice.send(&"x".repeat(300));
    assert!(alice.expect_end().ends_with("! Too many lines were too long.\r\n"));
}

#[test]
fn one_address_has_a_limited_number_of_connections() {
    let server = Server::with("[limits]\nexempt = []\nconnections_per_ip = 2");
    let mut first = server.connect();
    first.expect("Username: ");
    let mut second = server.connect();
    second.expect("Username: ");
    let mut third = server.connect();
    assert!(third.expect_end().contains("! Too many connections from your address: at most 2 at once.\r\n"));
    first.finish();
    first.expect_end();
    // The slot is free once the first connection's thread has ended, which nothing reports.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut again = server.connect();
        again.finish();
        if again.expect_end().contains("Username: ") {
            break;
        }
        assert!(Instant::now() < deadline, "the place never became free");
    }
}

#[test]
fn one_address_has_a_limited_number_of_new_connections_a_minute() {
    let server = Server::with("[limits]\nexempt = []\nconnections_per_ip_per_minute = 3");
    for _ in 0..3 {
        let mut client = server.connect();
        client.finish();
        assert!(client.expect_end().contains("Username: "));
    }
    let mut client = server.connect();
    let told = client.expect_end();
    let (_, wait) = told.split_once("! Too many new connections from your address: try again in ").expect("refused");
    let seconds: u64 = wait.split(' ').next().and_then(|number| number.parse().ok()).expect("a number");
    // A third of a minute, less the time since the first connection.
    assert!((1..=20).contains(&seconds), "{told:?}");
}

#[test]
fn a_full_server_says_so() {
    let server = Server::with("[limits]\nmax_connections = 1");
    let mut first = server.connect();
    first.expect("Username: ");
    let mut second = server.connect();
    assert_eq!(second.expect_end(), "! The server is full. Please try again later.\r\n");
}

#[test]
fn a_client_that_reads_nothing_is_dropped_and_the_others_get_everything() {
    let server = Server::with("message_limit = 2000\n[limits]\nmessages_per_second = 0\noutbox_bytes = 65536");
    let mut bob = server.chat("bob", "general");
    let _deaf = server.chat("deaf", "general");
    let mut alice = server.chat("alice", "general");
    let text = "x".repeat(1900);
    let mut number = 0;
    // The kernel's buffers take megabytes before the outbox has to queue anything.
    let gone = loop {
        for _ in 0..100 {
            alice.send(&text);
            number += 1;
        }
        let seen = bob.expect(&format!("#{number} alice: "));
        bob.expect("\r\n");
        if seen.contains("* deaf left\r\n") {
            break true;
        }
        if number > 20_000 {
            break false;
        }
    };
    assert!(gone, "still there after {number} messages");
}

#[test]
fn a_password_typed_while_lines_wait_is_never_posted() {
    let server = Server::with("[limits]\n[rooms.general]\n[rooms.staff]\npublic = false\npassword = \"pass word\"");
    let mut bob = server.chat("bob", "general");
    let mut alice = Client::connect(server.quick_address());
    alice.send_bytes(b"general\nalice\n");
    alice.expect("general | ");
    alice.send_bytes(b"1\n2\n3\n4\n5\n6\n7\n/join staff\nsecret one\nsecret two\n");
    alice.expect("! No such room, or not that password.\r\n");
    alice.finish();
    alice.expect_end();
    let seen = bob.expect("* alice left\r\n");
    assert!(seen.contains("alice: 7\r\n") && !seen.contains("secret one"), "{seen:?}");
}

#[test]
fn lines_typed_ahead_of_the_view_count_as_messages() {
    let server = Server::with("connection_timeout = true\n[limits]\n");
    let mut bob = server.chat("bob", "general");
    let mut alice = server.connect();
    let lines: String = (1..=100).map(|n| format!("line {n}\n")).collect();
    alice.send_bytes(format!("alice\n:join general\n:chat\n{lines}").as_bytes());
    alice.expect("! Too fast: try again in ");
    alice.finish();
    alice.expect_end();
    let seen = bob.expect("* alice left\r\n");
    let said = seen.matches("alice: line").count();
    // Sixteen of a hundred, and two more for every second that the machine pauses.
    assert!((4..=30).contains(&said), "{said} were said");
}

#[test]
fn a_flood_of_end_keys_is_bounded_and_does_not_break_the_session() {
    let server = Server::with("connection_timeout = true");
    let mut alice = server.connect();
    alice.send_bytes(b"alice\n");
    // The first of them, after the name, quits; the last may find the connection closed.
    let _ = alice.stream().write_all(&[4; 100_000]);
    assert!(alice.expect_end().ends_with("* Goodbye.\r\n"));
}

/// Whether reading commands are refused after `flood`. Without it, all of them would be answered.
fn uses_up_readings(client: &mut Client, flood: &[u8]) -> bool {
    const READINGS: usize = 45;
    let mut bytes = flood.repeat(300);
    bytes.extend(b":time\r\n".repeat(READINGS));
    client.send_bytes(&bytes);
    client.finish();
    client.expect_end().contains("! Too fast: try again in ")
}

#[test]
fn keys_empty_lines_and_are_you_there_use_up_the_rate_of_reading_commands() {
    for (what, flood) in [
        ("AYT", &[IAC, AYT][..]),
        ("empty lines", b"\r\n"),
        ("blank lines", b"  \r\n"),
        ("Ctrl-C", b"\x03"),
        ("IP", &[IAC, 244]),
        ("leaving a view that is not open", b":q\r\n"),
        ("an exit code on a server without one", b":shutdown AB12C-3DE4F\r\n"),
    ] {
        // Everything that arrives in one read is checked at one moment. If the machine takes a second for it, the test
        // repeats itself.
        let used = (0..10).any(|_| {
            let server = Server::with("[limits]");
            uses_up_readings(&mut server.login("alice"), flood)
        });
        assert!(used, "{what}");
    }
    let server = Server::with("[limits]");
    assert!(!uses_up_readings(&mut server.login("alice"), b""), "the commands alone");
}

#[test]
fn are_you_there_is_answered_only_within_the_rate_of_commands() {
    let server = Server::with("[limits]");
    let mut alice = server.login("alice");
    let began = Instant::now();
    alice.send_bytes(&[IAC, AYT].repeat(2000));
    alice.finish();
    let answers = alice.expect_end().matches("* Yes, I am here.\r\n").count();
    let most = 21 + 10 * usize::try_from(began.elapsed().as_secs() + 1).expect("a number");
    assert!((1..=most).contains(&answers), "{answers}");
}

#[test]
fn expensive_keys_on_a_long_line_are_delayed_and_none_is_lost() {
    let server = Server::with("[limits]");
    let mut bob = server.chat("bob", "general");
    let mut alice = Terminal::chat(server.address(), "alice", "general");
    alice.press(&"李".repeat(2730));
    // Each move to an end of the line redraws other rows.
    let began = Instant::now();
    alice.press(&"\x01\x05".repeat(200));
    alice.enter("\x15done");
    bob.expect("alice: done\r\n");
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn constant_changes_of_the_window_width_are_delayed_and_the_last_one_counts() {
    let server = Server::with("[limits]");
    let mut bob = server.chat("bob", "general");
    let mut alice = Terminal::chat(server.address(), "alice", "general");
    alice.press(&"李".repeat(2730));
    let size = |columns: u8| [&[IAC, 250, 31, 0, columns, 0, 24][..], &[IAC, 240]].concat();
    let began = Instant::now();
    alice.press_bytes(&[size(70), size(90)].concat().repeat(150));
    alice.press_bytes(&size(80));
    alice.enter("\x15done");
    bob.expect("alice: done\r\n");
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}
