//! The PROXY header on a listener for proxies, and on all others.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::behind_proxies;
use crate::support::proxy::{SIGNATURE, header, header_for};
use crate::support::{Client, PATIENCE, Server};

/// A client whose proxy has sent this header.
fn knock(address: SocketAddr, header: &[u8]) -> Client {
    let mut client = Client::connect(address);
    client.send_bytes(header);
    client
}

/// The address in the answer to `:whoami`.
fn address_of(client: &mut Client) -> String {
    client.send(":whoami");
    client.expect("You connect from ");
    client.expect(",")
}

#[test]
fn a_client_is_known_by_the_address_in_the_header() {
    let (_server, address) = behind_proxies("");
    for (number, (named, shown)) in
        [("203.0.113.7", "203.0.113.7"), ("2001:db8::7", "2001:db8::7"), ("::ffff:203.0.113.8", "203.0.113.8")]
            .into_iter()
            .enumerate()
    {
        let mut alice = knock(address, &header_for(named, &[])).logged_in(&format!("alice{number}"));
        assert_eq!(address_of(&mut alice), shown);
        alice.send(":join general");
        alice.expect("* Joined general");
    }
}

#[test]
fn the_proxys_own_connections_and_those_of_unknown_clients_have_its_address() {
    let (_server, address) = behind_proxies("");
    let local = header(0x20, 0x11, &[203, 0, 113, 7, 1, 2, 3, 4, 0, 1, 0, 2]);
    for (number, header) in [header(0x20, 0, &[]), local, header(0x21, 0, &[])].into_iter().enumerate() {
        let mut alice = knock(address, &header).logged_in(&format!("alice{number}"));
        assert_eq!(address_of(&mut alice), "127.0.0.1");
    }
}

#[test]
fn a_header_may_be_split_anywhere() {
    let (_server, address) = behind_proxies("");
    // Loopback addresses are exempt from the rate of new connections.
    let header = header_for("127.0.0.9", b"\x04\0\x02ab");
    for cut in 1..header.len() {
        let mut client = knock(address, &header[..cut]);
        client.send_bytes(&header[cut..]);
        client.expect("Username: ");
    }
    let mut single = Client::connect(address);
    header.iter().for_each(|byte| single.send_bytes(std::slice::from_ref(byte)));
    single.expect("Username: ");
}

#[test]
fn optional_fields_are_skipped_and_nothing_after_them_is_lost() {
    let (_server, address) = behind_proxies("");
    for rest in [&[0xFF; 3][..], &[0; 500]] {
        let mut whole = header_for("203.0.113.7", rest);
        whole.extend(b"alice\r\n:whoami\r\n:quit\r\n");
        let mut alice = knock(address, &whole);
        alice.expect("You connect from 203.0.113.7,");
        alice.expect("* Goodbye.\r\n");
        alice.expect_end();
    }
}

#[test]
fn input_that_cannot_become_a_header_closes_the_connection_silently_at_once() {
    let (_server, address) = behind_proxies("");
    let long = [&SIGNATURE[..], &[0x21, 0x11, 0xFF, 0xFF]].concat();
    let mut udp = header_for("203.0.113.7", &[]);
    udp[13] = 0x12;
    let short = header(0x21, 0x11, &[203, 0, 113, 7]);
    let version = header(0x31, 0x11, &[0; 12]);
    for header in
        [&long[..], &udp, &short, &version, b"alice\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"\r\nx"]
    {
        let began = Instant::now();
        assert_eq!(knock(address, header).expect_end(), "", "{}", header.escape_ascii());
        assert!(began.elapsed() < Duration::from_secs(4), "{}", header.escape_ascii());
    }
}

#[test]
fn version_1_and_unix_sockets_are_refused_by_name() {
    let (_server, address) = behind_proxies("");
    let mut text = knock(address, b"PROXY TCP4 203.0.113.7 198.51.100.1 4242 5555\r\nalice\r\n");
    assert_eq!(text.expect_end(), "! This port takes PROXY headers of version 2, not of version 1.\r\n");
    let mut unix = knock(address, &header(0x21, 0x31, &[0; 216]));
    assert_eq!(unix.expect_end(), "! This port takes connections over TCP only, not over a UNIX socket.\r\n");
}

#[test]
fn an_unfinished_header_ends_after_five_seconds_and_a_dropped_one_at_once() {
    let (server, address) = behind_proxies("");
    let header = header_for("203.0.113.7", &[]);
    let mut dropped = knock(address, &header[..15]);
    dropped.finish();
    assert_eq!(dropped.expect_end(), "");
    let began = Instant::now();
    let mut unfinished = knock(address, &header[..15]);
    let mut silent = Client::connect(address);
    assert_eq!(unfinished.expect_end() + &silent.expect_end(), "");
    let took = began.elapsed();
    assert!((Duration::from_secs(4)..PATIENCE).contains(&took), "{took:?}");
    let deadline = Instant::now() + PATIENCE;
    while server.hub().shutdown.open() > 0 {
        assert!(Instant::now() < deadline, "something of them is left");
        std::thread::yield_now();
    }
}

#[test]
fn impossible_client_addresses_are_refused() {
    let (_server, address) = behind_proxies("");
    for named in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1"] {
        let told = knock(address, &header_for(named, &[])).expect_end();
        assert_eq!(told, "! The PROXY header has an address that no client can have here.\r\n", "{named}");
    }
}

#[test]
fn the_machines_own_address_is_refused_from_another_machine() {
    // As far as the server can tell, connections from a non-loopback address come from another machine.
    let own = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let Ok(own) = own.map(|own| own.ip()) else {
        return println!("LEFT OUT: this machine has no address of its own");
    };
    let server = Server::with(&format!("[proxy]\nlisten = [\"{own}:0\"]\ntrusted = [\"{own}\"]\n"));
    let address = server.addresses()[2];
    for named in ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"] {
        let told = knock(address, &header_for(named, &[])).expect_end();
        assert_eq!(told, "! The PROXY header has an address that no client can have here.\r\n", "{named}");
    }
    let mut alice = knock(address, &header_for("203.0.113.7", &[])).logged_in("alice");
    assert_eq!(address_of(&mut alice), "203.0.113.7");
}

#[test]
fn untrusted_peers_are_refused_whatever_they_send() {
    let server = Server::with("[proxy]\nlisten = [\"127.0.0.1:0\"]\ntrusted = [\"192.0.2.1\"]\n");
    let address = server.addresses()[2];
    for sent in [&b""[..], b"alice\r\n", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n", &header_for("203.0.113.7", &[])] {
        let mut stranger = Client::connect(address);
        // It may be closed already.
        let _ = stranger.stream().write_all(sent);
        assert_eq!(stranger.expect_end(), "! This port is for proxies.\r\n", "{}", sent.escape_ascii());
    }
}

#[test]
fn other_listeners_ignore_the_address_in_a_header() {
    let server = Server::start();
    for address in [server.address(), server.quick_address()] {
        let told =
            knock(address, &[&header_for("203.0.113.7", &[])[..], b"alice\r\n:whoami\r\n"].concat()).expect_end();
        assert_eq!(told, "! Only the listeners in [proxy] take PROXY headers.\r\n");
    }
}

#[test]
fn the_limits_are_those_of_the_client_and_not_of_the_proxy() {
    let (_server, address) = behind_proxies("[limits]\nexempt = []\nconnections_per_ip = 2\n");
    let mut one = knock(address, &header_for("203.0.113.7", &[])).logged_in("one");
    let mut two = knock(address, &header_for("203.0.113.7", &[])).logged_in("two");
    let refused = knock(address, &header_for("203.0.113.7", &[])).expect_end();
    assert_eq!(refused, "! Too many connections from your address: at most 2 at once.\r\n");
    for number in 0..5 {
        knock(address, &header_for(&format!("203.0.113.{}", 10 + number), &[])).expect("Username: ");
    }
    two.send(":quit");
    two.expect_end();
    one.settle();
    // The place of the client that has left is free again.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut next = knock(address, &header_for("203.0.113.7", &[]));
        next.finish();
        if next.expect_end().contains("Username: ") {
            break;
        }
        assert!(Instant::now() < deadline, "the place is never free");
    }
}

#[test]
fn at_most_64_connections_of_a_proxy_wait_for_their_header() {
    let (_server, address) = behind_proxies("[limits]\nexempt = []\nconnections_per_ip = 1\n");
    let waiting: Vec<TcpStream> = (0..64).map(|_| TcpStream::connect(address).expect("connected")).collect();
    assert_eq!(Client::connect(address).expect_end(), "! The server is full. Please try again later.\r\n");
    // Once they have named their clients, they no longer count for the proxy.
    let mut named = Vec::new();
    for (number, stream) in waiting.into_iter().enumerate() {
        let mut stream = stream;
        stream.write_all(&header_for(&format!("203.0.{}.{number}", 113), &[])).expect("sent");
        named.push(stream);
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut next = knock(address, &header_for("203.0.112.1", &[]));
        next.finish();
        if next.expect_end().contains("Username: ") {
            break;
        }
        assert!(Instant::now() < deadline, "they still count");
    }
}

#[test]
fn without_encryption_only_clients_on_the_machine_itself_where_the_setting_says_so() {
    let (_server, address) = behind_proxies("plain = \"loopback\"");
    let told = knock(address, &header_for("203.0.113.7", &[])).expect_end();
    assert_eq!(told, "! This server takes no unencrypted connections from your address.\r\n");
    knock(address, &header_for("127.0.0.1", &[])).expect("Username: ");
}

#[cfg(feature = "storage")]
mod operators {
    use super::*;
    use crate::support::home::{History, Home, come_in};

    #[test]
    fn an_operator_sees_the_clients_address_and_a_ban_affects_only_the_client() {
        let home = Home::new();
        home.accounts(&["olga"]);
        let section = "operators = [\"olga\"]\n[proxy]\nlisten = [\"127.0.0.1:0\"]\ntrusted = [\"127.0.0.1\"]\n";
        let server = home.start(History::Forgotten, section);
        let address = server.addresses()[2];
        let mut olga = come_in(&server, "olga");
        let mut alice = knock(address, &header_for("203.0.113.7", &[])).logged_in("alice");
        let mut bob = knock(address, &header_for("203.0.113.8", &[])).logged_in("bob");
        olga.send(":whois alice");
        olga.expect(" from 203.0.113.7, ");
        olga.send(":banip 203.0.113.7 spam");
        olga.expect("* 203.0.113.7 is banned; 1 person disconnected.\r\n");
        assert!(alice.expect_end().contains("banned"));
        bob.settle();
        let again = knock(address, &header_for("203.0.113.7", &[])).expect_end();
        assert_eq!(again, "! Your address is banned (spam).\r\n");
        knock(address, &header_for("203.0.113.9", &[])).expect("Username: ");
    }
}
