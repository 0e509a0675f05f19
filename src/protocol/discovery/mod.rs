//! How a server is found: the question that `chatsock find` sends to a whole network, and the answer of each server, both one
//! JSON object in one UDP packet.
//!
//! ```text
//! {"chatsock":"find","nonce":"..."}                                       padded to 400 bytes
//! {"chatsock":"here","id":"...","nonce":"...","ip":"192.168.1.5","port":5555,"name":"box",...}
//! ```
//!
//! The source of a UDP packet can be forged, so an answer may end up with somebody who has asked nothing. That must not be
//! worth the trouble: an answer is never longer than its question, goes nowhere but to the question's source, and only to an
//! address that has no meaning beyond the server's own network. An answer is never answered.
//!
//! *Owns* what both say, and who may get an answer.
//! *Knows nothing of* sockets, and of how often somebody may ask.

mod answer;
mod question;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

pub use answer::{ServerAnswer, ServerHint};
pub use question::{ServerQuestion, question};

/// Shortest question that is answered, in bytes. An answer has less: some 330 bytes with all that it can say.
pub const QUESTION_BYTES: usize = 400;

/// Longest packet that is read, in bytes. Nothing that anybody sends in good faith is longer than an Ethernet frame.
pub const MAX_PACKET: usize = 1500;

/// Longest nonce that is sent back, in bytes. Ours have 32.
const MAX_NONCE: usize = 64;

/// Ports below are those of services (RFC 6335, section 6), which answer what they get; programs ask from higher ones.
const FIRST_OWN_PORT: u16 = 1024;

/// Whether a packet from there may be answered: only a program's, at an address that means this machine or this network.
#[must_use]
pub fn may_be_answered(source: SocketAddr) -> bool {
    let is_near = match source.ip().to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    };
    is_near && source.port() >= FIRST_OWN_PORT
}
