//! Stopping the server by its exit code.
//!
//! *Owns* how many wrong codes end a connection, and what the user reads.
//! *Knows nothing of* how the server stops.

use std::sync::Arc;
use std::time::Instant;

use super::Session;
use crate::access::attempts::{Attempt, AttemptError};
use crate::chat::action::Denied;
use crate::hub::ServerRequest;
use crate::hub::worker_pool::BusyError;
use crate::outbox::DisconnectReason;
use crate::text::seconds;
use crate::ui::palette::Line;
use crate::ui::screen::LineKind;

/// Wrong exit codes on one connection before it is closed.
const MOST_WRONG_CODES: u8 = 3;

impl Session {
    /// `all`: with all servers of the cluster.
    pub(super) fn shut_down(&mut self, code: &str, all: bool) {
        let now = self.now();
        let hub = Arc::clone(&self.hub);
        let Some(expected) = hub.shutdown_code() else {
            return self.refuse_code("This server has no exit code.", now);
        };
        let attempt = Attempt::new(self.attempter(), self.ip(), ());
        let pending = match hub.limits.shutdown_codes.begin(attempt, now) {
            Ok(pending) => pending,
            Err(AttemptError::Waiting(left)) => {
                let line = format!("Too many tries at the exit code: try again in {}.", seconds(left));
                return self.refuse_code(&line, now);
            }
            Err(AttemptError::Undecided) => return self.refuse_code(&BusyError.to_string(), now),
        };
        let client = self.outbox.id();
        if expected.matches(code) {
            log::warn!("client {client} from {} stops the server by its exit code", self.peer);
            // Answered before the stop is requested: it may overtake anything written later.
            let what = if all && hub.is_shared() { "all servers are stopping" } else { "the server is stopping" };
            self.outbox.tell(LineKind::News, &format!("That is the code: {what}."));
            self.outbox.settle();
            pending.right();
            if !all {
                return hub.request(ServerRequest::Stop);
            }
            if let Err(why) = hub.stop_all(&self.outbox) {
                self.deny(&Denied::NotDone(why));
            }
            return;
        }
        pending.wrong(now);
        log::warn!("client {client} from {}: wrong exit code", self.peer);
        self.refuse("That is not the exit code.");
        self.wrong_codes += 1;
        if self.wrong_codes >= MOST_WRONG_CODES {
            self.disconnect = Some(DisconnectReason::WrongCodes);
        }
    }

    /// Says that a code was not even compared. A right code is never delayed by a rate, but this answer costs as much
    /// as a reading command.
    fn refuse_code(&mut self, line: &str, now: Instant) {
        match self.pacing.pay_reading(now) {
            Ok(()) => self.refuse(line),
            Err(wait) => self.refuse_line(&Line::empty(), wait),
        }
    }
}
