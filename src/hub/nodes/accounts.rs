//! The shared accounts, from this server's side.
//!
//! *Owns* what a change to an account on another server does here, and records for accounts that are saved without
//! waiting.
//! *Knows nothing of* passwords, or of how accounts are stored.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::background::BackgroundTask;
use super::{AccountNote, Nodes};
use crate::chat::message::{AccountId, ClientId};
use crate::chat::names::UserName;
use crate::cluster::{AccountChange, Command, Health, OpenRoomText, SharedAccounts, SharedVisit};
use crate::hub::roster::User;
use crate::hub::{Hub, THROWN_OUT};
use crate::outbox::DisconnectReason;

/// Most records waiting to be saved. Older ones are dropped: they only say how far someone has read.
const MOST_UNSAVED: usize = 10_000;

/// An account's new connection ends its old one, on whichever server that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EndNote {
    /// The connection to end, and its name.
    pub(super) ended: (u64, String),
}

impl Nodes {
    /// Sets the shared accounts.
    pub(crate) fn keep_accounts(&self, hub: &Hub, accounts: Arc<SharedAccounts>) {
        let attempts: Arc<dyn crate::access::attempts::SharedAttempts> = accounts.clone();
        hub.limits.share_attempts(&attempts);
        match accounts.names() {
            Ok(names) if names.iter().all(|(name, _)| name.is_ascii()) => {}
            Ok(_) | Err(_) => hub.has_other_names.store(true, Ordering::Relaxed),
        }
        // Set only here, at startup.
        let _ = self.accounts.set(accounts);
    }

    /// The shared accounts, if there are any.
    pub(crate) fn accounts(&self) -> Option<&Arc<SharedAccounts>> {
        self.accounts.get()
    }

    /// Whether the other servers are reachable, as far as is known.
    pub(crate) fn is_in_reach(&self) -> bool {
        self.view().health != Health::Down
    }

    /// Records how far an account has read in a room.
    pub(crate) fn share_visit(&self, account: AccountId, visit: SharedVisit) {
        self.add_background_task(BackgroundTask::Note(AccountNote::Visit(account, visit)));
    }

    /// Records the rooms that an account is in.
    pub(crate) fn share_open_rooms(&self, account: AccountId, rooms: Vec<OpenRoomText>) {
        self.add_background_task(BackgroundTask::Note(AccountNote::OpenRooms(account, rooms)));
    }

    /// Saves it now or later.
    pub(super) fn record(&self, note: AccountNote) {
        let Some(accounts) = self.accounts() else { return };
        let is_done = match &note {
            AccountNote::Visit(account, visit) => accounts.record_visit(*account, visit),
            AccountNote::OpenRooms(account, rooms) => accounts.record_open_rooms(*account, rooms),
        };
        if !is_done {
            let mut pending = self.pending();
            if pending.unsaved.len() < MOST_UNSAVED {
                pending.unsaved.push_back(note);
            }
        }
    }

    /// Retries unsaved records in order, until one fails.
    pub(super) fn record_unsaved(&self) {
        let unsaved = std::mem::take(&mut self.pending().unsaved);
        let mut unsaved = unsaved.into_iter();
        while let Some(note) = unsaved.next() {
            self.record(note);
            let mut pending = self.pending();
            if !pending.unsaved.is_empty() {
                pending.unsaved.extend(unsaved);
                return;
            }
        }
    }

    /// Ends a user's connection to another server. Their name is already free.
    pub(crate) fn end_elsewhere(&self, user: &User) {
        let note = EndNote { ended: (user.client().0, user.name().to_string()) };
        // A number and a name: this cannot fail.
        let text = serde_json::to_string(&note).unwrap_or_default().into();
        drop(self.submit(Command::Note { text, kept: None }));
    }

    /// An account was changed on some server. Consequences that may have to wait go to another thread.
    pub(super) fn account_changed(
        &self,
        hub: &Hub,
        change: AccountChange,
        account: AccountId,
        name: &str,
        by: ClientId,
    ) {
        match change {
            AccountChange::Made if !name.is_ascii() => hub.has_other_names.store(true, Ordering::Relaxed),
            AccountChange::Made | AccountChange::Settings => {}
            AccountChange::Password | AccountChange::Removed => {
                self.add_background_task(BackgroundTask::Account(change, account, by))
            }
        }
    }

    /// Ends the connections that a change affects.
    pub(super) fn review_account(
        &self,
        hub: &Hub,
        change: AccountChange,
        account: AccountId,
        by: ClientId,
        now: Instant,
    ) {
        match change {
            AccountChange::Password => hub.password_changed(account, by, now),
            AccountChange::Removed => hub.account_removed(account, by, now),
            AccountChange::Made | AccountChange::Settings => {}
        }
    }
}

/// Another server asks to end a connection. Does so if it is one of ours.
pub(super) fn apply_end(hub: &Hub, EndNote { ended: (client, name) }: &EndNote) {
    let Some(user) = hub.own_user(ClientId(*client)) else { return };
    if UserName::written(name).is_ok_and(|name| name == user.name()) {
        hub.throw_out(&user, THROWN_OUT, DisconnectReason::Ghosted);
    }
}
