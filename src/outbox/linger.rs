//! The end of a socket: a lingering close, which loses none of the last bytes.
//!
//! *Owns* how long the last bytes may take, and how long the peer's are read after them.
//! *Knows nothing of* what the peer is told.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use super::{DisconnectReason, Outbox};

/// How long the last bytes may take to leave, unless the server stops first.
const DRAIN: Duration = Duration::from_secs(5);

/// How long to read on after the last byte. A close with unread input is a reset, which destroys what the peer has not
/// read yet.
const LINGER: Duration = Duration::from_secs(1);

impl Outbox {
    /// Waits until the backlog has drained, shuts down the writing side, and reads until the peer has done the same.
    pub(crate) fn lingering_close(&self, reason: &DisconnectReason) {
        let began = Instant::now();
        self.wait_drained(Some(began + DRAIN));
        if self.close_writing(reason).is_err() {
            return;
        }
        let stream = self.stream();
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
                // Stopping and continuing the process must not turn the goodbye into a reset.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return,
            }
        }
    }
}
