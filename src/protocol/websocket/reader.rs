//! A client's bytes to events: the server's side of RFC 6455, section 5.
//!
//! Every rule is checked at the byte that breaks it or, for a frame's header, at the last byte before the mask: nothing is
//! buffered before it is known to be allowed. Payloads are appended to the caller's buffer as they arrive, so a reader holds no
//! more than a part of a header, a control frame, and the beginning of a character.
//!
//! *Owns* the state between two reads, and the limit of a message.
//! *Knows nothing of* what the messages say, or what is answered.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::utf8::{NotUtf8, Utf8};
use super::violation::Violation;

/// The longest header: two bytes, eight of length, four of mask.
const HEADER: usize = 14;

/// The longest payload of a control frame (section 5.5).
const MOST_CONTROL: u64 = 125;

/// A close code that IANA has registered, and tungstenite does not know.
const BAD_GATEWAY: u16 = 1014;

/// The two kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
}

/// What the peer has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameEvent {
    /// A message begins; its payload is appended to the caller's buffer from now on.
    Began(MessageKind),
    /// The message is complete.
    Ended(MessageKind),
    /// To be answered with the same bytes.
    Ping(Vec<u8>),
    /// The answer to a ping, or a sign of life.
    Pong,
    /// The end, with the peer's code if it gave one. Nothing after it counts.
    Closed(Option<u16>),
}

/// A frame whose payload is incomplete.
#[derive(Debug)]
struct Frame {
    opcode: OpCode,
    is_final: bool,
    /// Rotated so that its first byte is for the next byte of payload.
    mask: [u8; 4],
    left: u64,
}

/// The reading half of a connection.
#[derive(Debug)]
pub struct FrameReader {
    /// Most bytes in one message.
    limit: usize,
    header: [u8; HEADER],
    header_bytes: usize,
    frame: Option<Frame>,
    /// The current message, and its bytes so far.
    message: Option<MessageKind>,
    message_bytes: u64,
    utf8: Utf8,
    /// Payload of a control frame.
    control: Vec<u8>,
}

impl FrameReader {
    /// A reader for messages of at most `limit` bytes.
    pub fn new(limit: usize) -> FrameReader {
        FrameReader {
            limit,
            header: [0; HEADER],
            header_bytes: 0,
            frame: None,
            message: None,
            message_bytes: 0,
            utf8: Utf8::default(),
            control: Vec::new(),
        }
    }

    /// Takes bytes from `input` up to the next event, and appends the payload of messages to `data`. `None` once all input is
    /// taken.
    ///
    /// # Errors
    ///
    /// The bytes break a rule, and nothing more can be read.
    pub fn next(&mut self, input: &mut &[u8], data: &mut Vec<u8>) -> Result<Option<FrameEvent>, Violation> {
        loop {
            let Some(mut frame) = self.frame.take() else {
                let Some(frame) = self.read_header(input)? else { return Ok(None) };
                let begun = self.begin_frame(&frame);
                self.frame = Some(frame);
                if let Some(kind) = begun {
                    return Ok(Some(FrameEvent::Began(kind)));
                }
                continue;
            };
            let count = usize::try_from(frame.left).map_or(input.len(), |left| left.min(input.len()));
            let (payload, rest) = input.split_at(count);
            *input = rest;
            frame.left -= count as u64;
            match frame.opcode {
                OpCode::Control(_) => unmask(payload, &mut frame.mask, &mut self.control),
                OpCode::Data(_) => {
                    let start = data.len();
                    unmask(payload, &mut frame.mask, data);
                    if self.message == Some(MessageKind::Text)
                        && let Err(NotUtf8 { after }) = self.utf8.feed(&data[start..])
                    {
                        data.truncate(start + after);
                        return Err(Violation::NotUtf8);
                    }
                }
            }
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            if let Some(event) = self.end_frame(&frame)? {
                return Ok(Some(event));
            }
        }
    }

    /// Reads a header, if all of it has arrived.
    fn read_header(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Violation> {
        let begun = self.header_bytes;
        let room = &mut self.header[begun..];
        let taken = room.len().min(input.len());
        room[..taken].copy_from_slice(&input[..taken]);
        let arrived = begun + taken;
        // All rules concern the bytes before the mask, so they need not wait for it; until it arrives, its place holds
        // unused bytes.
        let judged = if arrived < mask_at(&self.header[..arrived]) { arrived } else { HEADER };
        let mut cursor = Cursor::new(&self.header[..judged]);
        // Its only error is an unknown opcode.
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| Violation::Opcode)?;
        let length = usize::try_from(cursor.position()).unwrap_or(HEADER);
        let frame = match parsed {
            Some((header, left)) => Some(self.check_header(&header, left, length)?),
            None => None,
        };
        if frame.is_none() || arrived < length {
            // A header has at most 14 bytes.
            self.header_bytes = arrived;
            *input = &input[taken..];
            return Ok(None);
        }
        *input = &input[length - begun..];
        self.header_bytes = 0;
        Ok(frame)
    }

    /// Checks a header of `length` bytes, with `left` bytes of payload after it.
    fn check_header(&self, header: &FrameHeader, left: u64, length: usize) -> Result<Frame, Violation> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Violation::ReservedBits);
        }
        let Some(mask) = header.mask else { return Err(Violation::NotMasked) };
        if header.len(left) != length {
            return Err(Violation::LongLength);
        }
        let begins = match header.opcode {
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(Data::Reserved(_)) => return Err(Violation::Opcode),
            OpCode::Control(_) if !header.is_final || left > MOST_CONTROL => return Err(Violation::ControlFrame),
            OpCode::Control(_) => None,
            OpCode::Data(Data::Continue) => Some(false),
            OpCode::Data(Data::Text | Data::Binary) => Some(true),
        };
        if begins.is_some_and(|begins| begins == self.message.is_some()) {
            return Err(Violation::Fragment);
        }
        if begins.is_some() && self.message_bytes.saturating_add(left) > self.limit as u64 {
            return Err(Violation::TooBig(self.limit));
        }
        Ok(Frame { opcode: header.opcode, is_final: header.is_final, mask, left })
    }

    /// Begins the frame whose header has arrived. Returns the kind of the message that begins with it.
    fn begin_frame(&mut self, frame: &Frame) -> Option<MessageKind> {
        let kind = match frame.opcode {
            OpCode::Control(_) => return None,
            OpCode::Data(Data::Continue | Data::Reserved(_)) => None,
            OpCode::Data(Data::Text) => Some(MessageKind::Text),
            OpCode::Data(Data::Binary) => Some(MessageKind::Binary),
        };
        self.message_bytes = self.message_bytes.saturating_add(frame.left);
        self.message = kind.or(self.message);
        kind
    }

    /// Ends a frame whose payload is complete.
    fn end_frame(&mut self, frame: &Frame) -> Result<Option<FrameEvent>, Violation> {
        match frame.opcode {
            OpCode::Control(Control::Ping) => Ok(Some(FrameEvent::Ping(std::mem::take(&mut self.control)))),
            OpCode::Control(Control::Pong) => {
                self.control = Vec::new();
                Ok(Some(FrameEvent::Pong))
            }
            OpCode::Control(Control::Close) => close_code_of(&std::mem::take(&mut self.control)).map(Some),
            OpCode::Control(Control::Reserved(_)) => Err(Violation::Opcode),
            OpCode::Data(_) if !frame.is_final => Ok(None),
            OpCode::Data(_) => {
                if !self.utf8.finish() {
                    return Err(Violation::NotUtf8);
                }
                self.message_bytes = 0;
                Ok(self.message.take().map(FrameEvent::Ended))
            }
        }
    }
}

/// Where the mask of a header begins, as far as its first two bytes have arrived (section 5.2).
fn mask_at(header: &[u8]) -> usize {
    match header {
        [_, length, ..] => match length & 0x7f {
            126 => 4,
            127 => 10,
            _ => 2,
        },
        _ => HEADER,
    }
}

/// Reads the payload of a close frame: nothing, or a code and a reason in UTF-8 (section 5.5.1).
fn close_code_of(payload: &[u8]) -> Result<FrameEvent, Violation> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(FrameEvent::Closed(None)) } else { Err(Violation::CloseCode) };
    };
    let code = u16::from_be_bytes(*code);
    if code != BAD_GATEWAY && !CloseCode::from(code).is_allowed() {
        return Err(Violation::CloseCode);
    }
    std::str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
    Ok(FrameEvent::Closed(Some(code)))
}

/// Appends a payload without its mask (section 5.3), and rotates the mask for what follows.
fn unmask(payload: &[u8], mask: &mut [u8; 4], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(payload);
    let mut groups = out[start..].chunks_exact_mut(4);
    for group in &mut groups {
        for (byte, mask) in group.iter_mut().zip(&*mask) {
            *byte ^= mask;
        }
    }
    let rest = groups.into_remainder();
    for (byte, mask) in rest.iter_mut().zip(&*mask) {
        *byte ^= mask;
    }
    mask.rotate_left(rest.len());
}
