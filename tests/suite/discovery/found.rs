//! `chatsock find` between two machines.

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::configuration;
use crate::support::machine::{Logged, argument};
use crate::support::network::{Machine, TwoMachines};
use crate::support::programs::have;

/// Starts a server and waits until it answers questions.
fn start(machines: &TwoMachines, machine: Machine, discovery: &str) -> Logged {
    let config = configuration(&format!("listen = [\"0.0.0.0:5555\"]\n{discovery}"));
    let mut server = Logged::start(machines.chatsock(machine, &["--config", argument(&config)]));
    assert_eq!(server.line(), "chatsock 0.1.0");
    assert_eq!(server.line(), "listening on 0.0.0.0:5555 (telnet, nc)");
    assert_eq!(server.line(), "listening on 0.0.0.0:5555 (discovery)");
    server
}

fn find(machines: &TwoMachines, machine: Machine, arguments: &[&str]) -> Output {
    machines.chatsock(machine, &[&["find"], arguments].concat()).output().expect("the program runs")
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn no_server_one_server_and_two_are_found() {
    let Some(machines) = TwoMachines::new() else { return };
    let none = find(&machines, Machine::Two, &["--wait", "200ms"]);
    assert_eq!(text(&none), "No chatsock server answered on this network.\n");
    assert_eq!(none.status.code(), Some(1));
    let none = find(&machines, Machine::Two, &["--wait", "200ms", "--json"]);
    assert_eq!((text(&none).as_str(), none.status.code()), ("", Some(1)));

    let _one = start(&machines, Machine::One, "name = \"box\"");
    let began = Instant::now();
    let one = find(&machines, Machine::Two, &[]);
    let lasted = began.elapsed();
    assert_eq!(text(&one), "box  10.77.0.1:5555  0 people\n");
    assert_eq!(one.status.code(), Some(0));
    assert!(lasted >= Duration::from_secs(1), "it waits a second: {lasted:?}");

    let _two = start(&machines, Machine::Two, "name = \"attic\"");
    let two = find(&machines, Machine::Two, &["--json", "--wait", "1500ms"]);
    let two: Vec<Value> =
        text(&two).lines().map(|line| serde_json::from_str(line).expect("an object per line")).collect();
    let mut found: Vec<_> = two.iter().map(|server| (server["name"].as_str(), server["ip"].as_str())).collect();
    found.sort_unstable();
    assert_eq!(found.len(), 2, "{found:?}");
    // The local server answers at each of the machine's addresses but counts as one server.
    assert!(found[0].0 == Some("attic") && found[1] == (Some("box"), Some("10.77.0.1")), "{found:?}");
}

#[test]
fn a_server_on_the_same_machine_is_found_at_the_address_that_others_see() {
    let Some(machines) = TwoMachines::new() else { return };
    let _server = start(&machines, Machine::One, "name = \"box\"");
    let found = text(&find(&machines, Machine::One, &["--wait", "500ms"]));
    assert!(found.lines().count() == 1 && found.starts_with("box  ") && !found.contains("127.0.0.1"), "{found}");
}

/// A server that listens only on IPv6, among machines that share nothing else. It answers each address once a second.
#[test]
fn a_server_is_found_over_ipv6_by_its_link_and_by_its_own_address() {
    let Some(machines) = TwoMachines::new() else { return };
    for (machine, last) in [(Machine::One, 1), (Machine::Two, 2)] {
        machines.expect(machine, "ip -4 addr flush dev cable");
        machines.expect(machine, &format!("ip addr add fe80::{last}/64 dev cable nodad"));
    }
    let config = configuration("listen = [\"0.0.0.0:5555\"]\nname = \"box\"");
    let text_of_config = std::fs::read_to_string(&config).expect("read");
    std::fs::write(&config, text_of_config.replace("0.0.0.0:", "[::]:")).expect("written");
    let mut server = Logged::start(machines.chatsock(Machine::One, &["--config", argument(&config)]));
    while !server.line().ends_with("(discovery)") {}
    let found = text(&find(&machines, Machine::Two, &["--wait", "1200ms"]));
    assert_eq!(found, "box  [fe80::1%cable]:5555  0 people\n");
    let object = text(&find(&machines, Machine::Two, &["--wait", "1200ms", "--json"]));
    let object: Value = serde_json::from_str(&object).expect("one object");
    assert_eq!((object["ip"].as_str(), object["port"].as_u64()), (Some("fe80::1%cable"), Some(5555)));
    let machines = machines.with_ipv6();
    let found = text(&find(&machines, Machine::Two, &["--wait", "1200ms"]));
    assert!(found.starts_with("box  [f") && found.lines().count() == 1, "{found}");
}

/// Sends questions from an address, and prints how many answers come within half a second.
const ASK_FROM: &str = "import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[3])))
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.sendto(b'{\"chatsock\":\"find\",\"nonce\":\"n\"}'.ljust(400), (sys.argv[2], 5555))
s.settimeout(0.5)
try:
    print('answered', s.recvfrom(2000)[1][0])
except TimeoutError:
    print('silence')
";

#[test]
fn an_address_of_another_network_gets_no_answer() {
    let Some(machines) = TwoMachines::new() else { return };
    if !have(&["python3"]) {
        return;
    }
    let _server = start(&machines, Machine::One, "");
    let ask = |own: &str, to: &str, port: &str| {
        let output = machines.command(Machine::Two, "python3").args(["-c", ASK_FROM, own, to, port]).output();
        text(&output.expect("python3 runs")).trim_end().to_owned()
    };
    // To the server, this looks like a packet with a forged source.
    for to in ["10.77.0.1", "203.0.113.1", "10.77.0.255"] {
        let before = machines.packets_from(Machine::One);
        assert_eq!(ask("203.0.113.2", to, "0"), "silence", "{to}");
        // The server may have to answer one ARP request.
        let sent = machines.packets_from(Machine::One) - before;
        assert!(sent <= 1, "{sent} packets to {to}");
    }
    assert_eq!(ask("10.77.0.2", "10.77.0.1", "53"), "silence", "a service's port");
    assert_eq!(ask("10.77.0.2", "10.77.0.255", "0"), "answered 10.77.0.1");
}

#[test]
fn nothing_is_sent_while_nobody_asks() {
    let Some(machines) = TwoMachines::new() else { return };
    let before = machines.packets_from(Machine::One);
    let mut server = start(&machines, Machine::One, "");
    let (ticks, since) = (server.ticks(), Instant::now());
    while since.elapsed() < Duration::from_secs(2) {
        std::thread::park_timeout(Duration::from_secs(2));
    }
    assert_eq!(machines.packets_from(Machine::One) - before, 0);
    assert!(server.ticks() - ticks <= 1, "an idle server used the processor");
    assert!(server.runs());
}

#[cfg(feature = "client")]
#[test]
fn a_client_without_a_host_uses_the_only_server_found() {
    use std::io::Write as _;
    use std::process::Stdio;

    let Some(machines) = TwoMachines::new() else { return };
    let connect = |arguments: &[&str]| {
        let mut client = machines.chatsock(Machine::Two, &[&["connect"], arguments].concat());
        client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut client = client.spawn().expect("the client starts");
        // The client may have ended without reading.
        let _ = client.stdin.take().expect("stdin").write_all(b"hi\n");
        let output = client.wait_with_output().expect("the client runs");
        (output.status.code(), text(&output), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, _, errors) = connect(&["alice@", "--plain"]);
    assert!(status == Some(1) && errors.contains("No chatsock server answered on this network."), "{errors}");

    let _one = start(&machines, Machine::One, "name = \"box\"");
    let (status, out, errors) = connect(&["alice@", "--plain", "--room", "general"]);
    assert_eq!(status, Some(0), "{out}{errors}");
    assert!(out.contains("alice: hi\n") && [out, errors].concat().contains("* Found box at 10.77.0.1."), "found");
    // An answer is only a hint: the client does not connect to another machine without encryption.
    let (status, out, errors) = connect(&["alice@", "--room", "general"]);
    assert!(status == Some(1) && errors.contains("--plain") && !out.contains("hi"), "{out}{errors}");

    let _two = start(&machines, Machine::Two, "name = \"attic\"");
    let (status, _, errors) = connect(&["alice@", "--plain", "--room", "general"]);
    assert_eq!(status, Some(2), "{errors}");
    assert!(
        errors.contains("several servers answered") && errors.contains("attic") && errors.contains("box"),
        "{errors}"
    );
}
