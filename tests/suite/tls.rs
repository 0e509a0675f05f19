//! TLS: the same chat on an encrypted listener, its certificate, and clients that connect to it by mistake.

#![cfg(all(target_os = "linux", feature = "tls"))]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::support::machine::{Logged, argument, eventually, file};
use crate::support::tls::Trust;
use crate::support::{Client, Layer as _, PATIENCE, Program, Server, scratch};

/// A server with a listener for TLS and a self-signed certificate.
struct Encrypted {
    server: Server,
    trust: Trust,
    directory: PathBuf,
}

impl Encrypted {
    fn start() -> Encrypted {
        Encrypted::with("")
    }

    fn with(extra: &str) -> Encrypted {
        let directory = scratch();
        let server = Server::with(&format!(
            "state_dir = \"{}\"\n{extra}\n[tls]\nlisten = [\"127.0.0.1:0\"]",
            directory.display()
        ));
        let trust = Trust::in_file(&directory.join("chatsock-certificate.pem"));
        Encrypted { server, trust, directory }
    }

    fn login(&self, name: &str) -> Client {
        self.trust.login(self.server.tls_address(), name)
    }

    fn chat(&self, name: &str) -> Client {
        self.trust.chat(self.server.tls_address(), name, "general")
    }

    /// A client configuration that trusts the certificate and speaks only TLS 1.2.
    fn old(&self) -> Trust {
        Trust::old_in_file(&self.directory.join("chatsock-certificate.pem"))
    }
}

/// A certificate and its key in files of a new directory.
fn pair(name: &str) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a pair");
    let directory = scratch();
    let (certificate, key) = (directory.join(format!("{name}.pem")), directory.join(format!("{name}.key")));
    fs::write(&certificate, made.cert.pem()).expect("written");
    fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    (certificate, key)
}

/// The same, issued by an authority that is not in the file, or with another expiry date.
fn pair_with(name: &str, not_after: i32, by: Option<&str>) -> (PathBuf, PathBuf) {
    let params = |name: &str| {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.not_after = rcgen::date_time_ymd(not_after, 1, 1);
        params
    };
    let key = rcgen::KeyPair::generate().expect("a key");
    let made = match by {
        None => params(name).self_signed(&key),
        Some(by) => {
            let issuer = rcgen::Issuer::new(params(by), rcgen::KeyPair::generate().expect("a key"));
            params(name).signed_by(&key, &issuer)
        }
    };
    let directory = scratch();
    let (certificate, file) = (directory.join(format!("{name}.pem")), directory.join(format!("{name}.key")));
    fs::write(&certificate, made.expect("a certificate").pem()).expect("written");
    fs::write(&file, key.serialize_pem()).expect("written");
    (certificate, file)
}

fn section(certificate: &Path, key: &Path) -> String {
    format!(
        "[tls]\nlisten = [\"127.0.0.1:0\"]\ncertificate = \"{}\"\nkey = \"{}\"\n",
        certificate.display(),
        key.display()
    )
}

#[test]
fn users_with_and_without_tls_talk_in_one_room() {
    let encrypted = Encrypted::start();
    let mut bob = encrypted.server.chat("bob", "general");
    let mut alice = encrypted.chat("alice");
    let mut carol = encrypted.old().chat(encrypted.server.tls_address(), "carol", "general");
    alice.send("hello");
    for other in [&mut bob, &mut carol] {
        other.expect("alice: hello\r\n");
    }
    bob.send("hi alice");
    for other in [&mut alice, &mut carol] {
        other.expect("bob: hi alice\r\n");
    }
    for (person, sentence) in [
        (&mut alice, "127.0.0.1, encrypted (TLS 1.3); no telnet"),
        (&mut bob, "127.0.0.1, not encrypted; no telnet"),
        (&mut carol, "127.0.0.1, encrypted (TLS 1.2); no telnet"),
    ] {
        person.send("/whoami");
        person.expect(sentence);
    }
}

#[test]
fn a_goodbye_is_followed_by_close_notify() {
    let encrypted = Encrypted::start();
    for trust in [encrypted.trust.clone(), encrypted.old()] {
        let (client, session) = trust.try_connect(encrypted.server.tls_address()).expect("a handshake");
        let mut alice = client.logged_in("alice");
        alice.send(":quit");
        assert!(alice.expect_end().ends_with("* Goodbye.\r\n"));
        assert!(session.has_heard_goodbye());
    }
}

#[test]
fn the_stop_of_the_server_is_followed_by_close_notify() {
    let encrypted = Encrypted::start();
    let (client, session) = encrypted.trust.try_connect(encrypted.server.tls_address()).expect("a handshake");
    let mut alice = client.logged_in("alice").chatting("general");
    let mut silent = TcpStream::connect(encrypted.server.tls_address()).expect("a connection");
    silent.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // Both are known to the server.
    eventually("two connections", || encrypted.server.hub().shutdown.open() == 2);
    encrypted.server.ask_to_stop();
    assert!(alice.expect_end().ends_with("* Goodbye.\r\n"));
    assert!(session.has_heard_goodbye());
    // A client that has not completed the handshake gets no text that it could not read.
    let mut read = Vec::new();
    // A reset also ends the connection.
    let _ = silent.read_to_end(&mut read);
    assert!(read.is_empty() || read.starts_with(&[21, 3]), "{}", read.escape_ascii());
    encrypted.server.join();
}

#[test]
fn a_clients_close_notify_is_the_end_of_its_input() {
    let encrypted = Encrypted::start();
    let mut bob = encrypted.server.chat("bob", "general");
    let (mut alice, mut session) = encrypted.trust.try_connect(encrypted.server.tls_address()).expect("a handshake");
    let mut bytes = session.seal(b"alice\n:join general\n:chat\nhello\nthe last line has no end");
    bytes.extend(session.goodbye());
    alice.send_raw(&bytes);
    let end = alice.expect_end();
    assert!(end.ends_with("* Goodbye.\r\n"), "{end:?}");
    assert!(session.has_heard_goodbye());
    bob.expect("alice: hello\r\n");
    bob.expect("alice: the last line has no end\r\n");
    bob.expect("* alice left\r\n");
}

#[test]
fn a_connection_cut_off_loses_half_a_line_and_runs_none() {
    let encrypted = Encrypted::start();
    let mut bob = encrypted.server.chat("bob", "general");
    let (client, mut session) = encrypted.trust.try_connect(encrypted.server.tls_address()).expect("a handshake");
    let mut alice = client.logged_in("alice").chatting("general");
    let mut bytes = session.seal(b"whole\r\nhalf a ");
    let record = session.seal(b"record\r\n");
    bytes.extend(&record[..record.len() / 2]);
    alice.send_raw(&bytes);
    alice.finish();
    alice.expect_end();
    bob.expect("alice: whole\r\n");
    let seen = bob.expect("* alice left\r\n");
    assert!(!seen.contains("half"), "{seen:?}");
}

#[test]
fn key_updates_in_the_middle_of_a_chat_are_not_noticed() {
    let encrypted = Encrypted::start();
    let mut bob = encrypted.server.chat("bob", "general");
    let (client, session) = encrypted.trust.try_connect(encrypted.server.tls_address()).expect("a handshake");
    let mut alice = client.logged_in("alice").chatting("general");
    for round in 0..50 {
        let update = session.refresh_keys();
        alice.send_raw(&update);
        alice.send(&format!("round {round}"));
        bob.expect(&format!("alice: round {round}\r\n"));
        bob.send(&format!("answer {round}"));
        alice.expect(&format!("bob: answer {round}\r\n"));
    }
}

#[test]
fn a_damaged_record_ends_only_its_own_connection() {
    let encrypted = Encrypted::start();
    let mut bob = encrypted.chat("bob");
    let (client, mut session) = encrypted.trust.try_connect(encrypted.server.tls_address()).expect("a handshake");
    let mut alice = client.logged_in("alice").chatting("general");
    let mut bytes = session.seal(b"hello\r\n");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    alice.send_raw(&bytes);
    let seen = bob.expect("* alice left\r\n");
    assert!(!seen.contains("hello"), "{seen:?}");
    bob.send("still here");
    let seen = bob.settle();
    assert!(!seen.contains("alice"), "{seen:?}");
}

#[test]
fn a_burst_of_lines_and_its_answers_arrive_whole() {
    let encrypted = Encrypted::with("history_max = 1000\nmessage_limit = 4000");
    let mut bob = encrypted.chat("bob");
    let mut alice = encrypted.chat("alice");
    let lines: String = (0..300).map(|n| format!("{n} {}\r\n", "x".repeat(3000))).collect();
    alice.send_bytes(lines.as_bytes());
    for n in 0..300 {
        bob.expect(&format!("alice: {n} x"));
    }
    bob.expect("\r\n");
    // A megabyte in one answer: more than the library takes at a time.
    bob.send("/history 300");
    let answer = (0..300).map(|n| bob.expect(&format!("alice: {n} x")).len()).sum::<usize>();
    assert!(answer > 300 * 3000);
}

#[test]
fn a_client_that_reads_nothing_is_dropped_and_the_others_get_everything() {
    let encrypted = Encrypted::with("message_limit = 2000\n[limits]\nmessages_per_second = 0\noutbox_bytes = 65536");
    let mut bob = encrypted.chat("bob");
    let (client, session) = encrypted.trust.try_connect(encrypted.server.tls_address()).expect("a handshake");
    let mut deaf = client.logged_in("deaf").chatting("general");
    let mut alice = encrypted.server.chat("alice", "general");
    let text = "x".repeat(1900);
    let mut number = 0;
    loop {
        for _ in 0..100 {
            alice.send(&text);
            number += 1;
        }
        let seen = bob.expect(&format!("#{number} alice: "));
        bob.expect("\r\n");
        if seen.contains("* deaf left\r\n") {
            break;
        }
        assert!(number < 20_000, "still there after {number} messages");
    }
    // Data in transit arrives undamaged; the missing close_notify shows that it is incomplete.
    deaf.expect_end();
    assert!(!session.has_heard_goodbye());
    assert_eq!(encrypted.server.hub().slow_readers.total(), 0);
}

#[test]
fn a_client_that_types_on_the_tls_port_is_told_so_and_chatting_goes_on() {
    let encrypted = Encrypted::start();
    let (port, plain) = (encrypted.server.tls_address().port(), encrypted.server.address().port());
    let mut typist = Client::connect(encrypted.server.tls_address());
    typist.send("alice");
    assert_eq!(
        typist.expect_end(),
        format!(
            "! This port speaks TLS: try openssl s_client -quiet -connect HOST:{port}, or telnet to port {plain}.\r\n"
        )
    );
    let mut browser = Client::connect(encrypted.server.tls_address());
    browser.send("GET / HTTP/1.1\r\nHost: localhost\r\n");
    assert!(browser.expect_end().starts_with("HTTP/1.1 400 Bad Request\r\n"));
    let mut noise = Client::connect(encrypted.server.tls_address());
    noise.send_bytes(&[0; 64]);
    assert!(noise.expect_end().starts_with("\u{15}\u{3}"));
    encrypted.login("alice");
}

#[test]
fn a_request_inside_tls_is_answered_like_any_other() {
    let encrypted = Encrypted::start();
    let post = "POST / HTTP/1.1\r\nHost: localhost\r\n\r\nalice\r\n:join general\r\n";
    for (text, closes) in [(post, false), ("GET / HTTP/1.0\r\n\r\n", true), ("GET / HTTP/1.0", true)] {
        let reads_its_answer_first = || {
            let (mut browser, mut session) =
                encrypted.trust.try_connect(encrypted.server.tls_address()).expect("a handshake");
            browser.send_bytes(text.as_bytes());
            if closes {
                browser.send_raw(&session.goodbye());
            }
            let seen = browser.expect_end();
            assert!(seen.contains("HTTP/1.1 400 Bad Request\r\n") && !seen.contains("alice"), "{seen:?}");
            seen.starts_with("HTTP/1.1")
        };
        // On a loaded machine a client may be delayed for longer than the greeting waits.
        assert!((0..100).any(|_| reads_its_answer_first()), "{text}");
    }
}

#[test]
fn the_encrypted_listener_asks_for_telnet_before_its_first_line_and_hides_a_mud_clients_password() {
    let encrypted = Encrypted::with("[rooms.general]\n[rooms.staff]\npublic = false\npassword = \"sesame\"");
    let mut client = encrypted.trust.connect(encrypted.server.tls_address());
    let probe = client.expect_bytes(b"\r* Welcome to chatsock!\r\n");
    assert_eq!(probe, [255, 253, 24, 255, 253, 31]);
    client.expect("Username: ");
    // TinTin++: the server cannot edit on it, and it hides what is typed only while the server echoes.
    client.send_bytes(&[255, 251, 24]);
    client.expect_bytes(&[255, 250, 24, 1, 255, 240]);
    client.expect_bytes(&[255, 253, 0, 255, 251, 0]);
    client.send_bytes(b"\xff\xfa\x18\0TINTIN++\xff\xf0");
    client.send("alice");
    client.expect("* Hello alice.");
    client.send(":join staff");
    client.expect_bytes(&[255, 251, 1]);
    client.expect("Password: ");
    client.send("sesame");
    client.expect_bytes(&[255, 252, 1]);
    client.expect("* Joined staff");
}

#[test]
fn the_encrypted_listener_asks_for_no_telnet_where_its_section_says_never() {
    for (top, section, expected) in [
        ("", "never", &b""[..]),
        ("telnet = \"never\"", "auto", &[255, 253, 24, 255, 253, 31, b'\r']),
        ("telnet = \"always\"", "never", b""),
    ] {
        let directory = scratch();
        let server = Server::with(&format!(
            "state_dir = \"{}\"\n{top}\n[tls]\nlisten = [\"127.0.0.1:0\"]\ntelnet = \"{section}\"",
            directory.display()
        ));
        let trust = Trust::in_file(&directory.join("chatsock-certificate.pem"));
        let mut client = trust.connect(server.tls_address());
        assert_eq!(client.expect_bytes(b"* Welcome"), expected, "{top} {section}");
    }
}

#[test]
fn a_client_that_cannot_be_accepted_gets_an_alert_and_no_text() {
    let encrypted = Encrypted::with("[limits]\nmax_connections = 1");
    let mut alice = encrypted.server.connect();
    alice.expect("Username: ");
    let mut refused = TcpStream::connect(encrypted.server.tls_address()).expect("a connection");
    refused.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut read = Vec::new();
    refused.read_to_end(&mut read).expect("an end");
    assert!(matches!(read[..], [21, 3, _, 0, 2, 2, _]), "{}", read.escape_ascii());
}

#[test]
fn a_new_certificate_applies_to_new_connections_and_a_bad_one_changes_nothing() {
    let (first, second) = (pair("first"), pair("second"));
    let server = Server::with(&section(&first.0, &first.1));
    let (first_trust, second_trust) = (Trust::in_file(&first.0), Trust::in_file(&second.0));
    let mut alice = first_trust.chat(server.tls_address(), "alice", "general");
    let told = |text: &str| {
        server.reconfigure(&format!("shutdown_delay = 0\nwelcome_message = \"{text}\"\n{}", {
            match text {
                "mixed" => section(&first.0, &second.1),
                _ => section(&second.0, &second.1),
            }
        }));
        server.connect().expect(text);
    };
    told("mixed");
    let mut bob = first_trust.chat(server.tls_address(), "bob", "general");
    assert!(second_trust.try_connect(server.tls_address()).is_err());
    told("second");
    let mut carol = second_trust.chat(server.tls_address(), "carol", "general");
    assert!(first_trust.try_connect(server.tls_address()).is_err());
    carol.send("all here?");
    for other in [&mut alice, &mut bob] {
        other.expect("carol: all here?\r\n");
        other.send("yes");
    }
    carol.expect("bob: yes\r\n");
}

#[test]
fn plain_connections_switched_off_while_it_runs_are_refused_with_the_way_in() {
    let encrypted = Encrypted::start();
    let mut bob = encrypted.server.chat("bob", "general");
    encrypted.server.reconfigure("shutdown_delay = 0\nplain = \"off\"\n[tls]\nlisten = [\"127.0.0.1:0\"]\n");
    let port = encrypted.server.tls_address().port();
    let line = format!("! This server takes no unencrypted connections from your address: use TLS on port {port}.\r\n");
    let mut stream = TcpStream::connect(encrypted.server.address()).expect("a connection");
    let mut read = String::new();
    stream.read_to_string(&mut read).expect("the end");
    assert_eq!(read, line);
    // Connected clients stay.
    let mut alice = encrypted.chat("alice");
    bob.send("hello");
    alice.expect("bob: hello\r\n");
}

/// Random bytes instead of a handshake, and after one.
#[test]
fn noise_of_every_kind_leaves_the_server_as_it_was() {
    let encrypted = Encrypted::start();
    let mut number = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move || {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        number
    };
    for round in 0..200 {
        let noise: Vec<u8> = (0..random() % 300).map(|_| random().to_le_bytes()[0]).collect();
        if round % 2 == 0 {
            let mut stream = TcpStream::connect(encrypted.server.tls_address()).expect("a connection");
            let begin: &[u8] = if round % 4 == 0 { &[22, 3, 1] } else { &[] };
            // The server may have closed in the middle of it.
            let _ = stream.write_all(&[begin, &noise].concat()).and_then(|()| stream.shutdown(Shutdown::Write));
        } else {
            let mut client = encrypted.trust.connect(encrypted.server.tls_address());
            client.send_raw(&noise);
        }
    }
    let hub = encrypted.server.hub();
    eventually("all of them are gone", || hub.shutdown.open() == 0 && hub.roster.connections().is_empty());
    assert_eq!(hub.slow_readers.total(), 0);
    encrypted.login("alice");
}

fn start(config: &Path) -> Logged {
    Logged::start(Program::command(&["--config", argument(config)]))
}

#[test]
fn the_program_prints_its_listener_and_fingerprint_and_keeps_its_certificate() {
    let directory = scratch().join("state");
    let config = file(
        "chatsock.toml",
        &format!(
            "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\nstate_dir = \"{}\"\n[tls]\nlisten = [\"127.0.0.1:0\"]\n",
            directory.display()
        ),
    );
    let mut fingerprints = Vec::new();
    for _ in 0..2 {
        let mut program = start(&config);
        assert_eq!(program.line(), "chatsock 0.1.0");
        assert!(program.line().ends_with(" (telnet, nc)"));
        let line = program.line();
        let address = line.strip_prefix("listening on ").and_then(|line| line.strip_suffix(" (tls)"));
        let address = address.unwrap_or_else(|| panic!("{line}")).parse().expect("an address");
        let line = program.line();
        fingerprints.push(line.strip_prefix("certificate SHA-256 ").unwrap_or_else(|| panic!("{line}")).to_owned());
        assert!(program.line().starts_with("exit code: "));
        Trust::in_file(&directory.join("chatsock-certificate.pem")).login(address, "alice");
        program.signal("TERM");
        assert_eq!((program.rest(), program.wait()), (String::new(), Some(0)));
    }
    assert_eq!(fingerprints[0], fingerprints[1]);
    let mode = |name: &str| fs::metadata(directory.join(name)).expect("kept").permissions().mode() & 0o777;
    assert_eq!(mode("chatsock-key.pem"), 0o600);
    assert_eq!(mode(""), 0o700);
}

#[test]
fn a_pair_that_cannot_be_used_is_one_sentence_and_status_2() {
    let (first, second) = (pair("first"), pair("second"));
    let nowhere = scratch().join("nowhere.pem");
    for (certificate, key, words) in [
        (&first.0, &second.1, "does not belong to the first certificate in"),
        (&nowhere, &first.1, "nowhere.pem does not exist"),
        (&first.1, &first.1, "contains no certificate"),
    ] {
        let config = file("chatsock.toml", &format!("listen = [\"127.0.0.1:0\"]\n{}", section(certificate, key)));
        let refused = |arguments: &[&str]| {
            let output = Program::command(arguments).output().expect("the program runs");
            let said = String::from_utf8_lossy(&output.stderr);
            let said: Vec<_> = said.lines().filter(|line| !line.starts_with('[')).map(str::to_owned).collect();
            assert_eq!(output.status.code(), Some(2), "{said:?}");
            assert!(matches!(&said[..], [one] if one.starts_with("chatsock: ") && one.contains(words)), "{said:?}");
            assert!(output.stdout.is_empty());
            said
        };
        // The check finds what a start would find, and reports it in the same words.
        let said = refused(&["--config", argument(&config)]);
        assert_eq!(refused(&["--check-config", "--config", argument(&config)]), said);
    }
}

#[test]
fn check_config_creates_no_certificate_and_checks_the_existing_one() {
    let directory = scratch().join("state");
    let config =
        file("chatsock.toml", &format!("state_dir = \"{}\"\n[tls]\nlisten = [\"127.0.0.1:0\"]\n", directory.display()));
    let check = || {
        let output = Program::command(&["--check-config", "--config", argument(&config)]).output().expect("it runs");
        (output.status.code(), [output.stdout, output.stderr].map(|said| String::from_utf8(said).expect("text")))
    };
    let fine = (Some(0), ["The configuration is fine.\n".to_owned(), String::new()]);
    assert_eq!(check(), fine);
    assert!(!directory.exists());
    fs::create_dir(&directory).expect("a directory");
    let (certificate, key) = (directory.join("chatsock-certificate.pem"), directory.join("chatsock-key.pem"));
    let (made, other) = (pair("kept"), pair("other"));
    fs::copy(&made.0, &certificate).expect("copied");
    // A start would create another pair, because half of one is useless.
    assert_eq!(check(), fine);
    assert!(!key.exists());
    fs::copy(&made.1, &key).expect("copied");
    assert_eq!(check(), fine);
    fs::copy(&other.1, &key).expect("copied");
    let (status, [_, said]) = check();
    assert!(status == Some(2) && said.contains("does not belong to the first certificate in"), "{status:?} {said}");
}

#[test]
fn a_certificate_that_clients_will_refuse_is_warned_of() {
    let (expired, key) = pair_with("expired", 2020, None);
    let (issued, other_key) = pair_with("issued", 2999, Some("some authority"));
    let config = file("chatsock.toml", &format!("listen = []\nshutdown_delay = 0\n{}", section(&expired, &key)));
    let of_expired = format!("the certificate in {} expired on 2020-01-01, ", expired.display());
    let output = Program::command(&["--check-config", "--config", argument(&config)]).output().expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.starts_with(&format!("chatsock: warning: {of_expired}")) && said.lines().count() == 1, "{said}");
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"The configuration is fine.\n"[..]));
    let mut program = start(&config);
    program.address();
    program.expect_log(&of_expired);
    fs::copy(&issued, &expired).expect("copied");
    fs::copy(&other_key, &key).expect("copied");
    program.signal("HUP");
    program.expect_log(&format!("the issuer of the certificate in {} is not in that file; ", expired.display()));
    let (fine, key) = pair("fine");
    let config = file("chatsock.toml", &format!("listen = []\n{}", section(&fine, &key)));
    let output = Program::command(&["--check-config", "--config", argument(&config)]).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[cfg(feature = "storage")]
#[test]
fn operators_get_the_warnings_about_the_certificate_too() {
    use crate::support::home::{History, Home, PASSWORD, try_login};

    let home = Home::new();
    home.accounts(&["alice"]);
    let (expired, key) = pair_with("expired", 2020, None);
    let top = "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\noperators = [\"alice\"]\n";
    let text = format!("{}\n{}", home.config(History::Forgotten, top), section(&expired, &key));
    let mut program = start(&file("chatsock.toml", &text));
    let mut alice = try_login(program.address(), "alice", PASSWORD);
    alice.expect("* You are an operator.\r\n");
    program.signal("HUP");
    alice.expect(&format!("* TLS: the certificate in {} expired on 2020-01-01, ", expired.display()));
}

#[test]
fn sighup_reads_the_certificate_again() {
    let (certificate, key) = pair("first");
    let (other_certificate, other_key) = pair("second");
    let text = format!("listen = []\nshutdown_delay = 0\n{}", section(&certificate, &key));
    let config = file("chatsock.toml", &text);
    let mut program = start(&config);
    let address = program.address();
    Trust::in_file(&certificate).login(address, "alice");
    fs::copy(&other_certificate, &certificate).expect("copied");
    program.signal("HUP");
    program.expect_log("keeping the old certificate: the private key in ");
    fs::copy(&other_key, &key).expect("copied");
    program.signal("HUP");
    program.expect_log("] certificate SHA-256 ");
    Trust::in_file(&certificate).login(address, "bob");
    // Without the section, the listener stays until a restart, with its certificate.
    fs::write(&config, "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\nwelcome_message = \"New times\"")
        .expect("written");
    program.signal("HUP");
    program.expect_log("the listeners have changed in the configuration");
    eventually("the third configuration is in force", || program.log().matches("configuration reloaded").count() == 3);
    Trust::in_file(&certificate).connect(address).expect("Username: ");
    assert!(!program.log().contains("made a self-signed certificate"), "{}", program.log());
}
