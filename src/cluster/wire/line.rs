//! One connection to one Redis.
//!
//! *Owns* its timeouts, the functions loaded on it, calls as a pipeline, and reading the logs.
//! *Knows nothing of* what is called.

use std::time::Duration;

use redis::{
    Client, Cmd, Connection, IntoConnectionInfo as _, Pipeline, RedisResult, ServerError, TlsCertificates, Value,
};

use super::slots::SlotRange;
use super::values::{raw, read_stream};
use super::{Address, ConnectError, Facts, answer_in_words, unreachable};
use crate::cluster::engine::{AccountReply, Call, FUNCTIONS, LIBRARY, LogEntry, Raw, Reply, Unreachable};
use crate::cluster::values::{Log, Position};
use crate::config::HostPort;

/// How long Redis waits for an entry before it answers that there is none.
const BLOCK: Duration = Duration::from_millis(1000);

/// Most entries of one log per read. 500 each from 16 logs are about 2 MB.
const COUNT: usize = 500;

/// How long to wait for replicas to confirm.
const REPLICATION: Duration = Duration::from_millis(1000);

/// A connection.
pub(crate) struct RedisLine {
    pub(in crate::cluster) connection: Connection,
    at: HostPort,
    pub(in crate::cluster) prefix: String,
    facts: Facts,
    replicas: u8,
    /// It leads to a member of a Redis Cluster.
    pub(super) is_one_of_several: bool,
}

/// Errors from a Redis that is not, or no longer, in charge. The call is repeated on the one that is.
fn is_not_in_charge(error: &ServerError) -> bool {
    matches!(
        error.code(),
        "READONLY" | "MASTERDOWN" | "LOADING" | "UNBLOCKED" | "MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN"
    )
}

/// The answer to a call of a function that is not there. Another server may load it at any moment.
fn lacks_functions(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.details() == Some("Function not found"))
}

/// Opens one connection without checking what is at the other end.
pub(super) fn open(
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

impl RedisLine {
    /// Connects to any Redis.
    pub(super) fn open(
        at: HostPort,
        tls: bool,
        address: &Address,
        timeout: Duration,
    ) -> Result<RedisLine, ConnectError> {
        let connection = open(&at, tls, Some(address), address, timeout)?;
        let (prefix, replicas) = (address.prefix.clone(), address.replicas);
        Ok(RedisLine { connection, at, prefix, facts: Facts::default(), replicas, is_one_of_several: false })
    }

    /// Connects to a Redis that is in charge.
    ///
    /// # Errors
    ///
    /// Redis does not answer in time, refuses, or follows another one.
    pub(super) fn connect(
        at: HostPort,
        tls: bool,
        address: &Address,
        timeout: Duration,
    ) -> Result<RedisLine, ConnectError> {
        let mut line = RedisLine::open(at, tls, address, timeout)?;
        line.facts = line.ask_facts()?;
        if line.facts.replica {
            // While a failover lasts, it may still be named as the one in charge.
            let why = format!("{} follows another Redis, and accepts nothing", line.place());
            return Err(ConnectError::passing(why));
        }
        Ok(line)
    }

    /// Where it leads to.
    pub(super) fn at(&self) -> &HostPort {
        &self.at
    }

    /// The same as text.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.at.0, self.at.1)
    }

    /// What it has said of itself.
    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Loads the functions, unless they are there.
    pub(super) fn load(&mut self) -> Result<(), Unreachable> {
        let mut load = Cmd::new();
        load.arg("FUNCTION").arg("LOAD").arg(&*FUNCTIONS);
        match load.query::<Value>(&mut self.connection) {
            // The name tells what is in it.
            Err(error) if error.to_string().contains("already exists") => Ok(()),
            loaded => loaded.map(drop).map_err(|error| unreachable(&error)),
        }
    }

    /// Whether a log may be read. A server that could only write would be in, and see nothing.
    pub(super) fn check_reading(&mut self, log: Log) -> Result<(), Unreachable> {
        let mut read = Cmd::new();
        read.arg("XREAD").arg("COUNT").arg(1).arg("STREAMS").arg(self.base(log) + "log").arg("$");
        read.query::<Value>(&mut self.connection).map(drop).map_err(|error| unreachable(&error))
    }

    /// Which Redis of a cluster has which hash slots, by the first of each range.
    ///
    /// # Errors
    ///
    /// It does not answer, or is no part of a cluster.
    pub(super) fn slots(&mut self) -> Result<Vec<SlotRange>, ConnectError> {
        let mut ask = Cmd::new();
        ask.arg("CLUSTER").arg("SLOTS");
        match ask.query::<Value>(&mut self.connection) {
            Ok(value) => Ok(SlotRange::read_all(&raw(value), &self.at.0)),
            Err(error) if error.to_string().contains("cluster support disabled") => {
                let why = format!("{} is no part of a Redis Cluster: use redis:// or sentinel://", self.place());
                Err(ConnectError { why: why.into(), is_final: true })
            }
            Err(error) => Err(ConnectError::from(error)),
        }
    }

    /// The format and the number of partitions that the servers here have fixed; `None`: nobody has yet.
    pub(super) fn fixed(&mut self) -> Result<(Option<u64>, Option<u64>), Unreachable> {
        let mut get = Cmd::new();
        get.arg("HMGET").arg(self.base(Log::Directory) + "meta").arg("format").arg("partitions");
        get.query(&mut self.connection).map_err(|error| unreachable(&error))
    }

    fn ask_facts(&mut self) -> Result<Facts, ConnectError> {
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
        facts.policy = self.setting("maxmemory-policy")?;
        facts.append_only = self.setting("appendonly")?.map(|value| value == "yes");
        facts.replicas_to_write = self.setting("min-replicas-to-write")?.and_then(|value| value.parse().ok());
        facts.timeout = self.setting("timeout")?.and_then(|value| value.parse().ok());
        Ok(facts)
    }

    /// Reads a setting of the server. `None` if it does not show it, as is common with hosted ones.
    fn setting(&mut self, name: &str) -> Result<Option<String>, ConnectError> {
        let mut config = Cmd::new();
        config.arg("CONFIG").arg("GET").arg(name);
        match config.query::<Vec<String>>(&mut self.connection) {
            Ok(pair) => Ok(pair.into_iter().nth(1)),
            // Its late answer would be taken for that of the next call.
            Err(error) if error.is_io_error() => Err(error.into()),
            Err(_) => Ok(None),
        }
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
        command.arg("FCALL").arg(format!("{}_{}", *LIBRARY, call.function())).arg(1).arg(self.base(call.log()));
        for (index, argument) in call.arguments().into_iter().enumerate() {
            if index == 0 && self.is_one_of_several && matches!(call, Call::NewTerm { .. }) {
                // Of the Redis that has this log: a node knows only all of them together.
                command.arg(&self.facts.run);
            } else {
                command.arg(argument);
            }
        }
        command
    }
}

impl RedisLine {
    /// Sends calls. Nothing else may be sent before [`receive`](RedisLine::receive) has taken their answers.
    pub(super) fn send(&mut self, calls: &[&Call]) -> Result<(), Unreachable> {
        let mut pipeline = Pipeline::with_capacity(calls.len());
        for call in calls {
            pipeline.add_command(self.command(call));
        }
        self.connection.send_packed_command(&pipeline.get_packed_pipeline()).map_err(|error| unreachable(&error))
    }

    fn answers(&mut self, count: usize) -> Result<Vec<Value>, Unreachable> {
        (0..count).map(|_| self.connection.recv_response().map_err(|error| unreachable(&error))).collect()
    }

    /// The answers to the calls that were sent.
    pub(super) fn receive(&mut self, calls: &[&Call]) -> Result<Vec<Reply>, Unreachable> {
        let mut values = self.answers(calls.len())?;
        // Somebody has removed the functions (`FUNCTION FLUSH`), so none of the calls was executed.
        if values.iter().all(lacks_functions) {
            log::warn!("cluster: the functions were gone from Redis at {}; they are loaded again", self.place());
            self.load()?;
            self.send(calls)?;
            values = self.answers(calls.len())?;
        }
        if let Some(error) = values.iter().find_map(|value| match value {
            Value::ServerError(error) if is_not_in_charge(error) || lacks_functions(value) => Some(error),
            _ => None,
        }) {
            return Err(Unreachable(answer_in_words(error.code(), error.details()).into()));
        }
        let mut replies: Vec<_> = calls.iter().zip(values).map(|(call, value)| call.read(&raw(value))).collect();
        // If a failover lost a block, its numbers would be given out twice; if it lost an account, the account would be
        // gone.
        if self.replicas > 0 && calls.iter().any(|call| call.is_confirmed()) && !self.is_replicated()? {
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

    /// Entries that follow these places, which are in one hash slot or in a Redis without them. Waits for the first one.
    pub(super) fn read(&mut self, from: &[(Log, Position)]) -> Result<Vec<LogEntry>, Unreachable> {
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

    /// Takes the oldest text from a list of the directory.
    pub(super) fn pop(&mut self, list: &str, wait: Duration) -> Result<Option<String>, Unreachable> {
        let mut command = Cmd::new();
        command.arg("BRPOP").arg(self.base(Log::Directory) + list).arg(wait.as_secs_f64());
        let popped =
            command.query::<Option<[Vec<u8>; 2]>>(&mut self.connection).map_err(|error| unreachable(&error))?;
        Ok(popped.map(|[_, text]| String::from_utf8_lossy(&text).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;
    use crate::config::RedisAddress;

    /// A Redis that describes itself and answers nothing else.
    fn mute_redis() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut asked = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut asked) {
                if asked[..count].windows(4).any(|word| word == b"INFO") {
                    let text = "redis_version:7.0.15\r\nrun_id:a\r\nrole:master\r\n";
                    stream.write_all(format!("${}\r\n{text}\r\n", text.len()).as_bytes()).expect("written");
                }
            }
        });
        port
    }

    #[test]
    fn a_connection_that_timed_out_is_not_used() {
        let at: HostPort = ("127.0.0.1".to_owned(), mute_redis());
        let address = Address {
            redis: RedisAddress::One { at: at.clone(), tls: false },
            user: String::new(),
            password: None,
            authorities: None,
            prefix: String::new(),
            replicas: 0,
        };
        let found = RedisLine::connect(at, false, &address, Duration::from_millis(200)).map(|line| line.place());
        assert_eq!(found.map_err(|error| error.why), Err("no answer in time".into()));
    }
}
