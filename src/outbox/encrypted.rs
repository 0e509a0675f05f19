//! The outbox of an encrypted connection: everything passes its codec, in both directions.
//!
//! The thread that reads blocks in `read` holding nothing and locks only while it opens what came. What is sealed is sent,
//! or joins the backlog, under the same lock; nothing is sealed twice.
//!
//! *Owns* the order of sealing and sending, and that nothing follows the goodbye.
//! *Knows nothing of* how bytes are sealed.
//! *Called by* `outbox` for what is sent; `session` and `server` for what was read, and for the end.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;

use super::transmit::send_now;
use super::{DisconnectReason, KEPT_BUFFER, Outbox, State, Whose};
use crate::protocol::wire::{Codec, Progress, TlsError};

impl Outbox {
    /// What every byte passes from now on. To be called before anything was written, or to answer in plain text a peer
    /// that knows nothing else.
    pub fn set_codec(&self, codec: Codec) {
        self.lock().codec = codec;
    }

    /// What encrypts the connection, if anything does.
    pub fn encryption(&self) -> Option<&'static str> {
        self.lock().codec.encryption()
    }

    /// Takes what one read brought before the two sides have agreed on the encryption, and sends the answer.
    ///
    /// # Errors
    ///
    /// They cannot agree. The peer was told in its own terms.
    #[cfg(feature = "tls")]
    pub fn shake_hands(&self, sealed: &[u8]) -> Result<Progress, TlsError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut answer = Vec::new();
        let fed = state.codec.shake_hands(sealed, &mut answer);
        self.transmit_sealed(state, answer, Whose::Own);
        fed
    }

    /// Opens what one read brought: appends what was said to `plain`, and sends what the protocol has to answer.
    ///
    /// # Errors
    ///
    /// Nothing more can be read. The peer was told in its own terms.
    pub fn decrypt(&self, sealed: &[u8], plain: &mut Vec<u8>) -> Result<Progress, TlsError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut answer = Vec::new();
        let fed = state.codec.feed(sealed, plain, &mut answer);
        self.transmit_sealed(state, answer, Whose::Own);
        fed
    }

    /// Says that nothing more comes, after the last word. To whoever has not taken all before it, it is not said.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub fn close_writing(&self) -> io::Result<()> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.backlog.is_empty() {
            let last = state.codec.close();
            if !last.is_empty() {
                // A socket that does not take it at once has taken nothing for a while.
                send_now(&self.stream, &last)?;
            }
        }
        self.stream.shutdown(Shutdown::Write)
    }

    /// Not inlined, like its neighbour: the sealing needs more stack than everything a plain connection ever does here.
    #[inline(never)]
    pub(super) fn seal_unsent(&self, state: &mut State, whose: Whose) {
        let mut sealed = Vec::new();
        state.codec.encrypt(&state.unsent, &mut sealed);
        if state.unsent.capacity() > KEPT_BUFFER {
            state.unsent = Vec::new();
        } else {
            state.unsent.clear();
        }
        self.transmit_sealed(state, sealed, whose);
    }

    /// What others get too, sealed for this client alone.
    #[inline(never)]
    pub(super) fn seal_shared(&self, state: &mut State, frame: &[u8]) {
        let mut sealed = Vec::new();
        state.codec.encrypt(frame, &mut sealed);
        self.transmit_sealed(state, sealed, Whose::Others);
    }

    fn transmit_sealed(&self, state: &mut State, sealed: Vec<u8>, whose: Whose) {
        if sealed.is_empty() {
            return;
        }
        if state.ended.is_some() {
            return state.codec.abandon();
        }
        let sent = if state.backlog.is_empty() { send_now(&self.stream, &sealed) } else { Ok(0) };
        match sent {
            Ok(taken) if taken == sealed.len() => {}
            Ok(taken) => self.lag(state, &Arc::from(sealed), taken, whose),
            Err(error) => self.disconnect_locked(state, DisconnectReason::Reset(error.kind())),
        }
    }
}
