//! The question that `chatsock find` sends, written and read.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{MAX_NONCE, MAX_PACKET, QUESTION_BYTES};

/// A question: is there a server?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerQuestion {
    /// What the answer has to repeat, so that only somebody who has read the question can answer it.
    pub(super) nonce: Option<String>,
    /// Its length in bytes, which the answer's must not exceed.
    pub(super) length: usize,
}

/// The fields of a question. All others are skipped, however deep they are nested.
#[derive(Deserialize)]
struct QuestionFields<'a> {
    #[serde(borrow)]
    chatsock: Option<Cow<'a, str>>,
    #[serde(borrow)]
    nonce: Option<Cow<'a, str>>,
    ip: Option<IgnoredAny>,
    port: Option<IgnoredAny>,
}

impl ServerQuestion {
    /// Reads a packet. `None` for anything but a question that is long enough to be answered.
    ///
    /// Programs of the protocol's first version ask with `ip` and `port` alone. There, these were the address to answer
    /// to; now the answer always goes to the sender.
    #[must_use]
    pub fn read(packet: &[u8]) -> Option<ServerQuestion> {
        if !(QUESTION_BYTES..=MAX_PACKET).contains(&packet.len()) {
            return None;
        }
        let end = packet.iter().rposition(|byte| !matches!(byte, b'\0' | b' ' | b'\t' | b'\r' | b'\n'))?;
        let fields: QuestionFields<'_> = serde_json::from_slice(packet.get(..=end)?).ok()?;
        let is_question = match fields.chatsock.as_deref() {
            Some(word) => word == "find",
            None => fields.ip.is_some() && fields.port.is_some(),
        };
        let nonce = fields.nonce.map(Cow::into_owned);
        let fits = nonce.as_ref().is_none_or(|nonce| nonce.len() <= MAX_NONCE);
        (is_question && fits).then_some(ServerQuestion { nonce, length: packet.len() })
    }
}

/// The packet that asks.
#[must_use]
pub fn question(nonce: &str) -> Vec<u8> {
    let mut packet = format!(r#"{{"chatsock":"find","nonce":"{nonce}"}}"#).into_bytes();
    packet.resize(packet.len().max(QUESTION_BYTES), b' ');
    packet
}
