//! The stock telnet in tmux, which reflows its rows when its window changes its width.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use super::{Reached, Way};
use crate::support::programs::have;
use crate::support::{PATIENCE, scratch};

/// A tmux server with one window, in which telnet runs.
struct Tmux {
    socket: String,
}

impl Tmux {
    /// `None` if the programs are missing.
    fn start(server: &Reached, columns: u16) -> Option<Tmux> {
        if !have(&["tmux", "telnet"]) {
            return None;
        }
        let address = server.door();
        let tmux = Tmux { socket: scratch().join("tmux").display().to_string() };
        let telnet = format!("telnet {} {}", address.ip(), address.port());
        let size = columns.to_string();
        tmux.run(&["-f", "/dev/null", "new-session", "-d", "-x", &size, "-y", "24", &telnet]);
        Some(tmux)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = Command::new("tmux")
            .args(["-S", &self.socket])
            .args(arguments)
            .env("TERM", "xterm")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("TMUX")
            .env_remove("DISPLAY")
            .output()
            .expect("tmux runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn types(&self, text: &str) {
        self.run(&["send-keys", "-l", text]);
    }

    fn enters(&self, line: &str) {
        self.types(line);
        self.run(&["send-keys", "Enter"]);
    }

    fn resize(&self, columns: u16) {
        self.run(&["resize-window", "-x", &columns.to_string(), "-y", "24"]);
    }

    fn rows(&self) -> Vec<String> {
        let output = self.run(&["capture-pane", "-p"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.trim_end().lines().map(|row| row.trim_end().to_owned()).collect()
    }

    /// Waits until the rows are as wanted. Returns them.
    fn wait(&self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows = self.rows();
            if wanted(&rows) {
                return rows;
            }
            assert!(Instant::now() < deadline, "not in time: {what}; the screen:\n{}", rows.join("\n"));
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn expect_last_row(&self, last: &str) -> Vec<String> {
        self.wait(last, |rows| rows.last().is_some_and(|row| row == last))
    }

    fn chat(&self, name: &str) {
        self.expect_last_row("Username:");
        self.enters(name);
        self.expect_last_row(">");
        self.enters(":join general");
        self.expect_last_row("[general]>");
        self.enters(":chat");
        self.expect_last_row("general |");
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-S", &self.socket, "kill-server"]).output();
    }
}

fn in_view(rows: &[String]) -> Vec<&str> {
    rows.iter().filter_map(|row| row.split_once(" bob: ")).map(|(_, text)| text).collect()
}

pub(super) fn in_tmux_no_message_goes_when_the_window_is_widened_or_narrowed_over_a_long_half_typed_line(way: Way) {
    let server = way.start("");
    let mut bob = server.chat("bob", "general");
    let Some(tmux) = Tmux::start(&server, 50) else { return };
    tmux.chat("alice");
    for text in ["one", "two", "three"] {
        bob.send(text);
        tmux.wait(text, |rows| in_view(rows).contains(&text));
    }
    let typed = "x".repeat(130);
    tmux.types(&typed);
    let shows_line = |rows: &[String]| rows.concat().ends_with(&format!("general | {typed}"));
    tmux.wait("the line", shows_line);
    for columns in [140, 50, 80, 81, 30] {
        tmux.resize(columns);
        let width = usize::from(columns);
        let expected = (10 + typed.len()).div_ceil(width);
        let drawn = |rows: &[String]| {
            let line = rows.len().saturating_sub(expected);
            shows_line(rows)
                && rows[line].starts_with("general | ")
                && rows[line].len() == width
                && in_view(&rows[..line]) == ["one", "two", "three"]
        };
        tmux.wait("the view at the new width", drawn);
    }
    tmux.types("y");
    bob.send("four");
    tmux.wait("four above the line", |rows| {
        in_view(rows).contains(&"four") && rows.concat().ends_with(&format!("general | {typed}y"))
    });
}

pub(super) fn in_tmux_no_answer_goes_in_the_palette_when_the_window_is_widened(way: Way) {
    let server = way.start("");
    let Some(tmux) = Tmux::start(&server, 50) else { return };
    tmux.expect_last_row("Username:");
    tmux.enters("alice");
    tmux.expect_last_row(">");
    for text in ["one", "two", "three"] {
        tmux.enters(&format!(":echo {text}"));
        tmux.wait(text, |rows| rows.iter().any(|row| row.ends_with(text) && !row.starts_with('>')));
    }
    let typed = "x".repeat(130);
    tmux.types(&typed);
    let shows_line = |rows: &[String]| rows.concat().ends_with(&format!("> {typed}"));
    tmux.wait("the line", shows_line);
    tmux.resize(140);
    tmux.types("y");
    let rows = tmux.wait("the line and more", |rows| rows.concat().ends_with(&format!("> {typed}y")));
    for text in ["one", "two", "three"] {
        assert!(rows.iter().any(|row| row.ends_with(text) && !row.starts_with('>')), "{text}: {rows:#?}");
    }
}
