//! Line mode.

use std::borrow::Cow;

use proptest::prelude::*;

use super::cuts;
use crate::protocol::line::{Assembler, LineEvent};
use crate::text::{self, Charset};

/// The events of these packets, with the end of the input after them.
fn events(packets: &[&[u8]], limit: usize) -> Vec<LineEvent<'static>> {
    let mut assembler = Assembler::new();
    let mut events = Vec::new();
    for packet in packets {
        let mut input = *packet;
        while let Some(event) = assembler.next(&mut input, limit) {
            events.push(owned(event));
        }
        assert!(input.is_empty(), "None came before the input was used up");
    }
    events.extend(assembler.finish());
    assert!(assembler.is_empty());
    events
}

fn owned(event: LineEvent<'_>) -> LineEvent<'static> {
    match event {
        LineEvent::Entered(line) => entered(&line),
        LineEvent::TooLong => LineEvent::TooLong,
        LineEvent::Interrupted => LineEvent::Interrupted,
        LineEvent::Ended => LineEvent::Ended,
    }
}

fn entered(line: &str) -> LineEvent<'static> {
    LineEvent::Entered(Cow::Owned(line.to_owned()))
}

/// The input gives these events, whole and cut at every place.
fn check(input: &[u8], limit: usize, expected: &[LineEvent<'static>]) {
    assert_eq!(events(&[input], limit), expected, "whole");
    for packets in cuts(input) {
        assert_eq!(events(&packets, limit), expected, "{packets:?}");
    }
}

fn check_lines(input: &[u8], lines: &[&str]) {
    check(input, 0, &lines.iter().map(|line| entered(line)).collect::<Vec<_>>());
}

#[test]
fn every_line_end_ends_one_line() {
    check_lines(b"a\r\nb\r\0c\nd\re\r\n", &["a", "b", "c", "d", "e"]);
}

#[test]
fn two_line_ends_make_one_empty_line() {
    check_lines(b"a\n\nb", &["a", "", "b"]);
    check_lines(b"a\r\rb", &["a", "", "b"]);
    check_lines(b"a\r\n\r\nb", &["a", "", "b"]);
    check_lines(b"a\r\0\r\0b", &["a", "", "b"]);
    check_lines(b"a\n\rb", &["a", "", "b"]);
    check_lines(b"a\r\n\nb", &["a", "", "b"]);
}

#[test]
fn a_lone_nul_is_ignored() {
    check_lines(b"\0a\0b\0\n\0", &["ab"]);
    check_lines(b"a\r\0\0b\n", &["a", "b"]);
}

#[test]
fn a_last_line_without_its_end_counts() {
    check_lines(b"a\nlast", &["a", "last"]);
    check_lines(b"a\n", &["a"]);
    check_lines(b"", &[]);
}

#[test]
fn lines_are_cleaned_but_not_trimmed() {
    check_lines(b"  a\x1b[2Jb\tc \xff\n", &["  a[2Jb    c \u{fffd}"]);
    check_lines("你好\u{202e}!\n".as_bytes(), &["你好!"]);
}

#[test]
fn a_line_over_the_limit_is_refused_once_and_whole() {
    check(b"12345\n123456\nok\n", 5, &[entered("12345"), LineEvent::TooLong, entered("ok")]);
    check(b"123456789012345678901234\x7f\0\r\nok", 5, &[LineEvent::TooLong, entered("ok")]);
    check(b"123456", 5, &[LineEvent::TooLong]);
}

#[test]
fn a_line_over_the_limit_is_refused_before_its_end_and_takes_no_memory() {
    let mut assembler = Assembler::new();
    let mut input: &[u8] = b"123456";
    assert_eq!(assembler.next(&mut input, 5), Some(LineEvent::TooLong));
    for _ in 0..1000 {
        let mut input: &[u8] = &[b'x'; 1000];
        assert_eq!(assembler.next(&mut input, 5), None);
    }
    assert!(assembler.partial_capacity() == 0);
}

#[test]
fn interrupt_drops_the_line_so_far() {
    check(b"abc\x03d\n", 0, &[LineEvent::Interrupted, entered("d")]);
    check(b"\x03", 0, &[LineEvent::Interrupted]);
    check(b"123456\x03ok\n", 5, &[LineEvent::TooLong, LineEvent::Interrupted, entered("ok")]);
}

#[test]
fn end_of_transmission_ends_only_on_an_empty_line() {
    check(b"a\n\x04", 0, &[entered("a"), LineEvent::Ended]);
    check(b"ab\x04c\n", 0, &[LineEvent::Interrupted, entered("c")]);
    check(b"a\x7f\x04", 0, &[LineEvent::Ended]);
    check(b"\r\n\x04\x04", 0, &[entered(""), LineEvent::Ended, LineEvent::Ended]);
}

#[test]
fn backspace_takes_one_character_whatever_its_bytes() {
    check_lines(b"abc\x08\x7fd\n", &["ad"]);
    check_lines("a你\u{7f}b\n".as_bytes(), &["ab"]);
    check_lines("ae\u{301}\u{7f}b\n".as_bytes(), &["ab"]);
    check_lines("a👩\u{200d}👧\u{8}b\n".as_bytes(), &["ab"]);
    check_lines(b"a\xe4\xbd\x7fb\n", &["ab"]);
    check_lines(b"a\xff\x7fb\n", &["ab"]);
    check_lines(b"\x7f\x7fa\n", &["a"]);
}

#[test]
fn erasing_ends_with_a_line_of_nothing_but_broken_bytes() {
    let mut input = vec![0xbf; 1000];
    input.extend([0x7f; 1000]);
    input.extend(b"a\n");
    assert_eq!(events(&[&input], 0), [entered("a")]);
}

#[test]
fn telnets_own_commands_erase_too() {
    let mut assembler = Assembler::new();
    assert_eq!(assembler.next(&mut &b"abc"[..], 0), None);
    assembler.erase_character();
    assert_eq!(assembler.len(), 2);
    assembler.erase_line();
    assert!(assembler.is_empty());
    assert_eq!(assembler.next(&mut &b"def"[..], 0), None);
    assembler.clear();
    assert_eq!(assembler.next(&mut &b"g\n"[..], 0), Some(entered("g")));
}

#[test]
fn a_whole_clean_line_is_borrowed() {
    let mut assembler = Assembler::new();
    for mut input in ["hello\r\n".as_bytes(), "你好\n".as_bytes()] {
        assert!(matches!(assembler.next(&mut input, 100), Some(LineEvent::Entered(Cow::Borrowed(_)))));
        assert!(input.is_empty(), "the whole line end is taken");
    }
}

#[test]
fn an_idle_assembler_keeps_no_memory() {
    let mut assembler = Assembler::new();
    assert_eq!(assembler.next(&mut &[b'x'; 5000][..], 0), None);
    assert!(matches!(assembler.next(&mut &b"\r"[..], 0), Some(LineEvent::Entered(_))));
    assert_eq!(assembler.partial_capacity(), 0);
    assert_eq!(assembler.next(&mut &b"x"[..], 0), None);
    assembler.erase_character();
    assert_eq!(assembler.partial_capacity(), 0);
}

#[test]
fn the_rest_of_a_line_end_that_an_editor_began_is_no_line() {
    let mut assembler = Assembler::new();
    assembler.resume_after_return();
    assert_eq!(assembler.next(&mut &b"\na\n"[..], 0), Some(entered("a")));
}

#[test]
fn a_terminals_automatic_replies_are_not_part_of_the_line() {
    check_lines(b"he\x1b]11;rgb:1e1e/1e1e/1e1e\x07llo\n", &["hello"]);
    check_lines(b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\\x1bP!|00\x1b\\:who\r\nnext\n", &[":who", "next"]);
    check_lines(b"\x1b[M !!a\x1b[?1;2c\n", &["a"]);
    // Unended, it is text like any other: only its ESC goes.
    check_lines(b"\x1b]a\nb\x07\n", &["]a", "b"]);
}

#[test]
fn lines_in_latin_1_are_read_as_such() {
    let mut assembler = Assembler::new();
    assembler.set_charset(Charset::Latin1);
    for cut in 0..=9 {
        let (head, tail) = b"gr\xfc\xdfe\xc3\xbc!\n".split_at(cut);
        let mut found = Vec::new();
        for mut packet in [head, tail] {
            while let Some(event) = assembler.next(&mut packet, 0) {
                found.push(owned(event));
            }
        }
        assert_eq!(found, [entered("gr\u{fc}\u{df}e\u{c3}\u{bc}!")], "{cut}");
    }
    // Backspace takes one byte, which is one letter.
    assert_eq!(assembler.next(&mut &b"a\xc3\xbc"[..], 0), None);
    assembler.erase_character();
    assert_eq!(assembler.len(), 2);
    assembler.clear();
    assert!(!assembler.take_garbled());
}

#[test]
fn a_line_that_is_not_utf_8_is_noted_once_and_a_typed_replacement_is_not() {
    let mut assembler = Assembler::new();
    for (line, garbled) in
        [(&b"gr\xfc\xdfe\n"[..], true), ("\u{fffd}\n".as_bytes(), false), (b"plain\n", false), (b"\xc3\n", true)]
    {
        for cut in 0..line.len() {
            let (head, tail) = line.split_at(cut);
            for mut packet in [head, tail] {
                while assembler.next(&mut packet, 0).is_some() {}
            }
            assert_eq!((assembler.take_garbled(), assembler.take_garbled()), (garbled, false), "{line:?}");
        }
    }
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn packets_make_no_difference(
        input in prop::collection::vec(prop::sample::select(&b"ab \r\r\n\n\0\x03\x04\x08\x7f\x1b\xe4\xbd\xa0\xff"[..]), 0..80),
        at in prop::collection::vec(0..80_usize, 0..6),
        limit in 0..12_usize,
    ) {
        let whole = events(&[&input], limit);
        prop_assert_eq!(&events(&input.chunks(1).collect::<Vec<_>>(), limit), &whole);
        let mut at: Vec<usize> = at.into_iter().map(|at| at.min(input.len())).collect();
        at.extend([0, input.len()]);
        at.sort_unstable();
        let packets: Vec<&[u8]> = at.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect();
        prop_assert_eq!(events(&packets, limit), whole);
    }

    #[test]
    fn lines_come_out_as_the_sanitiser_makes_them(lines in prop::collection::vec(".{0,90}", 0..5)) {
        let lines: Vec<String> = lines.iter()
            .map(|line| line.chars().filter(|c| !matches!(c, '\0' | '\x03' | '\x04' | '\x08' | '\r' | '\n' | '\x1b' | '\x7f')).collect())
            .collect();
        let input: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let expected: Vec<_> = lines.iter().map(|line| entered(&text::sanitize(line))).collect();
        prop_assert_eq!(events(&[input.as_bytes()], 0), expected);
    }
}
