//! A file from one machine to another, using the lines that each user copies.

use std::fs;
use std::net::IpAddr;
use std::process::{Child, Stdio};

use super::{contents, empty, random};
use crate::support::machine::{Logged, argument, eventually, file};
use crate::support::network::{Machine, Person, TwoMachines};
use crate::support::programs::{Terminal, have};

/// The line to copy that contains this.
fn copied(person: &mut Person, part: &str) -> String {
    let line = |terminal: &Terminal| {
        // There may be half a line after the last line end.
        let raw = terminal.raw();
        let whole = raw.rsplit_once("\r\n").map_or("", |(whole, _)| whole).to_owned();
        whole
            .lines()
            .filter_map(|line| line.find("f=").map(|at| line[at..].to_owned()))
            .find(|line| line.contains(part))
    };
    person.terminal.wait(part, |terminal| line(terminal).is_some());
    line(&person.terminal).expect("the line")
}

/// Runs a shell command in its own directory.
fn start(machines: &TwoMachines, machine: Machine, folder: &std::path::Path, line: &str) -> Child {
    let mut shell = machines.command(machine, "sh");
    shell.args(["-c", &format!("cd '{}' && {line}", folder.display())]);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell runs")
}

/// Offers a file from machine two to machine one, where the server is, and transfers it with one program.
fn pass(alice_at: &str, bob_at: &str, program: &str) {
    let Some(machines) = TwoMachines::new() else { return };
    if !have(&["nc.openbsd", "nc", "curl"]) {
        return;
    }
    let machines = machines.with_ipv6();
    let config = file(
        "chatsock.toml",
        "listen = [\"0.0.0.0:5555\", \"[::]:5555\"]\nexit_code = false\nshutdown_delay = 0\n\
         [files]\nlisten = [\"0.0.0.0:5558\", \"[::]:5558\"]\n",
    );
    let mut server = Logged::start(machines.chatsock(Machine::One, &["--config", argument(&config)]));
    (0..4).for_each(|_| _ = server.address());
    let mut alice = Person::connect(&machines, Machine::Two, None, alice_at, "5555").logged_in("alice");
    let mut bob = Person::connect(&machines, Machine::One, None, bob_at, "5555").logged_in("bob");
    alice.says(":send bob data", ":files lists it");
    bob.terminal.expect_text("offers you data");
    bob.says(":accept 1", "run one of these in another terminal");
    let in_url = |host: &str| match host.parse() {
        Ok(IpAddr::V6(_)) => format!("[{host}]"),
        _ => host.to_owned(),
    };
    let line = |person: &mut Person, host: &str| match program {
        "nc" => copied(person, &format!("nc {host} 5558")),
        _ => copied(person, &format!("http://{}:5558/f/", in_url(host))),
    };
    // Each line has the address that its user connected to.
    let (send, get) = (line(&mut alice, alice_at), line(&mut bob, bob_at));
    let (from, to, content) = (empty(), empty(), random(5, 3_000_000));
    fs::write(from.join("data"), &content).expect("written");
    let mut sender = start(&machines, Machine::Two, &from, &send);
    let mut receiver = start(&machines, Machine::One, &to, &get);
    let ended = |child: &mut Child| child.try_wait().expect("waited").is_some_and(|status| status.success());
    eventually("both ends are done", || ended(&mut sender) && ended(&mut receiver));
    assert!(fs::read(to.join("data")).expect("the file") == content, "another file");
    assert_eq!(contents(&to), ["data"]);
    for person in [&mut alice, &mut bob] {
        person.terminal.expect_text("data: 3,000,000 bytes");
    }
}

#[test]
fn a_file_goes_from_one_machine_to_another_with_nc() {
    pass("10.77.0.1", "203.0.113.1", "nc");
}

#[test]
fn a_file_goes_from_one_machine_to_another_with_curl() {
    pass("203.0.113.1", "10.77.0.1", "curl");
}

#[test]
fn a_file_goes_from_one_machine_to_another_over_ipv6() {
    pass("fd77::1", "fd77::1", "nc");
    pass("fd77::1", "10.77.0.1", "curl");
}
