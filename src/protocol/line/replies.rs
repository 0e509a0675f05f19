//! Removes a terminal's automatic replies from a line that it has edited itself.
//!
//! A terminal sends replies among the bytes that its user types, and in line mode they arrive as part of the line. Keys
//! and pasted colours are left alone: their ESC is dropped like any control character.
//!
//! *Owns* which sequences are replies, and where they end.
//! *Knows nothing of* the questions that they answer.

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// The line without a terminal's replies. A sequence that only begins like a reply stays.
pub(super) fn without_replies(line: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.iter().position(|byte| *byte == ESC) {
        kept.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let length = reply_length(rest);
        if length == 0 {
            kept.push(ESC);
        }
        rest = &rest[length.max(1)..];
    }
    kept.extend_from_slice(rest);
    kept
}

/// Length of the reply at the beginning; 0 if there is none. Looks no further than the next ESC.
fn reply_length(bytes: &[u8]) -> usize {
    match bytes {
        // OSC, DCS, SOS, PM, APC (ECMA-48, 5.6).
        [ESC, b']' | b'P' | b'X' | b'^' | b'_', string @ ..] => {
            let end = string.iter().position(|byte| matches!(*byte, BEL | ESC));
            match end.map(|end| (end, &string[end..])) {
                Some((end, [BEL, ..])) => 2 + end + 1,
                Some((end, [ESC, b'\\', ..])) => 2 + end + 2,
                _ => 0,
            }
        }
        // X10 mouse report: button, column and row.
        [ESC, b'[', b'M', report @ ..] if report.len() >= 3 && report[..3].iter().all(|byte| *byte >= 0x20) => 6,
        // The window gains or loses the focus (xterm, FocusIn and FocusOut).
        [ESC, b'[', b'I' | b'O', ..] => 3,
        [ESC, b'[', control @ ..] => {
            let parameters = control.iter().take_while(|byte| matches!(**byte, 0x20..=0x3f)).count();
            let (parameters, last) = control.split_at(parameters);
            let is_reply = match (parameters, last.first()) {
                // Private ones: device attributes, modes, mouse reports. No key sends these.
                ([b'<'..=b'?', ..], Some(0x40..=0x7e)) => true,
                // Cursor position and window size.
                ([_, ..], Some(b'R' | b't')) => parameters.contains(&b';'),
                _ => false,
            };
            if is_reply { 2 + parameters.len() + 1 } else { 0 }
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(line: &[u8], kept: &[u8]) {
        assert_eq!(
            without_replies(line).escape_ascii().to_string(),
            kept.escape_ascii().to_string(),
            "{}",
            line.escape_ascii()
        );
    }

    #[test]
    fn strings_of_the_terminal_go_whole() {
        for string in [
            &b"\x1b]11;rgb:0000/0000/0000\x07"[..],
            b"\x1b]11;rgb:0000/0000/0000\x1b\\",
            b"\x1bP1+r544e=787465726d\x1b\\",
            b"\x1b_Gi=31;OK\x1b\\",
            b"\x1b^private\x1b\\",
            b"\x1bXstart of string\x07",
        ] {
            check(&[b"he", string, b"l", string, string, b"lo"].concat(), b"hello");
        }
    }

    #[test]
    fn reports_of_mouse_cursor_and_kind_go_whole() {
        for report in [
            &b"\x1b[M !!"[..],
            b"\x1b[M\x23\xff\xa0",
            b"\x1b[<0;12;3M",
            b"\x1b[?1;2c",
            b"\x1b[>41;354;0c",
            b"\x1b[24;80R",
            b"\x1b[8;24;80t",
            b"\x1b[?2026;2$y",
            b"\x1b[I",
            b"\x1b[O",
        ] {
            check(&[b"a", report, b"b"].concat(), b"ab");
        }
    }

    #[test]
    fn other_text_stays() {
        for line in [
            &b"a\x1b[2Jb"[..],
            b"\x1b[31mred\x1b[0m",
            b"\x1b[A",
            b"\x1b]unended",
            b"\x1b]a\x1b[2Jb",
            b"\x1b[M!",
            b"\x1b",
        ] {
            check(line, line);
        }
    }

    #[test]
    fn a_line_full_of_beginnings_stays() {
        let line = b"\x1b]".repeat(4000);
        check(&line, &line);
    }

    proptest! {
        #![proptest_config(crate::proptest_config())]

        #[test]
        fn nothing_but_replies_is_taken_away(line in prop::collection::vec(prop::sample::select(&b"\x1b\x1b[]PMO\\\x07;?1Rab"[..]), 0..40)) {
            let kept = without_replies(&line);
            let mut at = line.iter();
            prop_assert!(kept.iter().all(|byte| at.any(|other| other == byte)), "a part of it, in order");
            if !line.contains(&ESC) {
                prop_assert_eq!(kept, line);
            }
        }
    }
}
