//! What the cluster calls back: this node's copy of everything that the nodes share.
//!
//! *Owns* the calls, and what each promises.
//! *Knows nothing of* who answers them.

use std::time::Duration;

use super::command::{Claim, Commit};
use super::entry::{Entry, LogState, Loss};
use super::values::{Log, NodeName};
use crate::chat::message::ClientId;
use crate::chat::names::RoomName;

/// How the cluster is, for the sentences on screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Redis answers.
    Well,
    /// Redis has not answered for longer than `timeout_ms`: lines wait.
    Slow,
    /// Redis is out of reach, or this node's lease may be over: nothing that others would see is accepted.
    Down,
}

/// The node is with the others again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Back {
    /// For how long it was not: since its last heartbeat.
    pub after: Duration,
    /// The others had taken this node for dead: its users have left everywhere, and came back just now.
    pub was_out: bool,
}

/// What is to be claimed again after a failure before anything is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Names of this node's users.
    pub names: Vec<Claim>,
    /// Rooms that Redis may have lost, each as the commit that puts it back as it is here: see
    /// [`Effect::Rebuilt`](super::Effect::Rebuilt).
    pub rooms: Vec<Commit>,
}

/// Users who were members of rooms before a failure and are not any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returning {
    /// Each as the commit that makes the user a member of the room as it is by now.
    pub memberships: Vec<(ClientId, RoomName, Commit)>,
    /// How many may not come in again, and have been told.
    pub put_out: usize,
}

/// This node's copy. Calls come one at a time, from either thread of the cluster. None may wait for a ticket, for a socket or for
/// a disk.
pub trait Replica: Send + Sync {
    /// Applies an entry. Entries of one log come in its order, each once.
    fn apply(&self, entry: Entry);

    /// Everything that has come together was applied, and outcomes follow: what it led to can be shown.
    fn applied_all(&self) {}

    /// This node's copy is too old for the entries of a log: this is the state now, and entries that come later follow it. What
    /// users have not seen of it is to be shown to them.
    fn reload(&self, log: Log, state: LogState);

    /// Users have to know of this.
    fn lost(&self, loss: Loss);

    /// What has to be claimed again. Called before anything else is sent after a failure. `lost`: the logs of which Redis has
    /// lost what came after that entry; rooms that were changed since may be lost.
    fn holdings(&self, lost: &[(Log, u64)]) -> Holdings;

    /// This node's users who are to be members again. Called once everything is loaded; what is not granted comes back in the
    /// call below.
    fn returning(&self) -> Returning;

    /// Another user has this user's name by now: the user needs another one.
    fn name_taken(&self, client: ClientId);

    /// A user of this node is no longer a member: the room is full, or is being changed too often.
    fn membership_refused(&self, client: ClientId, room: &RoomName);

    /// The cluster is in another condition.
    fn health(&self, health: Health);

    /// This node's lease is over by its own clock: the others take it for dead, or cannot be reached either. Once until it is
    /// back.
    fn away(&self);

    /// This node is with the others again; everything missed has been applied or reloaded.
    fn back(&self, back: Back);

    /// These nodes live.
    fn nodes(&self, nodes: &[NodeName]);
}
