//! A thousand clients at once, and more clients than descriptors.

#![allow(unreachable_pub, reason = "nothing outside uses this program's modules")]
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;

use std::process::Command;

use crate::support::machine::{Logged, eventually};
use crate::support::{Client, Program, Server};

#[test]
fn a_thousand_users_all_receive_one_line_once_and_then_a_goodbye() {
    const PEOPLE: usize = 1000;
    /// Both ends of every connection are in this process, and some are the test's own.
    const NEEDED: u64 = 2 * PEOPLE as u64 + 200;
    let limit = rlimit::increase_nofile_limit(u64::MAX).expect("the limit");
    if limit < NEEDED {
        println!("LEFT OUT: a thousand clients need {NEEDED} descriptors, the hard limit here is {limit}");
        return;
    }
    let server = Server::start();
    // Everybody arrives at the same time, and sends the next line without waiting for an answer.
    let mut people: Vec<_> = (0..PEOPLE).map(|_| server.connect()).collect();
    for (n, client) in people.iter_mut().enumerate() {
        client.send_bytes(format!("p{n:04}\r\n:join general\r\n:chat\r\n").as_bytes());
    }
    for client in &mut people {
        client.expect(":q goes back.\r\n");
    }
    assert_eq!(server.hub().roster.count(), PEOPLE);
    people[0].send("hello everybody");
    people[0].settle();
    for (n, client) in people.iter_mut().enumerate().skip(1) {
        let seen = client.settle();
        assert_eq!(seen.matches("p0000: hello everybody\r\n").count(), 1, "p{n:04}: {seen}");
    }
    server.ask_to_stop();
    for client in &mut people {
        let last = client.expect_end();
        assert!(last.ends_with("* Goodbye.\r\n"), "{last:?}");
    }
    server.join();
}

/// What a reader has seen of the messages of two speakers, in order.
#[cfg(feature = "web")]
fn order_of(seen: &str) -> Vec<String> {
    let words = seen.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| word.starts_with("say-")).map(str::to_owned).collect()
}

#[cfg(feature = "web")]
#[test]
fn a_thousand_pages_and_a_thousand_terminals_in_one_room_see_the_same_order() {
    const EACH: usize = 1000;
    const MESSAGES: usize = 20;
    const NEEDED: u64 = 4 * EACH as u64 + 200;
    let limit = rlimit::increase_nofile_limit(u64::MAX).expect("the limit");
    if limit < NEEDED {
        println!("LEFT OUT: two thousand clients need {NEEDED} descriptors, the hard limit here is {limit}");
        return;
    }
    let server = Server::with("[web]\nlisten = [\"127.0.0.1:0\"]");
    let web = server.listener("web");
    let mut terminals: Vec<_> = (0..EACH).map(|_| server.connect()).collect();
    for (n, client) in terminals.iter_mut().enumerate() {
        client.send_bytes(format!("t{n:04}\r\n:join general\r\n:chat\r\n").as_bytes());
    }
    let mut pages: Vec<_> = (0..EACH).map(|_| support::web::program(web)).collect();
    for (n, (client, _)) in pages.iter_mut().enumerate() {
        client.send_bytes(format!("{{\"action\":\"login\",\"content\":\"w{n:04}\"}}").as_bytes());
        client.send_bytes(b"{\"id\":\"in\",\"action\":\"join\",\"receiver\":\"general\"}");
    }
    for client in &mut terminals {
        client.expect(":q goes back.\r\n");
    }
    for (client, _) in &mut pages {
        client.expect("{\"id\":\"in\",\"action\":\"ok\"");
    }
    assert_eq!(server.hub().roster.count(), 2 * EACH);
    let mut watcher = server.chat("watcher", "general");
    // One user on each side speaks at the same time, so that the room decides the order.
    let said: String = (0..MESSAGES).map(|n| format!("say-t{n}\r\n")).collect();
    terminals[0].send_bytes(said.as_bytes());
    let say = |text: &str| format!("{{\"action\":\"say\",\"receiver\":\"general\",\"content\":\"{text}\"}}\n");
    let said: String = (0..MESSAGES).map(|n| say(&format!("say-w{n}"))).collect();
    pages[0].0.send_bytes(said.as_bytes());
    let mut seen = String::new();
    while !(seen.contains("say-t19") && seen.contains("say-w19")) {
        seen.push_str(&watcher.expect("\r\n"));
    }
    watcher.send("the-end");
    let mut orders = Vec::new();
    for client in terminals.iter_mut().skip(1) {
        orders.push(order_of(&client.expect("the-end")));
    }
    for (client, _) in &mut pages {
        orders.push(order_of(&client.expect("the-end")));
    }
    assert_eq!(orders[0].len(), 2 * MESSAGES, "{:?}", orders[0]);
    let different = orders.iter().filter(|order| **order != orders[0]).count();
    assert_eq!(different, 0, "of {}", orders.len());
    // Every delivery to a page was one whole frame of text.
    for (_, socket) in &pages {
        assert!(socket.frames().iter().all(|(first, _)| *first == 0x81));
    }
}

/// The program with this limit on open descriptors.
fn limited(descriptors: usize) -> Logged {
    let program = Program::command(&[]).get_program().to_owned();
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -n {descriptors}; exec \"$0\" --listen 127.0.0.1:0")])
        .arg(program)
        .current_dir(support::scratch())
        .env_remove("RUST_LOG");
    Logged::start(command)
}

/// Whether a newcomer is asked for a name. If not, they must have been refused with the reason.
fn gets_in(client: &mut Client) -> bool {
    let first = client.expect("e");
    let is_in = first.ends_with("* W");
    if is_in {
        client.expect("Username: ");
    } else {
        let refusal = client.expect_end();
        assert_eq!(format!("{first}e{refusal}"), "! The server is full. Please try again later.\r\n");
    }
    is_in
}

#[test]
fn newcomers_over_the_open_file_limit_get_a_reason_and_get_in_later() {
    let mut program = limited(64);
    let address = program.address();
    let mut inside = Vec::new();
    loop {
        let mut client = Client::connect(address);
        if !gets_in(&mut client) {
            break;
        }
        inside.push(client);
        assert!(inside.len() < 64, "more connections than descriptors");
    }
    assert!(inside.len() > 4, "{} are not many", inside.len());
    for _ in 0..20 {
        assert!(!gets_in(&mut Client::connect(address)));
    }
    let count = inside.len();
    inside.truncate(count - 3);
    let mut newcomers = Vec::new();
    eventually("three newcomers get in", || {
        let mut client = Client::connect(address);
        if gets_in(&mut client) {
            newcomers.push(client);
        }
        newcomers.len() == 3
    });
    assert!(!gets_in(&mut Client::connect(address)), "three and no more");
    inside[0].send("alice");
    inside[0].expect("* Hello alice.");
}

#[test]
fn refusals_work_even_when_they_take_the_last_descriptor() {
    // Too few for the reserve: one client gets in, and refused connections stay open for a second, which soon uses up the
    // rest.
    let mut program = limited(20);
    let address = program.address();
    let mut inside = Client::connect(address);
    assert!(gets_in(&mut inside));
    let mut refused: Vec<_> = (0..30).map(|_| Client::connect(address)).collect();
    for client in &mut refused {
        assert!(!gets_in(client));
    }
    inside.send("alice");
    inside.expect("* Hello alice.");
    inside.send(":quit");
    inside.expect_end();
    drop(inside);
    eventually("a newcomer gets in", || gets_in(&mut Client::connect(address)));
    let log = program.log();
    assert!(!log.contains("panicked"), "{log}");
    assert!(program.runs());
}
