//! The section `[files]`: listeners for files between users, and limits on their number and size.
//!
//! *Knows nothing of* transfers.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::address::parse_address;
use super::conflict::{TakenAddress, refuse_clash};
use super::keys::{FILE_KEYS, TLS_BUILT, lacking, unknown_keys};
use super::value::{MAX_COUNT, Section, ValueReader, quoted};

/// Longest time that can be set, in seconds: an offer belongs to what was said a moment ago.
const MOST_SECONDS: usize = 3600;

/// Largest file that can be allowed, in bytes: far more than anyone sends in one go, and far from overflow.
const MOST_BYTES: usize = usize::MAX >> 1;

/// The section `[files]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesConfig {
    /// Addresses for files.
    pub listen: Vec<SocketAddr>,
    /// The same through TLS, with the certificate of `[tls]`.
    pub tls_listen: Vec<SocketAddr>,
    /// The server's name in the commands that users copy. Empty: the address that the user connected to.
    pub host: String,
    /// Most bytes of one file.
    pub max_bytes: usize,
    /// Most files on their way at the same time.
    pub max_at_once: usize,
    /// Bytes per second of one file. `None`: as fast as they come.
    pub bytes_per_second: Option<usize>,
    /// How long an offer waits for an answer.
    pub offer: Duration,
    /// How long both ends may take to connect.
    pub start: Duration,
}

impl Default for FilesConfig {
    fn default() -> FilesConfig {
        FilesConfig {
            listen: Vec::new(),
            tls_listen: Vec::new(),
            host: String::new(),
            max_bytes: 100 * 1024 * 1024,
            max_at_once: 16,
            bytes_per_second: None,
            offer: Duration::from_secs(120),
            start: Duration::from_secs(600),
        }
    }
}

/// Reads the section `[files]`. `taken` are the addresses of the other listeners.
pub(super) fn read_files(
    reader: &mut ValueReader<'_>,
    section: Section<'_, '_>,
    taken: &mut Vec<TakenAddress>,
) -> FilesConfig {
    let mut files = FilesConfig::default();
    unknown_keys(reader, section, FILE_KEYS);
    for (key, name, example, target) in [
        ("listen", "files.listen", "0.0.0.0:5558", &mut files.listen),
        ("tls_listen", "files.tls_listen", "0.0.0.0:5559", &mut files.tls_listen),
    ] {
        for (address, line) in reader.read_list(section, key, example, parse_address).unwrap_or_default() {
            refuse_clash(reader, name, address, line, taken);
            taken.push((address, name));
            target.push(address);
        }
    }
    if !TLS_BUILT && !files.tls_listen.is_empty() {
        reader.mistake(reader.line_of(section, "tls_listen"), format!("files.tls_listen {}", lacking("tls")));
    }
    read_host(reader, section, &mut files.host);
    reader.read_number(section, "max_bytes", 1..=MOST_BYTES, &mut files.max_bytes);
    reader.read_number(section, "max_at_once", 1..=MAX_COUNT, &mut files.max_at_once);
    reader.read_limit(section, "bytes_per_second", 1..=MAX_COUNT, &mut files.bytes_per_second);
    for (key, target) in [("offer_seconds", &mut files.offer), ("start_seconds", &mut files.start)] {
        let mut seconds = usize::try_from(target.as_secs()).unwrap_or(MOST_SECONDS);
        reader.read_number(section, key, 1..=MOST_SECONDS, &mut seconds);
        *target = Duration::from_secs(seconds as u64);
    }
    files
}

/// The text is not a host.
struct HostError;

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be a name or an address without a port, as in chat.example.org")
    }
}

/// Reads the key `host`. It ends up in users' shells, so only a host is accepted.
fn read_host(reader: &mut ValueReader<'_>, section: Section<'_, '_>, target: &mut String) {
    let mut host = target.clone();
    reader.read_line(section, "host", &mut host);
    match check_host(&host) {
        Ok(()) => *target = host,
        Err(error) => {
            let text = format!("{}host {error}, not {}", section.prefix, quoted(&host));
            reader.mistake(reader.line_of(section, "host"), text);
        }
    }
}

fn check_host(host: &str) -> Result<(), HostError> {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_name = host.len() <= 253 && host.trim_end_matches('.').split('.').all(is_label);
    if host.is_empty() || is_name || host.parse::<IpAddr>().is_ok() { Ok(()) } else { Err(HostError) }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn read(text: &str) -> Result<FilesConfig, String> {
        parse(&format!("[files]\n{text}"), "test").map(|config| config.files).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn without_the_section_or_with_an_empty_one_there_are_no_files() {
        for text in ["", "[files]"] {
            assert_eq!(parse(text, "test").map(|config| config.files).ok(), Some(FilesConfig::default()));
        }
        let FilesConfig { listen, tls_listen, max_bytes, max_at_once, bytes_per_second, offer, start, .. } =
            FilesConfig::default();
        assert!(listen.is_empty() && tls_listen.is_empty());
        assert_eq!((max_bytes, max_at_once, bytes_per_second), (104_857_600, 16, None));
        assert_eq!((offer.as_secs(), start.as_secs()), (120, 600));
    }

    #[test]
    fn every_key_is_read() {
        let files = read(
            "listen = [\"127.0.0.1:5558\"]\nhost = \"chat.example.org\"\nmax_bytes = 1000\nmax_at_once = 2\n\
             bytes_per_second = 3000\noffer_seconds = 4\nstart_seconds = 3600",
        );
        let expected = FilesConfig {
            listen: vec!["127.0.0.1:5558".parse().unwrap()],
            host: "chat.example.org".to_owned(),
            max_bytes: 1000,
            max_at_once: 2,
            bytes_per_second: Some(3000),
            offer: Duration::from_secs(4),
            start: Duration::from_secs(3600),
            ..FilesConfig::default()
        };
        assert_eq!(files, Ok(expected));
    }

    #[test]
    fn values_out_of_range_and_unknown_keys_are_mistakes() {
        for (text, mistake) in [
            ("offer_seconds = 0", "files.offer_seconds must be 1 to 3600, not 0"),
            ("start_seconds = 3601", "files.start_seconds must be 1 to 3600, not 3601"),
            ("max_at_once = 0", "files.max_at_once must be 1 to 4294967295, not 0"),
            ("max_bytes = 0", "files.max_bytes must be 1 to"),
            ("bytes_per_second = -1", "files.bytes_per_second must be 1 to 4294967295, or 0 for no limit, not -1"),
            ("max_size = 1", "unknown key files.max_size"),
            ("listen = [\"0.0.0.0:5555\"]", "files.listen contains 0.0.0.0:5555, but listen already contains"),
        ] {
            let mistakes = read(text).expect_err(text);
            assert!(mistakes.contains(mistake), "{text}: {mistakes}");
        }
    }

    #[test]
    fn a_host_has_no_character_with_a_meaning_in_a_shell() {
        for host in ["", "box", "chat.example.org", "192.0.2.1", "2001:db8::1", "a-b.c"] {
            assert!(check_host(host).is_ok(), "{host}");
        }
        for host in ["box:5558", "$(id)", "a b", "-x", "a..b", "a;b", "[::1]", "http://box", "a\"b", "größe"] {
            assert!(check_host(host).is_err(), "{host}");
        }
    }

    #[test]
    fn plain_files_are_refused_where_nothing_may_be_plain() {
        let text = "plain = \"off\"\n[files]\nlisten = [\"127.0.0.1:5558\"]";
        let mistakes = parse(text, "test").expect_err("a mistake").to_string();
        assert!(mistakes.contains("plain is \"off\", which allows no addresses in files.listen"), "{mistakes}");
    }
}
