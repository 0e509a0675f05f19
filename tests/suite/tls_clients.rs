//! Real clients that speak TLS: `openssl s_client`, `ncat --ssl` and `gnutls-cli`.
//!
//! On a machine without these programs, the tests print what they left out and pass; `CHATSOCK_REQUIRE_CLIENTS=1` makes
//! that a failure.

#![cfg(all(target_os = "linux", feature = "tls"))]

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use crate::support::programs::{Terminal, have};
use crate::support::{Server, scratch};

/// A server with a listener for TLS, and the path of its certificate.
fn encrypted() -> (Server, PathBuf) {
    let directory = scratch();
    let config = format!("state_dir = \"{}\"\n[tls]\nlisten = [\"127.0.0.1:0\"]", directory.display());
    (Server::with(&config), directory.join("chatsock-certificate.pem"))
}

/// A client by its command line; `HOST:PORT`, `HOST`, `PORT` and `CERTIFICATE` in it are replaced. `None` if it is
/// missing.
fn client(server: &Server, certificate: &std::path::Path, line: &str) -> Option<Child> {
    let address = server.tls_address();
    let line = line
        .replace("HOST:PORT", &format!("localhost:{}", address.port()))
        .replace("HOST", "localhost")
        .replace("PORT", &address.port().to_string())
        .replace("CERTIFICATE", &certificate.display().to_string());
    if !have(&[line.split(' ').next().expect("a program"), "sh"]) {
        return None;
    }
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {line}")]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    Some(command.spawn().expect("it runs"))
}

/// Sends a text at once and closes. Returns the output.
fn script(mut child: Child, text: &[u8]) -> Output {
    let mut stdin = child.stdin.take().expect("stdin");
    std::io::Write::write_all(&mut stdin, text).expect("written");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

/// As in the README, and what others use. All but one accept only the certificate that they know.
const CLIENTS: &[(&str, &str)] = &[
    ("openssl s_client -quiet -connect HOST:PORT -CAfile CERTIFICATE -verify_return_error", "TLS 1.3"),
    ("openssl s_client -quiet -tls1_2 -connect HOST:PORT -CAfile CERTIFICATE -verify_return_error", "TLS 1.2"),
    ("ncat --ssl-verify --ssl-trustfile CERTIFICATE HOST PORT", "TLS 1.3"),
    ("gnutls-cli --insecure HOST:PORT", "TLS 1.3"),
];

#[test]
fn a_person_with_a_tls_client_chats_and_leaves() {
    for (line, version) in CLIENTS {
        let (server, certificate) = encrypted();
        let Some(mut child) = client(&server, &certificate, line) else { continue };
        let mut bob = server.chat("bob", "general");
        let mut terminal = Terminal::over(&mut child);
        terminal.expect_text("Username: ");
        terminal.send("alice\n");
        terminal.expect_text(":help explains.\r\n> ");
        terminal.send(":whoami\n");
        terminal.expect_text(&format!(", encrypted ({version}); "));
        terminal.send(":join general\n:chat\n");
        terminal.expect_text("general | ");
        bob.send("morning");
        terminal.expect_text("bob: morning\r\ngeneral | ");
        // Two keys that s_client would interpret itself without -quiet.
        for text in ["hello", "Quite so", "Right"] {
            terminal.send(&format!("{text}\n"));
            bob.expect(&format!("alice: {text}\r\n"));
        }
        terminal.send("/quit\n");
        terminal.expect_text("* Goodbye.\r\n");
        drop(terminal.input.take());
        let status = child.wait().expect("it ends");
        assert!(status.success(), "{line}: {status}, a clean end");
        bob.expect("* alice left\r\n");
    }
}

#[test]
fn a_script_through_a_tls_client_gets_every_line_done_and_every_answer() {
    for (line, _) in CLIENTS {
        let (server, certificate) = encrypted();
        let Some(child) = client(&server, &certificate, line) else { continue };
        let mut bob = server.chat("bob", "general");
        let output = script(child, b"alice\n:join general\n:chat\nhello\n:q\n:rooms\n:quit\n");
        let seen = String::from_utf8_lossy(&output.stdout);
        let parts =
            ["Hello alice.", "Joined general, 1 other here.", "* general: bob.", "* general   2/-", "* Goodbye.\r\n"];
        let mut at = 0;
        for part in parts {
            at += seen[at..].find(part).unwrap_or_else(|| panic!("{line}: {part:?} in {seen:?}"));
        }
        bob.expect("alice: hello\r\n");
        bob.expect("* alice left\r\n");
    }
}

/// Without `-quiet` s_client has keys for it: `K` requests new keys (TLS 1.3), `R` a renegotiation (TLS 1.2).
#[test]
fn new_keys_and_a_renegotiation_request_harm_nobody() {
    for (version, key, done) in [("-tls1_3", "K", "KEYUPDATE"), ("-tls1_3", "k", "KEYUPDATE"), ("-tls1_2", "R", "")] {
        let (server, certificate) = encrypted();
        let line = format!("openssl s_client {version} -connect HOST:PORT -CAfile CERTIFICATE 2>&1");
        let Some(mut child) = client(&server, &certificate, &line) else { return };
        let mut bob = server.chat("bob", "general");
        let mut terminal = Terminal::over(&mut child);
        terminal.expect_text("Username: ");
        terminal.send("alice\n");
        terminal.expect_text("> ");
        terminal.send(":join general\n");
        bob.expect("* alice joined\r\n");
        terminal.send(&format!("{key}\n"));
        if !done.is_empty() {
            // Input that it reads together with its key is lost.
            terminal.expect_text(done);
            terminal.send(":say hello\n");
            bob.expect("alice: hello\r\n");
            bob.send("hi");
            bob.settle();
            terminal.send(":history 1\n");
            terminal.expect_text("bob: hi\r\n");
        } else {
            // s_client ends at the answer, no_renegotiation.
            bob.expect("* alice left\r\n");
        }
        drop(terminal);
        child.kill().expect("ended");
        child.wait().expect("waited");
        bob.send("still here");
        bob.settle();
    }
}
