//! `chatsock connect` as a program, with servers in this process or behind a connection that breaks.

mod asked;
mod files;
mod middle;
mod pipes;
mod resume;

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::programs::Terminal;
use crate::support::{Program, Server, scratch};

/// A client that uses pipes.
struct PipedClient {
    child: Child,
    terminal: Terminal,
}

impl Drop for PipedClient {
    fn drop(&mut self) {
        // Fails if it has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(arguments: &[&str], state: &Path) -> Command {
    let mut command = Program::command(&[&["connect"], arguments].concat());
    command.env("XDG_STATE_HOME", state).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl PipedClient {
    fn start(arguments: &[&str]) -> PipedClient {
        let mut child = command(arguments, &scratch()).current_dir(scratch()).spawn().expect("the client starts");
        let terminal = Terminal::over(&mut child);
        PipedClient { child, terminal }
    }

    /// Starts a client in a room of a server without TLS.
    fn in_room(name: &str, address: SocketAddr, room: &str) -> PipedClient {
        PipedClient::start(&[&format!("{name}@{address}"), "--room", room])
    }

    fn send(&mut self, line: &str) {
        self.terminal.send(&format!("{line}\n"));
    }

    fn expect(&mut self, text: &str) {
        self.terminal.expect_text(text);
    }

    /// Closes its input and waits for it to exit. Returns its exit status, output and errors.
    fn finish(mut self) -> (Option<i32>, String, String) {
        self.terminal.input = None;
        self.wait()
    }

    fn wait(&mut self) -> (Option<i32>, String, String) {
        let mut errors = String::new();
        self.child.stderr.take().expect("stderr").read_to_string(&mut errors).expect("text");
        let status = self.child.wait().expect("waited").code();
        self.terminal.read_to_the_end();
        (status, self.terminal.raw(), errors)
    }
}

/// Runs a client to its end with these input lines.
fn run(arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut client = PipedClient::start(arguments);
    if !input.is_empty() {
        client.terminal.send(input);
    }
    client.finish()
}

/// A server with TLS, and its certificate's fingerprint.
fn encrypted() -> (Server, String) {
    let server = Server::with(&format!("state_dir = \"{}\"\n[tls]\nlisten = [\"127.0.0.1:0\"]", scratch().display()));
    let line = server.announced().iter().find_map(|line| line.strip_prefix("certificate SHA-256 "));
    let fingerprint = line.expect("a fingerprint").to_owned();
    (server, fingerprint)
}
