//! The section `[cluster]`: the Redis that the servers share, and this server's name among them.
//!
//! *Owns* the keys of the section, and their ranges. *Knows nothing of* what the servers share. The password is not
//! read here, so that no mistake can quote it.

use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::time::Duration;

use super::keys::{CLUSTER_KEYS, unknown_keys};
use super::value::{Section, ValueReader};

/// Longest prefix of keys, in bytes.
const MAX_PREFIX: usize = 64;

/// The section `[cluster]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Where Redis is: `redis://host:port`, with TLS `rediss://host:port`, `sentinel://host:port,host:port/NAME`, or
    /// `redis-cluster://host:port,host:port`.
    pub redis: String,
    /// The user that Redis knows this server by; empty for its default one.
    pub user: String,
    /// A file with the password.
    pub password_file: Option<PathBuf>,
    /// A file with the certificates of trusted authorities; without it, the system's are used.
    pub ca_file: Option<PathBuf>,
    /// The beginning of all keys, so that several chats can share a Redis.
    pub prefix: String,
    /// This server's name among the others; empty for the machine's name and the port.
    pub node: String,
    /// Number of partitions that the rooms are spread over.
    pub partitions: u8,
    /// How long the users of a server stay after the others last heard from it.
    pub lease: Duration,
    /// How long Redis may take before users see that their line waits.
    pub timeout: Duration,
    /// Most bytes that wait for Redis.
    pub pending_bytes: usize,
    /// Replicas that must have a block of message numbers before it is used.
    pub replicas: u8,
    /// How long a stop takes, so that users can go to another server. Zero: a stop is the same as without a cluster.
    pub drain: Duration,
}

impl Default for ClusterConfig {
    /// An empty section `[cluster]`.
    fn default() -> Self {
        Self {
            redis: "redis://127.0.0.1:6379".to_owned(),
            user: String::new(),
            password_file: None,
            ca_file: None,
            prefix: "chatsock:".to_owned(),
            node: String::new(),
            partitions: 16,
            lease: Duration::from_secs(10),
            timeout: Duration::from_secs(2),
            pending_bytes: 4 * 1024 * 1024,
            replicas: 0,
            drain: Duration::from_secs(60),
        }
    }
}

/// A host and a port.
pub(crate) type HostPort = (String, u16);

/// Where Redis is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RedisAddress {
    /// `redis://host:port`, and with TLS `rediss://host:port`.
    One {
        /// Where it listens.
        at: HostPort,
        /// It speaks TLS.
        tls: bool,
    },
    /// `sentinel://host:port,host:port/NAME`: Sentinels, which know the current master of that name.
    Sentinels {
        /// Where they listen.
        at: Vec<HostPort>,
        /// The master's name.
        name: String,
    },
    /// `redis-cluster://host:port,host:port`: some nodes of a Redis Cluster, which know the others and their slots.
    Cluster {
        /// Where they listen.
        at: Vec<HostPort>,
    },
}

impl RedisAddress {
    /// Reads an address, or returns what is wrong with it. The text is not quoted: it may contain a password.
    pub(crate) fn parse(url: &str) -> Result<RedisAddress, &'static str> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        if rest.contains('@') {
            return Err("must not contain a user or a password; set user and password_file instead");
        }
        let one = "must be a host and a port, as in redis = \"redis://127.0.0.1:6379\"";
        match scheme {
            "redis" | "rediss" => {
                Ok(RedisAddress::One { at: host_port(rest, 6379).ok_or(one)?, tls: scheme == "rediss" })
            }
            "sentinel" => {
                let form = "must be the Sentinels and what they call the Redis, as in redis = \"sentinel://10.0.0.1:26379,10.0.0.2:26379/chat\"";
                let (hosts, name) = rest.split_once('/').ok_or(form)?;
                let at: Option<Vec<HostPort>> = hosts.split(',').map(|host| host_port(host, 26379)).collect();
                let name = Some(name).filter(|name| !name.is_empty() && !name.contains(['/', ' ']));
                Ok(RedisAddress::Sentinels { at: at.ok_or(form)?, name: name.ok_or(form)?.to_owned() })
            }
            "redis-cluster" => {
                let form = "must be some of the cluster's Redis, as in redis = \"redis-cluster://10.0.0.1:6379,10.0.0.2:6379\"";
                let at: Option<Vec<HostPort>> = rest.split(',').map(|host| host_port(host, 6379)).collect();
                Ok(RedisAddress::Cluster { at: at.ok_or(form)? })
            }
            "rediss-cluster" | "redis-cluster+tls" | "rediss-sentinel" | "sentinels" | "sentinel+tls" => Err(
                "cannot use TLS with several Redis: only rediss://host:port does; reach Sentinels and a Redis Cluster over a private network or a tunnel",
            ),
            _ => Err(
                "must begin with redis://, rediss://, sentinel:// or redis-cluster://, as in redis = \"redis://127.0.0.1:6379\"",
            ),
        }
    }
}

/// `host`, `host:port`, `[::1]:port`.
fn host_port(text: &str, default: u16) -> Option<HostPort> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.map_or(Some(default), |port| port.parse().ok()).filter(|port| *port > 0)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    (!host.is_empty() && host.chars().all(fits)).then(|| (host.to_owned(), port))
}

/// Whether a text can be the name of a server: short, and clear among other words in a log.
fn is_node(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    name.len() <= 64 && name.chars().all(fits)
}

/// Reads the section `[cluster]`.
pub(super) fn read_cluster(reader: &mut ValueReader<'_>, section: Section<'_, '_>) -> ClusterConfig {
    let mut cluster = ClusterConfig::default();
    unknown_keys(reader, section, CLUSTER_KEYS);
    reader.read_line(section, "redis", &mut cluster.redis);
    if let Err(wrong) = RedisAddress::parse(&cluster.redis) {
        reader.mistake(reader.line_of(section, "redis"), format!("cluster.redis {wrong}"));
    }
    reader.read_line(section, "user", &mut cluster.user);
    reader.read_path(section, "password_file", &mut cluster.password_file);
    reader.read_path(section, "ca_file", &mut cluster.ca_file);
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
    cluster.drain = Duration::from_secs(number("drain_seconds", 0..=3600, 60) as u64);
    let mut directory = "full".to_owned();
    reader.read_line(section, "directory", &mut directory);
    if directory != "full" {
        let text = match directory.as_str() {
            "counts" => {
                "cluster.directory cannot be counts yet: every server knows all users; remove it, or set it to full"
            }
            _ => "cluster.directory must be full",
        };
        reader.mistake(reader.line_of(section, "directory"), text);
    }
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
        let text = "[cluster]\nredis = \"rediss://10.0.0.5:6380\"\nca_file = \"/etc/chatsock/ca.pem\"\nuser = \"chat\"\npassword_file = \"/etc/chatsock/redis\"\n\
            prefix = \"a:\"\nnode = \"a1\"\npartitions = 4\nlease_seconds = 20\ntimeout_ms = 500\npending_bytes = 65536\n\
            replicas = 1\ndrain_seconds = 90\ndirectory = \"full\"\n";
        let expected = ClusterConfig {
            redis: "rediss://10.0.0.5:6380".to_owned(),
            user: "chat".to_owned(),
            password_file: Some("/etc/chatsock/redis".into()),
            ca_file: Some("/etc/chatsock/ca.pem".into()),
            prefix: "a:".to_owned(),
            node: "a1".to_owned(),
            partitions: 4,
            lease: Duration::from_secs(20),
            timeout: Duration::from_millis(500),
            pending_bytes: 65_536,
            replicas: 1,
            drain: Duration::from_secs(90),
        };
        assert_eq!(read(text), Ok(Some(expected)));
    }

    #[test]
    fn mistakes_are_named_and_a_password_in_the_address_is_not_quoted() {
        for (text, expected) in [
            ("redis = \"http://h:1\"", "cluster.redis must begin with redis://"),
            ("redis = \"sentinel://a,b\"", "cluster.redis must be the Sentinels"),
            ("redis = \"sentinel://a,,b/chat\"", "cluster.redis must be the Sentinels"),
            ("redis = \"sentinel://a/\"", "cluster.redis must be the Sentinels"),
            ("redis = \"redis-cluster://a,,b\"", "cluster.redis must be some of the cluster's Redis"),
            ("redis = \"redis-cluster+tls://a,b\"", "cluster.redis cannot use TLS with several Redis"),
            ("redis = \"sentinel+tls://a,b/chat\"", "cluster.redis cannot use TLS with several Redis"),
            ("redis = \"redis-cluster://:hunter2@a,b\"", "cluster.redis must not contain a user or a password"),
            ("redis = \"rediss://:hunter2@h:1\"", "cluster.redis must not contain a user or a password"),
            ("redis = \"redis://[::1\"", "cluster.redis must be a host and a port"),
            ("redis = \"redis://:hunter2@h:1\"", "cluster.redis must not contain a user or a password"),
            ("redis = \"redis://h:x\"", "cluster.redis must be a host and a port"),
            ("prefix = \"a{b}\"", "cluster.prefix must have at most 64 bytes"),
            ("node = \"a b\"", "cluster.node must have at most 64 letters"),
            ("partitions = 65", "cluster.partitions must"),
            ("lease_seconds = 2", "cluster.lease_seconds must"),
            ("drain_seconds = 3601", "cluster.drain_seconds must"),
            ("directory = \"counts\"", "cluster.directory cannot be counts yet"),
            ("directory = \"half\"", "cluster.directory must be full"),
            ("nodes = \"a\"", "unknown key cluster.nodes; did you mean node?"),
        ] {
            let said = read(&format!("[cluster]\n{text}")).unwrap_err();
            assert!(
                said.len() == 1 && said[0].starts_with(expected) && !said[0].contains("hunter2"),
                "{text}: {said:?}"
            );
        }
    }

    #[test]
    fn an_address_names_one_redis_or_sentinels_or_cluster_nodes() {
        let at = |host: &str, port| (host.to_owned(), port);
        for (text, expected) in [
            ("redis://h", RedisAddress::One { at: at("h", 6379), tls: false }),
            ("redis://[::1]:7", RedisAddress::One { at: at("::1", 7), tls: false }),
            ("redis://[::1]", RedisAddress::One { at: at("::1", 6379), tls: false }),
            ("redis-cluster://a,[::1]:7", RedisAddress::Cluster { at: vec![at("a", 6379), at("::1", 7)] }),
            ("rediss://h.example:1", RedisAddress::One { at: at("h.example", 1), tls: true }),
            (
                "sentinel://a,b:1,[::2]:3/chat",
                RedisAddress::Sentinels { at: vec![at("a", 26379), at("b", 1), at("::2", 3)], name: "chat".to_owned() },
            ),
        ] {
            assert_eq!(RedisAddress::parse(text), Ok(expected), "{text}");
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
