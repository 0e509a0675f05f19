//! The built program: its output, start, reload, stop and exit statuses.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use chatsock::cli;
use chatsock::hub::ServerRequest;
use socket2::SockRef;

use crate::support::machine::{Logged, argument, eventually, file};
use crate::support::{Client, Program, Server};

/// Runs the program to its end.
fn output(arguments: &[&str]) -> Output {
    Program::command(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// The lines of stderr without the log.
fn sentences(output: &Output) -> Vec<String> {
    text(&output.stderr).lines().filter(|line| !line.starts_with('[')).map(str::to_owned).collect()
}

fn start(config: &Path) -> Logged {
    Logged::start(Program::command(&["--config", argument(config)]))
}

fn config(extra: &str) -> std::path::PathBuf {
    file("chatsock.toml", &format!("listen = [\"127.0.0.1:0\"]\n{extra}"))
}

fn login(address: SocketAddr, name: &str) -> Client {
    let mut client = Client::connect(address);
    client.expect("Username: ");
    client.send(name);
    client.expect(":help explains.\r\n");
    client.expect("> ");
    client
}

fn chat(address: SocketAddr, name: &str, room: &str) -> Client {
    let mut client = login(address, name);
    client.send(&format!(":join {room}"));
    client.expect("to leave.\r\n");
    client.send(":chat");
    client.expect(&format!("{room} | "));
    client
}

/// The exit code in a line of stdout; panics if there is none.
fn exit_code(line: &str) -> String {
    let code = line.strip_prefix("exit code: ").unwrap_or_else(|| panic!("{line:?}"));
    let (first, second) = code.split_once('-').unwrap_or_else(|| panic!("{line:?}"));
    for half in [first, second] {
        assert!(half.len() == 5 && half.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()), "{line:?}");
    }
    code.to_owned()
}

#[test]
fn stdout_has_the_version_one_line_per_listener_the_exit_code_and_nothing_else() {
    let config = file(
        "chatsock.toml",
        "listen = [\"127.0.0.1:0\", \"[::1]:0\"]\nquick_listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0",
    );
    let mut program = start(&config);
    assert_eq!(program.line(), "chatsock 0.1.0");
    for (host, kind) in [("127.0.0.1:", "(telnet, nc)"), ("[::1]:", "(telnet, nc)"), ("127.0.0.1:", "(quick)")] {
        let line = program.line();
        let port = line.strip_prefix("listening on ").and_then(|line| line.strip_prefix(host));
        let port = port.and_then(|rest| rest.strip_suffix(kind)).unwrap_or_else(|| panic!("{line}"));
        assert!(port.trim_end().parse::<u16>().is_ok_and(|port| port > 0) && port.ends_with(' '), "{line}");
    }
    exit_code(&program.line());
    program.signal("TERM");
    assert_eq!(program.rest(), "");
    assert_eq!(program.wait(), Some(0));
}

#[test]
fn listen_on_the_command_line_replaces_the_plain_listeners_and_serve_may_be_given() {
    let config = config("shutdown_delay = 0\nexit_code = false");
    let mut program = Logged::start(Program::command(&[
        "serve",
        "--config",
        argument(&config),
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "127.0.0.1:0",
    ]));
    let (first, second) = (program.address(), program.address());
    assert_ne!(first, second);
    login(first, "alice");
    login(second, "bob");
    program.signal("TERM");
    assert_eq!(program.rest(), "");
}

#[test]
fn without_a_config_the_defaults_apply_and_the_log_names_the_open_file_limit() {
    let mut program = Logged::start(Program::command(&["--listen", "127.0.0.1:0"]));
    let mut client = login(program.address(), "alice");
    client.send(":rooms");
    client.expect("* general   0/-   For general conversations.\r\n");
    let log = program.log();
    let limit = log.split("open-file limit ").nth(1).unwrap_or_else(|| panic!("{log}"));
    let (descriptors, rest) = limit.split_once(": up to ").expect("what it allows");
    let connections = rest.split(' ').next().expect("a number");
    let (descriptors, connections): (u64, u64) =
        (descriptors.parse().expect("a number"), connections.parse().expect("a number"));
    assert!(connections > 0 && connections < descriptors, "{log}");
}

#[test]
fn a_signal_announces_the_stop_refuses_newcomers_says_goodbye_and_exits_with_0() {
    let stops = |signal: &str| {
        // Long enough for a slow machine: a newcomer connects and the others talk in this time.
        let mut program = start(&config("shutdown_delay = 8"));
        let address = program.address();
        let mut viewer = chat(address, "viewer", "general");
        let mut palette = login(address, "palette");
        let mut nobody = Client::connect(address);
        nobody.expect("Username: ");
        let began = Instant::now();
        program.signal(signal);
        for client in [&mut viewer, &mut palette, &mut nobody] {
            client.expect("* Server is shutting down in 8 seconds.\r\n");
        }
        let mut late = Client::connect(address);
        assert_eq!(late.expect_end(), "! The server is shutting down. Please try again later.\r\n");
        // The others go on talking until the end.
        palette.send(":join general");
        viewer.expect("* palette joined\r\n");
        for client in [&mut viewer, &mut palette, &mut nobody] {
            let last = client.expect_end();
            assert!(last.ends_with("* Goodbye.\r\n"), "{last:?}");
            assert_eq!(last.matches("Goodbye").count(), 1, "{last:?}");
        }
        assert_eq!(program.wait(), Some(0));
        let took = began.elapsed();
        assert!(took >= Duration::from_secs(8), "{took:?} with SIG{signal}");
        // It should take half a second; a loaded machine may need longer.
        assert!(took < Duration::from_secs(18), "{took:?} with SIG{signal}");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| stops("INT"));
        scope.spawn(|| stops("TERM"));
    });
}

#[test]
fn clients_that_read_nothing_do_not_delay_the_stop() {
    const STUCK: usize = 20;
    let mut program = start(&config(
        "shutdown_delay = 2\nmessage_limit = 8000\n[limits]\nmessages_per_second = 0\nline_bytes = 9000\n\
         outbox_total_bytes = 0",
    ));
    let address = program.address();
    let mut clients: Vec<_> = (0..200 - STUCK).map(|n| login(address, &format!("c{n:03}"))).collect();
    // A history larger than a socket buffer, and users who request it but do not read it.
    let mut speaker = chat(address, "speaker", "general");
    speaker.send_bytes(format!("{}\r\n", "x".repeat(8000)).repeat(200).as_bytes());
    speaker.settle();
    let mut stuck: Vec<_> = (0..STUCK).map(|n| login(address, &format!("stuck{n:02}"))).collect();
    for client in &mut stuck {
        SockRef::from(client.stream()).set_recv_buffer_size(4096).expect("a small buffer");
        client.send_bytes(b":join general\r\n");
        client.send_bytes(b":history 200\r\n".repeat(10).as_slice());
        // The answer has begun, and the rest of it does not fit into the socket buffers.
        client.expect("speaker: x");
    }
    for _ in 0..STUCK {
        speaker.expect(" joined\r\n");
    }
    let began = Instant::now();
    program.signal("TERM");
    for client in &mut clients {
        client.expect("* Server is shutting down in 2 seconds.\r\n");
    }
    for client in &mut clients {
        assert!(client.expect_end().ends_with("* Goodbye.\r\n"));
    }
    assert_eq!(program.wait(), Some(0));
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(2), "{took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    let log = program.log();
    assert!(log.contains("bytes unread at the end"), "nobody was stuck: {}", log.len());
}

#[test]
fn a_second_signal_ends_the_program_at_once_with_1() {
    for (first, second) in [("INT", "INT"), ("TERM", "INT"), ("INT", "TERM")] {
        let mut program = start(&config("shutdown_delay = 3600"));
        let mut client = login(program.address(), "alice");
        program.signal(first);
        client.expect("* Server is shutting down in 3600 seconds.\r\n");
        program.signal(second);
        assert_eq!(program.wait(), Some(1), "SIG{first}, SIG{second}");
        assert!(!client.expect_end().contains("Goodbye"));
    }
}

#[test]
fn a_reload_takes_the_new_file_and_a_bad_file_changes_nothing() {
    let path = config("welcome_message = \"first\"\nshutdown_delay = 0\n[rooms.general]\n[rooms.games]\n");
    let mut program = start(&path);
    let address = program.address();
    let mut player = chat(address, "player", "games");

    std::fs::write(&path, "welcome_message = 7\nwelcome_massage = \"x\"\n").expect("written");
    program.signal("HUP");
    program.expect_log("keeping the old configuration");
    let log = program.log();
    let line = log.lines().find(|line| line.contains("keeping the old configuration")).expect("the line");
    assert!(line.contains("chatsock.toml:1: ") && line.contains("chatsock.toml:2: "), "all mistakes: {line}");
    let mut client = Client::connect(address);
    client.expect("* first\r\n");
    assert!(!player.settle().contains("closed"));

    let good = "listen = [\"127.0.0.1:0\"]\nwelcome_message = \"second\"\nshutdown_delay = 0\nmessage_limit = 5\n\
                [rooms.general]\n[rooms.music]\ndescription = \"New.\"\n";
    std::fs::write(&path, good).expect("written");
    program.signal("HUP");
    player.expect("* The room games is closed.\r\n");
    player.expect("> ");
    program.expect_log("configuration reloaded");
    let mut client = Client::connect(address);
    client.expect("* second\r\n");
    player.send(":rooms");
    player.expect("* music     0/-   New.\r\n");
    player.send(":join music");
    player.expect("[music]> ");
    player.send(":say too long");
    player.expect("! ");

    // Listeners need a restart, and the log says so.
    std::fs::write(&path, good.replace("127.0.0.1:0", "127.0.0.2:0")).expect("written");
    program.signal("HUP");
    program.expect_log("needs a restart");
    Client::connect(address).expect("* second\r\n");
    program.signal("TERM");
    assert_eq!(program.wait(), Some(0));
}

#[test]
fn a_reload_that_changes_nothing_does_not_mention_a_restart() {
    let path = config("");
    let mut program = Logged::start(Program::command(&["--config", argument(&path), "--listen", "127.0.0.1:0"]));
    program.address();
    program.signal("HUP");
    program.expect_log("configuration reloaded");
    assert!(!program.log().contains("restart"), "{}", program.log());
}

#[test]
fn every_start_has_a_new_exit_code_which_is_never_logged() {
    let path = config("shutdown_delay = 0");
    let mut codes = Vec::new();
    for _ in 0..2 {
        let mut program = Logged::start(Program::command(&["-vv", "--config", argument(&path)]));
        let address = program.address();
        let code = exit_code(&program.line());
        login(address, "alice").send(":quit");
        program.signal("HUP");
        program.expect_log("configuration reloaded");
        program.signal("TERM");
        assert_eq!((program.rest(), program.wait()), (String::new(), Some(0)));
        let log = program.log().to_uppercase();
        assert!(!log.contains(&code) && !log.contains(&code.replace('-', "")), "{code} in {log}");
        codes.push(code);
    }
    assert_ne!(codes[0], codes[1]);
}

#[test]
fn exit_code_off_prints_none_and_a_reload_that_switches_it_on_asks_for_a_restart() {
    let path = config("shutdown_delay = 0\nexit_code = false");
    let mut program = start(&path);
    program.address();
    std::fs::write(&path, "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0").expect("written");
    for times in 1..=2 {
        program.signal("HUP");
        eventually("the log asks for a restart each time", || {
            program.log().matches("no code was made at start; this needs a restart").count() == times
        });
    }
    program.signal("TERM");
    assert_eq!((program.rest(), program.wait()), (String::new(), Some(0)));
}

#[test]
fn a_reload_switches_the_exit_code_off_at_once_and_the_printed_one_on_again() {
    let path = config("shutdown_delay = 0");
    let mut program = start(&path);
    program.address();
    exit_code(&program.line());
    for (switch, said) in [("false", "exit_code is off"), ("true", "exit_code is on: the code printed at start")] {
        let text = format!("listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\nexit_code = {switch}");
        std::fs::write(&path, text).expect("written");
        program.signal("HUP");
        program.expect_log(said);
    }
    assert!(!program.log().contains("restart"), "{}", program.log());
    program.signal("TERM");
    assert_eq!((program.rest(), program.wait()), (String::new(), Some(0)));

    let server = Server::start();
    let code = server.hub().shutdown_code().expect("made at start").to_string();
    server.reconfigure("shutdown_delay = 0\nexit_code = false");
    assert!(server.hub().shutdown_code().is_none());
    server.reconfigure("shutdown_delay = 0");
    assert!(server.hub().shutdown_code().is_some_and(|known| known.matches(&code)));
}

#[test]
fn the_stop_can_be_requested_through_the_hub_and_requesting_it_again_changes_nothing() {
    let server = Server::start();
    let mut alice = server.login("alice");
    for _ in 0..3 {
        server.hub().request(ServerRequest::Stop);
    }
    assert!(alice.expect_end().ends_with("* Goodbye.\r\n"));
    server.join();
}

#[test]
fn a_taken_port_is_one_sentence_with_status_2() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = output(&["--listen", &address]);
    assert_eq!(output.status.code(), Some(2));
    let sentences = sentences(&output);
    assert_eq!(sentences.len(), 1, "{sentences:?}");
    assert!(
        sentences[0].starts_with(&format!("chatsock: cannot listen on {address}: the port is in use")),
        "{sentences:?}"
    );
    assert!(sentences[0].ends_with("choose another port with --listen"), "{sentences:?}");
    assert_eq!(text(&output.stdout), "", "no listener is announced");
}

#[test]
fn a_taken_port_that_listen_does_not_set_is_changed_in_the_config() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let path = config(&format!("quick_listen = [\"{address}\"]\n"));
    let output = output(&["--config", argument(&path)]);
    assert_eq!(output.status.code(), Some(2));
    let sentences = sentences(&output);
    let remedy = "choose another port for the listener (quick) in the config";
    assert!(sentences.len() == 1 && sentences[0].ends_with(remedy), "{sentences:?}");
}

/// The same client has the same address in the log whichever listener it came to: admins search for it, and other
/// programs read it.
#[test]
fn the_log_shows_an_ipv4_client_of_an_ipv6_listener_as_ipv4() {
    let mut program = Logged::start(Program::command(&["--listen", "[::]:0"]));
    let port = program.address().port();
    let alice = login(([127, 0, 0, 1], port).into(), "alice");
    drop(alice);
    program.expect_log("disconnected after");
    let log = program.log();
    assert!(log.contains("client 1001 from 127.0.0.1:") && !log.contains("ffff"), "{log}");
}

#[test]
fn an_unknown_time_zone_is_logged_and_utc_is_used() {
    let path = config("shutdown_delay = 0\n");
    let mut command = Program::command(&["--config", argument(&path)]);
    command.env("TZ", "Europe/Atlantis");
    let mut program = Logged::start(command);
    let mut alice = login(program.address(), "alice");
    program.expect_log("there is no time zone \"Europe/Atlantis\", which TZ names; times are in UTC");
    alice.send(":timezone");
    alice.expect("* Your time zone is UTC.");
}

#[test]
fn all_mistakes_of_a_config_are_reported_at_once_with_their_lines_and_status_2() {
    let path = file("wrong.toml", "chatview_max = \"many\"\nhistory = 5\nshutdown_delay = -1\n[rooms.1]\npublic = 3\n");
    for arguments in [&["--config", argument(&path)][..], &["--check-config", "--config", argument(&path)]] {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        for line in [1, 2, 3, 4] {
            assert!(said.contains(&format!("wrong.toml:{line}: ")), "line {line}: {said}");
        }
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn a_missing_config_is_reported_with_status_2() {
    let output = output(&["--config", "/nowhere/chatsock.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let sentences = sentences(&output);
    assert!(sentences.len() == 1 && sentences[0].contains("/nowhere/chatsock.toml"), "{sentences:?}");
}

#[test]
fn chatsock_toml_in_the_current_directory_is_read() {
    let path = config("welcome_message = \"from the file\"\nshutdown_delay = 0");
    let mut command = Program::command(&[]);
    command.current_dir(path.parent().expect("a directory"));
    let mut program = Logged::start(command);
    Client::connect(program.address()).expect("* from the file\r\n");
}

#[test]
fn check_config_says_that_a_config_is_fine_and_starts_nothing() {
    // The port is in use, but the check does not listen.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let path = file("chatsock.toml", &format!("listen = [\"{}\"]", taken.local_addr().expect("an address")));
    let output = output(&["--check-config", "--config", argument(&path)]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("The configuration is fine.\n".into(), String::new()));
}

#[test]
fn help_and_version_are_printed_with_status_0() {
    for (flags, printed) in [(["--help", "-h"], cli::HELP), (["--version", "-V"], "chatsock 0.1.0")] {
        for flag in flags {
            let output = output(&[flag]);
            assert_eq!(output.status.code(), Some(0));
            assert_eq!(text(&output.stdout), format!("{printed}\n"));
            assert_eq!(text(&output.stderr), "");
        }
    }
}

#[test]
fn an_unknown_flag_is_one_sentence_with_status_2() {
    for wrong in ["--confg", "-x", "server", "--listen", "--listen=nowhere"] {
        let output = output(&[wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        let sentences = sentences(&output);
        assert!(sentences.len() == 1 && sentences[0].starts_with("chatsock: "), "{wrong}: {sentences:?}");
        assert_eq!(text(&output.stdout), "");
    }
    let output = output(&["--confg", "x"]);
    assert_eq!(sentences(&output), ["chatsock: unknown option --confg; did you mean --config?"]);
}

#[test]
fn every_connection_its_end_and_its_reason_are_logged_cleanly() {
    let path = config("shutdown_delay = 0");
    let mut program = start(&path);
    let address = program.address();
    let mut alice = login(address, "alice");
    alice.send(":quit");
    alice.expect_end();
    // Set only after her login.
    std::fs::write(&path, "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n[limits]\nlogin_seconds = 1")
        .expect("written");
    program.signal("HUP");
    program.expect_log("configuration reloaded");
    let mut silent = Client::connect(address);
    silent.send("\u{1b}[31mforged\n[2026] line");
    silent.expect_end();
    program.expect_log("Login timed out");
    eventually("both ends in the log", || program.log().matches(" disconnected after ").count() == 2);
    let log = program.log();
    for part in ["client 1001 from 127.0.0.1:", "connected", "is alice", "s: left", "client 1002 from 127.0.0.1:"] {
        assert!(log.contains(part), "{part:?} in {log}");
    }
    assert!(!log.contains("forged") && !log.contains('\u{1b}'), "{log}");
}
