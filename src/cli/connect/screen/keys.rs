//! Separates the screen's keys from those of the line editor.
//!
//! The editor decodes its own keys, as it does on the server, so that they are the same in both. Here the bytes are
//! split into sequences, and only the keys of the screen are taken out. A paste goes to the editor as a whole.
//!
//! *Owns* which bytes are a key of the screen, and whether an ESC is a key or the start of a sequence. *Knows nothing
//! of* the line and of the effect of a key.

const ESC: u8 = 0x1b;

/// Longest incomplete sequence to wait for, in bytes. The keys here have at most eight. A longer sequence goes to the
/// editor, which swallows unknown ones.
const LONGEST: usize = 16;

/// A key of the screen, or bytes for the editor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScreenKey {
    /// Bytes for the editor.
    Edit,
    /// ESC alone.
    Escape,
    /// Alt-Enter.
    Break,
    PageUp,
    PageDown,
    /// Arrow up: for the editor, but in a search and in a list for the screen.
    Up,
    Down,
    RoomBefore,
    RoomAfter,
    /// Alt-A.
    NextUnread,
    /// Alt-1 to Alt-9: a room by its place in the list, from 0.
    Room(usize),
    /// Alt-R or F2.
    Rooms,
    /// Ctrl-F.
    Find,
    /// F1.
    Help,
    /// Ctrl-Z.
    Suspend,
    /// Ctrl-\.
    Quit,
    /// A key without a meaning for the screen or the editor.
    Unknown,
}

/// Returns the first key of the input and its length in bytes, or `None` if the rest of a sequence may still be on its
/// way. `is_over` says that no more bytes have come for a while.
pub(super) fn first(input: &[u8], is_over: bool) -> Option<(ScreenKey, usize)> {
    let (&byte, rest) = input.split_first()?;
    match byte {
        ESC => escape(rest, is_over).map(|(key, length)| (key, length + 1)),
        0x06 => Some((ScreenKey::Find, 1)),
        0x1a => Some((ScreenKey::Suspend, 1)),
        0x1c => Some((ScreenKey::Quit, 1)),
        _ => {
            let end = input.iter().position(|byte| matches!(byte, &ESC | 0x06 | 0x1a | 0x1c)).unwrap_or(input.len());
            Some((ScreenKey::Edit, end))
        }
    }
}

fn escape(rest: &[u8], is_over: bool) -> Option<(ScreenKey, usize)> {
    let Some((&byte, after)) = rest.split_first() else { return is_over.then_some((ScreenKey::Escape, 0)) };
    let key = match byte {
        b'[' | b'O' => return sequence(byte, after, is_over).map(|(key, length)| (key, length + 1)),
        // Alt with a key that is itself a sequence, as rxvt sends it.
        ESC => return escaped_sequence(after, is_over),
        b'\r' | b'\n' => ScreenKey::Break,
        b'a' | b'A' => ScreenKey::NextUnread,
        b'r' | b'R' => ScreenKey::Rooms,
        b'1'..=b'9' => ScreenKey::Room(usize::from(byte - b'1')),
        // Alt with a key of the editor, or the start of a string that a terminal sends as a reply.
        b'b' | b'd' | b'f' | 0x08 | 0x7f | b']' | b'P' | b'X' | b'^' | b'_' => return Some((ScreenKey::Edit, 1)),
        // ESC, followed by another key.
        0x00..=0x1f => return Some((ScreenKey::Escape, 0)),
        _ => ScreenKey::Unknown,
    };
    Some((key, 1))
}

/// The rest after ESC ESC: two ESC keys, or Alt and an arrow key.
fn escaped_sequence(after: &[u8], is_over: bool) -> Option<(ScreenKey, usize)> {
    match after {
        [b'[', b'A', ..] => Some((ScreenKey::RoomBefore, 3)),
        [b'[', b'B', ..] => Some((ScreenKey::RoomAfter, 3)),
        [] | [b'['] if !is_over => None,
        _ => Some((ScreenKey::Escape, 0)),
    }
}

/// The rest after CSI (`ESC [`) or SS3 (`ESC O`).
fn sequence(kind: u8, after: &[u8], is_over: bool) -> Option<(ScreenKey, usize)> {
    // The function keys of the Linux console have one more byte (`ESC [ [ A`).
    if let [b'[', rest @ ..] = after {
        return match rest.first() {
            Some(b'A') => Some((ScreenKey::Help, 2)),
            Some(b'B') => Some((ScreenKey::Rooms, 2)),
            Some(_) => Some((ScreenKey::Unknown, 2)),
            None => is_over.then_some((ScreenKey::Escape, 0)),
        };
    }
    let Some(last) = after.iter().position(|byte| !matches!(byte, 0x20..=0x3f)) else {
        // Alt-[ and Alt-O look like this.
        let is_endless = after.len() > LONGEST;
        return (is_over || is_endless).then_some((ScreenKey::Edit, after.len()));
    };
    let (numbers, length) = (after.get(..last).unwrap_or(b""), last + 1);
    let key = match (kind, numbers, after.get(last)) {
        (_, b"5" | b"5;2" | b"5;3" | b"5;5", Some(b'~')) => ScreenKey::PageUp,
        (_, b"6" | b"6;2" | b"6;3" | b"6;5", Some(b'~')) => ScreenKey::PageDown,
        (_, b"1;3" | b"3" | b"1;9" | b"1;7", Some(b'A')) => ScreenKey::RoomBefore,
        (_, b"1;3" | b"3" | b"1;9" | b"1;7", Some(b'B')) => ScreenKey::RoomAfter,
        (_, b"", Some(b'A')) => ScreenKey::Up,
        (_, b"", Some(b'B')) => ScreenKey::Down,
        (b'O', b"", Some(b'P')) | (_, b"11", Some(b'~')) | (b'[', b"1", Some(b'P')) => ScreenKey::Help,
        (b'O', b"", Some(b'Q')) | (_, b"12", Some(b'~')) | (b'[', b"1", Some(b'Q')) => ScreenKey::Rooms,
        _ => ScreenKey::Edit,
    };
    Some((key, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8]) -> Vec<ScreenKey> {
        let (mut keys, mut rest) = (Vec::new(), input);
        while let Some((key, length)) = first(rest, true) {
            keys.push(key);
            rest = &rest[length..];
        }
        keys
    }

    #[test]
    fn keys_of_the_screen_are_taken_out() {
        assert_eq!(all(b"ab\x1b[5~cd\x06"), [ScreenKey::Edit, ScreenKey::PageUp, ScreenKey::Edit, ScreenKey::Find]);
        assert_eq!(
            all(b"\x1b[1;3A\x1b[1;3B\x1b\x1b[A"),
            [ScreenKey::RoomBefore, ScreenKey::RoomAfter, ScreenKey::RoomBefore]
        );
        assert_eq!(all(b"\x1ba\x1b\r\x1b3"), [ScreenKey::NextUnread, ScreenKey::Break, ScreenKey::Room(2)]);
        assert_eq!(all(b"\x1bOP\x1b[11~\x1b[[A"), [ScreenKey::Help, ScreenKey::Help, ScreenKey::Help]);
        assert_eq!(all(b"\x1b\x1b"), [ScreenKey::Escape, ScreenKey::Escape]);
    }

    #[test]
    fn keys_of_the_editor_reach_it_whole() {
        for keys in [&b"\x1b[1;5C"[..], b"\x1b[3~", b"\x1bOH", b"\x1b[H", b"\x1bb", b"\x1b\x7f", b"\x1b[200~"] {
            assert_eq!(all(keys), [ScreenKey::Edit], "{keys:?}");
        }
    }

    #[test]
    fn a_sequence_in_parts_is_waited_for() {
        let whole = b"\x1b[1;3A";
        for length in 1..whole.len() {
            assert_eq!(first(&whole[..length], false), None, "{length} bytes");
        }
        assert_eq!(first(whole, false), Some((ScreenKey::RoomBefore, whole.len())));
        assert_eq!(first(b"\x1b", false), None);
        assert_eq!(first(b"\x1b", true), Some((ScreenKey::Escape, 1)));
    }

    proptest::proptest! {
        #![proptest_config(crate::proptest_config())]

        #[test]
        fn every_input_is_used_up(input in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
            let mut rest = &input[..];
            while !rest.is_empty() {
                let (_, length) = first(rest, true).expect("a key");
                proptest::prop_assert!(length > 0 && length <= rest.len());
                rest = &rest[length..];
            }
        }
    }
}
