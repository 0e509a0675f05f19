//! How a server is found: the question that `chatsock find` sends to a whole network, and the answer of each server, both one
//! JSON object in one UDP packet.
//!
//! ```text
//! {"chatsock":"find","nonce":"..."}                                       padded to 400 bytes
//! {"chatsock":"here","id":"...","nonce":"...","ip":"192.168.1.5","port":5555,"name":"box",...}
//! ```
//!
//! The source of a UDP packet can be forged, so an answer may go to somebody who never asked. To make that useless for an
//! attack, an answer is never longer than its question, is sent only to the question's source, and only if that is an
//! address of the server's own network. Answers are never answered.
//!
//! *Owns* what both say, and who may get an answer.
//! *Knows nothing of* sockets, or how often somebody may ask.

mod answer;
mod question;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

pub use answer::{ServerAnswer, ServerHint};
pub use question::{ServerQuestion, question};

/// Shortest question that is answered, in bytes. The longest possible answer has about 330.
pub(crate) const QUESTION_BYTES: usize = 400;

/// Longest packet read, in bytes. No honest question is longer than an Ethernet frame.
pub(crate) const MAX_PACKET: usize = 1500;

/// Longest nonce that is sent back, in bytes. Ours have 32.
const MAX_NONCE: usize = 64;

/// Lower ports belong to services (RFC 6335, section 6), which answer what they get; programs ask from higher ones.
const FIRST_OWN_PORT: u16 = 1024;

/// Whether a packet from this address may be answered: only if a program sent it, from this machine or this network.
#[must_use]
pub(crate) fn may_be_answered(source: SocketAddr) -> bool {
    let is_near = match source.ip().to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    };
    is_near && source.port() >= FIRST_OWN_PORT
}
