//! The protocol of Redis: this file and its folder are what uses the crate `redis`.
//!
//! A Redis Cluster has several Redis in charge, each of some hash slots. All keys of a log are in one slot, so each log belongs to
//! one of them: calls go to the one that has their log. If one of them fails, or a slot moves, all connections are given up,
//! and made again to where the slots are then.
//!
//! *Owns* the connections that one use of Redis needs, and which of them a log belongs to.
//! *Knows nothing of* what the calls mean.

mod line;
mod log_threads;
mod slots;
mod values;

use std::time::Duration;

use redis::{Cmd, ErrorKind, RedisError, RedisResult};

use super::engine::{Call, Engine, LogEntry, Reply, Unreachable};
use super::values::{Log, Position};
use crate::chat::secret::Secret;
use crate::config::{HostPort, RedisAddress};
pub(super) use line::RedisLine;
use line::open;
use log_threads::LogThreads;
use slots::{SlotRange, slot_of};

/// How long one Sentinel, or one of the Redis that are asked who has which slots, may take to answer. The next one may be faster.
const ONE_OF_SEVERAL: Duration = Duration::from_millis(500);

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

/// What an administrator reads of it, on one line: without the system's number for an error, and without the client's own words.
fn in_words(error: &RedisError) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    match (error.kind(), error.code()) {
        (ErrorKind::Parse, _) => "what answers there is not Redis".to_owned(),
        (ErrorKind::AuthenticationFailed, _) => "it does not accept the user and the password".to_owned(),
        (_, Some(code)) => answer_in_words(code, error.detail()),
        _ => on_one_line(error.to_string().split(" (os error ").next().unwrap_or_default()),
    }
}

/// An error that Redis has answered: `ERR` says nothing, other codes are what administrators look for.
fn answer_in_words(code: &str, detail: Option<&str>) -> String {
    match detail {
        Some(detail) if code == "ERR" => on_one_line(detail),
        Some(detail) => on_one_line(&format!("{code} {detail}")),
        None => on_one_line(code),
    }
}

/// It may come from anybody who has taken Redis' place.
fn on_one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

pub(super) fn unreachable(error: &RedisError) -> Unreachable {
    Unreachable(in_words(error).into())
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
        match ask(sentinel, name, address, timeout.min(ONE_OF_SEVERAL)) {
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

/// Asks some of the Redis of a cluster, one after the other, who has which hash slots.
fn survey(at: &[HostPort], address: &Address, timeout: Duration) -> Result<Vec<SlotRange>, ConnectError> {
    let mut why = ConnectError::passing("none of the cluster answers");
    for one in at {
        let asked = RedisLine::open(one.clone(), false, address, timeout.min(ONE_OF_SEVERAL));
        match asked.and_then(|mut line| line.slots()) {
            Ok(slots) => return Ok(slots),
            Err(error) if !why.is_final => why = error,
            Err(_) => {}
        }
    }
    Err(why)
}

/// Connections to every Redis that is in charge of something.
pub(crate) struct Wire {
    pub(super) lines: Vec<RedisLine>,
    /// Which of them have which hash slots. Empty: the only one has all.
    slots: Vec<(SlotRange, usize)>,
    run: String,
    threads: Option<LogThreads>,
}

impl Wire {
    /// Connects to the Redis that is in charge, or to all of them.
    ///
    /// # Errors
    ///
    /// One does not answer in time, or refuses.
    pub(crate) fn connect(address: &Address, timeout: Duration) -> Result<Wire, ConnectError> {
        let (at, tls) = match &address.redis {
            RedisAddress::One { at, tls } => (at.clone(), *tls),
            RedisAddress::Sentinels { at, name } => (find(at, name, address, timeout)?, false),
            RedisAddress::Cluster { at } => return Wire::connect_all(survey(at, address, timeout)?, address, timeout),
        };
        let line = RedisLine::connect(at, tls, address, timeout)?;
        let run = line.facts().run.clone();
        Ok(Wire { lines: vec![line], slots: Vec::new(), run, threads: None })
    }

    fn connect_all(ranges: Vec<SlotRange>, address: &Address, timeout: Duration) -> Result<Wire, ConnectError> {
        let (mut lines, mut slots): (Vec<RedisLine>, Vec<(SlotRange, usize)>) = (Vec::new(), Vec::new());
        for range in ranges {
            let index = match lines.iter().position(|line| *line.at() == range.at) {
                Some(index) => index,
                None => {
                    let mut line = RedisLine::connect(range.at.clone(), false, address, timeout)?;
                    line.is_one_of_several = true;
                    lines.push(line);
                    lines.len() - 1
                }
            };
            slots.push((range, index));
        }
        // All of them together, for this node alone to compare. A slot that moves from one to another loses nothing.
        let mut runs: Vec<&str> = lines.iter().map(|line| line.facts().run.as_str()).collect();
        runs.sort_unstable();
        let run = runs.join(" ");
        let threads = Some(LogThreads::new(address.clone(), timeout));
        Ok(Wire { lines, slots, run, threads })
    }

    /// Which connection leads to the Redis that has a log.
    fn owner(&self, log: Log) -> Result<usize, Unreachable> {
        if self.threads.is_none() {
            return Ok(0);
        }
        let slot = slot_of(&log.to_string());
        let found = self.slots.iter().find(|(range, _)| (range.first..=range.last).contains(&slot));
        found.map(|(_, index)| *index).ok_or_else(|| Unreachable(format!("no Redis has the hash slot {slot}").into()))
    }

    /// The addresses of the Redis that it leads to.
    pub(crate) fn place(&self) -> String {
        self.lines.iter().map(RedisLine::place).collect::<Vec<_>>().join(" and ")
    }

    /// What each of them has said of itself.
    pub(crate) fn facts(&self) -> impl Iterator<Item = &Facts> {
        self.lines.iter().map(RedisLine::facts)
    }

    /// Loads the functions, unless they are there.
    pub(crate) fn load(&mut self) -> Result<(), Unreachable> {
        self.lines.iter_mut().try_for_each(RedisLine::load)
    }

    /// Whether the logs may be read.
    ///
    /// # Errors
    ///
    /// They may not be, or Redis does not answer.
    pub(crate) fn check_reading(&mut self) -> Result<(), Unreachable> {
        let owner = self.owner(Log::Directory)?;
        self.lines[owner].check_reading(Log::Directory)
    }

    /// The format and the number of partitions that the servers here have fixed; `None`: nobody has yet.
    pub(crate) fn fixed(&mut self) -> Result<(Option<u64>, Option<u64>), Unreachable> {
        let owner = self.owner(Log::Directory)?;
        self.lines[owner].fixed()
    }
}

impl Engine for Wire {
    fn run(&self) -> &str {
        &self.run
    }

    fn call(&mut self, calls: &[Call]) -> Result<Vec<Reply>, Unreachable> {
        let mut parts: Vec<(Vec<usize>, Vec<&Call>)> = vec![Default::default(); self.lines.len()];
        for (index, call) in calls.iter().enumerate() {
            let (indices, part) = &mut parts[self.owner(call.log())?];
            indices.push(index);
            part.push(call);
        }
        // All are on their way before the first answer is waited for.
        let (mut replies, used) = (vec![Reply::Nothing; calls.len()], |part: &&Vec<&Call>| !part.is_empty());
        for (line, (_, part)) in self.lines.iter_mut().zip(&parts) {
            Some(part).filter(used).map_or(Ok(()), |part| line.send(part))?;
        }
        for (line, (indices, part)) in self.lines.iter_mut().zip(&parts) {
            if part.is_empty() {
                continue;
            }
            for (index, reply) in indices.iter().zip(line.receive(part)?) {
                replies[*index] = reply;
            }
        }
        Ok(replies)
    }

    fn read(&mut self, from: &[(Log, Position)]) -> Result<Vec<LogEntry>, Unreachable> {
        if self.threads.is_none() {
            return self.lines[0].read(from);
        }
        let mut places = Vec::with_capacity(from.len());
        for (log, position) in from {
            places.push((*log, *position, self.lines[self.owner(*log)?].at().clone()));
        }
        self.threads.as_mut().map_or(Ok(Vec::new()), |threads| threads.read(&places))
    }

    fn pop(&mut self, list: &str, wait: Duration) -> Result<Option<String>, Unreachable> {
        let owner = self.owner(Log::Directory)?;
        self.lines[owner].pop(list, wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_in_the_words_of_redis() {
        for (code, detail, expected) in [
            ("ERR", Some("unknown command 'FCALL'"), "unknown command 'FCALL'"),
            ("OOM", Some("command not allowed"), "OOM command not allowed"),
            ("NOAUTH", None, "NOAUTH"),
            ("ERR", Some("a\r\nforged \u{1b}[2J line"), "a forged [2J line"),
        ] {
            assert_eq!(answer_in_words(code, detail), expected);
        }
    }
}
