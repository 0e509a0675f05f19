//! The listener: its answers, the metrics' names, and that it delays nobody.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{ON, ask, scrape, server};
use crate::support::machine::{argument, file};
use crate::support::{Client, PATIENCE, Program, Server};

/// All metrics of a standalone server with their types. Dashboards and alerts rely on them.
const FAMILIES: [(&str, &str); 29] = [
    ("chatsock_accepted", "counter"),
    ("chatsock_backlog_bytes", "gauge"),
    ("chatsock_build_info", "gauge"),
    ("chatsock_bytes", "counter"),
    ("chatsock_connections", "gauge"),
    ("chatsock_deliveries", "counter"),
    ("chatsock_delivery_batches", "counter"),
    ("chatsock_delivery_seconds", "histogram"),
    ("chatsock_dropped", "counter"),
    ("chatsock_in_view", "gauge"),
    ("chatsock_laggards", "gauge"),
    ("chatsock_lines", "counter"),
    ("chatsock_logins", "counter"),
    ("chatsock_messages", "counter"),
    ("chatsock_password_seconds", "histogram"),
    ("chatsock_password_waits", "counter"),
    ("chatsock_people", "gauge"),
    ("chatsock_queue_waiters", "gauge"),
    ("chatsock_refused", "counter"),
    ("chatsock_rooms", "gauge"),
    ("chatsock_store_batch_seconds", "histogram"),
    ("chatsock_store_lost", "counter"),
    ("chatsock_store_pending_bytes", "gauge"),
    ("chatsock_threads", "gauge"),
    ("process_cpu_seconds", "counter"),
    ("process_max_fds", "gauge"),
    ("process_open_fds", "gauge"),
    ("process_resident_memory_bytes", "gauge"),
    ("process_start_time_seconds", "gauge"),
];

#[test]
fn all_metrics_are_there_from_the_start_with_all_their_labels() {
    let server = server("", "");
    let page = scrape(server.listener("metrics"));
    let families: Vec<_> = page.types.iter().map(|(name, kind)| (name.as_str(), kind.as_str())).collect();
    assert_eq!(families, FAMILIES);
    for (sample, words) in [
        ("chatsock_connections{listener", &["telnet", "quick", "tls", "web", "json", "proxy", "files"][..]),
        ("chatsock_refused_total{reason", &["full", "per_ip", "rate", "banned", "stopping", "plain", "proxy"]),
        ("chatsock_dropped_total{reason", &["slow", "stalled", "idle", "login", "line", "panic"]),
        ("chatsock_messages_total{kind", &["room", "direct", "action", "temporary"]),
        ("chatsock_bytes_total{direction", &["received", "sent"]),
        ("chatsock_rooms{kind", &["configured", "made"]),
        ("chatsock_logins_total{result", &["ok", "wrong", "wait", "failed"]),
    ] {
        let found = page.samples.keys().filter(|key| key.starts_with(sample)).count();
        assert_eq!(found, words.len(), "{sample}");
        for word in words {
            page.get(&format!("{sample}=\"{word}\"}}"));
        }
    }
    let info = page.samples.keys().find(|key| key.starts_with("chatsock_build_info{")).expect("the build");
    assert!(info.contains(&format!("version=\"{}\"", env!("CARGO_PKG_VERSION"))) && info.contains("metrics"), "{info}");
    assert_eq!(page.get(info), 1.0);
}

#[test]
fn the_kernels_figures_of_the_process_are_there() {
    let server = server("", "");
    let address = server.listener("metrics");
    let (few, held) = (scrape(address), [server.connect(), server.connect()]);
    for client in held {
        client.reset();
    }
    assert!(few.get("process_open_fds") >= 3.0 && few.get("process_max_fds") >= few.get("process_open_fds"));
    assert!(few.get("process_resident_memory_bytes") > 1e6 && few.get("chatsock_threads") >= 3.0);
    let now = jiff::Timestamp::now().as_second() as f64;
    assert!((now - few.get("process_start_time_seconds")).abs() < 86_400.0);
    assert!(scrape(address).get("process_cpu_seconds_total") >= few.get("process_cpu_seconds_total"));
}

#[test]
fn other_requests_get_a_clear_answer() {
    let server = server("", "");
    let address = server.listener("metrics");
    for (request, status, body) in [
        ("GET / HTTP/1.1\r\n\r\n", "404 Not Found", "Only /metrics is here.\n"),
        ("GET /metrics/x HTTP/1.1\r\n\r\n", "404 Not Found", "Only /metrics is here.\n"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed", "Only GET and HEAD are answered here.\n"),
        ("hello\r\n\r\n", "400 Bad Request", "This is not an HTTP request.\n"),
    ] {
        let (head, text) = ask(address, request);
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request:?}: {head}");
        assert_eq!(text, body, "{request:?}");
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", text.len())), "{head}");
    }
    let (head, body) = ask(address, "HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && body.is_empty(), "{head}");
    let (head, text) = ask(address, "GET /metrics HTTP/1.1\r\nAccept: text/plain\r\n\r\n");
    assert!(head.contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert!(text.contains("# TYPE chatsock_accepted_total counter\n") && !text.contains("# EOF"), "{text}");
}

#[test]
fn an_endless_head_is_refused() {
    let server = server("", "");
    // Its client has sent all that it has to say, and reads on.
    let mut stream = TcpStream::connect(server.listener("metrics")).expect("a connection");
    stream.write_all(b"GET /metrics HTTP/1.1").expect("sent");
    stream.shutdown(Shutdown::Write).expect("shut down");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(9000));
    let (head, text) = ask(server.listener("metrics"), &long);
    assert!(head.starts_with("HTTP/1.1 431 "), "{head}");
    assert_eq!(text, "The request is too long: a head may have 8 KiB.\n");
    scrape(server.listener("metrics"));
}

#[test]
fn a_scraper_that_hangs_is_cut_off_and_holds_up_nobody_else() {
    let server = server("", "");
    let address = server.listener("metrics");
    let mut hanging = TcpStream::connect(address).expect("a connection");
    hanging.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let began = Instant::now();
    hanging.write_all(b"GET /metrics HTTP/1.1\r\n").expect("sent");
    // The chat goes on in the meantime.
    let (mut alice, mut bob) = (server.chat("alice", "general"), server.chat("bob", "general"));
    alice.expect("* bob joined");
    bob.send("hello");
    alice.expect("bob: hello");
    let mut answer = String::new();
    hanging.read_to_string(&mut answer).expect("the end");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
    assert!(began.elapsed() >= Duration::from_millis(1900), "{:?}", began.elapsed());
    scrape(address);
    // A client that reads nothing makes no difference.
    let silent = TcpStream::connect(address).expect("a connection");
    scrape(address);
    drop(silent);
}

#[test]
fn the_stop_does_not_wait_for_a_scraper() {
    let server = server("", "");
    let address = server.listener("metrics");
    let mut hanging = TcpStream::connect(address).expect("a connection");
    hanging.write_all(b"GET").expect("sent");
    let began = Instant::now();
    server.end();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(TcpStream::connect(address).is_err(), "the port is free again");
}

#[test]
fn many_scrapes_under_load_lose_no_message() {
    let server = server("", "");
    let address = server.listener("metrics");
    let mut readers: Vec<_> = (0..5).map(|number| server.chat(&format!("reader{number}"), "general")).collect();
    let mut alice = server.chat("alice", "general");
    for reader in &mut readers {
        reader.expect("* alice joined");
    }
    let scraper = std::thread::spawn(move || (0..50).for_each(|_| drop(scrape(address))));
    for number in 0..500 {
        alice.send(&format!("line {number}."));
    }
    for reader in &mut readers {
        for number in 0..500 {
            reader.expect(&format!("alice: line {number}."));
        }
    }
    scraper.join().expect("scraped");
    let page = scrape(address);
    assert_eq!(page.get("chatsock_messages_total{kind=\"room\"}"), 500.0);
}

#[test]
fn no_name_of_a_user_or_a_room_is_in_the_metrics() {
    let server = server("", "[rooms.secretroom]\n");
    let mut alice = server.chat("alicename", "secretroom");
    alice.send("a secret text");
    alice.send("/create secretden");
    alice.expect("secretden");
    let (_, body) = ask(server.listener("metrics"), "GET /metrics HTTP/1.1\r\n\r\n");
    for secret in ["alicename", "secretroom", "secretden", "secret text", "127.0.0.1"] {
        assert!(!body.contains(secret), "{secret} is in {body}");
    }
}

#[test]
fn without_an_address_there_is_no_listener() {
    for section in ["", "[metrics]\n", "[metrics]\nlisten = \"\"\n"] {
        let server = Server::with(section);
        assert_eq!(server.addresses().len(), 2);
        server.end();
    }
}

#[test]
fn the_address_is_announced_with_a_warning_if_it_is_public() {
    let config = file("a.toml", "listen = [\"127.0.0.1:0\"]\n[metrics]\nlisten = \"0.0.0.0:0\"\n");
    let mut program = Program::start(&["--config", argument(&config)]);
    program.line();
    assert!(program.line().ends_with(" (telnet, nc)"));
    let line = program.line();
    let port = line.strip_prefix("listening on 0.0.0.0:").and_then(|rest| rest.strip_suffix(" (metrics)"));
    let port: u16 = port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("{line:?}"));
    scrape(([127, 0, 0, 1], port).into());
    program.signal("TERM");
    assert_eq!(program.wait(), Some(0));
    let log = program.stderr();
    assert!(log.contains("WARN") && log.contains("metrics.listen is 0.0.0.0:0, so anybody"), "{log}");
    let output = Program::command(&["--check-config", "--config", argument(&config)]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("warning: metrics.listen is 0.0.0.0:0"), "{said}");
}

#[test]
fn a_port_in_use_is_reported_in_a_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let config = file("a.toml", &format!("listen = [\"127.0.0.1:0\"]\n[metrics]\nlisten = \"{address}\"\n"));
    let output = Program::command(&["--config", argument(&config)]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
}

#[test]
fn a_reload_keeps_the_listener() {
    let server = server("", "");
    let address = server.listener("metrics");
    server.reconfigure("shutdown_delay = 0\n");
    scrape(address);
    server.reconfigure(&format!("shutdown_delay = 0\n{ON}"));
    scrape(address);
}

/// Prometheus' own checker accepts the page.
#[test]
fn promtool_finds_nothing_wrong() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|directory| directory.join("promtool").is_file()) {
        println!("LEFT OUT: promtool is not installed");
        return;
    }
    let server = server("", "");
    let (_, body) = ask(server.listener("metrics"), "GET /metrics HTTP/1.1\r\nAccept: text/plain\r\n\r\n");
    let mut promtool = std::process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    promtool.stdin.take().expect("its input").write_all(body.as_bytes()).expect("written");
    let output = promtool.wait_with_output().expect("waited");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_client_that_leaves_is_no_longer_counted() {
    let server = server("", "");
    let watch = super::Watch::begin(&server);
    let mut client = Client::login(server.address(), "alice");
    client.send(":quit");
    client.expect_end();
    watch.expect(&[
        ("chatsock_connections{listener=\"telnet\"}", 0),
        ("chatsock_accepted_total", 1),
        ("chatsock_people", 0),
        ("chatsock_logins_total{result=\"ok\"}", 1),
    ]);
}
