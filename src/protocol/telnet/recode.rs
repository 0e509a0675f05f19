//! Converts UTF-8 text with telnet commands in it for a Latin-1 terminal.
//!
//! *Owns* telling commands from text: no UTF-8 character contains 0xFF, so 0xFF always begins a command.
//! *Knows nothing of* what the commands mean.

use super::{DONT, IAC, SB, SE, WILL};
use crate::text::encode_latin1;

/// Converts bytes that are about to be sent, which must not end in the middle of a command or a character. With
/// `is_telnet`, the letter 0xFF (y with a diaeresis) is doubled as RFC 854 asks; other clients would show it twice.
pub(crate) fn recode_as_latin1(bytes: &[u8], is_telnet: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let (command, behind) = rest.split_at(command_length(rest));
        out.extend_from_slice(command);
        let (text, behind) = behind.split_at(behind.iter().position(|byte| *byte == IAC).unwrap_or(behind.len()));
        let begin = out.len();
        for chunk in text.utf8_chunks() {
            encode_latin1(chunk.valid(), &mut out);
        }
        if is_telnet && out[begin..].contains(&IAC) {
            let text = out.split_off(begin);
            text.into_iter().for_each(|byte| out.extend(std::iter::repeat_n(byte, 1 + usize::from(byte == IAC))));
        }
        rest = behind;
    }
    out
}

/// Length of the command at the beginning (RFC 854); 0 if `bytes` begins with text.
fn command_length(bytes: &[u8]) -> usize {
    let length = match bytes {
        [IAC, SB, content @ ..] => {
            let end = content.windows(2).position(|pair| pair == [IAC, SE]);
            end.map_or(bytes.len(), |end| end + 4)
        }
        [IAC, WILL..=DONT, ..] => 3,
        [IAC, ..] => 2,
        _ => 0,
    };
    length.min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::telnet::{BINARY, DO, ECHO, GA, NAWS, TERMINAL_TYPE, WONT};

    #[test]
    fn commands_stay_as_they_are_and_text_between_them_is_converted() {
        let commands: [&[u8]; 5] = [
            &[IAC, DO, BINARY],
            &[IAC, WONT, ECHO],
            &[IAC, GA],
            &[IAC, SB, TERMINAL_TYPE, 1, IAC, SE],
            &[IAC, SB, NAWS, 0xC3, 0xBC, IAC, IAC, IAC, SE],
        ];
        for first in commands {
            for second in commands {
                let sent = [first, "gr\u{fc}\u{df}e\r\n".as_bytes(), second, first, "\u{674e}> ".as_bytes()].concat();
                let expected = [first, b"gr\xfc\xdfe\r\n", second, first, b"??> "].concat();
                assert_eq!(recode_as_latin1(&sent, true), expected, "{first:?} {second:?}");
                assert_eq!(recode_as_latin1(&sent, false), expected, "{first:?} {second:?}");
            }
        }
    }

    #[test]
    fn y_with_a_diaeresis_is_doubled_for_telnet_alone() {
        let sent = ["\u{ff}a\u{ff}".as_bytes(), &[IAC, GA], "\u{ff}".as_bytes()].concat();
        assert_eq!(recode_as_latin1(&sent, true), b"\xff\xffa\xff\xff\xff\xf9\xff\xff");
        assert_eq!(recode_as_latin1(&sent, false), b"\xffa\xff\xff\xf9\xff");
    }

    #[test]
    fn an_incomplete_sequence_ends_with_the_input() {
        for cut in [&[IAC][..], &[IAC, DO], &[IAC, SB], &[IAC, SB, NAWS, 1, IAC]] {
            assert_eq!(recode_as_latin1(cut, true), cut);
        }
    }
}
