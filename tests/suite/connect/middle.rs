//! Trust in servers. Nothing is sent to a server that is not trusted.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;

#[test]
fn a_server_given_by_its_fingerprint_is_connected_to_with_tls() {
    let (server, fingerprint) = encrypted();
    let to = format!("alice@{}", server.tls_address());
    let (status, out, errors) = run(&[&to, "--fingerprint", &fingerprint], ":whoami\n");
    assert_eq!(status, Some(0), "{out}{errors}");
    assert!(out.contains("encrypted (TLS 1.3)"), "{out}");
}

#[test]
fn an_unknown_server_needs_a_terminal_or_a_fingerprint() {
    let (server, fingerprint) = encrypted();
    let to = format!("alice@{}", server.tls_address());
    let (status, out, errors) = run(&[&to, "--room", "general"], "hi\n");
    assert_eq!((status, out.as_str()), (Some(2), ""), "{errors}");
    assert!(errors.contains("--fingerprint is required") && errors.contains(&fingerprint), "{errors}");
}

/// A relay to `to` that records the bytes of the client.
fn tap(to: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("an address");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut server) = (client.expect("a client"), TcpStream::connect(to).expect("the server"));
            let (mut back, mut from) = (client.try_clone().expect("a clone"), server.try_clone().expect("a clone"));
            thread::spawn(move || std::io::copy(&mut from, &mut back));
            let kept = Arc::clone(&kept);
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = client.read(&mut buffer) {
                    kept.lock().expect("held").extend_from_slice(&buffer[..count]);
                    if server.write_all(&buffer[..count]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, heard)
}

#[test]
fn no_byte_of_the_login_is_sent_to_a_server_with_another_certificate() {
    let (server, fingerprint) = encrypted();
    let (address, heard) = tap(server.tls_address());
    let state = scratch();
    let file = state.join("chatsock/known_servers");
    fs::create_dir_all(state.join("chatsock")).expect("made");
    let other = "AB:".repeat(31) + "AB";
    fs::write(&file, format!("# since 2026-11-29\n{address} {other}\n")).expect("written");
    let mut child = command(&[&format!("alice@{address}"), "--room", "general"], &state).spawn().expect("starts");
    child.stdin.take().expect("stdin").write_all(b"secret words\n").expect("written");
    let output = child.wait_with_output().expect("waited");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], format!("! The certificate of {address} has changed."));
    assert_eq!(lines[1], format!("! Known since 2026-11-29: {other}  Now: {fingerprint}"));
    let file = file.display();
    let last = format!("! Nothing was sent. If you know why, remove the line from {file} or give --fingerprint.");
    assert_eq!(lines[2], last);
    // Only handshake records and an alert, which may be encrypted: a record of application data with 19 bytes (RFC 8446,
    // sections 5.1, 5.2 and 6).
    let heard = heard.lock().expect("held").clone();
    let mut rest = &heard[..];
    while let [kind, _, _, high, low, ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        assert!([20, 21, 22].contains(kind) || (*kind, length) == (23, 19), "a record of type {kind}: {heard:?}");
        rest = rest.get(5 + length..).unwrap_or(&[]);
    }
    assert!(!heard.windows(5).any(|window| window == b"alice"));
    // The same with a given fingerprint.
    let to = format!("alice@{address}");
    let (status, _, errors) = run(&[&to, "--fingerprint", &other], "secret words\n");
    assert!(status == Some(2) && errors.contains("Nothing was sent"), "{errors}");
}

#[test]
fn a_server_known_with_tls_is_not_connected_to_without_it() {
    let plain = Server::start();
    let address = plain.address();
    let state = scratch();
    fs::create_dir_all(state.join("chatsock")).expect("made");
    let known = "AB:".repeat(31) + "AB";
    fs::write(state.join("chatsock/known_servers"), format!("{address} {known}\n")).expect("written");
    let to = format!("alice@{address}");
    let output = command(&[&to, "--room", "general"], &state).stdin(Stdio::null()).output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("known with TLS"), "{said}");
    let output = command(&[&to, "--plain", "--room", "general"], &state).stdin(Stdio::null()).output().expect("runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let output = command(&[&to, "--tls"], &scratch()).stdin(Stdio::null()).output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("cannot be reached"), "{said}");
}
