//! What a node asks Redis to do: each command is carried out whole, or not at all.
//!
//! *Owns* the commands.
//! *Knows nothing of* how a command travels, of permissions, and of what the texts in it say.

use super::values::Place;
use crate::chat::message::ClientId;

/// What a change does to a place as Redis keeps it, so that a node which has missed the change can read the place. Redis does
/// as it is told; all rules are the node's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A message with this text was said. It gets the next number, and stands in the history by it.
    Said(Box<str>),
    /// A message has another text, because it was edited or quotes one that was. Nothing, if it is no longer kept.
    Edited(u64, Box<str>),
    /// A message is gone, at once.
    Erased(u64),
    /// A user is a member, or their record is another one.
    Member {
        /// Their connection.
        client: ClientId,
        /// Their record.
        text: Box<str>,
        /// For a new member: there may be only so many. The command is [`Full`](super::Outcome::Full) otherwise.
        limit: Option<usize>,
    },
    /// A member is gone.
    Left(ClientId),
    /// Everything that others' decisions depend on is this now: the place has another version.
    Core(Box<str>),
    /// The room is closed: all of it is gone.
    Closed,
    /// This user does it, who has to be a member by this registration of the node. The command is
    /// [`Stale`](super::Outcome::Stale) otherwise.
    By(ClientId),
    /// A room that Redis has lost is put back as the node knows it, behind its core. Nothing is changed, and the command is
    /// [`Stale`](super::Outcome::Stale), if there is one that was not put back, was put back from more, or was changed since.
    Rebuilt {
        /// The number of the last entry that the node had applied to it.
        from: u64,
        /// How many messages were ever said in it.
        said: u64,
        /// The number of the newest one.
        newest: u64,
    },
    /// A message of a room that is put back, with its number. The newest comes first.
    Kept(u64, Box<str>),
}

/// Something happens in one place, in one entry of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Where.
    pub place: Place,
    /// The version of the place that this was decided on; at another one the command is [`Stale`](super::Outcome::Stale).
    /// `Some(0)`: there is no such place yet. `None`: whatever it is like by then.
    pub version: Option<u64>,
    /// In the order in which they are carried out.
    pub effects: Vec<Effect>,
    /// Most messages that the history keeps.
    pub history_max: usize,
    /// What the nodes read.
    pub text: Box<str>,
}

/// A user who is online, by a name that is unique over all nodes while their node has a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The name. Compared in its folded form.
    pub name: Box<str>,
    /// Their connection.
    pub client: ClientId,
    /// The name that the connection has until now, and gives up in the same moment.
    pub before: Option<Box<str>>,
    /// The connection on any node that has the name, and gives it up in the same moment.
    pub instead_of: Option<ClientId>,
    /// What the nodes read.
    pub details: Box<str>,
    /// The address that the connection counts towards; empty: none.
    pub address: Box<str>,
    /// Most connections of that address with names, on all nodes. The command is [`Full`](super::Outcome::Full) for one more.
    pub most: Option<usize>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Something happens in one place.
    Commit(Commit),
    /// A user takes a name. [`Taken`](super::Outcome::Taken), if another user has it.
    Claim(Claim),
    /// A user gives their name up.
    Release {
        /// The name.
        name: Box<str>,
        /// Their connection; nothing happens if another one has the name.
        client: ClientId,
        /// As in the claim.
        address: Box<str>,
    },
    /// A line for all nodes. `kept`: a value that is kept under a key of the directory until it is replaced; an empty one is
    /// forgotten. So bans of addresses are kept.
    Note {
        /// What the nodes read.
        text: Box<str>,
        /// Key and value.
        kept: Option<(Box<str>, Box<str>)>,
    },
}

impl Command {
    /// Bytes that it takes while it waits.
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
