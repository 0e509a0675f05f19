//! What Redis is to a node: calls in, answers out, and logs to read.
//!
//! *Owns* the calls, their arguments for the functions in `functions.lua`, and reading the answers.
//! *Knows nothing of* connections. Answers come from outside, so they are read as input: one that makes no sense is an error.

mod account_calls;
mod answers;
mod log_entry;

use std::time::Duration;

use super::command::{Claim, Command, Commit, Effect};
use super::entry::{NameSnapshot, RoomSnapshot};
use super::values::{Epoch, Log, NodeName, NumberKind, Place, Position};
use crate::chat::names::fold;

pub(crate) use account_calls::{AccountCall, AccountReply, SharedCount};
pub(crate) use answers::Raw;
pub(crate) use log_entry::{EntryKind, LogEntry};

/// The format of entries and functions that this program reads and writes.
pub(crate) const FORMAT: u64 = 1;

/// Numbers in one block.
pub(crate) const BLOCK: u64 = 1000;

/// The name of the library that [`FUNCTIONS`] registers; each function's name begins with it.
pub(crate) const LIBRARY: &str = "chatsock_1";

/// The functions, in Lua.
pub(crate) const FUNCTIONS: &str = include_str!("../functions.lua");

/// Who asks: a node, by its registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) node: NodeName,
    pub(crate) epoch: Epoch,
}

/// One call. Each is carried out whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// This Redis takes over a log, unless it has it already.
    NewTerm {
        log: Log,
        /// Its `run_id`.
        run: Box<str>,
        /// The last entry that the node knows.
        known: Position,
        /// The eras of the log that the node knows, the newest first.
        eras: Vec<Box<str>>,
        /// Numbers to leave out, in blocks that this Redis may not know of.
        skip: u64,
        /// The highest numbers that the node knows; for the directory.
        floors: Vec<(NumberKind, u64)>,
    },
    /// The node comes in. The directory gives an epoch to one that has none.
    Enter { log: Log, caller: Caller, lease_ms: i64, partitions: u8 },
    /// The node lives.
    Beat { log: Log, caller: Caller, lease_ms: i64 },
    /// The node says goodbye. What its users hold stays this long.
    Leave { log: Log, caller: Caller, stays_ms: i64 },
    /// The node's command of this number.
    Submit { log: Log, caller: Caller, n: u64, command: Command },
    /// A block of numbers.
    Block { kind: NumberKind, count: u64 },
    /// Numbers for the messages of a partition.
    Give { log: Log, first: u64, last: u64 },
    /// What a log's state consists of.
    Look { log: Log },
    /// One room.
    Room { log: Log, key: Box<str> },
    /// Something about what belongs to a user.
    Account(AccountCall),
    /// The log's end, for one who knows the entry of this number.
    Tail { log: Log, known: u64 },
    /// The numbers of a room's last messages.
    Numbers { log: Log, key: Box<str> },
    /// Which messages were edited or erased.
    Gone { log: Log },
    /// Numbers go on above this one.
    Raise { log: Log, kind: NumberKind, floor: u64 },
    /// A text for those who wait at a list of the directory.
    Push { list: Box<str>, text: Box<str> },
    /// An import begins.
    #[cfg_attr(
        not(any(test, feature = "storage")),
        expect(dead_code, reason = "only builds with a database import one")
    )]
    Found { partitions: u8 },
    /// A value that is kept in the directory.
    #[cfg_attr(
        not(any(test, feature = "storage")),
        expect(dead_code, reason = "only builds with a database import one")
    )]
    Keep { key: Box<str>, value: Box<str> },
    /// A room as it was elsewhere, or more of its messages.
    #[cfg_attr(
        not(any(test, feature = "storage")),
        expect(dead_code, reason = "only builds with a database import one")
    )]
    Fill { log: Log, place: Place, core: Box<str>, said: u64, messages: Vec<(u64, Box<str>)> },
}

/// An era of a log that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndedEra {
    pub(crate) era: Box<str>,
    /// The number of the last entry.
    pub(crate) last: u64,
    /// The number of the first message that was said after it.
    pub(crate) next_message: u64,
}

/// The newest era of those that a node knows which a Redis has too: the log is the same up to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Past {
    /// Its place among those that the node knows.
    pub(crate) index: usize,
    /// The number of the last entry. `None`: it goes on.
    pub(crate) last: Option<u64>,
    /// The number of the first message that was not said in it.
    pub(crate) next_message: u64,
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The log's end, its era, the eras that have ended, and what it has of what the node knows, if anything.
    Term { end: Position, era: Box<str>, ended: Vec<EndedEra>, past: Option<Past> },
    /// The node is in.
    Entered { epoch: Epoch, number: u64 },
    /// The cluster speaks a newer format.
    Format(u64),
    /// The cluster has another number of partitions.
    Partitions(u64),
    /// A node of this name lives, and its lease has this long to go.
    Live { left_ms: u64 },
    /// The lease is renewed.
    Alive {
        /// The last command that was carried out.
        n: u64,
        /// Redis' clock.
        at_ms: i64,
        /// The log's end.
        number: u64,
        /// Message numbers left.
        left: u64,
    },
    /// The node is out.
    Fenced { number: u64 },
    /// Nothing to say.
    Nothing,
    /// A command of this number or a later one was here before.
    Done { number: u64 },
    /// An earlier command of the node is missing.
    Order,
    /// The place has another version.
    Stale { number: u64 },
    /// No place for another member.
    Full { number: u64 },
    /// Another user has the name.
    Taken { number: u64 },
    /// The partition has too few message numbers.
    NoNumbers,
    /// The command is in the log.
    Committed { number: u64, id: u64, left: u64 },
    /// Numbers from the first to the last.
    Block { first: u64, last: u64 },
    /// Message numbers left, and the last of them.
    Given { left: u64, end: u64 },
    /// What a log's state consists of.
    Look {
        end: Position,
        nodes: Vec<(NodeName, Epoch)>,
        rooms: Vec<Box<str>>,
        names: Vec<NameSnapshot>,
        kept: Vec<(Box<str>, Box<str>)>,
        /// Nodes that are not there any more, and whose users may come back on other ones.
        parted: Vec<(NodeName, Epoch)>,
    },
    /// One room, if it is there.
    Room(Option<Box<RoomSnapshot>>),
    /// The answer to a call about what belongs to a user.
    Account(AccountReply),
    /// The log's end, and where the era ended that the entry is of which the asker knows, if it has.
    Tail { end: Position, ended: Option<u64> },
    /// Numbers of messages, oldest first; also of those that were erased.
    Numbers(Vec<u64>),
    /// Keys of rooms, each with the number of a message.
    Gone(Vec<(Box<str>, u64)>),
    /// Whether the text had a place.
    Pushed(bool),
    /// Redis could not carry the call out.
    Failed(Box<str>),
}

/// Redis does not answer, or not in time. What was asked may have been carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreachable(pub(crate) Box<str>);

/// One connection to a Redis.
pub(crate) trait Engine: Send {
    /// Which process it is: its `run_id`.
    fn run(&self) -> &str;

    /// Has calls carried out in their order, and returns as many answers.
    ///
    /// # Errors
    ///
    /// The connection is lost, and must not be used any more.
    fn call(&mut self, calls: &[Call]) -> Result<Vec<Reply>, Unreachable>;

    /// Reads what follows these places, waiting for the first of it, but not for long.
    ///
    /// # Errors
    ///
    /// As for [`call`](Engine::call).
    fn read(&mut self, from: &[(Log, Position)]) -> Result<Vec<LogEntry>, Unreachable>;

    /// Takes the oldest text from a list of the directory, waiting for it, but not for longer.
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
            | Call::Fill { log, .. } => *log,
            Call::Account(call) => call.log(),
            Call::Block { .. } | Call::Push { .. } | Call::Found { .. } | Call::Keep { .. } => Log::Directory,
        }
    }

    /// Whether replicas must have what it does before it counts as done.
    pub(crate) fn is_confirmed(&self) -> bool {
        matches!(self, Call::Block { .. }) || matches!(self, Call::Account(call) if call.is_confirmed())
    }

    /// The function's name behind the library's.
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
            Call::Block { .. } => "block",
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
            Call::NewTerm { log: _, run, known, eras, skip, floors } => {
                let count = eras.len().to_string();
                let known =
                    [run.to_string(), known.number.to_string(), known.term.to_string(), count, skip.to_string()];
                let floors = floors.iter().flat_map(|(kind, floor)| [kind.word().to_owned(), floor.to_string()]);
                known.into_iter().chain(eras.iter().map(ToString::to_string)).chain(floors).collect()
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
    /// Which log it belongs to, is for the caller to know.
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
                    // A limit of nobody is one that nobody meets.
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

    /// How many messages it says.
    pub(crate) fn said(&self) -> u64 {
        self.effects.iter().filter(|effect| matches!(effect, Effect::Said(_))).count() as u64
    }
}
