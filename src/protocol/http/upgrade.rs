//! The handshake of a WebSocket (RFC 6455, section 4.2).
//!
//! *Owns* what a client must ask for, which sub-protocols there are, and the server's answer.
//! *Knows nothing of* frames.

use tungstenite::handshake::derive_accept_key;

use super::refusal::HttpRefusal;
use super::request::{HttpRequest, Method};

/// Sub-protocols by their names: JSON, and the two of mudstandards.org for terminals.
pub(super) const JSON: &str = "chatsock.v1";
const TERMINAL: &str = "terminal.mudstandards.org";
const TELNET: &str = "telnet.mudstandards.org";

/// What a client asks to speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The first sub-protocol in the client's list that exists here; `None` also means JSON.
    pub protocol: Option<Protocol>,
    accept: String,
}

/// A sub-protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Objects, one to a line.
    Json,
    /// Text and control sequences.
    Terminal,
    /// The telnet stream.
    Telnet,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Protocol::Json => JSON,
            Protocol::Terminal => TERMINAL,
            Protocol::Telnet => TELNET,
        }
    }

    fn parse(name: &str) -> Option<Protocol> {
        [Protocol::Json, Protocol::Terminal, Protocol::Telnet].into_iter().find(|protocol| protocol.name() == name)
    }
}

impl Upgrade {
    /// Reads what a request asks for. Its origin has been checked already.
    ///
    /// # Errors
    ///
    /// It does not ask for a WebSocket, asks for another version, or has an invalid key.
    pub fn parse(request: &HttpRequest) -> Result<Upgrade, HttpRefusal> {
        let lists = |name, wanted: &str| request.items(name).any(|item| item.eq_ignore_ascii_case(wanted));
        if request.method != Method::Get || !request.is_http11() || !lists("upgrade", "websocket") {
            return Err(HttpRefusal::UpgradeRequired);
        }
        if !lists("connection", "upgrade") {
            return Err(HttpRefusal::Bad("its Connection does not say upgrade"));
        }
        let mut versions = request.values("sec-websocket-version");
        if (versions.next(), versions.next()) != (Some("13"), None) {
            return Err(HttpRefusal::UpgradeRequired);
        }
        let mut keys = request.values("sec-websocket-key");
        let key = match (keys.next(), keys.next()) {
            (Some(key), None) if is_key(key) => key,
            _ => return Err(HttpRefusal::Bad("its Sec-WebSocket-Key is not 16 bytes in Base64")),
        };
        let protocol = request.items("sec-websocket-protocol").find_map(Protocol::parse);
        Ok(Upgrade { protocol, accept: derive_accept_key(key.as_bytes()) })
    }
}

/// Whether a text is 16 bytes in Base64 (RFC 4648, section 4).
fn is_key(text: &str) -> bool {
    let digits = text.strip_suffix("==").unwrap_or("");
    digits.len() == 22 && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// Appends the answer. Everything after it is WebSocket.
pub(crate) fn write_accepted(upgrade: &Upgrade, out: &mut Vec<u8>) {
    let (name, protocol) = match upgrade.protocol {
        Some(protocol) => ("\r\nSec-WebSocket-Protocol: ", protocol.name()),
        None => ("", ""),
    };
    let head = "HTTP/1.1 101 Switching Protocols\r\n\
                Upgrade: websocket\r\n\
                Connection: Upgrade\r\n\
                Sec-WebSocket-Accept: ";
    [head, &upgrade.accept, name, protocol, "\r\n\r\n"].iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
}
