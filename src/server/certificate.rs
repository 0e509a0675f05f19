//! The server's certificate: the admin's own, or a self-signed one that is made on the first start and kept.
//!
//! *Owns* the files, that certificate and key belong together, and which of them is in force.
//! *Knows nothing of* connections.
//! *Called by* `server::transport`.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use rcgen::{CertificateParams, DnType, KeyPair};
use ring::digest::{SHA256, digest};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, ServerConfig};

use crate::config::Config;
use warnings::CertificateFacts;

#[cfg(test)]
mod tests;
mod warnings;

/// The self-signed pair in `state_dir`.
const CERTIFICATE_FILE: &str = "chatsock-certificate.pem";
const KEY_FILE: &str = "chatsock-key.pem";

/// How long a self-signed certificate is valid, in years. Nobody vouches for it, whoever trusts it has compared the
/// fingerprint, and would have to do so again for the next one: so it should outlive the machine.
const YEARS: i16 = 10;

/// Longest PEM file read, in bytes. A chain of ten certificates has about 20 KB; `certificate = "/dev/zero"` would be
/// read for ever.
const MAX_FILE: u64 = 1024 * 1024;

/// The certificate in force, shared by all TLS listeners.
pub(super) struct Certificate {
    /// A leaf, replaced whole on a reload: connections that are there keep what they began with.
    current: RwLock<CertificatePair>,
}

#[derive(Clone)]
struct CertificatePair {
    settings: Arc<ServerConfig>,
    fingerprint: String,
    path: PathBuf,
    /// Of all in the file that can be read, the server's own first.
    facts: Vec<CertificateFacts>,
}

impl Certificate {
    /// The configured pair, or the kept one, which is made if there is none.
    pub(super) fn open(config: &Config) -> Result<Certificate, CertificateError> {
        let pair = load(config)?;
        Ok(Certificate { current: RwLock::new(pair) })
    }

    /// Reads the pair again, for the connections to come.
    pub(super) fn reload(&self, config: &Config) -> Result<(), CertificateError> {
        let pair = load(config)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = pair;
        Ok(())
    }

    /// What a new connection begins with.
    pub(super) fn settings(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).settings)
    }

    /// What an admin has to know of it at a time, one sentence each.
    pub(super) fn warnings(&self, now: Timestamp) -> Vec<String> {
        let pair = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        warnings::warnings(&pair.path, &pair.facts, now)
    }

    /// SHA-256 of the certificate, as clients show it.
    pub(super) fn fingerprint(&self) -> String {
        self.current.read().unwrap_or_else(PoisonError::into_inner).fingerprint.clone()
    }
}

/// Whether a start would find a pair that it can use, or make one; then, what an admin has to know of it. Nothing is made here,
/// and nothing changed.
pub(super) fn check(config: &Config, now: Timestamp) -> Result<Vec<String>, CertificateError> {
    let told = |pair: CertificatePair| warnings::warnings(&pair.path, &pair.facts, now);
    if let (Some(certificate), Some(key)) = (&config.tls.certificate, &config.tls.key) {
        return read_pair(certificate, key).map(told);
    }
    let (certificate, key) = kept(config);
    if is_missing(&certificate) || is_missing(&key) {
        return Ok(Vec::new());
    }
    read_pair(&certificate, &key).map(told)
}

/// Why there is no certificate to show.
#[derive(Debug)]
pub enum CertificateError {
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// No certificate in the file.
    NoCertificate(PathBuf),
    /// No private key in the file.
    NoKey(PathBuf),
    /// The key needs a password.
    EncryptedKey(PathBuf),
    /// The certificate cannot be used; with the library's reason.
    BadCertificate(PathBuf, String),
    /// The key cannot be used; with the library's reason.
    BadKey(PathBuf, String),
    /// The key belongs to another certificate.
    Mismatch(PathBuf, PathBuf),
    /// The self-signed pair cannot be kept.
    Unwritable(PathBuf, io::Error),
    /// The self-signed pair cannot be made; with the library's reason.
    NotMade(String),
}

impl CertificateError {
    /// Whether the user can mend it.
    pub(super) fn is_users(&self) -> bool {
        !matches!(self, CertificateError::NotMade(_))
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => {
                let path = path.display();
                match error.kind() {
                    io::ErrorKind::NotFound => {
                        write!(f, "{path} is not there; name the right file in [tls], or neither certificate nor key")
                    }
                    io::ErrorKind::PermissionDenied => {
                        write!(f, "no permission to read {path}; give the user who runs chatsock the right to")
                    }
                    _ => write!(f, "{path} cannot be read: {error}"),
                }
            }
            Self::NoCertificate(path) => write!(
                f,
                "{} holds no certificate; it must be a PEM file with a section BEGIN CERTIFICATE, the server's own first",
                path.display()
            ),
            Self::NoKey(path) => write!(
                f,
                "{} holds no private key; it must be a PEM file with a section BEGIN PRIVATE KEY, BEGIN EC PRIVATE KEY or BEGIN RSA PRIVATE KEY",
                path.display()
            ),
            Self::EncryptedKey(path) => write!(
                f,
                "the private key in {} is encrypted, and nobody is there to give its password; write it without one, as in: openssl pkey -in OLD -out NEW",
                path.display()
            ),
            Self::BadCertificate(path, why) => {
                write!(f, "the certificate in {} cannot be used ({why}); ask who made it for another", path.display())
            }
            Self::BadKey(path, why) => write!(
                f,
                "the private key in {} cannot be used ({why}); it must be RSA with 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519",
                path.display()
            ),
            Self::Mismatch(certificate, key) => write!(
                f,
                "the private key in {} does not belong to the first certificate in {}; name the two files that were made together",
                key.display(),
                certificate.display()
            ),
            Self::Unwritable(path, error) => write!(
                f,
                "the self-signed certificate cannot be kept in {} ({error}); set state_dir to a directory that the user who runs chatsock may write to",
                path.display()
            ),
            Self::NotMade(why) => write!(
                f,
                "no self-signed certificate could be made ({why}); name one of your own with certificate and key in [tls]"
            ),
        }
    }
}

impl std::error::Error for CertificateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, error) | Self::Unwritable(_, error) => Some(error),
            _ => None,
        }
    }
}

/// Where the self-signed pair is, or is to be.
fn kept(config: &Config) -> (PathBuf, PathBuf) {
    (config.state_dir.join(CERTIFICATE_FILE), config.state_dir.join(KEY_FILE))
}

fn is_missing(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Err(error) => matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
        Ok(_) => false,
    }
}

fn load(config: &Config) -> Result<CertificatePair, CertificateError> {
    if let (Some(certificate), Some(key)) = (&config.tls.certificate, &config.tls.key) {
        return read_pair(certificate, key);
    }
    let (certificate, key) = kept(config);
    match (is_missing(&certificate), is_missing(&key)) {
        (false, false) => {}
        (true, true) => {
            make_pair(&config.state_dir, &certificate, &key)?;
            log::info!("made a self-signed certificate: {}", certificate.display());
        }
        // A first start that broke off in between, or somebody's tidying: the half that is left is of no use.
        (certificate_missing, _) => {
            make_pair(&config.state_dir, &certificate, &key)?;
            let gone = if certificate_missing { &certificate } else { &key };
            log::warn!("{} was gone: made another self-signed certificate", gone.display());
        }
    }
    tighten(&key);
    read_pair(&certificate, &key)
}

/// Our own key is its owner's alone, whatever has been done to the file.
fn tighten(key: &Path) {
    let Ok(found) = fs::metadata(key) else { return };
    if found.permissions().mode() & 0o077 == 0 {
        return;
    }
    match fs::set_permissions(key, Permissions::from_mode(0o600)) {
        Ok(()) => log::warn!("others could read the private key {}: not any more, but they may have", key.display()),
        Err(error) => log::warn!("others can read the private key {}: {error}", key.display()),
    }
}

fn read_pair(certificate: &Path, key: &Path) -> Result<CertificatePair, CertificateError> {
    let text = read(certificate)?;
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.unwrap_or_default();
    let Some(first) = chain.first() else { return Err(CertificateError::NoCertificate(certificate.to_owned())) };
    let fingerprint = fingerprint(first);
    let facts = read_facts(&chain);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let private = read_key(key, &provider)?;
    let pair = CertifiedKey::new(chain, private);
    match pair.keys_match() {
        Ok(()) => {}
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            return Err(CertificateError::Mismatch(certificate.to_owned(), key.to_owned()));
        }
        Err(_) if holds_public_half(&pair) => {}
        Err(error) => return Err(CertificateError::BadCertificate(certificate.to_owned(), error.to_string())),
    }
    let settings = settings(provider, pair)
        .map_err(|error| CertificateError::BadCertificate(certificate.to_owned(), error.to_string()))?;
    Ok(CertificatePair { settings: Arc::new(settings), fingerprint, path: certificate.to_owned(), facts })
}

/// Of a leaf that cannot be read there is nothing to say, nor of what is behind it.
fn read_facts(chain: &[CertificateDer<'_>]) -> Vec<CertificateFacts> {
    let Some((own, others)) = chain.split_first() else { return Vec::new() };
    let Some(own) = CertificateFacts::read(own) else { return Vec::new() };
    [own].into_iter().chain(others.iter().filter_map(|other| CertificateFacts::read(other))).collect()
}

/// Whether the first certificate has the key's public half in it, byte for byte.
///
/// What rustls cannot take apart is not useless for that: `openssl x509 -req` without extensions makes certificates of
/// version 1, which clients accept. Whether one is any good is for them to say; the server only shows it.
fn holds_public_half(pair: &CertifiedKey) -> bool {
    let (Some(first), Some(public)) = (pair.cert.first(), pair.key.public_key()) else { return false };
    let public: &[u8] = public.as_ref();
    first.windows(public.len()).any(|part| part == public)
}

fn read_key(path: &Path, provider: &CryptoProvider) -> Result<Arc<dyn rustls::sign::SigningKey>, CertificateError> {
    let text = read(path)?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        // In its header or, in the form of RFC 1421, on the first line below it.
        let encrypted = text.windows(9).any(|word| word == b"ENCRYPTED");
        let error = if encrypted { CertificateError::EncryptedKey } else { CertificateError::NoKey };
        error(path.to_owned())
    })?;
    let loaded = provider.key_provider.load_private_key(key);
    loaded.map_err(|error| CertificateError::BadKey(path.to_owned(), error.to_string()))
}

/// How connections are to be encrypted.
fn settings(provider: Arc<CryptoProvider>, pair: CertifiedKey) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12])?;
    let resolver = Arc::new(SingleCertAndKey::from(pair));
    let mut settings = builder.with_no_client_auth().with_cert_resolver(resolver);
    // Sessions are never resumed: a chat's connection lasts for hours, and what is gained once at its beginning is not
    // worth a table of secrets here, nor two tickets sent to somebody who may have closed already.
    settings.session_storage = Arc::new(NoServerSessionStorage {});
    settings.send_tls13_tickets = 0;
    Ok(settings)
}

/// SHA-256 over the certificate's DER, as `openssl x509 -fingerprint -sha256` shows it.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let hash = digest(&SHA256, certificate);
    hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let read = || {
        let mut text = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(File::open(path)?, MAX_FILE), &mut text)?;
        Ok(text)
    };
    read().map_err(|error| CertificateError::Unreadable(path.to_owned(), error))
}

/// Makes a self-signed pair and keeps it.
fn make_pair(directory: &Path, certificate: &Path, key: &Path) -> Result<(), CertificateError> {
    let not_made = |error: rcgen::Error| CertificateError::NotMade(error.to_string());
    let pair = KeyPair::generate().map_err(not_made)?;
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(host_name());
    let mut wanted = CertificateParams::new(names).map_err(not_made)?;
    wanted.distinguished_name.push(DnType::CommonName, "chatsock, self-signed");
    // From yesterday on, as clocks differ.
    let today = (Timestamp::now() - SignedDuration::from_hours(24)).to_zoned(TimeZone::UTC).date();
    let day = |date: Date, years: i16| {
        // No certificate begins or ends on a day that most years lack.
        let day = date.day().min(28).unsigned_abs();
        rcgen::date_time_ymd((date.year() + years).into(), date.month().unsigned_abs(), day)
    };
    (wanted.not_before, wanted.not_after) = (day(today, 0), day(today, YEARS));
    let made = wanted.self_signed(&pair).map_err(not_made)?;
    let kept = || -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        // The key first: a certificate without its key is what nobody could use.
        keep(key, pair.serialize_pem().as_bytes(), 0o600)?;
        keep(certificate, made.pem().as_bytes(), 0o644)?;
        File::open(directory)?.sync_all()
    };
    kept().map_err(|error| CertificateError::Unwritable(directory.to_owned(), error))
}

/// Writes a file as a whole or not at all; it has its mode from the first byte on.
fn keep(path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

/// The machine's own name, where the system shows it as a file and a certificate can hold it.
fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    let fits = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    (!name.is_empty() && name != "localhost" && name.len() <= 253 && fits(name)).then(|| name.to_owned())
}
