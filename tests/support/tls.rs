//! TLS clients that trust one certificate.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::support::{Client, Layer, PATIENCE};

/// The certificate a client trusts, and the versions it speaks.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// One certificate in a PEM file, and both versions.
    pub fn in_file(path: &Path) -> Trust {
        Trust::new(CertificateDer::from_pem_file(path).expect("a certificate"), false)
    }

    /// The same, with TLS 1.2 only.
    pub fn old_in_file(path: &Path) -> Trust {
        Trust::new(CertificateDer::from_pem_file(path).expect("a certificate"), true)
    }

    fn new(certificate: CertificateDer<'static>, old: bool) -> Trust {
        let mut roots = RootCertStore::empty();
        roots.add(certificate).expect("a certificate that can be trusted");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = if old { vec![&TLS12] } else { vec![&TLS13, &TLS12] };
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&versions);
        let config = builder.expect("versions").with_root_certificates(roots).with_no_client_auth();
        Trust(Arc::new(config))
    }

    /// Connects and completes the handshake; returns the error if that fails.
    pub fn try_connect(&self, address: SocketAddr) -> std::io::Result<(Client, Session)> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("localhost").expect("a name");
        let mut connection = ClientConnection::new(Arc::clone(&self.0), name).expect("a client");
        connection.set_buffer_limit(None);
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        let session = Session(Arc::new(Mutex::new(connection)));
        Ok((Client::over(stream, Box::new(session.clone())), session))
    }

    /// Connects and completes the handshake.
    pub fn connect(&self, address: SocketAddr) -> Client {
        self.try_connect(address).expect("hands are shaken").0
    }

    /// The same, and logs in.
    pub fn login(&self, address: SocketAddr, name: &str) -> Client {
        self.connect(address).logged_in(name)
    }

    /// The same in the chat view of a room.
    pub fn chat(&self, address: SocketAddr, name: &str, room: &str) -> Client {
        self.login(address, name).chatting(room)
    }
}

/// The client's side of one connection, shared with the test.
#[derive(Clone)]
pub struct Session(Arc<Mutex<ClientConnection>>);

impl Session {
    fn with<R>(&self, work: impl FnOnce(&mut ClientConnection) -> R) -> R {
        work(&mut self.0.lock().expect("not poisoned"))
    }

    /// Requests new keys; returns what must be sent.
    pub fn refresh_keys(&self) -> Vec<u8> {
        self.with(|connection| {
            connection.refresh_traffic_keys().expect("TLS 1.3");
            sent(connection)
        })
    }
}

fn sent(connection: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut bytes).expect("into memory");
    }
    bytes
}

impl Layer for Session {
    fn open(&mut self, mut read: &[u8]) -> (Vec<u8>, Vec<u8>) {
        self.with(|connection| {
            let mut text = Vec::new();
            loop {
                if !read.is_empty() && connection.read_tls(&mut read).expect("taken") == 0 {
                    read = &[];
                }
                connection.process_new_packets().expect("nothing damaged");
                // An error only means that there is no more text yet.
                let _ = connection.reader().read_to_end(&mut text);
                if read.is_empty() {
                    return (text, sent(connection));
                }
            }
        })
    }

    fn seal(&mut self, said: &[u8]) -> Vec<u8> {
        self.with(|connection| {
            connection.writer().write_all(said).expect("taken");
            sent(connection)
        })
    }

    fn goodbye(&mut self) -> Vec<u8> {
        self.with(|connection| {
            connection.send_close_notify();
            sent(connection)
        })
    }

    fn has_heard_goodbye(&self) -> bool {
        self.with(|connection| connection.process_new_packets().expect("nothing damaged").peer_has_closed())
    }
}
