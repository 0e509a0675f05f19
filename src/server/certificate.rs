//! The server's certificate: the admin's own, or a self-signed one that is made on the first start and kept.
//!
//! *Owns* the files, the check that certificate and key belong together, and which pair is in use.
//! *Knows nothing of* connections.

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
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, ServerConfig};

use crate::config::{self, Config};
use warnings::CertificateFacts;

mod pin;
#[cfg(test)]
mod tests;
mod warnings;

/// The self-signed pair in `state_dir`.
const CERTIFICATE_FILE: &str = "chatsock-certificate.pem";
const KEY_FILE: &str = "chatsock-key.pem";

/// How long a self-signed certificate is valid, in years. Users trust it because they have compared its fingerprint, and
/// would have to do so again for the next one, so it should outlive the machine.
const YEARS: i16 = 10;

/// Longest PEM file read, in bytes. A chain of ten certificates has about 20 KB; reading `/dev/zero` would never end.
const MAX_FILE: u64 = 1024 * 1024;

/// The certificate in use, shared by all TLS listeners.
pub(super) struct Certificate {
    /// A leaf lock. Replaced as a whole on a reload; existing connections keep the pair they began with.
    current: RwLock<CertificatePair>,
}

#[derive(Clone)]
struct CertificatePair {
    settings: Arc<ServerConfig>,
    fingerprint: String,
    /// SHA-256 of the public key (RFC 7469, section 2.4), if the library gives access to that key.
    pin: Option<String>,
    path: PathBuf,
    /// Facts about the readable certificates in the file, the server's own first.
    facts: Vec<CertificateFacts>,
}

impl Certificate {
    /// Loads the configured pair, or the self-signed one, which is made if it is missing.
    pub(super) fn open(config: &Config) -> Result<Certificate, CertificateError> {
        load(config).map(|pair| Certificate { current: RwLock::new(pair) })
    }

    /// Reads the pair again, for new connections.
    pub(super) fn reload(&self, config: &Config) -> Result<(), CertificateError> {
        let pair = load(config)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = pair;
        Ok(())
    }

    /// The settings for a new connection.
    pub(super) fn settings(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).settings)
    }

    /// Warnings for the admin, one sentence each.
    pub(super) fn warnings(&self, now: Timestamp) -> Vec<String> {
        let pair = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        warnings::warnings(&pair.path, &pair.facts, now)
    }

    /// SHA-256 of the public key in base 64, in the form of `curl --pinnedpubkey`.
    pub(super) fn pin(&self) -> Option<String> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).pin.clone()
    }

    /// The fingerprint of the pair that the server would use, if it exists already.
    #[cfg(feature = "discovery")]
    pub(super) fn existing_fingerprint(config: &Config) -> Option<String> {
        existing_pair(config).ok()?.map(|pair| pair.fingerprint)
    }

    /// SHA-256 of the certificate, in the form that clients show.
    pub(super) fn fingerprint(&self) -> String {
        self.current.read().unwrap_or_else(PoisonError::into_inner).fingerprint.clone()
    }
}

/// Checks that the server could start with the pair, without making or changing anything. Returns warnings for the admin.
pub(super) fn check(config: &Config, now: Timestamp) -> Result<Vec<String>, CertificateError> {
    let warn = |pair: CertificatePair| warnings::warnings(&pair.path, &pair.facts, now);
    existing_pair(config).map(|pair| pair.map(warn).unwrap_or_default())
}

/// The pair that the server would use. `None` if it must be made first.
fn existing_pair(config: &Config) -> Result<Option<CertificatePair>, CertificateError> {
    if let (Some(certificate), Some(key)) = (&config.tls.certificate, &config.tls.key) {
        return read_pair(certificate, key).map(Some);
    }
    let (certificate, key) = self_signed_files(config);
    let is_made = !is_missing(&certificate) && !is_missing(&key);
    is_made.then(|| read_pair(&certificate, &key)).transpose()
}

/// Why there is no usable certificate.
#[derive(Debug)]
pub enum CertificateError {
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// The file contains no certificate.
    NoCertificate(PathBuf),
    /// The file contains no private key.
    NoKey(PathBuf),
    /// The key is encrypted with a password.
    EncryptedKey(PathBuf),
    /// The certificate cannot be used; with the library's reason.
    BadCertificate(PathBuf, String),
    /// The key cannot be used; with the library's reason.
    BadKey(PathBuf, String),
    /// The key belongs to another certificate.
    Mismatch(PathBuf, PathBuf),
    /// The self-signed pair cannot be written.
    Unwritable(PathBuf, io::Error),
    /// The self-signed pair cannot be made; with the library's reason.
    NotMade(String),
}

impl CertificateError {
    /// Whether the user can fix it.
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
                        write!(
                            f,
                            "{path} does not exist; name the right file in [tls], or leave out both certificate and key"
                        )
                    }
                    io::ErrorKind::PermissionDenied => {
                        write!(f, "no permission to read {path}; make it readable for the user who runs chatsock")
                    }
                    _ => write!(f, "{path} cannot be read: {error}"),
                }
            }
            Self::NoCertificate(path) => write!(
                f,
                "{} contains no certificate; it must be a PEM file with a section BEGIN CERTIFICATE, the server's own first",
                path.display()
            ),
            Self::NoKey(path) => write!(
                f,
                "{} contains no private key; it must be a PEM file with a section BEGIN PRIVATE KEY, BEGIN EC PRIVATE KEY or BEGIN RSA PRIVATE KEY",
                path.display()
            ),
            Self::EncryptedKey(path) => write!(
                f,
                "the private key in {} is encrypted, and the server cannot ask for its password; remove it, as in: openssl pkey -in OLD -out NEW",
                path.display()
            ),
            Self::BadCertificate(path, why) => {
                write!(
                    f,
                    "the certificate in {} cannot be used ({why}); get another one from its issuer",
                    path.display()
                )
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
                "the self-signed certificate cannot be written to {} ({error}); set state_dir to a directory that the user who runs chatsock may write to",
                path.display()
            ),
            Self::NotMade(why) => write!(
                f,
                "cannot make a self-signed certificate ({why}); name one of your own with certificate and key in [tls]"
            ),
        }
    }
}

impl std::error::Error for CertificateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, error) | Self::Unwritable(_, error) => Some(error),
            Self::NoCertificate(_)
            | Self::NoKey(_)
            | Self::EncryptedKey(_)
            | Self::BadCertificate(..)
            | Self::BadKey(..)
            | Self::Mismatch(..)
            | Self::NotMade(_) => None,
        }
    }
}

/// Where the self-signed pair is kept.
fn self_signed_files(config: &Config) -> (PathBuf, PathBuf) {
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
    let (certificate, key) = self_signed_files(config);
    match (is_missing(&certificate), is_missing(&key)) {
        (false, false) => {}
        (true, true) => {
            make_pair(&config.state_dir, &certificate, &key)?;
            log::info!("made a self-signed certificate: {}", certificate.display());
        }
        // The first start was interrupted, or somebody deleted a file. The remaining half is useless.
        (certificate_missing, _) => {
            make_pair(&config.state_dir, &certificate, &key)?;
            let gone = if certificate_missing { &certificate } else { &key };
            log::warn!("{} was missing: made another self-signed certificate", gone.display());
        }
    }
    tighten(&key);
    read_pair(&certificate, &key)
}

/// Makes our own key readable by its owner alone, whatever the mode of the file was.
fn tighten(key: &Path) {
    let Ok(found) = fs::metadata(key) else { return };
    if found.permissions().mode() & 0o077 == 0 {
        return;
    }
    match fs::set_permissions(key, Permissions::from_mode(0o600)) {
        Ok(()) => log::warn!(
            "the private key {} was readable by others; fixed, but somebody may have copied it",
            key.display()
        ),
        Err(error) => log::warn!("the private key {} is readable by others: {error}", key.display()),
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
    let pin = pair.key.public_key().map(|key| pin::of(&key));
    let settings = settings(provider, pair)
        .map_err(|error| CertificateError::BadCertificate(certificate.to_owned(), error.to_string()))?;
    Ok(CertificatePair { settings: Arc::new(settings), fingerprint, pin, path: certificate.to_owned(), facts })
}

/// Reads the facts of a chain; none if its leaf cannot be read.
fn read_facts(chain: &[CertificateDer<'_>]) -> Vec<CertificateFacts> {
    let Some((own, others)) = chain.split_first() else { return Vec::new() };
    let Some(own) = CertificateFacts::read(own) else { return Vec::new() };
    [own].into_iter().chain(others.iter().filter_map(|other| CertificateFacts::read(other))).collect()
}

/// Whether the first certificate contains the key's public half, byte for byte.
///
/// A certificate that rustls cannot parse may still be usable: `openssl x509 -req` without extensions makes version 1
/// certificates, which clients accept. They decide whether it is good; the server only sends it.
fn holds_public_half(pair: &CertifiedKey) -> bool {
    let (Some(first), Some(public)) = (pair.cert.first(), pair.key.public_key()) else { return false };
    let public: &[u8] = public.as_ref();
    first.windows(public.len()).any(|part| part == public)
}

fn read_key(path: &Path, provider: &CryptoProvider) -> Result<Arc<dyn rustls::sign::SigningKey>, CertificateError> {
    let text = read(path)?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        // In the PEM header or, in the form of RFC 1421, on the line below it.
        let encrypted = text.windows(9).any(|word| word == b"ENCRYPTED");
        let error = if encrypted { CertificateError::EncryptedKey } else { CertificateError::NoKey };
        error(path.to_owned())
    })?;
    let loaded = provider.key_provider.load_private_key(key);
    loaded.map_err(|error| CertificateError::BadKey(path.to_owned(), error.to_string()))
}

/// The TLS settings for a pair.
fn settings(provider: Arc<CryptoProvider>, pair: CertifiedKey) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12])?;
    let resolver = Arc::new(SingleCertAndKey::from(pair));
    let mut settings = builder.with_no_client_auth().with_cert_resolver(resolver);
    // Sessions are never resumed: a chat connection lasts for hours, and a faster start is not worth a table of secrets
    // here, or two tickets sent to a client that may have closed already.
    settings.session_storage = Arc::new(NoServerSessionStorage {});
    settings.send_tls13_tickets = 0;
    Ok(settings)
}

/// SHA-256 of the certificate's DER, in the form of `openssl x509 -fingerprint -sha256`.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let hash = digest(&SHA256, certificate);
    hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    config::read_regular(path, MAX_FILE).map_err(|error| CertificateError::Unreadable(path.to_owned(), error))
}

/// Makes a self-signed pair and writes it to disk.
fn make_pair(directory: &Path, certificate: &Path, key: &Path) -> Result<(), CertificateError> {
    let not_made = |error: rcgen::Error| CertificateError::NotMade(error.to_string());
    let pair = KeyPair::generate().map_err(not_made)?;
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(host_name());
    let mut wanted = CertificateParams::new(names).map_err(not_made)?;
    wanted.distinguished_name.push(DnType::CommonName, "chatsock, self-signed");
    // Valid from yesterday, because clocks differ.
    let today = (Timestamp::now() - SignedDuration::from_hours(24)).to_zoned(TimeZone::UTC).date();
    let day = |date: Date, years: i16| {
        // At most 28, so that the day exists in every month and year.
        let day = date.day().min(28).unsigned_abs();
        rcgen::date_time_ymd((date.year() + years).into(), date.month().unsigned_abs(), day)
    };
    (wanted.not_before, wanted.not_after) = (day(today, 0), day(today, YEARS));
    let made = wanted.self_signed(&pair).map_err(not_made)?;
    let write = || -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        // The key first: a certificate without its key is useless.
        write_new(key, pair.serialize_pem().as_bytes(), 0o600)?;
        write_new(certificate, made.pem().as_bytes(), 0o644)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(|error| CertificateError::Unwritable(directory.to_owned(), error))
}

/// Writes a file atomically. It never exists with another mode.
fn write_new(path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
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

/// The host name, if the system shows it as a file and a certificate can contain it.
fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    let fits = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    (!name.is_empty() && name != "localhost" && name.len() <= 253 && fits(name)).then(|| name.to_owned())
}
