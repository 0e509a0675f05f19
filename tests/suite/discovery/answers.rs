//! Questions and answers on this machine: their content, and the limits on answers.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use chatsock::protocol::discovery::question;
use serde_json::Value;

use crate::support::random::Random;
use crate::support::{PATIENCE, Server};

/// Longer than an answer takes, for checks that there is none.
const SILENCE: Duration = Duration::from_millis(300);

fn start(more: &str) -> (Server, SocketAddr) {
    let server = Server::with(&format!("[discovery]\nlisten = [\"127.0.0.1:0\"]\n{more}"));
    let address = server.listener("discovery");
    (server, address)
}

fn socket(own: impl Into<Ipv4Addr>) -> UdpSocket {
    UdpSocket::bind((own.into(), 0)).expect("an address of this machine")
}

/// The answers that arrive within a time.
fn answers(socket: &UdpSocket, wait: Duration) -> Vec<Vec<u8>> {
    let (end, mut found) = (Instant::now() + wait, Vec::new());
    let mut buffer = [0; 4096];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return found;
        }
        socket.set_read_timeout(Some(left)).expect("a timeout");
        if let Ok(length) = socket.recv(&mut buffer) {
            found.push(buffer[..length].to_vec());
        }
    }
}

/// The next answer.
fn answer(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 4096];
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let length = socket.recv(&mut buffer).expect("an answer in time");
    buffer[..length].to_vec()
}

fn object(packet: &[u8]) -> Value {
    serde_json::from_slice(packet).expect("JSON")
}

fn padded(text: &str, length: usize) -> Vec<u8> {
    let mut packet = text.as_bytes().to_vec();
    packet.resize(length, b' ');
    packet
}

#[test]
fn a_question_gets_one_answer_with_the_servers_facts_and_its_nonce() {
    let (server, address) = start("name = \"box \\\"1\\\"\"");
    let _alice = server.login("alice");
    let asking = socket([127, 0, 0, 1]);
    let packet = question("00112233445566778899aabbccddeeff");
    asking.send_to(&packet, address).expect("sent");
    let answered = answer(&asking);
    assert!(answered.len() <= packet.len());
    let said = object(&answered);
    for (key, expected) in [
        ("chatsock", Value::from("here")),
        ("nonce", "00112233445566778899aabbccddeeff".into()),
        ("ip", "127.0.0.1".into()),
        ("port", server.address().port().into()),
        ("name", "box \"1\"".into()),
        ("people", 1.into()),
    ] {
        assert_eq!(said[key], expected, "{key} in {said}");
    }
    assert!(said.get("tls").is_none() && said.get("web").is_none() && said.get("fingerprint").is_none(), "{said}");
    assert!(!said.to_string().contains("general") && !said.to_string().contains("alice"), "{said}");
}

#[test]
fn the_name_comes_from_the_machine_or_the_configuration() {
    let (server, address) = start("");
    let name = |own: u8| {
        let asking = socket([127, 0, 0, own]);
        asking.send_to(&question("n"), address).expect("sent");
        object(&answer(&asking))["name"].as_str().expect("a name").to_owned()
    };
    assert!(name(1).starts_with("chatsock on "));
    server.reconfigure("[discovery]\nname = \"attic\"\n");
    assert_eq!(name(2), "attic");
}

#[cfg(all(feature = "tls", feature = "web"))]
#[test]
fn an_answer_has_the_ports_of_tls_and_the_page_and_the_fingerprint() {
    let state = crate::support::scratch();
    let server = Server::with(&format!(
        "state_dir = \"{}\"\n[tls]\nlisten = [\"127.0.0.1:0\"]\n[web]\nlisten = [\"127.0.0.1:0\"]\n\
         tls_listen = [\"127.0.0.1:0\"]\n[discovery]\nlisten = [\"127.0.0.1:0\"]",
        state.display()
    ));
    let asking = socket([127, 0, 0, 1]);
    asking.send_to(&question("n"), server.listener("discovery")).expect("sent");
    let said = object(&answer(&asking));
    for (key, name) in [("port", "telnet, nc"), ("tls", "tls"), ("web", "web"), ("web_tls", "web, tls")] {
        assert_eq!(said[key], server.listener(name).port(), "{key} in {said}");
    }
    assert_eq!(said["fingerprint"].as_str().map(str::len), Some(95), "{said}");
}

#[test]
fn no_answer_is_longer_than_its_question_and_other_packets_get_none() {
    let (_server, address) = start("");
    let asking = socket([127, 0, 0, 1]);
    let long = format!(r#"{{"chatsock":"find","nonce":"{}"}}"#, "x".repeat(65));
    for packet in [
        padded(r#"{"chatsock":"find","nonce":"n"}"#, 399),
        r#"{"chatsock":"find","nonce":"n"}"#.into(),
        padded(r#"{"chatsock":"here","nonce":"n","ip":"127.0.0.1","port":5555}"#, 400),
        padded(r#"{"ip":"127.0.0.1"}"#, 400),
        padded(&long, 400),
        vec![b'{'; 1400],
        vec![0; 65_000],
        Vec::new(),
    ] {
        asking.send_to(&packet, address).expect("sent");
    }
    assert_eq!(answers(&asking, SILENCE).len(), 0);
    // It still answers.
    asking.send_to(&question("n"), address).expect("sent");
    assert_eq!(object(&answer(&asking))["nonce"], "n");
}

#[test]
fn an_answer_goes_to_the_asker_and_not_to_the_address_in_the_question() {
    let (_server, address) = start("");
    let (asking, named) = (socket([127, 0, 0, 1]), socket([127, 0, 0, 2]));
    let port = named.local_addr().expect("its address").port();
    let text = format!(r#"{{"ip":"127.0.0.2","port":{port}}}"#);
    asking.send_to(&padded(&text, 400), address).expect("sent");
    let said = object(&answer(&asking));
    assert!(said["ip"] == "127.0.0.1" && said.get("nonce").is_none(), "{said}");
    assert_eq!(answers(&named, SILENCE).len(), 0);
}

#[test]
fn an_address_gets_one_answer_a_second_over_all_its_ports() {
    let (_server, address) = start("");
    let (one, other) = (socket([127, 0, 0, 1]), socket([127, 0, 0, 1]));
    let began = Instant::now();
    for _ in 0..20 {
        one.send_to(&question("n"), address).expect("sent");
        other.send_to(&question("n"), address).expect("sent");
    }
    let mut count = answers(&one, SILENCE).len();
    count += answers(&other, Duration::from_millis(1)).len();
    let most = 1 + usize::try_from(began.elapsed().as_secs()).expect("a number");
    assert!((1..=most).contains(&count), "{count} answers in {:?}", began.elapsed());
}

#[cfg(target_os = "linux")]
#[test]
fn all_addresses_together_get_ten_answers_a_second() {
    let (_server, address) = start("");
    let all: Vec<_> = (1..=40).map(|last| socket([127, 0, 1, last])).collect();
    let began = Instant::now();
    for asking in &all {
        asking.send_to(&question("n"), address).expect("sent");
    }
    let first = answers(&all[0], SILENCE).len();
    let rest: usize = all[1..].iter().map(|asking| answers(asking, Duration::from_millis(1)).len()).sum();
    let most = 10 * (1 + usize::try_from(began.elapsed().as_secs()).expect("a number"));
    assert!((10..=most).contains(&(first + rest)), "{} answers in {:?}", first + rest, began.elapsed());
}

#[test]
fn a_service_s_port_gets_no_answer() {
    let (_server, address) = start("");
    // A free port below 1024, which only root can bind.
    let Some(service) = (900..1024).rev().find_map(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()) else {
        return println!("LEFT OUT: ports below 1024 are for root");
    };
    service.send_to(&question("n"), address).expect("sent");
    assert_eq!(answers(&service, SILENCE).len(), 0);
}

#[test]
fn random_packets_change_nothing() {
    let (_server, address) = start("");
    let (asking, mut random) = (socket([127, 0, 0, 1]), Random::new(7));
    let parts: &[&[u8]] =
        &[b"{", b"}", b"[", b"\"chatsock\":\"find\"", b"\"nonce\":\"", b"\"", b",", b"\xff", b"\\u0000", b"9", b" "];
    let (mut asked, mut answered) = (0, 0);
    for _ in 0..5_000 {
        let mut packet = Vec::new();
        let length = random.below(1600);
        while packet.len() < length {
            match random.below(3) {
                0 => packet.extend(random.number().to_le_bytes()),
                1 => packet.extend_from_slice(random.choose(parts)),
                _ => packet.extend([b' '; 64]),
            }
        }
        asked += packet.len();
        asking.send_to(&packet, address).expect("sent");
    }
    answered += answers(&asking, SILENCE).iter().map(Vec::len).sum::<usize>();
    assert!(answered <= asked, "{answered} bytes for {asked}");
    let other = socket([127, 0, 0, 2]);
    other.send_to(&question("n"), address).expect("sent");
    assert_eq!(object(&answer(&other))["nonce"], "n");
}

#[test]
fn a_stop_ends_the_answers_and_frees_the_port() {
    let (server, address) = start("");
    server.end();
    UdpSocket::bind(address).expect("the port is free");
}

#[test]
fn an_address_that_is_taken_keeps_the_server_from_starting() {
    let taken = socket([127, 0, 0, 1]);
    let address = taken.local_addr().expect("its address");
    let error = Server::try_with(&format!("[discovery]\nlisten = [\"{address}\"]")).err().expect("no server");
    let expected = format!(
        "cannot receive questions on {address} (UDP): another program has it; choose another address in listen of [discovery]"
    );
    assert!(error.to_string() == expected && error.is_users(), "{error}");
}
