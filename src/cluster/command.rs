//! What a node asks Redis to do. Each command is executed completely or not at all.
//!
//! *Owns* the commands.
//! *Knows nothing of* how a command travels, of permissions, or of what its texts say.

use super::values::Place;
use crate::chat::message::ClientId;

/// A change to the copy of a place that Redis stores, so that a node which missed the entry can read the place instead.
/// Redis checks no rules; the node has already done that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A message with this text was posted. It gets the next number, which is also its key in the history.
    Said(Box<str>),
    /// A message has a new text, because it was edited or quotes one that was. Ignored if the message is no longer
    /// stored.
    Edited(u64, Box<str>),
    /// A message is erased, at once.
    Erased(u64),
    /// A user joined, or their member record changed.
    Member {
        /// Their connection.
        client: ClientId,
        /// Their record.
        text: Box<str>,
        /// For a new member: the most members the room may have. With more, the outcome is
        /// [`Full`](super::Outcome::Full).
        limit: Option<usize>,
    },
    /// A member left.
    Left(ClientId),
    /// The new value of everything that decisions depend on. The place gets a new version.
    Core(Box<str>),
    /// The room is closed and erased.
    Closed,
    /// The user who acts. They must be a member through the node's current registration; otherwise the outcome is
    /// [`Stale`](super::Outcome::Stale).
    By(ClientId),
    /// Restores a room that Redis has lost, from this node's copy; follows its `Core`. If the room exists and was not
    /// restored, or was restored from newer data, or has changed since, nothing happens and the outcome is
    /// [`Stale`](super::Outcome::Stale).
    Rebuilt {
        /// The number of the last entry that the node had applied to it.
        from: u64,
        /// How many messages were ever posted in it.
        said: u64,
        /// The number of the newest one.
        newest: u64,
    },
    /// A message of a room being restored, with its number. The newest comes first.
    Kept(u64, Box<str>),
}

/// A change to one place, as one entry of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Where.
    pub place: Place,
    /// The version of the place that this was decided on. If it has changed, the outcome is
    /// [`Stale`](super::Outcome::Stale). `Some(0)`: the place does not exist yet. `None`: any version will do.
    pub version: Option<u64>,
    /// Executed in this order.
    pub effects: Vec<Effect>,
    /// Most messages that the history holds.
    pub history_max: usize,
    /// The text that the nodes read.
    pub text: Box<str>,
}

/// An online user's claim to a name. Names are unique across all nodes while the user's node has a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The name. Compared in its folded form.
    pub name: Box<str>,
    /// Their connection.
    pub client: ClientId,
    /// The connection's previous name, given up in the same step.
    pub before: Option<Box<str>>,
    /// Another connection, on any node, that has the name and loses it in the same step.
    pub instead_of: Option<ClientId>,
    /// The text that the nodes read.
    pub details: Box<str>,
    /// The address that the connection is counted under; empty if it is exempt.
    pub address: Box<str>,
    /// Most named connections of that address across all nodes. One more is [`Full`](super::Outcome::Full).
    pub most: Option<usize>,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A change to one place.
    Commit(Commit),
    /// A user takes a name. The outcome is [`Taken`](super::Outcome::Taken) if another user has it.
    Claim(Claim),
    /// A user gives up their name.
    Release {
        /// The name.
        name: Box<str>,
        /// Their connection. Nothing happens if another one has the name.
        client: ClientId,
        /// As in the claim.
        address: Box<str>,
    },
    /// A line for all nodes. `kept` also stores a value under a key of the directory until it is replaced; an empty value
    /// deletes the key. Address bans are stored this way.
    Note {
        /// The text that the nodes read.
        text: Box<str>,
        /// Key and value.
        kept: Option<(Box<str>, Box<str>)>,
    },
}

impl Command {
    /// Bytes that it takes up in the queue.
    pub(crate) fn weight(&self) -> usize {
        const RECORD: usize = 128;
        let texts = match self {
            Command::Commit(commit) => {
                let effects = commit.effects.iter().map(|effect| match effect {
                    Effect::Said(text)
                    | Effect::Edited(_, text)
                    | Effect::Core(text)
                    | Effect::Member { text, .. }
                    | Effect::Kept(_, text) => text.len(),
                    Effect::Erased(_) | Effect::Left(_) | Effect::Closed | Effect::By(_) | Effect::Rebuilt { .. } => 0,
                });
                commit.text.len() + effects.sum::<usize>()
            }
            Command::Claim(claim) => claim.details.len(),
            Command::Release { .. } => 0,
            Command::Note { text, kept } => text.len() + kept.as_ref().map_or(0, |(_, value)| value.len()),
        };
        RECORD + texts
    }
}
