//! The exit code of the built program: when it stops the server, when it does not, and where it must not appear.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chatsock::access::attempts::{Attempt, Attempter};
use chatsock::chat::message::ClientId;

use crate::support::machine::{Logged, argument, eventually, file};
use crate::support::terminal::{Terminal, UP};
use crate::support::{Client, Program, Server};

const WRONG: &str = "AB12C-3DE4F";

struct Running {
    program: Logged,
    config: PathBuf,
    address: SocketAddr,
    code: String,
}

fn start(extra: &str) -> Running {
    let config = file("chatsock.toml", &format!("listen = [\"127.0.0.1:0\"]\n{extra}"));
    let mut program = Logged::start(Program::command(&["-vv", "--config", argument(&config)]));
    let address = program.address();
    let line = program.line();
    let code = line.strip_prefix("exit code: ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
    Running { program, config, address, code }
}

impl Running {
    /// Asserts that a code is not in the log, in any spelling.
    fn logs_no(&self, code: &str) {
        let log = self.program.log().to_uppercase();
        let code = code.to_uppercase();
        assert!(!log.contains(&code) && !log.contains(&code.replace('-', "")), "{code} in {log}");
    }
}

/// Gives a code. Returns the answer, perhaps with the announcement of the stop before it.
fn give(client: &mut Client, code: &str) -> String {
    client.send(&format!(":shutdown {code}"));
    loop {
        let line = client.expect("\r\n");
        if !line.contains("shutting down") {
            return line[line.find(['!', '*']).unwrap_or_else(|| panic!("{line:?}"))..].to_owned();
        }
    }
}

/// Gives a wrong code until it is compared, since only one attempt a second is.
fn give_wrong(client: &mut Client) {
    eventually("the code is compared", || {
        let answer = give(client, WRONG);
        assert!(!answer.contains("the server is stopping"), "{answer:?}");
        answer.contains("! That is not the exit code.")
    });
}

/// A spelling of the code.
type Write = fn(&str) -> String;

#[test]
fn the_code_stops_the_server_in_either_case_and_without_its_dash() {
    let variants: [(&str, Write); 4] = [
        (":shutdown", str::to_owned),
        ("/shutdown", |code| code.to_lowercase()),
        (":shutdown", |code| code.replace('-', "")),
        (":SHUTDOWN", |code| format!("  {} ", code.replace('-', "").to_lowercase())),
    ];
    for (word, write) in variants {
        let mut running = start("shutdown_delay = 1");
        let mut viewer = Client::chat(running.address, "viewer", "general");
        let mut alice = Client::login(running.address, "alice");
        let began = Instant::now();
        alice.send(&format!("{word} {}", write(&running.code)));
        let told = alice.expect_end();
        assert!(told.contains("* That is the code: the server is stopping.\r\n"), "{told:?}");
        assert!(told.contains("* Server is shutting down in 1 second.\r\n"), "{told:?}");
        assert!(told.ends_with("* Goodbye.\r\n"), "{told:?}");
        viewer.expect("* Server is shutting down in 1 second.\r\n");
        assert!(viewer.expect_end().ends_with("* Goodbye.\r\n"));
        assert_eq!(running.program.wait(), Some(0));
        assert!(began.elapsed() >= Duration::from_secs(1));
        assert!(running.program.log().contains("stops the server by its exit code"));
        running.logs_no(&running.code);
    }
}

#[test]
fn a_second_try_within_the_second_is_refused_without_being_compared_on_any_connection() {
    // On a machine so slow that the second has passed, the code is compared, and is right.
    let refused_in_time = (0..10).any(|_| {
        let mut running = start("shutdown_delay = 1");
        let (mut alice, mut bob) = (Client::login(running.address, "alice"), Client::login(running.address, "bob"));
        let began = Instant::now();
        assert_eq!(give(&mut alice, WRONG), "! That is not the exit code.");
        let answer = give(&mut bob, &running.code);
        let in_time = began.elapsed() < Duration::from_secs(1);
        if in_time {
            assert_eq!(answer, "! Too many tries at the exit code: try again in 1 second.");
            // A user who knows the code can give it when the second is over.
            eventually("the code is compared", || give(&mut bob, &running.code).contains("the server is stopping"));
            assert!(began.elapsed() >= Duration::from_secs(1));
            assert_eq!(running.program.wait(), Some(0));
        }
        in_time
    });
    assert!(refused_in_time, "no second was long enough");
}

#[test]
fn the_third_wrong_code_closes_the_connection_but_does_not_block_its_address() {
    let mut running = start("shutdown_delay = 0");
    let mut alice = Client::login(running.address, "alice");
    let mut bob = Client::login(running.address, "bob");
    for _ in 0..3 {
        give_wrong(&mut alice);
    }
    assert!(alice.expect_end().ends_with("! Too many wrong exit codes.\r\n"));
    eventually("the log has the reason", || running.program.log().contains("Too many wrong exit codes"));
    assert_eq!(running.program.log().matches(": wrong exit code").count(), 3, "{}", running.program.log());
    running.logs_no(WRONG);
    eventually("the code is compared", || give(&mut bob, &running.code).contains("the server is stopping"));
    assert_eq!(running.program.wait(), Some(0));
    running.logs_no(&running.code);
}

#[test]
fn after_thirty_wrong_codes_an_address_must_wait_even_with_the_right_one() {
    let server = Server::with("exit_code = true");
    let hub = server.hub();
    let mut alice = server.login("alice");
    let own: std::net::IpAddr = [127, 0, 0, 1].into();
    let codes = &hub.limits.shutdown_codes;
    // Ten connections, and a second between two attempts: the last attempt is now.
    let mut at = Instant::now().checked_sub(Duration::from_secs(29)).expect("the machine runs for longer");
    for number in 0..30 {
        let tried = Attempt::new(Attempter::Connection(ClientId(1_000_000 + number / 3)), own, ());
        assert_eq!(codes.wait_left(&tried, at), None);
        assert!(codes.begin(tried, at).expect("compared").wrong(at));
        at += Duration::from_secs(1);
    }
    let answer = give(&mut alice, WRONG);
    let wait = answer.strip_prefix("! Too many tries at the exit code: try again in ").expect("refused");
    let seconds: u64 = wait.split(' ').next().and_then(|number| number.parse().ok()).expect("a number");
    assert!((2..=10).contains(&seconds), "{answer:?}");
    let elsewhere = [192, 0, 2, 1].into();
    let tried = Attempt::new(Attempter::Connection(ClientId(1)), elsewhere, ());
    assert_eq!(codes.wait_left(&tried, at), None);
}

#[test]
fn a_code_switched_off_by_a_reload_stops_nothing() {
    let mut running = start("shutdown_delay = 1");
    let mut alice = Client::login(running.address, "alice");
    let listen = "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 1\n";
    std::fs::write(&running.config, format!("{listen}exit_code = false")).expect("written");
    running.program.signal("HUP");
    running.program.expect_log("configuration reloaded");
    assert_eq!(give(&mut alice, &running.code), "! This server has no exit code.");
    std::fs::write(&running.config, listen).expect("written");
    running.program.signal("HUP");
    running.program.expect_log("exit_code is on");
    assert_eq!(give(&mut alice, &running.code), "* That is the code: the server is stopping.");
    assert_eq!(running.program.wait(), Some(0));
}

#[test]
fn a_signal_during_a_stop_by_the_code_ends_at_once_with_1() {
    for signal in ["TERM", "INT"] {
        let mut running = start("shutdown_delay = 3600");
        let mut alice = Client::login(running.address, "alice");
        let mut bob = Client::login(running.address, "bob");
        assert_eq!(give(&mut alice, &running.code), "* That is the code: the server is stopping.");
        bob.expect("* Server is shutting down in 3600 seconds.\r\n");
        // Giving it again changes nothing.
        eventually("the code is compared", || give(&mut bob, &running.code).contains("the server is stopping"));
        assert!(!bob.settle().contains("shutting down"));
        assert!(running.program.runs());
        running.program.signal(signal);
        assert_eq!(running.program.wait(), Some(1), "SIG{signal}");
        assert!(!alice.expect_end().contains("Goodbye"));
    }
}

#[test]
fn in_character_mode_arrow_up_recalls_neither_codes_nor_passwords() {
    let server = Server::with("[rooms.general]\n[rooms.staff]\npublic = false\npassword = \"canary one\"");
    let mut alice = Terminal::login(server.address(), "alice");
    for (line, row) in [
        (":time", "> "),
        (":shutdown canary-zero", "> "),
        (":join staff canary one", "[staff]> "),
        (":create den canary two", "[den]> "),
        (":set password canary three", "[den]> "),
        (":create annex", "[annex]> "),
        (":join staf", "Password: "),
        ("canary four", "[annex]> "),
    ] {
        alice.enter(line);
        // The prompt follows the answer; the line itself is on the row before.
        alice.wait(line, |terminal| {
            let rows = terminal.rows();
            rows.last().is_some_and(|last| last == row) && rows.iter().filter(|row| row.ends_with(line)).count() < 2
        });
    }
    alice.press("\x0c");
    alice.expect_last_row("[annex]> ");
    let before = alice.text().len();
    for recalled in [":join staf", ":create annex", ":set password", ":create den", ":join staff", ":shutdown", ":time"]
    {
        alice.press(UP);
        alice.expect_last_row(&format!("[annex]> {recalled}"));
    }
    let recalled = alice.text().split_off(before);
    assert!(!recalled.contains("canary"), "{recalled:?}");
}

#[test]
fn without_telnet_arrow_up_recalls_nothing() {
    let server = Server::start();
    let mut alice = server.login("alice");
    alice.send(":shutdown canary");
    alice.expect("! That is not the exit code.\r\n");
    alice.send_bytes(b"\x1b[A\r\n");
    let seen = alice.settle();
    assert!(!seen.contains("canary") && !seen.contains("exit code"), "{seen:?}");
}

#[test]
fn a_user_who_gives_the_right_code_sees_the_confirmation_before_the_stop() {
    for _ in 0..20 {
        let mut running = start("shutdown_delay = 0");
        let mut alice = Client::login(running.address, "alice");
        alice.send(&format!(":shutdown {}", running.code));
        let told = alice.expect_end();
        assert!(told.contains("* That is the code: the server is stopping.\r\n"), "{told:?}");
        assert!(told.find("the server is stopping") < told.find("shutting down"), "{told:?}");
        assert_eq!(running.program.wait(), Some(0));
    }
}
