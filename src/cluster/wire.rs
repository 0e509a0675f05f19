//! The protocol of Redis: the one file that uses the crate `redis`.
//!
//! *Owns* one connection: its timeouts, the functions loaded on it, pipelined calls, and reading the logs.
//! *Knows nothing of* what the calls mean.

use std::time::Duration;

use redis::{
    Client, Cmd, Connection, ErrorKind, IntoConnectionInfo as _, Pipeline, RedisError, RedisResult, ServerError,
    TlsCertificates, Value,
};

use super::engine::{AccountReply, Call, Engine, FUNCTIONS, LIBRARY, LogEntry, Raw, Reply, Unreachable};
use super::values::{Log, Position};
use crate::chat::secret::Secret;
use crate::config::{HostPort, RedisAddress};

/// How long Redis waits for an entry before it answers that there is none.
const BLOCK: Duration = Duration::from_millis(1000);

/// Most entries of one log per read. 500 each from 16 logs are about 2 MB.
const COUNT: usize = 500;

/// How long to wait for replicas to confirm.
const REPLICATION: Duration = Duration::from_millis(1000);

/// How long one Sentinel may take to answer. Another one may be faster.
const SENTINEL: Duration = Duration::from_millis(500);

/// The address of Redis and this server's credentials.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) redis: RedisAddress,
    /// Empty: the default user.
    pub(crate) user: String,
    pub(crate) password: Option<Secret>,
    /// The PEM certificates of trusted authorities; `None` means the system's.
    pub(crate) authorities: Option<Vec<u8>>,
    /// The prefix of every key.
    pub(crate) prefix: String,
    /// Replicas that must confirm a block of numbers before it is used.
    pub(crate) replicas: u8,
}

/// A connection.
pub(crate) struct Wire {
    pub(super) connection: Connection,
    place: String,
    pub(super) prefix: String,
    run: String,
    replicas: u8,
}

/// What a Redis server reports about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) version: String,
    pub(crate) run: String,
    /// `None` if the server does not show it.
    pub(crate) policy: Option<String>,
    pub(crate) append_only: Option<bool>,
    pub(crate) replicas_to_write: Option<u64>,
    pub(crate) timeout: Option<u64>,
    /// It is a replica and accepts no writes.
    pub(crate) replica: bool,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConnectError {
    pub(crate) why: Box<str>,
    /// Retrying will not help: its certificate is not trusted, or it rejects the password.
    pub(crate) is_final: bool,
}

impl ConnectError {
    fn passing(why: impl Into<Box<str>>) -> ConnectError {
        ConnectError { why: why.into(), is_final: false }
    }
}

impl From<RedisError> for ConnectError {
    fn from(error: RedisError) -> ConnectError {
        // The error never contains the password, because no answer does.
        let text = in_words(&error);
        let is_untrusted = text.contains("invalid peer certificate");
        let is_final = is_untrusted
            || error.kind() == ErrorKind::AuthenticationFailed
            || matches!(error.code(), Some("WRONGPASS" | "NOAUTH" | "NOPERM"));
        let why = if is_untrusted { format!("its certificate is not trusted: {text}") } else { text };
        ConnectError { why: why.into(), is_final }
    }
}

impl From<ConnectError> for Unreachable {
    fn from(error: ConnectError) -> Unreachable {
        Unreachable(error.why)
    }
}

pub(super) fn unreachable(error: &RedisError) -> Unreachable {
    Unreachable(in_words(error).into())
}

/// What an administrator reads of it: without the system's number for an error.
fn in_words(error: &RedisError) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or_default().to_owned()
}

/// Errors from a Redis that is not, or no longer, in charge. The call is repeated on the one that is.
fn is_not_in_charge(error: &ServerError) -> bool {
    matches!(error.code(), "READONLY" | "MASTERDOWN" | "LOADING" | "UNBLOCKED" | "MOVED" | "CLUSTERDOWN")
}

/// Opens one connection without checking what is at the other end.
fn open(
    at: &HostPort,
    tls: bool,
    user: Option<&Address>,
    address: &Address,
    timeout: Duration,
) -> RedisResult<Connection> {
    let (host, port) = at;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let url = format!("{}://{host}:{port}", if tls { "rediss" } else { "redis" });
    let mut info = url.as_str().into_connection_info()?;
    let mut settings = info.redis_settings().clone().set_skip_set_lib_name();
    if let Some(Address { user, password, .. }) = user {
        if !user.is_empty() {
            settings = settings.set_username(user);
        }
        if let Some(password) = password {
            settings = settings.set_password(password.expose());
        }
    }
    info = info.set_redis_settings(settings);
    let authorities = address.authorities.clone().filter(|_| tls);
    let client = match authorities {
        Some(root_cert) => {
            Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(root_cert) })?
        }
        None => Client::open(info)?,
    };
    let connection = client.get_connection_with_timeout(timeout)?;
    connection.set_read_timeout(Some(timeout))?;
    connection.set_write_timeout(Some(timeout))?;
    Ok(connection)
}

/// Asks one Sentinel for the address of the named Redis. `None` if it does not know that name.
fn ask(at: &HostPort, name: &str, address: &Address, timeout: Duration) -> RedisResult<Option<HostPort>> {
    let question = || {
        let mut question = Cmd::new();
        question.arg("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(name);
        question
    };
    let asked = open(at, false, None, address, timeout).and_then(|mut sentinel| question().query(&mut sentinel));
    // Most Sentinels have no password. One that has uses the same as Redis.
    match asked {
        Err(error) if error.code() == Some("NOAUTH") => {
            question().query(&mut open(at, false, Some(address), address, timeout)?)
        }
        asked => asked,
    }
}

/// Asks the Sentinels in turn for the address of the named Redis.
fn find(at: &[HostPort], name: &str, address: &Address, timeout: Duration) -> Result<HostPort, ConnectError> {
    let mut why = ConnectError::passing("no Sentinel answers");
    for sentinel in at {
        match ask(sentinel, name, address, timeout.min(SENTINEL)) {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => why = ConnectError::passing(format!("the Sentinels know no {name}")),
            Err(error) if !why.is_final => {
                let (host, port) = sentinel;
                why = ConnectError::from(error);
                why.why = format!("Sentinel {host}:{port}: {}", why.why).into();
            }
            Err(_) => {}
        }
    }
    Err(why)
}

impl Wire {
    /// Connects to the Redis that is in charge.
    ///
    /// # Errors
    ///
    /// Redis does not answer in time, or refuses the connection.
    pub(crate) fn connect(address: &Address, timeout: Duration) -> Result<Wire, ConnectError> {
        let (at, tls) = match &address.redis {
            RedisAddress::One { at, tls } => (at.clone(), *tls),
            RedisAddress::Sentinels { at, name } => (find(at, name, address, timeout)?, false),
        };
        let connection = open(&at, tls, Some(address), address, timeout)?;
        let (prefix, replicas) = (address.prefix.clone(), address.replicas);
        let mut wire = Wire { connection, place: format!("{}:{}", at.0, at.1), prefix, run: String::new(), replicas };
        let facts = wire.facts()?;
        if facts.replica {
            // During a failover, Sentinels may still name the old one.
            return Err(ConnectError::passing(format!("{} follows another Redis, and accepts nothing", wire.place)));
        }
        wire.run = facts.run;
        Ok(wire)
    }

    /// The address of the connected Redis.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Loads the functions. Each version names its library differently, so older nodes keep theirs.
    pub(crate) fn load(&mut self) -> Result<(), Unreachable> {
        let mut load = Cmd::new();
        load.arg("FUNCTION").arg("LOAD").arg("REPLACE").arg(FUNCTIONS);
        load.query::<Value>(&mut self.connection).map(drop).map_err(|error| unreachable(&error))
    }

    /// Reads what the server reports about itself.
    pub(crate) fn facts(&mut self) -> Result<Facts, ConnectError> {
        let mut facts = Facts::default();
        for section in ["server", "replication"] {
            let mut info = Cmd::new();
            info.arg("INFO").arg(section);
            let text: String = info.query(&mut self.connection)?;
            for line in text.lines() {
                match line.split_once(':') {
                    Some(("redis_version", version)) => facts.version = version.to_owned(),
                    Some(("run_id", run)) => facts.run = run.to_owned(),
                    Some(("role", role)) => facts.replica = role == "slave",
                    _ => {}
                }
            }
        }
        facts.policy = self.setting("maxmemory-policy");
        facts.append_only = self.setting("appendonly").map(|value| value == "yes");
        facts.replicas_to_write = self.setting("min-replicas-to-write").and_then(|value| value.parse().ok());
        facts.timeout = self.setting("timeout").and_then(|value| value.parse().ok());
        Ok(facts)
    }

    /// Reads a setting of the server. `None` if it does not show it, as is common with hosted ones.
    fn setting(&mut self, name: &str) -> Option<String> {
        let mut config = Cmd::new();
        config.arg("CONFIG").arg("GET").arg(name);
        let pair: Vec<String> = config.query(&mut self.connection).ok()?;
        pair.into_iter().nth(1)
    }

    /// Waits until enough replicas have confirmed everything written on this connection, and returns whether they did.
    fn is_replicated(&mut self) -> Result<bool, Unreachable> {
        let mut wait = Cmd::new();
        wait.arg("WAIT").arg(self.replicas).arg(REPLICATION.as_millis() as u64);
        // The answer is the number of replicas, which may be zero without being an error.
        let reached: u64 = wait.query(&mut self.connection).map_err(|error| unreachable(&error))?;
        if reached < u64::from(self.replicas) {
            log::warn!("cluster: only {reached} of {} replicas have confirmed the last write", self.replicas);
        }
        Ok(reached >= u64::from(self.replicas))
    }

    fn base(&self, log: Log) -> String {
        format!("{}{{{log}}}", self.prefix)
    }

    fn command(&self, call: &Call) -> Cmd {
        let mut command = Cmd::new();
        command.arg("FCALL").arg(format!("{LIBRARY}_{}", call.function())).arg(1).arg(self.base(call.log()));
        for argument in call.arguments() {
            command.arg(argument);
        }
        command
    }
}

fn raw(value: Value) -> Raw {
    match value {
        Value::Nil => Raw::Nothing,
        Value::Int(number) => Raw::Text(number.to_string()),
        // Another node may have written anything there.
        Value::BulkString(bytes) => Raw::Text(text(bytes)),
        Value::SimpleString(text) => Raw::Text(text),
        Value::Okay => Raw::Text("OK".to_owned()),
        Value::Array(values) | Value::Set(values) => Raw::List(values.into_iter().map(raw).collect()),
        Value::Map(pairs) => Raw::List(pairs.into_iter().flat_map(|(key, value)| [raw(key), raw(value)]).collect()),
        Value::ServerError(error) => Raw::Error(error.to_string()),
        // Only in RESP 3, which we do not ask for.
        _ => Raw::Nothing,
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl Engine for Wire {
    fn run(&self) -> &str {
        &self.run
    }

    fn call(&mut self, calls: &[Call]) -> Result<Vec<Reply>, Unreachable> {
        let mut pipeline = Pipeline::with_capacity(calls.len());
        for call in calls {
            pipeline.add_command(self.command(call));
        }
        let values: Vec<Value> =
            pipeline.ignore_errors().query(&mut self.connection).map_err(|error| unreachable(&error))?;
        if values.len() != calls.len() {
            return Err(Unreachable("the number of answers does not match the calls".into()));
        }
        if let Some(error) = values.iter().find_map(|value| match value {
            Value::ServerError(error) if is_not_in_charge(error) => Some(error),
            _ => None,
        }) {
            return Err(Unreachable(error.to_string().into()));
        }
        let mut replies: Vec<_> = calls.iter().zip(values).map(|(call, value)| call.read(&raw(value))).collect();
        // If a failover lost a block, its numbers would be given out twice; if it lost an account, the account would be
        // gone.
        if self.replicas > 0 && calls.iter().any(Call::is_confirmed) && !self.is_replicated()? {
            for (call, reply) in calls.iter().zip(&mut replies).filter(|(call, _)| call.is_confirmed()) {
                match (call, &*reply) {
                    (Call::Account(_), Reply::Account(AccountReply::Done)) => {
                        *reply = Reply::Account(AccountReply::NotReplicated);
                    }
                    (Call::Account(_), _) => {}
                    _ => *reply = Reply::Nothing,
                }
            }
        }
        Ok(replies)
    }

    fn read(&mut self, from: &[(Log, Position)]) -> Result<Vec<LogEntry>, Unreachable> {
        let mut command = Cmd::new();
        command.arg("XREAD").arg("COUNT").arg(COUNT).arg("BLOCK").arg(u64::try_from(BLOCK.as_millis()).unwrap_or(1000));
        command.arg("STREAMS");
        let keys: Vec<String> = from.iter().map(|(log, _)| self.base(*log) + "log").collect();
        for key in &keys {
            command.arg(key);
        }
        for (_, position) in from {
            command.arg(position.to_string());
        }
        let value: Value = match command.query(&mut self.connection) {
            Ok(value) => value,
            // Redis answers with an error when it becomes a replica or shuts down during the wait.
            Err(error) => return Err(unreachable(&error)),
        };
        let mut entries = Vec::new();
        if let Raw::List(streams) = raw(value) {
            for stream in &streams {
                read_stream(stream, &keys, from, &mut entries);
            }
        }
        Ok(entries)
    }

    fn pop(&mut self, list: &str, wait: Duration) -> Result<Option<String>, Unreachable> {
        let mut command = Cmd::new();
        command.arg("BRPOP").arg(self.base(Log::Directory) + list).arg(wait.as_secs_f64());
        let popped =
            command.query::<Option<[Vec<u8>; 2]>>(&mut self.connection).map_err(|error| unreachable(&error))?;
        Ok(popped.map(|[_, text]| String::from_utf8_lossy(&text).into_owned()))
    }
}

/// `[key, [[id, [field, value, ...]], ...]]`.
fn read_stream(stream: &Raw, keys: &[String], from: &[(Log, Position)], to: &mut Vec<LogEntry>) {
    let Raw::List(parts) = stream else { return };
    let [Raw::Text(key), Raw::List(entries)] = parts.as_slice() else { return };
    let Some(log) = keys.iter().position(|known| known == key).and_then(|index| from.get(index)).map(|(log, _)| *log)
    else {
        return;
    };
    for entry in entries {
        let Raw::List(parts) = entry else { continue };
        let [Raw::Text(id), Raw::List(fields)] = parts.as_slice() else { continue };
        let Ok(position) = id.parse() else { continue };
        let pairs: Vec<_> = fields
            .chunks_exact(2)
            .filter_map(|pair| match pair {
                [Raw::Text(field), Raw::Text(value)] => Some((field.as_str(), value.as_str())),
                _ => None,
            })
            .collect();
        to.push(LogEntry::read(log, position, &pairs));
    }
}
