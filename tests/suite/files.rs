//! Files between users: offers in the chat, and transfers with the programs that users have.

mod clients;
mod limits;
#[cfg(target_os = "linux")]
mod machines;
mod offers;
mod passing;
#[cfg(feature = "json")]
mod programs;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::support::machine::eventually;
use crate::support::{Client, PATIENCE, Server, scratch};

/// A server that carries files, with `extra` in its section `[files]`.
fn server(extra: &str) -> Server {
    Server::with(&format!("[files]\nlisten = [\"127.0.0.1:0\"]\n{extra}"))
}

/// The address for files.
fn files_address(server: &Server) -> SocketAddr {
    server.listener("files")
}

/// An accepted transfer: the lines that each user should run, and their tokens.
struct Accepted {
    number: String,
    send: Vec<String>,
    get: Vec<String>,
}

impl Accepted {
    fn put_token(&self) -> &str {
        token(&self.send[0])
    }

    fn get_token(&self) -> &str {
        token(&self.get[0])
    }
}

/// The token in a line.
fn token(line: &str) -> &str {
    let at = ["put ", "get ", "/f/"].iter().filter_map(|before| Some(line.find(before)? + before.len())).min();
    let at = at.unwrap_or_else(|| panic!("no token in {line}"));
    &line[at..at + 19]
}

/// Offers a file; returns the number.
fn offer(alice: &mut Client, bob: &mut Client, name: &str) -> String {
    alice.send(&format!(":send bob {name}"));
    alice.expect(":files lists it; the offer ends in ");
    bob.expect(":accept ");
    bob.expect(" takes it, :decline ").clone()
}

/// The command lines to copy, below their introduction.
fn rows(client: &mut Client, count: usize) -> Vec<String> {
    client.expect("after f= first:\r\n");
    let mut row = || {
        let before = client.expect("\r\n");
        before.strip_prefix("  ").unwrap_or_else(|| panic!("not indented: {before:?}")).to_owned()
    };
    (0..count).map(|_| row()).collect()
}

/// Offers a file, and accepts it.
fn exchange(alice: &mut Client, bob: &mut Client, name: &str) -> Accepted {
    exchange_in(alice, bob, name, 2)
}

fn exchange_in(alice: &mut Client, bob: &mut Client, name: &str, lines: usize) -> Accepted {
    let number = offer(alice, bob, name);
    bob.send(&format!(":accept {number}"));
    // After a line caused by another user, the prompt is redrawn at once.
    let get = rows(bob, lines);
    alice.expect("bob takes ");
    let send = announced_rows(alice, lines);
    Accepted { number, send, get }
}

/// The same for rows that each arrive alone, followed by the prompt.
fn announced_rows(client: &mut Client, count: usize) -> Vec<String> {
    client.expect("after f= first:\r\n");
    let mut row = || {
        client.expect("  f=");
        format!("f={}", client.expect("\r\n"))
    };
    (0..count).map(|_| row()).collect()
}

/// Bytes without a pattern, the same for the same seed.
fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A command in a shell.
struct Shell {
    child: Child,
}

impl Shell {
    fn run(shell: &str, directory: &Path, line: &str) -> Shell {
        let child = Command::new(shell)
            .args(["-c", line])
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the shell starts");
        Shell { child }
    }

    fn wait(mut self) -> ExitStatus {
        let mut ended = None;
        eventually("the shell's command ends", || {
            ended = self.child.try_wait().expect("waited");
            ended.is_some()
        });
        ended.expect("ended")
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A bare connection to the port for files.
fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(files_address(server)).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// An end of a transfer that has sent its request.
fn end(server: &Server, line: &str) -> TcpStream {
    let mut stream = connect(server);
    stream.write_all(line.as_bytes()).expect("sent");
    stream
}

/// All bytes up to the end, and whether that was orderly.
fn read_all(mut stream: &TcpStream) -> (Vec<u8>, bool) {
    let mut all = Vec::new();
    let is_in_order = stream.read_to_end(&mut all).is_ok();
    (all, is_in_order)
}

/// An answer as text.
fn answer(stream: &TcpStream) -> String {
    String::from_utf8_lossy(&read_all(stream).0).into_owned()
}

/// The files in a directory.
fn contents(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn empty() -> PathBuf {
    scratch()
}
