//! Control sequences (ECMA-48, 5.4) and the keys that they stand for.
//!
//! *Owns* the numbers in a sequence, and what xterm, rxvt and the Linux console send.
//! *Knows nothing of* where a sequence begins and ends.

use super::Key;

/// A sequence before its final byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) is_ss3: bool,
    /// No known key has more than two.
    pub(super) numbers: [u16; 2],
    pub(super) separators: u8,
    /// It has bytes that no known key sends.
    pub(super) is_odd: bool,
    pub(super) is_begun: bool,
}

impl Sequence {
    /// Adds a parameter or intermediate byte.
    pub(super) fn with(mut self, byte: u8) -> Sequence {
        self.is_begun = true;
        match byte {
            b'0'..=b'9' => {
                if let Some(number) = self.numbers.get_mut(usize::from(self.separators)) {
                    *number = number.saturating_mul(10).saturating_add(u16::from(byte - b'0'));
                }
            }
            b';' => self.separators = self.separators.saturating_add(1),
            _ => self.is_odd = true,
        }
        self
    }

    /// The key, given the final byte.
    pub(super) fn key(self, last: u8) -> Option<Key<'static>> {
        let [first, second] = self.numbers;
        // 1 plus 1 for Shift, 2 for Alt, 4 for Control (xterm, "PC-style function keys"); old terminals send it alone.
        let modifier = if self.separators == 0 && last != b'~' { first } else { second };
        let by_word = modifier.saturating_sub(1) & 0b110 != 0;
        Some(match last {
            b'A' => Key::Older,
            b'B' => Key::Newer,
            b'C' if by_word => Key::WordRight,
            b'D' if by_word => Key::WordLeft,
            b'C' => Key::Right,
            b'D' => Key::Left,
            b'H' => Key::Home,
            b'F' => Key::End,
            // Enter on the keypad; Control with an arrow, as rxvt sends it.
            b'M' if self.is_ss3 => Key::Enter,
            b'c' if self.is_ss3 => Key::WordRight,
            b'd' if self.is_ss3 => Key::WordLeft,
            b'~' => match first {
                1 | 7 => Key::Home,
                4 | 8 => Key::End,
                3 if by_word => Key::EraseWordRight,
                3 => Key::Delete,
                _ => return None,
            },
            _ => return None,
        })
    }
}
