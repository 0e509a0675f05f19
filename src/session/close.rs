//! The end of a connection: rooms left, name given back, last words, and a close that loses none of them.
//!
//! *Owns* the order of the end.
//! *Knows nothing of* why it came, beyond the words for it.
//! *Called by* `session`, and by `server` for a connection that never became one.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use super::Session;
use super::rooms::JoinedRoom;
use crate::hub::room::Going;
use crate::outbox::{DisconnectReason, Outbox};
use crate::ui::screen::LineKind;

/// How long the last bytes may take to leave, unless the server stops first.
const DRAIN: Duration = Duration::from_secs(5);

/// How long to read on after the last byte. A close with unread input is a reset, which destroys what the peer has not
/// read yet.
const LINGER: Duration = Duration::from_secs(1);

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
        close_socket(&self.outbox);
    }
}

/// Lets the backlog drain, says that nothing more comes, and reads until the peer has done the same.
pub(crate) fn close_socket(outbox: &Outbox) {
    let began = Instant::now();
    outbox.wait_drained(Some(began + DRAIN));
    if outbox.close_writing().is_err() {
        return;
    }
    let stream = outbox.stream();
    let deadline = Instant::now() + LINGER;
    let mut rest = [0; 512];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return;
        }
        let mut reader = stream;
        match reader.read(&mut rest) {
            Ok(count) if count > 0 => {}
            // Whoever stops and continues the process must not make a reset of the goodbye.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}
