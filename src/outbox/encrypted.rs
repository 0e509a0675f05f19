//! Encrypted connections: every byte passes the codec, in both directions.
//!
//! The reading thread blocks in `read` holding nothing, and locks only to decrypt. Encrypted bytes are sent, or join the
//! backlog, under the same lock; nothing is encrypted twice.
//!
//! *Owns* that bytes are sent in the order of their encryption, and that nothing follows the goodbye.
//! *Knows nothing of* how bytes are encrypted.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;

use super::transmit::send_now;
use super::{CausedBy, DisconnectReason, MAX_IDLE_BUFFER, Outbox, State};
#[cfg(feature = "tls")]
use crate::protocol::wire::Codec;
use crate::protocol::wire::{Progress, TlsError};

impl Outbox {
    /// Sets the codec for every byte from now on. Called before anything is written, or to answer in plain text a peer that
    /// understands nothing else.
    #[cfg(feature = "tls")]
    pub(crate) fn set_codec(&self, codec: Codec) {
        self.lock().codec = codec;
    }

    /// The name of the connection's encryption, if any.
    pub fn encryption(&self) -> Option<&'static str> {
        self.lock().codec.encryption()
    }

    /// Feeds the handshake what one read brought, and sends the answer.
    ///
    /// # Errors
    ///
    /// The handshake failed. The peer was sent an alert.
    #[cfg(feature = "tls")]
    pub(crate) fn shake_hands(&self, encrypted: &[u8]) -> Result<Progress, TlsError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut answer = Vec::new();
        let fed = state.codec.shake_hands(encrypted, &mut answer);
        self.transmit_encrypted(state, answer, CausedBy::Client);
        fed
    }

    /// Decrypts what one read brought, appends it to `plain`, and sends what the protocol has to answer.
    ///
    /// # Errors
    ///
    /// Nothing more can be read. The peer was sent an alert.
    pub fn decrypt(&self, encrypted: &[u8], plain: &mut Vec<u8>) -> Result<Progress, TlsError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut answer = Vec::new();
        let fed = state.codec.feed(encrypted, plain, &mut answer);
        self.transmit_encrypted(state, answer, CausedBy::Client);
        fed
    }

    /// Closes the writing side, after the goodbye of the encryption. A peer with a backlog does not get that goodbye.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub(crate) fn close_writing(&self) -> io::Result<()> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.backlog.is_empty() {
            let last = state.codec.close();
            if !last.is_empty() {
                // If the socket does not accept it now, it has accepted nothing for a while.
                send_now(&self.stream, &last)?;
            }
        }
        self.stream.shutdown(Shutdown::Write)
    }

    /// Not inlined: encryption needs more stack than anything a plain connection does here.
    #[inline(never)]
    pub(super) fn encrypt_unsent(&self, state: &mut State, cause: CausedBy) {
        let mut encrypted = Vec::new();
        state.codec.encrypt(&state.unsent, &mut encrypted);
        if state.unsent.capacity() > MAX_IDLE_BUFFER {
            state.unsent = Vec::new();
        } else {
            state.unsent.clear();
        }
        self.transmit_encrypted(state, encrypted, cause);
    }

    /// Encrypts for this client what others get too.
    #[inline(never)]
    pub(super) fn encrypt_shared(&self, state: &mut State, frame: &[u8]) {
        let mut encrypted = Vec::new();
        state.codec.encrypt(frame, &mut encrypted);
        self.transmit_encrypted(state, encrypted, CausedBy::Others);
    }

    fn transmit_encrypted(&self, state: &mut State, encrypted: Vec<u8>, cause: CausedBy) {
        if encrypted.is_empty() {
            return;
        }
        if state.disconnect.is_some() {
            return state.codec.abandon();
        }
        let sent = if state.backlog.is_empty() { send_now(&self.stream, &encrypted) } else { Ok(0) };
        match sent {
            Ok(taken) if taken == encrypted.len() => {}
            Ok(taken) => self.append_to_backlog(state, &Arc::from(encrypted), taken, cause),
            Err(error) => self.disconnect_locked(state, DisconnectReason::Reset(error.kind())),
        }
    }
}
