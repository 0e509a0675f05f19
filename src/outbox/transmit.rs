//! The way of an outbox's bytes to its socket: at once where it takes them, as a backlog where it does not, and the end of
//! a client that takes too little.
//!
//! *Owns* every send, the waits for the backlog, and dropping a slow reader.
//! *Knows nothing of* what the bytes mean.
//! *Called by* `outbox`, the sweep thread, and `session` at the end of a connection.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use socket2::SockRef;

use super::{DisconnectReason, KEPT_BUFFER, Outbox, State, Whose};
use crate::protocol::telnet::recode_as_latin1;
use crate::protocol::wire::Codec;
use crate::text::Charset;

impl Outbox {
    /// Ends the connection from outside its session: the reading thread wakes and leaves with this reason, unless it had
    /// one already.
    pub fn disconnect(&self, reason: DisconnectReason) {
        let mut guard = self.lock();
        self.disconnect_locked(&mut guard, reason);
    }

    /// Ends a connection that nothing was said to yet, with bytes that its peer understands before any encryption.
    pub fn turn_away(&self, refusal: &[u8], reason: DisconnectReason) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.ended.is_none() {
            state.codec = Codec::Plain;
            state.unsent.extend_from_slice(refusal);
            self.transmit_unsent(state, Whose::Own);
            self.disconnect_locked(state, reason);
        }
    }

    /// Why the connection is over, if it is.
    pub fn disconnect_reason(&self) -> Option<DisconnectReason> {
        self.lock().ended.clone()
    }

    /// Bytes the socket has not taken.
    pub fn backlog_bytes(&self) -> usize {
        self.lock().backlog.bytes()
    }

    /// Waits until the backlog is empty, the connection has ended, or the deadline has passed. True if it is empty.
    pub fn wait_drained(&self, deadline: Option<Instant>) -> bool {
        let mut guard = self.lock();
        loop {
            if guard.backlog.is_empty() {
                return true;
            }
            if guard.ended.is_some() {
                return false;
            }
            guard = match self.wait(guard, deadline) {
                Some(guard) => guard,
                None => return false,
            };
        }
    }

    /// Waits until the connection has ended or the deadline has passed: for whoever has nothing to read any more.
    pub fn wait_disconnected(&self, deadline: Instant) {
        let mut guard = self.lock();
        while guard.ended.is_none() {
            guard = match self.wait(guard, Some(deadline)) {
                Some(guard) => guard,
                None => return,
            };
        }
    }

    /// Waits for a signal; `None` when the deadline has passed.
    fn wait<'a>(&self, guard: MutexGuard<'a, State>, deadline: Option<Instant>) -> Option<MutexGuard<'a, State>> {
        match deadline {
            None => Some(self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner)),
            Some(deadline) => {
                let left = deadline.checked_duration_since(Instant::now())?;
                let waited = self.changed.wait_timeout(guard, left);
                Some(waited.unwrap_or_else(PoisonError::into_inner).0)
            }
        }
    }

    /// One try of the sweep thread. Returns whether there is a backlog still.
    pub(super) fn sweep(&self, now: Instant) -> Swept {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.ended.is_some() || state.backlog.is_empty() {
            return Swept::Done;
        }
        let before = state.backlog.bytes();
        let sent = state.backlog.send(&SockRef::from(&self.stream), now);
        self.laggards.shrink(before - state.backlog.bytes());
        if let Err(error) = sent {
            self.disconnect_locked(state, DisconnectReason::Reset(error.kind()));
            return Swept::Done;
        }
        if state.backlog.is_empty() {
            self.changed.notify_all();
            return Swept::Done;
        }
        let stalled = now.saturating_duration_since(state.backlog.last_progress());
        if self.laggards.limits().stall.is_some_and(|limit| stalled >= limit) {
            self.drop_reader(state, DisconnectReason::Stalled(stalled));
            return Swept::Done;
        }
        Swept::Lagging(state.backlog.bytes())
    }

    pub(super) fn drop_if_over(&self, state: &mut State) {
        if self.laggards.limits().bytes.is_some_and(|limit| state.backlog.others_bytes() > limit) {
            let bytes = state.backlog.bytes();
            self.drop_reader(state, DisconnectReason::TooSlow(bytes));
        }
    }

    /// Drops a reader that takes too little: his backlog goes, and he is told if his socket still takes a line.
    pub(super) fn drop_reader(&self, state: &mut State, reason: DisconnectReason) {
        // Behind encrypted text that goes with the backlog he could not read it; he sees that the end is missing.
        if state.codec.is_plain() {
            let line = format!("\r\n! {reason}.\r\n");
            // Nothing follows from a failure: whoever takes nothing cannot be told either, and the log says it.
            let _ = SockRef::from(&self.stream).send_with_flags(line.as_bytes(), NO_WAIT);
        }
        self.disconnect_locked(state, reason);
    }

    pub(super) fn disconnect_locked(&self, state: &mut State, reason: DisconnectReason) {
        if state.ended.is_some() {
            return;
        }
        if !state.backlog.is_empty() {
            state.codec.abandon();
        }
        self.laggards.shrink(state.backlog.bytes());
        state.backlog.clear();
        state.unsent = Vec::new();
        state.view = None;
        state.ended = Some(reason);
        // Wakes the reading thread; a socket that is gone already needs no waking.
        let _ = self.stream.shutdown(Shutdown::Read);
        self.changed.notify_all();
    }

    /// To be called before anything of others' is written: what the session has written so far is sent first, as the user's
    /// own. Otherwise half of their own answer would count against `outbox_bytes` with the line that came in between.
    /// False if the connection is over.
    pub(super) fn begin_others(&self, state: &mut State) -> bool {
        if state.ended.is_none() && !state.unsent.is_empty() {
            self.transmit_unsent(state, Whose::Own);
        }
        state.ended.is_none()
    }

    /// Hands over what was written. While there is a backlog it only grows that.
    pub(super) fn transmit_unsent(&self, state: &mut State, whose: Whose) {
        if state.unsent.is_empty() {
            return;
        }
        if state.charset == Charset::Latin1 {
            state.unsent = recode_as_latin1(&state.unsent, state.is_telnet);
        }
        if !state.codec.is_plain() {
            return self.seal_unsent(state, whose);
        }
        let sent = if state.backlog.is_empty() { self.send(state) } else { Ok(0) };
        match sent {
            Ok(taken) if taken == state.unsent.len() => {
                if state.unsent.capacity() > KEPT_BUFFER {
                    state.unsent = Vec::new();
                } else {
                    state.unsent.clear();
                }
            }
            Ok(taken) => {
                let rest = Arc::from(&state.unsent[taken..]);
                state.unsent = Vec::new();
                self.lag(state, &rest, 0, whose);
            }
            Err(error) => self.disconnect_locked(state, DisconnectReason::Reset(error.kind())),
        }
    }

    fn send(&self, state: &State) -> io::Result<usize> {
        send_now(&self.stream, &state.unsent)
    }

    /// Sends a frame that others get too: what the socket does not take is kept as a share of it, not as a copy.
    pub(super) fn transmit_shared(&self, state: &mut State, frame: &Arc<[u8]>) {
        if !state.codec.is_plain() {
            return self.seal_shared(state, frame);
        }
        let sent = if state.backlog.is_empty() { send_now(&self.stream, frame) } else { Ok(0) };
        match sent {
            Ok(taken) if taken == frame.len() => {}
            Ok(taken) => self.lag(state, frame, taken, Whose::Others),
            Err(error) => self.disconnect_locked(state, DisconnectReason::Reset(error.kind())),
        }
    }

    pub(super) fn lag(&self, state: &mut State, bytes: &Arc<[u8]>, from: usize, whose: Whose) {
        let first = state.backlog.is_empty();
        state.backlog.append(Arc::clone(bytes), from, whose, Instant::now());
        self.laggards.grow(bytes.len() - from);
        if first {
            self.laggards.enlist(Weak::clone(&self.me));
        }
    }
}

/// What a try of the sweep thread left.
pub(super) enum Swept {
    Done,
    Lagging(usize),
}

/// Never wait, never raise SIGPIPE.
pub(super) const NO_WAIT: i32 = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// Sends what the socket takes at once.
pub(super) fn send_now(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match SockRef::from(stream).send_with_flags(bytes, NO_WAIT) {
            Ok(taken) => return Ok(taken),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
