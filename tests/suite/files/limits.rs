//! Limits of transfers: number, pace, wrong tokens and memory.

use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::support::Program;
use crate::support::machine::{Logged, argument, file};

#[test]
fn wrong_tokens_are_refused_and_soon_make_their_address_wait() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "secret");
    let (mut wrong, mut waits) = (0, 0);
    for number in 0..200_u64 {
        let guess = format!(
            "get {}\n",
            String::from_utf8_lossy(
                &random(number, 20).iter().map(|byte| b'A' + byte % 26).take(16).collect::<Vec<_>>()
            )
        );
        match answer(&end(&server, &guess)).as_str() {
            "! No such transfer.\n" => wrong += 1,
            line if line.starts_with("! Too many wrong tokens: try again in ") => waits += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((wrong, waits), (3, 197));
    // While the address waits, not even a right token is checked; it works afterwards.
    let right = answer(&end(&server, &format!("get {}\n", accepted.get_token())));
    assert!(right.starts_with("! Too many wrong tokens"), "{right}");
    bob.send(":files");
    bob.expect("secret from alice: accepted");
}

#[test]
fn transfers_beyond_the_limit_wait_for_their_turn() {
    let server = server("max_at_once = 1");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let first = exchange(&mut alice, &mut bob, "first");
    let second = exchange(&mut alice, &mut bob, "second");
    let receivers = [&first, &second].map(|accepted| end(&server, &format!("get {}\n", accepted.get_token())));
    let mut sender = end(&server, &format!("put {} 6\nabc", first.put_token()));
    let mut beginning = [0; 3];
    (&receivers[0]).read_exact(&mut beginning).expect("the first runs");
    let waits = end(&server, &format!("put {} 3\nxyz", second.put_token()));
    // Bytes are counted a moment after they were written.
    eventually("three bytes count", || {
        alice.send(":files");
        alice.expect("first to bob: ");
        let state = alice.expect(" ends it\r\n");
        alice.expect("second to bob: accepted, waits for both ends");
        state.starts_with("3 of 6 bytes")
    });
    sender.write_all(b"def").expect("sent");
    assert_eq!(read_all(&receivers[0]).0, b"def");
    assert_eq!(read_all(&receivers[1]).0, b"xyz");
    assert!(answer(&waits).starts_with("* second: 3 bytes"));
}

#[test]
fn a_limited_pace_is_kept() {
    let server = server("bytes_per_second = 200000");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "slow");
    let content = random(2, 100_000);
    let receiver = end(&server, &format!("get {}\n", accepted.get_token()));
    let began = Instant::now();
    let mut sender = end(&server, &format!("put {} 100000\n", accepted.put_token()));
    sender.write_all(&content).expect("sent");
    assert!(read_all(&receiver).0 == content);
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
}

#[test]
fn sixteen_at_once_arrive_whole_and_take_little_memory() {
    let server = server("");
    let mut pairs: Vec<_> = (0..16)
        .map(|number| (server.login(&format!("sender{number}")), server.login(&format!("getter{number}"))))
        .collect();
    let mut accepted = Vec::new();
    for (number, (sender, getter)) in pairs.iter_mut().enumerate() {
        sender.send(&format!(":send getter{number} file"));
        getter.expect(" offers you file. :accept ");
        getter.send(":accept");
        let get = rows(getter, 2);
        accepted.push((announced_rows(sender, 2), get));
    }
    let before = resident();
    thread::scope(|scope| {
        let mut receivers = Vec::new();
        for (number, (send, get)) in accepted.iter().enumerate() {
            let content = random(number as u64, 5_000_000);
            let receiver = end(&server, &format!("get {}\n", token(&get[0])));
            let mut sender = end(&server, &format!("put {} 5000000\n", token(&send[0])));
            let expected = content.clone();
            receivers.push(scope.spawn(move || assert!(read_all(&receiver) == (expected, true))));
            scope.spawn(move || {
                sender.write_all(&content).expect("sent");
                assert!(answer(&sender).starts_with("* file: 5,000,000 bytes"));
            });
        }
        receivers.into_iter().for_each(|receiver| receiver.join().expect("whole"));
    });
    // This process is both the server and the clients, which hold three copies of each file.
    let grown = resident().saturating_sub(before);
    assert!(grown < 16 * (3 * 5_000 + 256 + 1_000), "{grown} KB");
}

#[test]
fn a_transfer_takes_a_quarter_of_a_megabyte_at_most() {
    let config = file("chatsock.toml", "listen = [\"127.0.0.1:0\"]\n[files]\nlisten = [\"127.0.0.1:0\"]\n");
    let mut program = Logged::start(Program::command(&["--config", argument(&config)]));
    let (chat, files) = (program.address(), program.address());
    let mut pairs: Vec<_> = (0..16)
        .map(|number| {
            (Client::login(chat, &format!("sender{number}")), Client::login(chat, &format!("getter{number}")))
        })
        .collect();
    let mut tokens = Vec::new();
    for (number, (sender, getter)) in pairs.iter_mut().enumerate() {
        sender.send(&format!(":send getter{number} file"));
        getter.expect(" offers you file. :accept ");
        getter.send(":accept");
        let get = rows(getter, 2);
        tokens.push((token(&announced_rows(sender, 2)[0]).to_owned(), token(&get[0]).to_owned()));
    }
    let before = program.resident();
    let mut ends = Vec::new();
    for (put, get) in &tokens {
        let mut receiver = TcpStream::connect(files).expect("connected");
        receiver.write_all(format!("get {get}\n").as_bytes()).expect("sent");
        let mut sender = TcpStream::connect(files).expect("connected");
        sender.write_all(format!("put {put} 50000000\n").as_bytes()).expect("sent");
        sender.write_all(&random(1, 1_000_000)).expect("sent");
        // All of it passes, and both ends stay.
        receiver.read_exact(&mut vec![0; 1_000_000]).expect("a million bytes");
        ends.push((sender, receiver));
    }
    let grown = program.resident().saturating_sub(before);
    assert!(grown <= 16 * 256, "{grown} KB for 16 transfers");
}

/// Resident memory of this process, in kilobytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

#[test]
fn connections_for_files_count_against_their_address() {
    let server = Server::with(
        "[files]\nlisten = [\"127.0.0.1:0\"]\n[limits]\nexempt = []\nconnections_per_ip = 2\nmessages_per_second = 0\n",
    );
    let _two = [connect(&server), connect(&server)];
    assert_eq!(answer(&connect(&server)), "! Too many connections from your address: at most 2 at once.\r\n");
}

#[test]
fn where_plain_connections_are_refused_users_get_no_plain_line() {
    let server = server("");
    server.reconfigure("shutdown_delay = 0\nplain = \"loopback\"\n[files]\nmax_at_once = 3\n");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    // This machine is still served, and the listeners are still there.
    let accepted = exchange(&mut alice, &mut bob, "abc");
    let receiver = end(&server, &format!("get {}\n", accepted.get_token()));
    let _sender = end(&server, &format!("put {} 3\nabc", accepted.put_token()));
    assert_eq!(read_all(&receiver).0, b"abc");
}
