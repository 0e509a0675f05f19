//! What a program's reads bring, before it is split into requests.
//!
//! *Owns* what is not made of requests: other protocols, and telnet's commands. *Knows nothing of* lines.

use super::Session;
use crate::protocol::telnet::LinkEvent;
use crate::protocol::wire::{OtherProtocol, Verdict};

impl Session {
    /// Takes what one read brought, unless it is another protocol.
    pub(in crate::session) fn take_for_program(&mut self, chunk: &[u8]) {
        match self.foreign_to_programs(chunk) {
            Some(protocol) => self.turn_away(protocol, chunk),
            None => self.take_from_program(chunk),
        }
    }

    /// Whether the first bytes on a port for programs are of a protocol that is not made of lines: TLS, or the header of a
    /// proxy. A request of HTTP is lines, and each of them gets an answer.
    fn foreign_to_programs(&mut self, chunk: &[u8]) -> Option<OtherProtocol> {
        #[cfg(feature = "web")]
        if self.liveness.is_some() {
            // A WebSocket: its request was one of HTTP.
            return None;
        }
        match self.input.first_bytes.feed(chunk) {
            Verdict::OtherProtocol(protocol @ (OtherProtocol::Tls | OtherProtocol::Proxy)) => Some(protocol),
            Verdict::OtherProtocol(OtherProtocol::Http | OtherProtocol::Ssh) | Verdict::Undecided | Verdict::Person => {
                None
            }
        }
    }

    /// Takes what a read brought. A client of a text port may still answer telnet's questions, which nobody waits for any
    /// more; no byte of them is part of a request.
    pub(in crate::session) fn take_from_program(&mut self, chunk: &[u8]) {
        if self.json.as_ref().is_some_and(|json| json.is_raw) {
            return self.take_requests(chunk);
        }
        if self.input.hold_behind_keys(chunk) {
            return;
        }
        let said = self.without_telnet(chunk);
        self.take_requests(&said);
    }

    /// What is left of a chunk without telnet's commands. They are all taken out before the first request runs: below that,
    /// decoding would cost every idle program a page of stack.
    #[inline(never)]
    fn without_telnet(&mut self, mut chunk: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        while let Some(event) = self.input.next_event(&mut chunk) {
            match event {
                LinkEvent::Data(bytes) => said.extend_from_slice(bytes),
                LinkEvent::Interrupted
                | LinkEvent::AreYouThere
                | LinkEvent::CharacterErased
                | LinkEvent::LineErased
                | LinkEvent::EndOfFile
                | LinkEvent::Confirmed
                | LinkEvent::WindowResized
                | LinkEvent::TerminalChanged
                | LinkEvent::CharacterModeChanged(_)
                | LinkEvent::CharsetChanged => {}
            }
        }
        self.input.protocol.clear();
        said
    }
}
