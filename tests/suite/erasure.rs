//! Deleted, edited and expired messages, among many users and many kinds of terminals.

#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use crate::support::machine::{Logged, argument, eventually, file};
use crate::support::terminal::{LEFT, Terminal};
use crate::support::{Client, Program, Server};

/// A half-typed line is the last row, with the cursor three characters before its end.
fn half_typed(terminal: &Terminal, line: &str) -> bool {
    let whole = format!("general | {line}");
    terminal.rows().last().is_some_and(|last| *last == whole) && terminal.cursor() == (whole.len() - 3, true)
}

#[test]
fn erased_text_leaves_the_screens_that_can_be_redrawn_and_half_typed_lines_stay() {
    let server = Server::start();
    let mut lines: Vec<_> = (0..5).map(|n| server.chat(&format!("line{n}"), "general")).collect();
    let mut terminals: Vec<_> =
        (0..2).map(|n| Terminal::chat(server.address(), &format!("char{n}"), "general")).collect();
    let mut bob = server.chat("bob", "general");
    for terminal in &mut terminals {
        terminal.press(&format!("half of a line{LEFT}{LEFT}{LEFT}"));
    }
    bob.send("first");
    bob.send("deleted words");
    bob.send("edited words");
    bob.send("/temp 1 expired words");
    bob.send("/reply 2 answer");
    bob.send("last");
    for terminal in &mut terminals {
        terminal.expect_on_screen("#6 bob: last");
        terminal.wait("the half-typed line", |terminal| half_typed(terminal, "half of a line"));
    }
    bob.send("/delete 2");
    bob.send("/edit 3 new text");
    // The temporary message may have expired earlier.
    bob.settle();
    for client in &mut lines {
        let seen = client.expect("* #4 expired\r\n") + &client.settle();
        for line in ["* #2 was deleted by bob\r\n", "#3 bob: new text (edited)\r\n"] {
            assert_eq!(seen.matches(line).count(), 1, "{line:?} in {seen:?}");
        }
        assert!(!seen.contains("\x1b["), "{seen:?}");
    }
    for terminal in &mut terminals {
        terminal.wait("everything erased", |terminal| {
            let gone = ["deleted words", "edited words", "expired words"].iter().all(|text| !terminal.shows(text));
            gone && terminal.shows("* #4 expired") && half_typed(terminal, "half of a line")
        });
        let rows = terminal.rows();
        for (text, times) in [
            ("#1 bob: first", 1),
            ("* #2 was deleted by bob", 1),
            ("#3 bob: new text (edited)", 1),
            ("#5 bob: (to #2 bob, gone) answer", 1),
            ("#6 bob: last", 1),
        ] {
            let found = rows.iter().filter(|row| row.contains(text)).count();
            assert_eq!(found, times, "{text:?} on\n{}", rows.join("\n"));
        }
        // Typing continues at the cursor.
        terminal.press("X\r\0");
    }
    for _ in 0..2 {
        bob.expect(": half of a lXine\r\n");
    }
}

#[test]
fn an_erasure_changes_no_screen_in_another_room_or_in_the_palette() {
    let server = Server::with("[rooms.general]\n[rooms.games]");
    let mut palette = Terminal::login(server.address(), "palette");
    palette.enter(":join general");
    palette.expect_last_row("[general]> ");
    let mut other = Terminal::chat(server.address(), "other", "games");
    let mut bob = server.chat("bob", "general");
    bob.send("deleted words");
    bob.send("/delete");
    bob.settle();
    let before = [palette.text().len(), other.text().len()];
    for (terminal, before) in [&mut palette, &mut other].into_iter().zip(before) {
        terminal.enter("/time");
        terminal.expect_on_screen("* It is ");
        let seen = terminal.text().split_off(before);
        assert!(!seen.contains("deleted") && !seen.contains("\x1b[2J"), "{seen:?}");
    }
}

#[test]
fn a_direct_message_leaves_both_screens_when_its_time_is_over() {
    let server = Server::start();
    let mut alice = Terminal::login(server.address(), "alice");
    let mut bob = Terminal::login(server.address(), "bob");
    for (terminal, other) in [(&mut alice, "bob"), (&mut bob, "alice")] {
        terminal.enter(&format!(":dm {other}"));
        terminal.expect_last_row(&format!("[@{other}]> "));
        terminal.enter(":chat");
        terminal.expect_last_row(&format!("@{other} | "));
    }
    alice.enter("it stays");
    alice.enter("/temp 1 the door code");
    bob.expect_on_screen("alice -> you (temporary, 1 s): the door code");
    bob.press("half");
    for terminal in [&mut alice, &mut bob] {
        terminal.wait("it is gone", |terminal| terminal.shows("* #2 expired") && !terminal.shows("the door code"));
        terminal.expect_on_screen("it stays");
    }
    bob.expect_last_row("@alice | half");
    assert_eq!(bob.cursor(), ("@alice | half".len(), true));
}

#[test]
fn with_sixty_viewers_an_erasure_is_one_line_and_no_screen_is_redrawn() {
    let server = Server::start();
    let mut crowd: Vec<_> = (0..58).map(|n| server.chat(&format!("line{n:02}"), "general")).collect();
    let mut bob = server.chat("bob", "general");
    let mut terminal = Terminal::chat(server.address(), "watcher", "general");
    bob.send("deleted words");
    terminal.expect_on_screen("bob: deleted words");
    let before = terminal.text().len();
    bob.send("/delete");
    bob.send("/temp 1 expired words");
    terminal.expect_on_screen("* #2 expired");
    bob.send("the end");
    terminal.expect_on_screen("bob: the end");
    let seen = terminal.text().split_off(before);
    assert!(!seen.contains("\x1b[2J"), "{seen:?}");
    assert_eq!(seen.matches("* #1 was deleted by bob").count(), 1, "{seen:?}");
    assert_eq!(seen.matches("* #2 expired").count(), 1, "{seen:?}");
    for client in &mut crowd {
        let seen = client.expect("bob: the end\r\n");
        assert_eq!(seen.matches("* #1 was deleted by bob\r\n").count(), 1, "{seen:?}");
        assert_eq!(seen.matches("* #2 expired\r\n").count(), 1, "{seen:?}");
    }
    // A user who joins later sees nothing of it.
    let mut late = server.login("late");
    late.send(":join general");
    late.expect("[general]> ");
    late.send(":history");
    let kept = late.expect("bob: the end\r\n");
    assert!(!kept.contains("deleted words") && !kept.contains("expired words"), "{kept:?}");
}

#[test]
fn temporary_messages_expire_in_the_order_of_their_times_on_one_thread() {
    let config =
        file("chatsock.toml", "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n[limits]\nmessages_per_second = 0\n");
    let mut program = Logged::start(Program::command(&["--config", argument(&config)]));
    let address = program.address();
    let mut bob = Client::chat(address, "bob", "general");
    let mut carol = Client::login(address, "carol");
    let mut alice = Client::chat(address, "alice", "general");
    alice.settle();
    let threads = program.threads();
    // Many messages that outlast the test: if each had a thread, the count would show it.
    for n in 0..20 {
        alice.send(&format!("/temp 300 long {n}"));
        alice.send(&format!("/temp 300 @bob,carol long {n}"));
    }
    let began = Instant::now();
    alice.send("/temp 3 @bob,carol secret for two");
    alice.send("/temp 2 secret for the room");
    alice.send("/temp 1 @carol secret for one");
    let mut told = alice.expect("#43 you -> carol (temporary, 1 s): secret for one\r\n");
    // If the machine paused between them, a later message with less time may outlast an earlier one.
    let said_at_once = began.elapsed() < Duration::from_secs(1);
    eventually("no further thread runs", || program.threads() == threads);
    for (number, seconds) in [(43, 1), (42, 2), (41, 3)] {
        let ended = format!("* #{number} expired\r\n");
        if said_at_once {
            let before = alice.expect(&ended);
            assert!(!before.contains("expired"), "{before:?}");
        } else {
            while !told.contains(&ended) {
                told += &alice.expect("\n");
                told += "\n";
            }
        }
        assert!(began.elapsed() >= Duration::from_secs(seconds), "#{number} after {:?}", began.elapsed());
    }
    // Late only by what the machine takes: the test waits for them one after the other.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let seen = bob.expect("* #41 expired\r\n") + &bob.settle();
    assert!(seen.contains("* #42 expired\r\n") && !seen.contains("#43"), "{seen:?}");
    let seen = carol.expect("* #41 expired\r\n") + &carol.settle();
    assert!(seen.contains("* #43 expired\r\n") && !seen.contains("#42"), "{seen:?}");
    for client in [&mut alice, &mut bob, &mut carol] {
        client.send("/search secret");
        client.expect("* Nothing found where you may read.\r\n");
        client.send("/dm alice");
        client.send("/history 100");
    }
    for client in [&mut alice, &mut bob, &mut carol] {
        let seen = client.settle();
        assert!(!seen.contains("secret"), "{seen:?}");
    }
    program.signal("TERM");
    assert_eq!(program.wait(), Some(0));
}

#[test]
fn an_erased_message_leaves_its_authors_screen_with_the_typed_line() {
    let server = Server::start();
    let mut alice = Terminal::chat(server.address(), "alice", "general");
    let mut bob = server.chat("bob", "general");
    alice.expect_on_screen("* bob joined");
    alice.enter("/temp 1 the door code");
    alice.expect_on_screen("#1 alice (temporary, 1 s): the door code");
    bob.expect("the door code\r\n");
    alice.wait("it is gone", |terminal| terminal.shows("* #1 expired") && !terminal.shows("the door code"));
    // One erasure after the other: the screen is redrawn once a second, and in the end all are gone.
    for n in 2..8 {
        alice.enter(&format!("regretted {n}"));
    }
    alice.enter("kept");
    alice.expect_on_screen("#8 alice: kept");
    for n in 2..8 {
        alice.enter(&format!("/delete {n}"));
    }
    alice.wait("all are gone", |terminal| terminal.shows("* #7 was deleted by alice") && !terminal.shows("regretted"));
    alice.expect_on_screen("#8 alice: kept");
    alice.expect_last_row("general | ");
}

#[test]
fn a_message_of_many_rows_is_erased_completely_and_a_half_typed_line_of_two_rows_survives() {
    let server = Server::start();
    let mut alice = Terminal::chat(server.address(), "alice", "general");
    let mut bob = server.chat("bob", "general");
    bob.send("above");
    bob.send(&format!("/say {}", "regretted ".repeat(14)));
    bob.send("/paste\r\nregretted too\r\nand this\r\n.");
    bob.send("below");
    alice.expect_on_screen("#4 bob: below");
    let half = "a line of two rows, which is longer than what is left behind the prompt in a row of the terminal";
    alice.press(half);
    let shown = format!("general | {half}");
    let (first, second) = shown.split_at(80);
    let is_shown = |terminal: &Terminal| {
        let rows = terminal.rows();
        let typed = rows.len() >= 2 && rows[rows.len() - 2] == first && rows[rows.len() - 1] == second;
        typed && terminal.cursor() == (second.len(), true)
    };
    alice.wait("the line of two rows", is_shown);
    bob.send("/delete 2");
    bob.send("/delete 3");
    alice.wait("both are gone", |terminal| terminal.shows("* #3 was deleted") && !terminal.shows("regretted"));
    alice.wait("the line of two rows", is_shown);
    let rows = alice.rows();
    let texts = ["#1 bob: above", "#4 bob: below", "* #2 was deleted by bob", "* #3 was deleted by bob"];
    let places: Vec<_> = texts.iter().map(|text| rows.iter().position(|row| row.contains(text))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}\n{}", rows.join("\n"));
    assert!(!rows.iter().any(|row| row.contains("and this")), "{}", rows.join("\n"));
}

#[test]
fn erasures_about_a_second_apart_all_leave_the_screen() {
    let server = Server::start();
    let mut watcher = Terminal::chat(server.address(), "watcher", "general");
    let mut bob = server.chat("bob", "general");
    for round in 0..5 {
        for n in 0..3 {
            bob.send(&format!("regretted {round}.{n}"));
        }
        watcher.expect_on_screen(&format!("regretted {round}.2"));
        let began = Instant::now();
        bob.send("/delete");
        // A screen is redrawn at once, or a little later if it was redrawn within the last second: this is
        // the moment between the two.
        while began.elapsed() < Duration::from_millis(1003 + 8 * round) {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        bob.send("/delete");
        bob.settle();
        bob.send("/delete");
        watcher.wait("all are gone", |terminal| !terminal.shows("regretted"));
    }
}

#[test]
fn the_author_of_a_temporary_message_to_two_users_is_told_once_that_it_expired() {
    let server = Server::start();
    let _others = [server.login("bob"), server.login("carol")];
    let mut alice = server.login("alice");
    alice.send(":temp 1 @bob,carol the door code");
    let mut seen = alice.expect("* #1 expired\r\n");
    // Expires later, so that everything caused by the first one arrives before it.
    alice.send(":temp 1 @bob the end");
    seen += &alice.expect("* #2 expired\r\n");
    assert!(!seen.contains("expired"), "{seen:?}");
}

#[test]
fn a_temporary_message_expires_although_its_author_has_left() {
    let server = Server::start();
    let mut bob = Terminal::chat(server.address(), "bob", "general");
    let mut alice = server.login("alice");
    alice.send(":temp 1 @bob the door code");
    bob.expect_on_screen("alice -> you (temporary, 1 s): the door code");
    alice.send(":quit");
    alice.expect_end();
    bob.wait("it is gone", |terminal| !terminal.shows("the door code"));
}
