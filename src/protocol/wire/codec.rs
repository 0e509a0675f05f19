//! The transformer between a socket's bytes and plain bytes: TLS, WebSocket inside it, either alone, or none.
//!
//! It exists in every build, so that there is only one way to write to a socket. Without the features `tls` and `web`
//! it is empty and costs nothing at run time. The outbox keeps it under its lock: bytes go onto the socket in the order
//! in which they were encoded.
//!
//! *Owns* the order of the layers.
//! *Knows nothing of* sockets.

#[cfg(feature = "tls")]
use super::progress::TlsError;
use super::progress::{CodecError, Progress};
#[cfg(feature = "tls")]
use super::tls::Tls;
#[cfg(feature = "web")]
use crate::protocol::websocket::{Form, WebSocket};

/// The longest head of a frame that a server sends, in bytes (RFC 6455, section 5.2).
#[cfg(all(feature = "web", feature = "tls"))]
const FRAME_HEAD: usize = 10;

/// Transforms one connection's bytes. Each layer is boxed, because it is large and most connections have none.
#[derive(Debug, Default)]
pub struct Codec {
    #[cfg(feature = "tls")]
    tls: Option<Box<Tls>>,
    #[cfg(feature = "web")]
    web: Option<Box<WebSocket>>,
    /// The client expects HTTP, so announcements to everybody are not for it.
    #[cfg(feature = "web")]
    awaits_request: bool,
}

/// Whether encoded bytes may be shared with other connections, and what they look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Lines as they are.
    Lines,
    /// One text frame around the lines.
    #[cfg(feature = "web")]
    TextFrames,
    /// One binary frame around the lines.
    #[cfg(feature = "web")]
    BinaryFrames,
    /// Each connection's bytes are its own.
    None,
}

impl Codec {
    /// A connection that begins with TLS.
    #[cfg(feature = "tls")]
    pub(crate) fn over_tls(tls: Tls) -> Codec {
        Codec {
            tls: Some(Box::new(tls)),
            #[cfg(feature = "web")]
            web: None,
            #[cfg(feature = "web")]
            awaits_request: false,
        }
    }

    /// From now on, only answers to HTTP requests are sent.
    #[cfg(feature = "web")]
    pub(crate) fn await_request(&mut self) {
        self.awaits_request = true;
    }

    /// Whether the client expects only answers to HTTP requests.
    pub(crate) fn awaits_request(&self) -> bool {
        #[cfg(feature = "web")]
        return self.awaits_request;
        #[cfg(not(feature = "web"))]
        false
    }

    /// From now on everything is WebSocket, inside TLS if there is TLS.
    #[cfg(feature = "web")]
    pub(crate) fn open_web(&mut self, socket: WebSocket) {
        self.awaits_request = false;
        self.web = Some(Box::new(socket));
    }

    /// What the messages of a WebSocket contain; `None` on any other connection.
    #[cfg(feature = "web")]
    pub(crate) fn form(&self) -> Option<Form> {
        self.web.as_ref().map(|web| web.form())
    }

    /// Whether bytes are sent as they are.
    pub fn is_plain(&self) -> bool {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return false;
        }
        #[cfg(feature = "web")]
        if self.web.is_some() {
            return false;
        }
        true
    }

    /// Whether there is TLS.
    #[cfg(feature = "tls")]
    pub(crate) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether bytes encoded for this connection are the same as for others.
    pub fn shares(&self) -> Sharing {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return Sharing::None;
        }
        #[cfg(feature = "web")]
        if let Some(web) = &self.web {
            return match web.form() {
                _ if web.is_closed() => Sharing::None,
                Form::Lines => Sharing::TextFrames,
                Form::Terminal | Form::Telnet => Sharing::BinaryFrames,
            };
        }
        Sharing::Lines
    }

    /// The encrypting protocol, with its version once both sides have agreed on one.
    pub fn encryption(&self) -> Option<&'static str> {
        #[cfg(feature = "tls")]
        return self.tls.as_ref().map(|tls| tls.version());
        #[cfg(not(feature = "tls"))]
        None
    }

    /// Takes the bytes of one read during the handshake of TLS, and appends what has to be sent back to `answer`. Plain text that
    /// follows the handshake is kept for the first [`Codec::feed`].
    ///
    /// # Errors
    ///
    /// The peer does not speak TLS, or no version that we accept. `answer` tells it so.
    #[cfg(feature = "tls")]
    pub(crate) fn shake_hands(&mut self, input: &[u8], answer: &mut Vec<u8>) -> Result<Progress, TlsError> {
        match &mut self.tls {
            None => Ok(Progress::Open),
            Some(tls) => tls.shake_hands(input, answer),
        }
    }

    /// Takes the bytes of one read; appends the plain text to `plain`, and what has to be sent back to `answer`.
    ///
    /// # Errors
    ///
    /// The bytes were damaged or break the protocol. Plain text from before the damage is in `plain` all the same, so it
    /// does not matter how the network splits the bytes.
    #[cfg_attr(
        not(any(feature = "tls", feature = "web")),
        expect(unused_variables, clippy::ptr_arg, reason = "plain bytes need no answer")
    )]
    pub fn feed(&mut self, input: &[u8], plain: &mut Vec<u8>, answer: &mut Vec<u8>) -> Result<Progress, CodecError> {
        #[cfg(feature = "web")]
        if self.web.is_some() {
            return self.feed_web(input, plain, answer);
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.feed(input, plain, answer).map_err(CodecError::Tls);
        }
        plain.extend_from_slice(input);
        Ok(Progress::Open)
    }

    #[cfg(feature = "web")]
    fn feed_web(&mut self, input: &[u8], plain: &mut Vec<u8>, answer: &mut Vec<u8>) -> Result<Progress, CodecError> {
        let Codec { web: Some(web), .. } = self else { return Ok(Progress::Open) };
        #[cfg(feature = "tls")]
        let mut decrypted = Vec::new();
        #[cfg(feature = "tls")]
        let (input, progress) = match &mut self.tls {
            Some(tls) => {
                let progress = tls.feed(input, &mut decrypted, answer);
                (decrypted.as_slice(), progress.map_err(CodecError::Tls))
            }
            None => (input, Ok(Progress::Open)),
        };
        #[cfg(not(feature = "tls"))]
        let progress = Ok(Progress::Open);
        let mut reply = Vec::new();
        let closed = web.feed(input, plain, &mut reply);
        self.encrypt(&reply, answer);
        if closed.map_err(CodecError::WebSocket)? { Ok(Progress::Closed) } else { progress }
    }

    /// Wraps `plain` in every layer and appends the result to `encoded`; appends nothing after [`Codec::close`]. In a WebSocket it
    /// is one message, however many lines it has.
    pub fn encode(&mut self, plain: &[u8], encoded: &mut Vec<u8>) {
        #[cfg(feature = "web")]
        if let Some(web) = &mut self.web {
            #[cfg(feature = "tls")]
            if let Some(tls) = &mut self.tls {
                let mut message = Vec::with_capacity(plain.len() + FRAME_HEAD);
                web.encode(plain, &mut message);
                return tls.encrypt(&message, encoded);
            }
            return web.encode(plain, encoded);
        }
        self.encrypt(plain, encoded);
    }

    /// The same on a connection with TLS, handed to `sink` as far as that takes it; what is left is appended to `rest`.
    #[cfg(feature = "tls")]
    pub(crate) fn encode_to(&mut self, plain: &[u8], sink: &mut dyn std::io::Write, rest: &mut Vec<u8>) {
        let Some(tls) = &mut self.tls else { return self.encode(plain, rest) };
        #[cfg(feature = "web")]
        if let Some(web) = &mut self.web {
            let mut message = Vec::with_capacity(plain.len() + FRAME_HEAD);
            web.encode(plain, &mut message);
            return tls.encrypt_to(&message, sink, rest);
        }
        tls.encrypt_to(plain, sink, rest);
    }

    fn encrypt(&mut self, plain: &[u8], encrypted: &mut Vec<u8>) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.encrypt(plain, encrypted);
        }
        encrypted.extend_from_slice(plain);
    }

    /// Pings the peer of a WebSocket.
    #[cfg(feature = "web")]
    pub(crate) fn ping(&mut self, encoded: &mut Vec<u8>) {
        if let Some(web) = &mut self.web {
            let mut ping = Vec::new();
            web.ping(&mut ping);
            self.encrypt(&ping, encoded);
        }
    }

    /// Notes why the connection is about to end, for the close frame of a WebSocket.
    #[cfg_attr(not(feature = "web"), expect(unused_variables, reason = "only a WebSocket says why"))]
    pub(crate) fn explain(&mut self, reason: &str) {
        #[cfg(feature = "web")]
        if let Some(web) = &mut self.web {
            web.explain(reason);
        }
    }

    /// The client of a WebSocket is dropped: keeps the end of the message that was partly sent, `begun`, and the reason
    /// after it. Inside TLS nothing is kept, since the client lacks what was encrypted in between.
    #[cfg(feature = "web")]
    pub(crate) fn keep_parting(&mut self, begun: &[u8], code: u16, reason: &str) {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return;
        }
        if let Some(web) = &mut self.web {
            web.keep_parting(begun, code, reason);
        }
    }

    /// What [`Codec::keep_parting`] has kept, once.
    #[cfg(feature = "web")]
    pub(crate) fn take_parting(&mut self) -> Vec<u8> {
        self.web.as_mut().map(|web| web.take_parting()).unwrap_or_default()
    }

    /// The bytes that tell the peer that nothing more follows, and in a WebSocket why. Empty on a plain connection, and
    /// on a second call.
    #[cfg_attr(not(feature = "web"), expect(unused_variables, reason = "only a WebSocket says why"))]
    pub fn close(&mut self, code: u16, reason: &str) -> Vec<u8> {
        let mut encoded = Vec::new();
        #[cfg(feature = "web")]
        if let Some(web) = &mut self.web {
            let last = web.close(code, reason);
            self.encrypt(&last, &mut encoded);
        }
        encoded.append(&mut self.close_tls());
        encoded
    }

    fn close_tls(&mut self) -> Vec<u8> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.close();
        }
        Vec::new()
    }

    /// Notes that encoded bytes will not be sent. The peer could understand nothing after them, so nothing more is
    /// encoded, not even the closing message: without it the peer knows that it has missed something.
    pub(crate) fn abandon(&mut self) {
        #[cfg(feature = "web")]
        if let Some(web) = &mut self.web {
            web.abandon();
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            tls.abandon();
        }
    }
}
