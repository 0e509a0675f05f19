//! `nc` on a terminal: half-typed text never reads as part of another user's row, and lines typed ahead never leave two
//! prompts in one row.

use std::process::{Child, Command, Stdio};

use super::{Reached, Way};
use crate::support::programs::{COLUMNS, ROWS, Terminal, have};

/// `nc` on a terminal of its own.
struct Nc {
    child: Child,
    terminal: Terminal,
}

impl Nc {
    /// `None` if the programs are missing.
    fn start(server: &Reached) -> Option<Nc> {
        if !have(&["nc", "script", "stty"]) {
            return None;
        }
        let address = server.door();
        let inside = format!("stty rows {ROWS} cols {COLUMNS}; exec nc {} {}", address.ip(), address.port());
        let mut child = Command::new("script")
            .args(["-qec", &inside, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("script runs");
        let terminal = Terminal::over(&mut child);
        Some(Nc { child, terminal })
    }

    fn chat(server: &Reached, name: &str) -> Option<Nc> {
        let mut nc = Nc::start(server)?;
        for (shown, typed) in [("Username:", name), (">", ":join general"), ("[general]>", ":chat")] {
            nc.terminal
                .wait(shown, |terminal| terminal.rows().last().is_some_and(|row| row.trim_end().ends_with(shown)));
            nc.terminal.send(&format!("{typed}\n"));
        }
        nc.terminal.expect_last_row("general | ");
        Some(nc)
    }
}

impl Drop for Nc {
    fn drop(&mut self) {
        drop(self.terminal.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn trimmed(terminal: &Terminal) -> Vec<String> {
    terminal.rows().iter().map(|row| row.trim_end().to_owned()).collect()
}

pub(super) fn in_nc_a_short_message_over_a_half_typed_long_line_reads_as_itself(way: Way) {
    let server = way.start("");
    let mut bob = server.chat("bob", "general");
    let Some(mut alice) = Nc::chat(&server, "alice") else { return };
    // One line in the row of the prompt, and one that continues in the next row.
    for half in ["I think that we should absolutely pay the invoice", &"and so on ".repeat(9)] {
        alice.terminal.send(half);
        let end = half.trim_end().chars().rev().take(20).collect::<Vec<_>>();
        let end: String = end.into_iter().rev().collect();
        alice.terminal.expect_on_screen(&end);
        bob.send("no");
        alice.terminal.expect_last_row("general | ");
        let rows = trimmed(&alice.terminal);
        let said = &rows[rows.len() - 2];
        assert!(said.starts_with('[') && said.ends_with(" bob: no"), "{rows:#?}");
        // The line continues at the cursor: what is typed next belongs to it.
        alice.terminal.send(".\n");
        alice.terminal.expect_on_screen("general | .");
        bob.expect(&format!("alice: {half}.\r\n"));
        alice.terminal.expect_last_row("general | ");
    }
}

pub(super) fn in_nc_a_paste_of_twenty_lines_while_others_talk_leaves_every_prompt_a_row(way: Way) {
    let server = way.start("");
    let mut bob = server.chat("bob", "general");
    let Some(mut alice) = Nc::chat(&server, "alice") else { return };
    let lines = |who: &str| (1..=20).map(|n| format!("{who} says {n}\n")).collect::<String>();
    alice.terminal.send(&lines("alice"));
    bob.send_bytes(lines("bob").as_bytes());
    bob.expect("alice: alice says 20\r\n");
    alice.terminal.expect_on_screen("bob says 20");
    alice.terminal.expect_last_row("general | ");
    for row in trimmed(&alice.terminal) {
        assert!(row.matches("general |").count() <= 1, "{row:?}");
        assert!(!row.contains("general | ["), "{row:?}");
    }
}
