//! Real clients: `nc`, `nc -N`, and the stock `telnet` on a terminal.
//!
//! The terminal is made by `script` (util-linux), which runs its command in a pseudo-terminal and passes bytes in both
//! directions; a terminal emulator renders the screen. On a machine without these programs, the tests print what they
//! left out and pass; `CHATSOCK_REQUIRE_CLIENTS=1` makes that a failure.

#![cfg(target_os = "linux")]

mod half_typed;
mod reflowing;
mod ways;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use half_typed::*;
use reflowing::*;
use ways::{Reached, Way};

use crate::support::programs::{COLUMNS, ROWS, Terminal, have, left_out};
use crate::support::{Server, scratch};

/// Each case becomes two tests, with a direct connection and through `chatsock proxy`, which must not make a
/// difference.
macro_rules! both_ways {
    ($($case:ident,)*) => {
        mod direct {
            $(#[test] fn $case() { super::$case(super::Way::Direct); })*
        }

        #[cfg(feature = "tls")]
        mod through_the_proxy {
            $(#[test] fn $case() { super::$case(super::Way::Proxy); })*
        }
    };
}

both_ways! {
    a_script_through_nc_with_half_close_gets_every_line_done_and_every_answer,
    a_person_with_nc_chats_and_leaves,
    in_telnet_a_half_typed_line_survives_two_hundred_messages,
    in_telnet_that_switches_to_line_mode_every_letter_can_be_typed,
    in_telnet_in_line_mode_every_row_begins_at_the_margin,
    in_telnet_a_password_is_not_shown_in_either_mode,
    in_telnet_the_next_message_is_seen_after_ctrl_c_in_either_mode,
    telnet_on_a_dumb_terminal_gets_plain_lines,
    in_telnet_two_pasted_lines_become_one_message,
    in_telnet_tab_offers_the_rooms_one_may_know_of_and_no_hidden_one,
    a_paste_through_nc_with_half_close_is_one_message_and_an_unfinished_one_is_reported,
    in_nc_a_short_message_over_a_half_typed_long_line_reads_as_itself,
    in_nc_a_paste_of_twenty_lines_while_others_talk_leaves_every_prompt_a_row,
    in_tmux_no_message_goes_when_the_window_is_widened_or_narrowed_over_a_long_half_typed_line,
    in_tmux_no_answer_goes_in_the_palette_when_the_window_is_widened,
}

/// Whether this `nc` half-closes with -N, which OpenBSD's does and others reject.
fn have_half_closing_nc() -> bool {
    if !have(&["nc"]) {
        return false;
    }
    let help = Command::new("nc").arg("-h").output().expect("nc runs");
    let text = [help.stdout, help.stderr].concat();
    String::from_utf8_lossy(&text)
        .lines()
        .any(|line| line.trim_start().starts_with("-N") || line.contains("[-46CDdFhklNn"))
        || left_out("this nc has no -N")
}

fn nc(address: SocketAddr, flags: &[&str]) -> Child {
    Command::new("nc")
        .args(flags)
        .args([address.ip().to_string(), address.port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("nc runs")
}

fn a_script_through_nc_with_half_close_gets_every_line_done_and_every_answer(way: Way) {
    if !have_half_closing_nc() {
        return;
    }
    let server = way.start("");
    let mut bob = server.chat("bob", "general");
    let mut child = nc(server.door(), &["-N"]);
    let mut stdin = child.stdin.take().expect("stdin");
    stdin.write_all(b"alice\n:join general\n:chat\nhello\n:q\n:rooms\n").expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("nc ends");
    let seen = String::from_utf8_lossy(&output.stdout);
    let parts =
        ["Hello alice.", "Joined general, 1 other here.", "* general: bob.", "* general   2/-", "* Goodbye.\r\n"];
    let mut at = 0;
    for part in parts {
        at += seen[at..].find(part).unwrap_or_else(|| panic!("{part:?} in {seen:?}"));
    }
    bob.expect("alice: hello\r\n");
    bob.expect("* alice left\r\n");
}

#[test]
fn a_script_through_nc_on_the_quick_listener_is_heard() {
    if !have_half_closing_nc() {
        return;
    }
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let mut child = nc(server.quick_address(), &["-N"]);
    child.stdin.take().expect("stdin").write_all(b"general\nalice\nhello\n").expect("written");
    let output = child.wait_with_output().expect("nc ends");
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("* Goodbye.\r\n"));
    bob.expect("alice: hello\r\n");
}

fn a_person_with_nc_chats_and_leaves(way: Way) {
    if !have(&["nc"]) {
        return;
    }
    let server = way.start("");
    let mut bob = server.chat("bob", "general");
    let mut child = nc(server.door(), &[]);
    let mut terminal = Terminal::over(&mut child);
    terminal.expect_text("Username: ");
    terminal.send("alice\n");
    terminal.expect_text(":help explains.\r\n> ");
    terminal.send(":join general\n:chat\n");
    terminal.expect_text("general | ");
    bob.send("morning");
    terminal.expect_text("bob: morning\r\ngeneral | ");
    terminal.send("hello\n");
    bob.expect("alice: hello\r\n");
    terminal.send("/quit\n");
    terminal.expect_text("* Goodbye.\r\n");
    drop(terminal.input.take());
    assert!(child.wait().expect("nc ends").success());
    assert!(!terminal.raw().contains("alice: hello"), "one's own line is there already");
}

/// The stock telnet on a terminal of its own.
struct Telnet {
    child: Child,
    /// The file with its process id.
    number: PathBuf,
    terminal: Terminal,
    /// Whether it will be in character mode.
    capable: bool,
}

impl Telnet {
    /// `None` if the programs are missing.
    fn start(server: &Reached, terminal: &str) -> Option<Telnet> {
        Telnet::to(server.door(), terminal)
    }

    fn to(address: SocketAddr, terminal: &str) -> Option<Telnet> {
        if !have(&["telnet", "script", "stty"]) {
            return None;
        }
        let inside = format!(
            "echo $$ > \"$NUMBER\"; stty rows {ROWS} cols {COLUMNS}; exec telnet {} {}",
            address.ip(),
            address.port()
        );
        let number = scratch().join("number");
        let mut child = Command::new("script")
            .args(["-qec", &inside, "/dev/null"])
            .env("NUMBER", &number)
            .env("TERM", terminal)
            .env("LANG", "C.UTF-8")
            .env_remove("LC_ALL")
            .env_remove("DISPLAY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("script runs");
        let capable = terminal != "dumb";
        let terminal = Terminal::over(&mut child);
        Some(Telnet { child, number, terminal, capable })
    }

    fn login(&mut self, name: &str) {
        self.terminal.expect_on_screen("Username:");
        if self.capable {
            // Character mode begins with bracketed paste. Earlier input is typed in line mode.
            self.terminal.expect_text("\u{1b}[?2004h");
        }
        self.terminal.send(&format!("{name}\r"));
        self.terminal.expect_on_screen(&format!("* Hello {name}."));
        self.terminal.expect_last_row("> ");
    }

    fn chat(&mut self, name: &str) {
        self.login(name);
        self.terminal.send(":join general\r");
        self.terminal.expect_last_row("[general]> ");
        self.terminal.send(":chat\r");
        self.terminal.expect_last_row("general | ");
    }

    /// Switches to line mode.
    fn line_mode(&mut self) {
        self.terminal.send(":mode line\r");
        self.terminal.expect_on_screen("Asked for line mode");
    }
}

impl Drop for Telnet {
    fn drop(&mut self) {
        // Killed before its terminal: the stock client may spin forever on one that is gone. An error means that it has
        // ended.
        let _ = Command::new("sh").args(["-c", "kill -KILL $(cat \"$0\")"]).arg(&self.number).output();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn in_telnet_a_half_typed_line_survives_two_hundred_messages(way: Way) {
    let server = way.start("");
    let mut bob = server.chat("bob", "general");
    let Some(mut alice) = Telnet::start(&server, "xterm") else { return };
    alice.chat("alice");
    bob.expect("* alice joined\r\n");
    let half = "a half-typed line, longer than what is left of the row behind the prompt, as peop";
    alice.terminal.send(half);
    let shown = format!("general | {half}");
    let (first, second) = shown.split_at(usize::from(COLUMNS));
    let stands = |terminal: &Terminal| {
        let rows = terminal.rows();
        let typed = rows.len() >= 2 && rows[rows.len() - 2] == first && rows[rows.len() - 1] == second;
        let cursor = terminal.screen.screen().cursor_position();
        typed && cursor == (u16::try_from(rows.len() - 1).expect("a row"), second.len() as u16)
    };
    alice.terminal.wait("the half-typed line", stands);
    for n in 1..=200 {
        bob.send(&format!("message number {n}."));
    }
    alice.terminal.expect_text("bob: message number 200.");
    alice.terminal.wait("the half-typed line below the last message", stands);
    let rows = alice.terminal.rows();
    // Above the line are the last messages, one per row, with nothing between them.
    let above = &rows[..rows.len() - 2];
    for (row, n) in above.iter().rev().zip((1..=200).rev()) {
        assert!(row.ends_with(&format!(" bob: message number {n}.")), "{row:?}\n{}", rows.join("\n"));
    }
    assert!(above.len() > 15, "{}", rows.join("\n"));
    let raw = alice.terminal.raw();
    for n in 1..=200 {
        assert_eq!(raw.matches(&format!("message number {n}.")).count(), 1, "{n}");
    }
    alice.terminal.send("le type them\r");
    bob.expect(&format!("alice: {half}le type them\r\n"));
    // The line has become the message, and appears once. Its prompt may be drawn before another thread delivers it.
    let said = |terminal: &Terminal| terminal.rows().iter().filter(|row| row.contains("a half-typed line")).count();
    alice.terminal.wait("the message above the prompt", |terminal| {
        said(terminal) > 0 && terminal.rows().last().is_some_and(|row| row.trim_end() == "general |")
    });
    assert_eq!(said(&alice.terminal), 1, "{}", alice.terminal.rows().join("\n"));
}

/// Each has a character with the byte 0x9D in UTF-8, which is the stock client's escape character 0x1D with the eighth
/// bit that a connection without BINARY does not have.
const ESCAPING: [&str; 7] = ["Нет", "שלום", "李", "这", "이것은", "”", "❌"];

#[test]
fn in_telnet_every_letter_can_be_typed_in_either_mode_and_on_the_quick_listener() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    for (door, mode) in [("usual", "char"), ("usual", "line"), ("quick", "char"), ("quick", "line")] {
        let terminal = if mode == "line" { "dumb" } else { "xterm" };
        let address = if door == "quick" { server.quick_address() } else { server.address() };
        let Some(mut alice) = Telnet::to(address, terminal) else { return };
        let name = format!("{door}{mode}");
        if door == "quick" {
            alice.terminal.expect_on_screen("Enter room name:");
            if mode == "char" {
                alice.terminal.expect_text("\u{1b}[?2004h");
            }
            alice.terminal.send("general\r");
            alice.terminal.expect_on_screen("Enter username:");
            alice.terminal.send(&format!("{name}\r"));
            alice.terminal.expect_last_row("general | ");
        } else {
            alice.chat(&name);
        }
        for text in ESCAPING {
            alice.terminal.send(&format!("{text}\r"));
            let before = bob.expect(&format!("{name}: "));
            assert_eq!(before.matches(&format!("{name}: ")).count(), 0, "{before}");
            assert_eq!(bob.expect("\r\n"), text, "{door} {mode}");
            // A line is one line: no empty one after it brings a second prompt, and the next begins its own row.
            bob.send(&format!("saw {text}"));
            alice.terminal.expect_on_screen(&format!("bob: saw {text}"));
        }
        let rows = alice.terminal.rows();
        for text in ESCAPING {
            let row = rows.iter().find(|row| row.contains(&format!("bob: saw {text}"))).expect("it was seen");
            assert!(row.starts_with('['), "{door} {mode}: {}", rows.join("\n"));
        }
        assert!(!alice.terminal.raw().contains("telnet>"), "{door} {mode}: {}", rows.join("\n"));
        alice.terminal.send("/quit\r");
        alice.terminal.expect_text("* Goodbye.");
    }
}

fn in_telnet_that_switches_to_line_mode_every_letter_can_be_typed(way: Way) {
    let server = way.start("");
    let mut bob = server.chat("bob", "general");
    let Some(mut alice) = Telnet::start(&server, "xterm") else { return };
    alice.login("alice");
    alice.line_mode();
    alice.terminal.send(":join general\r");
    alice.terminal.expect_on_screen("* Joined general");
    alice.terminal.send(":chat\r");
    alice.terminal.expect_on_screen("Type to talk");
    for text in ESCAPING {
        alice.terminal.send(&format!("{text}\r"));
        bob.expect(&format!("alice: {text}\r\n"));
    }
    assert!(!alice.terminal.raw().contains("telnet>"), "{:?}", alice.terminal.raw());
}

/// In BINARY the stock client switches off its terminal's CR before each LF.
fn in_telnet_in_line_mode_every_row_begins_at_the_margin(way: Way) {
    let server = way.start("");
    let Some(mut alice) = Telnet::start(&server, "dumb") else { return };
    alice.login("alice");
    for (line, last) in [(":rooms", "> "), ("", "> "), (":join general", "[general]> "), (":say hello", "[general]> ")]
    {
        let rows = alice.terminal.rows().len();
        alice.terminal.send(&format!("{line}\r"));
        alice.terminal.wait(line, |terminal| {
            terminal.rows().len() > rows && terminal.rows().last().is_some_and(|row| row == last)
        });
    }
    for row in alice.terminal.rows().iter().filter(|row| !row.starts_with("Trying") && row.contains(['*', '>'])) {
        assert!(row.starts_with(['*', '>', '[']), "{}", alice.terminal.rows().join("\n"));
    }
}

fn in_telnet_a_password_is_not_shown_in_either_mode(way: Way) {
    let server = way.start("[rooms.general]\n[rooms.staff]\npublic = false\npassword = \"open sesame\"\n");
    for mode in ["char", "line"] {
        let Some(mut alice) = Telnet::start(&server, "xterm") else { return };
        alice.login(&format!("alice{mode}"));
        if mode == "line" {
            alice.line_mode();
        }
        alice.terminal.send(":join staff\r");
        alice.terminal.expect_last_row("Password: ");
        alice.terminal.send("open sesame\r");
        alice.terminal.expect_on_screen("* Joined staff");
        alice.terminal.expect_last_row("[staff]> ");
        assert!(!alice.terminal.raw().contains("sesame"), "{mode}: {}", alice.terminal.raw());
        // Later input is shown again.
        alice.terminal.send(":say visible again\r");
        alice.terminal.expect_on_screen(":say visible again");
        alice.terminal.expect_on_screen("* Sent to staff");
        alice.terminal.send(":quit\r");
        alice.terminal.expect_text("* Goodbye.");
    }
}

fn in_telnet_the_next_message_is_seen_after_ctrl_c_in_either_mode(way: Way) {
    let server = way.start("");
    let mut bob = server.chat("bob", "general");
    for mode in ["char", "line"] {
        let Some(mut alice) = Telnet::start(&server, "xterm") else { return };
        alice.login(&format!("alice{mode}"));
        if mode == "line" {
            alice.line_mode();
        }
        alice.terminal.send(":join general\r");
        alice.terminal.expect_on_screen("* Joined general");
        alice.terminal.send(":chat\r");
        alice.terminal.expect_on_screen("Type to talk");
        alice.terminal.send("dropped");
        alice.terminal.expect_on_screen("dropped");
        alice.terminal.send("\u{3}");
        // Once this is posted, the server has the interrupt and telnet's question after it (RFC 860): until the answer
        // arrives, telnet discards its input.
        alice.terminal.send("yes\r");
        let before = bob.expect(&format!("alice{mode}: "));
        assert!(!before.contains("dropped"), "{before}");
        assert_eq!(bob.expect("\r\n"), "yes");
        bob.send(&format!("still there, {mode}?"));
        alice.terminal.expect_on_screen(&format!("bob: still there, {mode}?"));
        alice.terminal.send("/quit\r");
        alice.terminal.expect_text("* Goodbye.");
    }
}

fn telnet_on_a_dumb_terminal_gets_plain_lines(way: Way) {
    let server = way.start("");
    let mut bob = server.chat("bob", "general");
    let Some(mut alice) = Telnet::start(&server, "dumb") else { return };
    alice.chat("alice");
    bob.send("morning");
    alice.terminal.expect_on_screen("bob: morning");
    alice.terminal.send("hello\r");
    bob.expect("alice: hello\r\n");
    alice.terminal.send("/quit\r");
    alice.terminal.expect_text("* Goodbye.");
    assert!(!alice.terminal.raw().contains('\u{1b}'), "{:?}", alice.terminal.raw());
}

fn in_telnet_two_pasted_lines_become_one_message(way: Way) {
    let server = way.start("");
    let mut bob = server.chat("bob", "general");
    let Some(mut alice) = Telnet::start(&server, "xterm") else { return };
    alice.chat("alice");
    alice.terminal.send("\u{1b}[200~first line\nsecond line\u{1b}[201~");
    alice.terminal.expect_on_screen("second line");
    assert!(!bob.settle().contains("first line"), "pasting says nothing before Enter");
    alice.terminal.send("\r");
    bob.expect("#1 alice: first line\r\n  second line\r\n");
    alice.terminal.expect_last_row("general | ");
    let rows = alice.terminal.rows();
    for line in ["first line", "second line"] {
        assert_eq!(rows.iter().filter(|row| row.contains(line)).count(), 1, "{}", rows.join("\n"));
    }
    // In the palette two lines are two commands.
    alice.terminal.send("/q\r");
    alice.terminal.expect_last_row("[general]> ");
    alice.terminal.send("\u{1b}[200~:say one\n:say two\u{1b}[201~\r");
    bob.expect("#2 alice: one\r\n");
    bob.expect("#3 alice: two\r\n");
    alice.terminal.send(":quit\r");
    alice.terminal.expect_text("* Goodbye.");
    // The terminal is restored.
    alice.terminal.expect_text("\u{1b}[?2004l");
}

fn in_telnet_tab_offers_the_rooms_one_may_know_of_and_no_hidden_one(way: Way) {
    let server = way.start("[rooms.alpha]\n[rooms.beta]\n[rooms.staff]\npublic = false\npassword = \"sesame\"\n");
    let Some(mut alice) = Telnet::start(&server, "xterm") else { return };
    alice.login("alice");
    alice.terminal.send(":join \t");
    alice.terminal.expect_on_screen("* alpha  beta");
    alice.terminal.expect_last_row("> :join ");
    alice.terminal.send("st\t");
    alice.terminal.expect_last_row("> :join st");
    alice.terminal.send("\t\u{15}:join al\t");
    alice.terminal.expect_last_row("> :join alpha ");
    assert!(!alice.terminal.raw().contains("staff"), "{:?}", alice.terminal.raw());
    // Clients on the server's machine are offered it.
    alice.terminal.send("\u{15}:join staff sesame\r");
    alice.terminal.expect_last_row("[staff]> ");
    alice.terminal.send(":to st\t");
    alice.terminal.expect_last_row("[staff]> :to staff ");
}

fn a_paste_through_nc_with_half_close_is_one_message_and_an_unfinished_one_is_reported(way: Way) {
    if !have_half_closing_nc() {
        return;
    }
    let server = way.start("");
    let mut bob = server.chat("bob", "general");
    let script = |text: &[u8]| {
        let mut child = nc(server.door(), &["-N"]);
        child.stdin.take().expect("stdin").write_all(text).expect("written");
        let output = child.wait_with_output().expect("nc ends");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let seen = script(b"alice\n:join general\n:paste\nfirst line\n\n  third line\n.\n:say after it\n:rooms\n");
    assert!(seen.contains("* Sent to general as #1.\r\n") && seen.contains("* Sent to general as #2.\r\n"), "{seen:?}");
    assert!(seen.contains("* general   2/-") && seen.ends_with("* Goodbye.\r\n"), "{seen:?}");
    bob.expect("#1 alice: first line\r\n\r\n    third line\r\n");
    bob.expect("#2 alice: after it\r\n");
    bob.expect("* alice left\r\n");
    for unfinished in ["first line\nsecond line\n", "no line end", ""] {
        let seen = script(format!("carol\n:join general\n:paste\n{unfinished}").as_bytes());
        let told = "! Not sent: the message was not ended with a single dot.\r\n";
        assert!(seen.contains(told) && seen.ends_with("* Goodbye.\r\n"), "{seen:?}");
        let seen = bob.expect("* carol left\r\n");
        assert!(!seen.contains("line"), "{seen:?}");
    }
}
