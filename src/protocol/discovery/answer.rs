//! A server's answer, written and read.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{MAX_PACKET, ServerQuestion};
use crate::text::sanitize;

/// A server's description of itself. A port is `None` if a client at the question's source could not connect to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServerAnswer<'a> {
    /// A random id of this server, so that its answers from several networks are recognised as one server.
    pub id: &'a str,
    /// The address at which it was asked.
    pub ip: Option<IpAddr>,
    /// The port for telnet and nc.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The server's name.
    pub name: &'a str,
    /// The port for TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<u16>,
    /// SHA-256 of its certificate, for people to compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<&'a str>,
    /// The port of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web: Option<u16>,
    /// The port of the page through TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_tls: Option<u16>,
    /// How many people are online.
    pub people: usize,
}

#[derive(Serialize)]
struct AnswerPacket<'a> {
    chatsock: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(flatten)]
    answer: &'a ServerAnswer<'a>,
}

impl ServerAnswer<'_> {
    /// The packet that answers `question`, never longer than the question. If it would be longer, the fingerprint is left
    /// out; `None` if even that is not enough.
    #[must_use]
    pub fn write(&self, question: &ServerQuestion) -> Option<Vec<u8>> {
        let write = |answer: &ServerAnswer<'_>| {
            let packet = AnswerPacket { chatsock: "here", nonce: question.nonce.as_deref(), answer };
            serde_json::to_vec(&packet).ok().filter(|packet| packet.len() <= question.length)
        };
        write(self).or_else(|| write(&ServerAnswer { fingerprint: None, ..self.clone() }))
    }
}

/// Longest name shown, in bytes: the limit for a service name in multicast DNS (RFC 6763, section 4.1.1).
const MAX_SHOWN_NAME: usize = 63;

/// Longest id accepted, in bytes. Ours have 16.
const MAX_ID: usize = 64;

/// What a server says about itself, made safe to show. It is only a hint: anybody in the network can say the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerHint {
    /// The server's random id; empty if it gave none.
    pub id: String,
    /// The server's name. Never empty, and without anything that could move a cursor.
    pub name: String,
    /// The port for telnet and nc.
    pub port: Option<u16>,
    /// The port for TLS.
    pub tls: Option<u16>,
    /// SHA-256 of its certificate, in pairs of capital hexadecimal digits with colons between them.
    pub fingerprint: Option<String>,
    /// The port of the page.
    pub web: Option<u16>,
    /// The port of the page through TLS.
    pub web_tls: Option<u16>,
    /// How many people are online.
    pub people: u32,
}

/// The fields of an answer. Others are skipped; the address is that of the packet's source.
#[derive(Deserialize)]
struct AnswerFields<'a> {
    #[serde(borrow)]
    chatsock: Cow<'a, str>,
    #[serde(borrow)]
    nonce: Cow<'a, str>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    port: Option<u16>,
    tls: Option<u16>,
    #[serde(borrow)]
    fingerprint: Option<Cow<'a, str>>,
    web: Option<u16>,
    web_tls: Option<u16>,
    people: Option<u32>,
}

impl ServerHint {
    /// Reads a packet. `None` for anything but an answer to the question with this nonce, and for a server that nobody can
    /// connect to.
    #[must_use]
    pub fn read(packet: &[u8], nonce: &str) -> Option<ServerHint> {
        if packet.len() > MAX_PACKET {
            return None;
        }
        let fields: AnswerFields<'_> = serde_json::from_slice(packet).ok()?;
        if fields.chatsock != "here" || fields.nonce != nonce {
            return None;
        }
        let open = |port: Option<u16>| port.filter(|port| *port != 0);
        let is_id = |id: &Cow<'_, str>| id.len() <= MAX_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let found = ServerHint {
            id: fields.id.filter(is_id).map_or_else(String::new, Cow::into_owned),
            name: shown_name(fields.name.as_deref().unwrap_or_default()),
            port: open(fields.port),
            tls: open(fields.tls),
            fingerprint: fields.fingerprint.filter(|text| is_fingerprint(text)).map(Cow::into_owned),
            web: open(fields.web),
            web_tls: open(fields.web_tls),
            people: fields.people.unwrap_or(0),
        };
        let ports = [found.port, found.tls, found.web, found.web_tls];
        ports.iter().any(Option::is_some).then_some(found)
    }
}

/// A name on one line, without anything that could deceive a terminal.
fn shown_name(name: &str) -> String {
    let clean = sanitize(name);
    let mut end = clean.trim().len().min(MAX_SHOWN_NAME);
    let clean = clean.trim();
    while !clean.is_char_boundary(end) {
        end -= 1;
    }
    let name = clean.get(..end).unwrap_or_default().trim_end();
    if name.is_empty() { "(no name)".to_owned() } else { name.to_owned() }
}

fn is_fingerprint(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
    let is_pair = |pair: &str| pair.len() == 2 && pair.bytes().all(is_digit);
    text.split(':').count() == 32 && text.split(':').all(is_pair)
}
