//! What one user posts in one turn: decided together, written as one log entry, and applied together.
//!
//! *Owns* the path of several messages into the log and into the room.
//! *Knows nothing of* how they were typed.
//!
//! What is `#[inline(never)]` here is for clusters only, and stays out of the stack frames of every join and post.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use jiff::Timestamp;

use super::{DECIDED_AGAIN, LogPlace, PlaceEntry, ProposalError};
use crate::chat::action::{Actor, Denied, NotShared};
use crate::chat::message::{Draft, MessageId};
use crate::chat::room::{Change, ChangeKind, Wish, message_line};
use crate::cluster::{Commit, Effect, Place};
use crate::hub::room::{LockedRoom, Room};

/// Most messages per log entry. `functions.lua` relies on this: a log with fewer numbers left gets new ones.
const MOST_TOGETHER: usize = 128;

/// An entry with this much text takes no further message, because entries are read whole.
const MOST_BYTES: usize = 32 * 1024;

impl LockedRoom {
    /// Builds the commit for messages that were decided on this room.
    fn commit_said(&self, room: &Room, mut changes: Vec<Change>) -> Commit {
        let line = |change: &Change| {
            let ChangeKind::Said(message) = &change.kind else { return None };
            Some(Effect::Said(message_line(message).into()))
        };
        let effects = changes.iter().filter_map(line).collect();
        let entry = match changes.pop() {
            Some(change) if changes.is_empty() => PlaceEntry::Change(Box::new(change)),
            last => PlaceEntry::Said(changes.into_iter().chain(last).collect()),
        };
        Commit {
            place: Place::Room(room.name.clone()),
            version: Some(self.log_version()),
            effects,
            history_max: self.room.history_max(),
            text: entry.text().into(),
        }
    }
}

impl Room {
    /// Whether several messages of a user can be decided together. In a slow room each depends on the one before.
    pub(crate) fn takes_posts_together(&self) -> bool {
        self.log().is_some() && self.lock().room.slow().is_zero()
    }

    /// Posts a user's messages in order. Returns the number of each, or why it was not posted.
    #[inline(never)]
    pub(crate) fn post_together(
        self: &Arc<Self>,
        actor: &Actor,
        drafts: &[(Draft, Timestamp)],
        now: Instant,
    ) -> Vec<Result<MessageId, Denied>> {
        let Some(log) = self.log() else { return Vec::new() };
        let mut said: Vec<Result<MessageId, Denied>> = Vec::with_capacity(drafts.len());
        let mut attempts = 0;
        while let Some((next, _)) = drafts.get(said.len()) {
            let state = self.wait_for_space(next.text.len());
            let Some(state) = self.wait_for_return(state, actor.who.client) else {
                said.push(Err(Denied::NotSaid(NotShared::Unreachable)));
                continue;
            };
            let (mut changes, mut bytes) = (Vec::new(), 0);
            let most = if state.room.slow().is_zero() { MOST_TOGETHER } else { 1 };
            for (draft, said_at) in drafts.iter().skip(said.len()).take(most) {
                let wish = Wish::Post { draft: draft.clone(), said_at: *said_at };
                match state.room.decide(actor, wish, self.now(now)) {
                    Ok(change) if bytes < MOST_BYTES => changes.push(change),
                    Err(denied) if changes.is_empty() => said.push(Err(denied)),
                    // The ones before it were posted.
                    Ok(_) | Err(_) => break,
                }
                bytes += draft.text.len();
            }
            if changes.is_empty() {
                continue;
            }
            let count = changes.len();
            let commit = state.commit_said(self, changes);
            let outbox = state.seats.get(&actor.who.client).map(|seat| Arc::clone(&seat.outbox));
            drop(state);
            let outcome = match log.commit(commit, outbox.as_ref()) {
                Ok(applied) => Ok(applied.id.unwrap_or(MessageId(0))),
                Err(ProposalError::Stale) if attempts < DECIDED_AGAIN => {
                    attempts += 1;
                    continue;
                }
                Err(ProposalError::Stale | ProposalError::Full) => Err(NotShared::TryAgain),
                Err(ProposalError::NotShared(why)) => Err(why),
            };
            attempts = 0;
            let each = |index| match &outcome {
                Ok(first) => Ok(MessageId(first.0 + index)),
                Err(why) => Err(Denied::NotSaid(*why)),
            };
            said.extend((0..count as u64).map(each));
        }
        said
    }

    /// Applies messages that arrived in one log entry. False if the room already includes them.
    pub(crate) fn apply_said(self: &Arc<Self>, changes: Vec<Change>, place: LogPlace) -> bool {
        let limit = self.shared.queue_bytes.load(Ordering::Relaxed);
        let mut state = self.lock();
        if place.sequence <= state.sharing.sequence {
            return false;
        }
        (state.sharing.version, state.sharing.sequence) = (place.version, place.sequence);
        for change in changes {
            self.carry_out_post(&mut state, change);
        }
        let is_full = state.queue_bytes > limit;
        drop(state);
        if is_full {
            self.deliver_from_log();
        }
        true
    }
}
