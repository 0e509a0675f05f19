//! The check of a server's certificate during the handshake.
//!
//! The server must always prove that it has the certificate's key. Only the trust in the certificate differs: see
//! [`Expected`].
//!
//! *Owns* that decision. *Knows nothing of* the file of known servers.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::Fingerprint;

/// The files in which systems keep the certificates of authorities: Debian, Fedora, SUSE, Alpine and the BSDs.
const SYSTEM_FILES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Authorities that may vouch for a server.
#[derive(Clone, Debug)]
pub(crate) struct Authorities(Arc<WebPkiServerVerifier>);

/// Why a file yields no authorities. A clause without a full stop.
#[derive(Debug)]
pub(crate) enum AuthoritiesError {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// It contains no certificate that can vouch for others.
    Empty,
}

impl fmt::Display for AuthoritiesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuthoritiesError::Unreadable(error) => write!(f, "cannot be read: {error}"),
            AuthoritiesError::Empty => f.write_str("contains no certificate; it must be a PEM file"),
        }
    }
}

impl Authorities {
    /// The authorities in a PEM file.
    ///
    /// # Errors
    ///
    /// It contains none.
    pub(crate) fn read(path: &Path) -> Result<Authorities, AuthoritiesError> {
        let text = std::fs::read(path).map_err(AuthoritiesError::Unreadable)?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&text).flatten());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        verifier.map(Authorities).map_err(|_| AuthoritiesError::Empty)
    }

    /// The system's authorities, if it has any; `SSL_CERT_FILE` names another file, as for openssl.
    pub(crate) fn of_the_system() -> Option<Authorities> {
        let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
        named.into_iter().chain(SYSTEM_FILES.map(PathBuf::from)).find_map(|path| Self::read(&path).ok())
    }
}

/// The certificate to accept.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// The certificate with this fingerprint.
    Fingerprint(Fingerprint),
    /// A certificate that an authority vouches for, for the host that was connected to.
    Vouched(Authorities),
    /// None: the handshake ends at the certificate, and the finding is kept.
    Nothing(Option<Authorities>),
}

/// The certificate that the server has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) fingerprint: Fingerprint,
    /// An authority vouches for it.
    pub(crate) vouched: bool,
    /// The connection may be used.
    pub(crate) accepted: bool,
}

/// Checks the certificate of one connection.
#[derive(Debug)]
pub(crate) struct Verifier {
    expected: Expected,
    provider: Arc<CryptoProvider>,
    /// A leaf lock.
    found: Mutex<Option<Finding>>,
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

impl Verifier {
    /// A verifier for one connection.
    pub(crate) fn new(expected: Expected) -> Arc<Verifier> {
        Arc::new(Verifier { expected, provider: provider(), found: Mutex::new(None) })
    }

    /// The settings of a client that uses this verifier.
    ///
    /// # Errors
    ///
    /// The library rejects them.
    pub(crate) fn settings(self: &Arc<Self>) -> Result<Arc<ClientConfig>, Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider));
        let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?.dangerous();
        let mut settings = builder.with_custom_certificate_verifier(Arc::clone(self) as _).with_no_client_auth();
        settings.resumption = Resumption::disabled();
        Ok(Arc::new(settings))
    }

    /// The finding, if the handshake got as far as the certificate.
    pub(crate) fn finding(&self) -> Option<Finding> {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let refused = Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);
        let fingerprint = Fingerprint::of(own).ok_or_else(|| refused.clone())?;
        let check = |authorities: &Authorities| authorities.0.verify_server_cert(own, others, name, ocsp, now);
        let (vouched, verdict) = match &self.expected {
            Expected::Fingerprint(known) if *known == fingerprint => (false, Ok(ServerCertVerified::assertion())),
            Expected::Fingerprint(_) => (false, Err(refused)),
            Expected::Vouched(authorities) => {
                let verdict = check(authorities);
                (verdict.is_ok(), verdict)
            }
            Expected::Nothing(authorities) => {
                (authorities.as_ref().is_some_and(|authorities| check(authorities).is_ok()), Err(refused))
            }
        };
        let finding = Finding { fingerprint, vouched, accepted: verdict.is_ok() };
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(finding);
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
