//! Bytes to keys, as terminals send them.
//!
//! ```text
//! Ground --ESC--> Escape --[--> Control --final byte--> Ground
//!   ^               |----O--> Control, as SS3
//!   |               '--anything else: Alt and a key, or ESC is forgotten
//!   '--next byte-- AfterReturn <--CR-- Ground
//! ```
//!
//! ESC may be a key by itself, and nothing tells it from the start of a sequence but time, which would make keys depend on
//! how packets were cut. So: ESC and what follows it are a sequence if that is `[`, `O`, `b`, `d`, `f` or Backspace, or
//! begins a string in which a terminal replies to a question: OSC, DCS, APC, PM or SOS (ECMA-48, 5.6). Otherwise ESC is
//! forgotten and the next byte is typed as if alone. A string is swallowed up to BEL or ST; Enter and any other control
//! character end it too, so that a key pressed by accident costs no more than what stands in front of the next Enter.
//!
//! In a paste a line end is a break in the line, not Enter, and every other control character is dropped. No other key
//! would get a person out of a paste whose end never comes, so Control-C does it when it comes twice in a row: once is
//! dropped like its neighbours, since text may hold one by accident.
//!
//! *Owns* control characters, escape sequences, the start and end of a paste, and characters cut by a packet's end.
//! *Knows nothing of* the line and of what a key does.
//! *Called by* `line::editor`.

use std::str;

use crate::text::Charset;

mod sequence;

use sequence::Sequence;

/// Longest string of a terminal's that is swallowed, in bytes.
///
/// Terminals answer in under a kilobyte. What follows in a longer one is typed again: whatever begins a string, it does
/// not swallow all that somebody types.
const LONGEST_STRING: u16 = 4096;

const ESC: u8 = 0x1b;
/// Control-C, ETX.
const INTERRUPT: u8 = 0x03;

/// What was pressed or pasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// Printable ASCII, as much of it as was there.
    Text(&'a str),
    /// Any other character; also a TAB that was pasted.
    Character(char),
    /// So many line ends in a paste, with text behind them: those at its end are never told.
    Breaks(u16),
    Enter,
    Tab,
    Interrupt,
    /// Ctrl-D: the end of the session, or Delete in a line.
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
    /// ESC, alone or at the start of a sequence; told where it was asked for.
    Escape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ground,
    /// A LF or NUL belongs to the CR before it.
    AfterReturn,
    /// Only in a paste: behind a Control-C.
    AfterInterrupt,
    Escape,
    /// Behind CSI (`ESC [`) or SS3 (`ESC O`), up to the final byte (ECMA-48, 5.4).
    Control(Sequence),
    /// Behind `ESC [ [`: the Linux console's function keys have one byte more than ECMA-48 says.
    Console,
    /// Behind OSC, DCS, SOS, PM or APC, up to BEL or ST; how many bytes it may still have.
    String(u16),
    /// Behind an ESC in a string, which is half of an ST or begins something else.
    StringEscape,
    /// Behind `ESC [ M`: so many bytes of a mouse report of X10 are still to come.
    Mouse(u8),
}

/// The decoder. Its memory is fixed, whatever comes.
#[derive(Debug)]
pub(super) struct Keys {
    state: State,
    is_pasting: bool,
    /// Line ends in the paste that nothing has followed yet. A longer run of empty lines than this can count is cut.
    breaks: u16,
    /// A character in UTF-8 of which not all bytes are there.
    partial: [u8; 4],
    partial_length: u8,
    charset: Charset,
    /// Something was not UTF-8.
    is_garbled: bool,
    tells_escape: bool,
}

impl Keys {
    /// Line mode has read the line before, and maybe only the CR of its end: a LF or NUL that comes first is dropped.
    pub(super) fn new() -> Keys {
        Keys {
            state: State::AfterReturn,
            is_pasting: false,
            breaks: 0,
            partial: [0; 4],
            partial_length: 0,
            charset: Charset::Utf8,
            is_garbled: false,
            tells_escape: false,
        }
    }

    /// Whether ESC is a key, too: at once, before it is known whether a sequence begins with it.
    pub(super) fn set_tells_escape(&mut self, on: bool) {
        self.tells_escape = on;
    }

    /// Forgets sequences, a paste and characters that are not complete.
    pub(super) fn reset(&mut self) {
        *self = Keys { state: State::Ground, charset: self.charset, tells_escape: self.tells_escape, ..Keys::new() };
    }

    /// How characters beyond ASCII are written from now on. One that is not complete is forgotten.
    pub(super) fn set_charset(&mut self, charset: Charset) {
        self.charset = charset;
        self.partial_length = 0;
    }

    /// Whether something was not UTF-8 since this was last asked.
    pub(super) fn take_garbled(&mut self) -> bool {
        std::mem::take(&mut self.is_garbled)
    }

    /// Whether what comes is pasted, not typed.
    pub(super) fn is_pasting(&self) -> bool {
        self.is_pasting
    }

    /// The next key; `None` once the input is used up.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Key<'a>> {
        loop {
            let (&byte, rest) = input.split_first()?;
            if self.breaks > 0 && self.state == State::Ground && is_text(byte) {
                return Some(Key::Breaks(std::mem::take(&mut self.breaks)));
            }
            if self.partial_length > 0 || (byte >= 0x80 && self.state == State::Ground) {
                let (character, is_taken) = self.character(byte);
                if is_taken {
                    *input = rest;
                }
                match character {
                    Some(character) => return Some(Key::Character(character)),
                    None => continue,
                }
            }
            if self.state == State::Ground && is_printable(byte) {
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
                && self.state == State::AfterReturn
                && let [b'\n' | 0, rest @ ..] = *input
            {
                // Taken now if it is here: whoever reads on after the line may be in line mode.
                self.state = State::Ground;
                *input = rest;
            }
            if key.is_some() {
                return key;
            }
        }
    }

    /// A byte of a character beyond ASCII, or one that breaks an incomplete one: then it is not taken.
    fn character(&mut self, byte: u8) -> (Option<char>, bool) {
        if self.charset == Charset::Latin1 {
            return (Some(char::from(byte)), true);
        }
        let length = usize::from(self.partial_length);
        // Four bytes are never incomplete, so a fourth is the last.
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
            // What could not become a character is one U+FFFD, as in line mode; a byte alone is all of it.
            Err(_) => {
                self.is_garbled = true;
                (Some(char::REPLACEMENT_CHARACTER), length == 0)
            }
        }
    }

    /// All transitions. The second value: whether the byte is taken; if not it is looked at again in the new state.
    fn control(&mut self, byte: u8) -> (Option<Key<'static>>, bool) {
        let (next, key, is_taken) = match (self.state, byte) {
            (State::AfterReturn, b'\n' | 0) => (State::Ground, None, true),
            (State::AfterReturn, _) => (State::Ground, None, false),

            (State::AfterInterrupt, INTERRUPT) => {
                self.end_paste();
                (State::Ground, Some(Key::Interrupt), true)
            }
            (State::AfterInterrupt, _) => (State::Ground, None, false),

            (State::Ground, b'\r' | b'\n') if self.is_pasting => {
                self.breaks = self.breaks.saturating_add(1);
                (if byte == b'\r' { State::AfterReturn } else { State::Ground }, None, true)
            }
            (State::Ground, INTERRUPT) if self.is_pasting => (State::AfterInterrupt, None, true),
            (State::Ground, b'\r') => (State::AfterReturn, Some(Key::Enter), true),
            (State::Ground, b'\n') => (State::Ground, Some(Key::Enter), true),
            (State::Ground, ESC) => (State::Escape, self.tells_escape.then_some(Key::Escape), true),
            (State::Ground, b'\t') if self.is_pasting => (State::Ground, Some(Key::Character('\t')), true),
            (State::Ground, _) if self.is_pasting => (State::Ground, None, true),
            (State::Ground, _) => (State::Ground, control_key(byte), true),

            (State::Escape, ESC) => (State::Escape, None, true),
            (State::Escape, b'[') => (State::Control(Sequence::default()), None, true),
            (State::Escape, b'O') => (State::Control(Sequence { is_ss3: true, ..Sequence::default() }), None, true),
            (State::Escape, b']' | b'P' | b'X' | b'^' | b'_') => (State::String(LONGEST_STRING), None, true),
            // The other sequences of ISO 2022: intermediate bytes, then a final one.
            (State::Escape, 0x20..=0x2f) if self.is_pasting => (State::Escape, None, true),
            (State::Escape, 0x30..=0x7e) if self.is_pasting => (State::Ground, None, true),
            (State::Escape, b'b') => (State::Ground, Some(Key::WordLeft), true),
            (State::Escape, b'f') => (State::Ground, Some(Key::WordRight), true),
            (State::Escape, b'd') => (State::Ground, Some(Key::EraseWordRight), true),
            (State::Escape, 0x08 | 0x7f) if !self.is_pasting => (State::Ground, Some(Key::EraseWord), true),
            (State::Escape, _) => (State::Ground, None, false),

            (State::Control(Sequence { is_ss3: false, is_begun: false, .. }), b'[') => (State::Console, None, true),
            // Pasted, it deletes a line and reports nothing.
            (State::Control(Sequence { is_ss3: false, is_begun: false, .. }), b'M') if !self.is_pasting => {
                (State::Mouse(3), None, true)
            }
            (State::Control(sequence), 0x20..=0x3f) => (State::Control(sequence.with(byte)), None, true),
            (State::Control(sequence), 0x40..=0x7e) => (State::Ground, self.sequence_key(sequence, byte), true),
            // No sequence goes on over a control character or text beyond ASCII.
            (State::Control(_), _) => (State::Ground, None, false),

            (State::Console, 0x20..=0x7e) => (State::Ground, None, true),
            (State::Console, _) => (State::Ground, None, false),

            (State::Mouse(left), 0x20..) => (if left > 1 { State::Mouse(left - 1) } else { State::Ground }, None, true),
            (State::Mouse(_), _) => (State::Ground, None, false),

            // BEL, CAN and SUB.
            (State::String(_), 0x07 | 0x18 | 0x1a) => (State::Ground, None, true),
            (State::String(_), ESC) => (State::StringEscape, None, true),
            (State::String(0), _) => (State::Ground, None, false),
            (State::String(left), 0 | 0x20..=0x7e | 0x80..) => (State::String(left - 1), None, true),
            (State::String(_), _) => (State::Ground, None, false),
            (State::StringEscape, b'\\') => (State::Ground, None, true),
            (State::StringEscape, _) => (State::Escape, None, false),
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

    /// The line ends at the end of a paste go with it: whoever copies a line mostly copies its end, too.
    fn end_paste(&mut self) {
        self.is_pasting = false;
        self.breaks = 0;
    }
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

/// Whether a byte in a paste becomes text, alone or with those behind it.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || is_printable(byte) || byte >= 0x80
}

/// What a control character does that is typed.
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
