//! One connection's messages, as a stream of bytes in each direction for the layers above.
//!
//! *Owns* how messages map to bytes, the answers to pings and to a close, and that nothing follows our own close.
//! *Knows nothing of* encryption.

use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::reader::{FrameEvent, FrameReader, MessageKind};
use super::violation::Violation;
use super::writer::{write_close, write_header, write_text_header};

/// What messages contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines, in text messages in both directions; a message may hold several. The end of a message ends a line.
    Lines,
    /// A stream of text for a terminal, UTF-8 with the sequences of ECMA-48; without telnet commands.
    Terminal,
    /// The telnet stream.
    Telnet,
}

/// A WebSocket after its handshake.
#[derive(Debug)]
pub struct WebSocket {
    form: Form,
    reader: FrameReader,
    /// What arrived after the handshake's request, for the first [`WebSocket::feed`].
    early: Vec<u8>,
    /// The incomplete message, for lines: a line is passed on only when all of its message has arrived.
    message: Vec<u8>,
    /// The last refusal before the end, which the close frame repeats, so that a page can still show it.
    reason: Option<Box<str>>,
    /// What is still to be sent to a client that is dropped.
    parting: Vec<u8>,
    /// Our own close was sent, or nothing more can be sent.
    closed: bool,
}

impl WebSocket {
    /// A connection whose handshake is done. `limit`: most bytes in one message. `early`: what was read after the
    /// handshake's request.
    pub fn new(form: Form, limit: usize, early: Vec<u8>) -> WebSocket {
        WebSocket {
            form,
            reader: FrameReader::new(limit),
            early,
            message: Vec::new(),
            reason: None,
            parting: Vec::new(),
            closed: false,
        }
    }

    /// What messages contain.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Whether nothing more may be sent.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Takes the bytes of one read; appends the messages' contents to `plain`, and what has to be sent back to `answer`.
    /// Of several pings only the last is answered, so that a flood of them causes no flood of answers (RFC 6455, section
    /// 5.5.3). True if the peer has closed.
    ///
    /// # Errors
    ///
    /// The peer broke a rule, and was told which. `plain` has the contents of the whole messages before that.
    pub fn feed(&mut self, input: &[u8], plain: &mut Vec<u8>, answer: &mut Vec<u8>) -> Result<bool, Violation> {
        let early = std::mem::take(&mut self.early);
        let mut pong = None;
        let mut end = self.read(&early, plain, &mut pong);
        if end == Ok(None) {
            end = self.read(input, plain, &mut pong);
        }
        if let Some(payload) = pong.filter(|_| !self.closed) {
            write_header(OpCode::Control(Control::Pong), payload.len(), answer);
            answer.extend_from_slice(&payload);
        }
        match end {
            Ok(None) => Ok(false),
            Ok(Some(CloseStatus(code))) => {
                self.write_last(code, "", answer);
                Ok(true)
            }
            Err(violation) => {
                self.write_last(Some(violation.close_code()), &violation.to_string(), answer);
                Err(violation)
            }
        }
    }

    /// Reads until all of the input is taken, or the peer closes.
    fn read(
        &mut self,
        mut input: &[u8],
        plain: &mut Vec<u8>,
        pong: &mut Option<Vec<u8>>,
    ) -> Result<Option<CloseStatus>, Violation> {
        let mut whole = plain.len();
        let ended = loop {
            // A message that arrives in one read goes straight to `plain`; an incomplete one waits here.
            let data = if self.message.is_empty() { &mut *plain } else { &mut self.message };
            match self.reader.next(&mut input, data) {
                Ok(None) => break Ok(None),
                Ok(Some(FrameEvent::Began(MessageKind::Binary))) if self.form == Form::Lines => {
                    break Err(Violation::Binary);
                }
                Ok(Some(FrameEvent::Began(_) | FrameEvent::Pong)) => {}
                Ok(Some(FrameEvent::Ended(_))) => {
                    if self.form == Form::Lines {
                        plain.append(&mut self.message);
                        self.message = Vec::new();
                        plain.push(b'\n');
                    }
                    whole = plain.len();
                }
                Ok(Some(FrameEvent::Ping(payload))) => *pong = Some(payload),
                Ok(Some(FrameEvent::Closed(code))) => break Ok(Some(CloseStatus(code))),
                Err(violation) => break Err(violation),
            }
        };
        if self.form == Form::Lines && plain.len() > whole {
            self.message = plain.split_off(whole);
        }
        ended
    }

    /// Appends `plain` as one message to `out`: text for lines, otherwise bytes, which may end inside a character.
    /// Appends nothing after a close.
    pub fn encode(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        if self.closed || plain.is_empty() {
            return;
        }
        match self.form {
            Form::Lines => write_text_header(plain.len(), out),
            Form::Terminal | Form::Telnet => write_header(OpCode::Data(Data::Binary), plain.len(), out),
        }
        out.extend_from_slice(plain);
    }

    /// Appends a ping.
    pub fn ping(&mut self, out: &mut Vec<u8>) {
        if !self.closed {
            write_header(OpCode::Control(Control::Ping), 0, out);
        }
    }

    /// Notes why the connection is about to end, for the close frame.
    pub(crate) fn explain(&mut self, reason: &str) {
        self.reason = Some(reason.into());
    }

    /// The close frame with this code, and this reason unless there is another; empty if one was sent already, or nothing
    /// more can be sent.
    pub fn close(&mut self, code: u16, reason: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let explained = self.reason.take();
        self.write_last(Some(code), explained.as_deref().unwrap_or(reason), &mut out);
        out
    }

    /// Keeps the end of a message that was partly sent, and a close frame after it, for [`WebSocket::take_parting`].
    pub(crate) fn keep_parting(&mut self, begun: &[u8], code: u16, reason: &str) {
        if !self.closed {
            self.parting = begun.to_vec();
            let last = self.close(code, reason);
            self.parting.extend(last);
        }
    }

    /// What [`WebSocket::keep_parting`] has kept, once.
    pub(crate) fn take_parting(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.parting)
    }

    /// Notes that encoded bytes will not be sent, so that the peer could understand nothing after them.
    pub(crate) fn abandon(&mut self) {
        self.closed = true;
    }

    /// Bytes held between two reads.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.message.capacity() + self.early.capacity()
    }

    fn write_last(&mut self, code: Option<u16>, reason: &str, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.closed, true) {
            write_close(code, reason, out);
        }
    }
}

/// The peer has closed, with this code if it gave one. It is answered with the same (RFC 6455, section 5.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CloseStatus(Option<u16>);
