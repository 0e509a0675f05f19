//! Real programs as clients: checks whether they are installed, and shows what a user would see.

use std::io::{ErrorKind, Read as _, Write as _};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use crate::support::{PATIENCE, keep_rows};

/// The size of a user's terminal.
pub const ROWS: u16 = 24;
pub const COLUMNS: u16 = 80;

/// Whether the programs are installed; otherwise prints what is skipped.
pub fn have(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = |program: &str| std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
    let missing: Vec<_> = programs.iter().filter(|program| !there(program)).collect();
    missing.is_empty() || left_out(&format!("{missing:?} not installed"))
}

/// The directory of an npm package: in one of `NODE_PATH`, or where `.ci/run` puts it.
pub fn node_package(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("NODE_PATH").unwrap_or_default();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients/node_modules");
    std::env::split_paths(&path).chain([ours]).map(|folder| folder.join(name)).find(|package| package.is_dir())
}

/// Prints the reason and returns false; fails where all clients are required.
pub fn left_out(why: &str) -> bool {
    assert!(std::env::var_os("CHATSOCK_REQUIRE_CLIENTS").is_none_or(|value| value != "1"), "required: {why}");
    println!("LEFT OUT: {why}");
    false
}

/// A user's screen and keyboard: a terminal emulator on a program's output, and the program's input.
pub struct Terminal {
    /// Its input. Taking it out closes it.
    pub input: Option<ChildStdin>,
    output: mpsc::Receiver<Vec<u8>>,
    /// What it shows.
    pub screen: vt100::Parser,
    raw: Vec<u8>,
}

fn size(cells: u16) -> NonZero<u16> {
    NonZero::new(cells).expect("a terminal has cells")
}

impl Terminal {
    /// Attaches to a program's pipes.
    pub fn over(child: &mut Child) -> Terminal {
        let (sender, output) = mpsc::channel();
        let mut stdout = child.stdout.take().expect("stdout");
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = stdout.read(&mut buffer) {
                if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Terminal {
            input: child.stdin.take(),
            output,
            screen: vt100::Parser::new(size(ROWS), size(COLUMNS), 0),
            raw: Vec::new(),
        }
    }

    /// Types. A program that has ended already reads none of it; what it has said is for the caller to check.
    pub fn send(&mut self, text: &str) {
        let input = self.input.as_mut().expect("open");
        match input.write_all(text.as_bytes()).and_then(|()| input.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            typed => typed.expect("typed"),
        }
    }

    /// Reads to the end of its output.
    pub fn read_to_the_end(&mut self) {
        while let Ok(bytes) = self.output.recv_timeout(PATIENCE) {
            self.screen.process(&bytes);
            keep_rows(&mut self.raw, &bytes);
        }
    }

    /// Everything received so far, without the blanks at the ends of rows.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// The screen's rows, without empty ones at the bottom.
    pub fn rows(&self) -> Vec<String> {
        let mut rows: Vec<String> = self.screen.screen().rows(0, COLUMNS).collect();
        while rows.last().is_some_and(|row| row.is_empty()) {
            rows.pop();
        }
        rows
    }

    /// Waits until a condition holds.
    pub fn wait(&mut self, what: &str, mut holds: impl FnMut(&Terminal) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            let bytes = self.output.recv_timeout(left).unwrap_or_else(|_| {
                panic!("not in time: {what}; the screen:\n{}\nthe end of the output: {:?}", self.rows().join("\n"), {
                    let raw = self.raw();
                    raw.chars().rev().take(400).collect::<Vec<_>>().into_iter().rev().collect::<String>()
                })
            });
            self.screen.process(&bytes);
            keep_rows(&mut self.raw, &bytes);
        }
    }

    /// Waits until the output has the text.
    pub fn expect_text(&mut self, text: &str) {
        self.wait(text, |terminal| terminal.raw.windows(text.len()).any(|window| window == text.as_bytes()));
    }

    /// Waits until the last row on the screen is this one.
    pub fn expect_last_row(&mut self, row: &str) {
        self.wait(row, |terminal| terminal.rows().last().is_some_and(|last| last == row));
    }

    /// Waits until some row on the screen has the text.
    pub fn expect_on_screen(&mut self, text: &str) {
        self.wait(text, |terminal| terminal.rows().iter().any(|row| row.contains(text)));
    }
}
