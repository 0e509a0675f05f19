//! `:ghost` for names that may not belong to an account.
//!
//! *Owns* what users are told about a guest's connection, which no password can end. *Knows nothing of* how an account's
//! connection is ended.

use super::Session;
use crate::chat::account_policy::AccountPolicy;
use crate::chat::identity::Target;
use crate::chat::names::UserName;
use crate::ui::palette::{AccountRefusal, Answer};

impl Session {
    /// `:ghost` at the name prompt.
    #[inline(never)]
    pub(super) fn begin_ghost(&mut self, name: UserName) -> Option<Answer> {
        let refusal = match self.ghost_of_guest(&name) {
            Some(refusal) => refusal,
            None if !self.hub.accounts().are_enabled() => AccountRefusal::NoAccounts,
            None => return Some(Answer::GhostNeedsPassword { name }),
        };
        self.refuse(&refusal);
        None
    }

    /// Why a guest's connection cannot be ended by a password. `None` if the name is not a guest's, or if only its owner
    /// may know that it is an account.
    pub(super) fn ghost_of_guest(&self, name: &UserName) -> Option<AccountRefusal> {
        if self.hub.accounts() == AccountPolicy::Required || self.hub.is_registered(name) {
            return None;
        }
        let guest = self.hub.roster.find(&Target { name: name.clone(), client: None })?;
        if guest.account().is_some() {
            return None;
        }
        let name = guest.name();
        Some(match guest.client() == self.outbox.id() {
            true => AccountRefusal::OwnConnection(name),
            false => AccountRefusal::Guest(name),
        })
    }
}
