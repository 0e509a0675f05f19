//! The line view of the client: its questions. No password may be visible.

use std::fs;

use super::*;
use crate::support::programs::have;

/// A client in a terminal made by script(1).
fn in_terminal(arguments: &str, state: &Path, directory: &Path) -> (Child, Terminal) {
    let line = format!("exec \"$PROGRAM\" connect {arguments}");
    let mut child = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("PROGRAM", env!("CARGO_BIN_EXE_chatsock"))
        .env("XDG_STATE_HOME", state)
        .env("TERM", "dumb")
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("script runs");
    let terminal = Terminal::over(&mut child);
    (child, terminal)
}

#[test]
fn an_unknown_certificate_is_asked_about_once() {
    if !have(&["script"]) {
        return;
    }
    let (server, fingerprint) = encrypted();
    let (state, directory) = (scratch(), scratch());
    let to = format!("alice@{}", server.tls_address());
    let file = state.join("chatsock/known_servers");
    let question = format!("* {} shows certificate SHA-256 {fingerprint}\r\n", server.tls_address());
    let (mut child, mut terminal) = in_terminal(&to, &state, &directory);
    terminal.expect_text(&question);
    terminal.expect_text("Trust it from now on? (yes/no) ");
    terminal.send("no\n");
    assert_eq!(child.wait().expect("waited").code(), Some(2));
    assert!(!file.exists());
    let (mut child, mut terminal) = in_terminal(&to, &state, &directory);
    terminal.expect_text("Trust it from now on? (yes/no) ");
    terminal.send("yes\n");
    terminal.expect_text("You are alice.");
    terminal.send(":quit\n");
    assert_eq!(child.wait().expect("waited").code(), Some(0));
    let kept = fs::read_to_string(&file).expect("the file");
    assert!(kept.contains(&format!("{} {fingerprint}\n", server.tls_address())), "{kept}");
    let (mut child, mut terminal) = in_terminal(&to, &state, &directory);
    terminal.expect_text("You are alice.");
    assert!(!terminal.raw().contains("Trust it"), "{}", terminal.raw());
    terminal.send("\u{4}");
    assert_eq!(child.wait().expect("waited").code(), Some(0), "Ctrl-D leaves");
}

#[test]
fn a_name_is_asked_for_until_one_is_free() {
    if !have(&["script"]) {
        return;
    }
    let server = Server::start();
    let _bob = server.login("bob");
    let (mut child, mut terminal) = in_terminal(&server.address().to_string(), &scratch(), &scratch());
    terminal.expect_text("Username: ");
    terminal.send("bob\n");
    terminal.expect_text("! ");
    terminal.send("alice\n");
    terminal.expect_text("You are alice.");
    terminal.send(":join general\n");
    terminal.expect_text("You are in #general.");
    terminal.send(":quit\n");
    assert_eq!(child.wait().expect("waited").code(), Some(0));
}

#[cfg(feature = "storage")]
#[test]
fn the_password_of_an_account_is_asked_for_and_never_shown() {
    use crate::support::home::{History, Home, PASSWORD};
    if !have(&["script"]) {
        return;
    }
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Kept, "");
    let (mut child, mut terminal) = in_terminal(&format!("alice@{}", server.address()), &scratch(), &scratch());
    terminal.expect_text("Password of alice: ");
    terminal.send("wrong horse\n");
    terminal.wait("the question again", |terminal| terminal.raw().matches("Password of alice:").count() == 2);
    terminal.send(&format!("{PASSWORD}\n"));
    terminal.expect_text("You are alice.");
    terminal.send(":passwd\n");
    terminal.expect_text("Your password: ");
    terminal.send(&format!("{PASSWORD}\n"));
    terminal.expect_text("New password: ");
    terminal.send("another horse\n");
    terminal.expect_text("The same again: ");
    terminal.send("another horse\n");
    terminal.send(":whoami\n");
    terminal.expect_text("alice#");
    terminal.send(":quit\n");
    assert_eq!(child.wait().expect("waited").code(), Some(0));
    terminal.read_to_the_end();
    let seen = terminal.raw();
    assert!(!seen.contains("horse"), "{seen}");
}

#[cfg(feature = "storage")]
#[test]
fn a_password_without_a_terminal_is_not_read_from_the_script() {
    use crate::support::home::{History, Home};
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Kept, "");
    let (status, out, _) = run(&[&format!("alice@{}", server.address()), "--room", "general"], "hi\n");
    assert_eq!(status, Some(2), "{out}");
}
