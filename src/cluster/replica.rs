//! The cluster's callbacks. Their implementor holds this node's copy of all shared state.
//!
//! *Owns* the calls, and what each one promises.
//! *Knows nothing of* who implements them.

use std::time::Duration;

use super::command::{Claim, Commit};
use super::entry::{Entry, LogState, Loss};
use super::values::{Log, NodeName};
use crate::chat::message::ClientId;
use crate::chat::names::RoomName;

/// The state of the cluster, for messages on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Redis answers.
    Well,
    /// Redis has not answered for longer than `timeout_ms`: lines wait.
    Slow,
    /// Redis is unreachable, or this node's lease may be over: actions that others would see are refused.
    Down,
}

/// This node's lease holds again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Back {
    /// How long it was out, since its last heartbeat.
    pub after: Duration,
    /// The others considered this node dead: its users had left everywhere, and have just returned.
    pub was_out: bool,
}

/// What to claim again after a failure, before anything is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Names of this node's users.
    pub names: Vec<Claim>,
    /// Rooms that Redis may have lost. Each is a commit that restores the room from this node's copy: see
    /// [`Effect::Rebuilt`](super::Effect::Rebuilt).
    pub rooms: Vec<Commit>,
}

/// Users who were members of rooms before a failure and no longer are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returning {
    /// One commit per membership, decided on the room as it is now.
    pub memberships: Vec<(ClientId, RoomName, Commit)>,
    /// How many users may not return to a room. They have been told.
    pub put_out: usize,
}

/// This node's copy of the shared state. Either thread of the cluster may call it, but only one call runs at a time. No
/// call may wait for a ticket, a socket or a disk.
pub trait Replica: Send + Sync {
    /// Applies an entry. Entries of one log arrive in order, each once.
    fn apply(&self, entry: Entry);

    /// A batch of entries has been applied and outcomes follow, so the results can be shown.
    fn applied_all(&self) {}

    /// This node's copy of a log is too old to apply entries. Replaces it with `state`; later entries follow that. Shows
    /// users what they have not seen yet.
    fn reload(&self, log: Log, state: LogState);

    /// Tells users about lost messages.
    fn lost(&self, loss: Loss);

    /// What must be claimed again. Called after a failure, before anything else is sent. `lost` lists the logs whose
    /// entries after this number are gone; rooms changed since then may be lost.
    fn holdings(&self, lost: &[(Log, u64)]) -> Holdings;

    /// This node's users who should be members again. Called once everything is loaded. Refused ones are reported through
    /// [`membership_refused`](Replica::membership_refused).
    fn returning(&self) -> Returning;

    /// Another user now has this user's name, so this user needs a new one.
    fn name_taken(&self, client: ClientId);

    /// A user of this node is no longer a member: the room is full, or changes too often.
    fn membership_refused(&self, client: ClientId, room: &RoomName);

    /// The state of the cluster has changed.
    fn health(&self, health: Health);

    /// This node's lease is over by its own clock: the others consider it dead, or are unreachable too. Called once per
    /// outage.
    fn away(&self);

    /// This node's lease holds again, and everything missed has been applied or reloaded.
    fn back(&self, back: Back);

    /// The list of living nodes has changed.
    fn nodes(&self, nodes: &[NodeName]);
}
