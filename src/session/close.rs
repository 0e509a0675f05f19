//! The end of a connection: rooms left, name given back, last words, and a close that loses none of them.
//!
//! *Owns* the order of the end.
//! *Knows nothing of* why it came, beyond the words for it.

use super::Session;
use super::rooms::JoinedRoom;
use crate::hub::room::Going;
use crate::outbox::DisconnectReason;
use crate::ui::screen::LineKind;

impl Session {
    pub(crate) fn leave(&mut self, ended: &DisconnectReason) {
        self.pending.clear();
        self.deliver();
        self.leave_account();
        self.viewed = None;
        // Whoever has not asked for his end may come back to what was his.
        let going = match ended {
            DisconnectReason::Quit
            | DisconnectReason::WrongCodes
            | DisconnectReason::AddressBanned
            | DisconnectReason::AccountRemoved => Going::Asked,
            DisconnectReason::Idle => Going::Idle,
            _ => Going::Lost,
        };
        for JoinedRoom { membership, .. } in std::mem::take(&mut self.memberships) {
            self.let_go(membership, going);
        }
        self.deliver();
        if let Some(person) = self.person.take() {
            self.hub.roster.release(&person);
            self.hub.directs.forget(&person);
        }
        let told = match ended {
            DisconnectReason::Quit | DisconnectReason::PeerClosed => Some((LineKind::News, "Goodbye.".to_owned())),
            DisconnectReason::LoginTimeout
            | DisconnectReason::Idle
            | DisconnectReason::LongLines
            | DisconnectReason::WrongCodes
            | DisconnectReason::Panicked => Some((LineKind::Refusal, format!("{ended}."))),
            // Told already, or nobody there to tell.
            _ => None,
        };
        self.outbox.farewell(told.as_ref().map(|(tone, line)| (*tone, line.as_str())));
        self.outbox.lingering_close();
    }
}
