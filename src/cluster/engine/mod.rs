//! The interface between a node and Redis: calls, answers, and logs to read.
//!
//! *Owns* the calls, their arguments for the functions in `functions.lua`, and parsing the answers.
//! *Knows nothing of* connections. Answers are parsed as untrusted input: one that makes no sense is an error.

mod account_calls;
mod answers;
mod library;
mod log_entry;

use std::time::Duration;

use super::command::{Claim, Command, Commit, Effect};
use super::entry::{NameSnapshot, RoomSnapshot};
use super::values::{Epoch, Log, NodeName, NumberKind, Place, Position};
use crate::chat::names::fold;

pub(crate) use account_calls::{AccountCall, AccountReply, SharedCount};
pub(crate) use answers::Raw;
pub(crate) use library::{FUNCTIONS, LIBRARY};
pub(crate) use log_entry::{EntryKind, LogEntry};

/// The format of entries and keys that this program reads and writes. It changes when an older program would misread them, or a
/// newer one what older ones have left. The first release has 1, and meets no other: a later one that reads an older format has
/// to say so in `enter`.
pub(crate) const FORMAT: u64 = 1;

/// Why this node cannot join a cluster of another format.
pub(crate) fn other_format(cluster: u64) -> String {
    let whose = if cluster > FORMAT { "it" } else { "the other servers" };
    format!("this node speaks format {FORMAT}, the cluster {cluster}: upgrade {whose}")
}

/// Numbers in one block.
pub(crate) const BLOCK: u64 = 1000;

/// The node that calls, and its registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) node: NodeName,
    pub(crate) epoch: Epoch,
}

/// One call, executed atomically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// This Redis takes over a log, unless it already has.
    NewTerm {
        log: Log,
        /// Its `run_id`.
        run: Box<str>,
        /// The last entry that the node knows of.
        known: Position,
        /// The log's eras that the node knows of, newest first.
        eras: Vec<Box<str>>,
        /// How many numbers to skip, in case this Redis does not know the last blocks.
        skip: u64,
        /// The highest message number that the node knows of; for a partition. If the node was connected to another Redis,
        /// the numbering continues above it.
        newest: u64,
        /// The highest numbers that the node knows of; for the directory.
        floors: Vec<(NumberKind, u64)>,
    },
    /// The node joins. The directory assigns an epoch if it has none.
    Enter { log: Log, caller: Caller, lease_ms: i64, partitions: u8 },
    /// A heartbeat.
    Beat { log: Log, caller: Caller, lease_ms: i64 },
    /// The node says goodbye. Its users' names and memberships stay for this long.
    Leave { log: Log, caller: Caller, stays_ms: i64 },
    /// The node's command number `n`.
    Submit { log: Log, caller: Caller, n: u64, command: Command },
    /// Reserves a block of numbers.
    Block { kind: NumberKind, count: u64 },
    /// Nothing, but what was done in this log before it has to be on the replicas.
    Confirm { log: Log },
    /// Assigns numbers to a partition for its messages.
    Give { log: Log, first: u64, last: u64 },
    /// Reads an overview of a log's state.
    Look { log: Log },
    /// Reads one room.
    Room { log: Log, key: Box<str> },
    /// A call about a user's data.
    Account(AccountCall),
    /// Where the log ends, for a reader that knows the entry of this number.
    Tail { log: Log, known: u64 },
    /// Reads the numbers of a room's last messages.
    Numbers { log: Log, key: Box<str> },
    /// Reads which messages were edited or erased.
    Gone { log: Log },
    /// Continues the numbering above this number.
    Raise { log: Log, kind: NumberKind, floor: u64 },
    /// Adds a text to one of the directory's lists, for those who wait there.
    Push { list: Box<str>, text: Box<str> },
    /// Begins an import.
    #[cfg_attr(
        not(any(test, feature = "storage")),
        expect(dead_code, reason = "only builds with a database import one")
    )]
    Found { partitions: u8 },
    /// Stores a value in the directory.
    #[cfg_attr(
        not(any(test, feature = "storage")),
        expect(dead_code, reason = "only builds with a database import one")
    )]
    Keep { key: Box<str>, value: Box<str> },
    /// Imports a room, or more messages of one.
    #[cfg_attr(
        not(any(test, feature = "storage")),
        expect(dead_code, reason = "only builds with a database import one")
    )]
    Fill { log: Log, place: Place, core: Box<str>, said: u64, messages: Vec<(u64, Box<str>)> },
}

/// An era of a log that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndedEra {
    pub(crate) era: Box<str>,
    /// The number of its last entry.
    pub(crate) last: u64,
    /// The number of the first message after it.
    pub(crate) next_message: u64,
}

/// The newest era that both the node and this Redis know. Up to its end, the log is the same for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Past {
    /// Its index among the eras that the node knows.
    pub(crate) index: usize,
    /// The number of its last entry. `None`: it has not ended.
    pub(crate) last: Option<u64>,
    /// The number of the first message after the era.
    pub(crate) next_message: u64,
}

/// The answer to a call, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The log's end, its era, the eras that have ended, and the newest era that the node knows too, if any.
    Term { end: Position, era: Box<str>, ended: Vec<EndedEra>, past: Option<Past> },
    /// The node has joined.
    Entered { epoch: Epoch, number: u64 },
    /// The cluster uses a newer format.
    Format(u64),
    /// The cluster has a different number of partitions.
    Partitions(u64),
    /// A node of this name is alive; its lease has this long to go.
    Live { left_ms: u64 },
    /// The lease is renewed.
    Alive {
        /// The last command that was executed.
        n: u64,
        /// Redis' clock.
        at_ms: i64,
        /// The log's end.
        number: u64,
        /// Message numbers the partition has left.
        left: u64,
    },
    /// The node's registration has ended.
    Fenced { number: u64 },
    /// Success, without a value.
    Nothing,
    /// This command or a later one was already handled.
    Done { number: u64 },
    /// An earlier command of the node is missing.
    Order,
    /// The version of the place has changed.
    Stale { number: u64 },
    /// The room or the address has reached its limit.
    Full { number: u64 },
    /// Another user has the name.
    Taken { number: u64 },
    /// The partition has too few message numbers left.
    NoNumbers,
    /// The command is in the log.
    Committed { number: u64, id: u64, left: u64 },
    /// A block of numbers, both ends included.
    Block { first: u64, last: u64 },
    /// How many message numbers the partition has left, and the last of them.
    Given { left: u64, end: u64 },
    /// An overview of a log's state.
    Look {
        end: Position,
        nodes: Vec<(NodeName, Epoch)>,
        rooms: Vec<Box<str>>,
        names: Vec<NameSnapshot>,
        kept: Vec<(Box<str>, Box<str>)>,
        /// Nodes that have gone but whose users may reconnect to other nodes.
        parted: Vec<(NodeName, Epoch)>,
    },
    /// The room, if it exists.
    Room(Option<Box<RoomSnapshot>>),
    /// The answer to a call about a user's data.
    Account(AccountReply),
    /// The log's end; and the end of the era that the known entry belongs to, if that era has ended.
    Tail { end: Position, ended: Option<u64> },
    /// Numbers of messages, oldest first, including erased ones.
    Numbers(Vec<u64>),
    /// Keys of rooms, each with a message number.
    Gone(Vec<(Box<str>, u64)>),
    /// Whether there was space for the text.
    Pushed(bool),
    /// Redis could not execute the call.
    Failed(Box<str>),
}

/// Redis does not answer, or not in time. It may still have executed the calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreachable(pub(crate) Box<str>);

/// One connection to a Redis.
pub(crate) trait Engine: Send {
    /// Identifies the Redis process: its `run_id`.
    fn run(&self) -> &str;

    /// Executes the calls in order and returns one answer for each.
    ///
    /// # Errors
    ///
    /// The connection is lost and must not be used again.
    fn call(&mut self, calls: &[Call]) -> Result<Vec<Reply>, Unreachable>;

    /// Reads what follows these positions. Waits a limited time for the first entry.
    ///
    /// # Errors
    ///
    /// As for [`call`](Engine::call).
    fn read(&mut self, from: &[(Log, Position)]) -> Result<Vec<LogEntry>, Unreachable>;

    /// Takes the oldest text from one of the directory's lists, waiting up to `wait` for one.
    ///
    /// # Errors
    ///
    /// As for [`call`](Engine::call).
    fn pop(&mut self, list: &str, wait: Duration) -> Result<Option<String>, Unreachable>;
}

impl Call {
    pub(crate) fn log(&self) -> Log {
        match self {
            Call::NewTerm { log, .. }
            | Call::Enter { log, .. }
            | Call::Beat { log, .. }
            | Call::Leave { log, .. }
            | Call::Submit { log, .. }
            | Call::Give { log, .. }
            | Call::Look { log }
            | Call::Room { log, .. }
            | Call::Tail { log, .. }
            | Call::Numbers { log, .. }
            | Call::Raise { log, .. }
            | Call::Gone { log }
            | Call::Confirm { log }
            | Call::Fill { log, .. } => *log,
            Call::Account(call) => call.log(),
            Call::Block { .. } | Call::Push { .. } | Call::Found { .. } | Call::Keep { .. } => Log::Directory,
        }
    }

    /// Whether replicas must confirm it before it counts as done.
    pub(crate) fn is_confirmed(&self) -> bool {
        matches!(self, Call::Block { .. } | Call::Confirm { .. })
            || matches!(self, Call::Account(call) if call.is_confirmed())
    }

    /// The function's name, without the library's prefix.
    pub(crate) fn function(&self) -> &'static str {
        match self {
            Call::NewTerm { .. } => "new_term",
            Call::Enter { .. } => "enter",
            Call::Beat { .. } => "beat",
            Call::Leave { .. } => "leave",
            Call::Submit { command: Command::Commit(_), .. } => "commit",
            Call::Submit { command: Command::Claim(_), .. } => "claim",
            Call::Submit { command: Command::Release { .. }, .. } => "release",
            Call::Submit { command: Command::Note { .. }, .. } => "note",
            // None of a kind of numbers that nobody uses.
            Call::Block { .. } | Call::Confirm { .. } => "block",
            Call::Give { .. } => "give",
            Call::Look { .. } => "look",
            Call::Room { .. } => "room",
            Call::Account(call) => call.function(),
            Call::Tail { .. } => "tail",
            Call::Numbers { .. } => "numbers",
            Call::Raise { .. } => "raise",
            Call::Gone { .. } => "gone",
            Call::Push { .. } => "push",
            Call::Found { .. } => "found",
            Call::Keep { .. } => "keep",
            Call::Fill { .. } => "fill",
        }
    }

    /// Its arguments.
    pub(crate) fn arguments(&self) -> Vec<String> {
        match self {
            Call::NewTerm { log: _, run, known: Position { term, number }, eras, skip, newest, floors } => {
                let known = [*number, *term, eras.len() as u64, *skip, *newest].map(|number| number.to_string());
                let known = [run.to_string()].into_iter().chain(known);
                let floors = floors.iter().flat_map(|(kind, floor)| [kind.word().to_owned(), floor.to_string()]);
                known.chain(eras.iter().map(ToString::to_string)).chain(floors).collect()
            }
            Call::Enter { log: _, caller: Caller { node, epoch }, lease_ms, partitions } => {
                vec![
                    node.to_string(),
                    epoch.to_string(),
                    lease_ms.to_string(),
                    FORMAT.to_string(),
                    partitions.to_string(),
                ]
            }
            Call::Beat { log: _, caller: Caller { node, epoch }, lease_ms } => {
                vec![node.to_string(), epoch.to_string(), lease_ms.to_string()]
            }
            Call::Leave { log: _, caller: Caller { node, epoch }, stays_ms } => {
                vec![node.to_string(), epoch.to_string(), stays_ms.to_string()]
            }
            Call::Submit { log: _, caller: Caller { node, epoch }, n, command } => {
                let mut arguments = vec![node.to_string(), epoch.to_string(), n.to_string()];
                command.write(&mut arguments);
                arguments
            }
            Call::Confirm { log: _ } => vec!["confirmed".to_owned(), "0".to_owned()],
            Call::Block { kind, count } => vec![kind.word().to_owned(), count.to_string()],
            Call::Give { log: _, first, last } => vec![first.to_string(), last.to_string()],
            Call::Look { log: _ } | Call::Gone { log: _ } => Vec::new(),
            Call::Room { log: _, key } | Call::Numbers { log: _, key } => vec![key.to_string()],
            Call::Tail { log: _, known } => vec![known.to_string()],
            Call::Raise { log: _, kind, floor } => vec![kind.word().to_owned(), floor.to_string()],
            Call::Push { list, text } => vec![list.to_string(), text.to_string()],
            Call::Found { partitions } => vec![partitions.to_string(), FORMAT.to_string()],
            Call::Keep { key, value } => vec![key.to_string(), value.to_string()],
            Call::Fill { log: _, place, core, said, messages } => {
                let texts = messages.iter().flat_map(|(id, text)| [id.to_string(), text.to_string()]);
                [place.key(), place.text(), core.to_string(), said.to_string()].into_iter().chain(texts).collect()
            }
            Call::Account(call) => call.arguments(),
        }
    }
}

impl Command {
    /// Writes the arguments. The caller knows which log the command belongs to.
    fn write(&self, to: &mut Vec<String>) {
        match self {
            Command::Commit(commit) => commit.write(to),
            Command::Claim(Claim { name, client, before, instead_of, details, address, most }) => {
                let before = before.as_deref().unwrap_or("");
                let instead_of = instead_of.map_or(0, |client| client.0);
                to.extend([fold(name), name.to_string(), client.to_string(), fold(before), before.to_owned()]);
                to.extend([instead_of.to_string(), details.to_string()]);
                to.extend([address.to_string(), most.unwrap_or(0).to_string()]);
            }
            Command::Release { name, client, address } => {
                to.extend([fold(name), name.to_string(), client.to_string(), address.to_string()]);
            }
            Command::Note { text, kept } => {
                let (key, value) = kept.as_ref().map_or(("", ""), |(key, value)| (key, value));
                to.extend([text.to_string(), key.to_owned(), value.to_owned()]);
            }
        }
    }
}

impl Commit {
    fn write(&self, to: &mut Vec<String>) {
        let version = self.version.map_or_else(|| "-".to_owned(), |version| version.to_string());
        to.extend([version, self.history_max.to_string(), self.place.key(), self.place.text(), self.text.to_string()]);
        for effect in &self.effects {
            match effect {
                Effect::Said(text) => to.extend(["said".to_owned(), text.to_string()]),
                Effect::Edited(id, text) => to.extend(["edited".to_owned(), id.to_string(), text.to_string()]),
                Effect::Erased(id) => to.extend(["erased".to_owned(), id.to_string()]),
                Effect::Member { client, text, limit } => {
                    // 0 means no limit in the call, so a limit of 0 is sent as 1.
                    let limit = limit.map_or(0, |limit| limit.max(1));
                    to.extend(["member".to_owned(), client.to_string(), text.to_string(), limit.to_string()]);
                }
                Effect::Left(client) => to.extend(["left".to_owned(), client.to_string()]),
                Effect::Core(text) => to.extend(["core".to_owned(), text.to_string()]),
                Effect::Closed => to.push("closed".to_owned()),
                Effect::By(client) => to.extend(["by".to_owned(), client.to_string()]),
                Effect::Rebuilt { from, said, newest } => {
                    to.push("rebuilt".to_owned());
                    to.extend([*from, *said, *newest].map(|number| number.to_string()));
                }
                Effect::Kept(id, text) => to.extend(["kept".to_owned(), id.to_string(), text.to_string()]),
            }
        }
    }

    /// How many messages it posts.
    pub(crate) fn said(&self) -> u64 {
        self.effects.iter().filter(|effect| matches!(effect, Effect::Said(_))).count() as u64
    }
}
