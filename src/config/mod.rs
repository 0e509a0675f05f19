//! Reads `chatsock.toml` into a [`Config`], with a default for every setting and all mistakes reported at once.
//!
//! | file | owns |
//! | --- | --- |
//! | `mod` | the types and defaults |
//! | `keys` | the names of all settings, and the hint for an unknown one |
//! | `read`, `rooms`, `listeners`, `tls`, `web`, `json`, `proxy`, `files`, `discovery`, `metrics`, `cluster`, `storage` | each key's range, and what depends on what |
//! | `conflict` | the mistakes about several keys |
//! | `value` | one value of one type, and the mistake if it is another |
//! | `file` | the file on disk |
//! | `syntax` | text to TOML tree, and the parser's errors in plain words |
//! | `mistake` | `file:line: what is wrong; what to do` |
//! | `address` | listen addresses |
//!
//! To add a setting: a field and its default here, its name in `keys`, a line in the file that reads its section, and an
//! entry in `chatsock.toml.example`.
//!
//! *Knows nothing of* sockets, rooms in use and the command line.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::chat::account_policy::AccountPolicy;
use crate::chat::names::{Alphabet, RoomName, UserName};
use crate::chat::room_settings::RoomSettings;

mod address;
#[cfg(feature = "cluster")]
mod cluster;
mod conflict;
#[cfg(feature = "discovery")]
mod discovery;
mod file;
mod files;
#[cfg(feature = "json")]
mod json;
mod keys;
mod listeners;
#[cfg(feature = "metrics")]
mod metrics;
mod mistake;
mod proxy;
mod read;
mod rooms;
mod storage;
mod syntax;
#[cfg(test)]
mod tests;
mod tls;
mod value;
#[cfg(feature = "web")]
mod web;

use crate::access::network::Network;
pub(crate) use address::{clash, parse_address};
#[cfg(feature = "cluster")]
pub use cluster::ClusterConfig;
#[cfg(feature = "cluster")]
pub(crate) use cluster::{HostPort, RedisAddress};
#[cfg(feature = "discovery")]
pub use discovery::DiscoveryConfig;
pub(crate) use file::read_regular;
pub use file::{load, load_again};
pub use files::FilesConfig;
#[cfg(feature = "json")]
pub use json::JsonConfig;
pub use keys::{keys, lacking};
#[cfg(feature = "metrics")]
pub use metrics::MetricsConfig;
pub use mistake::ConfigError;
pub(crate) use mistake::Mistake;
pub use proxy::ProxyConfig;
pub use read::parse;
pub use storage::Storage;
#[cfg(feature = "web")]
pub use web::WebConfig;

/// The file read if it exists and the command line names no other.
pub(crate) const DEFAULT_FILE: &str = "chatsock.toml";

/// Everything an admin can set. `Config::default()` equals an empty file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Addresses for telnet and nc.
    pub listen: Vec<SocketAddr>,
    /// Who may connect without encryption. With [`Plain::Off`] there are no plain listeners.
    pub plain: Plain,
    /// Whether the listeners open telnet negotiation.
    pub telnet: Telnet,
    /// Addresses of quick listeners, which lead straight into a room's view.
    pub quick_listen: Vec<SocketAddr>,
    /// The first line that a newcomer reads, without control characters; empty for the plain greeting.
    pub welcome_message: String,
    /// Whether every newcomer waits 2.5 seconds before the login prompt.
    pub connection_timeout: bool,
    /// Messages shown on entering the chat view, and its height on a redraw; at least 1. May be over `history_max`.
    pub chatview_max: usize,
    /// Messages kept per room, in memory; 0 keeps none.
    pub history_max: usize,
    /// The alphabet for new names of users and rooms.
    pub names: Alphabet,
    /// Fewest columns of a user's name; at least 1, at most `username_limit`.
    pub username_min: usize,
    /// Most columns of a user's name; at most 32.
    pub username_limit: usize,
    /// Most characters (grapheme clusters) in a message.
    pub message_limit: usize,
    /// The time between the announcement of a stop and the stop.
    pub shutdown_delay: Duration,
    /// How long a user may type nothing before they are disconnected, with a warning halfway. `None`: no limit.
    pub idle_timeout: Option<Duration>,
    /// How long an empty user-made room stays open; zero closes it at once.
    pub room_linger: Duration,
    /// Whether naming a room that does not exist creates it, on the quick listener.
    pub quick_create: bool,
    /// Whether a random code printed at start stops the server.
    pub exit_code: bool,
    /// A file with quotes, which may be missing. `None`: the built-in ones.
    pub quote_file: Option<PathBuf>,
    /// The account policy as set in the file; [`Config::accounts`] is the effective one.
    pub accounts: Option<AccountPolicy>,
    /// The accounts of operators, without duplicates.
    pub operators: Vec<UserName>,
    /// Wrong passwords for one account from one address before it is blocked; at least 1.
    pub login_attempts: usize,
    /// How long the first block lasts; each further one lasts twice as long.
    pub login_block: Duration,
    /// The database. `None`: nothing is ever written to disk.
    pub storage: Option<Storage>,
    /// The directory for the self-signed certificate, made when it is needed.
    pub state_dir: PathBuf,
    /// Encrypted listeners; none without the section.
    pub tls: TlsConfig,
    /// Listeners for the page.
    #[cfg(feature = "web")]
    pub web: WebConfig,
    /// Listeners for programs.
    #[cfg(feature = "json")]
    pub json: JsonConfig,
    /// Listeners behind proxies.
    pub proxy: ProxyConfig,
    /// Listeners for files, and their limits.
    pub files: FilesConfig,
    /// How the server can be found in its network.
    #[cfg(feature = "discovery")]
    pub discovery: DiscoveryConfig,
    /// The listener for metrics.
    #[cfg(feature = "metrics")]
    pub metrics: MetricsConfig,
    /// The cluster that this server belongs to; `None` without the section.
    #[cfg(feature = "cluster")]
    pub cluster: Option<ClusterConfig>,
    /// Limits per connection, per address and in total.
    pub limits: LimitsConfig,
    /// The permanent rooms; at least one.
    pub rooms: BTreeMap<RoomName, RoomSettings>,
}

/// Who may connect without encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// Nobody.
    Off,
    /// Clients on this machine.
    Loopback,
    /// Everybody.
    Anywhere,
}

/// The section `[tls]`. In a build without the feature `tls` it stays empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsConfig {
    /// Addresses for TLS.
    pub listen: Vec<SocketAddr>,
    /// Whether these listeners open telnet negotiation; [`Config::telnet`] unless the section sets it.
    pub telnet: Telnet,
    /// The certificate chain in PEM, the server's own first; set if and only if `key` is. `None`: a self-signed one.
    pub certificate: Option<PathBuf>,
    /// Its private key in PEM.
    pub key: Option<PathBuf>,
}

/// Whether a listener opens telnet negotiation with its clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Telnet {
    /// Probes with a few bytes, which the first line overwrites on a client that does not speak telnet.
    #[default]
    Auto,
    /// Sends no telnet command, ever.
    Never,
    /// Treats every client as a telnet client.
    Always,
}

/// The section `[limits]`. `None` is `0` in the file: no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Addresses that are not counted for connections, connection rate and rooms.
    pub exempt: Vec<Network>,
    /// Connections at once.
    pub max_connections: Option<usize>,
    /// Connections at once from one address (IPv6: from one /64).
    pub connections_per_ip: Option<usize>,
    /// New connections per minute from one address (IPv6: from one /64).
    pub connections_per_ip_per_minute: Option<usize>,
    /// The time from the connection to the finished login.
    pub login: Option<Duration>,
    /// Bytes in one line of input; at least 64.
    pub line_bytes: Option<usize>,
    /// Lines visible to others that one user may send at once before the rate applies.
    pub message_burst: Option<usize>,
    /// Lines visible to others, per second, after the burst.
    pub messages_per_second: Option<usize>,
    /// Bytes waiting for one slow reader; at least 4,096.
    pub outbox_bytes: Option<usize>,
    /// Bytes waiting for all slow readers together; at least `outbox_bytes`.
    pub outbox_total_bytes: Option<usize>,
    /// How long a reader may accept nothing of what is waiting for it.
    pub(crate) outbox_stall: Option<Duration>,
    /// Rooms created from one address (IPv6: from one /64).
    pub rooms_per_ip: Option<usize>,
}

impl Config {
    /// Whether connections from `address` are exempt from the limits per address.
    #[must_use]
    pub(crate) fn is_exempt(&self, address: IpAddr) -> bool {
        self.limits.exempt.iter().any(|network| network.contains(address))
    }

    /// Whether a client at this address may connect without encryption.
    #[must_use]
    pub(crate) fn takes_plain(&self, address: IpAddr) -> bool {
        match self.plain {
            Plain::Anywhere => true,
            Plain::Loopback => address.is_loopback(),
            // This happens only after a reload: at the start there are no plain listeners then.
            Plain::Off => false,
        }
    }

    /// The effective account policy. `Off` if accounts cannot be kept.
    #[must_use]
    pub fn accounts(&self) -> AccountPolicy {
        match (self.keeps_accounts(), self.accounts) {
            (false, _) => AccountPolicy::Off,
            (true, None) => AccountPolicy::Optional,
            (true, Some(accounts)) => accounts,
        }
    }

    /// Whether accounts can be kept: in a database, or in the Redis of a cluster.
    pub(super) fn keeps_accounts(&self) -> bool {
        #[cfg(all(feature = "cluster", feature = "storage"))]
        if self.cluster.is_some() {
            return true;
        }
        self.storage.is_some()
    }

    /// Replaces the plain listeners by those of the command line.
    ///
    /// # Errors
    ///
    /// The config file allows no plain listeners.
    pub fn listen_instead(&mut self, addresses: &[SocketAddr]) -> Result<(), ConfigError> {
        if self.plain == Plain::Off {
            let text =
                "plain is \"off\" in the config file; leave out --listen, or set plain to \"loopback\" or \"anywhere\"";
            return Err(ConfigError::one(Mistake { file: "--listen".to_owned(), line: None, text: text.to_owned() }));
        }
        self.listen = addresses.to_vec();
        Ok(())
    }

    /// The file to read: `named`, from the command line, else `./chatsock.toml` if it exists.
    ///
    /// A file that exists and cannot be read is returned too, so that [`load`] reports it. So is one that nobody can tell
    /// exists, in a directory that this user may not search: the defaults would open what the file has closed.
    #[must_use]
    pub fn file(named: Option<&Path>) -> Option<PathBuf> {
        match named {
            Some(path) => Some(path.to_owned()),
            None => unless_missing(Path::new(DEFAULT_FILE)),
        }
    }
}

/// A path, unless nothing is there.
fn unless_missing(path: &Path) -> Option<PathBuf> {
    // `symlink_metadata`, because a dangling link is a mistake and not a missing file.
    let found = path.symlink_metadata();
    let is_missing = found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    (!is_missing).then(|| path.to_owned())
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![(Ipv4Addr::UNSPECIFIED, 5555).into()],
            plain: Plain::Anywhere,
            telnet: Telnet::Auto,
            quick_listen: Vec::new(),
            welcome_message: "Welcome to chatsock!".to_owned(),
            connection_timeout: false,
            chatview_max: 20,
            history_max: 200,
            names: Alphabet::Ascii,
            username_min: 3,
            username_limit: 12,
            message_limit: 150,
            shutdown_delay: Duration::from_secs(5),
            idle_timeout: None,
            room_linger: Duration::from_secs(60),
            quick_create: false,
            exit_code: true,
            quote_file: None,
            accounts: None,
            operators: Vec::new(),
            login_attempts: 3,
            login_block: Duration::from_secs(10),
            storage: None,
            state_dir: PathBuf::from("."),
            tls: TlsConfig::default(),
            #[cfg(feature = "web")]
            web: WebConfig::default(),
            #[cfg(feature = "json")]
            json: JsonConfig::default(),
            proxy: ProxyConfig::default(),
            files: FilesConfig::default(),
            #[cfg(feature = "discovery")]
            discovery: DiscoveryConfig::default(),
            #[cfg(feature = "metrics")]
            metrics: MetricsConfig::default(),
            #[cfg(feature = "cluster")]
            cluster: None,
            limits: LimitsConfig::default(),
            // The name is valid. The type cannot express that, so a test checks it.
            rooms: RoomName::parse("general").into_iter().map(|name| (name, RoomSettings::general())).collect(),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            exempt: vec![
                Network::block(Ipv4Addr::new(127, 0, 0, 0).into(), 8),
                Network::block(Ipv6Addr::LOCALHOST.into(), 128),
            ],
            max_connections: Some(4096),
            connections_per_ip: Some(16),
            connections_per_ip_per_minute: Some(32),
            login: Some(Duration::from_secs(60)),
            line_bytes: Some(8192),
            message_burst: Some(10),
            messages_per_second: Some(2),
            outbox_bytes: Some(262_144),
            outbox_total_bytes: Some(67_108_864),
            outbox_stall: Some(Duration::from_secs(30)),
            rooms_per_ip: Some(5),
        }
    }
}
