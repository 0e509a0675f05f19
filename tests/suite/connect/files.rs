//! Files: between two clients, to and from nc and curl, with hostile names, and after a break.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;
use crate::support::machine::eventually;
use crate::support::programs::have;

fn server() -> Server {
    Server::with("[files]\nlisten = [\"127.0.0.1:0\"]\n")
}

/// A client that asks its user questions, in a terminal made by script(1).
fn asked(name: &str, server: &Server, directory: &Path) -> (Child, Terminal) {
    let to = format!("{name}@{} --room general --download {}", server.address(), directory.display());
    let line = format!("exec \"$PROGRAM\" connect {to}");
    let mut child = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("PROGRAM", env!("CARGO_BIN_EXE_chatsock"))
        .env("XDG_STATE_HOME", scratch())
        .env("CHATSOCK_PLAIN", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("script runs");
    let mut terminal = Terminal::over(&mut child);
    terminal.expect_text("You are in #general.");
    (child, terminal)
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[test]
fn a_file_passes_between_clients_and_never_overwrites_another() {
    if !have(&["script"]) {
        return;
    }
    let server = server();
    let (from, to) = (scratch(), scratch());
    let sent = bytes(1_234_567);
    fs::write(from.join("report.pdf"), &sent).expect("written");
    fs::write(to.join("report.pdf"), "mine").expect("written");
    let (_bob, mut bob) = asked("bob", &server, &to);
    let mut alice = PipedClient::in_room("alice", server.address(), "general");
    alice.send(&format!(":send bob {}", from.join("report.pdf").display()));
    bob.expect_text("alice offers report.pdf, 1.2 MB. Take it? (y/n) ");
    bob.send("y\n");
    bob.expect_text("1,234,567 bytes, SHA-256");
    bob.expect_text("report (2).pdf");
    alice.expect("1,234,567 bytes, SHA-256");
    let (status, out, _) = alice.finish();
    assert_eq!(status, Some(0), "{out}");
    assert!(fs::read(to.join("report (2).pdf")).expect("the file") == sent);
    assert_eq!(fs::read(to.join("report.pdf")).expect("the file"), b"mine");
    assert_eq!(fs::read_dir(&to).expect("read").count(), 2, "no part stays");
}

#[test]
fn a_declined_file_is_not_sent() {
    if !have(&["script"]) {
        return;
    }
    let server = server();
    let to = scratch();
    let from = scratch().join("a.txt");
    fs::write(&from, "text").expect("written");
    let (_bob, mut bob) = asked("bob", &server, &to);
    let mut alice = PipedClient::in_room("alice", server.address(), "general");
    alice.send(&format!(":send bob {}", from.display()));
    bob.expect_text("Take it? (y/n) ");
    bob.send("n\n");
    alice.expect("bob declined a.txt");
    let (status, out, _) = alice.finish();
    assert_eq!(status, Some(0), "{out}");
    assert_eq!(fs::read_dir(&to).expect("read").count(), 0);
}

/// Two clients on pipes, with a transfer from alice to bob under way.
fn on_its_way(server: SocketAddr, sent: &[u8]) -> (PipedClient, PipedClient, std::path::PathBuf) {
    let (from, to) = (scratch(), scratch());
    fs::write(from.join("film.bin"), sent).expect("written");
    let download = to.to_str().expect("UTF-8");
    let bob_at = format!("bob@{server}");
    let mut bob = PipedClient::start(&[&bob_at, "--room", "general", "--download", download]);
    bob.expect("Welcome");
    let mut alice = PipedClient::in_room("alice", server, "general");
    alice.send("are you there?");
    bob.expect("are you there?");
    alice.send(&format!(":send bob {}", from.join("film.bin").display()));
    bob.expect("alice offers film.bin. :accept 1 takes it.");
    bob.send(":accept 1");
    alice.expect("bob takes film.bin.");
    let part = to.join("film.bin.part");
    eventually("some of it is there", || fs::metadata(&part).is_ok_and(|part| part.len() > 0));
    (alice, bob, to)
}

#[test]
fn the_clients_resume_a_transfer_that_broke_off_by_themselves() {
    let server = server();
    server.hub().transfers.set_patience(Duration::from_millis(500));
    // Larger than all buffers on the way.
    let sent = bytes(64_000_000);
    let (mut alice, mut bob, to) = on_its_way(server.address(), &sent);
    let pid = Pid::from_raw(i32::try_from(bob.child.id()).expect("a pid"));
    kill(pid, Signal::SIGSTOP).expect("stopped");
    alice.expect("! film.bin broke off at ");
    kill(pid, Signal::SIGCONT).expect("continued");
    alice.expect("bob takes film.bin.\n");
    bob.expect("64,000,000 bytes, SHA-256");
    bob.expect("Saved as ");
    let (status, out, _) = alice.finish();
    assert_eq!(status, Some(0), "{out}");
    let (status, out, _) = bob.finish();
    assert_eq!(status, Some(0), "{out}");
    assert!(fs::read(to.join("film.bin")).expect("the file") == sent);
    assert_eq!(fs::read_dir(&to).expect("read").count(), 1, "no part stays");
}

#[test]
fn a_transfer_that_a_server_restart_breaks_off_is_resumed_by_the_two_clients() {
    for signal in ["KILL", "TERM"] {
        let config = scratch().join("chatsock.toml");
        let text = "shutdown_delay = 0\n[files]\nlisten = [\"127.0.0.1:0\"]\nbytes_per_second = 10000000\n";
        fs::write(&config, text).expect("written");
        let (mut server, address) = super::resume::start(&config, "127.0.0.1:0");
        let sent = bytes(16_000_000);
        let (alice, mut bob, to) = on_its_way(address, &sent);
        server.signal(signal);
        server.wait();
        let (_server, _) = super::resume::start(&config, &address.to_string());
        bob.expect("16,000,000 bytes, SHA-256");
        bob.expect("Saved as ");
        let (status, out, _) = alice.finish();
        assert_eq!(status, Some(0), "{signal}: {out}");
        let (status, out, _) = bob.finish();
        assert_eq!(status, Some(0), "{signal}: {out}");
        assert!(fs::read(to.join("film.bin")).expect("the file") == sent);
        assert_eq!(fs::read_dir(&to).expect("read").count(), 1, "no part stays");
    }
}

#[test]
fn a_transfer_that_is_declined_midway_is_not_resumed() {
    for by_bob in [true, false] {
        let server = Server::with("[files]\nlisten = [\"127.0.0.1:0\"]\nbytes_per_second = 1000000\n");
        let (mut alice, mut bob, to) = on_its_way(server.address(), &bytes(64_000_000));
        if by_bob {
            bob.send(":decline 1");
            alice.expect("bob declined film.bin.");
        } else {
            alice.send(":decline");
            bob.expect("alice declined film.bin.");
        }
        alice.expect("film.bin broke off at ");
        bob.expect("film.bin broke off at ");
        // The answer comes after anything that the client would do by itself.
        alice.send(":files");
        alice.expect("No files are offered or on their way.");
        bob.send(":files");
        bob.expect("No files are offered or on their way.");
        let (status, out, _) = alice.finish();
        assert_eq!(
            (status, out.matches("Asked bob").count(), out.matches("bob takes").count()),
            (Some(0), 0, 1),
            "{out}"
        );
        let (status, out, _) = bob.finish();
        assert_eq!((status, out.matches("offers film.bin").count()), (Some(0), 1), "{out}");
        assert!(!to.join("film.bin").exists());
    }
}

#[test]
fn files_with_hostile_names_stay_in_the_directory() {
    if !have(&["script", "nc"]) {
        return;
    }
    let server = server();
    let (outside, to) = (scratch(), scratch().join("inside"));
    fs::create_dir(&to).expect("made");
    let (_bob, mut bob) = asked("bob", &server, &to);
    let mut alice = server.chat("alice", "general");
    for (number, name) in ["../x", "-rf", "$(id)", "'; rm", "a\u{202e}b", "CON", ".bashrc"].iter().enumerate() {
        alice.send(&format!("/send bob {name}"));
        alice.expect("the offer ends in ");
        bob.wait("the question", |bob| bob.raw().matches("Take it? (y/n)").count() == number + 1);
        bob.send("y\n");
        alice.expect("after f= first:\r\n");
        let before = alice.expect(" | nc ");
        let token = before.split("put ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a token").to_owned();
        let place = server.listener("files");
        let line = format!("printf 'put {token} 4\\nfour' | nc {} {}", place.ip(), place.port());
        assert!(Command::new("sh").args(["-c", &line]).output().expect("sh runs").status.success());
        alice.expect("4 bytes");
        bob.wait("the file", |bob| bob.raw().matches("Saved as ").count() == number + 1);
    }
    let names: Vec<_> = fs::read_dir(&to).expect("read").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names.len(), 7, "{names:?}");
    for name in &names {
        let name = name.to_str().expect("text");
        assert!(!name.starts_with(['.', '-']) && !name.contains(['/', '\u{202e}']), "{name:?}");
        assert_eq!(fs::read(to.join(name)).expect("the file"), b"four");
    }
    assert_eq!(fs::read_dir(outside).expect("read").count(), 0);
    assert_eq!(fs::read_dir(to.parent().expect("a parent")).expect("read").count(), 1, "nothing beside it");
}

#[test]
fn a_file_is_sent_to_curl() {
    if !have(&["curl"]) {
        return;
    }
    let server = server();
    let from = scratch().join("b.bin");
    fs::write(&from, bytes(300_000)).expect("written");
    let mut bob = server.chat("bob", "general");
    let mut alice = PipedClient::in_room("alice", server.address(), "general");
    alice.send(&format!(":send bob {}", from.display()));
    bob.expect("* alice offers you b.bin.");
    bob.send("/accept");
    bob.expect("/f/");
    let token = bob.expect("\r\n");
    let url = format!("http://{}/f/{}", server.listener("files"), token.trim());
    let place = scratch().join("got");
    let got = Command::new("curl").args(["-sS", "-o"]).arg(&place).arg(url).status().expect("curl runs");
    assert!(got.success());
    alice.expect("300,000 bytes, SHA-256");
    assert!(fs::read(&place).expect("the file") == bytes(300_000));
    let (status, out, _) = alice.finish();
    assert_eq!(status, Some(0), "{out}");
}

#[test]
fn missing_files_and_missing_users_are_refused() {
    let server = server();
    let there = scratch().join("there");
    fs::write(&there, "x").expect("written");
    let lines = format!(":send bob /no/such/file\n:send bob {}\n", there.display());
    let (status, out, _) = run(&[&format!("alice@{}", server.address()), "--room", "general"], &lines);
    assert_eq!(status, Some(1), "{out}");
    assert!(out.contains("! /no/such/file cannot be read"), "{out}");
    assert!(out.contains("bob is not online"), "{out}");
}
