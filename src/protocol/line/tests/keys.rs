//! Bytes to keys.

use proptest::prelude::*;

use super::cuts;
use crate::protocol::line::keys::{Key, Keys};
use crate::text::Charset;

/// What the keys of the packets are called; runs of text are taken apart, since they depend on packets.
fn keys(packets: &[&[u8]]) -> Vec<String> {
    let mut decoder = Keys::new();
    decoder.reset();
    let mut keys = Vec::new();
    for packet in packets {
        let mut input = *packet;
        while let Some(key) = decoder.next(&mut input) {
            match key {
                Key::Text(run) => keys.extend(names(&typed(run))),
                key => keys.extend(names(&[key])),
            }
        }
        assert!(input.is_empty());
    }
    keys
}

/// Checks that the input is these keys, whole and split at every position, and that typing continues as usual after it.
fn check(input: &[u8], expected: &[Key<'static>]) {
    let input = [input, b"z"].concat();
    let expected = [names(expected), names(&typed("z"))].concat();
    assert_eq!(keys(&[&input]), expected, "{:?}", input.escape_ascii().to_string());
    for packets in cuts(&input) {
        assert_eq!(keys(&packets), expected, "{packets:?}");
    }
}

fn names(keys: &[Key<'_>]) -> Vec<String> {
    keys.iter().map(|key| format!("{key:?}")).collect()
}

fn typed(text: &str) -> Vec<Key<'static>> {
    text.chars().map(Key::Character).collect()
}

#[test]
fn arrows_come_in_both_codings() {
    for (last, key) in [(b'A', Key::Older), (b'B', Key::Newer), (b'C', Key::Right), (b'D', Key::Left)] {
        check(&[0x1b, b'[', last], &[key]);
        check(&[0x1b, b'O', last], &[key]);
    }
}

#[test]
fn home_and_end_come_in_all_codings() {
    for input in ["\x1b[H", "\x1b[1~", "\x1b[7~", "\x1bOH", "\x01", "\x1b[1;2H"] {
        check(input.as_bytes(), &[Key::Home]);
    }
    for input in ["\x1b[F", "\x1b[4~", "\x1b[8~", "\x1bOF", "\x05"] {
        check(input.as_bytes(), &[Key::End]);
    }
}

#[test]
fn control_and_alt_move_by_words() {
    for input in ["\x1b[1;5D", "\x1b[1;3D", "\x1b[5D", "\x1bb", "\x1bOd", "\x1bO5D"] {
        check(input.as_bytes(), &[Key::WordLeft]);
    }
    for input in ["\x1b[1;5C", "\x1b[1;3C", "\x1b[5C", "\x1bf", "\x1bOc"] {
        check(input.as_bytes(), &[Key::WordRight]);
    }
    check(b"\x1b[1;2C", &[Key::Right]);
}

#[test]
fn erasing_keys_are_known() {
    check(b"\x08\x7f", &[Key::Backspace, Key::Backspace]);
    check(b"\x1b[3~\x04", &[Key::Delete, Key::EndOrDelete]);
    check(b"\x1bd\x1b[3;5~", &[Key::EraseWordRight, Key::EraseWordRight]);
    check(b"\x1b\x7f\x1b\x08", &[Key::EraseWord, Key::EraseWord]);
    check(b"\x0b\x15\x17", &[Key::EraseToEnd, Key::EraseToStart, Key::EraseToSpace]);
}

#[test]
fn the_other_control_keys_are_known() {
    check(b"\x02\x06\x10\x0e", &[Key::Left, Key::Right, Key::Older, Key::Newer]);
    check(b"\x03\x0c\t", &[Key::Interrupt, Key::Redraw, Key::Tab]);
    check(b"\x19\x14\x1f\x12\x07", &[Key::Yank, Key::Transpose, Key::Undo, Key::Search, Key::Cancel]);
    check(b"\0\x0f\x11\x13\x16\x18\x1a\x1c\x1d\x1e", &[]);
}

#[test]
fn every_line_end_is_one_enter() {
    check(b"\r\n", &[Key::Enter]);
    check(b"\r\0", &[Key::Enter]);
    check(b"\n", &[Key::Enter]);
    check(b"\r", &[Key::Enter]);
    check(b"\r\r\n\n\r\0\r", &[Key::Enter; 5]);
    check(b"\x1bOM", &[Key::Enter]);
    check(b"\r\x1b[C", &[Key::Enter, Key::Right]);
    check("\r你".as_bytes(), &[Key::Enter, Key::Character('你')]);
}

#[test]
fn a_line_end_that_line_mode_began_is_no_enter() {
    for input in [&b"\na"[..], b"\0a", b"a"] {
        let mut input = input;
        assert_eq!(Keys::new().next(&mut input), Some(Key::Text("a")));
    }
}

#[test]
fn unknown_sequences_are_swallowed_whole() {
    for input in [
        "\x1b[Z",
        "\x1b[15~",
        "\x1b[1;2;3;4;5x",
        "\x1b[?1;2c",
        "\x1b[>0;276;0c",
        "\x1b[ q",
        "\x1b[99999999999999999999A",
        "\x1b[<0;3;4M",
        "\x1b[[A",
        "\x1b[[E",
        "\x1bOP",
        "\x1bOj",
        "\x1b[E",
        "\x1b[201~",
        "\x1b[3$~",
    ] {
        if input.ends_with('A') && input.len() > 9 {
            // With a number that is too large, it is still the same key.
            check(input.as_bytes(), &[Key::Older]);
        } else {
            check(input.as_bytes(), &[]);
        }
    }
}

#[test]
fn a_control_character_ends_a_sequence_and_counts() {
    check(b"\x1b[1;\r", &[Key::Enter]);
    check(b"\x1b[1\x1b[C", &[Key::Right]);
    check(b"\x1bO\x03", &[Key::Interrupt]);
    check("\x1b[1你".as_bytes(), &typed("你"));
    check(b"\x1b[[\r", &[Key::Enter]);
}

#[test]
fn a_terminals_automatic_replies_are_not_typed() {
    for reply in [
        "\x1b]11;rgb:1e1e/1e1e/1e1e\x07",
        "\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\",
        "\x1b]2;a title: 你好\x07",
        "\x1bP1+r544e=787465726d\x1b\\",
        "\x1bP!|00000000\x1b\\",
        "\x1b_Gi=31;OK\x1b\\",
        "\x1b^private\x1b\\",
        "\x1bXstart of string\x1b\\",
        "\x1b]\x07",
        "\x1b]52;c;\x1b\\",
        "\x1b[M !!",
        "\x1b[?997;1n",
    ] {
        check(reply.as_bytes(), &[]);
        check(&[b"a", reply.as_bytes(), b"b"].concat(), &typed("ab"));
        check(&[reply.as_bytes(), reply.as_bytes(), b"\r"].concat(), &[Key::Enter]);
    }
    // Column and row of a mouse are any bytes from 32 on.
    check(b"\x1b[M\x23\xff\xa0", &[]);
    check(b"\x1b[M#\x7f\x7f\x1b[M !!x", &typed("x"));
}

#[test]
fn a_string_or_mouse_report_that_does_not_end_costs_no_more_than_the_line() {
    check(b"\x1bPnever mind\rb", &[vec![Key::Enter], typed("b")].concat());
    check(b"\x1b]never mind\x03", &[Key::Interrupt]);
    check(b"\x1b]never mind\x1b[A", &[Key::Older]);
    check(b"\x1b]never mind\x1bb", &[Key::WordLeft]);
    check(b"\x1b]never mind\x18b\x1b]\x1ac", &typed("bc"));
    check(b"\x1b[M!\r", &[Key::Enter]);
    check(b"\x1b[M\x1b[A", &[Key::Older]);
}

#[test]
fn a_string_without_end_swallows_4096_bytes_and_then_nothing_more() {
    let mut decoder = Keys::new();
    decoder.reset();
    let mut input = &[&b"\x1b]"[..], &[b'x'; 4096], b"hello"].concat()[..];
    assert_eq!(decoder.next(&mut input), Some(Key::Text("hello")));
    // With BEL in the last place it goes whole.
    let mut input = &[&b"\x1b]"[..], &[b'x'; 4096], b"\x07hello"].concat()[..];
    assert_eq!(decoder.next(&mut input), Some(Key::Text("hello")));
}

#[test]
fn in_latin_1_every_byte_is_a_character() {
    let mut decoder = Keys::new();
    decoder.reset();
    decoder.set_charset(Charset::Latin1);
    let mut input = &b"gr\xfc\xdfe\xc3\xbc\r"[..];
    let mut line = String::new();
    while let Some(key) = decoder.next(&mut input) {
        match key {
            Key::Text(text) => line.push_str(text),
            Key::Character(character) => line.push(character),
            key => line.push_str(&format!("{key:?}")),
        }
    }
    assert_eq!(line, "gr\u{fc}\u{df}e\u{c3}\u{bc}Enter");
    assert!(!decoder.take_garbled());
}

#[test]
fn invalid_utf_8_is_noted_once_and_a_typed_replacement_is_not() {
    let mut decoder = Keys::new();
    decoder.reset();
    for (input, garbled) in [(&b"gr\xfc\xdfe"[..], true), ("\u{fffd}é".as_bytes(), false), (b"\xc3a", true)] {
        let mut input = input;
        while decoder.next(&mut input).is_some() {}
        assert_eq!((decoder.take_garbled(), decoder.take_garbled()), (garbled, false));
    }
}

#[test]
fn escape_alone_eats_nothing() {
    check(b"\x1bhello", &typed("hello"));
    check(b"\x1b\x1b\x1bhello", &typed("hello"));
    check("\x1b你".as_bytes(), &typed("你"));
    check(b"\x1b\r\n", &[Key::Enter]);
    check(b"\x1b\x1b[A", &[Key::Older]);
}

#[test]
fn characters_may_come_byte_by_byte() {
    check("é你👍".as_bytes(), &typed("é你👍"));
}

#[test]
fn broken_characters_are_replaced_and_eat_nothing() {
    check(b"\xe4\xbda", &typed("\u{fffd}a"));
    check(b"\xe4\r", &[Key::Character('\u{fffd}'), Key::Enter]);
    check(b"\xf0\x9f\x91\xe4\xbd\xa0", &typed("\u{fffd}你"));
    check(b"\xed\xa0\x80", &typed("\u{fffd}\u{fffd}\u{fffd}"));
    check(b"\xc3\x1b[C", &[Key::Character('\u{fffd}'), Key::Right]);
}

#[test]
fn a_paste_is_text_and_breaks_only() {
    let paste = |text: &[u8]| [b"\x1b[200~", text, b"\x1b[201~"].concat();
    check(&paste(b"a\tb"), &typed("a\tb"));
    check(
        &paste(b"a\r\nb\nc\rd"),
        &[
            typed("a"),
            vec![Key::Breaks(1)],
            typed("b"),
            vec![Key::Breaks(1)],
            typed("c"),
            vec![Key::Breaks(1)],
            typed("d"),
        ]
        .concat(),
    );
    check(
        &paste("\n\r\r\n\r\0\t\n你\r\r\n".as_bytes()),
        &[vec![Key::Breaks(4)], typed("\t"), vec![Key::Breaks(1)], typed("你")].concat(),
    );
    check(&paste(b"a\n\xe4"), &[typed("a"), vec![Key::Breaks(1)], typed("\u{fffd}")].concat());
    check(&[&paste(b"a\r")[..], b"\n"].concat(), &[typed("a"), vec![Key::Enter]].concat());
    check(&paste(b"a\x01\x03\x04\x08\x0c\x15\x7f\0b"), &typed("ab"));
    check(&paste(b"a\x1b[A\x1b[3~\x1bOA\x1bOM\x1b[31mb"), &typed("ab"));
    check(&paste(b"a\x1bb\x1bc\x1b(Bb\x1b\x7fc"), &typed("abc"));
    check(
        &paste(b"a\x1b]0;title\x07b\x1bPq\x1b\\c\x1b]8;;unended\nd"),
        &[typed("abc"), vec![Key::Breaks(1)], typed("d")].concat(),
    );
    check(&paste(b"a\x1b[200~b\xe4\xbd"), &typed("ab\u{fffd}"));
    check(&paste(b"a\x1b]0;"), &typed("a"));
    check(&paste(b"a\x1b[1;"), &typed("a"));
}

#[test]
fn two_interrupts_in_a_row_end_a_paste() {
    check(b"\x1b[200~a\x03b\x03\x03\r", &[typed("ab"), vec![Key::Interrupt, Key::Enter]].concat());
    check(
        "\x1b[200~a\n\x03你\n\x03\x03\x03".as_bytes(),
        &[typed("a"), vec![Key::Breaks(1)], typed("你"), vec![Key::Interrupt; 2]].concat(),
    );
    check(b"\x1b[200~\x03\x1b[201~\x03", &[Key::Interrupt]);
    check(b"\x1b[200~\xe4\x03\x03", &[Key::Character('\u{fffd}'), Key::Interrupt]);
}

#[test]
fn a_reset_ends_a_paste() {
    let mut keys = Keys::new();
    assert_eq!(keys.next(&mut &b"\x1b[200~"[..]), None);
    assert!(keys.is_pasting());
    keys.reset();
    assert_eq!(keys.next(&mut &b"\x03"[..]), Some(Key::Interrupt));
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn packets_make_no_difference(
        input in prop::collection::vec(prop_oneof![
            any::<u8>(),
            prop::sample::select(&b"\x1b\x1b[O;~012AbM\r\n\0\xf0\x9f\x91\x8d"[..]),
        ], 0..60),
    ) {
        let whole = keys(&[&input]);
        for packets in cuts(&input) {
            prop_assert_eq!(&keys(&packets), &whole);
        }
    }

    #[test]
    fn text_is_decoded_as_the_standard_library_does(bytes in prop::collection::vec(prop_oneof![0x20..0x7f_u8, 0x80..=0xff_u8], 0..40)) {
        prop_assert_eq!(keys(&[&bytes, b"z"]), names(&typed(&format!("{}z", String::from_utf8_lossy(&bytes)))));
    }
}
