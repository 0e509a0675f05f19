//! Clients of a server that restarts, and on a connection that breaks.

use std::fs;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::support::PATIENCE;
use crate::support::machine::argument;

/// Starts a server that stores its history, as a program.
pub(super) fn start(config: &Path, listen: &str) -> (Program, SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut server = Program::start(&["--config", argument(config), "--listen", listen]);
        let mut line = server.line();
        while !line.is_empty() && !line.starts_with("listening on ") {
            line = server.line();
        }
        if let Some(address) = line.strip_prefix("listening on ").and_then(|rest| rest.split(' ').next()) {
            return (server, address.parse().expect("an address"));
        }
        // The port or the database may be in use for another moment.
        assert!(Instant::now() < deadline, "the server does not start: {}", server.stderr());
        thread::park_timeout(Duration::from_millis(20));
    }
}

#[cfg(feature = "storage")]
/// The texts of all messages in general. Asserts that there are at least this many.
fn said(address: SocketAddr, least: usize) -> Vec<String> {
    let mut reader = crate::support::json::Bot::in_room(address, "reader", "general");
    let (mut all, mut before) = (Vec::<(u64, String)>::new(), u64::MAX >> 11);
    loop {
        let request = serde_json::json!({
            "action": "history", "receiver": "general", "optional": { "before": before, "limit": 200 }
        });
        let answered = reader.ask(request).ok();
        let mut page: Vec<_> = answered
            .items
            .iter()
            .map(|item| (item["id"].as_u64().expect("a number"), item["content"].as_str().expect("a text").to_owned()))
            .collect();
        if page.is_empty() {
            break;
        }
        page.sort();
        before = page[0].0;
        all.splice(0..0, page);
    }
    assert!(all.len() >= least, "{} lines", all.len());
    all.into_iter().map(|(_, text)| text).collect()
}

#[cfg(feature = "storage")]
#[test]
fn each_line_arrives_once_and_in_order_while_the_server_restarts_twenty_times() {
    restart_during_a_thousand_lines("TERM");
}

/// A server confirms a line before it is on disk.
#[cfg(feature = "storage")]
#[test]
fn each_line_arrives_once_and_in_order_while_the_server_is_killed_twenty_times() {
    restart_during_a_thousand_lines("KILL");
}

#[cfg(feature = "storage")]
fn restart_during_a_thousand_lines(signal: &str) {
    const LINES: usize = 1000;
    let directory = scratch();
    let config = directory.join("chatsock.toml");
    let text = format!(
        "shutdown_delay = 0\n[storage]\npath = \"{}\"\nhistory = true\n[limits]\nmessages_per_second = 0\n",
        directory.join("chatsock.db").display()
    );
    fs::write(&config, text).expect("written");
    let (mut server, address) = start(&config, "127.0.0.1:0");
    let mut client = PipedClient::in_room("alice", address, "general");
    client.send("line 0");
    client.expect("alice: line 0\n");
    for round in 0..20 {
        let from = 1 + round * (LINES - 1) / 20;
        let to = 1 + (round + 1) * (LINES - 1) / 20;
        let lines: String = (from..to).map(|number| format!("line {number}\n")).collect();
        client.terminal.send(&lines);
        // In the middle of them.
        client.expect(&format!("alice: line {}\n", from + (to - from) / 4));
        server.signal(signal);
        server.wait();
        (server, _) = start(&config, &address.to_string());
    }
    let (status, out, errors) = client.finish();
    assert_eq!(status, Some(0), "{errors}\n{out}");
    let expected: Vec<String> = (0..LINES).map(|number| format!("line {number}")).collect();
    assert_eq!(said(address, LINES), expected);
    drop(server);
}

/// A relay that can be cut: both ends see the connection break, and bytes in transit are lost.
struct Cable {
    address: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
    /// No connection gets through.
    unplugged: Arc<AtomicBool>,
}

impl Cable {
    fn to(server: SocketAddr) -> Cable {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let open = Arc::new(Mutex::new(Vec::new()));
        let unplugged = Arc::new(AtomicBool::new(false));
        let (kept, is_unplugged) = (Arc::clone(&open), Arc::clone(&unplugged));
        thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.expect("a client");
                if is_unplugged.load(Ordering::SeqCst) {
                    continue;
                }
                let far = TcpStream::connect(server).expect("the server");
                let clone = |stream: &TcpStream| stream.try_clone().expect("a clone");
                kept.lock().expect("held").extend([clone(&near), clone(&far)]);
                for (mut from, mut to) in [(clone(&near), clone(&far)), (far, near)] {
                    thread::spawn(move || {
                        // An error means that it was cut.
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        Cable { address, open, unplugged }
    }

    fn unplug(&self) {
        self.unplugged.store(true, Ordering::SeqCst);
        self.cut();
    }

    fn plug_in(&self) {
        self.unplugged.store(false, Ordering::SeqCst);
    }

    fn cut(&self) {
        for end in self.open.lock().expect("held").drain(..) {
            // An error means that it is already closed.
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn each_line_arrives_once_and_in_order_while_the_cable_is_cut() {
    let server = Server::start();
    let cable = Cable::to(server.address());
    let mut bob = server.chat("bob", "general");
    let mut alice = PipedClient::in_room("alice", cable.address, "general");
    let mut next = 0;
    for round in 0..6 {
        let lines: String = (0..100).map(|number| format!("round {round} line {number}.\n")).collect();
        alice.terminal.send(&lines);
        alice.expect(&format!("round {round} line {}.", 20 + 7 * round));
        cable.cut();
        for number in 0..100 {
            let between = bob.expect(&format!("alice: round {round} line {number}.\r\n"));
            assert!(!between.contains("alice: round"), "before {next}: {between}");
            next += 1;
        }
    }
    let (status, out, errors) = alice.finish();
    assert_eq!(status, Some(0), "{errors}\n{out}");
    let rest = bob.settle();
    assert!(!rest.contains("alice: round"), "{rest}");
    assert_eq!(out.matches("alice: round").count(), next);
}

#[test]
fn lines_entered_without_a_connection_are_sent_once_it_is_back() {
    let directory = scratch();
    let config = directory.join("chatsock.toml");
    fs::write(&config, "shutdown_delay = 0\n").expect("written");
    let (mut server, address) = start(&config, "127.0.0.1:0");
    let mut alice = PipedClient::in_room("alice", address, "general");
    alice.send("before");
    alice.expect("alice: before\n");
    server.signal("TERM");
    server.wait();
    alice.expect("Reconnecting.");
    alice.send("meanwhile");
    let (_server, _) = start(&config, &address.to_string());
    alice.expect("alice: meanwhile\n");
    alice.expect("--- The server has started again ---\n");
    let (status, out, _) = alice.finish();
    assert_eq!((status, out.matches("alice: meanwhile").count()), (Some(0), 1), "{out}");
}

#[test]
fn edits_and_deletions_during_a_break_are_shown() {
    let server = Server::start();
    let cable = Cable::to(server.address());
    let mut bob = crate::support::json::Bot::in_room(server.address(), "bob", "general");
    let mut alice = PipedClient::in_room("alice", cable.address, "general");
    bob.expect("joined");
    let [first, wrong, secret, last] = ["first", "wrong", "secret", "last"].map(|text| bob.say("general", text));
    alice.expect(&format!("#{last} bob: last\n"));
    cable.unplug();
    alice.expect("Reconnecting.");
    bob.ask(serde_json::json!({"action": "edit", "content": "right", "optional": {"message": wrong}})).ok();
    bob.ask(serde_json::json!({"action": "delete", "optional": {"message": secret}})).ok();
    let next = bob.say("general", "next");
    cable.plug_in();
    alice.expect(&format!("#{next} bob: next\n"));
    alice.expect(&format!("#{secret} bob: (message deleted)\n"));
    let (status, out, errors) = alice.finish();
    assert_eq!(status, Some(0), "{errors}\n{out}");
    assert!(out.contains(&format!("#{wrong} bob: right (edited)\n")), "{out}");
    for kept in [first, last] {
        assert_eq!(out.matches(&format!("#{kept} bob")).count(), 1, "{out}");
    }
}
