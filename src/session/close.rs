//! The end of a session: rooms are left, the name is released, and the last line is written.
//!
//! *Owns* the order of these, and who may come back to their rooms.
//! *Knows nothing of* why the connection ended, beyond the words for it.

use super::Session;
use super::joined_rooms::JoinedRoom;
use crate::chat::room::Going;
use crate::outbox::DisconnectReason;
use crate::ui::screen::LineKind;

impl Session {
    pub(crate) fn leave(&mut self, reason: &DisconnectReason) {
        self.say_unsaid();
        self.counts.settle(&self.hub.metrics);
        self.pacing.clear();
        self.rooms.deliver();
        self.leave_account();
        let going = going(reason);
        #[cfg(feature = "cluster")]
        if going == Going::Lost && self.hub.shutdown.is_draining() {
            self.leave_places_behind();
        }
        for JoinedRoom { membership, .. } in self.rooms.take_all() {
            self.let_go(membership, going);
        }
        self.rooms.deliver();
        if let Some(user) = self.user.take() {
            self.hub.release_name(&user);
            self.hub.directs.forget(&user);
            self.hub.end_offers_of(user.client());
        }
        let last_line = last_line(reason);
        // A peer that speaks another protocol has had its answer, and could read neither a line nor an object after it.
        if !matches!(reason, DisconnectReason::OtherProtocol(_)) {
            self.outbox.farewell(last_line.as_ref().map(|(kind, line)| (*kind, line.as_str())));
        }
        self.outbox.lingering_close(reason);
    }
}

/// What the end of the connection means to rooms. Users who did not ask for it may come back to their rooms.
fn going(reason: &DisconnectReason) -> Going {
    match reason {
        DisconnectReason::Quit
        | DisconnectReason::WrongCodes
        | DisconnectReason::AddressBanned
        | DisconnectReason::AccountRemoved => Going::Asked,
        DisconnectReason::Idle => Going::Idle,
        DisconnectReason::PeerClosed
        | DisconnectReason::Reset(_)
        | DisconnectReason::LoginTimeout
        | DisconnectReason::TooSlow(_)
        | DisconnectReason::Stalled(_)
        | DisconnectReason::MemoryShort(_)
        | DisconnectReason::LongLines
        | DisconnectReason::NoRequests
        | DisconnectReason::Ghosted
        | DisconnectReason::PasswordChanged
        | DisconnectReason::OtherProtocol(_)
        | DisconnectReason::PlainText
        | DisconnectReason::Tls
        | DisconnectReason::WebSocket
        | DisconnectReason::Unresponsive
        | DisconnectReason::Answered(_)
        | DisconnectReason::Transfer(_)
        | DisconnectReason::ProxyHeader
        | DisconnectReason::Refused
        | DisconnectReason::HandshakeTimeout
        | DisconnectReason::RequestTimeout
        | DisconnectReason::Stopping
        | DisconnectReason::Panicked => Going::Lost,
    }
}

/// The last line on the screen, unless the user was told why already or nobody is there to read it.
fn last_line(reason: &DisconnectReason) -> Option<(LineKind, String)> {
    match reason {
        DisconnectReason::Quit | DisconnectReason::PeerClosed => Some((LineKind::News, "Goodbye.".to_owned())),
        DisconnectReason::LoginTimeout
        | DisconnectReason::Idle
        | DisconnectReason::LongLines
        | DisconnectReason::NoRequests
        | DisconnectReason::WrongCodes
        | DisconnectReason::Panicked => Some((LineKind::Refusal, format!("{reason}."))),
        DisconnectReason::Reset(_)
        | DisconnectReason::TooSlow(_)
        | DisconnectReason::Stalled(_)
        | DisconnectReason::MemoryShort(_)
        | DisconnectReason::Ghosted
        | DisconnectReason::AccountRemoved
        | DisconnectReason::PasswordChanged
        | DisconnectReason::AddressBanned
        | DisconnectReason::OtherProtocol(_)
        | DisconnectReason::PlainText
        | DisconnectReason::Tls
        | DisconnectReason::WebSocket
        | DisconnectReason::Unresponsive
        | DisconnectReason::Answered(_)
        | DisconnectReason::Transfer(_)
        | DisconnectReason::ProxyHeader
        | DisconnectReason::Refused
        | DisconnectReason::HandshakeTimeout
        | DisconnectReason::RequestTimeout
        | DisconnectReason::Stopping => None,
    }
}
