//! The end of a connection: the goodbye, and a lingering close, which loses none of the last bytes.
//!
//! *Owns* how long the last bytes may take, and how long to keep reading after them. *Knows nothing of* what the peer is
//! told.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

#[cfg(feature = "web")]
use std::io::Write as _;
use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use super::{CausedBy, DisconnectReason, Outbox, OutboxState};
use crate::ui::screen::LineKind;

/// How long the last bytes may take to leave, unless the server stops first.
const DRAIN: Duration = Duration::from_secs(5);

/// How long to read on after the last byte. A close with unread input is a reset, which destroys what the peer has not
/// read yet.
const LINGER: Duration = Duration::from_secs(1);

impl Outbox {
    /// Says goodbye: removes the prompt, writes the line, restores the terminal and sends it all. Does nothing for a client that
    /// was dropped, since it has been told.
    pub(crate) fn farewell(&self, line: Option<(LineKind, &str)>) {
        self.say_goodbye(line, None);
    }

    /// The same for a client that should reconnect to another server. A program gets the code that gives the user's name
    /// back.
    #[cfg(feature = "cluster")]
    pub(crate) fn send_elsewhere(&self, line: &str, code: Option<&str>) {
        self.say_goodbye(Some((LineKind::News, line)), code);
    }

    #[cfg_attr(not(feature = "json"), expect(unused_variables, reason = "only programs are told a code"))]
    fn say_goodbye(&self, line: Option<(LineKind, &str)>, code: Option<&str>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.disconnect.is_some() || state.codec.awaits_request() {
            return;
        }
        if let Some((LineKind::Refusal, line)) = line {
            state.codec.explain(line);
        }
        state.forget_view();
        #[cfg(feature = "json")]
        if state.watching.is_program() {
            state.write_bye(line, code);
            return self.transmit_unsent(state, CausedBy::Client);
        }
        let OutboxState { display, unsent, .. } = state;
        display.wipe_prompt(unsent);
        if let Some((kind, line)) = line {
            display.write(kind, line, unsent);
        }
        display.restore(unsent);
        self.transmit_unsent(state, CausedBy::Client);
    }

    /// Closes the socket of a connection that is over: another thread's delivery may still hold a reference to the
    /// outbox. A connection that carried a file has been closed already, with a reset if the file is incomplete.
    pub(crate) fn shut(&self, ended: &DisconnectReason) {
        if !matches!(ended, DisconnectReason::Transfer(_)) {
            // The peer may have closed it.
            let _ = self.stream.shutdown(std::net::Shutdown::Both);
        }
        self.disconnect(DisconnectReason::Quit);
    }

    /// Waits until the backlog has drained, shuts down the writing side, and reads until the peer has done the same.
    pub(crate) fn lingering_close(&self, reason: &DisconnectReason) {
        let began = Instant::now();
        self.wait_drained(Some(began + DRAIN));
        #[cfg(feature = "web")]
        self.send_parting(began + DRAIN);
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
                Ok(count) if count > 0 => self.note_received(count),
                // Stopping and continuing the process must not turn the goodbye into a reset.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Sends what a slow reader is still owed: the rest of a message that was begun, and why it was dropped. By now the connection is
    /// over, so this thread may wait for its own client.
    #[cfg(feature = "web")]
    #[inline(never)]
    fn send_parting(&self, deadline: Instant) {
        let parting = self.lock().codec.take_parting();
        let mut rest = parting.as_slice();
        while !rest.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stream().set_write_timeout(Some(left)).is_err() {
                return;
            }
            let mut stream = self.stream();
            match stream.write(rest) {
                Ok(taken) => {
                    self.slow_readers.traffic.sent.add(taken as u64);
                    rest = &rest[taken..];
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}
