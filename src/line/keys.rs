//! Bytes of a terminal in character mode to keys: UTF-8, control characters, CSI and SS3 sequences (ECMA-48), bracketed
//! paste.
//!
//! *Owns* what is incomplete: half a character, half a sequence.
//! *Knows nothing of* the line.
//! *Called by* `line::editor`.

/// Parameter bytes kept of a control sequence; the longest that means anything here is `200~`. Longer ones are swallowed.
const MAX_PARAMETERS: usize = 8;

/// One key, or one thing a paste holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Character(char),
    Enter,
    Tab,
    Backspace,
    Delete,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Up,
    Down,
    KillToEnd,
    KillToStart,
    KillWord,
    KillWordRight,
    Redraw,
    Interrupt,
    /// 0x04: the end on an empty line, Delete in another.
    EndOrDelete,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    Escape,
    /// Behind `ESC [`.
    Csi,
    /// Behind `ESC O`.
    Ss3,
}

/// The decoder; resumable at every byte.
#[derive(Debug, Default)]
pub(super) struct Keys {
    state: State,
    parameters: [u8; MAX_PARAMETERS],
    parameter_count: u8,
    character: [u8; 4],
    character_length: u8,
    after_cr: bool,
    pasting: bool,
}

impl Keys {
    /// Takes one byte; up to two keys may come of it: a broken character and what broke it.
    pub(super) fn feed(&mut self, byte: u8) -> [Option<Key>; 2] {
        let after_cr = std::mem::take(&mut self.after_cr);
        if self.character_length > 0 && byte & 0xC0 != 0x80 {
            self.character_length = 0;
            return [Some(Key::Character(char::REPLACEMENT_CHARACTER)), self.feed_plain(byte, false)];
        }
        [self.feed_plain(byte, after_cr), None]
    }

    /// Whether what comes was pasted.
    pub(super) fn is_pasting(&self) -> bool {
        self.pasting
    }

    fn feed_plain(&mut self, byte: u8, after_cr: bool) -> Option<Key> {
        match self.state {
            State::Ground => self.ground(byte, after_cr),
            State::Escape => {
                self.state = State::Ground;
                match byte {
                    b'[' => {
                        self.parameter_count = 0;
                        self.state = State::Csi;
                        None
                    }
                    b'O' => {
                        self.state = State::Ss3;
                        None
                    }
                    0x1B => {
                        self.state = State::Escape;
                        None
                    }
                    _ if self.pasting => self.ground(byte, false),
                    b'b' => Some(Key::WordLeft),
                    b'f' => Some(Key::WordRight),
                    b'd' => Some(Key::KillWordRight),
                    8 | 127 => Some(Key::KillWord),
                    // A lone Escape: it does nothing, and what follows is itself.
                    _ => self.ground(byte, false),
                }
            }
            State::Csi => match byte {
                0x20..=0x3F => {
                    if let Some(slot) = self.parameters.get_mut(usize::from(self.parameter_count)) {
                        *slot = byte;
                    }
                    self.parameter_count = self.parameter_count.saturating_add(1);
                    None
                }
                0x40..=0x7E => {
                    self.state = State::Ground;
                    self.sequence(byte)
                }
                // No sequence goes on over a control character.
                _ => {
                    self.state = State::Ground;
                    self.ground(byte, false)
                }
            },
            State::Ss3 => {
                self.state = State::Ground;
                if (0x40..=0x7E).contains(&byte) { self.unless_pasting(letter(byte)) } else { self.ground(byte, false) }
            }
        }
    }

    fn ground(&mut self, byte: u8, after_cr: bool) -> Option<Key> {
        match byte {
            b'\r' => {
                self.after_cr = true;
                Some(Key::Enter)
            }
            b'\n' if after_cr => None,
            b'\n' => Some(Key::Enter),
            0x1B => {
                self.state = State::Escape;
                None
            }
            b'\t' => Some(Key::Tab),
            0x20..=0x7E => Some(Key::Character(char::from(byte))),
            0x80.. => self.character(byte),
            _ if self.pasting => None,
            1 => Some(Key::Home),
            2 => Some(Key::Left),
            3 => Some(Key::Interrupt),
            4 => Some(Key::EndOrDelete),
            5 => Some(Key::End),
            6 => Some(Key::Right),
            8 | 127 => Some(Key::Backspace),
            11 => Some(Key::KillToEnd),
            12 => Some(Key::Redraw),
            14 => Some(Key::Down),
            16 => Some(Key::Up),
            21 => Some(Key::KillToStart),
            23 => Some(Key::KillWord),
            _ => None,
        }
    }

    /// Collects the bytes of one character (RFC 3629).
    fn character(&mut self, byte: u8) -> Option<Key> {
        let length = usize::from(self.character_length);
        self.character[length] = byte;
        let whole = match self.character[0] {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => 1,
        };
        if length + 1 < whole {
            self.character_length += 1;
            return None;
        }
        self.character_length = 0;
        let decoded = std::str::from_utf8(&self.character[..whole]).ok().and_then(|text| text.chars().next());
        Some(Key::Character(decoded.unwrap_or(char::REPLACEMENT_CHARACTER)))
    }

    fn unless_pasting(&self, key: Option<Key>) -> Option<Key> {
        key.filter(|_| !self.pasting)
    }

    fn sequence(&mut self, last: u8) -> Option<Key> {
        let parameters = self.parameters.get(..usize::from(self.parameter_count))?;
        let key = match (parameters, last) {
            (b"200", b'~') => {
                self.pasting = true;
                None
            }
            (b"201", b'~') => {
                self.pasting = false;
                None
            }
            (b"1" | b"7", b'~') => Some(Key::Home),
            (b"4" | b"8", b'~') => Some(Key::End),
            (b"3", b'~') => Some(Key::Delete),
            (b"1;5" | b"1;3" | b"5", b'C') => Some(Key::WordRight),
            (b"1;5" | b"1;3" | b"5", b'D') => Some(Key::WordLeft),
            (b"" | b"1", _) => letter(last),
            _ => None,
        };
        self.unless_pasting(key)
    }
}

/// The keys that CSI and SS3 share.
fn letter(byte: u8) -> Option<Key> {
    match byte {
        b'A' => Some(Key::Up),
        b'B' => Some(Key::Down),
        b'C' => Some(Key::Right),
        b'D' => Some(Key::Left),
        b'H' => Some(Key::Home),
        b'F' => Some(Key::End),
        _ => None,
    }
}
