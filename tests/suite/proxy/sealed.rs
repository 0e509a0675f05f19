//! `chatsock proxy` in front of a server with TLS.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use chatsock::cli::Protection;
use chatsock::cli::trust::Fingerprint;

use crate::support::proxy::Running;
use crate::support::tls::Trust;
use crate::support::{Client, PATIENCE, Server, scratch};

/// A server with TLS, and where its certificate is. `proxied`: behind the header of a proxy.
fn encrypted(proxied: bool) -> (Server, SocketAddr, PathBuf) {
    let directory = scratch();
    let section = if proxied {
        "[proxy]\ntls_listen = [\"127.0.0.1:0\"]\ntrusted = [\"127.0.0.1\"]"
    } else {
        "[tls]\nlisten = [\"127.0.0.1:0\"]"
    };
    let server = Server::with(&format!("state_dir = \"{}\"\n{section}", directory.display()));
    let address = server.addresses()[2];
    (server, address, directory.join("chatsock-certificate.pem"))
}

#[test]
fn a_person_chats_through_the_proxy_encrypted_and_with_their_own_address() {
    for proxied in [false, true] {
        let (server, address, certificate) = encrypted(proxied);
        let proxy = Running::start(address, Protection::Authority(certificate), proxied, 64);
        let mut bob = server.chat("bob", "general");
        let mut alice =
            Client::connect_from([127, 0, 0, 9].into(), proxy.address()).logged_in("alice").chatting("general");
        bob.expect("* alice joined\r\n");
        alice.send("hello");
        bob.expect("alice: hello\r\n");
        bob.send("morning");
        alice.expect("bob: morning\r\n");
        alice.send("/whoami");
        let from = if proxied { "127.0.0.9" } else { "127.0.0.1" };
        alice.expect(&format!("You connect from {from}, encrypted (TLS 1.3)"));
        alice.send("/quit");
        alice.expect("* Goodbye.\r\n");
        alice.expect_end();
        bob.expect("* alice left\r\n");
    }
}

#[test]
fn a_script_that_half_closes_gets_every_answer_through_the_proxy() {
    let (server, address, certificate) = encrypted(false);
    let proxy = Running::start(address, Protection::Authority(certificate), false, 64);
    let mut bob = server.chat("bob", "general");
    for _ in 0..150 {
        bob.send(&format!("marked {}", "x".repeat(120)));
    }
    bob.settle();
    let mut script = Client::connect(proxy.address());
    script.send_bytes(b"alice\r\n:join general\r\n:history 150\r\n:say hello\r\n:rooms\r\n");
    script.finish();
    let told = script.expect_end();
    assert_eq!(told.matches(": marked").count(), 150, "{} bytes", told.len());
    assert!(told.contains("* general   2/-") && told.ends_with("* Goodbye.\r\n"), "{told}");
    bob.expect("alice: hello\r\n");
}

/// A close_notify without an end of the socket: the server ends its side once everything is sent.
#[test]
fn a_close_notify_ends_the_input_as_a_half_close_does() {
    let (server, address, certificate) = encrypted(false);
    let mut bob = server.chat("bob", "general");
    for _ in 0..150 {
        bob.send(&format!("marked {}", "x".repeat(120)));
    }
    bob.settle();
    let (mut client, session) = Trust::in_file(&certificate).try_connect(address).expect("hands are shaken");
    let mut session = session;
    let script = b"alice\r\n:join general\r\n:history 150\r\n:say hello\r\n:rooms\r\n";
    let sealed = [crate::support::Layer::seal(&mut session, script), crate::support::Layer::goodbye(&mut session)];
    client.send_raw(&sealed.concat());
    let told = client.expect_end();
    assert_eq!(told.matches(": marked").count(), 150, "{} bytes", told.len());
    assert!(told.contains("* general   2/-") && told.ends_with("* Goodbye.\r\n"), "{told}");
    assert!(crate::support::Layer::has_heard_goodbye(&session), "an end that is announced");
    bob.expect("alice: hello\r\n");
    bob.expect("* alice left\r\n");
}

/// The server still sends its pending output to a slow reader whose input has ended.
#[test]
fn pending_output_is_sent_to_a_slow_reader_after_its_close_notify() {
    let (server, address, certificate) = encrypted(false);
    let mut bob = server.chat("bob", "general");
    for _ in 0..200 {
        bob.send(&format!("marked {}", "x".repeat(140)));
    }
    bob.settle();
    let (mut client, session) = Trust::in_file(&certificate).try_connect(address).expect("hands are shaken");
    let mut session = session;
    socket2::SockRef::from(client.stream()).set_recv_buffer_size(2048).expect("a small buffer");
    let script = [b"alice\r\n:join general\r\n".to_vec(), b":history 200\r\n".repeat(4)].concat();
    let sealed = [crate::support::Layer::seal(&mut session, &script), crate::support::Layer::goodbye(&mut session)];
    client.send_raw(&sealed.concat());
    let told = client.expect_end();
    assert_eq!(told.matches(": marked").count(), 200 * 4, "{} bytes", told.len());
    assert!(told.ends_with("* Goodbye.\r\n"));
}

/// A man in the middle with another certificate records the proxy's bytes.
#[test]
fn a_man_in_the_middle_gets_no_byte_of_a_login() {
    let (_server, address, _) = encrypted(false);
    let expected = Fingerprint::parse(&"AB".repeat(32)).expect("a fingerprint");
    let middle = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let to = middle.local_addr().expect("an address");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let relay = thread::spawn(move || {
        let (client, _) = middle.accept().expect("accepted");
        let server = TcpStream::connect(address).expect("connected");
        let (mut from, mut to) = (server.try_clone().expect("a clone"), client.try_clone().expect("a clone"));
        let back = thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        let (mut client, mut server) = (client, server);
        let mut buffer = [0; 4096];
        while let Ok(count) = client.read(&mut buffer)
            && count > 0
        {
            kept.lock().expect("a lock").extend_from_slice(&buffer[..count]);
            let _ = server.write_all(&buffer[..count]);
        }
        let _ = server.shutdown(Shutdown::Both);
        back.join().expect("ended");
    });
    let proxy = Running::start(to, Protection::Fingerprint(expected), false, 64);
    let mut alice = Client::connect(proxy.address());
    alice.send_bytes(b"alice\r\nopen sesame\r\n");
    assert_eq!(
        alice.expect_end(),
        format!("! {to} has shown another certificate than the one known. You were not connected.\r\n")
    );
    relay.join().expect("ended");
    let seen = seen.lock().expect("a lock");
    // Records of the handshake (22), of the change of ciphers (20) and alerts (21), and no data (23) longer than an
    // alert.
    let mut rest = &seen[..];
    while let [kind, _, _, high, low, body @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        assert!(matches!(kind, 20..=22) || length < 32, "a record of type {kind} with {length} bytes");
        rest = &body[length..];
    }
    assert!(!seen.windows(5).any(|bytes| bytes == b"alice"));
}

#[test]
fn a_certificate_that_no_authority_vouches_for_and_a_server_without_tls_are_refused() {
    let (server, address, _) = encrypted(false);
    let (_other, _, certificate) = encrypted(false);
    let proxy = Running::start(address, Protection::Authority(certificate.clone()), false, 64);
    let told = Client::connect(proxy.address()).expect_end();
    let expected = "has shown another certificate than the one known. You were not connected.\r\n";
    assert_eq!(told, format!("! {address} {expected}"));
    let plain = server.address();
    let proxy = Running::start(plain, Protection::Authority(certificate), false, 64);
    let began = Instant::now();
    let told = Client::connect(proxy.address()).expect_end();
    assert!(told.starts_with(&format!("! {plain} cannot be reached: ")), "{told}");
    assert!(began.elapsed() < PATIENCE / 2);
}

/// A server may send as soon as it has finished its own part of the handshake (RFC 8446, figure 1).
#[test]
fn data_right_after_the_handshake_is_delivered_at_once() {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let file = scratch().join("certificate.pem");
    std::fs::write(&file, made.cert.pem()).expect("written");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.expect("versions").with_no_client_auth();
    let mut config = builder.with_single_cert(vec![made.cert.der().clone()], key).expect("a pair");
    config.send_half_rtt_data = true;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let to = listener.local_addr().expect("an address");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("accepted");
        let mut connection = rustls::ServerConnection::new(Arc::new(config)).expect("a server");
        connection.read_tls(&mut stream).expect("a hello");
        connection.process_new_packets().expect("a hello");
        connection.writer().write_all(b"welcome\r\n").expect("taken");
        let mut flight = Vec::new();
        while connection.wants_write() {
            connection.write_tls(&mut flight).expect("into memory");
        }
        // In one piece, so that one read gets all of it.
        stream.write_all(&flight).expect("sent");
        stream
    });
    let proxy = Running::start(to, Protection::Authority(file), false, 64);
    let mut client = Client::connect(proxy.address());
    client.expect("welcome\r\n");
    drop(server.join().expect("ended"));
}

#[test]
fn when_the_server_is_killed_the_client_ends_soon_with_every_byte() {
    let directory = scratch();
    let config = directory.join("chatsock.toml");
    let text = format!("listen = []\nstate_dir = \"{}\"\n[tls]\nlisten = [\"127.0.0.1:0\"]\n", directory.display());
    std::fs::write(&config, text).expect("written");
    let mut server = crate::support::Program::start(&["--config", config.to_str().expect("text")]);
    let address = server.address();
    let protection = Protection::Authority(directory.join("chatsock-certificate.pem"));
    let proxy = Running::start(address, protection, false, 64);
    let mut alice = Client::login(proxy.address(), "alice");
    alice.send(":help all");
    alice.expect(":help");
    server.signal("KILL");
    server.wait();
    let killed = Instant::now();
    alice.expect_end();
    assert!(killed.elapsed() < Duration::from_secs(1));
}
