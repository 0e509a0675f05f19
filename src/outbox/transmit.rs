//! Sends an outbox's bytes: directly where the socket accepts them, otherwise through the backlog. Drops clients that accept
//! too little.
//!
//! *Owns* every send, the waits for the backlog, and dropping a slow reader. *Knows nothing of* what the bytes mean.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use socket2::SockRef;

use super::backlog::NO_WAIT;
#[cfg(feature = "json")]
use super::json::bye;
use super::{CausedBy, DisconnectReason, MAX_IDLE_BUFFER, Outbox, OutboxState};
use crate::protocol::telnet::recode_as_latin1;
use crate::protocol::wire::Codec;
use crate::text::Charset;
#[cfg(feature = "json")]
use crate::ui::screen::LineKind;
use crate::ui::screen::{PASSING_BUFFER, passing_buffer};

impl Outbox {
    /// Ends the connection from outside its session: the reading thread wakes and leaves with this reason, unless there is one
    /// already.
    pub fn disconnect(&self, reason: DisconnectReason) {
        let mut guard = self.lock();
        self.disconnect_locked(&mut guard, reason);
    }

    /// Ends a connection before anything was sent, with bytes that the peer understands without encryption.
    pub(crate) fn turn_away(&self, refusal: &[u8], reason: DisconnectReason) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.disconnect.is_none() {
            state.codec = Codec::default();
            state.unsent.extend_from_slice(refusal);
            self.transmit_unsent(state, CausedBy::Client);
            self.disconnect_locked(state, reason);
        }
    }

    /// Why the connection is over, if it is.
    pub(crate) fn disconnect_reason(&self) -> Option<DisconnectReason> {
        self.lock().disconnect.clone()
    }

    /// Bytes that the socket has not accepted.
    pub fn backlog_bytes(&self) -> usize {
        self.lock().backlog.bytes()
    }

    /// Waits until the backlog is empty, the connection is over, or the deadline has passed. True if the backlog is empty.
    pub(crate) fn wait_drained(&self, deadline: Option<Instant>) -> bool {
        let mut guard = self.lock();
        loop {
            if guard.backlog.is_empty() {
                return true;
            }
            if guard.disconnect.is_some() {
                return false;
            }
            guard = match self.wait(guard, deadline) {
                Some(guard) => guard,
                None => return false,
            };
        }
    }

    /// Waits until the connection is over or the deadline has passed, for a session with nothing left to read.
    pub(crate) fn wait_disconnected(&self, deadline: Instant) {
        let mut guard = self.lock();
        while guard.disconnect.is_none() {
            guard = match self.wait(guard, Some(deadline)) {
                Some(guard) => guard,
                None => return,
            };
        }
    }

    /// Waits for a signal; `None` when the deadline has passed.
    fn wait<'a>(
        &self,
        guard: MutexGuard<'a, OutboxState>,
        deadline: Option<Instant>,
    ) -> Option<MutexGuard<'a, OutboxState>> {
        match deadline {
            None => Some(self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner)),
            Some(deadline) => {
                let left = deadline.checked_duration_since(Instant::now())?;
                let waited = self.changed.wait_timeout(guard, left);
                Some(waited.unwrap_or_else(PoisonError::into_inner).0)
            }
        }
    }

    /// One attempt of the thread `slow-readers`.
    pub(super) fn sweep(&self, now: Instant) -> Swept {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.disconnect.is_some() || state.backlog.is_empty() {
            return Swept::Done;
        }
        let before = state.backlog.bytes();
        let sent = state.backlog.send(&SockRef::from(&self.stream), now);
        let taken = before - state.backlog.bytes();
        self.slow_readers.shrink(taken);
        self.note_sent(state, taken);
        if let Err(error) = sent {
            self.disconnect_locked(state, DisconnectReason::Reset(error.kind()));
            return Swept::Done;
        }
        if state.backlog.is_empty() {
            self.changed.notify_all();
            return Swept::Done;
        }
        let stalled = now.saturating_duration_since(state.backlog.last_progress());
        if self.slow_readers.limits().stall.is_some_and(|limit| stalled >= limit) {
            self.drop_reader(state, DisconnectReason::Stalled(stalled));
            return Swept::Done;
        }
        Swept::Slow(state.backlog.bytes())
    }

    pub(super) fn drop_if_over(&self, state: &mut OutboxState) {
        if self.slow_readers.limits().bytes.is_some_and(|limit| state.backlog.others_bytes() > limit) {
            let bytes = state.backlog.bytes();
            self.drop_reader(state, DisconnectReason::TooSlow(bytes));
        }
    }

    /// Drops a slow reader: discards its backlog, and tells the user if the socket still accepts a line.
    pub(super) fn drop_reader(&self, state: &mut OutboxState, reason: DisconnectReason) {
        let line = state.last_words(&reason);
        if !line.is_empty() {
            // May fail: a client that accepts nothing cannot be told, and the log has the reason.
            let told = SockRef::from(&self.stream).send_with_flags(&line, NO_WAIT);
            self.note_sent(state, told.unwrap_or(0));
        }
        self.disconnect_locked(state, reason);
    }

    pub(super) fn disconnect_locked(&self, state: &mut OutboxState, reason: DisconnectReason) {
        if state.disconnect.is_some() {
            return;
        }
        if !state.backlog.is_empty() {
            state.codec.abandon();
        }
        self.slow_readers.shrink(state.backlog.bytes());
        state.backlog.clear();
        state.unsent = Vec::new();
        state.watching.clear();
        state.disconnect = Some(reason);
        // Wakes the reading thread; a socket that is gone already needs no waking.
        let _ = self.stream.shutdown(Shutdown::Read);
        self.changed.notify_all();
    }

    /// Called before anything from others is written: sends what the session has written so far, as the client's own. Otherwise
    /// half of the client's own reply would count against `outbox_bytes` together with the line that came in between. False if
    /// the connection is over.
    pub(super) fn begin_others(&self, state: &mut OutboxState) -> bool {
        if state.codec.awaits_request() {
            return false;
        }
        if state.disconnect.is_none() && !state.unsent.is_empty() {
            self.transmit_unsent(state, CausedBy::Client);
        }
        state.disconnect.is_none()
    }

    /// Sends what was written, or appends it to an existing backlog.
    pub(super) fn transmit_unsent(&self, state: &mut OutboxState, cause: CausedBy) {
        if state.unsent.is_empty() {
            return state.free_buffer();
        }
        if state.charset == Charset::Latin1 {
            state.unsent = recode_as_latin1(&state.unsent, state.is_telnet);
        }
        if !state.codec.is_plain() {
            return self.encode_unsent(state, cause);
        }
        let sent = if state.backlog.is_empty() { self.send(state) } else { Ok(0) };
        self.note_sent(state, *sent.as_ref().unwrap_or(&0));
        match sent {
            Ok(taken) if taken == state.unsent.len() => {
                state.unsent.clear();
                state.free_buffer();
            }
            Ok(taken) => {
                // The piece begins at the start of its line: so the backlog knows whether the socket has accepted whole
                // lines only.
                let line = state.unsent[..taken].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                let rest = Arc::from(&state.unsent[line..]);
                state.unsent = Vec::new();
                self.append_to_backlog(state, &rest, taken - line, cause);
            }
            Err(error) => self.disconnect_locked(state, DisconnectReason::Reset(error.kind())),
        }
    }

    fn send(&self, state: &OutboxState) -> io::Result<usize> {
        send_now(&self.stream, &state.unsent)
    }

    /// Sends a frame that others get too. What the socket does not accept joins the backlog as a share of the frame, not a copy.
    pub(super) fn transmit_shared(&self, state: &mut OutboxState, frame: &Arc<[u8]>) {
        if !state.codec.is_plain() {
            return self.encode_shared(state, frame);
        }
        self.transmit_shared_encoded(state, frame);
    }

    /// The same for bytes that have passed the codec.
    #[inline]
    pub(super) fn transmit_shared_encoded(&self, state: &mut OutboxState, frame: &Arc<[u8]>) {
        let sent = if state.backlog.is_empty() { send_now(&self.stream, frame) } else { Ok(0) };
        self.note_sent(state, *sent.as_ref().unwrap_or(&0));
        match sent {
            Ok(taken) if taken == frame.len() => {}
            Ok(taken) => self.append_to_backlog(state, frame, taken, CausedBy::Others),
            Err(error) => self.disconnect_locked(state, DisconnectReason::Reset(error.kind())),
        }
    }

    /// The socket has accepted this many bytes.
    #[inline]
    pub(super) fn note_sent(&self, state: &mut OutboxState, bytes: usize) {
        state.sent.add(bytes, &self.slow_readers.traffic.sent);
    }

    /// This many bytes were read from the socket.
    pub(crate) fn note_received(&self, bytes: usize) {
        self.slow_readers.traffic.received.add(bytes as u64);
    }

    pub(super) fn append_to_backlog(&self, state: &mut OutboxState, bytes: &Arc<[u8]>, from: usize, cause: CausedBy) {
        let first = state.backlog.is_empty();
        state.backlog.append(Arc::clone(bytes), from, cause, Instant::now());
        self.slow_readers.grow(bytes.len() - from);
        if first {
            self.slow_readers.add(Weak::clone(&self.me));
        }
    }
}

impl OutboxState {
    /// Before a session writes: a buffer for all of a turn, which is freed when it has been sent.
    #[inline]
    pub(super) fn make_room(&mut self) {
        if self.unsent.is_empty() && self.unsent.capacity() < PASSING_BUFFER {
            self.unsent = passing_buffer(0);
        }
    }

    fn free_buffer(&mut self) {
        if self.unsent.capacity() > MAX_IDLE_BUFFER {
            self.unsent = Vec::new();
        }
    }

    /// The line for a client that is being dropped, if it can follow what the socket has accepted.
    fn last_words(&mut self, reason: &DisconnectReason) -> Vec<u8> {
        // Under TLS, the client could not decrypt a line after a gap; it notices the missing end. In a WebSocket, the message that
        // was begun is completed first, which may take a while and is left to the client's own thread.
        if !self.codec.is_plain() {
            #[cfg(feature = "web")]
            self.codec.keep_parting(self.backlog.begun(), reason.close_code(), &reason.close_reason());
            return Vec::new();
        }
        if self.codec.awaits_request() {
            return Vec::new();
        }
        #[cfg(feature = "json")]
        if self.watching.is_program() {
            return if self.backlog.is_between_lines() {
                bye(LineKind::News, &format!("{reason}."), None)
            } else {
                Vec::new()
            };
        }
        format!("\r\n! {reason}.\r\n").into_bytes()
    }
}

/// The result of one sweep.
pub(super) enum Swept {
    Done,
    Slow(usize),
}

/// Sends what the socket accepts right now.
pub(super) fn send_now(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    without_waiting(|| SockRef::from(stream).send_with_flags(bytes, NO_WAIT))
}

/// The same for several records.
#[cfg(feature = "tls")]
pub(super) fn send_records(stream: &TcpStream, records: &[io::IoSlice<'_>]) -> io::Result<usize> {
    without_waiting(|| SockRef::from(stream).send_vectored_with_flags(records, NO_WAIT))
}

fn without_waiting(send: impl Fn() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match send() {
            Ok(taken) => return Ok(taken),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
