//! Frames from the server: final and not masked, so that the same bytes serve every client (RFC 6455, section 5.1).
//!
//! *Knows nothing of* who gets them.

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Longest reason in a close frame, in bytes: 125 for a control frame, less two for the code (RFC 6455, section 5.5).
const MOST_REASON: usize = 123;

/// Appends the header of one whole text message; the payload of `len` bytes follows.
pub(crate) fn write_text_header(len: usize, out: &mut Vec<u8>) {
    write_header(OpCode::Data(Data::Text), len, out);
}

/// The same for a binary message.
pub(crate) fn write_binary_header(len: usize, out: &mut Vec<u8>) {
    write_header(OpCode::Data(Data::Binary), len, out);
}

/// Appends the header of one whole message or control frame; the payload of `len` bytes follows.
pub fn write_header(opcode: OpCode, len: usize, out: &mut Vec<u8>) {
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    // Writing into memory cannot fail.
    let _ = header.format(len as u64, out);
}

/// Appends a close frame, without a code if there is none. A long reason is cut at a character.
pub fn write_close(code: Option<u16>, reason: &str, out: &mut Vec<u8>) {
    let Some(code) = code else { return write_header(OpCode::Control(Control::Close), 0, out) };
    let end = (0..=reason.len().min(MOST_REASON)).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or(0);
    write_header(OpCode::Control(Control::Close), 2 + end, out);
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(&reason.as_bytes()[..end]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_two_four_or_ten_bytes() {
        for (len, header) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xFF, 0xFF]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = vec![7];
            write_text_header(len, &mut out);
            assert_eq!(out[1..], header, "{len}");
            assert_eq!(out[0], 7);
        }
    }

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let mut out = Vec::new();
        write_close(Some(1008), &format!("{}éé", "a".repeat(122)), &mut out);
        assert_eq!(out[..4], [0x88, 124, 3, 0xF0]);
        assert_eq!(out[4..], [b'a'; 122]);
        out.clear();
        write_close(Some(1000), "", &mut out);
        assert_eq!(out, [0x88, 2, 3, 0xE8]);
        out.clear();
        write_close(None, "ignored", &mut out);
        assert_eq!(out, [0x88, 0]);
    }
}
