//! Starts a node from the configuration and waits until it has joined.
//!
//! *Owns* the checks before the server lets users in, and what the log says about them.
//! *Knows nothing of* how a node works after that.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::accounts::SharedAccounts;
use super::bus::Cluster;
use super::checks::{Checks, RedisVersionError, check_version};
use super::connections::{Connect, Connections};
use super::engine::{Engine, FORMAT, Unreachable, other_format};
use super::node::{Barred, Core, Rules, counted};
use super::replica::Replica;
use super::values::{NodeName, Partitions};
use super::wire::{Address, ConnectError, Wire};
use crate::access::password::HashError;
use crate::chat::secret::Secret;
use crate::config::{ClusterConfig, RedisAddress};

/// How long Redis may take to answer at startup.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often to check whether the node has joined.
const LOOK: Duration = Duration::from_millis(20);

/// Why a node could not start.
#[derive(Debug)]
pub enum ClusterError {
    /// Redis does not answer.
    Unreachable {
        /// Its address.
        redis: String,
        /// The connection's error.
        why: Box<str>,
    },
    /// Redis answers but refuses this server: its certificate is not trusted, or the password is wrong.
    Refused {
        /// Its address.
        redis: String,
        /// The connection's error.
        why: Box<str>,
    },
    /// Redis lets this server in, but carries out nothing: a right is missing, or memory.
    Unusable {
        /// Its address.
        redis: String,
        /// Its error.
        why: Box<str>,
    },
    /// The address is invalid.
    Address(Box<str>),
    /// The certificates cannot be read.
    Authorities {
        /// Their file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another running server has that name.
    NameTaken(NodeName),
    /// The machine's name cannot be used as the node's name.
    NoName,
    /// The other servers use a different number of partitions.
    Partitions {
        /// Theirs.
        cluster: u64,
        /// This server's.
        own: u8,
    },
    /// The servers use a format that this version does not know.
    Format(u64),
    /// The password cannot be read.
    Password {
        /// Its file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Redis is too old.
    Version(String),
    /// A room's password cannot be hashed.
    Hash(HashError),
    /// A thread could not be started.
    Thread(io::Error),
}

impl ClusterError {
    /// Whether the user can fix it.
    pub fn is_users(&self) -> bool {
        match self {
            ClusterError::Unreachable { .. }
            | ClusterError::Refused { .. }
            | ClusterError::Unusable { .. }
            | ClusterError::Hash(_)
            | ClusterError::Thread(_) => false,
            ClusterError::NameTaken(_)
            | ClusterError::NoName
            | ClusterError::Partitions { .. }
            | ClusterError::Format(_)
            | ClusterError::Password { .. }
            | ClusterError::Address(_)
            | ClusterError::Authorities { .. }
            | ClusterError::Version(_) => true,
        }
    }
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClusterError::Unreachable { redis, why } => {
                write!(f, "Redis at {redis} does not answer within {} seconds: {why}", PATIENCE.as_secs())
            }
            ClusterError::Refused { redis, why } => write!(f, "Redis at {redis} does not let this server in: {why}"),
            ClusterError::Unusable { redis, why } => write!(f, "Redis at {redis} cannot be used: {why}"),
            ClusterError::Address(wrong) => write!(f, "cluster.redis {wrong}"),
            ClusterError::Authorities { path, error } => {
                write!(f, "cannot read cluster.ca_file {}: {error}", path.display())
            }
            ClusterError::NameTaken(node) => {
                write!(f, "another server is running as cluster node {node}; set cluster.node to a name of its own")
            }
            ClusterError::NoName => {
                f.write_str("the machine's name cannot be used as cluster.node; set one in [cluster]")
            }
            ClusterError::Partitions { cluster, own } => {
                write!(f, "cluster.partitions is {own}, but the other servers use {cluster}; set it to {cluster}")
            }
            ClusterError::Format(format) => {
                write!(f, "cluster: {}", other_format(*format))
            }
            ClusterError::Password { path, error } => {
                write!(f, "cannot read cluster.password_file {}: {error}", path.display())
            }
            ClusterError::Version(version) => f.write_str(&RedisVersionError(version.clone()).sentence()),
            ClusterError::Hash(error) => write!(f, "cannot hash the password of a room: {error}"),
            ClusterError::Thread(error) => write!(f, "cannot start a thread of the cluster: {error}"),
        }
    }
}

impl Error for ClusterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ClusterError::Password { error, .. }
            | ClusterError::Authorities { error, .. }
            | ClusterError::Thread(error) => Some(error),
            ClusterError::Hash(error) => Some(error),
            ClusterError::Unreachable { .. }
            | ClusterError::Refused { .. }
            | ClusterError::Unusable { .. }
            | ClusterError::Address(_)
            | ClusterError::NameTaken(_)
            | ClusterError::NoName
            | ClusterError::Partitions { .. }
            | ClusterError::Format(_)
            | ClusterError::Version(_) => None,
        }
    }
}

fn read_password(path: &Path) -> Result<Secret, ClusterError> {
    let error = |error| ClusterError::Password { path: path.to_owned(), error };
    let text = fs::read_to_string(path).map_err(error)?;
    // Without one, Redis would say that a password is missing, though one is configured.
    let why = || error(io::Error::new(io::ErrorKind::InvalidData, "its first line is empty"));
    text.lines().next().and_then(Secret::new).ok_or_else(why)
}

fn read_authorities(path: &Path) -> Result<Vec<u8>, ClusterError> {
    let error = |error| ClusterError::Authorities { path: path.to_owned(), error };
    let text = fs::read(path).map_err(error)?;
    // Parsed here once, so that an invalid file is not reported as a connection error.
    let certificates = CertificateDer::pem_slice_iter(&text).filter(Result::is_ok).count();
    if certificates == 0 {
        return Err(error(io::Error::new(io::ErrorKind::InvalidData, "there is no certificate in it (PEM)")));
    }
    Ok(text)
}

fn name_of(config: &ClusterConfig, port: u16) -> Option<NodeName> {
    if !config.node.is_empty() {
        return NodeName::parse(&config.node);
    }
    let system = rustix::system::uname();
    NodeName::parse(&format!("{}:{port}", system.nodename().to_str().ok()?))
}

/// The address of Redis, with the password.
pub(super) fn address(config: &ClusterConfig) -> Result<Address, ClusterError> {
    let address = Address {
        redis: RedisAddress::parse(&config.redis).map_err(|wrong| ClusterError::Address(wrong.into()))?,
        user: config.user.clone(),
        password: config.password_file.as_deref().map(read_password).transpose()?,
        authorities: config.ca_file.as_deref().map(read_authorities).transpose()?,
        prefix: config.prefix.clone(),
        replicas: config.replicas,
    };
    if address.authorities.is_some() && !matches!(address.redis, RedisAddress::One { tls: true, .. }) {
        log::warn!("cluster: ca_file has no effect: only a rediss:// address uses TLS");
    }
    Ok(address)
}

/// Checks what the configuration points to, as far as that is on this machine.
///
/// # Errors
///
/// A file cannot be read, or is not what it should be.
pub fn check_files(config: &ClusterConfig) -> Result<(), ClusterError> {
    address(config).map(drop)
}

fn too_old(RedisVersionError(version): RedisVersionError) -> ClusterError {
    ClusterError::Version(version)
}

/// Makes connections that have the functions. Each may lead to another Redis than the one before.
fn ready(address: Address, checks: Option<Checks>) -> Connect {
    Arc::new(move |timeout| {
        let mut wire = Wire::connect(&address, timeout)?;
        let mut checked = wire.facts().map(|facts| match &checks {
            Some(checks) => checks.look_at(facts),
            None => check_version(facts),
        });
        checked.try_for_each(|checked| checked).map_err(|old| Unreachable(old.sentence().into()))?;
        drop(checked);
        wire.load()?;
        wire.check_reading()?;
        Ok(Box::new(wire) as Box<dyn Engine>)
    })
}

impl SharedAccounts {
    /// The accounts, for a program that is not a node, such as `chatsock user`. Nodes may be running.
    ///
    /// # Errors
    ///
    /// Redis does not answer, or is too old.
    pub fn open(config: &ClusterConfig) -> Result<SharedAccounts, ClusterError> {
        let address = address(config)?;
        let mut wire = connect(&address, &config.redis)?;
        wire.facts().try_for_each(check_version).map_err(too_old)?;
        let partitions = Partitions::new(config.partitions).unwrap_or(Partitions::DEFAULT);
        let unreachable = |Unreachable(why)| ClusterError::Unreachable { redis: config.redis.clone(), why };
        let (format, cluster) = wire.fixed().map_err(unreachable)?;
        drop(wire);
        // A cluster without partitions has not begun.
        let format = format.or(cluster.map(|_| 0));
        if let Some(format) = format.filter(|format| *format != FORMAT) {
            return Err(ClusterError::Format(format));
        }
        if let Some(cluster) = cluster.filter(|cluster| *cluster != u64::from(partitions.count())) {
            return Err(ClusterError::Partitions { cluster, own: partitions.count() });
        }
        let connections = Connections::new(ready(address, None), Box::new(|| true));
        Ok(SharedAccounts::new(Arc::new(connections), partitions))
    }
}

/// Connects to a usable Redis once it answers.
#[cfg(feature = "storage")]
pub(super) fn wait_for_redis(address: &Address, redis: &str) -> Result<Wire, ClusterError> {
    let wire = connect(address, redis)?;
    let checks = Checks::default();
    wire.facts().try_for_each(|facts| checks.look_at(facts)).map_err(too_old)?;
    Ok(wire)
}

/// Retries until Redis answers or the time is up.
fn connect(address: &Address, redis: &str) -> Result<Wire, ClusterError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        // Half, because connecting and the handshake may each take that long.
        match Wire::connect(address, left / 2) {
            Ok(found) => return Ok(found),
            Err(ConnectError { why, is_final: true }) => {
                return Err(ClusterError::Refused { redis: redis.to_owned(), why });
            }
            Err(ConnectError { why, .. }) if Instant::now() + BETWEEN >= deadline => {
                return Err(ClusterError::Unreachable { redis: redis.to_owned(), why });
            }
            // Nothing signals when a Redis that refuses connections begins to accept them.
            Err(_) => thread::sleep(BETWEEN),
        }
    }
}

/// Delay between attempts to connect at startup.
const BETWEEN: Duration = Duration::from_millis(250);

impl Cluster {
    /// Joins the cluster. Returns once `replica` has received the whole state. `port` becomes part of the name if none is
    /// configured.
    ///
    /// # Errors
    ///
    /// The node cannot join.
    pub fn start(config: &ClusterConfig, port: u16, replica: Arc<dyn Replica>) -> Result<Arc<Cluster>, ClusterError> {
        let node = name_of(config, port).ok_or(ClusterError::NoName)?;
        let partitions = Partitions::new(config.partitions).unwrap_or(Partitions::DEFAULT);
        let address = address(config)?;
        let wire = connect(&address, &config.redis)?;
        let checks = Checks::default();
        wire.facts().try_for_each(|facts| checks.look_at(facts)).map_err(too_old)?;
        let version = wire.facts().next().map_or_else(String::new, |facts| facts.version.clone());
        let place = wire.place();
        drop(wire);
        let rules = Rules {
            node: node.clone(),
            partitions,
            lease: config.lease,
            timeout: config.timeout,
            pending_bytes: config.pending_bytes,
            replicas: config.replicas,
        };
        let redis = config.redis.clone();
        let connect = ready(address, Some(checks));
        let cluster = Arc::new(Cluster::new(node.clone(), partitions, Core::new(rules, Instant::now()), connect));
        cluster.begin(replica).map_err(ClusterError::Thread)?;
        if let Err(error) = cluster.wait_until_in(config.lease, redis, partitions.count()) {
            cluster.stop();
            return Err(error);
        }
        let core = cluster.core();
        let (epoch, nodes) = (core.epoch(), core.nodes());
        drop(core);
        log::info!(
            "cluster: node {node} is in, epoch {epoch}, {}, Redis {} at {place}, {}",
            counted(nodes, "node", "nodes"),
            version,
            counted(usize::from(partitions.count()), "partition", "partitions")
        );
        Ok(cluster)
    }

    fn wait_until_in(&self, lease: Duration, redis: String, own: u8) -> Result<(), ClusterError> {
        let begun = Instant::now();
        // When the lease of the node with our name would end, as first reported.
        let mut over: Option<Instant> = None;
        loop {
            let core = self.core();
            if core.is_loaded() && self.reads() {
                return Ok(());
            }
            let barred = core.barred().cloned();
            drop(core);
            let now = Instant::now();
            match barred {
                Some(Barred::Format(format)) => return Err(ClusterError::Format(format)),
                Some(Barred::Partitions(cluster)) => return Err(ClusterError::Partitions { cluster, own }),
                // The lease of a killed node runs out; a living one renews it.
                Some(Barred::Live(left, heard)) => {
                    let end = heard + left;
                    let first = *over.get_or_insert(end);
                    if end > first + Duration::from_secs(1) {
                        return Err(ClusterError::NameTaken(self.node().clone()));
                    }
                }
                None => {}
            }
            if now > begun + PATIENCE + if over.is_some() { lease } else { Duration::ZERO } {
                return Err(match self.trouble() {
                    Some(why) => ClusterError::Unusable { redis, why },
                    None => {
                        let why = "it accepts connections, but the node could not join".into();
                        ClusterError::Unreachable { redis, why }
                    }
                });
            }
            // Only at startup: the bus threads have no one else to notify.
            thread::sleep(LOOK);
        }
    }
}
