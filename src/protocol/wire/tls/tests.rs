//! TLS between two ends in memory, whole, byte by byte and cut at every place.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, LazyLock};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, ConnectionTrafficSecrets, RootCertStore, ServerConfig, SupportedProtocolVersion,
};

use super::*;

type Versions = &'static [&'static SupportedProtocolVersion];

const BOTH: Versions = &[&TLS13, &TLS12];
const OLD: Versions = &[&TLS12];
const NEW: Versions = &[&TLS13];

/// The server's settings, and the certificate that a client has to trust.
static SERVER: LazyLock<(Arc<ServerConfig>, CertificateDer<'static>)> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let certificate = made.cert.der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(BOTH).unwrap();
    let config = builder.with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
    (Arc::new(config), certificate)
});

fn client(versions: Versions) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(SERVER.1.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.enable_secret_extraction = true;
    let mut client = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    client.set_buffer_limit(None);
    client
}

fn server() -> Tls {
    Tls::new(Arc::clone(&SERVER.0)).unwrap()
}

/// Everything the client has to send.
fn sent(client: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).unwrap();
    }
    bytes
}

/// Feeds the client what the server has sent; returns the plain text.
fn heard(client: &mut ClientConnection, mut bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    while !bytes.is_empty() {
        client.read_tls(&mut bytes).unwrap();
        client.process_new_packets().unwrap();
        let _ = client.reader().read_to_end(&mut text);
    }
    text
}

/// Runs the handshake up to the client's last flight, and returns that together with the client's first text.
fn last_flight(client: &mut ClientConnection, server: &mut Tls, said: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    assert_eq!(server.shake_hands(&sent(client), &mut answer), Ok(Progress::ShakingHands));
    heard(client, &answer);
    client.writer().write_all(said).unwrap();
    sent(client)
}

/// A client and a server after their handshake.
fn connected(versions: Versions) -> (ClientConnection, Tls) {
    let (mut client, mut server) = (client(versions), server());
    let flight = last_flight(&mut client, &mut server, b"");
    let mut answer = Vec::new();
    assert_eq!(server.shake_hands(&flight, &mut answer), Ok(Progress::Open));
    assert_eq!(heard(&mut client, &answer), b"");
    (client, server)
}

/// Feeds one chunk; returns the plain text.
fn fed(server: &mut Tls, chunk: &[u8]) -> (Vec<u8>, Result<Progress, TlsError>) {
    let (mut plain, mut answer) = (Vec::new(), Vec::new());
    let fed = server.feed(chunk, &mut plain, &mut answer);
    (plain, fed)
}

fn said(client: &mut ClientConnection, text: &[u8]) -> Vec<u8> {
    client.writer().write_all(text).unwrap();
    sent(client)
}

fn encrypted(server: &mut Tls, text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    server.encrypt(text, &mut bytes);
    bytes
}

/// Takes a number of bytes at most, and then nothing.
struct Narrow {
    taken: Vec<u8>,
    room: usize,
}

impl io::Write for Narrow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.room - self.taken.len());
        self.taken.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn records_a_full_socket_refuses_stay_in_order() {
    // More than the library buffers at a time.
    let text: Vec<u8> = (0..300_000_u32).map(|number| (number % 251) as u8).collect();
    for space in [0, 1, 100, 16_384, 16_500, 70_000, 200_000, 1_000_000] {
        let (mut client, mut server) = connected(NEW);
        let (mut sink, mut rest) = (Narrow { taken: Vec::new(), room: space }, Vec::new());
        server.encrypt_to(&text, &mut sink, &mut rest);
        assert!(sink.taken.len() == space || rest.is_empty(), "{space}");
        server.encrypt_to(b"behind it", &mut Narrow { taken: Vec::new(), room: 0 }, &mut rest);
        let all = [sink.taken, rest].concat();
        assert_eq!(heard(&mut client, &all), [&text, &b"behind it"[..]].concat(), "{space}");
    }
}

/// Lengths of the records in these bytes (RFC 8446, section 5.1).
fn records(mut bytes: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let [_, _, _, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        lengths.push(length);
        bytes = &rest[length..];
    }
    lengths
}

#[test]
fn the_handshake_succeeds_and_text_goes_both_ways_in_both_versions() {
    for (versions, name) in [(OLD, "TLS 1.2"), (NEW, "TLS 1.3"), (BOTH, "TLS 1.3")] {
        let (mut client, mut server) = connected(versions);
        assert_eq!(server.version(), name);
        let bytes = said(&mut client, b"alice\r\n");
        assert_eq!(fed(&mut server, &bytes), (b"alice\r\n".to_vec(), Ok(Progress::Open)));
        let bytes = encrypted(&mut server, b"* Hello alice.\r\n");
        assert_eq!(heard(&mut client, &bytes), b"* Hello alice.\r\n");
    }
}

#[test]
fn a_handshake_does_not_depend_on_how_its_bytes_are_cut() {
    for versions in [OLD, NEW] {
        let hello = sent(&mut client(versions)).len();
        for place in (0..hello).step_by(7).chain([hello - 1]) {
            let (mut client, mut server) = (client(versions), server());
            let bytes = sent(&mut client);
            let mut answer = Vec::new();
            assert_eq!(server.shake_hands(&bytes[..place], &mut answer), Ok(Progress::ShakingHands));
            assert_eq!(answer, b"", "{place}");
            assert_eq!(server.shake_hands(&bytes[place..], &mut answer), Ok(Progress::ShakingHands));
            heard(&mut client, &answer);
            let mut open = Ok(Progress::ShakingHands);
            let mut rest = Vec::new();
            for byte in sent(&mut client) {
                assert_eq!(open, Ok(Progress::ShakingHands));
                open = server.shake_hands(&[byte], &mut rest);
            }
            assert_eq!(open, Ok(Progress::Open), "{place}");
        }
    }
}

#[test]
fn text_is_the_same_however_its_records_are_cut() {
    let text = b"alice\r\n:join general\r\n";
    for versions in [OLD, NEW] {
        let length = said(&mut connected(versions).0, text).len();
        let (mut client, mut server) = connected(versions);
        for place in 0..=length {
            let bytes = said(&mut client, text);
            let (mut plain, mut answer) = (Vec::new(), Vec::new());
            for chunk in [&bytes[..place], &bytes[place..]] {
                assert_eq!(server.feed(chunk, &mut plain, &mut answer), Ok(Progress::Open));
            }
            assert_eq!((plain.as_slice(), answer.as_slice()), (text.as_slice(), b"".as_slice()), "{place}");
        }
        let (mut plain, mut answer) = (Vec::new(), Vec::new());
        for byte in said(&mut client, text) {
            assert_eq!(server.feed(&[byte], &mut plain, &mut answer), Ok(Progress::Open));
        }
        assert_eq!(plain, text);
    }
}

#[test]
fn text_sent_with_the_end_of_the_handshake_waits_for_the_first_feed() {
    for versions in [OLD, NEW] {
        let (mut client, mut server) = (client(versions), server());
        let mut flight = last_flight(&mut client, &mut server, b"alice\r\n");
        if versions == OLD {
            // A client of TLS 1.2 has to wait for the server's Finished.
            let mut answer = Vec::new();
            assert_eq!(server.shake_hands(&flight, &mut answer), Ok(Progress::Open));
            heard(&mut client, &answer);
            flight = sent(&mut client);
        }
        assert_eq!(server.shake_hands(&flight, &mut Vec::new()), Ok(Progress::Open));
        assert_eq!(fed(&mut server, b""), (b"alice\r\n".to_vec(), Ok(Progress::Open)));
        assert_eq!(fed(&mut server, b""), (Vec::new(), Ok(Progress::Open)));
    }
}

#[test]
fn a_text_of_any_length_is_encrypted_whole_in_full_records() {
    for versions in [OLD, NEW] {
        let (mut client, mut server) = connected(versions);
        let text: Vec<u8> = (0..1_000_003_u32).map(|number| number.to_le_bytes()[0]).collect();
        let bytes = encrypted(&mut server, &text);
        assert_eq!(heard(&mut client, &bytes), text);
        let records = records(&bytes);
        assert_eq!(records.len(), text.len().div_ceil(16 * 1024), "{records:?}");
        assert!(bytes.len() - text.len() < 64 * records.len());
    }
}

#[test]
fn a_text_of_any_length_is_read_whole() {
    for versions in [OLD, NEW] {
        let (mut client, mut server) = connected(versions);
        let text = vec![b'a'; 300_000];
        let bytes = said(&mut client, &text);
        assert_eq!(fed(&mut server, &bytes).0, text);
        let bytes = said(&mut client, &text);
        let plain: Vec<u8> = bytes.chunks(1000).flat_map(|chunk| fed(&mut server, chunk).0).collect();
        assert_eq!(plain, text);
    }
}

#[test]
fn the_closing_message_is_encrypted_last_and_only_once() {
    for versions in [OLD, NEW] {
        let (mut client, mut server) = connected(versions);
        let mut bytes = encrypted(&mut server, b"* Goodbye.\r\n");
        bytes.extend(server.close());
        assert_eq!(server.close(), b"");
        assert_eq!(encrypted(&mut server, b"too late"), b"");
        assert_eq!(heard(&mut client, &bytes), b"* Goodbye.\r\n");
        assert_eq!(client.reader().read(&mut [0]).unwrap(), 0, "a clean end");
        // The other direction is still open.
        let bytes = said(&mut client, b"hello");
        assert_eq!(fed(&mut server, &bytes), (b"hello".to_vec(), Ok(Progress::Open)));
    }
}

#[test]
fn nothing_is_sent_after_the_output_was_abandoned() {
    let (_, mut server) = connected(BOTH);
    server.abandon();
    assert_eq!(encrypted(&mut server, b"text"), b"");
    assert_eq!(server.close(), b"");
}

#[test]
fn the_peers_goodbye_ends_its_input_and_not_our_output() {
    for versions in [OLD, NEW] {
        let (mut client, mut server) = connected(versions);
        let mut bytes = said(&mut client, b":quit\r\n");
        client.send_close_notify();
        bytes.extend(sent(&mut client));
        bytes.extend(b"whatever follows");
        assert_eq!(fed(&mut server, &bytes), (b":quit\r\n".to_vec(), Ok(Progress::Closed)));
        assert_eq!(fed(&mut server, b"more"), (Vec::new(), Ok(Progress::Closed)));
        let bytes = encrypted(&mut server, b"* Goodbye.\r\n");
        assert_eq!(heard(&mut client, &bytes), b"* Goodbye.\r\n");
    }
}

#[test]
fn a_client_that_closes_with_its_handshake_is_known_to_have_closed() {
    let (mut client, mut server) = (client(NEW), server());
    let mut flight = last_flight(&mut client, &mut server, b"alice\r\n");
    client.send_close_notify();
    flight.extend(sent(&mut client));
    assert_eq!(server.shake_hands(&flight, &mut Vec::new()), Ok(Progress::Closed));
    assert_eq!(fed(&mut server, b""), (b"alice\r\n".to_vec(), Ok(Progress::Closed)));
}

#[test]
fn bytes_that_are_not_tls_get_a_fatal_alert() {
    for garbage in [
        b"\x80\x2e\x01\x03\x01 a hello of long ago".as_slice(),
        b"\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\x16\x03\x01abc",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"\x17\x03\x03\x00\x01a",
        b"\x15\x03\x03\x00\x02\x02\x28",
    ] {
        let shown = garbage.escape_ascii();
        let mut server = server();
        let mut answer = Vec::new();
        assert!(server.shake_hands(garbage, &mut answer).is_err(), "{shown}");
        let [21, 3, _, 0, 2, 2, _] = answer[..] else { panic!("{shown}: {answer:?}") };
    }
}

#[test]
fn a_damaged_record_ends_the_connection_after_what_was_said_before_it() {
    for versions in [OLD, NEW] {
        for cut in [false, true] {
            let (mut client, mut server) = connected(versions);
            let mut bytes = said(&mut client, b"first\r\n");
            let begin = bytes.len();
            bytes.extend(said(&mut client, b"second\r\n"));
            bytes[begin + 8] ^= 1;
            let (mut plain, mut answer) = (Vec::new(), Vec::new());
            if cut {
                assert_eq!(server.feed(&bytes[..begin], &mut plain, &mut answer), Ok(Progress::Open));
                bytes.drain(..begin);
            }
            assert!(server.feed(&bytes, &mut plain, &mut answer).is_err());
            assert_eq!(plain, b"first\r\n");
            let mut alert = answer.as_slice();
            client.read_tls(&mut alert).unwrap();
            assert!(client.process_new_packets().unwrap_err().to_string().contains("BadRecordMac"));
            assert_eq!((encrypted(&mut server, b"text"), server.close()), (vec![], vec![]), "nothing follows an alert");
        }
    }
}

#[test]
fn plain_text_on_an_encrypted_connection_ends_it() {
    let (_, mut server) = connected(BOTH);
    let (plain, fed) = fed(&mut server, b":shutdown 12345-67890\r\n");
    assert_eq!(plain, b"");
    assert!(fed.is_err());
}

#[test]
fn a_clients_key_updates_change_nothing_in_the_text() {
    let (mut client, mut server) = connected(NEW);
    for round in 0..100 {
        let mut bytes = said(&mut client, b"before ");
        client.refresh_traffic_keys().unwrap();
        bytes.extend(said(&mut client, b"after"));
        let (mut plain, mut answer) = (Vec::new(), Vec::new());
        assert_eq!(server.feed(&bytes, &mut plain, &mut answer), Ok(Progress::Open), "{round}");
        assert_eq!(plain, b"before after");
        // The server changes its own keys with its next text at the latest.
        answer.extend(encrypted(&mut server, b"heard"));
        assert_eq!(heard(&mut client, &answer), b"heard");
    }
}

#[test]
fn endless_key_updates_without_text_end_the_connection() {
    let (mut client, mut server) = connected(NEW);
    let refused = (0..1000).any(|_| {
        client.refresh_traffic_keys().unwrap();
        let bytes = sent(&mut client);
        fed(&mut server, &bytes).1.is_err()
    });
    assert!(refused, "a thousand key updates were accepted");
}

/// A TLS 1.2 client that asks for a renegotiation: a hello in a record encrypted with the keys in use. The library has no
/// such client, so the record is made here from the client's secrets (AES-GCM; RFC 5288, section 3).
#[test]
fn a_renegotiation_is_declined_and_harms_nobody() {
    use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

    for attempts in 1..4 {
        let (mut client, mut server) = connected(OLD);
        let bytes = said(&mut client, b"before\r\n");
        assert_eq!(fed(&mut server, &bytes).0, b"before\r\n");
        let (mut sequence, secrets) = client.dangerous_extract_secrets().unwrap().tx;
        let (algorithm, key, iv) = match &secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key.as_ref(), iv.as_ref()),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key.as_ref(), iv.as_ref()),
            _ => panic!("another cipher"),
        };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).unwrap());
        let hello = sent(&mut self::client(OLD))[5..].to_vec();
        let mut results = Vec::new();
        for _ in 0..attempts {
            let explicit = sequence.to_be_bytes();
            let mut nonce = [0; 12];
            nonce[..4].copy_from_slice(&iv[..4]);
            nonce[4..].copy_from_slice(&explicit);
            let length = u16::try_from(hello.len()).unwrap().to_be_bytes();
            let aad = [&sequence.to_be_bytes()[..], &[22, 3, 3], &length].concat();
            let mut body = hello.clone();
            key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut body).unwrap();
            let length = u16::try_from(body.len() + 8).unwrap().to_be_bytes();
            let record = [&[22, 3, 3][..], &length, &explicit, &body].concat();
            sequence += 1;
            let (mut plain, mut answer) = (Vec::new(), Vec::new());
            results.push(server.feed(&record, &mut plain, &mut answer).is_ok());
            assert_eq!(plain, b"");
            assert_eq!(records(&answer).len(), usize::from(results.len() <= 2), "a warning, then an end");
        }
        // The first is answered with a warning, no_renegotiation (RFC 5246, section 7.2.2); the second ends the connection.
        assert!(results[0]);
        assert_eq!(results.iter().all(|went_on| *went_on), attempts == 1, "{results:?}");
    }
}

#[test]
fn output_during_the_handshake_is_bounded_and_arrives() {
    let (mut client, mut server) = (client(NEW), server());
    let flight = last_flight(&mut client, &mut server, b"");
    for _ in 0..1000 {
        assert_eq!(encrypted(&mut server, &[b'a'; 1000]), b"");
    }
    let mut answer = Vec::new();
    assert_eq!(server.shake_hands(&flight, &mut answer), Ok(Progress::Open));
    assert_eq!(heard(&mut client, &answer).len(), AT_A_TIME);
    let bytes = encrypted(&mut server, b"text");
    assert_eq!(heard(&mut client, &bytes), b"text");
}

#[test]
fn typed_text_is_told_from_tls_by_its_first_byte() {
    for first in [b'a', b'G', b'\r', b'\n', b' ', b':', 0xFF, "é".as_bytes()[0], "€".as_bytes()[0], "🦀".as_bytes()[0]]
    {
        assert!(is_text_byte(first), "{first}");
    }
    for first in [22, 21, 20, 23, 0, 128, 4] {
        assert!(!is_text_byte(first), "{first}");
    }
}
