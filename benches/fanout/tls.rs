//! The client's side of a TLS connection, in memory.
//!
//! *Owns* one connection's keys, and that any certificate is good. *Knows nothing of* sockets.
//! *Called by* `link`, in builds with the feature `tls`.

use std::io::{BufRead as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

use crate::failure::Failure;

/// Settings for all connections of a crowd.
pub fn settings() -> Result<Arc<ClientConfig>, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let verifier = Arc::new(AnyCertificate(provider));
    let mut settings = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    // Every login is a whole one, as everybody's first is.
    settings.resumption = Resumption::disabled();
    Ok(Arc::new(settings))
}

/// One connection.
pub struct Client {
    connection: ClientConnection,
    /// What was sealed last; kept for its memory.
    sealed: Vec<u8>,
}

impl Client {
    /// One that has its hello to say.
    pub fn new(settings: &Arc<ClientConfig>) -> Result<Client, Failure> {
        let name = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
        let mut connection = ClientConnection::new(Arc::clone(settings), name)?;
        // A burst is the caller's choice, and he bounds it.
        connection.set_buffer_limit(None);
        Ok(Client { connection, sealed: Vec::new() })
    }

    /// What is to be sent so that this text arrives, with what the protocol has to say by itself before it.
    pub fn seal(&mut self, text: &[u8]) -> Result<&[u8], Failure> {
        self.sealed.clear();
        self.connection.writer().write_all(text)?;
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.sealed)?;
        }
        Ok(&self.sealed)
    }

    /// Whether the protocol has something to say by itself.
    pub fn owes(&self) -> bool {
        self.connection.wants_write()
    }

    /// Appends the text that has come with these bytes.
    pub fn open(&mut self, mut bytes: &[u8], text: &mut Vec<u8>) -> Result<(), Failure> {
        while !bytes.is_empty() {
            // It takes some kilobytes at a time, and nothing after a close_notify.
            if self.connection.read_tls(&mut bytes)? == 0 {
                break;
            }
            self.connection.process_new_packets()?;
            let mut reader = self.connection.reader();
            // Ends with WouldBlock, or with nothing after a close_notify.
            while let Ok(chunk) = reader.fill_buf()
                && !chunk.is_empty()
            {
                let count = chunk.len();
                text.extend_from_slice(chunk);
                reader.consume(count);
            }
        }
        Ok(())
    }

    /// Version and cipher, once the two sides have agreed on them.
    pub fn agreed(&self) -> Option<String> {
        let version = self.connection.protocol_version()?;
        let suite = self.connection.negotiated_cipher_suite()?.suite();
        Some(format!("{version:?}, {suite:?}"))
    }
}

/// Takes every certificate and every signature: it talks to the server that the benchmark has started, over the loopback
/// address, and checking would be the client's work alone.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
