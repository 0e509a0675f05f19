//! What keys cost on a long line: unchanged text is not measured again, and expensive keys are charged.

use crate::protocol::line::layout::MEASURED;
use crate::protocol::line::{Editor, EditorEvent, Keep, WORK_AT_ONCE};

const LEFT: &[u8] = b"\x1b[D";
const RIGHT: &[u8] = b"\x1b[C";
const UP: &[u8] = b"\x1b[A";
const DOWN: &[u8] = b"\x1b[B";

/// Bytes of a line of the usual limit.
const LONG: usize = 8190;

/// A line of that many bytes without ASCII, with the cursor at its end.
fn long() -> Editor {
    let mut editor = Editor::new(80);
    editor.set_prompt("> ");
    let line = "李".repeat(LONG / 3);
    assert_eq!(editor.next(&mut line.as_bytes(), LONG, &mut Vec::new()), None);
    assert_eq!(editor.line().len(), LONG);
    editor.take_work();
    editor
}

/// How many bytes are measured one by one, and drawn, for keys in a packet each.
fn measured<'a>(editor: &mut Editor, packets: impl IntoIterator<Item = &'a [u8]>) -> (usize, usize) {
    let before = MEASURED.get();
    let mut out = Vec::new();
    for mut packet in packets {
        while !packet.is_empty() {
            let _ = editor.next(&mut packet, 0, &mut out);
        }
    }
    (MEASURED.get() - before, out.len())
}

#[test]
fn tab_on_a_long_line_without_ascii_measures_and_draws_nothing() {
    let mut editor = long();
    assert_eq!(measured(&mut editor, [&b"\t"[..]; 1000]), (0, 0));
    // Also with the cursor in the middle.
    measured(&mut editor, [LEFT; 100]);
    assert_eq!(measured(&mut editor, [&b"\t"[..]; 1000]), (0, 0));
    // One key after the other in one packet costs no more.
    assert_eq!(measured(&mut editor, [&b"\t".repeat(1000)[..]]), (0, 0));
}

#[test]
fn ctrl_l_and_keys_that_move_nothing_measure_nothing() {
    let mut editor = long();
    for keys in [&b"\x0c"[..], RIGHT, b"\x05", b"\x1b[F", b"\x04", DOWN] {
        assert_eq!(measured(&mut editor, [keys; 100]).0, 0, "{keys:?}");
    }
}

#[test]
fn the_cursor_moves_at_the_cost_of_what_it_passes() {
    let mut editor = long();
    // Measures everything before the cursor once, to get to the start of the line.
    measured(&mut editor, [&b"\x01"[..]]);
    let (steps, _) = measured(&mut editor, [RIGHT; 500]);
    // All of it is measured again when the window moves to other rows: every few rows of forty steps.
    assert!(steps <= 500 * 3 + 500 / 40 * 2 * LONG, "{steps}");
}

#[test]
fn text_of_others_over_a_long_line_measures_it_once() {
    let mut editor = long();
    let before = MEASURED.get();
    let mut first = Vec::new();
    editor.draw(&mut first);
    let once = MEASURED.get() - before;
    assert!(once > 0);
    for _ in 0..100 {
        editor.erase(&mut Vec::new());
        let mut again = Vec::new();
        editor.draw(&mut again);
        assert_eq!(again, first);
    }
    assert_eq!(MEASURED.get() - before, once);
    // What changes is drawn as it is then.
    measured(&mut editor, [&b"x"[..]]);
    let mut changed = Vec::new();
    editor.draw(&mut changed);
    assert!(changed.ends_with(b"x") && changed != first, "{:?}", String::from_utf8_lossy(&changed));
    for change in [b"\x7f".as_slice(), b"\x01", b"\x05", b"\x15"] {
        measured(&mut editor, [change]);
        let (mut cached, mut fresh) = (Vec::new(), Vec::new());
        editor.draw(&mut cached);
        editor.draw(&mut cached);
        editor.set_prompt("> ");
        editor.draw(&mut fresh);
        assert_eq!(cached, fresh.repeat(2), "{change:?}");
    }
}

#[test]
fn expensive_keys_are_charged_and_a_packet_full_of_them_is_handled_in_parts() {
    let recall = |editor: &mut Editor| {
        for line in ["李", "이"] {
            let line = line.repeat(LONG / 3);
            assert_eq!(
                editor.next(&mut [line.as_bytes(), b"\r"].concat().as_slice(), 0, &mut Vec::new()),
                Some(EditorEvent::Entered(line.clone()))
            );
            editor.finish(Keep::Shown, &mut Vec::new());
            editor.remember(&line);
        }
    };
    for keys in [[UP, DOWN].concat(), b"\x15\x19".to_vec(), b"x\x1f".to_vec(), b"\x12q\x07".to_vec()] {
        let mut editor = Editor::new(80);
        editor.set_prompt("> ");
        recall(&mut editor);
        let mut up = UP;
        editor.next(&mut up, 0, &mut Vec::new());
        editor.take_work();
        let flood = keys.repeat(400);
        let mut input = flood.as_slice();
        let (mut calls, mut work) = (0, 0);
        while !input.is_empty() {
            let left = input.len();
            editor.next_within(WORK_AT_ONCE, &mut input, 0, &mut Vec::new());
            assert!(input.len() < left, "it goes on");
            let once = editor.take_work();
            assert!(once < 3 * WORK_AT_ONCE, "{once}");
            (calls, work) = (calls + 1, work + once);
        }
        assert!(calls > 5 && work > 5 * WORK_AT_ONCE, "{keys:?}: {calls} calls, {work}");
    }
}

#[test]
fn ordinary_typing_is_cheap() {
    let mut editor = Editor::new(80);
    editor.set_prompt("> ");
    let words = "не слышал ничего ".repeat(30);
    for typed in words.chars() {
        editor.next(&mut typed.encode_utf8(&mut [0; 4]).as_bytes(), 0, &mut Vec::new());
    }
    assert!(editor.take_work() < WORK_AT_ONCE);
    // A paste of a whole line, without brackets, packet by packet.
    let mut editor = Editor::new(80);
    for packet in words.repeat(8).as_bytes().chunks(1400) {
        editor.next(&mut &*packet, 0, &mut Vec::new());
    }
    assert!(editor.take_work() < 8 * WORK_AT_ONCE);
}
