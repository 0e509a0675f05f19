//! The session in the README is what a terminal shows.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::num::NonZeroU16;
use std::time::Instant;

use crate::support::{PATIENCE, Server};

fn size(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).expect("a size")
}

const ROOMS: &str = "\
[rooms.general]
description = \"For general conversations.\"
[rooms.games]
description = \"For game related discussions.\"
limit = 8
";

/// A terminal running `nc`: it shows what arrives and what is typed.
struct Terminal {
    stream: TcpStream,
    screen: vt100::Parser,
}

impl Terminal {
    fn row(&self) -> String {
        let (row, _) = self.screen.screen().cursor_position();
        self.screen.screen().rows(0, 80).nth(usize::from(row)).unwrap_or_default()
    }

    fn contents(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen shows `text` and the cursor is after `prompt`.
    fn wait_for(&mut self, text: &str, prompt: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !(self.contents().contains(text) && self.row().trim_end() == prompt) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && self.read(), "expected {text:?} and {prompt:?} on\n{}", self.contents());
        }
    }

    /// Reads once. Returns false at the end of the connection or after a long silence.
    fn read(&mut self) -> bool {
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut bytes = [0; 4096];
        let count = self.stream.read(&mut bytes).unwrap_or(0);
        self.screen.process(&bytes[..count]);
        count > 0
    }

    fn type_line(&mut self, line: &str) {
        self.screen.process(format!("{line}\r\n").as_bytes());
        self.stream.write_all(format!("{line}\n").as_bytes()).expect("sent");
    }
}

/// The rows of a screen, with the README's time in place of each time of day.
fn at_two_past_two(screen: &str) -> String {
    let row = |row: &str| match row.split_once("] #") {
        Some((time, rest)) if time.len() == 6 && time.starts_with('[') => format!("[14:02] #{}", rest.trim_end()),
        _ => row.trim_end().to_owned(),
    };
    screen.trim_end().lines().map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_session_in_the_readme_is_what_a_terminal_shows() {
    let readme = fs::read_to_string("README.md").expect("README.md");
    let block = readme.split("$ nc localhost 5555\n").nth(1).and_then(|rest| rest.split("\n```").next());
    let server = Server::with(ROOMS);
    let mut bob = server.chat("bob", "general");
    let mut carol = server.chat("carol", "general");
    let stream = TcpStream::connect(server.address()).expect("a connection");
    let mut alice = Terminal { stream, screen: vt100::Parser::new(size(60), size(80), 0) };
    alice.wait_for("Welcome", "Username:");
    alice.type_line("alice");
    alice.wait_for("Hello alice", ">");
    alice.type_line(":rooms");
    alice.wait_for("* general", ">");
    alice.type_line(":join general");
    alice.wait_for("Joined", "[general]>");
    alice.type_line(":chat");
    alice.wait_for("goes back", "general |");
    bob.send("morning");
    alice.wait_for("bob: morning", "general |");
    alice.type_line("hello");
    carol.expect("alice: hello");
    carol.send("hi alice");
    alice.wait_for("hi alice", "general |");
    alice.type_line(":q");
    alice.wait_for(":q", "[general]>");
    alice.type_line(":quit");
    while alice.read() {}
    carol.expect("* alice left\r\n");
    let shown = at_two_past_two(&alice.contents());
    assert_eq!(block, Some(shown.as_str()), "the README should show\n{shown}");
}
