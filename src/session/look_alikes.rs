//! Names that could be mistaken for others: guests cannot have them.
//!
//! *Owns* the answer to a guest whose name is not free, or looks like one that is not.
//! *Knows nothing of* which names look alike.

use super::Session;
use super::login::not_read;
use crate::chat::names::{NameError, UserName};
use crate::hub::roster::NameInUseError;
use crate::outbox::DisconnectReason;
use crate::store::{ReadError, StoreError};
use crate::ui::palette::{AccountRefusal, Answer, LoginRefusal};
use crate::ui::screen::LineKind;

/// Why no dialogue about an account begins while accounts cannot be read.
fn not_begun(ReadError(reason): ReadError) -> AccountRefusal {
    if reason == StoreError::Unreachable {
        return AccountRefusal::NotShared;
    }
    AccountRefusal::Unreadable(reason.to_string())
}

impl Session {
    /// The answer to a guest's name that could be mistaken for an account's, or for a reserved word.
    pub(super) fn look_alike(&self, name: &UserName) -> Option<Answer> {
        if name.looks_reserved() {
            return Some(Answer::NameUnfit(NameError::Reserved(name.to_string())));
        }
        match self.hub.look_alike(name, self.ip()) {
            Ok(other) => other.map(|other| Answer::NameLooksLike { name: name.clone(), other }),
            // A broken disk must not give anybody a name.
            Err(error) => Some(Answer::LoginRefused(not_read(error))),
        }
    }

    pub(super) fn not_free(&self, name: UserName, why: NameInUseError) -> Answer {
        match why {
            NameInUseError::Taken(free) => {
                Answer::NameTaken { name, free: free.filter(|free| self.is_free_to_guests(free)) }
            }
            NameInUseError::LooksLike(other) => Answer::NameLooksLike { name, other },
            NameInUseError::NotShared => Answer::LoginRefused(LoginRefusal::NotShared),
            NameInUseError::AddressFull => {
                let most = self.hub.config().limits.connections_per_ip.unwrap_or_default();
                let refusal = LoginRefusal::AddressFull(most);
                self.outbox.farewell(Some((LineKind::Refusal, &refusal.to_string())));
                self.outbox.disconnect(DisconnectReason::Refused);
                Answer::LoginRefused(refusal)
            }
        }
    }

    /// Whether a guest may have a name that is free on the roster: no account has it, or one that looks like it.
    fn is_free_to_guests(&self, name: &UserName) -> bool {
        !self.hub.is_registered(name) && self.look_alike(name).is_none()
    }

    /// Why a guest's name cannot be registered: it is registered already, or could be mistaken for a name that is.
    pub(super) fn taken_or_alike(&self, name: &UserName) -> Option<AccountRefusal> {
        match self.hub.has_account(name) {
            Ok(true) => Some(AccountRefusal::Taken(name.clone())),
            Ok(false) => self.not_for_an_account(name),
            Err(error) => Some(not_begun(error)),
        }
    }

    /// Why a guest's name cannot be registered: it could be mistaken for an account created since.
    pub(super) fn not_for_an_account(&self, name: &UserName) -> Option<AccountRefusal> {
        match self.hub.look_alike(name, self.ip()) {
            Ok(None) => None,
            Ok(Some(other)) => Some(AccountRefusal::LooksLike { name: name.clone(), other }),
            Err(error) => Some(not_begun(error)),
        }
    }
}
