//! Handshakes on real sockets: fast, slow, silent, and in other protocols.

use std::io::Write as _;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};

use std::time::Duration;

use super::*;
use crate::chat::message::ClientId;
use crate::outbox::{OutboxLimits, SlowReaders};
use crate::protocol::wire::{OtherProtocol, Tls};
use crate::server::loopback;

/// Long enough for any machine; ends a test that would otherwise hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// The server's end of a new connection.
struct NewConnection {
    outbox: Arc<Outbox>,
    client: TcpStream,
    trusted: ClientConfig,
}

impl NewConnection {
    fn new() -> NewConnection {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let settings = builder.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let trusted = builder.with_root_certificates(roots).with_no_client_auth();

        let listener = TcpListener::bind(loopback()).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let limits = OutboxLimits { bytes: None, total: None, stall: None };
        let outbox = Outbox::new(ClientId(1), listener.accept().unwrap().0, Arc::new(SlowReaders::new(limits)));
        outbox.set_codec(Codec::over_tls(Tls::new(Arc::new(settings)).unwrap()));
        NewConnection { outbox, client, trusted }
    }

    fn begin(&self, ports: Ports, within: Duration) -> JoinHandle<Result<(), DisconnectReason>> {
        let outbox = Arc::clone(&self.outbox);
        thread::spawn(move || shake_hands(&outbox, ports, &|_| None, Instant::now() + within))
    }

    /// Everything the client reads to the end, and how the handshake ended.
    fn after(self, ports: Ports, typed: &[u8]) -> (Vec<u8>, Result<(), DisconnectReason>) {
        let begun = self.begin(ports, PATIENCE);
        (&self.client).write_all(typed).unwrap();
        self.client.shutdown(Shutdown::Write).unwrap();
        let mut read = Vec::new();
        (&self.client).read_to_end(&mut read).unwrap();
        (read, begun.join().unwrap())
    }
}

#[test]
fn a_client_that_speaks_tls_is_ready_to_be_spoken_to() {
    let accepted = NewConnection::new();
    let begun = accepted.begin(Ports::default(), PATIENCE);
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(accepted.trusted), name).unwrap();
    let mut client = StreamOwned::new(client, accepted.client);
    client.write_all(b"alice").unwrap();
    assert_eq!(begun.join().unwrap(), Ok(()));
    assert_eq!(accepted.outbox.encryption(), Some("TLS 1.3"));
    assert_eq!(accepted.outbox.stream().read_timeout().unwrap(), None);
    accepted.outbox.write_protocol(b"hello");
    accepted.outbox.flush();
    let mut heard = [0; 5];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello");
}

#[test]
fn a_silent_client_is_disconnected_at_the_deadline() {
    let accepted = NewConnection::new();
    let begun = accepted.begin(Ports::default(), Duration::from_millis(50));
    let mut read = Vec::new();
    (&accepted.client).read_to_end(&mut read).unwrap();
    drop(accepted.client);
    assert_eq!(begun.join().unwrap(), Err(DisconnectReason::HandshakeTimeout));
}

#[test]
fn a_hello_byte_by_byte_does_not_move_the_deadline() {
    let accepted = NewConnection::new();
    accepted.client.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let begun = accepted.begin(Ports::default(), Duration::from_millis(100));
    // A hello of 16 KiB, one byte whenever a read has timed out without an answer.
    let hello = [22, 3, 1, 64, 0, 1, 0, 63, 252, 3, 3].into_iter().chain(std::iter::repeat(0));
    let began = Instant::now();
    for byte in hello {
        match (&accepted.client).read(&mut [0; 64]) {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            _ => break,
        }
        // This fails if the server has closed the connection.
        let _ = (&accepted.client).write_all(&[byte]);
    }
    drop(accepted.client);
    assert_eq!(begun.join().unwrap(), Err(DisconnectReason::HandshakeTimeout));
    assert!(began.elapsed() < PATIENCE / 2);
}

#[test]
fn a_user_who_types_gets_one_line_with_the_right_command() {
    let ports = Ports { plain: Some(5555), tls: None };
    for typed in [b"alice\r\n".as_slice(), b"\r\n", b"\xff\xfb\x18", b"ALICE\r\n", b"ALICE", "émile\n".as_bytes()] {
        let accepted = NewConnection::new();
        let port = accepted.outbox.stream().local_addr().unwrap().port();
        let (read, ended) = accepted.after(ports, typed);
        let line = format!(
            "! This port speaks TLS: try openssl s_client -quiet -connect HOST:{port}, or telnet to port 5555.\r\n"
        );
        assert_eq!(String::from_utf8(read).unwrap(), line);
        assert_eq!(ended, Err(DisconnectReason::PlainText));
    }
    let (read, _) = NewConnection::new().after(Ports::default(), b"alice\r\n");
    assert!(String::from_utf8(read).unwrap().ends_with(".\r\n"), "no plain port, none named");
}

#[test]
fn other_protocols_are_answered_in_their_own() {
    for (typed, answer, protocol) in [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".as_slice(), "HTTP/1.1 400 Bad Request\r\n", OtherProtocol::Http),
        (b"GET / HTTP/1.1", "HTTP/1.1 400 Bad Request\r\n", OtherProtocol::Http),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "This is a chat server", OtherProtocol::Ssh),
    ] {
        let (read, ended) = NewConnection::new().after(Ports::default(), typed);
        assert!(read.starts_with(answer.as_bytes()), "{}", read.escape_ascii());
        assert_eq!(ended, Err(DisconnectReason::OtherProtocol(protocol)));
    }
}

#[test]
fn noise_gets_a_fatal_alert() {
    for noise in [b"\x80\x2e\x01\x03\x01".as_slice(), b"\0\0\0\0\0\0", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"] {
        let (read, ended) = NewConnection::new().after(Ports::default(), noise);
        assert!(matches!(read[..], [21, 3, _, 0, 2, 2, _]), "{}", read.escape_ascii());
        assert!(ended == Err(DisconnectReason::Tls), "{ended:?}");
    }
}

#[test]
fn a_client_that_leaves_before_or_in_the_middle_of_its_hello_has_left() {
    for typed in [b"".as_slice(), b"\x16\x03\x01\x02\x00\x01"] {
        let (_, ended) = NewConnection::new().after(Ports::default(), typed);
        assert_eq!(ended, Err(DisconnectReason::PeerClosed));
    }
}

#[test]
fn the_end_of_the_server_does_not_wait_for_a_handshake() {
    let accepted = NewConnection::new();
    let begun = accepted.begin(Ports::default(), PATIENCE);
    (&accepted.client).write_all(b"\x16\x03\x01").unwrap();
    accepted.outbox.disconnect(DisconnectReason::Stopping);
    let began = Instant::now();
    let mut read = Vec::new();
    (&accepted.client).read_to_end(&mut read).unwrap();
    drop(accepted.client);
    assert_eq!(begun.join().unwrap(), Err(DisconnectReason::Stopping));
    assert!(began.elapsed() < PATIENCE / 2);
}
