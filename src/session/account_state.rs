//! What a session knows of its account: the login of this turn, a takeover that the user has to decide on, and the
//! rooms on record.
//!
//! *Owns* the rule that each of these is acted on once. *Knows nothing of* passwords, or of where any of it is stored.

use super::unread::ReadPositions;
use crate::chat::conversation::Conversation;
use crate::chat::message::AccountId;
#[cfg(feature = "cluster")]
use crate::chat::message::ClientId;
use crate::store::AccountRecord;

/// The account of one session. The records are boxed because they are large and most sessions have none.
#[derive(Default)]
pub(super) struct AccountState {
    /// Logged in to in this turn; what belongs to it is restored at the turn's end.
    pub(super) arrived: Option<Box<AccountRecord>>,
    /// Its password was right, but another connection has its name: the user has to decide whether to take over.
    offered: Option<Box<AccountRecord>>,
    taken: Option<Box<TakenOver>>,
    /// See [`take_back`](AccountState::take_back).
    #[cfg(feature = "cluster")]
    back: Option<ClientId>,
    recorded: Option<Box<RecordedRooms>>,
    pub(super) read: ReadPositions,
}

/// Where the other connection was that this one has taken over from in this turn.
pub(super) struct TakenOver {
    pub(super) open: Vec<Conversation>,
    pub(super) in_view: bool,
}

/// The rooms that an account is on record to be in, by instance.
struct RecordedRooms {
    account: AccountId,
    rooms: Vec<u64>,
}

impl AccountState {
    /// Notes the account that the user is asked about. An earlier question is forgotten.
    pub(super) fn offer_takeover(&mut self, account: Box<AccountRecord>) {
        self.offered = Some(account);
    }

    /// Takes the account that the user was asked about, whether it is taken over or not.
    pub(super) fn take_offered(&mut self) -> Option<Box<AccountRecord>> {
        self.offered.take()
    }

    pub(super) fn note_taken_over(&mut self, open: Vec<Conversation>, in_view: bool) {
        self.taken = Some(Box::new(TakenOver { open, in_view }));
    }

    /// The same for a connection to a server that has stopped.
    #[cfg(feature = "cluster")]
    pub(super) fn note_back(&mut self, before: ClientId, open: Vec<Conversation>, in_view: bool) {
        self.note_taken_over(open, in_view);
        self.back = Some(before);
    }

    /// The connection to a server that has stopped, whose user has come back in this turn.
    #[cfg(feature = "cluster")]
    pub(super) fn take_back(&mut self) -> Option<ClientId> {
        self.back.take()
    }

    /// Whether there is something to restore in this turn.
    pub(super) fn has_arrived(&self) -> bool {
        #[cfg(feature = "cluster")]
        if self.back.is_some() {
            return true;
        }
        self.arrived.is_some()
    }

    pub(super) fn take_taken_over(&mut self) -> Option<Box<TakenOver>> {
        self.taken.take()
    }

    /// Starts recording the rooms of this session for an account.
    pub(super) fn record_rooms_of(&mut self, account: AccountId) {
        self.recorded = Some(Box::new(RecordedRooms { account, rooms: Vec::new() }));
    }

    /// Stops recording them for an account.
    pub(super) fn stop_recording_rooms(&mut self) {
        self.recorded = None;
    }

    /// The account whose rooms these are.
    pub(super) fn rooms_account(&self) -> Option<AccountId> {
        self.recorded.as_ref().map(|recorded| recorded.account)
    }

    /// Whether the rooms on record differ from the ones open now.
    pub(super) fn rooms_differ(&self, open: impl Iterator<Item = u64>) -> bool {
        self.recorded.as_ref().is_some_and(|recorded| !open.eq(recorded.rooms.iter().copied()))
    }

    /// These rooms have been recorded.
    pub(super) fn set_recorded(&mut self, rooms: Vec<u64>) {
        if let Some(recorded) = &mut self.recorded {
            recorded.rooms = rooms;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_recorded_when_they_change_and_only_for_an_account() {
        let mut state = AccountState::default();
        assert!(!state.rooms_differ([1].into_iter()) && state.rooms_account().is_none());
        state.set_recorded(vec![1]);
        assert!(!state.rooms_differ([2].into_iter()), "a guest's rooms are not recorded");
        state.record_rooms_of(AccountId(7));
        assert!(!state.rooms_differ([].into_iter()));
        assert!(state.rooms_differ([1, 2].into_iter()));
        state.set_recorded(vec![1, 2]);
        assert!(!state.rooms_differ([1, 2].into_iter()));
        assert!(state.rooms_differ([2, 1].into_iter()), "their order is the order of `:close`");
        state.record_rooms_of(AccountId(8));
        assert!(state.rooms_differ([1, 2].into_iter()), "the next account's are recorded in any case");
        state.stop_recording_rooms();
        assert!(!state.rooms_differ([3].into_iter()));
    }

    #[test]
    fn a_takeover_is_handled_once() {
        let mut state = AccountState::default();
        state.note_taken_over(Vec::new(), true);
        assert!(state.take_taken_over().is_some_and(|taken| taken.in_view));
        assert!(state.take_taken_over().is_none() && state.take_offered().is_none());
    }
}
