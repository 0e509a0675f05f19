//! Each metric, by making its event happen once.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use chatsock::hub::Checkpoint;

use super::{ON, Watch, scrape, server};
use crate::support::{Client, PATIENCE, Server};

/// Two users who view the same room and have seen each other.
fn two(server: &Server) -> (Client, Client) {
    let mut alice = server.chat("alice", "general");
    let bob = server.chat("bob", "general");
    alice.expect("* bob joined\r\n");
    (alice, bob)
}

#[test]
fn a_connection_is_counted_by_its_listener_until_it_ends() {
    let server = server("", "");
    let watch = Watch::begin(&server);
    let (telnet, quick) = (server.connect(), Client::connect(server.quick_address()));
    watch.expect(&[
        ("chatsock_connections{listener=\"telnet\"}", 1),
        ("chatsock_connections{listener=\"quick\"}", 1),
        ("chatsock_accepted_total", 2),
        ("chatsock_refused_total{reason=\"full\"}", 0),
    ]);
    drop((telnet, quick));
    watch.expect(&[("chatsock_connections{listener=\"telnet\"}", 0), ("chatsock_accepted_total", 2)]);
}

#[cfg(feature = "full")]
#[test]
fn each_listener_has_its_own_label() {
    let home = crate::support::home::Home::new();
    let top = format!("state_dir = \"{}\"", home.path().display());
    let server = server(
        &top,
        "[tls]\nlisten = [\"127.0.0.1:0\"]\n[web]\nlisten = [\"127.0.0.1:0\"]\n[json]\n[files]\nlisten = [\"127.0.0.1:0\"]\n\
         [proxy]\nlisten = [\"127.0.0.1:0\"]\ntrusted = [\"127.0.0.1\"]\n",
    );
    for kind in ["tls", "web", "json", "files", "proxy"] {
        let watch = Watch::begin(&server);
        let client = Client::connect(server.listener(kind));
        watch.expect(&[(&format!("chatsock_connections{{listener=\"{kind}\"}}"), 1), ("chatsock_accepted_total", 1)]);
        client.reset();
        watch.expect(&[(&format!("chatsock_connections{{listener=\"{kind}\"}}"), 0), ("chatsock_accepted_total", 1)]);
    }
}

#[test]
fn logged_in_users_and_open_views_are_counted() {
    let server = server("", "");
    let watch = Watch::begin(&server);
    let mut alice = server.login("alice");
    let expected = [
        ("chatsock_people", 1),
        ("chatsock_in_view", 0),
        ("chatsock_lines_total", 1),
        ("chatsock_logins_total{result=\"ok\"}", 1),
    ];
    watch.expect(&expected);
    alice.send(":create den");
    alice.expect("[den]> ");
    alice.send(":chat");
    alice.expect("den | ");
    watch.expect(&[("chatsock_people", 1), ("chatsock_in_view", 1), ("chatsock_rooms{kind=\"made\"}", 1)]);
    alice.send(":q");
    alice.expect("[den]> ");
    watch.expect(&[("chatsock_in_view", 0), ("chatsock_lines_total", 4)]);
    alice.send(":quit");
    alice.expect_end();
    watch.expect(&[("chatsock_people", 0)]);
}

#[test]
fn a_message_counts_as_one_line_one_message_one_batch_and_a_delivery_per_viewer() {
    let server = server("", "");
    let (mut alice, mut bob) = two(&server);
    let mut carol = server.chat("carol", "general");
    alice.expect("* carol joined\r\n");
    bob.expect("* carol joined\r\n");
    let watch = Watch::begin(&server);
    alice.send("hello");
    bob.expect("alice: hello\r\n");
    carol.expect("alice: hello\r\n");
    watch.expect(&[
        ("chatsock_lines_total", 1),
        ("chatsock_messages_total{kind=\"room\"}", 1),
        ("chatsock_deliveries_total", 2),
        ("chatsock_delivery_batches_total", 1),
        ("chatsock_delivery_seconds_count", 1),
    ]);
}

#[test]
fn messages_count_by_kind() {
    let server = server("", "");
    let (mut alice, mut bob) = two(&server);
    for (line, seen, kind) in [
        ("hello", "alice: hello", "room"),
        ("/me waves", "* alice waves", "action"),
        ("/temp 60 soon gone", "soon gone", "temporary"),
        ("@bob psst", "psst", "direct"),
    ] {
        let watch = Watch::begin(&server);
        alice.send(line);
        bob.expect(seen);
        watch.expect(&[(&format!("chatsock_messages_total{{kind=\"{kind}\"}}"), 1), ("chatsock_lines_total", 1)]);
    }
    let watch = Watch::begin(&server);
    alice.send("@bob once more");
    bob.expect("once more");
    // One to bob, and one to alice, since she did not type it in their direct chat.
    watch.expect(&[("chatsock_deliveries_total", 2), ("chatsock_delivery_seconds_count", 1)]);
    let watch = Watch::begin(&server);
    alice.send("/rooms");
    alice.expect("general");
    watch.expect(&[("chatsock_messages_total{kind=\"room\"}", 0), ("chatsock_lines_total", 1)]);
}

/// Reads until the input ends with a text. Returns the number of bytes.
fn read_to(stream: &mut TcpStream, end: &str) -> usize {
    let mut seen = Vec::new();
    while !seen.ends_with(end.as_bytes()) {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).expect("more");
        assert!(count > 0, "{:?}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..count]);
    }
    seen.len()
}

#[test]
fn bytes_are_those_of_the_socket() {
    let server = server("", "");
    let watch = Watch::begin(&server);
    let mut alice = TcpStream::connect(server.address()).expect("a connection");
    alice.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let (mut received, mut sent) = (0, 0);
    for (line, end) in [("", "Username: "), ("alice\r\n", "> "), (":echo twelve chars\r\n", "twelve chars\r\n> ")] {
        alice.write_all(line.as_bytes()).expect("sent");
        received += line.len() as i64;
        sent += read_to(&mut alice, end) as i64;
    }
    watch.expect(&[
        ("chatsock_bytes_total{direction=\"received\"}", received),
        ("chatsock_bytes_total{direction=\"sent\"}", sent),
    ]);
}

#[test]
fn bytes_of_a_delivery_are_counted_with_it() {
    let server = server("", "");
    let (mut alice, mut bob) = two(&server);
    alice.expect("general | ");
    alice.settle();
    alice.expect("general | ");
    let watch = Watch::begin(&server);
    let text = "x".repeat(140);
    for number in 0..10 {
        alice.send(&format!("{text}{number}"));
    }
    bob.expect(&format!("{text}9\r\n"));
    watch.expect(&[("chatsock_messages_total{kind=\"room\"}", 10)]);
    let page = scrape(watch.address);
    let sample = "chatsock_bytes_total{direction=\"sent\"}";
    let sent = page.get(sample) - watch.before.get(sample);
    assert!((1410.0..6000.0).contains(&sent), "{sent}");
}

#[test]
fn connections_that_are_not_admitted_count_by_reason() {
    let cases = [
        ("full", "[limits]\nmax_connections = 1\nmessages_per_second = 0\n"),
        ("per_ip", "[limits]\nexempt = []\nconnections_per_ip = 1\nmessages_per_second = 0\n"),
        ("rate", "[limits]\nexempt = []\nconnections_per_ip_per_minute = 1\nmessages_per_second = 0\n"),
    ];
    for (reason, limits) in cases {
        let server = server("", limits);
        let _first = server.login("alice");
        let watch = Watch::begin(&server);
        server.connect().expect_end();
        watch.expect(&[(&format!("chatsock_refused_total{{reason=\"{reason}\"}}"), 1), ("chatsock_accepted_total", 0)]);
    }
}

#[test]
fn an_untrusted_client_on_a_proxy_port_is_counted_as_such() {
    let server = server("", "[proxy]\nlisten = [\"127.0.0.1:0\"]\ntrusted = [\"192.0.2.1\"]\n");
    let watch = Watch::begin(&server);
    Client::connect(server.listener("proxy")).expect_end();
    watch.expect(&[("chatsock_refused_total{reason=\"proxy\"}", 1), ("chatsock_accepted_total", 0)]);
}

#[test]
fn a_client_behind_a_proxy_may_still_be_refused() {
    let server = server("plain = \"loopback\"", "[proxy]\nlisten = [\"127.0.0.1:0\"]\ntrusted = [\"127.0.0.1\"]\n");
    let watch = Watch::begin(&server);
    let mut client = Client::connect(server.listener("proxy"));
    // PROXY version 2, TCP over IPv4, from 192.0.2.7.
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend_from_slice(&[192, 0, 2, 7, 127, 0, 0, 1, 0x10, 0, 0x15, 0xb3]);
    client.send_bytes(&header);
    client.expect_end();
    watch.expect(&[("chatsock_refused_total{reason=\"plain\"}", 1), ("chatsock_accepted_total", 1)]);
}

#[test]
fn during_the_stop_new_connections_count_as_refused_and_metrics_are_still_served() {
    let text = format!("shutdown_delay = 3\n{ON}");
    let config = chatsock::config::parse(&text, "test").unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let server = Server::configured(config);
    let mut alice = server.login("alice");
    let watch = Watch::begin(&server);
    server.ask_to_stop();
    alice.expect("* Server is shutting down in 3 seconds.");
    server.connect().expect_end();
    watch.expect(&[("chatsock_refused_total{reason=\"stopping\"}", 1)]);
    server.join();
}

#[test]
fn disconnects_for_idleness_and_missing_logins_are_counted_as_such() {
    let server = server("idle_timeout = 2", "[limits]\nlogin_seconds = 2\nmessages_per_second = 0\n");
    let watch = Watch::begin(&server);
    let (mut idle, mut nameless) = (server.login("alice"), server.connect());
    idle.expect_end();
    nameless.expect_end();
    watch.expect(&[("chatsock_dropped_total{reason=\"idle\"}", 1), ("chatsock_dropped_total{reason=\"login\"}", 1)]);
}

#[test]
fn three_lines_that_are_too_long_drop_a_client_and_count_as_lines() {
    let server = server("message_limit = 60", "[limits]\nline_bytes = 64\nmessages_per_second = 0\n");
    let mut alice = server.login("alice");
    let watch = Watch::begin(&server);
    for _ in 0..3 {
        alice.send(&"x".repeat(100));
    }
    alice.expect_end();
    watch.expect(&[("chatsock_dropped_total{reason=\"line\"}", 1), ("chatsock_lines_total", 3)]);
}

#[test]
fn a_panic_counts() {
    let server = server("", "");
    let watch = Watch::begin(&server);
    server.hub().checkpoints.set(Checkpoint::NameFree, || panic!("for the test"));
    let mut alice = server.connect();
    alice.expect("Username: ");
    alice.send("alice");
    alice.expect_end();
    watch.expect(&[("chatsock_dropped_total{reason=\"panic\"}", 1), ("chatsock_people", 0)]);
}

/// Lets alice post more than a socket accepts, until a condition holds.
fn flood(alice: &mut Client, mut until: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let lines = format!("{}\r\n", "y".repeat(140)).repeat(200);
    while !until() {
        assert!(Instant::now() < deadline, "the socket still accepts everything");
        alice.send_bytes(lines.as_bytes());
        alice.settle();
    }
}

#[test]
fn a_client_that_reads_nothing_has_a_backlog_and_is_dropped_as_slow() {
    let server = server("", "[limits]\noutbox_bytes = 100000\nmessages_per_second = 0\nmessage_burst = 0\n");
    let (mut alice, _bob) = two(&server);
    let address = server.listener("metrics");
    let watch = Watch::begin(&server);
    let mut behind = false;
    flood(&mut alice, || {
        let page = scrape(address);
        behind |= page.get("chatsock_backlog_bytes") > 0.0 && page.get("chatsock_laggards") == 1.0;
        page.get("chatsock_dropped_total{reason=\"slow\"}") == 1.0
    });
    assert!(behind, "no scrape has seen the backlog");
    watch.expect(&[
        ("chatsock_dropped_total{reason=\"slow\"}", 1),
        ("chatsock_backlog_bytes", 0),
        ("chatsock_laggards", 0),
    ]);
}

#[test]
fn a_client_that_accepts_nothing_for_too_long_is_dropped_as_stalled() {
    let server = server("", "[limits]\noutbox_stall_seconds = 1\nmessages_per_second = 0\nmessage_burst = 0\n");
    let (mut alice, _bob) = two(&server);
    let address = server.listener("metrics");
    let watch = Watch::begin(&server);
    flood(&mut alice, || scrape(address).get("chatsock_laggards") == 1.0);
    watch.expect(&[("chatsock_dropped_total{reason=\"stalled\"}", 1), ("chatsock_laggards", 0)]);
}

#[cfg(feature = "storage")]
mod with_accounts {
    use super::super::{ON, Watch, scrape};
    use crate::support::Client;
    use crate::support::home::{ASKED, History, Home, PASSWORD};

    /// Right passwords, wrong ones, and the wait after three wrong ones.
    #[test]
    fn passwords_waits_and_logins_count_and_so_do_batches_of_the_database() {
        let home = Home::new();
        let server = home.start(History::Kept, &format!("login_attempts = 3\n{ON}"));
        let mut alice = server.login("alice");
        let watch = Watch::begin(&server);
        alice.send(":register");
        alice.expect(ASKED);
        alice.send(PASSWORD);
        alice.expect(ASKED);
        alice.send(PASSWORD);
        alice.expect("is now registered to you");
        watch.expect(&[("chatsock_password_seconds_count", 1), ("chatsock_logins_total{result=\"ok\"}", 0)]);
        let page = scrape(watch.address);
        assert!(
            page.get("chatsock_store_batch_seconds_count") > watch.before.get("chatsock_store_batch_seconds_count")
        );
        alice.send(":quit");
        alice.expect_end();

        let watch = Watch::begin(&server);
        let mut guesser = Client::connect(server.address());
        guesser.expect("Username: ");
        for attempt in 0..4 {
            guesser.send("alice");
            guesser.expect(ASKED);
            guesser.send(&format!("wrong {attempt}"));
            guesser.expect("\r\n");
        }
        watch.expect(&[
            // The third begins the wait, and the fourth is not compared.
            ("chatsock_password_seconds_count", 3),
            ("chatsock_password_waits_total", 1),
            ("chatsock_logins_total{result=\"wrong\"}", 2),
            ("chatsock_logins_total{result=\"wait\"}", 2),
        ]);
    }
}
