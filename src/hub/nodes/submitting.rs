//! How this server submits changes to the shared logs and waits for them to come back.
//!
//! *Owns* how long a caller waits, what users are told meanwhile, and what is retried later.
//! *Knows nothing of* what is submitted, or of what it does when it is read back.

use std::sync::Arc;
use std::time::Instant;

use super::unknown::{AskedBy, UnknownLine};
use super::{Nodes, Unfinished};
use crate::chat::action::NotShared;
use crate::chat::conversation::MembershipId;
use crate::chat::message::{ClientId, MessageId};
use crate::chat::names::UserName;
use crate::chat::room::Going;
use crate::cluster::{Command, Commit, Effect, Log, Outcome, Position, SharedClock, Ticket};
use crate::hub::room::{Applied, MembershipChange, ProposalError, Room, RoomLog};
use crate::outbox::Outbox;
use crate::ui::screen::LineKind;

/// The cluster gives up after ten times as long as it takes until a user is told that their line waits.
const GIVEN_UP_AFTER: u32 = 10;

impl Nodes {
    /// Sends a command.
    pub(super) fn submit(&self, command: Command) -> Ticket {
        match self.cluster.get() {
            Some(cluster) => cluster.submit(command),
            None => Ticket::done(Outcome::Refused),
        }
    }

    /// Waits until this server has applied what it submitted, which posts so many messages. If that takes long, tells
    /// `author`, and calls `on_delay` first.
    pub(super) fn wait(
        &self,
        ticket: &Ticket,
        said: u64,
        author: Option<&Arc<Outbox>>,
        on_delay: impl FnOnce(),
    ) -> Result<(Position, Option<MessageId>), ProposalError> {
        let begun = Instant::now();
        let mut outcome = ticket.wait(begun + self.patience);
        if outcome.is_none() {
            on_delay();
            if let Some(author) = author {
                author.announce(LineKind::Refusal, "The other servers do not answer. Your line waits.");
            }
            outcome = ticket.wait(begun + self.patience * GIVEN_UP_AFTER);
        }
        match outcome {
            Some(Outcome::Applied { position, id }) => Ok((position, id.map(MessageId))),
            Some(Outcome::Stale) => Err(ProposalError::Stale),
            Some(Outcome::Full) => Err(ProposalError::Full),
            Some(Outcome::NotSaid | Outcome::Refused | Outcome::Taken) => {
                Err(ProposalError::NotShared(NotShared::Unreachable))
            }
            None => {
                if let Some(author) = author {
                    self.tell_later(ticket, said, author);
                }
                Err(ProposalError::NotShared(NotShared::Unknown))
            }
        }
    }

    /// Remembers lines whose outcome is not known: their author reads it later.
    fn tell_later(&self, ticket: &Ticket, said: u64, author: &Arc<Outbox>) {
        let line = |said| UnknownLine {
            ticket: ticket.clone(),
            author: Arc::downgrade(author),
            asked_by: AskedBy::of(author),
            said,
        };
        let lines = (0..said.max(1)).map(|index| line((said > 0).then_some(index)));
        self.pending().unknown.extend(lines);
    }

    /// What was done is to last: if it may not, because too few replicas of Redis have it, its author reads so, before or after
    /// they read what was done.
    pub(super) fn confirm(&self, log: Log, author: Option<&Arc<Outbox>>) {
        let Some((cluster, author)) = self.node().zip(author) else { return };
        if !cluster.is_replicated(log) {
            let line = "There are too few copies of what you did just now: it is lost if Redis fails.";
            author.announce(LineKind::Refusal, line);
        }
    }

    /// Takes a user out of a room.
    pub(crate) fn leave_room(
        &self,
        room: &Arc<Room>,
        client: ClientId,
        membership: MembershipId,
        going: Going,
        now: Instant,
    ) -> Option<MembershipChange> {
        match room.propose_departure(self, client, membership, going, now) {
            Ok(change) => change,
            Err(_) => {
                let room = Arc::clone(room);
                self.pending().unfinished.push(Unfinished::Departure { room, client, membership, going });
                None
            }
        }
    }

    /// Retries what could not be shared.
    pub(super) fn finish(&self, now: Instant) {
        let unfinished = std::mem::take(&mut self.pending().unfinished);
        for step in unfinished {
            let failed = match &step {
                Unfinished::Departure { room, client, membership, going } => {
                    room.propose_departure(self, *client, *membership, *going, now).is_err()
                }
                Unfinished::Release { name, client, address } => !self.release(name, *client, address),
            };
            if failed {
                self.pending().unfinished.push(step);
            }
        }
    }

    /// Tells the others that a name is free again. False if that could not be submitted.
    pub(super) fn release(&self, name: &UserName, client: ClientId, address: &str) -> bool {
        let ticket = self.submit(Command::Release { name: name.as_str().into(), client, address: address.into() });
        ticket.outcome() != Some(Outcome::Refused)
    }
}

/// Converts an error to the form that users are told.
pub(super) fn not_shared(error: &ProposalError) -> NotShared {
    match error {
        ProposalError::Stale | ProposalError::Full => NotShared::TryAgain,
        ProposalError::NotShared(why) => *why,
    }
}

impl RoomLog for Nodes {
    fn clock(&self) -> Option<&SharedClock> {
        self.cluster.get()?.clock()
    }

    fn commit(&self, commit: Commit, author: Option<&Arc<Outbox>>) -> Result<Applied, ProposalError> {
        let Some(cluster) = self.cluster.get() else { return Err(ProposalError::NotShared(NotShared::Unreachable)) };
        let log = cluster.partitions().of_place(&commit.place);
        let said = commit.said();
        let lasts = commit.effects.iter().any(|effect| matches!(effect, Effect::Core(_) | Effect::Closed));
        let ticket = cluster.submit(Command::Commit(commit));
        let mut waits = false;
        let waited = self.wait(&ticket, said, author, || {
            waits = true;
            author.into_iter().for_each(|author| author.show_own_lines(said));
        });
        if waits && matches!(&waited, Err(error) if *error != ProposalError::NotShared(NotShared::Unknown)) {
            author.into_iter().for_each(|author| author.show_no_own_lines(said));
        }
        let (position, id) = waited?;
        if lasts {
            self.confirm(log, author);
        }
        let mut applied = self.pending().outcomes.remove(&(log, position)).unwrap_or_default();
        applied.id = applied.id.or(id);
        Ok(applied)
    }
}
