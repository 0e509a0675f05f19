//! Certificates made and given, their files, and warnings before one expires.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::config::TlsConfig;

/// A temporary directory of this test process, deleted on drop.
struct ScratchFolder(PathBuf);

impl ScratchFolder {
    fn new() -> ScratchFolder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("chatsock-certificate-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return ScratchFolder(path),
                // An earlier process with the same id has left it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A configuration whose `state_dir` does not exist yet.
    fn config(&self) -> Config {
        Config { state_dir: self.0.join("state"), ..Config::default() }
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // If this fails, the directory stays among the system's temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn with(certificate: &Path, key: &Path) -> Config {
    let tls =
        TlsConfig { certificate: Some(certificate.to_owned()), key: Some(key.to_owned()), ..TlsConfig::default() };
    Config { tls, ..Config::default() }
}

/// The PEM of a certificate and of its key.
fn made() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[track_caller]
fn refused(config: &Config, words: &str) {
    let error = load(config).map(|pair| pair.fingerprint).unwrap_err();
    assert!(error.is_users(), "{error:?}");
    let said = error.to_string();
    assert!(said.contains(words) && !said.contains('\n'), "{said}");
}

#[test]
fn the_first_start_makes_a_pair_for_its_owner_only_and_the_next_ones_use_it() {
    let scratch = ScratchFolder::new();
    let config = scratch.config();
    let first = load(&config).unwrap().fingerprint;
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(config.state_dir.join(KEY_FILE)), 0o600);
    assert_eq!(mode(config.state_dir.clone()), 0o700);
    let mut names: Vec<_> = fs::read_dir(&config.state_dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [CERTIFICATE_FILE, KEY_FILE]);
    assert_eq!(load(&config).unwrap().fingerprint, first);
}

#[test]
fn the_fingerprint_is_that_of_the_certificates_der_in_capitals_with_colons() {
    let scratch = ScratchFolder::new();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = scratch.file("c.pem", &made.cert.pem());
    let key = scratch.file("k.pem", &made.signing_key.serialize_pem());
    let fingerprint = load(&with(&certificate, &key)).unwrap().fingerprint;
    let bytes: Vec<u8> = fingerprint.split(':').map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
    assert_eq!(bytes, digest(&SHA256, made.cert.der()).as_ref());
    assert_eq!((fingerprint.len(), fingerprint.to_uppercase()), (95, fingerprint.clone()));
}

#[test]
fn half_a_pair_left_by_an_interrupted_start_is_replaced() {
    for gone in [CERTIFICATE_FILE, KEY_FILE] {
        let scratch = ScratchFolder::new();
        let config = scratch.config();
        let first = load(&config).unwrap().fingerprint;
        fs::remove_file(config.state_dir.join(gone)).unwrap();
        // The interrupted start has also left a partial file.
        fs::write(config.state_dir.join("chatsock-key.new"), "half").unwrap();
        let second = load(&config).unwrap().fingerprint;
        assert_ne!(first, second);
        assert_eq!(load(&config).unwrap().fingerprint, second);
    }
}

#[test]
fn a_pair_of_the_admins_own_is_used_and_nothing_is_made() {
    let scratch = ScratchFolder::new();
    let (certificate, key) = made();
    let mut config = with(&scratch.file("c.pem", &certificate), &scratch.file("k.pem", &key));
    config.state_dir = scratch.0.join("state");
    load(&config).unwrap();
    assert!(!config.state_dir.exists());
}

#[test]
fn certificate_and_key_may_be_in_one_file_with_text_around_them() {
    let scratch = ScratchFolder::new();
    let (certificate, key) = made();
    let both = scratch.file("both.pem", &format!("Our server\n{key}\nand its certificate\n{certificate}"));
    load(&with(&both, &both)).unwrap();
}

#[test]
fn keys_of_every_kind_are_read() {
    let scratch = ScratchFolder::new();
    for (name, certificate, key) in [
        (
            "PKCS#8, RSA",
            include_str!("../../../tests/data/tls/rsa.pem"),
            include_str!("../../../tests/data/tls/rsa-pkcs8.key"),
        ),
        (
            "PKCS#1",
            include_str!("../../../tests/data/tls/rsa.pem"),
            include_str!("../../../tests/data/tls/rsa-pkcs1.key"),
        ),
        (
            "SEC1",
            include_str!("../../../tests/data/tls/p384.pem"),
            include_str!("../../../tests/data/tls/p384-sec1.key"),
        ),
        (
            "PKCS#8, Ed25519",
            include_str!("../../../tests/data/tls/ed25519.pem"),
            include_str!("../../../tests/data/tls/ed25519.key"),
        ),
    ] {
        let config = with(&scratch.file("c.pem", certificate), &scratch.file("k.pem", key));
        assert!(load(&config).is_ok(), "{name}: {:?}", load(&config).map(|pair| pair.fingerprint));
    }
}

#[test]
fn a_certificate_of_version_1_as_openssl_makes_without_extensions_is_used_with_its_key_and_no_other() {
    let scratch = ScratchFolder::new();
    let certificate = scratch.file("c.pem", include_str!("../../../tests/data/tls/p384-v1.pem"));
    let key = scratch.file("k.pem", include_str!("../../../tests/data/tls/p384-sec1.key"));
    assert!(load(&with(&certificate, &key)).is_ok());
    refused(&with(&certificate, &scratch.file("o.pem", &made().1)), "c.pem cannot be used");
}

#[test]
fn every_error_about_a_pair_names_the_remedy() {
    let scratch = ScratchFolder::new();
    let (certificate, key) = made();
    let (other, _) = made();
    let nowhere = scratch.0.join("nowhere.pem");
    let good_certificate = scratch.file("c.pem", &certificate);
    let good_key = scratch.file("k.pem", &key);
    refused(&with(&nowhere, &good_key), "nowhere.pem does not exist; name the right file in [tls]");
    refused(&with(&good_certificate, &nowhere), "nowhere.pem does not exist");
    refused(&with(&scratch.0, &good_key), "cannot be read");
    refused(&with(&good_key, &good_key), "k.pem contains no certificate; it must be a PEM file");
    refused(&with(&good_certificate, &good_certificate), "c.pem contains no private key; it must be a PEM file");
    refused(&with(&scratch.file("o.pem", &other), &good_key), "does not belong to the first certificate in");
    let cut = scratch.file("cut.pem", &key[..key.len() / 2]);
    refused(&with(&good_certificate, &cut), "contains no private key");
    let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    refused(&with(&scratch.file("bad.pem", empty), &good_key), "bad.pem cannot be used");
    let empty = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    refused(&with(&good_certificate, &scratch.file("bad.key", empty)), "bad.key cannot be used");
    let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    refused(&with(&good_certificate, &scratch.file("e.key", &encrypted)), "is encrypted");
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    refused(&with(&good_certificate, &scratch.file("old.key", old)), "is encrypted");
}

#[test]
fn a_directory_that_cannot_be_written_to_is_named() {
    let scratch = ScratchFolder::new();
    let file = scratch.file("file", "");
    let config = Config { state_dir: file.join("state"), ..Config::default() };
    refused(&config, "set state_dir to a directory that the user who runs chatsock may write to");
}

#[test]
fn a_pair_that_cannot_be_used_leaves_the_old_one_in_use() {
    let scratch = ScratchFolder::new();
    let (certificate, key) = made();
    let config = with(&scratch.file("c.pem", &certificate), &scratch.file("k.pem", &key));
    let in_force = Certificate::open(&config).unwrap();
    let first = in_force.fingerprint();
    let (certificate, key) = made();
    scratch.file("c.pem", &certificate);
    assert!(in_force.reload(&config).is_err());
    assert_eq!(in_force.fingerprint(), first);
    scratch.file("k.pem", &key);
    in_force.reload(&config).unwrap();
    assert_ne!(in_force.fingerprint(), first);
}

#[test]
fn a_certificate_of_ours_begins_yesterday_and_lasts_ten_years() {
    let scratch = ScratchFolder::new();
    let config = scratch.config();
    load(&config).unwrap();
    let text = fs::read(config.state_dir.join(CERTIFICATE_FILE)).unwrap();
    let der = CertificateDer::from_pem_slice(&text).unwrap();
    // UTCTime (RFC 5280, section 4.1.2.5.1): tag 23, 13 characters, YYMMDDhhmmssZ. The key and the signature are random
    // bytes, in which a shorter pattern would turn up now and then.
    let is_time = |window: &&[u8]| {
        window.starts_with(&[23, 13]) && window[2..14].iter().all(u8::is_ascii_digit) && window.ends_with(b"Z")
    };
    let times: Vec<String> =
        der.windows(15).filter(is_time).map(|window| String::from_utf8_lossy(&window[2..8]).into_owned()).collect();
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let year = |time: &str| time[..2].parse::<i16>().unwrap();
    assert_eq!(times.len(), 2, "{times:?}");
    assert_eq!(year(&times[1]), year(&times[0]) + YEARS);
    assert!(times[0] <= today.strftime("%y%m%d").to_string(), "{times:?}");
}
