//! In character mode, a line that is refused for its length or for coming too fast comes back into the editor.

use crate::support::Server;
use crate::support::terminal::Terminal;

#[test]
fn a_message_that_is_too_long_comes_back_to_be_shortened() {
    let server = Server::with("message_limit = 5");
    let mut bob = server.chat("bob", "general");
    let mut alice = Terminal::chat(server.address(), "alice", "general");
    alice.enter("sixsix");
    alice.expect_on_screen("! Not sent: 6 characters, and a message may have 5.");
    alice.expect_last_row("general | sixsix");
    assert_eq!(alice.cursor(), ("general | sixsix".len(), true));
    alice.press("\x7f\r\0");
    bob.expect("alice: sixsi\r\n");
    alice.expect_last_row("general | ");
}

#[test]
fn a_command_with_a_text_that_is_too_long_comes_back_too() {
    let server = Server::with("message_limit = 5");
    let mut alice = Terminal::login(server.address(), "alice");
    alice.press(":away sixsix\r\0:create den\r\0");
    alice.expect_on_screen("! Too long: 6 characters");
    // Another line was typed after it.
    alice.expect_last_row("[den]> ");
    for line in [":away sixsix", ":say sixsix", ":topic sixsix", ":kick bob sixsix"] {
        alice.enter(line);
        alice.expect_last_row(&format!("[den]> {line}"));
        alice.press("\x03");
        alice.expect_last_row("[den]> ");
    }
}

#[test]
fn a_paste_that_is_too_long_comes_back_whole() {
    let server = Server::start();
    let mut alice = Terminal::chat(server.address(), "alice", "general");
    let lines = "line\n".repeat(101);
    alice.press(&format!("\x1b[200~{lines}end\x1b[201~\r\0"));
    alice.expect_on_screen("! Not sent: 102 lines");
    alice.wait("the paste", |alice| alice.rows().last().is_some_and(|row| row.ends_with("line\\line\\end")));
}

#[test]
fn a_line_over_line_bytes_stays_in_the_editor_and_is_not_run_cut_short() {
    let server = Server::with("message_limit = 64\n[limits]\nline_bytes = 64\nmessages_per_second = 0\n");
    let mut bob = server.chat("bob", "general");
    let mut alice = Terminal::chat(server.address(), "alice", "general");
    alice.enter(&"x".repeat(100));
    alice.expect_on_screen("! That line is too long: a line may have 64 bytes. The rest was not taken.");
    alice.expect_last_row(&format!("general | {}", "x".repeat(64)));
    alice.press(&"\x7f".repeat(60));
    alice.expect_last_row("general | xxxx");
    alice.enter("");
    let before = bob.expect("alice: xxxx\r\n");
    assert!(!before.contains("xxxxx"), "{before:?}");
}

#[test]
fn lines_that_come_too_fast_come_back_together_when_the_burst_is_answered() {
    let server = Server::with("[limits]\nmessage_burst = 1\nmessages_per_second = 1\n");
    let mut bob = server.chat("bob", "general");
    let mut alice = Terminal::chat(server.address(), "alice", "general");
    // Pressing Enter counted towards the rate, too.
    bob.expect("* alice joined\r\n");
    let lines: Vec<String> = (1..=8).map(|n| format!("line {n}")).collect();
    alice.press(&lines.iter().map(|line| format!("{line}\r\0")).collect::<String>());
    alice.expect_on_screen("! Too fast: try again in ");
    alice.wait("the refused lines", |alice| alice.rows().last().is_some_and(|row| row.ends_with("line 7\\line 8")));
    let row = alice.rows().last().cloned().unwrap_or_default();
    let returned: Vec<_> = row.strip_prefix("general | ").unwrap_or_default().split('\\').collect();
    let taken = lines.len() - returned.len();
    assert_eq!(returned, lines[taken..], "{row}");
    for line in &lines[..taken] {
        bob.expect(&format!("alice: {line}\r\n"));
    }
    // When the rate allows it, they are sent as one message.
    alice.wait("time", |alice| (1..=taken).all(|n| alice.shows(&format!("alice: line {n}"))));
    alice.enter("");
    alice.expect_on_screen(&format!("alice: {}", returned[0]));
    bob.expect(&format!("alice: {}\r\n", returned.join("\r\n  ")));
}

#[test]
fn in_slow_mode_a_line_that_is_too_early_comes_back() {
    let server = Server::start();
    let mut bob = server.login("bob");
    bob.send(":create den");
    bob.expect("[den]> ");
    bob.send(":set slow 60");
    bob.expect("* bob turned on slow mode");
    bob.send(":set public yes");
    bob.expect("[den]> ");
    let mut alice = Terminal::chat(server.address(), "alice", "den");
    alice.enter("one");
    alice.expect_on_screen("alice: one");
    alice.enter("two");
    alice.expect_last_row("den | two");
    assert!(!alice.shows("alice: two"), "{}", alice.rows().join("\n"));
}

#[test]
fn text_typed_meanwhile_is_not_mixed_with_returned_lines() {
    let server = Server::with("message_limit = 5");
    let mut bob = server.chat("bob", "general");
    let mut alice = Terminal::chat(server.address(), "alice", "general");
    alice.press("sixsix\r\0half");
    alice.expect_on_screen("! Not sent: 6 characters");
    alice.expect_last_row("general | half");
    alice.enter("");
    bob.expect("alice: half\r\n");
    // The arrow keys bring it back.
    alice.press("\x1b[A\x1b[A");
    alice.expect_last_row("general | sixsix");
}

#[test]
fn in_line_mode_nothing_comes_back() {
    let server = Server::with("message_limit = 5");
    let mut alice = server.chat("alice", "general");
    alice.send("sixsix");
    alice.expect("! Not sent: 6 characters, and a message may have 5.\r\ngeneral | ");
    assert_eq!(alice.settle(), "");
}
