//! The section `[cluster]`: where the Redis is that several servers share, and how this one is known there.
//!
//! *Owns* the keys of the section, and their ranges.
//! *Knows nothing of* what the servers tell each other. The password is not read here, so that no mistake can quote it.

use std::path::PathBuf;
use std::time::Duration;

use super::keys::{CLUSTER_KEYS, unknown_keys};
use super::value::{Section, ValueReader};

/// Longest prefix of keys, in bytes.
const MAX_PREFIX: usize = 64;

/// The section `[cluster]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// `redis://host:port`.
    pub redis: String,
    /// The user that Redis knows this server by; empty for its default one.
    pub user: String,
    /// A file with the password.
    pub password_file: Option<PathBuf>,
    /// What all keys begin with, so that several chats can share a Redis.
    pub prefix: String,
    /// This server's name among the others; empty for the machine's name and the port.
    pub node: String,
    /// Parts that the rooms are spread over.
    pub partitions: u8,
    /// How long the users of a server that is not heard of stay.
    pub lease: Duration,
    /// Silence of Redis after which a line is said to wait.
    pub timeout: Duration,
    /// Bytes that wait for Redis at most.
    pub pending_bytes: usize,
    /// Replicas that blocks of numbers wait for.
    pub replicas: u8,
}

impl Default for ClusterConfig {
    /// An empty section `[cluster]`.
    fn default() -> Self {
        Self {
            redis: "redis://127.0.0.1:6379".to_owned(),
            user: String::new(),
            password_file: None,
            prefix: "chatsock:".to_owned(),
            node: String::new(),
            partitions: 16,
            lease: Duration::from_secs(10),
            timeout: Duration::from_secs(2),
            pending_bytes: 4 * 1024 * 1024,
            replicas: 0,
        }
    }
}

/// What is wrong with an address, if anything. It is not quoted: somebody may have put a password into it.
fn wrong_address(url: &str) -> Option<&'static str> {
    let Some(host) = url.strip_prefix("redis://") else {
        return Some("must begin with redis://, as in redis = \"redis://127.0.0.1:6379\"");
    };
    if host.contains('@') {
        return Some("must not contain a user or a password; set user and password_file instead");
    }
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "6379"));
    let fits = !name.is_empty() && !name.contains(['/', ' ']) && port.parse::<u16>().is_ok_and(|port| port > 0);
    (!fits).then_some("must be a host and a port, as in redis = \"redis://127.0.0.1:6379\"")
}

/// Whether a name of a server can be told apart from the words around it.
fn is_node(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    name.len() <= 64 && name.chars().all(fits)
}

/// Reads the section `[cluster]`.
pub(super) fn read_cluster(reader: &mut ValueReader<'_>, section: Section<'_, '_>) -> ClusterConfig {
    let mut cluster = ClusterConfig::default();
    unknown_keys(reader, section, CLUSTER_KEYS);
    reader.read_line(section, "redis", &mut cluster.redis);
    if let Some(wrong) = wrong_address(&cluster.redis) {
        reader.mistake(reader.line_of(section, "redis"), format!("cluster.redis {wrong}"));
    }
    reader.read_line(section, "user", &mut cluster.user);
    reader.read_path(section, "password_file", &mut cluster.password_file);
    reader.read_line(section, "prefix", &mut cluster.prefix);
    if cluster.prefix.len() > MAX_PREFIX || cluster.prefix.contains(['{', '}', ' ']) {
        let text = format!("cluster.prefix must have at most {MAX_PREFIX} bytes, without spaces and braces");
        reader.mistake(reader.line_of(section, "prefix"), text);
    }
    reader.read_line(section, "node", &mut cluster.node);
    if !is_node(&cluster.node) {
        let text = "cluster.node must have at most 64 letters, digits and . - _ :, as in node = \"chat1\"";
        reader.mistake(reader.line_of(section, "node"), text);
    }
    let mut number = |key: &str, range, from: usize| {
        let mut value = from;
        reader.read_number(section, key, range, &mut value);
        value
    };
    cluster.partitions = u8::try_from(number("partitions", 1..=64, 16)).unwrap_or(16);
    cluster.lease = Duration::from_secs(number("lease_seconds", 3..=60, 10) as u64);
    cluster.timeout = Duration::from_millis(number("timeout_ms", 100..=60_000, 2000) as u64);
    cluster.pending_bytes = number("pending_bytes", 65_536..=1_073_741_824, cluster.pending_bytes);
    cluster.replicas = u8::try_from(number("replicas", 0..=5, 0)).unwrap_or(0);
    cluster
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn read(text: &str) -> Result<Option<ClusterConfig>, Vec<String>> {
        let config =
            parse(text, "a.toml").map_err(|mistakes| mistakes.iter().map(|m| m.text.clone()).collect::<Vec<_>>());
        config.map(|config| config.cluster)
    }

    #[test]
    fn without_the_section_there_is_one_server_and_an_empty_one_has_defaults() {
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("[cluster]"), Ok(Some(ClusterConfig::default())));
    }

    #[test]
    fn every_key_is_read() {
        let text = "[cluster]\nredis = \"redis://10.0.0.5:6380\"\nuser = \"chat\"\npassword_file = \"/etc/chatsock/redis\"\n\
            prefix = \"a:\"\nnode = \"a1\"\npartitions = 4\nlease_seconds = 20\ntimeout_ms = 500\npending_bytes = 65536\n\
            replicas = 1\n";
        let expected = ClusterConfig {
            redis: "redis://10.0.0.5:6380".to_owned(),
            user: "chat".to_owned(),
            password_file: Some("/etc/chatsock/redis".into()),
            prefix: "a:".to_owned(),
            node: "a1".to_owned(),
            partitions: 4,
            lease: Duration::from_secs(20),
            timeout: Duration::from_millis(500),
            pending_bytes: 65_536,
            replicas: 1,
        };
        assert_eq!(read(text), Ok(Some(expected)));
    }

    #[test]
    fn mistakes_are_named_and_a_password_in_the_address_is_not_quoted() {
        for (text, expected) in [
            ("redis = \"rediss://h:1\"", "cluster.redis must begin with redis://"),
            ("redis = \"redis://:hunter2@h:1\"", "cluster.redis must not contain a user or a password"),
            ("redis = \"redis://h:x\"", "cluster.redis must be a host and a port"),
            ("prefix = \"a{b}\"", "cluster.prefix must have at most 64 bytes"),
            ("node = \"a b\"", "cluster.node must have at most 64 letters"),
            ("partitions = 65", "cluster.partitions must"),
            ("lease_seconds = 2", "cluster.lease_seconds must"),
            ("nodes = \"a\"", "unknown key cluster.nodes; did you mean node?"),
        ] {
            let said = read(&format!("[cluster]\n{text}")).unwrap_err();
            assert!(
                said.len() == 1 && said[0].starts_with(expected) && !said[0].contains("hunter2"),
                "{text}: {said:?}"
            );
        }
    }

    #[cfg(feature = "storage")]
    #[test]
    fn an_archive_stores_messages_unless_the_file_says_otherwise() {
        let history = |text: &str| parse(text, "a.toml").expect("a configuration").storage.expect("storage").history;
        assert!(history("[storage]\n[cluster]"));
        assert!(!history("[cluster]\n[storage]\nhistory = false"));
        assert!(!history("[storage]"));
    }
}
