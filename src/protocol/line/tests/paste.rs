//! A bracketed paste of several lines: one line of the editor with breaks in it.

use super::cuts;
use super::screen::Chat;
use crate::protocol::line::{Editor, EditorEvent, Keep};
use crate::text;

const UP: &str = "\x1b[A";
const LEFT: &str = "\x1b[D";

fn editor() -> Editor {
    let mut editor = Editor::new(80);
    editor.set_prompt("> ");
    editor
}

/// All events of the packets; entered lines are finished and remembered as a session would.
fn events(editor: &mut Editor, packets: &[&[u8]], limit: usize) -> Vec<EditorEvent> {
    let mut events = Vec::new();
    let mut out = Vec::new();
    for mut packet in packets.iter().copied() {
        while let Some(event) = editor.next(&mut packet, limit, &mut out) {
            if let EditorEvent::Entered(line) = &event {
                editor.finish(Keep::Shown, &mut out);
                editor.remember(line);
            }
            events.push(event);
        }
        assert!(packet.is_empty());
    }
    events
}

fn pasted(text: &str) -> String {
    format!("\x1b[200~{text}\x1b[201~")
}

fn entered(line: &str) -> EditorEvent {
    EditorEvent::Entered(line.to_owned())
}

/// The keys bring these events, whole and cut at every place.
fn check(keys: &str, expected: &[EditorEvent]) {
    assert_eq!(events(&mut editor(), &[keys.as_bytes()], 0), expected, "{keys:?}");
    for packets in cuts(keys.as_bytes()) {
        assert_eq!(events(&mut editor(), &packets, 0), expected, "{packets:?}");
    }
}

/// Pasted and entered, the text is this one line.
fn check_line(text: &str, line: &str) {
    check(&format!("{}\r", pasted(text)), &[entered(line)]);
}

#[test]
fn a_paste_of_several_lines_is_one_line_with_breaks_however_packets_cut_it() {
    check_line("one\r\ntwo\nthree\rfour", "one\ntwo\nthree\nfour");
    check_line("a\n\nb\r\n\r\nc\r\rd\n\re\r\0f", "a\n\nb\n\nc\n\nd\n\ne\nf");
    check_line("你好\r\né\u{301}\n👍", "你好\né\u{301}\n👍");
}

#[test]
fn pasted_text_is_filtered_like_typing() {
    check_line("if x:\n\ty\x1b[31m()\x03\x04\n\x7f\u{202e}z\u{2028}", "if x:\n    y()\nz");
    check_line("a\u{301}\n\u{301}b", "a\u{301}\n\u{301}b");
    let marks = |count| "\u{301}".repeat(count);
    check_line(&format!("a{}\n{}", marks(20), marks(20)), &format!("a{}\n{}", marks(8), marks(8)));
}

#[test]
fn breaks_around_a_paste_are_dropped() {
    check_line("one\ntwo\r\n\r\n", "one\ntwo");
    check_line("\r\n\n one\n", " one");
    check_line("\n\r\n", "");
    // After typed text they are not at the ends of the line.
    check(&format!("a{}b\r", pasted("\nc\n")), &[entered("a\ncb")]);
    check(&format!("{}{}\r", pasted("a\n"), pasted("\nb")), &[entered("a\nb")]);
}

#[test]
fn a_paste_that_ends_with_a_newline_waits_for_enter() {
    let mut editor = editor();
    assert_eq!(events(&mut editor, &[pasted(":quit\n").as_bytes()], 0), []);
    assert_eq!(editor.line(), ":quit");
    assert_eq!(events(&mut editor, &[b"\r"], 0), [entered(":quit")]);
}

#[test]
fn a_line_that_has_lost_what_was_around_its_breaks_is_entered_without_them() {
    check(&format!("{}\x7f\r", pasted("a\nb")), &[entered("a")]);
    check(&format!("{}\x01\x1b[3~\r", pasted("a\nb")), &[entered("b")]);
    check(&format!("{}\x7f\x01\x1b[3~\r", pasted("a\nb")), &[entered("")]);
}

#[test]
fn typing_never_makes_a_break() {
    check("a\nb\r", &[entered("a"), entered("b")]);
    check(&format!("{}\nc\r", pasted("a\nb")), &[entered("a\nb"), entered("c")]);
}

#[test]
fn a_break_is_one_cluster_and_a_blank_between_words() {
    for (keys, line, cursor) in [
        ("\x7f\x7f\x7f", "one", 3),
        ("\x1bb\x7f", "onetwo", 3),
        ("\x1bb\x1b[D\x1b[3~", "onetwo", 3),
        ("\x17", "one\n", 4),
        ("\x17\x17", "", 0),
        ("\x1bb\x1bb", "one\ntwo", 0),
        ("\x01\x1bf\x1bf", "one\ntwo", 7),
        ("\x01\x1bd", "\ntwo", 0),
        ("\x01\x1b[C\x1b[C\x1b[C\x1b[Cx", "one\nxtwo", 5),
    ] {
        let mut editor = editor();
        let two = if keys.starts_with("\x7f") { "on" } else { "two" };
        let paste = pasted(&format!("one\r\n{two}"));
        assert_eq!(events(&mut editor, &[paste.as_bytes(), keys.as_bytes()], 0), [], "{keys:?}");
        assert_eq!((editor.line(), editor.cursor()), (line, cursor), "{keys:?}");
    }
}

#[test]
fn recall_brings_the_breaks_back() {
    let mut editor = editor();
    assert_eq!(events(&mut editor, &[pasted("one\ntwo\n").as_bytes(), b"\r"], 0), [entered("one\ntwo")]);
    assert_eq!(events(&mut editor, &[UP.as_bytes(), b"!\r"], 0), [entered("one\ntwo!")]);
    // Also those of the line that was being typed.
    assert_eq!(events(&mut editor, &[pasted("x\ny").as_bytes(), b"\x10\x0e\r"], 0), [entered("x\ny")]);
}

#[test]
fn a_break_pasted_into_a_password_enters_and_inserts_nothing() {
    let mut editor = editor();
    editor.set_hidden(true);
    let mut out = Vec::new();
    for keys in [pasted("sec\nret\r\n"), pasted("\nx\ny")] {
        assert_eq!(editor.next(&mut keys.as_bytes(), 0, &mut out), None);
    }
    assert_eq!(editor.next(&mut &b"\r"[..], 0, &mut out), Some(entered("secretxy")));
    assert!(out.is_empty());
}

#[test]
fn the_limit_holds_for_all_lines_together() {
    // Once after the paste, and once more for the rest of it.
    let keys = format!("{}\r\r", pasted(&"abc\r\n".repeat(100)));
    for limit in 1..20 {
        let line: String = "abc\n".repeat(100).chars().take(limit).collect();
        let expected = [EditorEvent::TooLong, entered(line.trim_end())];
        assert_eq!(events(&mut editor(), &[keys.as_bytes()], limit), expected);
        assert_eq!(events(&mut editor(), &keys.as_bytes().chunks(1).collect::<Vec<_>>(), limit), expected);
    }
    // Breaks at the end of a paste take no room, and endless ones take no more room than there is.
    let keys = format!("{}\r", pasted(&format!("abc{}", "\n".repeat(1000))));
    assert_eq!(events(&mut editor(), &[keys.as_bytes()], 3), [entered("abc")]);
    let mut editor = editor();
    let keys = format!("\x1b[200~abc{}d", "\n".repeat(100_000));
    assert_eq!(events(&mut editor, &[keys.as_bytes()], 300), [EditorEvent::TooLong]);
    assert_eq!(editor.line().len(), 300);
}

#[test]
fn a_paste_without_its_end_is_left_by_two_interrupts_in_a_row() {
    check("\x1b[200~a\nb\x03\rc\x03\x03d\r", &[EditorEvent::Interrupted, entered("d")]);
    check("\x1b[200~a\n\x1b]0;\x03\x03d\r", &[EditorEvent::Interrupted, entered("d")]);
    let mut editor = editor();
    assert_eq!(events(&mut editor, &[b"\x1b[200~a\nb\n"], 0), []);
    assert!(editor.is_pasting());
    // Telnet's own interrupt needs no second one.
    editor.interrupt(&mut Vec::new());
    assert!(!editor.is_pasting() && editor.is_empty());
    assert_eq!(events(&mut editor, &[b"c\r"], 0), [entered("c")]);
}

#[test]
fn a_hundred_lines_come_out_as_they_went_in() {
    let lines: Vec<String> = (0..100).map(|number| format!("line {number}: 你好, e\u{301}")).collect();
    let keys = format!("{}\r", pasted(&lines.join("\r\n")));
    assert_eq!(events(&mut editor(), &[keys.as_bytes()], 0), [entered(&lines.join("\n"))]);
    for columns in [20, 80, 81] {
        let mut chat = Chat::new(columns, "general | ");
        chat.arrival("before");
        chat.keys(pasted(&lines.join("\r\n")).as_bytes(), 0, Keep::Shown);
        for keys in ["", "x", "\x7f\x7f", "\x01", "y", "\x1bf\x1bf\x1bf\x1b[3~", "\x05", "\x17"] {
            chat.keys(keys.as_bytes(), 0, Keep::Shown);
            chat.check();
            chat.arrival("hello");
            chat.check();
        }
        chat.keys(b"\r", 0, Keep::Erased);
        chat.check();
    }
}

#[test]
fn a_break_is_drawn_as_one_mark_and_never_sent() {
    for (text, shown) in [("a\r\nb", "> a\\b"), ("你\n\n好", "> 你\\\\好"), ("a\n\u{301}b", "> a\\\u{301}b")] {
        for packets in cuts(pasted(text).as_bytes()) {
            let mut editor = editor();
            let mut out = Vec::new();
            for mut packet in packets {
                assert_eq!(editor.next(&mut packet, 0, &mut out), None);
            }
            out.clear();
            editor.draw(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), shown);
        }
    }
}

#[test]
fn two_pasted_lines_are_drawn_right_at_every_length_and_redrawn_by_arrivals() {
    for columns in [20, 80, 81] {
        for unit in ["x", "你", "e\u{301}"] {
            for length in 0..usize::from(columns) + 2 {
                let mut chat = Chat::new(columns, "general | ");
                let paste = pasted(&format!("a{}\r\n{}z\n", unit.repeat(length), unit.repeat(3)));
                chat.keys(paste.as_bytes(), 0, Keep::Shown);
                chat.check();
                chat.arrival("[14:02] #12 bob: hi");
                chat.check();
                // To the break and over it, both ways.
                chat.keys(LEFT.repeat(4).as_bytes(), 0, Keep::Shown);
                chat.check();
                chat.keys(LEFT.as_bytes(), 0, Keep::Shown);
                chat.check();
                chat.keys(b"\x1b[C\x7f", 0, Keep::Shown);
                chat.check();
                assert!(!chat.editor.line().contains('\n'));
                chat.keys(pasted("p\nq").as_bytes(), 0, Keep::Shown);
                chat.arrival("hi");
                chat.check();
                let entered = chat.keys(b"\r", 0, Keep::Shown);
                assert!(matches!(&entered[..], [EditorEvent::Entered(line)] if line.matches('\n').count() == 1));
                chat.check();
            }
        }
    }
}

#[test]
fn another_width_and_recall_draw_breaks_too() {
    let mut chat = Chat::new(80, "> ");
    chat.keys(pasted("one line\nand another 你好\nand a third one").as_bytes(), 0, Keep::Shown);
    chat.keys(b"\r", 0, Keep::Erased);
    chat.keys(UP.as_bytes(), 0, Keep::Shown);
    chat.check();
    chat.resize(20);
    chat.check();
    assert_eq!(text::sanitize_lines(chat.editor.line()), chat.editor.line());
}
