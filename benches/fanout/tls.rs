//! The client's side of a TLS connection, in memory.
//!
//! *Owns* one connection's keys, and the rule that any certificate is accepted. *Knows nothing of* sockets.

use std::io::{BufRead as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

use crate::failure::Failure;

/// The settings of all connections of a crowd.
pub fn settings() -> Result<Arc<ClientConfig>, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let verifier = Arc::new(AnyCertificate(provider));
    let mut settings = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    // Every handshake is a full one, like a user's first.
    settings.resumption = Resumption::disabled();
    Ok(Arc::new(settings))
}

/// One connection.
pub struct Client {
    connection: ClientConnection,
    /// The bytes encrypted last; the buffer is reused.
    encrypted: Vec<u8>,
}

impl Client {
    /// A connection with its hello still to send.
    pub fn new(settings: &Arc<ClientConfig>) -> Result<Client, Failure> {
        let name = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
        let mut connection = ClientConnection::new(Arc::clone(settings), name)?;
        // The caller chooses and limits the size of a burst.
        connection.set_buffer_limit(None);
        Ok(Client { connection, encrypted: Vec::new() })
    }

    /// The bytes to send for this text, after pending messages of the protocol.
    pub fn encrypt(&mut self, text: &[u8]) -> Result<&[u8], Failure> {
        self.encrypted.clear();
        self.connection.writer().write_all(text)?;
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.encrypted)?;
        }
        Ok(&self.encrypted)
    }

    /// Whether the protocol has messages of its own to send.
    pub fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    /// Appends the text that these bytes contain.
    pub fn decrypt(&mut self, mut bytes: &[u8], text: &mut Vec<u8>) -> Result<(), Failure> {
        while !bytes.is_empty() {
            // Accepts some kilobytes at a time, and nothing after a close_notify.
            if self.connection.read_tls(&mut bytes)? == 0 {
                break;
            }
            self.connection.process_new_packets()?;
            let mut reader = self.connection.reader();
            // Ends with WouldBlock, or with an empty chunk after a close_notify.
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

    /// Version and cipher, once they are negotiated.
    pub fn negotiated(&self) -> Option<String> {
        let version = self.connection.protocol_version()?;
        let suite = self.connection.negotiated_cipher_suite()?.suite();
        Some(format!("{version:?}, {suite:?}"))
    }
}

/// Accepts every certificate and every signature: the server was started by this benchmark and is on the loopback address,
/// and checking would only add work for the client.
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
