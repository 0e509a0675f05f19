//! Bytes to keys, as terminals send them.
//!
//! ```text
//! Ground --ESC--> Escape --[--> Control --final byte--> Ground
//!   ^               |----O--> Control, as SS3
//!   |               '--anything else: Alt and a key, or ESC is ignored
//!   '--next byte-- AfterReturn <--CR-- Ground
//! ```
//!
//! ESC may be a key by itself, and only timing could tell it from the start of a sequence, but then keys would depend on how
//! packets are split. So ESC begins a sequence if `[`, `O`, `b`, `d`, `f` or Backspace follows, or the start of a string
//! with which a terminal replies to a question: OSC, DCS, APC, PM or SOS (ECMA-48, 5.6). Otherwise ESC is ignored and the
//! next byte is typed normally. A string is swallowed up to BEL or ST; Enter and any other control character end it too,
//! so a key pressed by accident costs at most the text before the next Enter.
//!
//! In a paste, a line end is a break in the line, not Enter, and every other control character is dropped. If the end of a
//! paste never comes, pressing Control-C twice in a row leaves it. One is not enough, since text may contain one by
//! accident.
//!
//! *Owns* control characters, escape sequences, the start and end of a paste, and characters split between packets.
//! *Knows nothing of* the line and of what a key does.

use std::str;

use crate::text::Charset;

mod sequence;

use sequence::Sequence;

/// Longest terminal reply that is swallowed, in bytes.
///
/// Terminals reply in under a kilobyte. In a longer string the rest counts as typed, so that an accidental start of a
/// string does not swallow everything that the user types.
const LONGEST_STRING: u16 = 4096;

const ESC: u8 = 0x1b;
/// Control-C, ETX.
const INTERRUPT: u8 = 0x03;

/// What was pressed or pasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// A run of printable ASCII.
    Text(&'a str),
    /// Any other character, or a pasted TAB.
    Character(char),
    /// The number of line ends in a paste before more text; those at its end are never reported.
    Breaks(u16),
    Enter,
    Tab,
    Interrupt,
    /// Ctrl-D: end of input, or Delete within a line.
    EndOrDelete,
    Redraw,
    Backspace,
    Delete,
    EraseWord,
    EraseToSpace,
    EraseWordRight,
    EraseToStart,
    EraseToEnd,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Older,
    Newer,
    Yank,
    Transpose,
    Undo,
    Search,
    /// Ctrl-G.
    Cancel,
    /// ESC, alone or at the start of a sequence; reported only on request.
    Escape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyState {
    Ground,
    /// A LF or NUL belongs to the CR before it.
    AfterReturn,
    /// Only in a paste: after a Control-C.
    AfterInterrupt,
    Escape,
    /// After CSI (`ESC [`) or SS3 (`ESC O`), up to the final byte (ECMA-48, 5.4).
    Control(Sequence),
    /// After `ESC [ [`: the Linux console's function keys have one byte more than in ECMA-48.
    Console,
    /// After OSC, DCS, SOS, PM or APC, up to BEL or ST; how many more bytes are swallowed.
    String(u16),
    /// After an ESC in a string: half of an ST, or the start of something else.
    StringEscape,
    /// After `ESC [ M`: how many bytes of an X10 mouse report are still to come.
    Mouse(u8),
}

/// Decodes keys in fixed memory.
#[derive(Debug)]
pub(super) struct Keys {
    state: KeyState,
    is_pasting: bool,
    /// Line ends in the paste that no text has followed yet. Saturates: a longer run of empty lines is cut.
    breaks: u16,
    /// An incomplete UTF-8 character.
    partial: [u8; 4],
    partial_length: u8,
    charset: Charset,
    /// Something was not valid UTF-8.
    is_garbled: bool,
    reports_escape: bool,
}

impl Keys {
    /// Line mode may have read only the CR of the previous line end: a LF or NUL that comes first is dropped.
    pub(super) fn new() -> Keys {
        Keys {
            state: KeyState::AfterReturn,
            is_pasting: false,
            breaks: 0,
            partial: [0; 4],
            partial_length: 0,
            charset: Charset::Utf8,
            is_garbled: false,
            reports_escape: false,
        }
    }

    /// Sets whether ESC is reported as a key, at once, even if it begins a sequence.
    pub(super) fn set_reports_escape(&mut self, on: bool) {
        self.reports_escape = on;
    }

    /// Drops an incomplete sequence, paste or character.
    pub(super) fn reset(&mut self) {
        *self =
            Keys { state: KeyState::Ground, charset: self.charset, reports_escape: self.reports_escape, ..Keys::new() };
    }

    /// Sets how the terminal encodes characters. An incomplete one is dropped.
    pub(super) fn set_charset(&mut self, charset: Charset) {
        self.charset = charset;
        self.partial_length = 0;
    }

    /// Whether anything was not valid UTF-8 since the last call.
    pub(super) fn take_garbled(&mut self) -> bool {
        std::mem::take(&mut self.is_garbled)
    }

    /// Whether a bracketed paste is under way.
    pub(super) fn is_pasting(&self) -> bool {
        self.is_pasting
    }

    /// The next key; `None` once the input is used up.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Key<'a>> {
        loop {
            let (&byte, rest) = input.split_first()?;
            if self.breaks > 0 && self.state == KeyState::Ground && is_text(byte) {
                return Some(Key::Breaks(std::mem::take(&mut self.breaks)));
            }
            if self.partial_length > 0 || (byte >= 0x80 && self.state == KeyState::Ground) {
                let (character, is_taken) = self.character(byte);
                if is_taken {
                    *input = rest;
                }
                match character {
                    Some(character) => return Some(Key::Character(character)),
                    None => continue,
                }
            }
            if self.state == KeyState::Ground && is_printable(byte) {
                let end = input.iter().position(|byte| !is_printable(*byte)).unwrap_or(input.len());
                let (run, rest) = input.split_at(end);
                *input = rest;
                // ASCII is always UTF-8.
                return Some(Key::Text(str::from_utf8(run).unwrap_or("")));
            }
            let (key, is_taken) = self.control(byte);
            if is_taken {
                *input = rest;
            }
            if key == Some(Key::Enter)
                && self.state == KeyState::AfterReturn
                && let [b'\n' | 0, rest @ ..] = *input
            {
                // Taken now if it is here: line mode may read what follows.
                self.state = KeyState::Ground;
                *input = rest;
            }
            if key.is_some() {
                return key;
            }
        }
    }

    /// Handles a byte of a non-ASCII character. The second value is whether the byte is taken: one that cannot continue an
    /// incomplete character is not.
    fn character(&mut self, byte: u8) -> (Option<char>, bool) {
        if self.charset == Charset::Latin1 {
            return (Some(char::from(byte)), true);
        }
        let length = usize::from(self.partial_length);
        // A fourth byte always completes a character or makes it invalid.
        if let Some(slot) = self.partial.get_mut(length) {
            *slot = byte;
        }
        let bytes = self.partial.get(..=length).unwrap_or(&self.partial);
        self.partial_length = 0;
        match str::from_utf8(bytes) {
            Ok(text) => (text.chars().next(), true),
            Err(error) if error.error_len().is_none() => {
                self.partial_length = u8::try_from(length + 1).unwrap_or(0);
                (None, true)
            }
            // An invalid sequence becomes one U+FFFD, as in line mode; a single byte is taken with it.
            Err(_) => {
                self.is_garbled = true;
                (Some(char::REPLACEMENT_CHARACTER), length == 0)
            }
        }
    }

    /// All transitions. The second value is whether the byte is taken; if not, it is handled again in the new state.
    fn control(&mut self, byte: u8) -> (Option<Key<'static>>, bool) {
        let (next, key, is_taken) = match (self.state, byte) {
            (KeyState::AfterReturn, b'\n' | 0) => (KeyState::Ground, None, true),
            (KeyState::AfterReturn, _) => (KeyState::Ground, None, false),

            (KeyState::AfterInterrupt, INTERRUPT) => {
                self.end_paste();
                (KeyState::Ground, Some(Key::Interrupt), true)
            }
            (KeyState::AfterInterrupt, _) => (KeyState::Ground, None, false),

            (KeyState::Ground, b'\r' | b'\n') if self.is_pasting => {
                self.breaks = self.breaks.saturating_add(1);
                (if byte == b'\r' { KeyState::AfterReturn } else { KeyState::Ground }, None, true)
            }
            (KeyState::Ground, INTERRUPT) if self.is_pasting => (KeyState::AfterInterrupt, None, true),
            (KeyState::Ground, b'\r') => (KeyState::AfterReturn, Some(Key::Enter), true),
            (KeyState::Ground, b'\n') => (KeyState::Ground, Some(Key::Enter), true),
            (KeyState::Ground, ESC) => (KeyState::Escape, self.reports_escape.then_some(Key::Escape), true),
            (KeyState::Ground, b'\t') if self.is_pasting => (KeyState::Ground, Some(Key::Character('\t')), true),
            (KeyState::Ground, _) if self.is_pasting => (KeyState::Ground, None, true),
            (KeyState::Ground, _) => (KeyState::Ground, control_key(byte), true),

            (KeyState::Escape, ESC) => (KeyState::Escape, None, true),
            (KeyState::Escape, b'[') => (KeyState::Control(Sequence::default()), None, true),
            (KeyState::Escape, b'O') => {
                (KeyState::Control(Sequence { is_ss3: true, ..Sequence::default() }), None, true)
            }
            (KeyState::Escape, b']' | b'P' | b'X' | b'^' | b'_') => (KeyState::String(LONGEST_STRING), None, true),
            // The other sequences of ISO 2022: intermediate bytes, then a final one.
            (KeyState::Escape, 0x20..=0x2f) if self.is_pasting => (KeyState::Escape, None, true),
            (KeyState::Escape, 0x30..=0x7e) if self.is_pasting => (KeyState::Ground, None, true),
            (KeyState::Escape, b'b') => (KeyState::Ground, Some(Key::WordLeft), true),
            (KeyState::Escape, b'f') => (KeyState::Ground, Some(Key::WordRight), true),
            (KeyState::Escape, b'd') => (KeyState::Ground, Some(Key::EraseWordRight), true),
            (KeyState::Escape, 0x08 | 0x7f) if !self.is_pasting => (KeyState::Ground, Some(Key::EraseWord), true),
            (KeyState::Escape, _) => (KeyState::Ground, None, false),

            (KeyState::Control(Sequence { is_ss3: false, is_begun: false, .. }), b'[') => {
                (KeyState::Console, None, true)
            }
            // In a paste it is the sequence for deleting a line, not a report.
            (KeyState::Control(Sequence { is_ss3: false, is_begun: false, .. }), b'M') if !self.is_pasting => {
                (KeyState::Mouse(3), None, true)
            }
            (KeyState::Control(sequence), 0x20..=0x3f) => (KeyState::Control(sequence.with(byte)), None, true),
            (KeyState::Control(sequence), 0x40..=0x7e) => (KeyState::Ground, self.sequence_key(sequence, byte), true),
            // A control character or non-ASCII text ends a sequence.
            (KeyState::Control(_), _) => (KeyState::Ground, None, false),

            (KeyState::Console, 0x20..=0x7e) => (KeyState::Ground, None, true),
            (KeyState::Console, _) => (KeyState::Ground, None, false),

            (KeyState::Mouse(left), 0x20..) => {
                (if left > 1 { KeyState::Mouse(left - 1) } else { KeyState::Ground }, None, true)
            }
            (KeyState::Mouse(_), _) => (KeyState::Ground, None, false),

            // BEL, CAN and SUB.
            (KeyState::String(_), 0x07 | 0x18 | 0x1a) => (KeyState::Ground, None, true),
            (KeyState::String(_), ESC) => (KeyState::StringEscape, None, true),
            (KeyState::String(0), _) => (KeyState::Ground, None, false),
            (KeyState::String(left), 0 | 0x20..=0x7e | 0x80..) => (KeyState::String(left - 1), None, true),
            (KeyState::String(_), _) => (KeyState::Ground, None, false),
            (KeyState::StringEscape, b'\\') => (KeyState::Ground, None, true),
            (KeyState::StringEscape, _) => (KeyState::Escape, None, false),
        };
        self.state = next;
        (key, is_taken)
    }

    fn sequence_key(&mut self, sequence: Sequence, last: u8) -> Option<Key<'static>> {
        let [first, _] = sequence.numbers;
        match (first, last) {
            // Bracketed paste (xterm's control sequences).
            (200, b'~') => self.is_pasting = true,
            (201, b'~') => self.end_paste(),
            _ if self.is_pasting || sequence.is_odd => {}
            _ => return sequence.key(last),
        }
        None
    }

    /// Drops the line ends at the end of a paste: copying a line usually copies its end too.
    fn end_paste(&mut self) {
        self.is_pasting = false;
        self.breaks = 0;
    }
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

/// Whether a byte in a paste is text or begins a character.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || is_printable(byte) || byte >= 0x80
}

/// The key for a typed control character.
fn control_key(byte: u8) -> Option<Key<'static>> {
    let letter = match byte {
        0x7f => return Some(Key::Backspace),
        b'\t' => return Some(Key::Tab),
        // Control takes 0x40 from a letter.
        byte => byte | 0x40,
    };
    Some(match letter {
        b'A' => Key::Home,
        b'B' => Key::Left,
        b'C' => Key::Interrupt,
        b'D' => Key::EndOrDelete,
        b'E' => Key::End,
        b'F' => Key::Right,
        b'G' => Key::Cancel,
        b'H' => Key::Backspace,
        b'K' => Key::EraseToEnd,
        b'L' => Key::Redraw,
        b'N' => Key::Newer,
        b'P' => Key::Older,
        b'R' => Key::Search,
        b'T' => Key::Transpose,
        b'U' => Key::EraseToStart,
        b'W' => Key::EraseToSpace,
        b'Y' => Key::Yank,
        b'_' => Key::Undo,
        _ => return None,
    })
}
